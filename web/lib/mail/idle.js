/** When nobody is at work: by the wall clock, which goes on while a computer sleeps. */

/** How often the clock is looked at; a browser does so less often in a tab that nobody sees. */
const TICK_MS = 5_000;
/** A browser looks at least once a minute, so that a longer gap is a computer that slept, or a page that was frozen. */
const SLEPT_MS = 150_000;
/** Other tabs are told at most so often that somebody is at work. */
const TELL_MS = 10_000;

export class Idle {
  #limit;
  #over;
  #tell;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #active = 0;
  #looked = 0;
  #told = 0;
  /** The clock was seen to have jumped where nobody could see the page. */
  #hasSlept = false;

  /**
   * @param {number} minutes 0: never
   * @param {(reason: "idle" | "sleep") => void} over
   * @param {() => void} tell the other tabs that somebody is at work in this one
   */
  constructor(minutes, over, tell) {
    this.#limit = minutes * 60_000;
    this.#over = over;
    this.#tell = tell;
  }

  /** Watches from now on. */
  start() {
    if (this.#limit === 0 || this.#timer !== undefined) return;
    this.#active = this.#looked = Date.now();
    this.#hasSlept = false;
    this.#timer = setInterval(this.#look, TICK_MS);
    // What wakes a page: it is not to wait for the next tick.
    for (const [target, name] of WAKES) target?.addEventListener(name, this.#look);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const [target, name] of WAKES) target?.removeEventListener(name, this.#look);
  }

  /** Somebody is at work, here or in another tab. @param {boolean} [elsewhere] */
  active(elsewhere = false) {
    if (elsewhere) return this.#activeElsewhere();
    // The first touch after a sleep is of somebody who has yet to say who it is.
    this.#look();
    const now = Date.now();
    this.#active = now;
    if (this.#timer === undefined || Math.abs(now - this.#told) < TELL_MS) return;
    this.#told = now;
    this.#tell();
  }

  /** Had the computer slept, that tab would have locked, and said so instead. */
  #activeElsewhere() {
    this.#active = this.#looked = Date.now();
    this.#hasSlept = false;
  }

  #look = () => {
    if (this.#timer === undefined) return;
    const now = Date.now();
    // A clock that was set back is none to go by: as after a sleep.
    const jumped = Math.abs(now - this.#looked) > SLEPT_MS;
    this.#looked = now;
    this.#hasSlept ||= jumped;
    if (globalThis.document?.hidden && this.#hasSlept) {
      // A browser halts a page in the background while somebody is at work in another: what that has told comes before the next look,
      // and whether the computer slept is decided when this page is seen.
      if (jumped) return;
    } else if (this.#hasSlept) {
      return this.#over("sleep");
    }
    if (Math.abs(now - this.#active) >= this.#limit) this.#over("idle");
  };
}

/** @type {[EventTarget | undefined, string][]} */
const WAKES = [
  [globalThis.document, "visibilitychange"],
  [globalThis.document, "resume"],
  [globalThis.window, "pageshow"],
  [globalThis.window, "focus"],
];

/** When a mailbox is synced by itself, while its page is open. */

/** @typedef {import("../../types/poplar-mail.js").Schedule} Told */
/** @typedef {import("../../types/poplar-mail.js").MailError} MailError */

/** The first try after a failure comes after at least this, so that a server that restarts is not run down … */
const SOONEST_MS = 5000;
/** … and no later one after more: a laptop that was carried away is back by then. */
const LATEST_MS = 15 * 60_000;

/** The longest a timer can be set for. */
const TIMER_MS = 2 ** 31 - 1;

/** Where a session failed before it signed in, so that the server's least time between two sign-ins does not count. */
const BEFORE_SIGN_IN = new Set(["relay", "dns", "tls"]);

/**
 * How long after a session the next one begins, in ms; `null` where none does by itself.
 *
 * After a failure that may pass: back-off with full jitter, between 5 s and a bound that doubles up to 15 min, so that many pages
 * do not come back together; never before the server said (`retryAfterMs`, LOGIN-DELAY of RFC 2449 §6.7).
 *
 * @param {object} now
 * @param {number} now.everyMinutes what the policy says
 * @param {number} now.loginDelay least time between two sign-ins in seconds, as the server advertises it
 * @param {Pick<MailError, "retryable" | "retryAfterMs" | "phase"> | null} now.error what the last session failed with
 * @param {number} now.failures how many have failed in turn, this one included
 * @param {number} now.random from 0 to 1
 * @returns {number | null}
 */
export function nextDelay({ everyMinutes, loginDelay, error, failures, random }) {
  if (!error) return Math.max(everyMinutes * 60_000, loginDelay * 1000);
  if (!error.retryable) return null;
  const bound = Math.min(LATEST_MS, SOONEST_MS * 2 ** failures);
  const backOff = SOONEST_MS + random * (bound - SOONEST_MS);
  return Math.max(backOff, error.retryAfterMs ?? 0, BEFORE_SIGN_IN.has(error.phase) ? 0 : loginDelay * 1000);
}

/**
 * One loop from `start()` to `stop()`. It looks at everything anew whenever there is news: a session ended, another policy, another
 * network, another tab's turn over.
 */
export class Schedule {
  #of;
  /** Ends the loop. @type {AbortController | undefined} */
  #on;
  /** There is news. */
  #wake = () => {};
  /** When the last session ended. */
  #last = -Infinity;
  /** When the turn came over from another tab. */
  #takenOver = -Infinity;
  /** What it failed with. @type {any} */
  #error = null;
  #failures = 0;
  #random = 0;
  /** The network is back, or somebody started it again: not to wait for the next turn of the clock. */
  #hurry = false;
  /** Syncs under way that somebody asked for. */
  #byHand = 0;
  /** @type {Told} */
  #told = { state: "off", nextAt: null, error: null };

  /**
   * @param {object} of What it schedules.
   * @param {string | undefined} of.lock held by the one tab that schedules for all of an account; none where nothing is shared
   * @param {() => Promise<{ everyMinutes: number }>} of.policy
   * @param {() => Promise<number>} of.loginDelay
   * @param {(signal: AbortSignal) => Promise<unknown>} of.sync
   * @param {(told: Told) => void} of.say
   * @param {(name: "synced" | "stopped", detail?: any) => void} of.tell tells the schedules of other tabs
   */
  constructor(of) {
    this.#of = of;
  }

  start() {
    if (this.#isStopped) {
      this.#hurry = true;
      this.#error = null;
      this.#failures = 0;
    }
    if (this.#on) return this.news();
    this.#on = new AbortController();
    const { signal } = this.#on;
    globalThis.addEventListener("online", () => this.#online(), { signal });
    globalThis.addEventListener("offline", () => this.news(), { signal });
    void this.#run(signal);
  }

  /** Ends a session of its own that is under way, too. */
  stop() {
    if (!this.#on) return;
    this.#on.abort();
    this.#on = undefined;
    this.news();
    this.#say("off");
  }

  /** Has everything looked at anew. */
  news() {
    this.#wake();
  }

  /** Runs a sync that somebody asked for: what it comes to counts as if it were the schedule's own, but for being aborted. */
  async byHand(/** @type {() => Promise<any>} */ sync) {
    this.#byHand += 1;
    try {
      const report = await sync();
      this.#ended(null);
      this.#of.tell("synced");
      return report;
    } catch (error) {
      const { name, code } = /** @type {any} */ (error);
      if (name === "MailError" && code !== "invalid-argument") this.#ended(error);
      throw error;
    } finally {
      this.#byHand -= 1;
      this.news();
    }
  }

  /** What the schedule of another tab tells. @param {any} error `null` where a sync went well there */
  heard(error) {
    if (this.#isStopped) return;
    this.#ended(error);
    this.news();
  }

  get #isStopped() {
    return this.#error !== null && !this.#error.retryable;
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    /** @type {(() => void) | undefined} */
    let release;
    while (!signal.aborted) {
      // Before anything is looked at, so that no news is missed.
      const news = new Promise((/** @type {(nothing?: undefined) => void} */ wake) => (this.#wake = wake));
      const everyMinutes = await this.#interval();
      if (everyMinutes === 0) {
        release?.();
        release = undefined;
        this.#say(this.#isStopped ? "stopped" : "off", signal);
        await news;
      } else if (!release) {
        release = await this.#turn(news, signal);
      } else if (globalThis.navigator.onLine === false) {
        this.#say("offline", signal);
        await news;
      } else if (this.#byHand > 0) {
        await news;
      } else if (await this.#waited(everyMinutes, news, signal)) {
        await this.#sync(signal);
      }
    }
    release?.();
  }

  /** Minutes from one sync to the next; 0 where there is to be none. */
  async #interval() {
    if (this.#isStopped) return 0;
    try {
      return (await this.#of.policy()).everyMinutes;
    } catch (error) {
      this.#ended(error); // the storage failed
      return 0;
    }
  }

  /**
   * Waits for the next session's time. Whether it has come; otherwise there is news.
   * @param {number} everyMinutes @param {Promise<undefined>} news @param {AbortSignal} signal
   */
  async #waited(everyMinutes, news, signal) {
    const loginDelay = await this.#of.loginDelay().catch(() => 0);
    const { retryAfterMs } = this.#error ?? {};
    const delay = this.#hurry
      ? Math.max(retryAfterMs ?? 0, loginDelay * 1000)
      : nextDelay({ everyMinutes, loginDelay, error: this.#error, failures: this.#failures, random: this.#random });
    // Another tab's failure may have been heard only now.
    if (delay === null || this.#isStopped) return false;
    // The turn may be faster than the news of what the other tab failed with.
    const at = Math.max(this.#last + delay, this.#takenOver + SOONEST_MS);
    const wait = at - Date.now();
    if (wait <= 0) return true;
    this.#say("waiting", signal, new Date(at));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await Promise.race([news, new Promise((over) => (timer = setTimeout(over, Math.min(wait, TIMER_MS))))]);
    clearTimeout(timer);
    return false;
  }

  /** @param {AbortSignal} signal */
  async #sync(signal) {
    this.#say("running", signal);
    try {
      await this.#of.sync(signal);
      this.#ended(null);
      this.#of.tell("synced");
    } catch (error) {
      if (signal.aborted) return;
      this.#ended(error);
      // What its credentials function threw is this tab's own affair.
      if (this.#isStopped && this.#error.name === "MailError") this.#of.tell("stopped", this.#error);
    }
  }

  /** @param {any} error */
  #ended(error) {
    this.#last = Date.now();
    this.#hurry = false;
    this.#error = error;
    this.#failures = error ? this.#failures + 1 : 0;
    this.#random = Math.random();
  }

  #online() {
    this.#hurry = true;
    this.news();
  }

  /**
   * Waits for the turn among all tabs; gives what releases it, and nothing where there is news before.
   * @param {Promise<undefined>} news @param {AbortSignal} signal @returns {Promise<(() => void) | undefined>}
   */
  async #turn(news, signal) {
    const { lock } = this.#of;
    const locks = globalThis.navigator.locks;
    if (!lock || !locks) return () => {};
    /** @param {LockOptions} options */
    const take = (options) =>
      new Promise((/** @type {(release: (() => void) | undefined) => void} */ granted, refused) => {
        const hold = (/** @type {(nothing?: undefined) => void} */ release) => granted(() => release());
        locks.request(lock, options, (held) => (held ? new Promise(hold) : granted(undefined))).catch(refused);
      });
    const free = await take({ ifAvailable: true });
    if (free) return free;
    this.#say("elsewhere", signal);
    const waiting = new AbortController();
    void news.then(() => waiting.abort());
    const release = await take({ signal: waiting.signal }).catch(() => undefined);
    if (release) this.#takenOver = Date.now();
    return release;
  }

  /** @param {Told["state"]} state @param {AbortSignal} [signal] of the loop that says it @param {Date | null} [nextAt] */
  #say(state, signal, nextAt = null) {
    if (signal?.aborted) return;
    const told = { state, nextAt, error: state === "off" ? null : this.#error };
    const before = this.#told;
    if (before.state === state && before.error === told.error && Number(before.nextAt) === Number(nextAt)) return;
    this.#told = told;
    this.#of.say(told);
  }
}

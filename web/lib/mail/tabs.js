/**
 * The other tabs of an account: they are told what happens here, and asked for the turn where they only keep a session for later.
 *
 * On the channel: `[name, detail]`. "change", "progress", "session" and "policy" are the events; "synced" and "stopped" are between
 * schedules; "wanted" asks for the turn, with a message's id where that message is all that is wanted; "lock", "unlocked", "dropped"
 * and "active" are between vaults.
 */

/** Progress that only counts up is told at most so often: more than that is not seen. */
const PROGRESS_MS = 100;

export class Tabs {
  #account;
  #channel;
  #hear;
  /** The last progress told. @type {{ phase: string, at: number }} */
  #told = { phase: "", at: 0 };
  /** Nobody else has a session, as far as this mailbox was told. */
  #isOver = true;

  /** @param {string} account @param {(name: string, detail: any) => void} hear */
  constructor(account, hear) {
    this.#account = account;
    this.#hear = hear;
    this.#channel = new BroadcastChannel(`poplar:${account}`);
    this.#channel.onmessage = ({ data: [name, detail] }) => this.#heard(name, detail);
  }

  /** @param {string} name @param {any} [detail] */
  tell(name, detail) {
    if (name === "progress" && !this.#tells(detail)) return;
    this.#channel.postMessage([name, detail]);
  }

  close() {
    this.#channel.close();
  }

  /** @param {import("../../types/poplar-mail.js").Progress} progress */
  #tells({ phase, done, total }) {
    const now = performance.now();
    if (phase === this.#told.phase && done < total && now - this.#told.at < PROGRESS_MS) return false;
    this.#told = { phase, at: now };
    return true;
  }

  /** @param {string} name @param {any} detail */
  #heard(name, detail) {
    if (name === "progress") {
      // The lock may be faster than what was said under it; and whoever came in the middle has not heard the beginning.
      if (this.#isOver) this.#awaitEnd();
      return this.#hear(name, { ...detail, elsewhere: true });
    }
    if (name !== "session") return this.#hear(name, detail);
    if (detail.state === "closed") return this.#over();
    if (detail.state === "connecting") this.#awaitEnd();
    this.#hear(name, { ...detail, elsewhere: true });
  }

  /** Says "closed" for a tab that ended before it could: the lock of its session went with it. */
  #awaitEnd() {
    this.#isOver = false;
    globalThis.navigator.locks?.request(`poplar:${this.#account}`, { mode: "shared" }, () => this.#over()).catch(() => {});
  }

  #over() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hear("session", { state: "closed", elsewhere: true });
  }
}

/** How long a session is kept for the next retrieval: somebody who reads opens the next message within it, or not soon. */
const KEPT_MS = 30_000;

/**
 * The session that the core keeps open after a retrieval on demand. It holds the turn, and the server's lock on the maildrop; left
 * while it retrieves, it ends with that.
 */
export class KeptSession {
  #leave;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Retrievals under way. */
  #busy = 0;

  /** @param {() => Promise<unknown>} leave Ends the session with QUIT, where one is kept. */
  constructor(leave) {
    this.#leave = leave;
  }

  /** There is one, or will be. */
  get isOpen() {
    return this.#busy > 0 || this.#timer !== undefined;
  }

  /** Runs a retrieval. @template T @param {() => Promise<T>} retrieve */
  async during(retrieve) {
    this.forget();
    this.#busy += 1;
    try {
      return await retrieve();
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) this.#timer = setTimeout(() => this.leave(), KEPT_MS);
    }
  }

  async leave() {
    this.forget();
    // One that fails to end well has ended all the same.
    await this.#leave().catch(() => {});
  }

  /** It has ended, or will without being asked. */
  forget() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

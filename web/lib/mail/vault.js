/** What is sealed: locked, unlocked, and its log. The key itself is in the core, in the worker where there is one. */
import { locked } from "./core.js";
import { Idle } from "./idle.js";

/** @typedef {"asked" | "idle" | "sleep" | "sign-out" | "elsewhere"} Reason */
/** @typedef {{ at: number, what: string, ids: string[] }} Entry */
/** @typedef {"opened" | "saved" | "exported" | "imported" | "printed" | "deleted" | "unlocked" | "failed unlock" | "locked" | "resealed"} What */

export class Vault {
  #of;
  #idle;
  #locked = false;
  /** Entries of the log that are still to be written. @type {Entry[]} */
  #due = [];
  /** @type {Promise<void>} */
  #writing = Promise.resolve();
  /** The entry of a key that a session has opened. */
  #entering = Promise.resolve();
  /** Calls under way that enter in the log themselves what they opened. */
  #opening = 0;
  /** Ends what is under way when it locks. */
  #open = new AbortController();

  /**
   * @param {object} of What it locks.
   * @param {import("./core.js").Core} of.core
   * @param {boolean} of.durable otherwise there is nothing to open again, and a lock forgets
   * @param {number} of.lockAfterMinutes
   * @param {() => void} of.forget everything that is remembered of who signed in
   * @param {(locked: boolean, reason: Reason | null) => void} of.say
   * @param {(name: string, detail?: any) => void} of.tell the other tabs
   */
  constructor(of) {
    this.#of = of;
    this.#idle = new Idle(of.lockAfterMinutes, (reason) => void this.lock(reason), () => of.tell("active"));
  }

  get locked() {
    return this.#locked;
  }

  /** Aborted when it locks. */
  get signal() {
    return this.#open.signal;
  }

  /** Finds out whether anything is sealed here, and not open. */
  async look() {
    // A lock may be ending what is asked, and what comes after it answers.
    const locked = await this.#of.core.ask("locked").catch(() => this.#of.core.ask("locked"));
    // What was forgotten is there again once somebody has signed in.
    if (!this.#of.durable && this.#locked) return;
    if (locked !== this.#locked) this.#set(locked, null);
    if (!locked) this.#idle.start();
  }

  /** Whatever becomes of this may have opened or closed it, or half of that. @template T @param {Promise<T>} work @returns {Promise<T>} */
  async after(work) {
    try {
      return await work;
    } finally {
      await this.look().catch(() => {});
    }
  }

  /** The key is gone, and what it had sealed: whoever signs in begins anew. */
  async dropped() {
    await this.#of.core.end();
    await this.look();
  }

  /** Somebody is at work. @param {boolean} [elsewhere] */
  active(elsewhere) {
    this.#idle.active(elsewhere);
  }

  /** For what needs what is sealed. A person does it: that counts as being at work. */
  check() {
    this.active();
    if (this.#locked) throw locked();
  }

  /** The core has its key: by `unlock()`, or by what a session has signed in with. */
  opened() {
    this.#idle.start();
    if (this.#locked) this.#set(false, null);
    if (this.#opening > 0 || !this.#of.durable) return;
    // Only who reads the log waits for the entry; one that cannot be written now fails with whatever is done next.
    this.#entering = this.#of.core.ask("attempts").then((failed) => this.#logged(failed, "unlocked")).catch(() => {});
  }

  /**
   * @param {string} secret
   * @returns {Promise<void>}
   */
  async unlock(secret) {
    await this.#entered("unlocked", (core) => core.unlock(secret));
  }

  /** @param {string} current @param {boolean} byPassphrase @param {string} secret */
  async reseal(current, byPassphrase, secret) {
    await this.#entered("resealed", (core) => core.reseal(current, byPassphrase, secret));
  }

  /**
   * Drops the key and everything that was opened with it, here and in the other tabs.
   * @param {Reason} reason
   */
  async lock(reason) {
    const wasLocked = this.#locked;
    this.#idle.stop();
    this.#open.abort(locked());
    this.#open = new AbortController();
    // This tab may be locked, and another not.
    if (reason !== "elsewhere") this.#of.tell("lock");
    if (wasLocked) return this.#of.core.end();
    this.#set(true, reason);
    this.#of.forget();
    const entries = this.#due.splice(0);
    if (reason !== "elsewhere") entries.push({ at: Date.now(), what: "locked", ids: [] });
    await this.#of.core.end(entries.length > 0 ? (core) => core.log(entries) : undefined);
  }

  /** @param {What} what @param {number[]} [ids] */
  async log(what, ids = []) {
    if (!this.#of.durable) return;
    await this.#append([{ at: Date.now(), what, ids: ids.map(String) }]);
  }

  /** @returns {Promise<{ entries: { n: number, at: Date, what: What, ids: string[] }[], broken: number | null }>} */
  async entries() {
    if (!this.#of.durable) return { entries: [], broken: null };
    this.check();
    await this.#entering;
    const { entries = [], broken = null } = (await this.#of.core.ask("log")) ?? {};
    return { entries: entries.map((/** @type {any} */ entry) => ({ ...entry, at: new Date(entry.at) })), broken };
  }

  stop() {
    this.#idle.stop();
  }

  /** Opens, with a secret. @param {What} what @param {(core: import("../client.js").MailboxCore) => Promise<number[]>} open */
  async #entered(what, open) {
    this.#opening += 1;
    try {
      const failed = await this.#of.core.call(open);
      this.opened();
      this.active();
      await this.#logged(failed, what);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Enters what went wrong before, which could not be sealed then. @param {number[]} failed @param {What} what */
  async #logged(failed, what) {
    const entries = [...failed.map((at) => ({ at, what: "failed unlock", ids: [] })), { at: Date.now(), what, ids: [] }];
    await this.#append(entries);
    if (failed.length > 0) await this.#of.core.ask("forget attempts");
  }

  /** What comes while entries are being written goes in the next transaction, all of it. @param {Entry[]} entries */
  async #append(entries) {
    const { signal } = this.#open;
    this.#due.push(...entries);
    const before = this.#writing;
    this.#writing = before.catch(() => {}).then(async () => {
      const due = this.#due.splice(0);
      if (due.length > 0) await this.#of.core.call((core) => core.log(due));
    });
    await this.#writing;
    // A lock has written it; what was entered is not done any more.
    signal.throwIfAborted();
  }

  /** @param {boolean} locked @param {Reason | null} reason */
  #set(locked, reason) {
    this.#locked = locked;
    this.#of.say(locked, reason);
  }
}

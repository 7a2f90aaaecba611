/** The wasm's end of a mailbox, wherever it runs: opened with the first call, and again after it was ended, as a lock does. */
import { fetchAhead } from "./client.js";
import { ours } from "./errors.js";
import { caller, warmUp } from "./remote.js";

/** @typedef {import("../client.js").MailboxCore} MailboxCore */
/** @typedef {import("./remote.js").Runner} Runner */
/** @typedef {typeof import("../client.js")} Client */

/** How long each step of an end may take: what is under way, what is still to be done, letting go. A lock is to be over within a second. */
const PATIENCE_MS = 300;

export class Core {
  #options;
  #open;
  #ended;
  #lost;
  /** @type {Promise<{ runner: Runner, core: MailboxCore }> | undefined} */
  #opened;
  /** Calls under way. @type {Set<Promise<unknown>>} */
  #pending = new Set();
  /** How often it was ended. */
  #ends = 0;
  #isClosed = false;

  /**
   * @param {{ worker?: boolean, storage?: string }} options
   * @param {(client: Client, isInUse: () => boolean) => Promise<MailboxCore>} open `isInUse`: it has not been ended since
   * @param {() => void} ended it was ended, and whatever it had under way …
   * @param {() => void} lost … or has ended by itself, out of memory say, and its key with it
   */
  constructor(options, open, ended, lost) {
    this.#options = options;
    this.#open = open;
    this.#ended = ended;
    this.#lost = lost;
  }

  /** Runs a call; one that it is ended in the middle of rejects with `locked`. @template T @param {(core: MailboxCore) => Promise<T> | T} work @returns {Promise<T>} */
  async call(work) {
    if (this.#isClosed) throw closed();
    const ends = this.#ends;
    const running = this.#reach().then(({ runner, core }) => runner.run(() => work(core)));
    const settled = running.catch(() => {});
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
    try {
      const value = await running;
      // What comes to a good end after a lock is not given any more either.
      if (ends !== this.#ends) throw locked();
      return value;
    } catch (error) {
      if (ends !== this.#ends) throw locked();
      throw this.#isClosed ? closed() : error;
    }
  }

  /**
   * What `Mailbox::answer` in `wasm/src/js/mailbox.rs` is asked.
   * @param {string} what @param {number} [first] @param {number} [second] @returns {Promise<any>}
   */
  ask(what, first = 0, second = 0) {
    return this.call((core) => core.ask(what, first, second));
  }

  /** Waits a little for what is under way. */
  async settle() {
    await soon(Promise.all(this.#pending));
  }

  /** Says that another tab changed the store. What is not open has read nothing yet. */
  invalidate() {
    void this.#opened?.then(({ core }) => core.invalidate()).catch(() => {});
  }

  /**
   * Ends it, and the worker that it runs in; the next call begins another.
   * @param {(core: MailboxCore) => Promise<unknown>} [last] what is still to be done with what is open
   */
  async end(last) {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#ends += 1;
    if (!opened) return;
    await this.settle();
    if (last) await soon(opened.then(({ runner, core }) => runner.run(() => last(core))));
    // One that did not open has nothing to end.
    await soon(opened.then(({ runner, core }) => {
      core.close();
      runner.end();
    }).catch(() => {}));
    this.#ended();
  }

  /** Lets go for good, and ends the worker once what is under way has come to its end. Twice is harmless. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const opened = this.#opened;
    this.#opened = undefined;
    const pending = this.settle();
    const released = opened?.then(async ({ runner, core }) => {
      core.close();
      await pending;
      runner.end();
    });
    // One that is still being opened is released when it is.
    if (released) await soon(Promise.all([released, pending]), 2 * PATIENCE_MS);
  }

  #reach() {
    if (this.#opened) return this.#opened;
    const isInUse = () => this.#opened === opened;
    const opened = this.#begin(isInUse).catch((error) => {
      if (isInUse()) this.#opened = undefined;
      throw error;
    });
    return (this.#opened = opened);
  }

  /** @param {() => boolean} isInUse */
  async #begin(isInUse) {
    const runner = await caller(this.#options);
    try {
      const core = await runner.run((client) => this.#open(client, isInUse));
      void runner.ended.then(() => {
        if (!isInUse()) return;
        this.#opened = undefined;
        this.#ended();
        this.#lost();
      });
      // A lock ends this worker, and what is kept here is to open again also where no other could be loaded by then: in a spare one,
      // and when that has been ended as well, in this page.
      if (this.#options.worker && this.#options.storage !== "memory") void warmUp().then(fetchAhead);
      return { runner, core };
    } catch (error) {
      runner.end();
      throw error;
    }
  }
}

export function locked() {
  return ours("locked", "store", "What is kept here is locked. Unlock it first.");
}

function closed() {
  return ours("closed", "store", "This mailbox was closed. Open it again.");
}

/** @param {Promise<unknown>} work @param {number} [patience] */
function soon(work, patience = PATIENCE_MS) {
  return Promise.race([work.catch(() => {}), new Promise((late) => setTimeout(late, patience))]);
}

/** The sessions of a mailbox with the server: one at a time among all tabs, each signed in, or in one that is kept for the next message. */
import { KeptSession } from "./tabs.js";

/** @typedef {import("../../types/poplar-mail.js").SyncReport} SyncReport */
/** @typedef {import("./credentials.js").Reason} Reason */
/** @typedef {import("./options.js").Proof} Proof */

export class Turns {
  #of;
  /** The session kept after a retrieval on demand. */
  #session;
  /** Messages that are waited for here, and may be stored by another tab. @type {Map<number, () => void>} */
  #awaited = new Map();
  /** Whether this mailbox has a session, and so the turn. */
  #hasTurn = false;

  /**
   * @param {object} of Whose sessions they are.
   * @param {import("./core.js").Core} of.core
   * @param {import("./credentials.js").SignIn} of.signIn
   * @param {import("./vault.js").Vault} of.vault
   * @param {(name: string, detail?: any) => void} of.tell the other tabs
   * @param {() => Promise<void>} of.retrieved
   */
  constructor(of) {
    this.#of = of;
    this.#session = new KeptSession(() => of.core.ask("leave"));
  }

  /**
   * One session with the server, in this mailbox's turn.
   * @param {Reason} reason
   * @param {{ job: string, id?: number, given?: string, signal?: AbortSignal }} what `job` as `MailboxCore::session` has it
   * @param {AbortSignal} [over] the vault's, as it was when somebody asked for this: what has locked since ends it
   * @returns {Promise<SyncReport>}
   */
  async run(reason, { job, id = 0, given, signal }, over = this.#of.vault.signal) {
    const until = signal ? AbortSignal.any([signal, over]) : over;
    const session = (/** @type {Proof} */ { secret, isToken }) => {
      over.throwIfAborted();
      // The core ends a session that this tab keeps before its own turn, and uses it for a message.
      if (id === 0) this.#session.forget();
      this.want(id);
      return this.#of.core.call((core) => core.session(secret, isToken, job, id, until));
    };
    try {
      return await this.#of.signIn.run(reason, given, session, until);
    } catch (error) {
      throw over.aborted ? over.reason : error;
    }
  }

  /** Sees to it that a message is stored, here or in the session that another tab keeps. @param {number} row */
  async retrieve(row) {
    const over = this.#of.vault.signal;
    if (await this.#isStored(row)) return;
    /** @type {() => void} */
    let settle = () => {};
    const stored = new Promise((settled) => (settle = () => settled(undefined)));
    this.#awaited.set(row, settle);
    try {
      // Where another tab was faster, the core finds that out in its turn.
      await Promise.race([stored, this.#session.during(() => this.run("retrieve", { job: "one", id: row }, over))]);
      await this.#of.retrieved();
    } finally {
      this.#awaited.delete(row);
    }
  }

  /** Asks other tabs to make way, or for one message that they could retrieve. @param {number} [id] */
  want(id = 0) {
    if (!this.#hasTurn) this.#of.tell("wanted", id);
  }

  /** The core has a session, as far as it has said. */
  get hasTurn() {
    return this.#hasTurn;
  }

  /** @param {string} state of the session that the core has */
  heard(state) {
    this.#hasTurn = state !== "closed";
  }

  /** Another tab wants the turn, or this message. Nobody is asked for a password on its behalf. @param {number} id */
  async wanted(id) {
    if (!this.#hasTurn || !this.#session.isOpen) return;
    try {
      if (id === 0 || !this.#of.signIn.remembers) return await this.leave();
      await this.retrieve(id);
    } catch {
      await this.leave();
    }
  }

  /** Ends the waiting for what another tab has stored. @param {string[]} ids */
  async changed(ids) {
    for (const row of ids.map(Number)) {
      if (this.#awaited.has(row) && (await this.#isStored(row))) this.#awaited.get(row)?.();
    }
  }

  /** Ends the session that is kept, where one is. */
  async leave() {
    await this.#session.leave();
  }

  /** It locks: a kept session is left, and is not waited for. */
  end() {
    if (this.#session.isOpen) void this.#session.leave();
  }

  /** The session that is kept has ended, or will without being asked. */
  forget() {
    this.#session.forget();
  }

  /** @param {number} row @returns {Promise<boolean>} */
  #isStored(row) {
    return this.#of.core.ask("is stored", row);
  }
}

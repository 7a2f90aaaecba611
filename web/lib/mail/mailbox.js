/** The mailbox: UID table, exactly-once retrieval, policies, reading. */
import { accounts } from "./accounts.js";
import { streamed } from "./backup/stream.js";
import { SignIn } from "./credentials.js";
import { caught, invalid, ours, thrownBy } from "./errors.js";
import { lock } from "./host.js";
import { abortSignal, relayUrl, rowId, string, tunnelOptions, upstreamName, whole } from "./options.js";
import { fromBytes, withChange } from "./policy.js";
import { caller } from "./remote.js";
import { Schedule } from "./schedule.js";
import { askToPersist, forgetStored, hasDatabase, noteStored, storage, storedBefore } from "./storage.js";
import { KeptSession, Tabs } from "./tabs.js";

/** @typedef {import("../client.js").MailboxCore} MailboxCore */
/** @typedef {import("../../types/poplar-mail.js").MailboxOptions} MailboxOptions */
/** @typedef {import("../../types/poplar-mail.js").Policy} Policy */
/** @typedef {import("../../types/poplar-mail.js").SyncReport} SyncReport */
/** @typedef {import("./credentials.js").Reason} Reason */
/** @typedef {import("./options.js").Proof} Proof */
/** @typedef {import("./backup/export.js").BackupProgress} BackupProgress */

const PRIVATE = Symbol("use Mailbox.open()");

/** Rows given where no limit is asked for: more than any list shows at once. */
const ROWS = 1000;

/** Events: "progress", "change", "session", "policy", "schedule", "synced", "lost". */
export class Mailbox extends EventTarget {
  /** @type {MailboxCore} */
  #core;
  /** Runs a call into the wasm, wherever that is. */
  #call;
  #account;
  /** Whose mail it is, as an export says it. @type {{ account: string, user: string, relay: string }} */
  #whose;
  #durable;
  #signIn;
  /** The session kept after a retrieval on demand. */
  #session;
  /** Other tabs; none in memory mode, where nothing is shared. */
  #tabs;
  #schedule;
  /** Messages that are waited for here, and may be stored by another tab. @type {Map<number, () => void>} */
  #awaited = new Map();
  /** Whether this mailbox has a session, and so the turn. */
  #hasTurn = false;
  /** Another tab changed something while the table was being read. */
  #missed = false;

  /**
   * @param {symbol} key @param {Awaited<ReturnType<typeof caller>>} run @param {{ account: string, user: string, relay: string }} whose
   * @param {MailboxOptions} options
   */
  constructor(key, run, whose, options) {
    if (key !== PRIVATE) throw new TypeError("Use Mailbox.open().");
    super();
    const { account } = whose;
    this.#whose = whose;
    this.#call = run;
    this.#account = account;
    this.#durable = options.storage !== "memory";
    this.#signIn = new SignIn(account, options.credentials);
    this.#session = new KeptSession(() => this.#ask("leave"));
    this.#tabs = this.#durable ? new Tabs(account, (name, detail) => this.#heardFromTab(name, detail)) : undefined;
    this.#schedule = new Schedule({
      lock: this.#durable ? `poplar:schedule:${account}` : undefined,
      policy: () => this.policy(),
      loginDelay: () => this.#ask("login delay"),
      sync: (signal) => this.#sync({ signal }),
      say: (told) => this.#dispatch("schedule", told),
      tell: (name, error) => this.#tabs?.tell(name, error && thrownBy(error)),
    });
  }

  /** @param {MailboxOptions} options */
  static async open(options) {
    if (!options || typeof options !== "object") throw invalid("Mailbox.open() needs { relay, user }.");
    const relay = relayUrl(options.relay);
    const user = string(options.user, "The user name");
    if (!user) throw invalid("The user name is empty.");
    const account = string(options.account ?? `${upstreamName(relay)}/${user}`, "The account name");
    if (!["durable", "memory"].includes(options.storage ?? "durable")) throw invalid('storage must be "durable" or "memory".');
    const { timeoutMs, pipelining, signIn, token } = tunnelOptions(options);

    const run = await caller(options);
    const mailbox = new Mailbox(PRIVATE, run, { account, user, relay }, options);
    // Weak, since it is kept for as long as the core is, and that for as long as the mailbox.
    const held = new WeakRef(mailbox);
    const heard = (/** @type {string} */ name, /** @type {any} */ told) => held.deref()?.#heard(name, told);
    try {
      mailbox.#core = await run((client) =>
        client.MailboxCore.open(account, user, relay, timeoutMs, pipelining, signIn, token, mailbox.#durable, heard),
      );
    } catch (error) {
      mailbox.#tabs?.close();
      throw error;
    }
    if (mailbox.#missed) mailbox.#core.invalidate();
    return mailbox;
  }

  /**
   * What is kept in this browser for this origin.
   * @param {{ worker?: boolean }} [options]
   * @returns {Promise<{ account: string, relay: string, user: string, messages: number, stored: number }[]>}
   */
  static async accounts(options) {
    return accounts(options);
  }

  /**
   * One session: list, retrieve, apply wanted deletions, QUIT. One attempt; rejects rather than retrying.
   * @param {{ password?: string, retrieve?: "all" | "headers" | "none", afresh?: boolean, signal?: AbortSignal }} [options]
   * @returns {Promise<SyncReport>}
   */
  async sync({ password, retrieve, afresh = false, signal } = {}) {
    if (retrieve !== undefined && !["all", "headers", "none"].includes(retrieve)) {
      throw invalid('retrieve must be "all", "headers" or "none".');
    }
    abortSignal(signal);
    return this.#schedule.byHand(() => this.#sync({ password, retrieve, afresh, signal }));
  }

  /** Syncs by itself from now on, as the policy says. Twice is harmless; after a stop it tries again. */
  start() {
    this.#schedule.start();
  }

  /** No syncs by itself any more; one that is under way is ended. */
  stop() {
    this.#schedule.stop();
  }

  /** @returns {Promise<Policy>} */
  async policy() {
    return fromBytes(await this.#ask("policy"));
  }

  /** Kept with the account. @param {Partial<Policy>} change @returns {Promise<Policy>} */
  async setPolicy(change) {
    // One after the other, in all tabs: who has read before another wrote would take back what that one changed.
    const release = await lock(`poplar:policy:${this.#account}`);
    try {
      const changed = withChange(await this.policy(), change);
      await this.#call(() => this.#core.policy(changed, true));
    } finally {
      release();
    }
    this.#tabs?.tell("policy");
    return this.#policyChanged();
  }

  /**
   * What this policy would delete from the server at the next sync; nothing is deleted by asking.
   * @param {Partial<Policy>} [change] @returns {Promise<{ ids: string[], later: number }>}
   */
  async wouldDelete(change = {}) {
    const changed = withChange(await this.policy(), change);
    const [ids, later] = await this.#call(() => this.#core.policy(changed, false));
    return { ids, later };
  }

  /**
   * Rows in the order in which the server listed them.
   * @param {{ offset?: number, limit?: number, order?: "newest" | "oldest" }} [range]
   * @returns {Promise<import("../../types/poplar-mail.js").Row[]>}
   */
  async messages({ offset = 0, limit = ROWS, order = "newest" } = {}) {
    whole(offset, 0, "offset");
    whole(limit, 0, "limit");
    if (!["newest", "oldest"].includes(order)) throw invalid('order must be "newest" or "oldest".');
    return this.#ask(order, offset, limit);
  }

  /** @returns {Promise<number>} */
  async count() {
    return this.#ask("count");
  }

  /**
   * Opens a short session if the message is not stored.
   * @param {string} id
   * @returns {Promise<import("../../types/poplar-mail.js").Message>}
   */
  async message(id) {
    return this.#ask("message", await this.#stored(id));
  }

  /** The byte-exact .eml; likewise. @param {string} id @returns {Promise<Blob>} */
  async raw(id) {
    return this.#ask("raw", await this.#stored(id));
  }

  /** @param {string} id @param {number} index @returns {Promise<Blob>} */
  async attachment(id, index) {
    whole(index, 0, "index");
    return this.#ask("attachment", await this.#stored(id), index);
  }

  /** @param {string} id @param {boolean} [read] @returns {Promise<void>} */
  async markRead(id, read = true) {
    return this.#ask("mark read", rowId(id), Number(Boolean(read)));
  }

  /** Wanted; sent and confirmed by the next sync() or signOut(). @param {string} id @returns {Promise<void>} */
  async delete(id) {
    return this.#ask("delete", rowId(id));
  }

  /** @param {string} id @returns {Promise<void>} */
  async undelete(id) {
    const row = rowId(id);
    this.#wantTurn();
    return this.#ask("undelete", row);
  }

  /** Whether the browser keeps this origin's data for good, and how much of it there is. */
  async storage() {
    return storage();
  }

  /** The UID table as JSON, with no mail in it. @returns {Promise<Blob>} */
  async exportTable() {
    const { exportedTable } = await import("./backup/export.js");
    return exportedTable(this.#backup());
  }

  /**
   * What a table says was retrieved is marked so, and is not asked for again by itself. Deletes nothing, here or there.
   * @param {Blob} file
   * @returns {Promise<{ added: number, known: number }>}
   */
  async importTable(file) {
    const { importedTable } = await import("./backup/import.js");
    this.#wantTurn();
    return importedTable(this.#backup(), file);
  }

  /**
   * Everything that is stored: a zip of byte-exact .eml files with the UID table in it, or an mbox file (mboxrd). Nothing is read before
   * it is wanted, and of a message no more than a piece is held.
   * @param {{ format?: "zip" | "mbox", signal?: AbortSignal, onProgress?: (progress: BackupProgress) => void }} [options]
   * @returns {ReadableStream<Uint8Array>}
   */
  exportMailbox({ format = "zip", signal, onProgress } = {}) {
    if (!["zip", "mbox"].includes(format)) throw invalid('format must be "zip" or "mbox".');
    abortSignal(signal);
    return streamed(async () => {
      const { exportedMailbox } = await import("./backup/export.js");
      return exportedMailbox(this.#backup(), format, { signal, onProgress });
    });
  }

  /**
   * Takes in a zip of `exportMailbox`. What is stored here stays as it is, and nothing of it has anything deleted from the server.
   * `skipped`: messages that the zip does not have whole.
   * @param {Blob} zip
   * @param {{ signal?: AbortSignal, onProgress?: (progress: BackupProgress) => void }} [options]
   * @returns {Promise<{ added: number, known: number, skipped: number }>}
   */
  async importMailbox(zip, { signal, onProgress } = {}) {
    abortSignal(signal);
    const { importedMailbox } = await import("./backup/import.js");
    this.#wantTurn();
    try {
      return await importedMailbox(this.#backup(), zip, { signal, onProgress });
    } finally {
      await this.#noteKept();
    }
  }

  /** What export and import need of this mailbox. @returns {import("./backup/import.js").Target} */
  #backup() {
    return {
      whose: this.#whose,
      ask: (what, first, second) => this.#ask(what, first, second),
      take: (page, pieces) => this.#call(() => this.#core.take(page, pieces)),
      invalidate: () => this.#core.invalidate(),
    };
  }

  /** Sealing what is kept here comes with a later version; until then nothing is ever locked. */
  get locked() {
    return false;
  }

  /** Applies wanted deletions, QUIT, forgets the credentials, also where the server could not be reached. @returns {Promise<void>} */
  async signOut() {
    this.stop();
    this.#signIn.ending();
    try {
      if (await this.#ask("wants deletion")) await this.#run("sign-out", { job: "none" });
      else await this.#session.leave();
    } finally {
      this.#signIn.forget();
    }
  }

  /** Forgets everything kept here; the server is not touched. @returns {Promise<void>} */
  async clear() {
    this.#wantTurn();
    await this.#ask("clear");
    if (this.#durable) forgetStored(this.#account);
    this.#tabs?.tell("policy");
    await this.#policyChanged();
  }

  /** Releases; never commits a deletion; twice is harmless. @returns {Promise<void>} */
  async close() {
    this.stop();
    this.#session.forget();
    this.#signIn.end();
    this.#tabs?.close();
    this.#tabs = undefined;
    this.#core.close();
  }

  /** @param {{ password?: string, retrieve?: string, afresh?: boolean, signal?: AbortSignal }} options @returns {Promise<SyncReport>} */
  async #sync({ password, retrieve = "policy", afresh = false, signal }) {
    if (this.#durable) await this.#checkKept(afresh);
    try {
      const report = await this.#run("sync", { job: retrieve, given: password, signal });
      if (this.#durable) void askToPersist();
      this.#dispatch("synced", report);
      return report;
    } finally {
      await this.#noteKept();
    }
  }

  /** Asks before everything is downloaded again because what was kept here is gone. @param {boolean} afresh */
  async #checkKept(afresh) {
    const stored = storedBefore(this.#account);
    if (stored === 0) return;
    if (!(await hasDatabase(this.#account))) this.#core.invalidate();
    if ((await this.#ask("count")) > 0) return;
    if (!afresh && !this.#dispatch("lost", { stored }, true)) {
      throw ours(
        "store",
        "store",
        `The messages that were kept in this browser, ${stored} of them, are gone: the browser or somebody has removed them. ` +
          "Nothing was downloaded yet. What is still on the server can be downloaded again; a backup can be imported first.",
      );
    }
    forgetStored(this.#account);
  }

  /** Notes how much is kept here now. */
  async #noteKept() {
    if (!this.#durable) return;
    // A mailbox that was closed meanwhile counts nothing, and the last note stands.
    const stored = await this.#ask("stored").catch(() => 0);
    if (stored > 0) noteStored(this.#account, stored);
  }

  /** Sees to it that a message is stored; its id in the table. @param {string} id */
  async #stored(id) {
    const row = rowId(id);
    if (!(await this.#ask("is stored", row))) await this.#retrieve(row);
    return row;
  }

  /** Retrieves one message, here or in the session that another tab keeps. @param {number} row */
  async #retrieve(row) {
    /** @type {() => void} */
    let settle = () => {};
    const stored = new Promise((settled) => (settle = () => settled(undefined)));
    this.#awaited.set(row, settle);
    try {
      // Where another tab was faster, the core finds that out in its turn.
      await Promise.race([stored, this.#session.during(() => this.#run("retrieve", { job: "one", id: row }))]);
      await this.#noteKept();
    } finally {
      this.#awaited.delete(row);
    }
  }

  /**
   * One session with the server, in this mailbox's turn.
   * @param {Reason} reason
   * @param {{ job: string, id?: number, given?: string, signal?: AbortSignal }} what
   * @returns {Promise<SyncReport>}
   */
  #run(reason, { job, id = 0, given, signal }) {
    const session = (/** @type {Proof} */ { secret, isToken }) => {
      // The core ends a session that this tab keeps before its own turn, and uses it for a message.
      if (id === 0) this.#session.forget();
      this.#wantTurn(id);
      return this.#call(() => this.#core.session(secret, isToken, job, id, signal));
    };
    return this.#signIn.run(reason, given, session, signal);
  }

  /** Asks other tabs to make way, or for one message that they could retrieve. @param {number} [id] */
  #wantTurn(id = 0) {
    if (!this.#hasTurn) this.#tabs?.tell("wanted", id);
  }

  /**
   * What `Mailbox::answer` in `wasm/src/js/mailbox.rs` is asked.
   * @param {string} what @param {number} [first] @param {number} [second] @returns {Promise<any>}
   */
  #ask(what, first = 0, second = 0) {
    return this.#call(() => this.#core.ask(what, first, second));
  }

  async #policyChanged() {
    const policy = await this.policy();
    this.#dispatch("policy", policy);
    this.#schedule.news();
    return policy;
  }

  /** What the wasm tells, as an event here and in other tabs. @param {string} name @param {any} told */
  #heard(name, told) {
    // Of this mailbox's own session: what another tab's comes to says nothing of the password here.
    if (name === "progress" && told.phase === "list") this.#signIn.accepted();
    if (name === "session") this.#hasTurn = told !== "closed";
    const detail = name === "progress" ? told : name === "change" ? { ids: told } : { state: told };
    this.#tabs?.tell(name, detail);
    this.#dispatch(name, detail);
  }

  /** @param {string} name @param {any} detail */
  #heardFromTab(name, detail) {
    if (name === "wanted") return void this.#wantedByTab(detail);
    if (name === "synced") return this.#schedule.heard(null);
    if (name === "stopped") return this.#schedule.heard(caught(detail));
    if (name === "change" || name === "policy") {
      this.#missed = true;
      this.#core?.invalidate();
    }
    // A mailbox that is closed meanwhile has nothing more to find out.
    if (name === "policy") return void this.#policyChanged().catch(() => {});
    if (name === "change") void this.#settleAwaited(detail.ids).catch(() => {});
    this.#dispatch(name, detail);
  }

  /** Ends the waiting for what another tab has stored. @param {string[]} ids */
  async #settleAwaited(ids) {
    for (const row of ids.map(Number)) {
      if (this.#awaited.has(row) && (await this.#ask("is stored", row))) this.#awaited.get(row)?.();
    }
  }

  /** Another tab wants the turn, or this message. Nobody is asked for a password on its behalf. @param {number} id */
  async #wantedByTab(id) {
    if (!this.#hasTurn || !this.#session.isOpen) return;
    try {
      if (id === 0 || !this.#signIn.remembers) return await this.#session.leave();
      await this.#retrieve(id);
    } catch {
      await this.#session.leave();
    }
  }

  /** @param {string} name @param {any} detail @param {boolean} [cancelable] whether nobody objected */
  #dispatch(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(name, { detail, cancelable }));
  }
}

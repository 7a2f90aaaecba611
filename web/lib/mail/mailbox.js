/** The mailbox: UID table, exactly-once retrieval, policies, reading. */
import { accounts } from "./accounts.js";
import { Backup } from "./backup/backup.js";
import { Core, locked } from "./core.js";
import { SignIn } from "./credentials.js";
import { caught, invalid, thrownBy } from "./errors.js";
import { anotherLog, lock } from "./host.js";
import { Indexer } from "./indexer.js";
import { Kept } from "./kept.js";
import { abortSignal, mailboxOptions, rowId, string, whole } from "./options.js";
import { part } from "./parts.js";
import { fromBytes, withChange } from "./policy.js";
import { Schedule } from "./schedule.js";
import { askToPersist, storage } from "./storage.js";
import { Tabs } from "./tabs.js";
import { Turns } from "./turns.js";
import { Vault } from "./vault.js";

/** @typedef {import("../../types/poplar-mail.js").MailboxOptions} MailboxOptions */
/** @typedef {import("../../types/poplar-mail.js").Policy} Policy */
/** @typedef {import("../../types/poplar-mail.js").SyncReport} SyncReport */
/** @typedef {import("./backup/export.js").BackupProgress} BackupProgress */

const PRIVATE = Symbol("use Mailbox.open()");

/** Rows given where no limit is asked for: more than any list shows at once. */
const ROWS = 1000;

/** Events: "progress", "change", "session", "policy", "schedule", "synced", "lost", "lock", "indexed". */
export class Mailbox extends EventTarget {
  /** What the wasm does, wherever that is. */
  #core;
  /** Whether what is kept here is open, and its log. */
  #vault;
  /** Whose mail it is, as an export says it. @type {{ account: string, user: string, relay: string }} */
  #whose;
  #durable;
  #signIn;
  /** Its sessions with the server. */
  #turns;
  /** How much was kept here when last seen. */
  #kept;
  #backup;
  /** Other tabs; none in memory mode, where nothing is shared. */
  #tabs;
  #schedule;
  #indexer;
  /** The message that was opened last, as the log has it. @type {number | undefined} */
  #openedLast;

  /** @param {symbol} key @param {import("./options.js").Checked} checked @param {MailboxOptions} options */
  constructor(key, checked, options) {
    if (key !== PRIVATE) throw new TypeError("Use Mailbox.open().");
    super();
    const { account, user, relay, durable } = checked;
    this.#whose = { account, user, relay };
    this.#durable = durable;
    this.#signIn = new SignIn(account, options.credentials);
    // Weak, since it is kept for as long as the core is, and that for as long as the mailbox.
    const held = new WeakRef(this);
    const { timeoutMs, pipelining, signIn, token, lockAfterMinutes } = checked;
    let { passphrase } = checked;
    this.#core = new Core(
      options,
      (client, isInUse) => {
        const heard = (/** @type {string} */ name, /** @type {any} */ told) => {
          // It has sealed or opened what is here, and the core has it: another one is to be unlocked.
          if (name === "unlocked") passphrase = undefined;
          held.deref()?.#heard(name, told, isInUse());
        };
        return client.MailboxCore.open(account, user, relay, timeoutMs, pipelining, signIn, token, durable, passphrase, heard);
      },
      () => held.deref()?.#ended(),
      () => void held.deref()?.#vault.look().catch(() => {}),
    );
    this.#vault = new Vault({
      core: this.#core,
      durable,
      lockAfterMinutes,
      forget: () => this.#forget(),
      say: (locked, reason) => this.#dispatch("lock", { locked, reason }),
      tell: (name, detail) => this.#tabs?.tell(name, detail),
    });
    this.#kept = new Kept({
      account: durable ? account : undefined,
      core: this.#core,
      lost: (stored) => this.#dispatch("lost", { stored }, true),
    });
    this.#turns = new Turns({
      core: this.#core,
      signIn: this.#signIn,
      vault: this.#vault,
      tell: (name, detail) => this.#tabs?.tell(name, detail),
      retrieved: () => this.#kept.note(),
    });
    this.#backup = new Backup({ whose: this.#whose, durable, core: this.#core, vault: this.#vault, turns: this.#turns });
    this.#tabs = durable ? new Tabs(account, (name, detail) => this.#heardFromTab(name, detail)) : undefined;
    this.#schedule = new Schedule({
      lock: durable ? `poplar:schedule:${account}` : undefined,
      policy: () => this.policy(),
      loginDelay: () => this.#core.ask("login delay"),
      sync: (signal) => this.#sync({ signal }),
      say: (told) => this.#dispatch("schedule", told),
      tell: (name, error) => this.#tabs?.tell(name, error && thrownBy(error)),
    });
    this.#indexer = new Indexer(this.#core, () => !this.locked, (pending) => this.#dispatch("indexed", { pending }));
  }

  /** @param {MailboxOptions} options */
  static async open(options) {
    const mailbox = new Mailbox(PRIVATE, mailboxOptions(options), options);
    try {
      await mailbox.#vault.look();
    } catch (error) {
      await mailbox.close();
      throw error;
    }
    return mailbox;
  }

  /**
   * What is kept in this browser for this origin.
   * @param {{ worker?: boolean }} [options]
   * @returns {Promise<{ account: string, relay: string, user: string, hidden?: true, messages: number, stored: number }[]>}
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
    const over = this.#vault.signal;
    return this.#schedule.byHand(() => this.#sync({ password, retrieve, afresh, signal, over }));
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
    return fromBytes(await this.#core.ask("policy"));
  }

  /** Kept with the account. @param {Partial<Policy>} change @returns {Promise<Policy>} */
  async setPolicy(change) {
    // One after the other, in all tabs: who has read before another wrote would take back what that one changed.
    const release = await lock(`poplar:policy:${this.#whose.account}`);
    try {
      const changed = withChange(await this.policy(), change);
      await this.#core.call((core) => core.policy(changed, true));
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
    const [ids, later] = await this.#core.call((core) => core.policy(changed, false));
    return { ids, later };
  }

  /**
   * Rows in the order in which the server listed them.
   * @param {{ offset?: number, limit?: number, order?: "newest" | "oldest", headers?: boolean }} [range]
   * @returns {Promise<import("../../types/poplar-mail.js").Row[]>}
   */
  async messages({ offset = 0, limit = ROWS, order = "newest", headers = true } = {}) {
    whole(offset, 0, "offset");
    whole(limit, 0, "limit");
    if (!["newest", "oldest"].includes(order)) throw invalid('order must be "newest" or "oldest".');
    if (this.locked) throw locked();
    return this.#core.ask(headers ? order : `${order} states`, offset, limit);
  }

  /**
   * Finds messages by their words.
   * @param {string} query @param {{ sort?: "date" | "from" | "subject" | "size", order?: "descending" | "ascending", signal?: AbortSignal }} [options]
   * @returns {Promise<{ ids: string[], pending: number }>}
   */
  async search(query, { sort = "date", order = "descending", signal } = {}) {
    if (!["date", "from", "subject", "size"].includes(sort)) throw invalid('sort must be "date", "from", "subject" or "size".');
    if (!["descending", "ascending"].includes(order)) throw invalid('order must be "descending" or "ascending".');
    signal?.throwIfAborted();
    if (this.locked) throw locked();
    this.#indexer.begin();
    const offset = new Date().getTimezoneOffset();
    const [ids, pending] = await this.#core.call((core) => core.search(String(query), sort, order === "ascending", offset));
    signal?.throwIfAborted();
    return { ids, pending };
  }

  /** @returns {Promise<number>} */
  async count() {
    return this.#core.ask("count");
  }

  /**
   * Opens a short session if the message is not stored.
   * @param {string} id
   * @returns {Promise<import("../../types/poplar-mail.js").Message>}
   */
  async message(id) {
    const row = await this.#stored(id);
    const message = await this.#logged(this.#core.ask("message", row), "opened", row);
    this.#openedLast = row;
    return message;
  }

  /**
   * The byte-exact .eml; likewise. `shown`: it is looked at and not saved, as the log has it.
   * @param {string} id @param {{ shown?: boolean }} [options] @returns {Promise<Blob>}
   */
  async raw(id, { shown = false } = {}) {
    const row = await this.#stored(id);
    return this.#logged(this.#core.ask("raw", row), shown ? "opened" : "saved", row);
  }

  /**
   * One attachment, decoded. `shown`: as for `raw()`.
   * @param {string} id @param {number} index @param {{ shown?: boolean }} [options] @returns {Promise<Blob>}
   */
  async attachment(id, index, { shown = false } = {}) {
    whole(index, 0, "index");
    const row = await this.#stored(id);
    const attachment = this.#core.ask("attachment", row, index);
    // The pictures of a message that is open are part of that.
    return shown && row === this.#openedLast ? attachment : this.#logged(attachment, shown ? "opened" : "saved", row);
  }

  /** Attachments as one zip: all, or those of these indexes. @param {string} id @param {readonly number[]} [indexes] @returns {Promise<Blob>} */
  async attachments(id, indexes) {
    for (const index of indexes ?? []) whole(index, 0, "index");
    const row = await this.#stored(id);
    const { zipped } = await part(import("./backup/attachments.js"));
    /** @type {import("../../types/poplar-mail.js").Message} */
    const { attachments, date } = await this.#core.ask("message", row);
    const wanted = new Set(indexes ?? attachments.map(({ index }) => index));
    /** @type {Blob[]} */
    const blobs = await this.#core.ask("attachments", row);
    const files = attachments.flatMap(({ index, name }) => (wanted.has(index) && blobs[index] ? [{ name, blob: blobs[index] }] : []));
    return this.#logged(zipped(files, date ?? new Date(), this.#vault.signal), "saved", row);
  }

  /** @param {string} id @param {boolean} [read] @returns {Promise<void>} */
  async markRead(id, read = true) {
    this.#vault.check();
    return this.#core.ask("mark read", rowId(id), Number(Boolean(read)));
  }

  /** Wanted; sent and confirmed by the next sync() or signOut(). @param {string} id @returns {Promise<void>} */
  async delete(id) {
    this.#vault.check();
    const row = rowId(id);
    return this.#logged(this.#core.ask("delete", row), "deleted", row);
  }

  /** @param {string} id @returns {Promise<void>} */
  async undelete(id) {
    this.#vault.check();
    const row = rowId(id);
    this.#turns.want();
    return this.#core.ask("undelete", row);
  }

  /**
   * What was said in the last sessions, without names, passwords, UIDs or a word of mail: for a support call.
   * @returns {Promise<import("../../types/poplar-mail.js").Spoken[]>}
   */
  async protocol() {
    return this.#core.ask("protocol");
  }

  /** Whether the browser keeps this origin's data for good, and how much of it there is. */
  async storage() {
    return storage();
  }

  /** The UID table as JSON, with no mail in it. @returns {Promise<Blob>} */
  async exportTable() {
    return this.#backup.table();
  }

  /**
   * What a table says was retrieved is marked so, and is not asked for again by itself. Deletes nothing, here or there.
   * @param {Blob} file
   * @returns {Promise<{ added: number, known: number }>}
   */
  async importTable(file) {
    return this.#backup.takeTable(file);
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
    return this.#backup.messages(format, { signal, onProgress });
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
    try {
      return await this.#backup.takeMessages(zip, { signal, onProgress });
    } finally {
      await this.#kept.note();
    }
  }

  /** Nothing can be read before `unlock()`, or a `sync()` with the right password. */
  get locked() {
    return this.#vault.locked;
  }

  /**
   * Opens what is kept here: with the mailbox password, or with the passphrase where that seals it. Needs no network.
   * @param {string} secret @returns {Promise<void>}
   */
  async unlock(secret) {
    await this.#vault.unlock(string(secret, "The secret"));
    // What opens it also signs in, unless it is a passphrase.
    const by = await this.#core.ask("sealed by");
    if (by === "password" && !this.locked) this.#signIn.offer(secret);
  }

  /** Drops the key and everything that was opened with it, in every tab. @returns {Promise<void>} */
  async lock() {
    await this.#vault.lock("asked");
  }

  /** Somebody is at work: puts off the lock that comes when nobody is. For whoever sees keys and pointers. */
  active() {
    this.#vault.active();
  }

  /** What seals what is kept here, and whether the account's name is hidden. @returns {Promise<{ by: "password" | "passphrase" | null, nameHidden: boolean }>} */
  async seal() {
    const [by = null, nameHidden = false] = [await this.#core.ask("sealed by"), await this.#core.ask("name is hidden")];
    return { by, nameHidden };
  }

  /**
   * Seals by something else from now on: the mailbox password, or a passphrase for this computer alone.
   * @param {string} current what opens it now
   * @param {{ password: string } | { passphrase: string }} next
   */
  async reseal(current, next) {
    const { password, passphrase } = /** @type {{ password?: string, passphrase?: string }} */ (next ?? {});
    const secret = string(passphrase ?? password, "The new secret");
    if (!secret) throw invalid("The new secret is empty.");
    await this.#vault.reseal(string(current, "The current secret"), passphrase !== undefined, secret);
  }

  /** Keeps the account's name unreadable as well, or readable again. @param {boolean} hidden @returns {Promise<void>} */
  async hideName(hidden) {
    this.#vault.check();
    await this.#core.ask("hide name", Number(Boolean(hidden)));
    // What was written before is not to stay in the browser's files for longer than need be.
    await anotherLog();
  }

  /**
   * Gives up what is sealed by a secret that nobody has any more. UIDs and states stay: nothing is retrieved again unless somebody asks.
   * @returns {Promise<void>}
   */
  async dropSealed() {
    this.#turns.want();
    await this.#vault.after(this.#core.ask("drop sealed"));
    // A tab that has the old key open must not seal with it any more.
    this.#tabs?.tell("dropped");
    this.#tabs?.tell("policy");
    this.#dispatch("change", { ids: [] });
  }

  /** What was done with the mail here, oldest first; `broken`: the number of the first entry that is not as it was written. */
  async log() {
    return this.#vault.entries();
  }

  /** Enters what only the page knows of. @param {"printed"} what @param {string[]} ids @returns {Promise<void>} */
  async note(what, ids) {
    if (what !== "printed") throw invalid('Only "printed" is noted from outside.');
    this.#vault.check();
    await this.#vault.log(what, ids.map(rowId));
  }

  /** @param {"csv" | "json"} [format] @returns {Promise<Blob>} */
  async exportLog(format = "csv") {
    if (!["csv", "json"].includes(format)) throw invalid('format must be "csv" or "json".');
    const { exportedLog } = await part(import("./backup/log.js"));
    return exportedLog(await this.log(), this.#whose, format);
  }

  /** Applies wanted deletions, QUIT, forgets the credentials, also where the server could not be reached. @returns {Promise<void>} */
  async signOut() {
    this.stop();
    this.#signIn.ending();
    try {
      if (await this.#core.ask("wants deletion")) await this.#turns.run("sign-out", { job: "none" });
      else await this.#turns.leave();
    } finally {
      this.#signIn.forget();
    }
    // Whoever asks what became of the deletions is still told.
    await this.#core.settle();
    await this.#vault.lock("sign-out");
  }

  /** Forgets everything kept here; the server is not touched. @returns {Promise<void>} */
  async clear() {
    this.#turns.want();
    await this.#vault.after(this.#core.ask("clear"));
    // As above.
    this.#tabs?.tell("dropped");
    await this.#kept.forget();
    this.#tabs?.tell("policy");
    await this.#policyChanged();
  }

  /** Releases; never commits a deletion; twice is harmless. @returns {Promise<void>} */
  async close() {
    this.stop();
    this.#turns.forget();
    this.#signIn.end();
    this.#vault.stop();
    this.#indexer.stop();
    this.#tabs?.close();
    this.#tabs = undefined;
    await this.#core.close();
  }

  /** It locks: nothing that could open it again is kept, and what is under way ends. */
  #forget() {
    this.stop();
    this.#turns.end();
    this.#signIn.forget();
  }

  /** @param {{ password?: string, retrieve?: string, afresh?: boolean, signal?: AbortSignal, over?: AbortSignal }} options @returns {Promise<SyncReport>} */
  async #sync({ password, retrieve = "policy", afresh = false, signal, over = this.#vault.signal }) {
    await this.#kept.check(afresh);
    try {
      const report = await this.#turns.run("sync", { job: retrieve, given: password, signal }, over);
      if (this.#durable) void askToPersist();
      this.#dispatch("synced", report);
      return report;
    } catch (error) {
      // It may have been opened, or closed since the key is another's.
      await this.#vault.look().catch(() => {});
      throw error;
    } finally {
      await this.#kept.note();
    }
  }

  /** Sees to it that a message is stored; its id in the table. @param {string} id */
  async #stored(id) {
    this.#vault.check();
    const row = rowId(id);
    await this.#turns.retrieve(row);
    return row;
  }

  /** What somebody did is in the log before it is given. @template T @param {Promise<T>} done @param {import("./vault.js").What} what @param {number[]} ids */
  async #logged(done, what, ...ids) {
    const value = await done;
    await this.#vault.log(what, ids);
    return value;
  }

  async #policyChanged() {
    const policy = await this.policy();
    this.#dispatch("policy", policy);
    this.#schedule.news();
    return policy;
  }

  /**
   * What the wasm tells, as an event here and in other tabs.
   * @param {string} name @param {any} told @param {boolean} isInUse by one that was not ended: what has locked meanwhile is not opened
   */
  #heard(name, told, isInUse) {
    if (name === "unlocked") return isInUse && this.#unlocked();
    // Of this mailbox's own session: what another tab's comes to says nothing of the password here.
    if (name === "progress" && told.phase === "list" && isInUse) {
      this.#signIn.accepted();
      // In memory nothing is sealed: who is signed in again begins anew.
      if (this.locked) this.#vault.opened();
    }
    if (name === "session") this.#turns.heard(told);
    const detail = name === "progress" ? told : name === "change" ? { ids: told } : { state: told };
    this.#tabs?.tell(name, detail);
    this.#dispatch(name, detail);
    if (name === "session" && told === "closed") this.#indexer.wake();
  }

  /** What the core had under way ended with it, and nobody has said so. */
  #ended() {
    if (this.#turns.hasTurn) this.#heard("session", "closed", false);
  }

  /** The core has a key. */
  #unlocked() {
    this.#vault.opened();
    this.#tabs?.tell("unlocked");
    this.#indexer.wake();
  }

  /** @param {string} name @param {any} detail */
  #heardFromTab(name, detail) {
    if (name === "wanted") return void this.#turns.wanted(detail);
    if (name === "synced") return this.#schedule.heard(null);
    if (name === "stopped") return this.#schedule.heard(caught(detail));
    if (name === "active") return this.#vault.active(true);
    if (name === "lock") return void this.#vault.lock("elsewhere");
    if (name === "dropped") return void this.#vault.dropped().catch(() => {});
    // What was not sealed is now, and the key is another's.
    if (name === "unlocked") return void this.#vault.look().catch(() => {});
    if (name === "change" || name === "policy") this.#core.invalidate();
    // A mailbox that is closed meanwhile has nothing more to find out.
    if (name === "policy") return void this.#policyChanged().catch(() => {});
    if (name === "change") void this.#turns.changed(detail.ids).catch(() => {});
    this.#dispatch(name, detail);
  }

  /** @param {string} name @param {any} detail @param {boolean} [cancelable] whether nobody objected */
  #dispatch(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(name, { detail, cancelable }));
  }
}

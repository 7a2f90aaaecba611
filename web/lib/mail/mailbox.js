/** The mailbox: UID table, exactly-once retrieval, reading. */
import { call } from "./client.js";
import { invalid, ours } from "./errors.js";
import { abortSignal, proof, relayUrl, rowId, string, tunnelOptions, upstreamName, whole } from "./options.js";

/** @typedef {import("../client.js").MailboxCore} MailboxCore */
/** @typedef {import("../../types/poplar-mail.js").MailboxOptions} MailboxOptions */
/** @typedef {import("../../types/poplar-mail.js").Credentials} Credentials */
/** @typedef {import("./options.js").Proof} Proof */
/** @typedef {import("./backup/export.js").BackupProgress} BackupProgress */

const PRIVATE = Symbol("use Mailbox.open()");

/** Rows given where no limit is asked for: more than any list shows at once. */
const ROWS = 1000;

/** Events: "progress", "change", "session". */
export class Mailbox extends EventTarget {
  /** @type {MailboxCore} */
  #core;
  #account;
  /** Whose mail it is, as an export says it. @type {{ account: string, user: string, relay: string }} */
  #whose;
  /** @type {MailboxOptions["credentials"]} */
  #credentials;
  /** A password that the server has accepted. @type {Proof | undefined} */
  #password;
  /** What the server refused last: it is not sent again by itself. @type {string | undefined} */
  #refused;
  /** Counts sign-outs: a session that was under way then must not bring the password back. */
  #signOuts = 0;
  /** Tells other tabs of changes. @type {BroadcastChannel | undefined} */
  #channel;

  /** @param {symbol} key @param {{ account: string, user: string, relay: string }} whose @param {MailboxOptions["credentials"]} credentials */
  constructor(key, whose, credentials) {
    if (key !== PRIVATE) throw new TypeError("Use Mailbox.open().");
    super();
    this.#whose = whose;
    this.#account = whose.account;
    this.#credentials = credentials;
  }

  /** @param {MailboxOptions} options */
  static async open(options) {
    if (!options || typeof options !== "object") throw invalid("Mailbox.open() needs { relay, user }.");
    const relay = relayUrl(options.relay);
    const user = string(options.user, "The user name");
    if (!user) throw invalid("The user name is empty.");
    const account = string(options.account ?? `${upstreamName(relay)}/${user}`, "The account name");
    const storage = options.storage ?? "durable";
    if (!["durable", "memory"].includes(storage)) throw invalid('storage must be "durable" or "memory".');
    const { timeoutMs, pipelining, signIn, token } = tunnelOptions(options);

    const mailbox = new Mailbox(PRIVATE, { account, user, relay }, options.credentials);
    const durable = storage === "durable";
    const heard = (/** @type {string} */ name, /** @type {any} */ told) => mailbox.#heard(name, told);
    mailbox.#core = await call((client) =>
      client.MailboxCore.open(account, user, relay, timeoutMs, pipelining, signIn, token, durable, heard),
    );
    if (durable) mailbox.#listen();
    return mailbox;
  }

  /**
   * What is kept in this browser for this origin.
   * @returns {Promise<{ account: string, relay: string, user: string, messages: number, stored: number }[]>}
   */
  static async accounts() {
    return call((client) => client.MailboxCore.accounts());
  }

  /**
   * One session: list, retrieve, apply wanted deletions, QUIT. One attempt; rejects rather than retrying.
   * @param {{ password?: string, retrieve?: "all" | "headers" | "none", signal?: AbortSignal }} [options]
   * @returns {Promise<import("../../types/poplar-mail.js").SyncReport>}
   */
  async sync({ password, retrieve = "all", signal } = {}) {
    if (!["all", "headers", "none"].includes(retrieve)) throw invalid('retrieve must be "all", "headers" or "none".');
    abortSignal(signal);
    return this.#signedIn("sync", password, (secret, isToken) => this.#core.session(secret, isToken, retrieve, 0, signal));
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
    return this.#ask("undelete", rowId(id));
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
    /** @type {AsyncGenerator<Uint8Array>} */
    let pieces;
    return new ReadableStream(
      {
        start: async () => {
          const { exportedMailbox } = await import("./backup/export.js");
          pieces = exportedMailbox(this.#backup(), format, { signal, onProgress });
        },
        pull: async (controller) => {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: async () => {
          await pieces?.return(undefined);
        },
      },
      { highWaterMark: 0 },
    );
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
    return importedMailbox(this.#backup(), zip, { signal, onProgress });
  }

  /** What export and import need of this mailbox. @returns {import("./backup/import.js").Target} */
  #backup() {
    return {
      whose: this.#whose,
      ask: (what, first, second) => this.#ask(what, first, second),
      take: (page, pieces) => call(() => this.#core.take(page, pieces)),
      invalidate: () => this.#core.invalidate(),
    };
  }

  /** Sealing what is kept here comes with a later version; until then nothing is ever locked. */
  get locked() {
    return false;
  }

  /** Applies wanted deletions, QUIT, forgets the credentials, also where the server could not be reached. @returns {Promise<void>} */
  async signOut() {
    this.#signOuts += 1;
    try {
      if (await this.#ask("wants deletion")) {
        await this.#signedIn("sign-out", undefined, (secret, isToken) => this.#core.session(secret, isToken, "none", 0, undefined));
      }
    } finally {
      this.#signOuts += 1;
      this.#password = undefined;
      this.#credentials = typeof this.#credentials === "function" ? this.#credentials : undefined;
    }
  }

  /** Forgets everything kept here; the server is not touched. @returns {Promise<void>} */
  async clear() {
    await this.#ask("clear");
  }

  /** Releases; never commits a deletion; twice is harmless. @returns {Promise<void>} */
  async close() {
    this.#signOuts += 1;
    this.#channel?.close();
    this.#channel = undefined;
    this.#password = undefined;
    this.#credentials = undefined;
    this.#core.close();
  }

  /** Sees to it that a message is stored; its id in the table. @param {string} id */
  async #stored(id) {
    const row = rowId(id);
    if (!(await this.#ask("is stored", row))) {
      await this.#signedIn("retrieve", undefined, (secret, isToken) => this.#core.session(secret, isToken, "one", row, undefined));
    }
    return row;
  }

  /**
   * What `Mailbox::answer` in `wasm/src/js/mailbox.rs` is asked.
   * @param {string} what @param {number} [first] @param {number} [second] @returns {Promise<any>}
   */
  #ask(what, first = 0, second = 0) {
    return call(() => this.#core.ask(what, first, second));
  }

  /**
   * Runs a session with a password; keeps the password once the server has taken it, and forgets it when refused.
   * @template T
   * @param {"sync" | "retrieve" | "sign-out"} reason
   * @param {string | undefined} given
   * @param {(secret: string, isToken: boolean) => Promise<T>} session
   * @returns {Promise<T>}
   */
  async #signedIn(reason, given, session) {
    const signOuts = this.#signOuts;
    const proof = await this.#proof(reason, given);
    const { secret, isToken } = proof;
    const accepted = (/** @type {any} */ event) => {
      if (event.detail.phase !== "list" || signOuts !== this.#signOuts) return;
      // A token soon expires, and whoever gave it has the next one.
      this.#password = isToken ? undefined : proof;
      this.#refused = undefined;
    };
    this.addEventListener("progress", accepted);
    try {
      return await call(() => session(secret, isToken));
    } catch (error) {
      if (/** @type {any} */ (error).code === "auth-failed") {
        this.#password = undefined;
        this.#refused = secret;
      }
      throw error;
    } finally {
      this.removeEventListener("progress", accepted);
    }
  }

  /** @param {"sync" | "retrieve" | "sign-out"} reason @param {string | undefined} given @returns {Promise<Proof>} */
  async #proof(reason, given) {
    if (given !== undefined) return proof(given);
    if (this.#password !== undefined) return this.#password;
    const source = this.#credentials;
    /** @type {Credentials | undefined} */
    const credentials =
      typeof source === "function"
        ? await source({ account: this.#account, reason: this.#refused === undefined ? reason : "rejected" })
        : source;
    if (!credentials) throw invalid("There is no password to sign in with. Pass one to sync(), or give `credentials` to Mailbox.open().");
    const found = proof(credentials);
    if (found.secret === this.#refused && typeof source !== "function") {
      throw ours("auth-failed", "auth", "This was refused, and is not sent again by itself. Pass another password to sync().");
    }
    return found;
  }

  #listen() {
    this.#channel = new BroadcastChannel(`poplar:${this.#account}`);
    this.#channel.onmessage = ({ data }) => {
      this.#core.invalidate();
      this.#dispatch("change", data);
    };
  }

  /** What the wasm tells, as an event. @param {string} name @param {any} told */
  #heard(name, told) {
    if (name === "progress") return this.#dispatch(name, told);
    const detail = name === "change" ? { ids: told } : { state: told };
    if (name === "change") this.#channel?.postMessage(detail);
    this.#dispatch(name, detail);
  }

  /** @param {string} name @param {any} detail */
  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * What the wasm asks of JavaScript: the browser's storage, locks and sockets, and the plain objects of the contract. Each of these is
 * a few words here, and would be imports, closures and conversions there.
 *
 * Nothing is decided here: what an error means, what is written and when is for `wasm/src` to say.
 */

/** A request's result; the browser's error, or `null` where it gives none. @param {IDBRequest} request @returns {Promise<any>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** How long other tabs have to close a database that is to be upgraded: they do it in the same turn as they hear of it. */
const BLOCKED_MS = 5_000;

/** A database that is only made to be deleted. */
const NOTHING = "poplar";

/** The log of this origin's databases is not one that a crash has cut, or is not any more. @type {Promise<void> | undefined} */
let whole;

/**
 * Has Chromium begin another log. It goes on writing where a crash cut the last one off, takes the seam for corruption when it reads
 * that log the next time, and drops every database of the origin. Deleting one has it write what the log has to its tables and leave
 * that log behind, in about 3 ms; other browsers have nothing to do.
 */
export async function anotherLog() {
  // Where there is nothing to lose, no trace is left either.
  if ((await indexedDB.databases()).length === 0) return;
  (await settled(indexedDB.open(NOTHING))).close();
  await deleteDatabase(NOTHING);
}

/** The names of this origin's databases. */
export async function databaseNames() {
  return (await indexedDB.databases()).map(({ name }) => name);
}

/**
 * The name of an account's database: it must be found again by the account's name, and not tell it. Who wants to know whether a certain
 * account is here can still try.
 * @param {string} account
 */
export async function databaseName(account) {
  const text = (/** @type {string} */ words) => new TextEncoder().encode(words);
  const name = await crypto.subtle.importKey("raw", text(account), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: text(`poplar ${globalThis.origin}`), iterations: NAME_ITERATIONS };
  const octets = new Uint8Array(await crypto.subtle.deriveBits(how, name, 128));
  return `poplar/${Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("")}`;
}

/** Some 25 ms, once for each mailbox that is opened. */
const NAME_ITERATIONS = 100_000;

/**
 * Opens a database, upgrading it where needed; version 0: as it is. One that does not exist is created with `create`, and otherwise is `undefined` and
 * goes on not existing: looking leaves no trace.
 * @param {string} name
 * @param {number} version
 * @param {boolean} create
 * @param {(database: IDBDatabase, from: number) => void} upgrade Throwing in it aborts the upgrade, and the open fails.
 */
export async function openDatabase(name, version, create, upgrade) {
  // What fails here is for the database itself to say.
  await (whole ??= anotherLog().catch(() => {}));
  const request = indexedDB.open(name, version || undefined);
  let absent = false;
  const blocked = new Promise((_, refused) => {
    // Whoever else has it open was told to make way. One that does not within so many milliseconds is an older version of this page.
    request.onblocked = () => setTimeout(refused, BLOCKED_MS, new DOMException("blocked", "TimeoutError"));
  });
  request.onupgradeneeded = ({ oldVersion }) => {
    absent = oldVersion === 0 && !create;
    if (absent) request.transaction?.abort();
    else upgrade(request.result, oldVersion);
  };
  try {
    const database = await Promise.race([settled(request), blocked]);
    // Another tab wants to delete or upgrade it: make way at once. The next use opens it again.
    database.onversionchange = () => database.close();
    return database;
  } catch (error) {
    // What opens after all is in nobody's hands.
    request.onsuccess = () => request.result.close();
    if (!absent) throw error;
  }
}

/** Waits for other connections to close, which they do when told of it. @param {string} name */
export async function deleteDatabase(name) {
  await settled(indexedDB.deleteDatabase(name));
}

/** The same, and what was in it is not left in the files either, as far as a page has any say in that. @param {string} name */
export async function eraseDatabase(name) {
  await deleteDatabase(name);
  // Chromium drops what was deleted when it next packs the tables: deleting a database is what has it do so.
  await anotherLog().catch(() => {});
}

/**
 * Begins a transaction; one that writes is durable at `complete`: Chromium's own default is *relaxed* since version 121.
 * @param {IDBDatabase} database @param {string[]} stores @param {boolean} write
 */
export function begin(database, stores, write) {
  return write ? database.transaction(stores, "readwrite", { durability: "strict" }) : database.transaction(stores);
}

/**
 * When a transaction is complete. To be called before anything of it is awaited.
 * @param {IDBTransaction} transaction @returns {Promise<void>}
 */
export function completion(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // A full disk may be noticed only here.
    transaction.onabort = () => reject(transaction.error);
  });
}

/** One value, or all where there is no key. @param {IDBTransaction} transaction @param {string} store @param {IDBValidKey} [key] */
export async function read(transaction, store, key) {
  const values = transaction.objectStore(store);
  return settled(key === undefined ? values.getAll() : values.get(key));
}

/** The highest key; `undefined` where there is none. @param {IDBTransaction} transaction @param {string} store */
export async function lastKey(transaction, store) {
  return (await settled(transaction.objectStore(store).openKeyCursor(null, "prev")))?.key;
}

/** The values of these keys, in the same order. @param {IDBTransaction} transaction @param {string} store @param {Uint32Array} keys */
export function readEach(transaction, store, keys) {
  return Promise.all(Array.from(keys, (key) => read(transaction, store, key)));
}

/** @param {IDBTransaction} transaction @param {string} store @param {IDBValidKey} key @param {unknown} value */
export function write(transaction, store, key, value) {
  transaction.objectStore(store).put(value, key);
}

/** Removes one value, or all where there is no key. @param {IDBTransaction} transaction @param {string} store @param {IDBValidKey} [key] */
export function remove(transaction, store, key) {
  const values = transaction.objectStore(store);
  if (key === undefined) values.clear();
  else values.delete(key);
}

/** Removes every piece of a message. @param {IDBTransaction} transaction @param {string} store @param {number} id */
export function removeAll(transaction, store, id) {
  transaction.objectStore(store).delete(IDBKeyRange.bound([id, 0], [id, 2 ** 32 - 1]));
}

/** Who has or waits for a lock in this page, where the browser has none. @type {Map<string, Promise<unknown>>} */
const turns = new Map();

/** @param {string} name @param {AbortSignal} [signal] @returns {Promise<() => void>} */
async function turn(name, signal) {
  const before = turns.get(name) ?? Promise.resolve();
  let release = () => {};
  turns.set(name, Promise.all([before, new Promise((over) => (release = () => over(undefined)))]));
  const aborted = new Promise((_, refused) => signal?.addEventListener("abort", () => refused(signal.reason), { once: true }));
  try {
    await Promise.race([before, aborted]);
    return release;
  } catch (reason) {
    release();
    throw reason;
  }
}

/**
 * Waits for a lock; gives what releases it.
 *
 * Locks need a secure context. Where there is none (a plain HTTP address that is not this computer) this page alone takes turns, and
 * against other tabs the server's own lock on the maildrop has to do.
 * @param {string} name @param {AbortSignal} [signal]
 * @returns {Promise<() => void>}
 */
export function lock(name, signal) {
  return new Promise((granted, refused) => {
    const locks = globalThis.navigator?.locks;
    if (!locks) return granted(turn(name, signal));
    locks.request(name, { signal }, () => new Promise((release) => granted(() => release(undefined)))).catch(refused);
  });
}

/** What a tunnel tells, beside bytes and the close codes, which begin at 1000. */
const [BYTES, TIME, ABORT] = [0, 1, 2];

/** As many octets as the wasm takes in while it waits for the database: enough for it to have work meanwhile. */
const HELD = 1 << 20;

/** A WebSocket and its timer. */
export class Tunnel {
  /** @type {WebSocket} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #due = 0;
  #signal;
  #hear;
  /** What came and was not told yet, in order. @type {[number, any, boolean][]} */
  #coming = [];
  /** Octets that may be told before there is word that they were taken in. */
  #room = Infinity;
  #telling = false;

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {AbortSignal | undefined} signal
   * @param {(what: number, detail: any, opened: boolean) => void} hear
   */
  constructor(url, protocols, signal, hear) {
    const socket = new WebSocket(url, protocols);
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => (opened = true);
    socket.onmessage = ({ data }) => this.#tell(BYTES, data instanceof ArrayBuffer ? new Uint8Array(data) : undefined, opened);
    socket.onclose = ({ code, reason }) => this.#tell(code, reason, opened);
    this.#socket = socket;
    this.#signal = signal;
    this.#hear = hear;
    signal?.addEventListener("abort", this.#aborted);
  }

  /** @param {number} what @param {any} detail @param {boolean} opened */
  #tell(what, detail, opened) {
    this.#coming.push([what, detail, opened]);
    this.#go();
  }

  async #go() {
    if (this.#telling) return;
    this.#telling = true;
    let octets = 0;
    // Each time whoever waits in the wasm takes what it was told first, and may say that it wants no more for now.
    for (await undefined; this.#room > 0 && this.#coming.length; await undefined) {
      const [what, detail, opened] = /** @type {[number, any, boolean]} */ (this.#coming.shift());
      const length = what === BYTES ? (detail?.length ?? 0) : 0;
      this.#room -= length;
      octets += length;
      this.#hear(what, detail, opened);
      // What has gathered is not all told in one task of the page.
      if (octets >= HELD) {
        octets = 0;
        await new Promise((next) => setTimeout(next));
      }
    }
    this.#telling = false;
  }

  /**
   * Whether the wasm waits for the database. It is told no more than {@link HELD} then: its memory never shrinks, and a message may be as
   * long as it likes.
   * @param {boolean} held
   */
  hold(held) {
    this.#room = held ? HELD : Infinity;
    this.#go();
  }

  #aborted = () => this.#hear(ABORT, undefined, true);

  /** Only a socket that is not open yet refuses. @param {Uint8Array<ArrayBuffer>} frame */
  send(frame) {
    if (this.#socket.readyState !== WebSocket.CONNECTING) this.#socket.send(frame);
  }

  /** Tells when `ms` have passed, or earlier: each piece of mail puts the time off, and a timer set anew for each costs more than that. */
  wakeIn(/** @type {number} */ ms) {
    const due = performance.now() + ms;
    if (this.#timer !== undefined && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Behind what has come: nobody is silent whose words wait here.
      this.#tell(TIME, undefined, true);
    }, ms);
  }

  /** Twice is harmless. */
  close() {
    clearTimeout(this.#timer);
    this.#socket.close(1000);
  }

  /** Closes, and tells nothing any more. */
  release() {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#coming = [];
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.close();
  }
}

/** @param {BlobPart[]} pieces @param {string} type */
export function blob(pieces, type) {
  return new Blob(pieces, { type });
}

/** A time that no calendar has is none: a sender may write anything. @param {number | undefined} at */
const date = (at) => (at === undefined || Number.isNaN(new Date(at).getTime()) ? null : new Date(at));

/** What is thrown, for `errors.js` to make a `MailError` of. */
export function thrown(code, phase, retryable, retryAfterMs = null, serverText, message) {
  return { code, phase, retryable, retryAfterMs, serverText, message };
}

/** An account as it lies in the database … */
export function account(account, user, relay) {
  return { account, user, relay };
}

/** … and in the list of accounts; of one whose name is hidden, the octets are all that is known. */
export function kept(account, messages, stored) {
  if (account instanceof Uint8Array) return { account: "", user: "", relay: "", hidden: true, messages, stored };
  const { account: name, user, relay } = account;
  return { account: name, user, relay, messages, stored };
}

/** A line of what was said in a session. */
export function spoken(at, said, answer, tookMs) {
  return { at: new Date(at), said, answer, tookMs };
}

/** A text without case and accents, for the search. @param {string} text */
export function folded(text) {
  return text.toLowerCase().normalize("NFKD").replace(/\p{M}+/gu, "");
}

/** @param {Uint32Array} rows */
export function ids(rows) {
  return Array.from(rows, String);
}

const DELETION = ["none", "wanted", "sent", "confirmed"];

/** A `Row`. `flags` as they lie in the table: `wasm/src/store/page.rs`. `envelope` where there is one that could be read. */
export function row(id, uid, size, stored, flags, envelope, damaged) {
  const onServer = Boolean(flags & 4);
  const deletion = DELETION[(flags >> 4) & 3];
  return {
    id: String(id),
    uid,
    subject: envelope?.subject ?? "",
    from: envelope?.from ?? "",
    preview: envelope?.preview ?? "",
    date: date(envelope?.date ?? undefined),
    size,
    stored,
    unconfirmed: Boolean(flags & 1),
    read: Boolean(flags & 2),
    onServer,
    hasAttachments: envelope?.attachments ?? false,
    hasHeaders: Boolean(flags & 8),
    // Sent, its answer lost, and gone from the list since.
    deletion: deletion === "sent" && !onServer ? "confirmed" : deletion,
    imported: Boolean(flags & 64),
    matched: Boolean(flags & 128),
    damaged,
  };
}

/** What a row shows of its message. */
export function envelope(subject, from, preview, date, attachments) {
  return { subject, from, preview, date, attachments };
}

export function progress(phase, done, total, bytes, totalBytes) {
  return { phase, done, total, bytes, totalBytes };
}

export function report(retrieved, headers, deleted, bytes, matched, remaining, skipped) {
  return { retrieved, headers, deleted, bytes, matched, remaining, skipped };
}

export function skipped(id, code, serverText) {
  return { id: String(id), code, serverText };
}

export function header(name, value) {
  return { name, value };
}

export function attachment(index, name, type, declaredType, size, inline, contentId = null) {
  return { index, name, type, declaredType, size, inline, contentId };
}

export function message(id, headers, subject, from, to, cc, at, text, html = null, attachments, reports) {
  return { id: String(id), headers, subject, from, to, cc, date: date(at), text, html, attachments, reports };
}

/** One of `Message.reports`. */
export function notice(kind, recipient, status = null, words, original = null) {
  return { kind, recipient, status, words, original };
}

/** Octets as text; `undefined` where the browser has no such charset. @param {string} label @param {Uint8Array} octets */
export function decoded(label, octets) {
  try {
    return new TextDecoder(label).decode(octets);
  } catch {
    return undefined;
  }
}

/**
 * The audit log: what was done with the mail on this computer, and when. No content: messages are named by their ids.
 *
 * An entry is sealed, and bound to its number and to the octets of the entry before: one that was changed, removed or put in
 * another's place does not open, and neither does the next. How many there are stands beside them with a seal on that number and the
 * last entry, so that missing ones at the end are seen as well.
 */
import { begin, completion, lastKey, lock, read, write } from "./host.js";

/** @typedef {{ at: number, what: string, ids: string[] }} Entry */
/** @typedef {{ count: number, seal: Uint8Array }} Head */
/** @typedef {{ number: number, seal: (all: Uint8Array[]) => Promise<Uint8Array[]>, open: (all: Uint8Array[]) => Promise<(Uint8Array | undefined)[]> }} Cipher */

const LOG = "log";
const META = "meta";
/** Entries read at a time. */
const PAGE = 500;

/**
 * Adds entries, durably.
 * @param {IDBDatabase} database @param {Cipher} cipher @param {string} account @param {Entry[]} entries
 */
export async function append(database, cipher, account, entries) {
  // One at a time in all tabs: each is bound to the one before.
  const release = await lock(`poplar:log:${account}`);
  try {
    const head = await headOf(database);
    let { count } = head;
    let before = await digest(count === 0 ? undefined : await valueOf(database, LOG, count));
    if (!(await isWhole(cipher, account, head, before))) {
      // A number that nobody has: what follows does not hide that something is missing.
      count += 1;
      before = await digest(undefined);
    }
    /** @type {Uint8Array[]} */
    const sealed = [];
    for (const entry of entries) {
      count += 1;
      const plain = new TextEncoder().encode(JSON.stringify(entry));
      const [value] = await cipher.seal([bound(account, count, before), plain]);
      sealed.push(value);
      before = await digest(value);
    }
    const [seal] = await cipher.seal([headBound(account, count, before), new Uint8Array()]);
    const transaction = begin(database, [LOG, META], true);
    const complete = completion(transaction);
    const key = await read(transaction, META, "key");
    if (key?.number !== cipher.number) {
      transaction.abort();
      complete.catch(() => {});
      throw new DOMException("sealed with another key", "NotAllowedError");
    }
    sealed.forEach((value, place) => write(transaction, LOG, count - sealed.length + place + 1, value));
    write(transaction, META, LOG, { count, seal });
    await complete;
  } finally {
    release();
  }
}

/**
 * The whole log, oldest first, and the number of the first entry that is not as it was written.
 * @param {IDBDatabase} database @param {Cipher} cipher @param {string} account
 * @returns {Promise<{ entries: (Entry & { n: number })[], broken: number | null }>}
 */
export async function entries(database, cipher, account) {
  const head = await headOf(database);
  const { count } = head;
  const all = [];
  let broken = null;
  let before = await digest(undefined);
  for (let first = 1; first <= count; first += PAGE) {
    const numbers = Array.from({ length: Math.min(PAGE, count - first + 1) }, (_, at) => first + at);
    const transaction = begin(database, [LOG], false);
    const values = await Promise.all(numbers.map((n) => read(transaction, LOG, n)));
    const digests = [before, ...(await Promise.all(values.map(digest)))];
    const opened = await cipher.open(values.flatMap((value, at) => [bound(account, first + at, digests[at]), value ?? new Uint8Array()]));
    opened.forEach((plain, at) => {
      if (plain) all.push({ n: first + at, ...JSON.parse(new TextDecoder().decode(plain)) });
      else broken ??= first + at;
    });
    before = /** @type {Uint8Array} */ (digests.at(-1));
  }
  if (!(await isWhole(cipher, account, head, before))) broken ??= count + 1;
  return { entries: all, broken };
}

/** Times of wrong secrets, of the octets that `wasm/src/store/attempts.rs` keeps. @param {Uint8Array} octets */
export function times(octets) {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Array.from({ length: octets.length / 8 }, (_, at) => Number(view.getBigUint64(8 * at, true)));
}

/** @param {IDBDatabase} database @returns {Promise<Head>} without a seal where there is none, or none any more */
async function headOf(database) {
  const head = await valueOf(database, META, LOG);
  if (Number.isSafeInteger(head?.count) && head.count > 0) return head;
  return { count: (await lastKey(begin(database, [LOG], false), LOG)) ?? 0, seal: new Uint8Array() };
}

/** Whether the last entry is the last one. @param {Cipher} cipher @param {string} account @param {Head} head @param {Uint8Array} last its digest */
async function isWhole(cipher, account, { count, seal }, last) {
  if (count === 0) return true;
  const [opened] = await cipher.open([headBound(account, count, last), seal]);
  return opened !== undefined;
}

/** @param {IDBDatabase} database @param {string} store @param {IDBValidKey} key */
function valueOf(database, store, key) {
  return read(begin(database, [store], false), store, key);
}

/** @param {Uint8Array | undefined} value @returns {Promise<Uint8Array>} of the entry before; of none, for the first */
async function digest(value) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (value ?? new Uint8Array())));
}

/** @param {string} account @param {number} number @param {Uint8Array} before */
function bound(account, number, before) {
  return boundTo(`poplar log ${number} ${account}\0`, before);
}

/** @param {string} account @param {number} count @param {Uint8Array} last */
function headBound(account, count, last) {
  return boundTo(`poplar log of ${count} ${account}\0`, last);
}

/** @param {string} name @param {Uint8Array} digest */
function boundTo(name, digest) {
  const words = new TextEncoder().encode(name);
  const all = new Uint8Array(words.length + digest.length);
  all.set(words);
  all.set(digest, words.length);
  return all;
}

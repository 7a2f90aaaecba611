/**
 * Rows of the UID table as the wasm writes them, `wasm/src/store/page.rs`: what crosses over in an export and an import. The wasm can
 * read and write it in any case, so that it weighs nothing there.
 */
import { internal } from "../errors.js";
import { join } from "./zip-writer.js";

/** Of rows as they lie in the database; those that come from a file have no stamp, and are written as in the version before. */
const VERSION = 2;
const UNSEALED = 1;

const UNCONFIRMED = 1;
const READ = 1 << 1;
const ON_SERVER = 1 << 2;
const DELETION_SHIFT = 4;
const DELETIONS = /** @type {const} */ (["none", "wanted", "sent", "confirmed"]);

/**
 * @typedef {object} PageRow Times in milliseconds since 1970; 0 for never.
 * @property {number} id
 * @property {string} uid
 * @property {number} ordinal
 * @property {number} size
 * @property {number} firstSeen
 * @property {number} retrieved
 * @property {number} octets Stored.
 * @property {number} chunks Pieces stored.
 * @property {boolean} [unconfirmed]
 * @property {boolean} [read]
 * @property {boolean} [onServer]
 * @property {typeof DELETIONS[number]} [deletion]
 */

/** @param {Uint8Array} page @returns {PageRow[]} */
export function decodePage(page) {
  const text = new TextDecoder();
  let at = 1;
  const number = () => {
    let [value, weight] = [0, 1];
    // No shifts: times and sizes have more than 32 bits.
    for (; page[at] & 0x80; weight *= 128) value += (page[at++] & 0x7f) * weight;
    return value + page[at++] * weight;
  };
  if (![VERSION, UNSEALED].includes(page[0])) throw internal("The library is of two versions. Reload the page.");
  const rows = [];
  while (at < page.length) {
    const id = number();
    const octetsOfUid = number();
    const uid = text.decode(page.subarray(at, (at += octetsOfUid)));
    const [ordinal, size, firstSeen, retrieved, octets, chunks] = [number(), number(), number(), number(), number(), number()];
    const flags = number();
    if (page[0] === VERSION) number(); // the stamp, which is the store's own affair
    const [unconfirmed, read, onServer] = [UNCONFIRMED, READ, ON_SERVER].map((bit) => Boolean(flags & bit));
    const deletion = DELETIONS[(flags >> DELETION_SHIFT) & 3];
    rows.push({ id, uid, ordinal, size, firstSeen, retrieved, octets, chunks, unconfirmed, read, onServer, deletion });
  }
  return rows;
}

/** @param {PageRow[]} rows */
export function encodePage(rows) {
  const text = new TextEncoder();
  const parts = rows.flatMap((row) => {
    const uid = text.encode(row.uid);
    const numbers = [row.ordinal, row.size, row.firstSeen, row.retrieved, row.octets, row.chunks];
    const deletion = DELETIONS.indexOf(row.deletion ?? "none") << DELETION_SHIFT;
    const flags = (row.unconfirmed ? UNCONFIRMED : 0) | (row.read ? READ : 0) | deletion;
    return [Uint8Array.from([row.id, uid.length].flatMap(leb128)), uid, Uint8Array.from([...numbers, flags].flatMap(leb128))];
  });
  return join([Uint8Array.of(UNSEALED), ...parts]);
}

/** @param {number} value */
function leb128(value) {
  const octets = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) octets.push((value % 128) | 0x80);
  return [...octets, value];
}

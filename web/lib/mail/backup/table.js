/** The UID table as JSON: what the server has, what was retrieved and read, and no word of mail. */
import { invalid } from "../errors.js";

const FORMAT = "poplar-uid-table";
const VERSION = 1;

/** Largest file that is read: half a million rows of ours, and it is held whole. */
const MOST_OCTETS = 128 << 20;
/** Longest UID. RFC 1939 §7 allows 70 octets, and servers give more. */
const MOST_UID = 4096;
/** What 32 bits hold. */
const MOST = 2 ** 32 - 1;

const DELETIONS = ["none", "wanted", "sent", "confirmed"];

/**
 * @typedef {object} TableRow
 * @property {string} uid One character per octet.
 * @property {number} ordinal Tells messages apart to which a server gives one UID.
 * @property {number} size Octets, as LIST said.
 * @property {string} firstSeen ISO 8601, as all times here.
 * @property {string | null} retrieved
 * @property {boolean} read
 * @property {boolean} unconfirmed
 * @property {"none" | "wanted" | "sent" | "confirmed"} deletion
 * @property {boolean} onServer
 * @property {boolean} stored
 * @property {string} [file] Where its message is in the same zip.
 */

/**
 * The JSON in pieces, a row on each line.
 * @param {{ account: string, user: string, relay: string }} whose
 * @param {Date} at
 * @param {string[]} lines what `tableLines` made
 */
export function tablePieces({ account, user, relay }, at, lines) {
  const head = JSON.stringify({ format: FORMAT, version: VERSION, account, user, relay, exportedAt: at.toISOString() });
  const text = new TextEncoder();
  const pieces = [text.encode(`${head.slice(0, -1)},"rows":[\n`)];
  lines.forEach((line, place) => pieces.push(text.encode(place === 0 ? line : `,\n${line}`)));
  pieces.push(text.encode("\n]}\n"));
  return pieces;
}

/** @param {TableRow[]} rows one or more */
export function tableLines(rows) {
  return rows.map((row) => JSON.stringify(row)).join(",\n");
}

/**
 * Reads what `tablePieces` wrote. Rejects with a MailError, `invalid-argument`, where it is anything else.
 * @param {AsyncIterable<Uint8Array> | Iterable<Uint8Array>} pieces
 * @returns {Promise<{ user: string, rows: TableRow[] }>}
 */
export async function readTable(pieces) {
  const text = new TextDecoder("utf-8", { fatal: true });
  let [json, octets] = ["", 0];
  /** @type {any} */
  let table;
  try {
    for await (const piece of pieces) {
      octets += piece.length;
      if (octets > MOST_OCTETS) break;
      json += text.decode(piece, { stream: true });
    }
    if (octets <= MOST_OCTETS) table = JSON.parse(json + text.decode());
  } catch (error) {
    // The text of a SyntaxError quotes the file.
    if (error instanceof SyntaxError || error instanceof TypeError) throw invalid("This file is not a UID table: it is no JSON.");
    throw error;
  }
  if (octets > MOST_OCTETS) throw invalid("This file is too large for a UID table.");
  if (table?.format !== FORMAT) throw invalid("This file is not a UID table of Poplar's.");
  if (table.version !== VERSION) throw invalid("This UID table was written by a newer Poplar, which has to read it.");
  if (!Array.isArray(table.rows)) throw invalid("This UID table has no rows.");
  if (typeof table.user !== "string") throw invalid("This UID table does not say whose it is.");
  return { user: table.user, rows: table.rows.map(checked) };
}

/** @param {unknown} row @param {number} place @returns {TableRow} */
function checked(row, place) {
  const wrong = (/** @type {string} */ what) => invalid(`Row ${place + 1} of this UID table is wrong: ${what}. Nothing was imported.`);
  if (!row || typeof row !== "object" || Array.isArray(row)) throw wrong("it is no object");
  const { uid, ordinal = 0, size, firstSeen, retrieved = null, deletion = "none", file, ...rest } = /** @type {any} */ (row);
  // An octet a character; one that is our own begins with another, `FINGERPRINT` in `wasm/src/store/record.rs`.
  if (typeof uid !== "string" || uid.length > MOST_UID || !/^\u2248?[\0-\xff]*$/.test(uid)) throw wrong("uid");
  if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal > MOST) throw wrong("ordinal");
  if (!Number.isSafeInteger(size) || size < 0) throw wrong("size");
  if (!isTime(firstSeen)) throw wrong("firstSeen");
  if (retrieved !== null && !isTime(retrieved)) throw wrong("retrieved");
  if (!DELETIONS.includes(deletion)) throw wrong("deletion");
  if (file !== undefined && typeof file !== "string") throw wrong("file");
  const flag = (/** @type {string} */ name) => {
    const value = rest[name] ?? false;
    if (typeof value !== "boolean") throw wrong(name);
    return value;
  };
  const flags = { read: flag("read"), unconfirmed: flag("unconfirmed"), onServer: flag("onServer"), stored: flag("stored") };
  return { uid, ordinal, size, firstSeen, retrieved, deletion, ...flags, ...(file === undefined ? {} : { file }) };
}

/** @param {unknown} value */
function isTime(value) {
  return typeof value === "string" && value.length <= 40 && Date.parse(value) > 0;
}

/** Everything that is kept of a mailbox, as one stream: nothing is read before somebody wants it, and of a message no more than a piece. */
import { ours } from "../errors.js";
import { mboxMessage } from "./mbox.js";
import { decodePage } from "./pages.js";
import { tableLines, tablePieces } from "./table.js";
import { join, ZipWriter } from "./zip-writer.js";

/** Rows asked for at a time. */
const ROWS = 1000;
/** Pieces that go out have so many octets, or more: each is a call and, in most receivers, a write. */
const PIECE = 64 << 10;

/** Years have four digits, and the dates of a zip end with 2107. */
const LATEST = Date.UTC(2107, 0);

/** Where the UID table is in a zip. */
export const TABLE_NAME = "uid-table.json";

/**
 * @typedef {object} Source A mailbox, as far as export and import need it.
 * @property {{ account: string, user: string, relay: string }} whose
 * @property {(what: string, first?: number, second?: number) => Promise<any>} ask `Mailbox::answer` in `wasm/src/js/mailbox.rs`.
 */

/** @typedef {import("./pages.js").PageRow} PageRow */
/** @typedef {{ done: number, total: number, bytes: number, totalBytes: number }} BackupProgress */
/** @typedef {{ signal?: AbortSignal, onProgress?: (progress: BackupProgress) => void }} Options */

/**
 * @param {Source} source
 * @param {"zip" | "mbox"} format
 * @param {Options} options
 * @returns {AsyncGenerator<Uint8Array>}
 */
export function exportedMailbox(source, format, options) {
  return gathered(format === "mbox" ? mbox(source, options) : zip(source, options), options.signal);
}

/** The UID table alone. @param {Source} source */
export async function exportedTable(source) {
  const lines = [];
  for await (const { rows } of pages(source)) lines.push(tableLines(rows.map((row) => tableRow(row))));
  return new Blob(tablePieces(source.whose, new Date(), lines), { type: "application/json" });
}

/** @param {Source} source @param {Options} options */
async function* zip(source, options) {
  const writer = new ZipWriter();
  const lines = [];
  const { read, end } = await counter(source, options);
  let number = 0;
  for await (const { rows, offset } of pages(source)) {
    const dateOf = await dates(source, offset);
    const table = [];
    for (const row of rows) {
      number += 1;
      if (isStored(row)) {
        const at = dateOf(row);
        const name = fileName(number, at);
        yield* writer.file(name, at, row.octets, read(source, row));
        table.push(tableRow(row, name));
      } else {
        table.push(tableRow(row));
      }
    }
    lines.push(tableLines(table));
  }
  end();
  const now = new Date();
  const table = tablePieces(source.whose, now, lines);
  yield* writer.file(TABLE_NAME, now, table.reduce((octets, { length }) => octets + length, 0), table);
  yield* writer.end();
}

/** @param {Source} source @param {Options} options */
async function* mbox(source, options) {
  const { read, end } = await counter(source, options);
  for await (const { rows, offset } of pages(source)) {
    const dateOf = await dates(source, offset);
    for (const row of rows.filter(isStored)) yield* mboxMessage(dateOf(row), read(source, row));
  }
  end();
}

/** Gives a reader of messages that tells how far it is, and what sees at the end that none is missing. @param {Source} source @param {Options} options */
async function counter(source, { onProgress }) {
  const progress = { done: 0, total: 0, bytes: 0, totalBytes: 0 };
  for await (const { rows } of pages(source)) {
    for (const { octets } of rows.filter(isStored)) {
      progress.total += 1;
      progress.totalBytes += octets;
    }
  }
  const tell = () => onProgress?.({ ...progress });
  tell();
  const end = () => {
    // Cleared between two pages, the table simply ends. Nobody is to take the rest for a copy of all.
    if (progress.done < progress.total) throw ours("store", "store", "The messages were removed from this browser meanwhile. The copy is not whole.");
  };
  const read = async function* (/** @type {Source} */ { ask }, /** @type {PageRow} */ { id, chunks }) {
    for (let place = 0; place < chunks; place++) {
      const piece = await ask("piece", id, place);
      yield piece;
      progress.bytes += piece.length;
      if (place + 1 === chunks) progress.done += 1;
      tell();
    }
  };
  return { read, end };
}

/** Rows in the order of the table, which is that of first sight. @param {Source} source */
export async function* pages({ ask }) {
  for (let offset = 0; ; offset += ROWS) {
    const rows = decodePage(await ask("table", offset, ROWS));
    if (rows.length === 0) return;
    yield { rows, offset };
  }
}

/** @param {PageRow} row */
export function isStored({ retrieved, chunks }) {
  return retrieved !== 0 && chunks > 0;
}

/**
 * When the messages of a page were written, as far as they say so and can be believed; otherwise when they were first seen.
 * @param {Source} source @param {number} offset
 */
async function dates({ ask }, offset) {
  /** @type {{ id: string, date: Date | null }[]} */
  const known = await ask("oldest", offset, ROWS);
  const written = new Map(known.map(({ id, date }) => [Number(id), date?.getTime() ?? NaN]));
  return (/** @type {PageRow} */ { id, firstSeen }) => {
    const at = written.get(id) ?? NaN;
    return new Date(at > 0 && at < LATEST ? at : firstSeen);
  };
}

/** Nothing of a message is in its name but its place here and its day. @param {number} number @param {Date} at */
function fileName(number, at) {
  return `messages/${String(number).padStart(6, "0")}-${at.toISOString().slice(0, 10)}.eml`;
}

/** @param {PageRow} row @param {string} [file] @returns {import("./table.js").TableRow} */
function tableRow(row, file) {
  const { uid, ordinal, size, read = false, unconfirmed = false, deletion = "none", onServer = false } = row;
  const [firstSeen, retrieved] = [iso(row.firstSeen), row.retrieved ? iso(row.retrieved) : null];
  return { uid, ordinal, size, firstSeen, retrieved, read, unconfirmed, deletion, onServer, stored: isStored(row), ...(file && { file }) };
}

/** @param {number} at */
function iso(at) {
  return new Date(at).toISOString();
}

/** Small pieces joined; ends with an AbortError where the signal says so. @param {AsyncGenerator<Uint8Array>} pieces @param {AbortSignal} [signal] */
async function* gathered(pieces, signal) {
  /** @type {Uint8Array[]} */
  let held = [];
  let octets = 0;
  for await (const piece of pieces) {
    if (signal?.aborted) throw new DOMException("The operation was aborted.", "AbortError");
    held.push(piece);
    octets += piece.length;
    if (octets < PIECE) continue;
    yield held.length === 1 ? piece : join(held);
    [held, octets] = [[], 0];
  }
  if (octets) yield join(held);
}

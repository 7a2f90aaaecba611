/**
 * A zip file read from its list of entries. Nobody knows who made it: every length, offset and sum is checked before it is believed, what
 * is held does not grow with what a header claims, and no entry can be unpacked to more than the list said.
 */
import { invalid } from "../errors.js";
import { bytes, piecesOf } from "./blob.js";
import { crc32 } from "./crc32.js";
import {
  CENTRAL, CENTRAL_OCTETS, DEFLATED, ENCRYPTED, END, END64, END64_OCTETS, END_OCTETS, EXTRA64, FULL16, FULL32, LOCAL, LOCAL_OCTETS,
  LOCATOR64, LOCATOR64_OCTETS, STORED,
} from "./zip-format.js";

/** Most octets of the list of entries, which is held: ours has some 100 for each message, so that is half a million. */
const MOST_LIST = 64 << 20;
/** Deflated entries are read so many octets at a time: an octet becomes 1032 at most (RFC 1951 §3.2.5: 258 for two bits), and all of a piece may come at once. */
const PACKED_PIECE = 16 << 10;
/** All entries together unpack to at most so many times the file, beside an amount that is nothing: mail packs to a fifth, bombs to a hundredth and less. */
const MOST_TIMES = 50;
const NOTHING = 16 << 20;

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {number} size Octets, unpacked.
 * @property {number} packed Octets in the file.
 * @property {number} crc
 * @property {number} method
 * @property {number} offset Where its own header is.
 * @property {number} limit Where the next thing begins.
 * @property {number} nameOctets
 */

/** An entry that cannot be read, while the others may well be. */
export class Damaged extends Error {}

export class ZipReader {
  #blob;

  /** @param {Blob} blob @param {Map<string, Entry>} entries */
  constructor(blob, entries) {
    this.#blob = blob;
    /** By name, in the order of the list. */
    this.entries = entries;
  }

  /**
   * Reads the list of entries. Rejects with a MailError, `invalid-argument`, where the file is no whole zip, or one made to harm.
   * @param {Blob} blob
   */
  static async open(blob) {
    const list = await findList(blob);
    if (list.octets > MOST_LIST) throw broken("its list of files is too long");
    // Each record has so many octets, so a count that is made up is found here.
    if (list.count * CENTRAL_OCTETS > list.octets) throw broken("its list of files does not fit their number");
    const entries = records(await view(blob, list.offset, list.octets), list.count, list.offset);
    bound(entries, list.offset, blob.size);
    const named = new Map(entries.map((entry) => [entry.name, entry]));
    if (named.size !== entries.length) throw broken("two of its files have one name");
    return new ZipReader(blob, named);
  }

  /**
   * What an entry holds, in pieces of at most 16 MiB. Throws `Damaged` where it is not what the list says, at the latest behind its last
   * octet: nothing of it is good before it has ended.
   * @param {Entry} entry
   * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>>}
   */
  async *read(entry) {
    const start = await this.#contents(entry);
    const pieces = entry.method === STORED ? piecesOf(this.#blob, start, entry.packed) : this.#inflated(start, entry);
    let crc = 0;
    let size = 0;
    try {
      for await (const piece of pieces) {
        crc = crc32(crc, piece);
        size += piece.length;
        if (size > entry.size) break;
        yield piece;
      }
    } catch (error) {
      // What DecompressionStream throws at bytes that are not deflated, or end too soon or too late.
      if (error instanceof TypeError) throw new Damaged();
      throw error;
    }
    if (size !== entry.size || crc !== entry.crc) throw new Damaged();
  }

  /** Where the contents of an entry begin, once its own header was found to be the list's. @param {Entry} entry */
  async #contents({ offset, limit, packed, method, nameOctets }) {
    const head = await view(this.#blob, offset, LOCAL_OCTETS);
    const start = offset + LOCAL_OCTETS + head.getUint16(26, true) + head.getUint16(28, true);
    const fits =
      head.getUint32(0, true) === LOCAL &&
      head.getUint16(8, true) === method &&
      head.getUint16(26, true) === nameOctets &&
      !(head.getUint16(6, true) & ENCRYPTED) &&
      start + packed <= limit;
    if (!fits || (method !== STORED && method !== DEFLATED)) throw new Damaged();
    return start;
  }

  /** @param {number} start @param {Entry} entry */
  async *#inflated(start, { packed }) {
    const blob = this.#blob;
    let place = 0;
    const source = new ReadableStream(
      {
        async pull(controller) {
          const length = Math.min(PACKED_PIECE, packed - place);
          if (length === 0) return controller.close();
          controller.enqueue(await bytes(blob, start + place, length));
          place += length;
        },
      },
      { highWaterMark: 0 },
    );
    const reader = source.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      // Where it was left early, nothing of it is read on. What it says about that is nobody's affair.
      reader.cancel().catch(() => {});
    }
  }
}

/**
 * Where the list of entries is, from the record at the very end.
 * @param {Blob} blob
 */
async function findList(blob) {
  const tail = Math.min(blob.size, END_OCTETS + FULL16);
  const base = blob.size - tail;
  const last = await view(blob, base, tail);
  let at = tail - END_OCTETS;
  // A comment may stand behind it; the record is the one whose comment ends with the file.
  while (at >= 0 && !(last.getUint32(at, true) === END && last.getUint16(at + 20, true) === tail - END_OCTETS - at)) at -= 1;
  if (at < 0) throw broken("its end is missing");
  const end = base + at;
  const list = { count: last.getUint16(at + 10, true), octets: last.getUint32(at + 12, true), offset: last.getUint32(at + 16, true) };
  const parts = [last.getUint16(at + 4, true), last.getUint16(at + 6, true), last.getUint16(at + 8, true) - list.count];
  const wide = list.count === FULL16 || list.octets === FULL32 || list.offset === FULL32;
  if (wide) return findList64(blob, end);
  if (parts.some(Boolean)) throw broken("it is one of several parts");
  // Zips that are glued to a program have it elsewhere: such a thing is nobody's mail.
  if (list.offset + list.octets !== end) throw broken("its list of files is not where it should be");
  return list;
}

/** The same for Zip64. @param {Blob} blob @param {number} end */
async function findList64(blob, end) {
  const at = end - LOCATOR64_OCTETS - END64_OCTETS;
  if (at < 0) throw broken("its end is damaged");
  // Only with the record right in front of its locator, and without data of its own: nobody writes another.
  const record = await view(blob, at, END64_OCTETS + LOCATOR64_OCTETS);
  const u64 = (/** @type {number} */ place) => Number(record.getBigUint64(place, true));
  const fits =
    record.getUint32(0, true) === END64 &&
    record.getUint32(END64_OCTETS, true) === LOCATOR64 &&
    u64(END64_OCTETS + 8) === at &&
    record.getUint32(16, true) === 0 &&
    record.getUint32(20, true) === 0 &&
    u64(24) === u64(32);
  const list = { count: u64(32), octets: u64(40), offset: u64(48) };
  if (!fits || list.offset + list.octets !== at) throw broken("its list of files is not where it should be");
  return list;
}

/** @param {DataView} list @param {number} count @param {number} most Where the list itself begins. */
function records(list, count, most) {
  const text = new TextDecoder();
  const entries = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    if (at + CENTRAL_OCTETS > list.byteLength || list.getUint32(at, true) !== CENTRAL) throw broken("its list of files is damaged");
    const flags = list.getUint16(at + 8, true);
    const nameOctets = list.getUint16(at + 28, true);
    const extraOctets = list.getUint16(at + 30, true);
    const next = at + CENTRAL_OCTETS + nameOctets + extraOctets + list.getUint16(at + 32, true);
    if (next > list.byteLength) throw broken("its list of files is damaged");
    const nameAt = at + CENTRAL_OCTETS;
    const name = text.decode(new Uint8Array(list.buffer, nameAt, nameOctets));
    const plain = [list.getUint32(at + 24, true), list.getUint32(at + 20, true), list.getUint32(at + 42, true)];
    const [size, packed, offset] = wide(plain, new DataView(list.buffer, nameAt + nameOctets, extraOctets));
    const method = list.getUint16(at + 10, true);
    const crc = list.getUint32(at + 16, true);
    if (flags & ENCRYPTED) throw broken("it is locked with a password");
    if (![size, packed, offset].every((n) => Number.isSafeInteger(n) && n >= 0)) throw broken("one of its files has no size");
    if (method === STORED && size !== packed) throw broken("one of its files has two sizes");
    if (offset > most) throw broken("one of its files is outside of it");
    entries.push({ name, size, packed, crc, method, offset, limit: most, nameOctets });
    at = next;
  }
  if (at !== list.byteLength) throw broken("its list of files does not fit their number");
  return entries;
}

/** What stands in the Zip64 field for those that have no room in their own place, in this order. @param {number[]} plain @param {DataView} extra */
function wide(plain, extra) {
  if (!plain.includes(FULL32)) return plain;
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== EXTRA64) continue;
    const end = Math.min(at + 4 + extra.getUint16(at + 2, true), extra.byteLength);
    let place = at + 4;
    return plain.map((value) => {
      if (value !== FULL32) return value;
      place += 8;
      return place <= end ? Number(extra.getBigUint64(place - 8, true)) : NaN;
    });
  }
  // It may be exactly so large.
  return plain;
}

/** Sees that entries lie one behind the other, and unpack to what there is room for. @param {Entry[]} entries @param {number} end @param {number} octets */
function bound(entries, end, octets) {
  const placed = [...entries].sort((a, b) => a.offset - b.offset);
  let unpacked = 0;
  placed.forEach((entry, place) => {
    entry.limit = placed[place + 1]?.offset ?? end;
    if (entry.offset + LOCAL_OCTETS + entry.nameOctets + entry.packed > entry.limit) throw broken("two of its files are in one place");
    unpacked += entry.size;
  });
  if (unpacked > octets * MOST_TIMES + NOTHING) throw broken("it would unpack to far more than mail does");
}

/** @param {Blob} blob @param {number} start @param {number} length */
async function view(blob, start, length) {
  return new DataView((await bytes(blob, start, length)).buffer);
}

/** @param {string} why */
function broken(why) {
  return invalid(`This zip file is damaged or not one of Poplar's: ${why}. Nothing was imported.`);
}

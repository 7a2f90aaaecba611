/**
 * A zip file as a stream: entries stored as they are, so that what comes out is byte for byte what went in.
 *
 * Nothing is held but the list of entries. Zip64 where sizes, offsets or the count ask for it, and only there: old readers open the rest.
 */
import { crc32 } from "./crc32.js";
import {
  CENTRAL, CENTRAL_OCTETS, DESCRIBED, DESCRIPTOR, END, END64, END64_OCTETS, END_OCTETS, EXTRA64, EXTRA_TIME, FULL16, FULL32, LOCAL,
  LOCAL_OCTETS, LOCATOR64, LOCATOR64_OCTETS, STORED, UTF8,
} from "./zip-format.js";

/** Versions that a reader must know [4.4.3]: folders, and Zip64. */
const PLAIN = 20;
const ZIP64 = 45;
/** Made on Unix [4.4.2], which gives the attributes below their meaning: a file that its owner may write and all may read. */
const UNIX = 3 << 8;
const ATTRIBUTES = 0o100644 << 16;
/** Records of the list that go out in one piece: some 64 kB. */
const RECORDS = 512;

/** @typedef {{ name: Uint8Array, at: Date, size: number, crc: number, flags: number, offset: number }} Entry */

export class ZipWriter {
  /** @type {Entry[]} */
  #entries = [];
  #octets = 0;

  /**
   * Writes a file.
   * @param {string} name with `/` between folders
   * @param {Date} at
   * @param {number} size of all of it, in octets
   * @param {AsyncIterable<Uint8Array> | Iterable<Uint8Array>} pieces Other octets than `size` are refused.
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *file(name, at, size, pieces) {
    const entry = { name: new TextEncoder().encode(name), at, size, crc: 0, flags: UTF8 | DESCRIBED, offset: this.#octets };
    let written = 0;
    for await (const piece of pieces) {
      if (piece.length === 0) continue;
      entry.crc = crc32(entry.crc, piece);
      if (written === 0) {
        // What comes in one piece is described in front, where also those find it who read a zip from its beginning.
        if (piece.length === size) entry.flags = UTF8;
        yield this.#count(local(entry));
      }
      written += piece.length;
      if (written > size) break;
      yield this.#count(piece);
    }
    if (written !== size) throw new RangeError("a file of the zip is longer or shorter than was said");
    if (size === 0) {
      entry.flags = UTF8;
      yield this.#count(local(entry));
    }
    if (entry.flags & DESCRIBED) yield this.#count(descriptor(entry));
    this.#entries.push(entry);
  }

  /** The list of entries, which ends the zip. @returns {Generator<Uint8Array>} */
  *end() {
    const offset = this.#octets;
    for (let first = 0; first < this.#entries.length; first += RECORDS) {
      yield this.#count(join(this.#entries.slice(first, first + RECORDS).map(central)));
    }
    yield end(this.#entries.length, offset, this.#octets - offset);
  }

  /** @param {Uint8Array} bytes */
  #count(bytes) {
    this.#octets += bytes.length;
    return bytes;
  }
}

/** @param {Entry} entry */
function local(entry) {
  const { name, size, flags } = entry;
  const large = size >= FULL32;
  // Before the sum is known, the descriptor behind the file is what tells it.
  const crc = flags & DESCRIBED ? 0 : entry.crc;
  const told = flags & DESCRIBED ? 0 : size;
  const extra = join([...(large ? [zip64([told, told])] : []), time(entry.at)]);
  const field = new Fields(LOCAL_OCTETS + name.length + extra.length);
  field.u32(LOCAL).u16(large ? ZIP64 : PLAIN);
  described(field, entry).u32(crc);
  field.u32(large ? FULL32 : told).u32(large ? FULL32 : told);
  return field.u16(name.length).u16(extra.length).bytes(name).bytes(extra).all;
}

/** @param {Entry} entry */
function descriptor({ crc, size }) {
  const large = size >= FULL32;
  const field = new Fields(large ? 24 : 16).u32(DESCRIPTOR).u32(crc);
  return (large ? field.u64(size).u64(size) : field.u32(size).u32(size)).all;
}

/** @param {Entry} entry */
function central(entry) {
  const { name, size, crc, offset } = entry;
  const large = size >= FULL32;
  const far = offset >= FULL32;
  const wide = [...(large ? [size, size] : []), ...(far ? [offset] : [])];
  const extra = join([...(wide.length ? [zip64(wide)] : []), time(entry.at)]);
  const needed = wide.length ? ZIP64 : PLAIN;
  const field = new Fields(CENTRAL_OCTETS + name.length + extra.length);
  field.u32(CENTRAL).u16(UNIX | needed).u16(needed);
  described(field, entry).u32(crc);
  field.u32(large ? FULL32 : size).u32(large ? FULL32 : size).u16(name.length).u16(extra.length);
  // No comment, the first disk, binary.
  field.u16(0).u16(0).u16(0).u32(ATTRIBUTES);
  return field.u32(far ? FULL32 : offset).bytes(name).bytes(extra).all;
}

/** @param {number} count @param {number} offset @param {number} octets */
function end(count, offset, octets) {
  const wide = count >= FULL16 || offset >= FULL32 || octets >= FULL32;
  const field = new Fields((wide ? END64_OCTETS + LOCATOR64_OCTETS : 0) + END_OCTETS);
  if (wide) {
    // Its length is told without the twelve octets up to there [4.3.14.1].
    field.u32(END64).u64(END64_OCTETS - 12).u16(UNIX | ZIP64).u16(ZIP64).u32(0).u32(0);
    field.u64(count).u64(count).u64(octets).u64(offset);
    field.u32(LOCATOR64).u32(0).u64(offset + octets).u32(1);
  }
  const few = Math.min(count, FULL16);
  field.u32(END).u16(0).u16(0).u16(few).u16(few);
  return field.u32(Math.min(octets, FULL32)).u32(Math.min(offset, FULL32)).u16(0).all;
}

/** Flags, method and time, as both headers have them. @param {Fields} field @param {Entry} entry */
function described(field, { flags, at }) {
  // DOS counts from 1980 to 2107, and in steps of two seconds. It knows no zone: UTC, with the exact time beside it.
  const year = at.getUTCFullYear();
  const counted = year >= 1980 && year <= 2107;
  const day = counted ? ((year - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate() : (1 << 5) | 1;
  const second = counted ? (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1) : 0;
  return field.u16(flags).u16(STORED).u16(second).u16(day);
}

/** @param {number[]} values */
function zip64(values) {
  const field = new Fields(4 + 8 * values.length).u16(EXTRA64).u16(8 * values.length);
  for (const value of values) field.u64(value);
  return field.all;
}

/** Seconds since 1970, where they fit. @param {Date} at */
function time(at) {
  const seconds = Math.floor(at.getTime() / 1000);
  if (!(seconds >= 0 && seconds < 2 ** 31)) return new Uint8Array();
  return new Fields(9).u16(EXTRA_TIME).u16(5).u8(1).u32(seconds).all;
}

/** @param {Uint8Array[]} parts */
export function join(parts) {
  const whole = new Fields(parts.reduce((octets, { length }) => octets + length, 0));
  for (const part of parts) whole.bytes(part);
  return whole.all;
}

/** Little-endian numbers, one behind the other. */
class Fields {
  #place = 0;
  #view;

  /** @param {number} octets */
  constructor(octets) {
    this.all = new Uint8Array(octets);
    this.#view = new DataView(this.all.buffer);
  }

  /** @param {number} value */
  u8(value) {
    this.#view.setUint8(this.#take(1), value);
    return this;
  }

  /** @param {number} value */
  u16(value) {
    this.#view.setUint16(this.#take(2), value, true);
    return this;
  }

  /** @param {number} value */
  u32(value) {
    this.#view.setUint32(this.#take(4), value, true);
    return this;
  }

  /** @param {number} value */
  u64(value) {
    this.#view.setBigUint64(this.#take(8), BigInt(value), true);
    return this;
  }

  /** @param {Uint8Array} bytes */
  bytes(bytes) {
    this.all.set(bytes, this.#take(bytes.length));
    return this;
  }

  /** @param {number} octets */
  #take(octets) {
    const place = this.#place;
    this.#place += octets;
    return place;
  }
}

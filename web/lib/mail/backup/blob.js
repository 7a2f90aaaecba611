/** A file that somebody chose, read a piece at a time. */
import { invalid } from "../errors.js";

/** Octets that are read, handed over and stored at a time: the size of a message's pieces in the store, `CHUNK` in `wasm/src/sync`. */
export const PIECE = 1 << 20;

/** Rejects where the file has changed, or is gone. @param {Blob} blob @param {number} start @param {number} length @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function bytes(blob, start, length) {
  let read;
  try {
    read = new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
  } catch {
    // Not our doing, and its text may name a path.
  }
  if (read?.length !== length) throw invalid("The file could not be read to its end. Was it moved or changed?");
  return read;
}

/** All of a file, or what is between. @param {Blob} blob @param {number} [start] @param {number} [length] */
export async function* piecesOf(blob, start = 0, length = blob.size) {
  for (let place = 0; place < length; place += PIECE) {
    yield await bytes(blob, start + place, Math.min(PIECE, length - place));
  }
}

/** @param {unknown} blob @param {string} what @returns {Blob} */
export function file(blob, what) {
  if (!(blob instanceof Blob)) throw invalid(`${what} must be a Blob or File.`);
  return blob;
}

/** Attachments of one message as a zip, stored as they are under names that are safe to unpack. */
import { fileNames } from "../file-names.js";
import { piecesOf } from "./blob.js";
import { streamed } from "./stream.js";
import { ZipWriter } from "./zip-writer.js";

/**
 * Nothing of it is in the page's memory but the piece that is being written: the browser keeps a blob where it has room.
 * @param {readonly { name: string, blob: Blob }[]} files @param {Date} at @param {AbortSignal} over @returns {Promise<Blob>}
 */
export function zipped(files, at, over) {
  const names = fileNames(files.map(({ name }) => name));
  const pieces = async function* () {
    const writer = new ZipWriter();
    for (const [place, { blob }] of files.entries()) yield* writer.file(names[place] ?? "", at, blob.size, piecesOf(blob));
    yield* writer.end();
  };
  return new Response(streamed(async () => pieces(), over), { headers: { "content-type": "application/zip" } }).blob();
}

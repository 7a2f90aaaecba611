/**
 * What was exported, taken in again. A message comes in whole, in the transaction that says that it is here, or not at all; what is
 * here already stays as it is; and nothing that comes from a file ever has a message deleted from the server.
 */
import { invalid } from "../errors.js";
import { lock } from "../host.js";
import { file, PIECE, piecesOf } from "./blob.js";
import { isStored, pages, TABLE_NAME } from "./export.js";
import { encodePage } from "./pages.js";
import { readTable } from "./table.js";
import { join } from "./zip-writer.js";
import { Damaged, ZipReader } from "./zip-reader.js";

/** A transaction ends at so many messages, or at `PIECE` octets, as the engine's do; at so many rows where it is rows alone. */
const MESSAGES = 16;
const ROWS = 500;

/**
 * @typedef {import("./export.js").Source & {
 *   invalidate: () => void,
 *   ready: (withMail: boolean) => Promise<void>,
 *   take: (page: Uint8Array, pieces: (Uint8Array | null)[]) => Promise<void>,
 * }} Target `take` is `MailboxCore::take` in `wasm/src/js/backup.rs`; `ready` is to be called once it is known what comes.
 */
/** @typedef {import("./export.js").Options} Options */
/** @typedef {import("./pages.js").PageRow} PageRow */
/** @typedef {import("./table.js").TableRow} TableRow */

/**
 * Takes in a zip that `exportedMailbox` made.
 * @param {Target} target @param {Blob} zip @param {Options} options
 */
export async function importedMailbox(target, zip, { signal, onProgress }) {
  const reader = await ZipReader.open(file(zip, "The zip"));
  const rows = await tableOf(target, reader);
  const entries = rows.map((row) => (row.file === undefined ? undefined : reader.entries.get(row.file)));
  const all = entries.filter((entry) => entry !== undefined);
  if (new Set(all).size !== all.length) throw invalid("Two rows of this UID table have one message. Nothing was imported.");

  const progress = { done: 0, total: all.length, bytes: 0, totalBytes: all.reduce((octets, { size }) => octets + size, 0) };
  const tell = () => onProgress?.({ ...progress });
  return merged(target, all.length > 0, signal, async (merging) => {
    tell();
    for (const [place, row] of rows.entries()) {
      const entry = entries[place];
      if (entry) {
        await merging.message(row, entry.size, reader.read(entry));
        progress.done += 1;
        progress.bytes += entry.size;
        tell();
      } else if (row.stored || row.file !== undefined) {
        // It should be here and is not: not to be marked, so that the server may still give it.
        merging.skipped += 1;
      } else {
        await merging.marks(row);
      }
    }
  });
}

/** Takes in a table that `exportedTable` made. @param {Target} target @param {Blob} blob */
export async function importedTable(target, blob) {
  const { user, rows } = await readTable(piecesOf(file(blob, "The table")));
  sameUser(target, user);
  const { added, known } = await merged(target, false, undefined, async (merging) => {
    for (const row of rows) await merging.marks(row);
  });
  return { added, known };
}

/** @param {Target} target @param {ZipReader} reader */
async function tableOf(target, reader) {
  const entry = reader.entries.get(TABLE_NAME);
  if (!entry) throw invalid("This zip file is not an export of Poplar's: it has no UID table.");
  try {
    const { user, rows } = await readTable(reader.read(entry));
    sameUser(target, user);
    return rows;
  } catch (error) {
    if (error instanceof Damaged) throw invalid("The UID table in this zip file is damaged. Nothing was imported.");
    throw error;
  }
}

/** Another mailbox has other messages under the same names. @param {Target} target @param {string} user */
function sameUser({ whose }, user) {
  if (user !== whose.user) throw invalid("This was exported from another mailbox than the one that is open. Nothing was imported.");
}

/**
 * Lets `work` merge while it is this account's turn among all tabs: no session has the table meanwhile.
 * @param {Target} target @param {boolean} withMail @param {AbortSignal | undefined} signal @param {(merging: Merging) => Promise<void>} work
 */
async function merged(target, withMail, signal, work) {
  stopIfAborted(signal);
  await target.ready(withMail);
  // A session that stays open for the next message to be looked at has the turn.
  await target.ask("leave");
  // As `Mailbox::turn` names it in `wasm/src/js/mailbox.rs`.
  const release = await lock(`poplar:${target.whose.account}`, signal).catch((error) => {
    stopIfAborted(signal);
    throw error;
  });
  try {
    const merging = new Merging(target, signal);
    await merging.begin();
    await work(merging);
    await merging.flush();
    const { added, known, skipped } = merging;
    return { added, known, skipped };
  } finally {
    release();
  }
}

class Merging {
  added = 0;
  known = 0;
  skipped = 0;
  #target;
  #signal;
  /** Rows that are here, by UID and size. @type {Map<string, PageRow[]>} */
  #here = new Map();
  /** How many rows have a UID. @type {Map<string, number>} */
  #named = new Map();
  #nextId = 0;
  /** What the next transaction brings. @type {{ row: PageRow, piece: Uint8Array | null }[]} */
  #batch = [];
  #messages = 0;
  #octets = 0;

  /** @param {Target} target @param {AbortSignal | undefined} signal */
  constructor(target, signal) {
    this.#target = target;
    this.#signal = signal;
  }

  async begin() {
    this.#target.invalidate();
    this.#nextId = await this.#target.ask("next id");
    for await (const { rows } of pages(this.#target)) {
      for (const row of rows) {
        const same = this.#here.get(key(row));
        if (same) same.push(row);
        else this.#here.set(key(row), [row]);
        this.#named.set(row.uid, (this.#named.get(row.uid) ?? 0) + 1);
      }
    }
  }

  /**
   * A message with its bytes.
   * @param {TableRow} row @param {number} size @param {AsyncIterable<Uint8Array>} contents
   */
  async message(row, size, contents) {
    stopIfAborted(this.#signal);
    const here = this.#find(row);
    if (here && isStored(here)) return this.#isKnown(row, here);
    const given = this.#given(row, here);
    let staged = 0;
    try {
      /** @type {Uint8Array[]} */
      let [held, octets] = [[], 0];
      for await (const piece of contents) {
        stopIfAborted(this.#signal);
        held.push(piece);
        octets += piece.length;
        while (octets > PIECE) {
          const whole = join(held);
          // What came before goes first: a message has to itself what it takes several transactions for.
          await this.flush();
          await this.#take([{ row: { ...given, retrieved: 0, chunks: staged }, piece: whole.slice(0, PIECE) }]);
          staged += 1;
          held = [whole.subarray(PIECE)];
          octets -= PIECE;
        }
      }
      // Only here is it known that all of it is as it was.
      await this.#add({ ...given, octets: size, chunks: staged }, join(held));
    } catch (error) {
      // Where that fails as well, the next one under this name, or the next session, begins with it.
      if (staged > 0) await this.#take([{ row: { ...given, retrieved: 0 }, piece: new Uint8Array() }]).catch(() => {});
      if (!(error instanceof Damaged)) throw error;
      this.skipped += 1;
      return;
    }
    this.#settle(given, here);
  }

  /** A row without its message: where that was retrieved, no session asks for it again. @param {TableRow} row */
  async marks(row) {
    stopIfAborted(this.#signal);
    const here = this.#find(row);
    if (here && (here.retrieved !== 0 || row.retrieved === null)) return this.#isKnown(row, here);
    // Never retrieved anywhere: the server tells of it.
    if (row.retrieved === null) return;
    const given = this.#given(row, here);
    await this.#add(given, null);
    this.#settle(given, here);
  }

  /** Makes durable what has come. */
  async flush() {
    const batch = this.#batch;
    [this.#batch, this.#messages, this.#octets] = [[], 0, 0];
    if (batch.length) await this.#take(batch);
  }

  /** The row that is the same message, once. @param {TableRow} row */
  #find(row) {
    const same = this.#here.get(key(row)) ?? [];
    // What was deleted there is not what the server has under the same name now.
    const place = same.findIndex(({ onServer }) => !(row.deletion === "confirmed" && onServer));
    return place < 0 ? undefined : same.splice(place, 1)[0];
  }

  /** @param {TableRow} row @param {PageRow} here */
  async #isKnown({ read }, here) {
    this.known += 1;
    if (read && !here.read) await this.#add({ ...here, retrieved: 0, chunks: 0, read }, null);
  }

  /**
   * The row as it is to be. A wish to delete is not taken over; that it was deleted is, so that what comes under its name is another.
   * @param {TableRow} row @param {PageRow | undefined} here
   * @returns {PageRow}
   */
  #given(row, here) {
    const { uid, size, read, unconfirmed } = row;
    const [firstSeen, retrieved] = [Date.parse(row.firstSeen), Date.parse(row.retrieved ?? row.firstSeen)];
    const deletion = row.deletion === "confirmed" ? "confirmed" : "none";
    const [id, ordinal] = here ? [here.id, here.ordinal] : [this.#nextId, this.#named.get(uid) ?? 0];
    return { id, uid, ordinal, size, firstSeen, retrieved, octets: 0, chunks: 0, read, unconfirmed, deletion };
  }

  /** @param {PageRow} given @param {PageRow | undefined} here */
  #settle({ uid }, here) {
    this.added += 1;
    if (here) return;
    this.#nextId += 1;
    this.#named.set(uid, (this.#named.get(uid) ?? 0) + 1);
  }

  /** @param {PageRow} row @param {Uint8Array | null} piece */
  async #add(row, piece) {
    this.#batch.push({ row, piece });
    this.#messages += piece ? 1 : 0;
    this.#octets += piece?.length ?? 0;
    if (this.#messages >= MESSAGES || this.#octets >= PIECE || this.#batch.length >= ROWS) await this.flush();
  }

  /** @param {{ row: PageRow, piece: Uint8Array | null }[]} batch */
  async #take(batch) {
    await this.#target.take(encodePage(batch.map(({ row }) => row)), batch.map(({ piece }) => piece));
  }
}

/** @param {{ uid: string, size: number }} row */
function key({ uid, size }) {
  return `${size} ${uid}`;
}

/** @param {AbortSignal | undefined} signal */
function stopIfAborted(signal) {
  if (signal?.aborted) throw new DOMException("The operation was aborted.", "AbortError");
}

/**
 * What the list knows of every message, in one number: enough to filter and to count 100,000 of them at once.
 *
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {"inbox" | "unread" | "stored" | "attachments" | "wanted" | "deleted"} Filter attachments: only opening all of them would tell,
 * so that is for a search to find
 * @typedef {Record<Filter | "all" | "onlyHere" | "onlyServer", number>} Counts
 */

const UNREAD = 1;
const STORED = 2;
const ON_SERVER = 4;
const WANTED = 8;
const DELETED = 16;

/** What can still be opened and has not been is unread: a message that is neither here nor on the server is not. @param {Row} row */
export function flagsOf(row) {
  const deleted = row.deletion === "confirmed";
  const wanted = row.onServer && (row.deletion === "wanted" || row.deletion === "sent");
  return (
    (!row.read && (row.stored || row.onServer) ? UNREAD : 0) |
    (row.stored ? STORED : 0) |
    (row.onServer && !deleted ? ON_SERVER : 0) |
    (wanted ? WANTED : 0) |
    (deleted ? DELETED : 0)
  );
}

/** @param {number | undefined} flags of none, where there is no such message @param {Filter} filter */
export function passes(flags, filter) {
  if (flags === undefined) return false;
  if (filter === "stored") return (flags & STORED) !== 0;
  if (filter === "wanted") return (flags & WANTED) !== 0;
  if (filter === "deleted") return (flags & DELETED) !== 0;
  return !(flags & DELETED) && (filter !== "unread" || (flags & UNREAD) !== 0);
}

/** Whether it is on the server and nobody wants it deleted yet. @param {number | undefined} flags */
export function mayBeDeleted(flags = 0) {
  return (flags & ON_SERVER) !== 0 && !(flags & (WANTED | DELETED));
}

/** @param {readonly number[]} all @returns {Counts} */
export function countsOf(all) {
  const counts = { all: all.length, inbox: 0, unread: 0, stored: 0, attachments: 0, wanted: 0, deleted: 0, onlyHere: 0, onlyServer: 0 };
  for (const flags of all) {
    for (const filter of /** @type {const} */ (["inbox", "unread", "stored", "wanted", "deleted"])) if (passes(flags, filter)) counts[filter] += 1;
    if (flags & STORED && !(flags & ON_SERVER)) counts.onlyHere += 1;
    if (flags & ON_SERVER && !(flags & STORED)) counts.onlyServer += 1;
  }
  return counts;
}

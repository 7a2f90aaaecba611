/** The audit log as a file. */

/** @typedef {Awaited<ReturnType<import("../mailbox.js").Mailbox["log"]>>} Log */

/**
 * @param {Log} log @param {{ account: string, user: string, relay: string }} whose @param {string} format "csv" or "json"
 * @returns {Blob}
 */
export function exportedLog({ entries, broken }, whose, format) {
  const rows = entries.map(({ n, at, what, ids }) => ({ n, at: at.toISOString(), what, ids }));
  if (format === "json") {
    const all = { format: "poplar-log", version: 1, exportedAt: new Date().toISOString(), ...whose, broken, entries: rows };
    return new Blob([JSON.stringify(all, undefined, 1)], { type: "application/json" });
  }
  const lines = rows.map(({ n, at, what, ids }) => [n, at, what, ids.join(" ")]);
  // A gap is a line of its own, in its place.
  if (broken !== null) lines.splice(rows.filter(({ n }) => n < broken).length, 0, [broken, "", "broken: not as it was written", ""]);
  // RFC 4180; nothing in it comes from a message.
  return new Blob([["number", "time", "what", "messages"], ...lines].map((line) => `${line.join(",")}\r\n`), { type: "text/csv" });
}

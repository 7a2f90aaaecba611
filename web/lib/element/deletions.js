/**
 * What becomes of the messages that are marked for deletion when somebody signs out: the server may refuse a deletion, or all of them at
 * QUIT.
 *
 * @typedef {import("../poplar-mail.js").Row} Row
 */
export class Deletions {
  /** @type {readonly string[]} */
  ids;
  #mailbox;
  #rows;
  /** Their states when they last changed. @type {Promise<readonly Row[]> | null} */
  #states = null;

  /** @param {import("../poplar-mail.js").Mailbox} mailbox @param {import("./row-index.js").RowIndex} rows */
  constructor(mailbox, rows) {
    this.ids = [...rows.wanted];
    this.#mailbox = mailbox;
    this.#rows = rows;
  }

  /** Asked for at once: a sign-out locks when it is over, and what is under way by then still comes. Nothing has to be opened for a state. */
  look() {
    const query = { ...this.#rows.span(this.ids), order: /** @type {const} */ ("oldest"), headers: false };
    this.#states = this.#mailbox.messages(query).catch(() => []);
  }

  /** How many the server took, and how many are left. */
  async outcome() {
    const taken = new Set((await this.#states)?.flatMap(({ id, deletion }) => (deletion === "confirmed" ? [id] : [])));
    const deleted = this.ids.filter((id) => taken.has(id)).length;
    return { deleted, left: this.ids.length - deleted };
  }
}

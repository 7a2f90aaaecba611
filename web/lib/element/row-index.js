import { countsOf, flagsOf, mayBeDeleted, passes } from "./row-flags.js";

/**
 * What the list knows about the mailbox: for every message its id and a few flags, and whole rows only around what is on screen,
 * so that 100,000 messages cost a few megabytes and opening the list costs one page of rows. What is sealed, subject, sender and date,
 * is opened for the first page and for what is on screen.
 *
 * The order is the library's ("newest"), or that in which a search has found them; a filter is the list of positions that pass it.
 *
 * @typedef {import("../poplar-mail.js").Mailbox} Mailbox
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {import("./row-flags.js").Filter} Filter
 * @typedef {{ found: readonly string[] | null, oldestFirst: boolean }} Arrangement found: what a search has found, in its order; `null`:
 * every message, by date
 * @typedef {import("./row-flags.js").Counts} Counts
 */

/** Rows of the first page: more than any screen shows at 64 px each. */
const FIRST_PAGE = 100;
/** Rows of the pages after it. A page of this size is read in well under one frame's long-task limit of 50 ms. */
const PAGE = 500;
/** Whole rows kept. Rows are a few hundred bytes each. */
const KEPT_ROWS = 2000;
/** Between two passes over a mailbox that keeps changing; a long pass waits in proportion, so that it never fills the thread. */
const PAUSE_MS = 150;
const PAUSE_RATIO = 2;

/** Where one of these is another, the subject, the sender and the date may be too. */
const SHOWING = /** @type {const} */ (["hasHeaders", "stored", "matched", "imported"]);

export class RowIndex {
  #mailbox;
  #listener;
  /** @type {Map<string, Row>} in order of last use */
  #rows = new Map();
  /** Rows whose subject, sender and date may have changed since: they are read again where they are on screen. @type {Set<string>} */
  #outdated = new Set();
  /** @type {string[]} */
  #ids = [];
  /** @type {number[]} */
  #flags = [];
  /** Positions by filter, once they are asked for. @type {Map<Filter, number[]>} */
  #views = new Map();
  /** @type {Arrangement} */
  #arrangement = { found: null, oldestFirst: false };
  /** @type {Counts} */
  #counts = countsOf([]);
  /** @type {string[]} */
  #wanted = [];
  /** Messages opened under the filter "unread": they stay in it until the filter is left. @type {Set<string>} */
  #pinned = new Set();
  /** @type {{ filter: Filter, first: number, last: number }} */
  #window = { filter: "inbox", first: 0, last: 0 };
  /** Where each message is. @type {Map<string, number>} */
  #positions = new Map();
  /** The order may have changed: everything is to be read again. */
  #stale = false;
  /** Messages of known place that have changed. @type {Set<string>} */
  #changed = new Set();
  /** Flags read while a pass runs, which are newer than what the pass may have read. @type {Map<string, number>} */
  #newer = new Map();
  /** @type {Promise<void> | null} */
  #working = null;
  #wake = () => {};
  #filling = false;
  /** Counts the times that everything was let go of: what was asked for before is dropped when it comes. */
  #era = 0;
  #closed = false;

  /** @param {Mailbox} mailbox @param {{ changed: () => void, failed: (error: unknown) => void }} listener */
  constructor(mailbox, listener) {
    this.#mailbox = mailbox;
    this.#listener = listener;
  }

  get counts() {
    return this.#counts;
  }

  /** Ids of the messages whose deletion the server has not confirmed yet. */
  get wanted() {
    return this.#wanted;
  }

  /** What is listed under a filter, of what was searched for. @param {Filter} filter */
  length(filter) {
    return this.#view(filter).length;
  }

  /** How many there are under a filter whatever is searched for; 0 where only opening all of them would tell. @param {Filter} filter */
  count(filter) {
    return this.#counts[filter];
  }

  /** @param {Filter} filter @param {number} index @returns {string | undefined} */
  idAt(filter, index) {
    const position = this.#view(filter)[index];
    return position === undefined ? undefined : this.#ids[position];
  }

  /** Everything under a filter, in order. @param {Filter} filter @param {number} [first] @param {number} [end] @returns {string[]} */
  ids(filter, first, end) {
    return this.#view(filter).slice(first, end).map((position) => this.#ids[position] ?? "");
  }

  /** Whether there is anything to delete on the server. @param {string} id */
  mayBeDeleted(id) {
    return mayBeDeleted(this.#flags[this.#positions.get(id) ?? -1]);
  }

  /** Whether its text is kept here. @param {string} id */
  isStored(id) {
    return passes(this.#flags[this.#positions.get(id) ?? -1], "stored");
  }

  /** Lists what a search has found, or everything. @param {Arrangement} arrangement */
  arrange(arrangement) {
    this.#arrangement = arrangement;
    this.#views.clear();
    this.#listener.changed();
    void this.#fill();
  }

  /** @param {Filter} filter @param {string} id @returns {number} -1 where it is not in this filter */
  indexOf(filter, id) {
    const position = this.#positions.get(id);
    return position === undefined ? -1 : this.#view(filter).indexOf(position);
  }

  /** @param {string | undefined} id @returns {Row | undefined} `undefined` until it has been read; `show` sees to that */
  row(id) {
    return id === undefined ? undefined : this.#rows.get(id);
  }

  /** Reads the whole mailbox anew, page by page. Calls that come while it runs are served by one more pass. */
  refresh() {
    this.#stale = true;
    return this.#work();
  }

  /** Some messages changed: only those are read again, unless some are new here and the order is another. @param {readonly string[]} ids */
  update(ids) {
    for (const id of ids) if (this.#rows.has(id)) this.#outdated.add(id);
    if (ids.length > PAGE || ids.some((id) => !this.#positions.has(id))) return this.refresh();
    for (const id of ids) this.#changed.add(id);
    this.#wake();
    return this.#work();
  }

  /**
   * Says which part is on screen; rows that are missing there are read and announced.
   * @param {Filter} filter @param {number} first @param {number} last
   */
  show(filter, first, last) {
    if (filter !== this.#window.filter && this.#pinned.size > 0) {
      this.#pinned.clear();
      this.#publish(this.#ids, this.#flags, this.#positions);
    }
    this.#window = { filter, first, last };
    void this.#fill();
  }

  /** Keeps a message in "unread" while that is shown, though it is being read. @param {string} id */
  pin(id) {
    if (this.#window.filter === "unread") this.#pinned.add(id);
  }

  /** Where some messages lie, counted from the oldest: new ones do not move them. @param {readonly string[]} ids */
  span(ids) {
    const positions = ids.map((id) => this.#positions.get(id)).filter((position) => position !== undefined);
    const oldest = positions.reduce((a, b) => Math.max(a, b), 0);
    const newest = positions.reduce((a, b) => Math.min(a, b), oldest);
    return { offset: Math.max(0, this.#ids.length - 1 - oldest), limit: oldest - newest + 1 };
  }

  /** Lets go of everything that is of mail. The counts stay: they are said without opening anything. */
  clear() {
    this.#era += 1;
    this.#wake();
    this.#rows.clear();
    this.#outdated.clear();
    this.#changed.clear();
    this.#newer.clear();
    this.#pinned.clear();
    this.#stale = false;
    this.#positions = new Map();
    this.#ids = [];
    this.#flags = [];
    this.#views.clear();
    this.#arrangement = { found: null, oldestFirst: false };
    this.#wanted = [];
  }

  close() {
    this.#closed = true;
    this.clear();
  }

  #work() {
    this.#working ??= this.#guard(() => this.#catchUp()).finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  async #catchUp() {
    let notBefore = 0;
    while ((this.#stale || this.#changed.size > 0) && !this.#closed) {
      const started = performance.now();
      if (this.#changed.size > 0) {
        await this.#readChanged();
      } else if (started < notBefore) {
        await this.#rest(notBefore - started);
      } else {
        this.#stale = false;
        await this.#readAll();
        const ended = performance.now();
        notBefore = ended + Math.max(PAUSE_MS, PAUSE_RATIO * (ended - started));
      }
    }
  }

  /** Waits until it is time for the next pass, or until something known has changed. @param {number} ms */
  #rest(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  async #readAll() {
    /** @type {string[]} */
    const ids = [];
    /** @type {number[]} */
    const flags = [];
    /** @type {Map<string, number>} */
    const positions = new Map();
    const isFirst = this.#ids.length === 0;
    const era = this.#era;
    let shown = 0;
    this.#newer.clear();
    for (let limit = FIRST_PAGE; ; limit = PAGE) {
      const headers = ids.length === 0;
      const rows = await this.#mailbox.messages({ offset: ids.length, limit, order: "newest", headers });
      if (era !== this.#era) return;
      for (const row of rows) {
        if (headers) this.#keep(row);
        else this.#restate(row);
        positions.set(row.id, ids.length);
        ids.push(row.id);
        flags.push(flagsOf(row));
      }
      if (rows.length < limit) break;
      // The first time there is something to show before all is known; at doubling sizes, so that it costs no more than reading.
      if (isFirst && ids.length >= 2 * shown) {
        shown = ids.length;
        this.#publish(ids, flags, positions);
      }
      if (this.#changed.size > 0) await this.#readChanged();
      if (era !== this.#era) return;
    }
    for (const [id, flag] of this.#newer) {
      const position = positions.get(id);
      if (position !== undefined) flags[position] = flag;
    }
    this.#publish(ids, flags, positions);
  }

  async #readChanged() {
    const positions = [...this.#changed].map((id) => this.#positions.get(id)).filter((position) => position !== undefined);
    const era = this.#era;
    this.#changed.clear();
    for (const [offset, limit] of runs(positions.sort((a, b) => a - b))) {
      const rows = await this.#mailbox.messages({ offset, limit, order: "newest", headers: false });
      if (era !== this.#era) return;
      rows.forEach((row, i) => this.#place(row, offset + i));
    }
    this.#publish(this.#ids, this.#flags, this.#positions);
  }

  async #fill() {
    if (this.#filling || this.#closed) return;
    this.#filling = true;
    await this.#guard(async () => {
      for (let gap = this.#gap(); gap && !this.#closed; gap = this.#gap()) {
        const era = this.#era;
        const pages = gap.map(([offset, limit]) => this.#mailbox.messages({ offset, limit, order: "newest" }));
        for (const row of (await Promise.all(pages)).flat()) if (era === this.#era) this.#keep(row);
        if (era !== this.#era) continue;
        if (gap.some(([offset]) => !this.#rows.has(this.#ids[offset] ?? ""))) {
          void this.refresh(); // the mailbox has moved on: positions mean other messages now
          break;
        }
        this.#listener.changed();
      }
    });
    this.#filling = false;
  }

  /** The stretches of rows on screen that have not been read; `null` where there are none. What a search finds lies here and there. */
  #gap() {
    const { filter, first, last } = this.#window;
    const isKnown = (/** @type {string} */ id) => this.#rows.has(id) && !this.#outdated.has(id);
    const missing = this.#view(filter).slice(first, last).filter((position) => !isKnown(this.#ids[position] ?? ""));
    return missing.length > 0 ? runs(missing.sort((a, b) => a - b)) : null;
  }

  /** @param {Filter} filter */
  #view(filter) {
    const known = this.#views.get(filter);
    if (known) return known;
    const { found, oldestFirst } = this.#arrangement;
    const all = found ? found.map((id) => this.#positions.get(id) ?? -1) : this.#flags.keys();
    /** @type {number[]} */
    const view = [];
    for (const position of all) {
      const isPinned = filter === "unread" && this.#pinned.has(this.#ids[position] ?? "");
      if (passes(this.#flags[position], isPinned ? "inbox" : filter)) view.push(position);
    }
    if (!found && oldestFirst) view.reverse();
    this.#views.set(filter, view);
    return view;
  }

  /** @param {Row} row @param {number} position */
  #place(row, position) {
    if (this.#ids[position] !== row.id) {
      this.#stale = true;
      return;
    }
    const flags = flagsOf(row);
    this.#flags[position] = flags;
    this.#newer.set(row.id, flags);
    this.#restate(row);
  }

  /** Takes the state of a row that is kept whole from one that was read without what is sealed. @param {Row} row */
  #restate(row) {
    const known = this.#rows.get(row.id);
    if (!known) return;
    if (SHOWING.some((name) => known[name] !== row[name])) this.#outdated.add(row.id);
    const { subject, from, preview, date, hasAttachments, damaged } = known;
    this.#rows.set(row.id, { ...row, subject, from, preview, date, hasAttachments, damaged });
  }

  /** @param {Row} row */
  #keep(row) {
    this.#rows.delete(row.id);
    this.#outdated.delete(row.id);
    this.#rows.set(row.id, row);
    if (this.#rows.size > KEPT_ROWS) {
      const [oldest] = this.#rows.keys();
      if (oldest !== undefined) {
        this.#rows.delete(oldest);
        this.#outdated.delete(oldest);
      }
    }
  }

  /** @param {string[]} ids @param {number[]} flags @param {Map<string, number>} positions */
  #publish(ids, flags, positions) {
    this.#counts = countsOf(flags);
    this.#wanted = ids.filter((_, position) => passes(flags[position], "wanted"));
    this.#ids = ids;
    this.#flags = flags;
    this.#positions = positions;
    this.#views.clear();
    this.#listener.changed();
  }

  /** @param {() => Promise<void>} work */
  async #guard(work) {
    const era = this.#era;
    try {
      await work();
    } catch (error) {
      if (era === this.#era) this.#listener.failed(error);
    }
  }
}

/** Joins ascending positions into `[offset, length]` runs. @param {readonly number[]} positions @returns {[number, number][]} */
function runs(positions) {
  /** @type {[number, number][]} */
  const joined = [];
  for (const position of positions) {
    const last = joined.at(-1);
    if (last && last[0] + last[1] === position) last[1] += 1;
    else joined.push([position, 1]);
  }
  return joined;
}

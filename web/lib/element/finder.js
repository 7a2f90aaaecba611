import { whenIdle } from "./later.js";

/**
 * What the list is asked for beside its filter: words, and an order. Words, orders other than by date and what has attachments are for the
 * library to find, since all of that is sealed; the rest the list knows by itself.
 *
 * @typedef {import("../poplar-mail.js").Mailbox} Mailbox
 * @typedef {import("./row-index.js").RowIndex} RowIndex
 * @typedef {import("./row-index.js").Filter} Filter
 * @typedef {"newest" | "oldest" | "from" | "subject" | "size"} Order
 * @typedef {{ text: string, order: Order, filter: Filter }} Wish
 */

/** Between two searches for the same while the mailbox keeps changing. */
const AGAIN_MS = 300;

/** What the library sorts by, and how. By date it does so by itself. */
const SORTS = /** @type {const} */ ({
  newest: {},
  oldest: { order: "ascending" },
  from: { sort: "from", order: "ascending" },
  subject: { sort: "subject", order: "ascending" },
  size: { sort: "size", order: "descending" },
});

export class Finder {
  /** Messages that are stored and not found yet, because they are still being read for it. */
  pending = 0;
  /** How many were found; `null` where nothing is searched for. @type {number | null} */
  found = null;
  #mailbox;
  #rows;
  #listener;
  /** @type {Wish} */
  #wish = { text: "", order: "newest", filter: "inbox" };
  #running = new AbortController();
  #over = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;
  #again = () => {
    if (!this.#needsSearch()) return;
    this.#later ??= setTimeout(() => this.#run(false), AGAIN_MS);
  };

  /** @param {Mailbox} mailbox @param {RowIndex} rows @param {{ changed: (isNew: boolean) => void, failed: (error: unknown) => void }} listener */
  constructor(mailbox, rows, listener) {
    this.#mailbox = mailbox;
    this.#rows = rows;
    this.#listener = listener;
    for (const news of ["indexed", "change"]) mailbox.addEventListener(news, this.#again);
    // So that what is stored has been read for it by the time somebody searches. Whoever searches hears what went wrong.
    whenIdle(() => void mailbox.search("", { signal: this.#over.signal }).catch(() => {}));
  }

  /** Has the list show something else; the last wish wins. @param {Partial<Wish>} wish */
  ask(wish) {
    this.#wish = { ...this.#wish, ...wish };
    this.#run(true);
  }

  close() {
    this.#stop();
    this.#over.abort();
    for (const news of ["indexed", "change"]) this.#mailbox.removeEventListener(news, this.#again);
  }

  /** @param {boolean} isNew whether another thing is asked for, and not the same again */
  #run(isNew) {
    this.#stop();
    if (this.#needsSearch()) return void this.#search(isNew, this.#running.signal);
    this.found = null;
    this.pending = 0;
    this.#rows.arrange({ found: null, oldestFirst: this.#wish.order === "oldest" });
    this.#listener.changed(isNew);
  }

  /** @param {boolean} isNew @param {AbortSignal} signal */
  async #search(isNew, signal) {
    const { text, order, filter } = this.#wish;
    const query = filter === "attachments" ? `has:attachment ${text}` : text;
    try {
      const { ids, pending } = await this.#mailbox.search(query, { ...SORTS[order], signal });
      if (signal.aborted) return;
      this.pending = pending;
      this.found = text.trim() ? ids.length : null;
      this.#rows.arrange({ found: ids, oldestFirst: false });
      this.#listener.changed(isNew);
    } catch (error) {
      if (!signal.aborted) this.#listener.failed(error);
    }
  }

  #needsSearch() {
    const { text, order, filter } = this.#wish;
    return text.trim() !== "" || filter === "attachments" || (order !== "newest" && order !== "oldest");
  }

  #stop() {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#running.abort();
    this.#running = new AbortController();
  }
}

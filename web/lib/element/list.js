import { h, icon, setAttribute, setIcon, setText } from "./dom.js";

/**
 * The list of messages: a listbox of which only the rows on screen exist, so that 100,000 messages scroll like ten.
 *
 * Keyboard: arrows, j and k, Home, End and the page keys move; Enter opens; Delete deletes.
 *
 * @typedef {import("./row-index.js").RowIndex} RowIndex
 * @typedef {import("./row-index.js").Filter} Filter
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {import("./words.js").Ui} Ui
 * @typedef {ReturnType<typeof createRow>} RowElement
 * @typedef {"new" | "stored" | "headers" | "only-server" | "will-be-deleted" | "deleted" | "gone" | "damaged"} State
 * @typedef {{ state: State, word: string, sentence: string, icon: import("./dom.js").IconName }} RowState
 */

/** Height of a row in px; the list computes with it and the style sheet draws it. */
const ROW_HEIGHT = 64;
/** Rows drawn above and below what is visible, so that a quick flick shows text and not gaps. */
const OVERSCAN = 8;

export class MessageList {
  element;
  /** @type {Filter} */
  filter = "inbox";
  #ui;
  #rows;
  #actions;
  #spacer;
  /** @type {Map<string, RowElement>} what is drawn, by message */
  #drawn = new Map();
  /** Where each drawn message was at the last drawing. @type {Map<string, number>} */
  #positions = new Map();
  /** @type {RowElement[]} */
  #spare = [];
  #serial = 0;
  /** @type {string | undefined} the row the keyboard is on */
  #active;
  /** @type {string | undefined} the row whose message is shown */
  #open;
  #frame = 0;
  #observer;

  /**
   * @param {import("./words.js").Ui} ui @param {RowIndex} rows
   * @param {{ open: (id: string) => void, remove: (id: string) => void }} actions
   */
  constructor(ui, rows, actions) {
    this.#ui = ui;
    this.#rows = rows;
    this.#actions = actions;
    this.#spacer = h("div", { class: "list-rows", role: "presentation" });
    this.element = h(
      "div",
      {
        class: "list",
        role: "listbox",
        tabindex: "0",
        "data-testid": "list",
        onscroll: () => this.#schedule(),
        onclick: (/** @type {MouseEvent} */ event) => this.#click(event),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      },
      this.#spacer,
    );
    this.#observer = new ResizeObserver(() => this.#schedule());
    this.#observer.observe(this.element);
    this.#label();
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    this.#active = undefined;
    this.#label();
    this.element.scrollTop = 0;
    this.#draw();
  }

  /** @param {string | undefined} id */
  setOpen(id) {
    this.#open = id;
    if (id !== undefined) {
      this.#active = id;
      this.#reveal(this.#rows.indexOf(this.filter, id));
    }
    this.#draw();
  }

  /** Draws what has changed. What the person looks at stays where it is, also when new mail comes in above it. */
  refresh() {
    const { scrollTop } = this.element;
    const anchor = scrollTop > 0 ? this.#anchor() : undefined;
    const index = anchor ? this.#rows.indexOf(this.filter, anchor) : -1;
    const before = anchor ? this.#positions.get(anchor) : undefined;
    this.#size();
    if (index >= 0 && before !== undefined && index !== before) this.element.scrollTop = scrollTop + (index - before) * ROW_HEIGHT;
    this.#draw();
  }

  /** @param {1 | -1} step @returns {string | undefined} the message after or before the open one */
  neighbour(step) {
    const index = this.#open === undefined ? -1 : this.#rows.indexOf(this.filter, this.#open);
    return index < 0 ? undefined : this.#rows.idAt(this.filter, index + step);
  }

  /** Where only one pane has room, the list is hidden behind the message. */
  isVisible() {
    return getComputedStyle(this.element).visibility === "visible";
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  close() {
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #label() {
    setAttribute(this.element, "aria-label", this.#ui.t("list.label", { filter: this.#ui.t(`filter.${this.filter}`) }));
  }

  #schedule() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #size() {
    this.#spacer.style.setProperty("height", `${this.#rows.length(this.filter) * ROW_HEIGHT}px`);
  }

  #draw() {
    const { scrollTop, clientHeight } = this.element;
    const length = this.#rows.length(this.filter);
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - OVERSCAN);
    const last = Math.min(length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + OVERSCAN);
    this.#size();
    this.#rows.show(this.filter, first, last);

    /** @type {Map<string, number>} */
    const positions = new Map();
    for (let index = first; index < last; index += 1) positions.set(this.#rows.idAt(this.filter, index) ?? "", index);
    this.#discard(positions);

    let place = this.#spacer.firstChild;
    for (const [id, index] of positions) {
      const drawn = this.#drawn.get(id) ?? this.#take(id);
      if (drawn.element === place) place = place.nextSibling;
      else this.#spacer.insertBefore(drawn.element, place);
      const what = { id, row: this.#rows.row(id), index, length, open: id === this.#open, active: id === this.#active };
      paintRow(drawn, what, this.#ui);
    }
    this.#positions = positions;
    const active = this.#active === undefined ? undefined : this.#drawn.get(this.#active);
    setAttribute(this.element, "aria-activedescendant", active?.element.id);
  }

  /** Takes away the rows that are out of sight and keeps their elements for others. @param {Map<string, number>} positions */
  #discard(positions) {
    for (const [id, drawn] of this.#drawn) {
      if (positions.has(id)) continue;
      drawn.element.remove();
      this.#drawn.delete(id);
      this.#spare.push(drawn);
    }
  }

  /** @param {string} id */
  #take(id) {
    const drawn = this.#spare.pop() ?? createRow((this.#serial += 1));
    this.#drawn.set(id, drawn);
    return drawn;
  }

  /** The first message that is wholly in sight. */
  #anchor() {
    const top = Math.ceil(this.element.scrollTop / ROW_HEIGHT);
    for (const [id, index] of this.#positions) if (index === top) return id;
    return undefined;
  }

  /** @param {number} index */
  #reveal(index) {
    if (index < 0) return;
    const { scrollTop, clientHeight } = this.element;
    const top = index * ROW_HEIGHT;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const row = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    const id = row?.getAttribute("data-id");
    if (id) this.#actions.open(id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const last = this.#rows.length(this.filter) - 1;
    const at = this.#active === undefined ? -1 : this.#rows.indexOf(this.filter, this.#active);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last };
    const to = moves[event.key];
    if (to !== undefined) {
      this.#move(Math.max(0, Math.min(last, to)));
    } else if (this.#active !== undefined && (event.key === "Enter" || event.key === " ")) {
      this.#actions.open(this.#active);
    } else if (this.#active !== undefined && event.key === "Delete") {
      this.#actions.remove(this.#active);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} index */
  #move(index) {
    const id = this.#rows.idAt(this.filter, index);
    if (id === undefined) return;
    this.#active = id;
    this.#reveal(index);
    this.#draw();
  }
}

/**
 * The state of a message, on the server and here. What will happen on the server comes first, then what has happened there, then
 * what is here. Only what is damaged here is said before what has happened there.
 * @param {Row} row @param {Ui} ui @returns {RowState}
 */
export function rowState(row, { t }) {
  const say = (/** @type {State} */ state, /** @type {RowState["icon"]} */ name, word = `state.${state}`, long = `${word}.long`) => ({
    state,
    word: t(word),
    sentence: t(long),
    icon: name,
  });
  if (row.damaged && row.deletion !== "wanted" && row.deletion !== "sent") return say("damaged", "alert");
  if (row.deletion === "confirmed") return say("deleted", "trash", "state.deleted", longFor("state.deleted", row));
  if (row.deletion === "sent") return say("will-be-deleted", "clock", "state.sent");
  if (row.deletion === "wanted") return say("will-be-deleted", "trash");
  if (!row.onServer) return say("gone", "gone", "state.gone", longFor("state.gone", row));
  if (row.unconfirmed) return say("stored", "alert", "state.unconfirmed");
  if (row.stored) return row.read ? say("stored", "stored") : say("new", "unread");
  return row.hasHeaders ? say("headers", "headers") : say("only-server", "server");
}

/**
 * "Ada Lovelace" of "Ada Lovelace <ada@example.org>"; the address where there is no name.
 * @param {string} from @returns {{ name: string, address: string }}
 */
export function sender(from) {
  const parts = /^\s*"?(.*?)"?\s*<([^<>]*)>\s*$/.exec(from);
  const address = parts?.[2]?.trim() ?? "";
  const name = (parts ? parts[1] : from)?.trim() ?? "";
  return { name: name || address, address: name ? address : "" };
}

/** @param {number} serial a number that is unique in the list */
function createRow(serial) {
  const stateIcon = icon("stored");
  const word = h("span");
  const parts = {
    unread: h("span", { class: "sr" }),
    sender: h("span", { class: "row-sender" }),
    time: h("time", { class: "row-time" }),
    subject: h("span", { class: "row-subject" }),
    clip: h("span", { class: "row-clip" }, icon("clip"), h("span", { class: "sr" })),
    state: h("span", { class: "row-state" }, stateIcon, word),
    size: h("span", { class: "row-size" }),
    stateIcon,
    word,
  };
  const element = h(
    "div",
    { class: "row", role: "option", id: `row-${serial}`, "data-testid": "row" },
    parts.unread,
    parts.sender,
    parts.time,
    parts.subject,
    parts.clip,
    parts.state,
    parts.size,
  );
  return { element, parts };
}

/**
 * @param {ReturnType<typeof createRow>} target
 * @param {{ id: string, row: Row | undefined, index: number, length: number, open: boolean, active: boolean }} what @param {Ui} ui
 */
function paintRow({ element, parts }, { id, row, index, length, open, active }, ui) {
  const { t, format } = ui;
  element.style.setProperty("transform", `translateY(${index * ROW_HEIGHT}px)`);
  setAttribute(element, "data-id", id);
  setAttribute(element, "aria-posinset", index + 1);
  setAttribute(element, "aria-setsize", length);
  setAttribute(element, "aria-selected", open);
  setAttribute(element, "data-active", active);
  setAttribute(element, "aria-busy", row ? null : true);
  if (!row) {
    setAttribute(element, "data-state", null);
    setAttribute(element, "data-unread", null);
    return;
  }
  const { state, word, sentence, icon: name } = rowState(row, ui);
  const from = sender(row.from);
  const known = row.hasHeaders || row.stored;
  const isUnread = known && !row.read;
  setAttribute(element, "data-state", state);
  setAttribute(element, "data-unread", isUnread);
  setText(parts.unread, isUnread ? t("row.unread") : "");
  setText(parts.sender, row.damaged ? t("row.damaged") : known ? from.name || t("row.noSender") : t("row.notRead"));
  setAttribute(parts.sender, "title", from.address || null);
  setAttribute(parts.sender, "data-absent", !known || !from.name);
  setText(parts.subject, row.subject || (known && !row.damaged ? t("row.noSubject") : ""));
  setAttribute(parts.subject, "data-absent", !row.subject);
  setText(parts.time, row.date ? format.date(row.date, new Date()) : "");
  setAttribute(parts.time, "title", row.date ? format.fullDate(row.date) : null);
  setAttribute(parts.time, "datetime", row.date ? row.date.toISOString() : null);
  setAttribute(parts.clip, "hidden", !row.hasAttachments);
  setText(/** @type {Node} */ (parts.clip.lastChild), t("row.attachment"));
  setIcon(parts.stateIcon, name);
  setText(parts.word, word);
  setAttribute(parts.state, "title", sentence);
  setText(parts.size, format.size(row.size));
}

/** @param {string} key @param {Row} row */
function longFor(key, row) {
  return row.stored ? `${key}.long` : `${key}.absent.long`;
}

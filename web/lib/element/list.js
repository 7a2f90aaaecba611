import { h, setAttribute } from "./dom.js";
import { ROW_HEIGHT, createRow, paintRow } from "./row.js";
import { Selection } from "./selection.js";

/**
 * The list of messages: a listbox of which only the rows on screen exist, so that 100,000 messages scroll like ten.
 *
 * Keyboard: arrows, Home, End and the page keys move, with Shift they select; Enter and Space open; Ctrl+Space selects one more, Ctrl+A all;
 * Escape leaves one selected; Delete deletes.
 *
 * @typedef {import("./row-index.js").RowIndex} RowIndex
 * @typedef {import("./row-index.js").Filter} Filter
 * @typedef {import("./row.js").RowElement} RowElement
 * @typedef {{ open: (id: string) => void, remove: (ids: string[]) => void, selected: () => void }} Actions
 */

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
  #selection = new Selection();
  /** Whether a click selects and does not open, as fingers need it, which have no Ctrl. */
  #selecting = false;
  #frame = 0;
  #observer;

  /** @param {import("./words.js").Ui} ui @param {RowIndex} rows @param {Actions} actions */
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
        "aria-multiselectable": "true",
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
    this.select([]);
    this.toTop();
  }

  /** What is listed is another thing, and is looked at from its beginning. */
  toTop() {
    this.element.scrollTop = 0;
    this.#draw();
  }

  /** Messages that are selected together; none where it is only the one that was clicked on. @returns {string[]} */
  get selected() {
    return this.#selecting || this.#selection.size > 1 ? this.#selection.ids : [];
  }

  get selecting() {
    return this.#selecting;
  }

  set selecting(selecting) {
    this.#selecting = selecting;
    setAttribute(this.element, "data-selecting", selecting);
    this.select([]);
  }

  selectAll() {
    this.select(this.#rows.ids(this.filter));
  }

  /** @param {readonly string[]} ids */
  select(ids) {
    if (ids.length > 0) this.#selection.all(ids);
    else this.#selection.only(this.#selecting ? undefined : this.#open);
    this.#actions.selected();
    this.#draw();
  }

  /** @param {string | undefined} id */
  setOpen(id) {
    this.#open = id;
    if (!this.#selecting && !(id !== undefined && this.#selection.has(id) && this.#selection.size > 1)) this.#selection.only(id);
    this.#actions.selected();
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
    if (this.selected.length > 0) this.#keepListed();
    this.#size();
    if (index >= 0 && before !== undefined && index !== before) this.element.scrollTop = scrollTop + (index - before) * ROW_HEIGHT;
    this.#draw();
  }

  /** @param {1 | -1} step @returns {string | undefined} the message after or before the open one */
  neighbour(step) {
    const index = this.#open === undefined ? -1 : this.#rows.indexOf(this.filter, this.#open);
    return index < 0 ? undefined : this.#rows.idAt(this.filter, index + step);
  }

  get hasKeyboard() {
    return this.element.matches(":focus");
  }

  /** The message that the keyboard is on, where the list has it. */
  get active() {
    const isListed = this.#active !== undefined && this.#rows.indexOf(this.filter, this.#active) >= 0;
    return isListed && this.hasKeyboard ? this.#active : undefined;
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
      const [open, active, selected] = [id === this.#open, id === this.#active, this.#selection.has(id)];
      paintRow(drawn, { id, row: this.#rows.row(id), index, length, open, active, selected }, this.#ui);
    }
    this.#positions = positions;
    const active = this.#active === undefined ? undefined : this.#drawn.get(this.#active);
    setAttribute(this.element, "aria-activedescendant", active?.element.id);
  }

  /** What is not listed any more is not selected either: nobody would see what becomes of it. */
  #keepListed() {
    const listed = new Set(this.#rows.ids(this.filter));
    const before = this.#selection.size;
    this.#selection.keep((id) => listed.has(id));
    if (this.#selection.size !== before) this.#actions.selected();
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
    if (!id) return;
    this.#active = id;
    if (event.shiftKey) this.#extend(id);
    else if (event.ctrlKey || event.metaKey || this.#selecting) this.#toggle(id);
    else this.#choose(id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || !(event.ctrlKey || event.metaKey ? this.#chord(event) : this.#press(event))) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event with Ctrl or Cmd @returns {boolean} whether it is one of the list's */
  #chord({ key }) {
    if (key.toLowerCase() === "a") this.selectAll();
    else if (key === " " && this.#active !== undefined) this.#toggle(this.#active);
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it is one of the list's */
  #press({ key, shiftKey }) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const last = this.#rows.length(this.filter) - 1;
    const at = this.#active === undefined ? -1 : this.#rows.indexOf(this.filter, this.#active);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last };
    const to = moves[key];
    if (to !== undefined) this.#move(Math.max(0, Math.min(last, to)), shiftKey);
    else if (key === "Escape" && this.selected.length > 0) this.select([]);
    else if (key === "Delete" && this.selected.length > 0) this.#actions.remove(this.selected);
    else if (key === "Delete" && this.#selecting) return true;
    // What is not listed any more is nothing that a key is meant for.
    else if (this.#active === undefined || at < 0) return false;
    else if (key === " " && this.#selecting) this.#toggle(this.#active);
    else if (key === "Enter" || key === " ") this.#choose(this.#active);
    else if (key === "Delete") this.#actions.remove([this.#active]);
    else return false;
    return true;
  }

  /** @param {string} id */
  #choose(id) {
    this.#selection.only(id);
    this.#actions.open(id);
  }

  /** @param {string} id */
  #toggle(id) {
    this.#selection.toggle(id);
    // What has just been let go of is not what the next key is for.
    if (!this.#selection.has(id) && !this.#selecting) this.#active = this.#open;
    this.#actions.selected();
    this.#draw();
  }

  /** Selects what lies between. @param {string} id */
  #extend(id) {
    this.#selection.extend(id, (from, to) => {
      const [a, b] = [from, to].map((end) => this.#rows.indexOf(this.filter, end)).sort((one, other) => one - other);
      return a === undefined || b === undefined || a < 0 ? [to] : this.#rows.ids(this.filter, a, b + 1);
    });
    this.#actions.selected();
    this.#draw();
  }

  /** @param {number} index @param {boolean} selecting */
  #move(index, selecting) {
    const id = this.#rows.idAt(this.filter, index);
    if (id === undefined) return;
    this.#active = id;
    if (selecting) this.#extend(id);
    else this.#selection.startAt(id);
    this.#reveal(index);
    this.#draw();
  }
}

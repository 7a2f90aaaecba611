import { h, icon, setAttribute, setIcon, setText, swap } from "./dom.js";

/**
 * What can be done with the message that is shown, and the way to its neighbours.
 *
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {{
 *   back: () => void, step: (by: 1 | -1) => void, remove: () => void, keep: () => void, mark: () => void, save: () => void,
 *   source: () => void, print: () => void
 * }} Actions
 */
export class ReaderToolbar {
  element;
  #t;
  #remove;
  #keep;
  #mark;
  #markIcon = icon("unread");
  #markWord = h("span");
  #save;
  #source;
  #print;
  #previous;
  #next;

  /** @param {import("./words.js").Ui} ui @param {Actions} actions */
  constructor({ t }, { back, step, remove, keep, mark, save, source, print }) {
    this.#t = t;
    const button = (
      /** @type {string} */ label,
      /** @type {import("./dom.js").IconName} */ name,
      /** @type {Record<string, unknown>} */ more,
    ) => h("button", { class: "button", type: "button", ...more }, icon(name), h("span", {}, label));
    const small = (
      /** @type {string} */ label,
      /** @type {import("./dom.js").IconName} */ name,
      /** @type {() => void} */ onclick,
      /** @type {string} */ hook,
    ) => h("button", { class: "button button-icon", type: "button", "aria-label": label, title: label, "data-testid": hook, onclick }, icon(name));
    this.#remove = button(t("reader.delete"), "trash", { "data-testid": "delete", onclick: remove });
    this.#keep = button(t("reader.keep"), "undo", { "data-testid": "keep", hidden: true, onclick: keep });
    this.#mark = h(
      "button",
      { class: "button", type: "button", "data-testid": "mark-read", onclick: mark },
      this.#markIcon,
      this.#markWord,
    );
    this.#save = small(t("reader.save"), "save", save, "save-eml");
    this.#source = small(t("reader.source"), "source", source, "source-open");
    this.#print = small(t("reader.print"), "print", print, "print");
    this.#previous = small(t("reader.previous"), "up", () => step(-1), "previous");
    this.#next = small(t("reader.next"), "down", () => step(1), "next");
    this.element = h(
      "div",
      { class: "reader-toolbar", role: "group", "aria-label": t("reader.toolbar") },
      button(t("reader.back"), "back", { class: "button button-back", "data-testid": "back", onclick: back }),
      this.#remove,
      this.#keep,
      this.#mark,
      this.#save,
      this.#source,
      this.#print,
      h("span", { class: "spring" }),
      this.#previous,
      this.#next,
    );
  }

  /** Whether no message is shown. @param {boolean} idle */
  set idle(idle) {
    setAttribute(this.element, "data-idle", idle);
  }

  /** @param {{ previous: boolean, next: boolean }} neighbours */
  refreshNeighbours({ previous, next }) {
    setAttribute(this.#previous, "aria-disabled", previous ? null : true);
    setAttribute(this.#next, "aria-disabled", next ? null : true);
  }

  /** @param {Row} row @param {{ keepsAll: boolean, isShown: boolean }} around the policy rules out deleting; the message itself is shown */
  refresh(row, { keepsAll, isShown }) {
    const isAnywhere = row.stored || row.onServer;
    const isMarked = row.deletion === "wanted" || row.deletion === "sent";
    setAttribute(this.#remove, "disabled", !row.onServer || row.deletion === "confirmed");
    // It can be pressed, so that everybody hears why it does nothing.
    setAttribute(this.#remove, "aria-disabled", keepsAll ? true : null);
    setAttribute(this.#remove, "title", keepsAll ? this.#t("reader.delete.off") : null);
    if (isMarked) swap(this.#keep, this.#remove);
    else swap(this.#remove, this.#keep);
    const word = this.#t(row.read ? "reader.markUnread" : "reader.markRead");
    setText(this.#markWord, word);
    setAttribute(this.#mark, "title", word);
    setIcon(this.#markIcon, row.read ? "unread" : "check");
    setAttribute(this.#mark, "disabled", !isAnywhere);
    setAttribute(this.#save, "disabled", !isAnywhere);
    setAttribute(this.#source, "disabled", !isAnywhere);
    setAttribute(this.#print, "disabled", !isShown);
  }
}

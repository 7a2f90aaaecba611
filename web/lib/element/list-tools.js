import { h, icon, setAttribute, setText } from "./dom.js";

/**
 * What stands above the list: the search box, the order, and what can be done with the messages that are selected.
 *
 * @typedef {import("./finder.js").Order} Order
 * @typedef {"read" | "unread" | "remove" | "keep"} Deed
 * @typedef {{ search: (text: string) => void, order: (order: Order) => void, leave: () => void, selecting: (selecting: boolean) => void,
 *   selectAll: () => void, act: (deed: Deed) => void, cancel: () => void }} Actions
 * @typedef {{ found: number | null, pending: number, searching: boolean }} Outcome
 */

const ORDERS = /** @type {const} */ (["newest", "oldest", "from", "subject", "size"]);
const OPERATORS = /** @type {const} */ (["from:", "subject:", "has:attachment", "before:2026-12-31", "after:2026-01-01"]);
const DEEDS = /** @type {const} */ ([
  ["read", "read"],
  ["unread", "unread"],
  ["remove", "trash"],
  ["keep", "undo"],
]);

export class ListTools {
  element;
  #ui;
  #box;
  #clear;
  #hint;
  #outcome = h("p", { class: "search-outcome", role: "status", "data-testid": "search-outcome" });
  #select;
  #bar;
  #count = h("p", { class: "selection-count", role: "status", "data-testid": "selected" });
  #deeds;
  #stop;

  /** @param {import("./words.js").Ui} ui @param {Actions} actions */
  constructor(ui, actions) {
    const { t } = ui;
    this.#ui = ui;
    this.#box = h("input", {
      class: "search-box",
      type: "search",
      "aria-label": t("search.label"),
      "aria-describedby": "search-hint",
      placeholder: t("search.label"),
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      enterkeyhint: "search",
      "data-testid": "search",
      oninput: () => this.#typed(actions),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event, actions),
    });
    const tool = (/** @type {import("./dom.js").IconName} */ name, /** @type {string} */ label, /** @type {Record<string, unknown>} */ more) =>
      h("button", { class: "button button-icon button-quiet", type: "button", "aria-label": label, title: label, ...more }, icon(name));
    this.#clear = tool("close", t("search.clear"), { hidden: true, "data-testid": "search-clear", onclick: () => this.#leave(actions) });
    this.#select = tool("select", t("selection.start"), {
      "aria-pressed": false,
      "data-testid": "select-mode",
      onclick: () => actions.selecting(this.#select.getAttribute("aria-pressed") !== "true"),
    });
    const order = h(
      "select",
      { class: "order", "aria-label": t("order.label"), "data-testid": "list-order", onchange: () => actions.order(/** @type {Order} */ (order.value)) },
      ...ORDERS.map((name) => h("option", { value: name }, t(`order.${name}`))),
    );
    const insert = (/** @type {string} */ operator) => {
      this.#box.value = `${this.#box.value.trimEnd()} ${operator}`.trimStart();
      this.#box.focus();
      this.#typed(actions);
    };
    this.#hint = h(
      "div",
      // The keyboard stays in the box, which shows this for as long as it has that.
      { class: "search-hint", id: "search-hint", onmousedown: (/** @type {Event} */ event) => event.preventDefault() },
      h("span", {}, t("search.hint")),
      ...OPERATORS.map((operator) => h("button", { class: "operator", type: "button", onclick: () => insert(operator) }, operator)),
    );
    this.#deeds = new Map(
      DEEDS.map(([deed, name]) => [
        deed,
        h(
          "button",
          { class: "button button-quiet", type: "button", title: t(`selection.${deed}`), "data-testid": `selected-${deed}`, onclick: () => actions.act(deed) },
          icon(name),
          h("span", {}, t(`selection.${deed}`)),
        ),
      ]),
    );
    this.#stop = h("button", { class: "button", type: "button", hidden: true, "data-testid": "selected-cancel", onclick: actions.cancel }, t("list.cancel"));
    this.#bar = h(
      "div",
      { class: "selection", role: "group", "aria-label": t("selection.label"), hidden: true, "data-testid": "selection" },
      this.#count,
      h("button", { class: "button button-quiet", type: "button", "data-testid": "select-all", onclick: actions.selectAll }, t("selection.all")),
      ...this.#deeds.values(),
      this.#stop,
    );
    this.element = h(
      "div",
      { class: "list-tools" },
      h("div", { class: "search", role: "search" }, icon("search"), this.#box, this.#clear, order, this.#select),
      this.#hint,
      this.#outcome,
      this.#bar,
    );
  }

  focus() {
    this.#box.focus();
    this.#box.select();
  }

  /** What was found, in words. @param {Outcome} outcome */
  refresh({ found, pending }) {
    const { t } = this.#ui;
    const parts = [found === null ? "" : t("search.found", { n: found }), pending > 0 ? t("search.pending", { n: pending }) : ""];
    setText(this.#outcome, parts.filter(Boolean).join(" "));
  }

  /**
   * What is selected, and how far what is done with it has come.
   * @param {{ count: number, selecting: boolean, progress: { done: number, total: number } | null, mayKeep: boolean }} of
   */
  refreshSelection({ count, selecting, progress, mayKeep }) {
    const { t } = this.#ui;
    setAttribute(this.#select, "aria-pressed", selecting);
    setAttribute(this.#bar, "hidden", count === 0 && !selecting && !progress);
    setText(this.#count, progress ? t("selection.progress", progress) : t("selection.count", { n: count }));
    setAttribute(this.#stop, "hidden", !progress);
    for (const [deed, button] of this.#deeds) setAttribute(button, "disabled", count === 0 || progress !== null || (deed === "keep" && !mayKeep));
  }

  /** @param {Actions} actions */
  #typed(actions) {
    setAttribute(this.#clear, "hidden", this.#box.value === "");
    actions.search(this.#box.value);
  }

  /** @param {Actions} actions */
  #leave(actions) {
    this.#box.value = "";
    this.#typed(actions);
    actions.leave();
  }

  /** @param {KeyboardEvent} event @param {Actions} actions */
  #key(event, actions) {
    if (event.key === "Escape") this.#leave(actions);
    else if (event.key === "ArrowDown" || event.key === "Enter") actions.leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

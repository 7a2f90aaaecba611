import { h, icon, setAttribute, setText } from "./dom.js";

/**
 * @typedef {import("./row-index.js").Filter} Filter
 * @typedef {{ filter: (filter: Filter) => void, settings: () => void, lock: () => void, signOut: () => void, clear: () => void }} Actions
 */

const FILTERS = /** @type {const} */ ([
  ["inbox", "inbox"],
  ["unread", "unread"],
  ["stored", "stored"],
  ["attachments", "clip"],
  ["wanted", "clock"],
  ["deleted", "trash"],
]);

/** The account, the filters, and what is kept on this computer: a column where there is room, a bar where there is not. */
export class Side {
  element;
  #ui;
  #session;
  /** @type {Map<Filter, { button: HTMLButtonElement, count: HTMLSpanElement }>} */
  #filters = new Map();
  #kept;
  #clear;
  #signOut;
  #signOutWord;

  /** @param {import("./words.js").Ui} ui @param {import("./session.js").Session} session @param {Actions} actions */
  constructor(ui, session, actions) {
    const { t } = ui;
    const { user, server, memory } = session.about;
    this.#ui = ui;
    this.#session = session;
    this.#kept = h("p", { class: "side-kept" });
    const tool = (
      /** @type {import("./dom.js").IconName} */ name,
      /** @type {string} */ label,
      /** @type {string} */ hook,
      /** @type {() => void} */ onclick,
      word = label,
    ) => h("button", { class: "button button-quiet", type: "button", title: label, "data-testid": hook, onclick }, icon(name), h("span", {}, word));
    this.#clear = tool("erase", t("account.clear"), "clear", actions.clear);
    setAttribute(this.#clear, "hidden", memory);
    const settings = tool("settings", t("account.settings"), "settings-open", actions.settings);
    const lock = tool("lock", t(memory ? "account.lock.memory" : "account.lock"), "lock-now", actions.lock, t("account.lock"));
    this.#signOutWord = h("span", {}, t("account.signOut"));
    this.#signOut = h(
      "button",
      { class: "button button-quiet", type: "button", "data-testid": "sign-out", onclick: actions.signOut },
      icon("exit"),
      this.#signOutWord,
    );
    this.element = h(
      "nav",
      { class: "side", "aria-label": t("account.region") },
      h(
        "div",
        { class: "side-account", title: t("account.at", { user, server }) },
        h("slot", { name: "account" }, h("p", { class: "side-user" }, user), h("p", { class: "side-server" }, server)),
      ),
      h(
        "div",
        { class: "filters", role: "group", "aria-label": t("filter.label") },
        ...FILTERS.map(([filter, name]) => this.#makeFilter(filter, name, actions.filter)),
      ),
      h("div", { class: "side-foot" }, this.#kept, settings, this.#clear, lock, this.#signOut),
    );
  }

  /** @param {Filter} current */
  refresh(current) {
    const { t, format } = this.#ui;
    const { about, busy, rows } = this.#session;
    for (const [filter, { button, count }] of this.#filters) {
      const n = rows.count(filter);
      setAttribute(button, "aria-current", filter === current);
      setText(count, n ? format.number(n) : "");
    }
    setText(this.#kept, about.memory ? t("account.memory") : t("account.kept", { n: rows.counts.stored }));
    setAttribute(this.#signOut, "disabled", busy === "sign-out");
    setAttribute(this.#clear, "disabled", busy === "sign-out");
    setText(this.#signOutWord, t(busy === "sign-out" ? "account.signingOut" : "account.signOut"));
  }

  /** @param {Filter} filter @param {import("./dom.js").IconName} name @param {(filter: Filter) => void} choose */
  #makeFilter(filter, name, choose) {
    const { t } = this.#ui;
    const count = h("span", { class: "filter-count" });
    const long = t(`filter.${filter}`);
    const short = t(`filter.${filter}.short`) || long;
    const button = h(
      "button",
      { class: "filter", type: "button", "data-testid": `filter-${filter}`, onclick: () => choose(filter) },
      icon(name),
      h("span", { class: "filter-long" }, long),
      h("span", { class: "filter-short" }, short),
      count,
    );
    this.#filters.set(filter, { button, count });
    return button;
  }
}

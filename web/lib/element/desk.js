import { part } from "../mail/parts.js";
import { DESK } from "./desk-styles.js";
import { adopt, h, icon, replace, setAttribute, setText } from "./dom.js";
import { MessageList } from "./list.js";
import { Reader } from "./reader.js";
import { ListHeader, Notices } from "./status.js";

/**
 * The signed-in view: account and filters, list, reader, and the strip that says what will happen on the server.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./row-index.js").Filter} Filter
 * @typedef {{
 *   opened: (id: string) => void, hasReader: () => boolean, mayDelete: (id: string) => boolean,
 *   failed: (error: unknown) => void, settings: () => void, lock: () => void, import: () => void, signOut: () => void, leave: () => void, clear: () => void
 * }} Actions what the element around it decides
 * @typedef {{ filter: (filter: Filter) => void, settings: () => void, lock: () => void, signOut: () => void, clear: () => void }} SideActions
 */

const FILTERS = /** @type {const} */ ([
  ["inbox", "inbox"],
  ["unread", "unread"],
  ["deleted", "trash"],
]);

export class Desk {
  element;
  #ui;
  #session;
  #actions;
  #side;
  #header;
  #list;
  #empty = h("div", { class: "empty", hidden: true });
  #reader;
  #notices;
  #frame = 0;
  /** Progress comes faster than frames: it is drawn once for each. */
  #refresh = () => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.refresh());
  };

  /** Only the browser prints, and says so before it does: the mailbox's log is told. */
  #printed = () => {
    const { id } = this.#reader;
    if (id === undefined || !this.#reader.isVisible()) return;
    void this.#session.attempt(() => this.#session.mailbox.note("printed", [id]));
  };

  /**
   * @param {ShadowRoot} root where it is about to be shown
   * @param {import("./words.js").Ui} ui @param {Session} session @param {Actions} actions
   */
  constructor(root, ui, session, actions) {
    adopt(root, DESK);
    this.#ui = ui;
    this.#session = session;
    this.#actions = actions;
    const remove = (/** @type {string} */ id) => void this.#remove(id);
    const keep = (/** @type {string} */ id) => void session.attempt(() => session.mailbox.undelete(id));
    const { settings, lock, signOut, clear } = actions;
    const password = () => void this.#askPassword();
    this.#side = new Side(ui, session, { filter: (filter) => this.#filter(filter), settings, lock, signOut, clear });
    this.#header = new ListHeader(ui, session);
    this.#list = new MessageList(ui, session.rows, { open: (id) => this.open(id), remove });
    this.#reader = new Reader(ui, session, {
      back: () => this.#back(),
      step: (by) => this.#step(by),
      remove,
      keep,
      failed: actions.failed,
      signIn: password,
    });
    this.#notices = new Notices(ui, session, {
      undo: () => void this.#undo(),
      focus: () => this.focus(),
      settings,
      import: actions.import,
      signOut,
      leave: actions.leave,
      password,
    });
    const pane = h(
      "section",
      { class: "list-pane", "aria-label": ui.t("filter.inbox") },
      this.#header.element,
      this.#list.element,
      this.#empty,
    );
    this.element = h(
      "div",
      { class: "desk", "data-pane": "list", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
      h("h1", { class: "sr" }, ui.t("account.at", { user: session.about.user, server: session.about.server })),
      this.#side.element,
      pane,
      this.#reader.element,
      this.#notices.element,
    );
    session.addEventListener("update", this.#refresh);
    addEventListener("beforeprint", this.#printed);
    this.refresh();
  }

  /** Opens a message in the reader. @param {string} id */
  open(id) {
    this.#session.rows.pin(id);
    this.#list.setOpen(id);
    this.#actions.opened(id);
    if (!this.#actions.hasReader()) return;
    setAttribute(this.element, "data-pane", "reader");
    void this.#reader.open(id);
    if (!this.#list.isVisible()) this.#reader.focus();
  }

  refresh() {
    this.#side.refresh(this.#list.filter);
    this.#header.refresh(this.#list.filter);
    this.#list.refresh();
    this.#reader.refresh({ previous: this.#list.neighbour(-1) !== undefined, next: this.#list.neighbour(1) !== undefined });
    this.#notices.refresh();
    this.#refreshEmpty();
  }

  focus() {
    if (this.#list.isVisible()) this.#list.focus();
    else this.#reader.focus();
  }

  close() {
    this.#session.removeEventListener("update", this.#refresh);
    cancelAnimationFrame(this.#frame);
    removeEventListener("beforeprint", this.#printed);
    this.#notices.close();
    this.#list.close();
    this.#reader.clear();
  }

  #refreshEmpty() {
    const { t } = this.#ui;
    const filter = this.#list.filter;
    const isEmpty = this.#session.rows.length(filter) === 0;
    setAttribute(this.#empty, "hidden", !isEmpty);
    setAttribute(this.#list.element, "data-empty", isEmpty);
    if (!isEmpty) return;
    const isWaiting = filter === "inbox" && this.#session.busy === "sync";
    setAttribute(this.#empty, "data-testid", isWaiting ? null : "empty");
    const title = isWaiting ? t("list.waiting") : t(`list.empty.${filter}`);
    if (this.#empty.firstChild?.textContent === title) return;
    replace(this.#empty, h("p", { class: "empty-title" }, title), !isWaiting && h("p", {}, t(`list.empty.${filter}.hint`)));
  }

  /** @param {Filter} filter */
  #filter(filter) {
    setAttribute(this.element, "data-pane", "list");
    this.#list.setFilter(filter);
    this.refresh();
  }

  /** @param {string} id */
  async #remove(id) {
    const row = this.#session.rows.row(id);
    if (!row?.onServer || row.deletion !== "none") return;
    if (this.#session.policy?.leave === "everything") return this.#session.sayKeepsAll();
    if (!this.#actions.mayDelete(id)) return;
    await this.#session.attempt(() => this.#session.mailbox.delete(id));
  }

  /** What was refused is not sent again; another password is, and what had stopped goes on. */
  async #askPassword() {
    const { over } = this.#session;
    await this.#session.attempt(async () => {
      const { askPassword } = await part(import("./password.js"));
      if (over.aborted) return;
      const password = await askPassword(this.element.getRootNode(), this.#session.about.user, this.#ui);
      if (password !== null) await this.#session.signInAgain(password);
    });
  }

  async #undo() {
    const ids = [...this.#session.rows.wanted];
    await this.#session.attempt(async () => {
      for (const id of ids) await this.#session.mailbox.undelete(id);
    });
  }

  /** @param {1 | -1} by */
  #step(by) {
    const id = this.#list.neighbour(by);
    if (id !== undefined) this.open(id);
  }

  /** From the message to the list, which is where it was left. */
  #back() {
    setAttribute(this.element, "data-pane", "list");
    this.#list.focus();
  }

  /** Keys that work outside the list. @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { id } = this.#reader;
    if (event.key === "Escape") this.#back();
    else if (event.key === "j") this.#step(1);
    else if (event.key === "k") this.#step(-1);
    else if (event.key === "Delete" && id !== undefined) void this.#remove(id);
    else return;
    event.preventDefault();
  }
}

/** The account, the filters, and what is kept on this computer: a column where there is room, a bar where there is not. */
class Side {
  element;
  #ui;
  #session;
  /** @type {Map<Filter, { button: HTMLButtonElement, count: HTMLSpanElement }>} */
  #filters = new Map();
  #kept;
  #clear;
  #signOut;
  #signOutWord;

  /** @param {import("./words.js").Ui} ui @param {Session} session @param {SideActions} actions */
  constructor(ui, session, actions) {
    const { t } = ui;
    const { user, server, memory } = session.about;
    this.#ui = ui;
    this.#session = session;
    this.#kept = h("p", { class: "side-kept" });
    this.#clear = h(
      "button",
      {
        class: "button button-quiet",
        type: "button",
        hidden: memory,
        title: t("account.clear"),
        "data-testid": "clear",
        onclick: actions.clear,
      },
      icon("erase"),
      h("span", {}, t("account.clear")),
    );
    const settings = h(
      "button",
      {
        class: "button button-quiet",
        type: "button",
        title: t("account.settings"),
        "data-testid": "settings-open",
        onclick: actions.settings,
      },
      icon("settings"),
      h("span", {}, t("account.settings")),
    );
    const lock = h(
      "button",
      {
        class: "button button-quiet",
        type: "button",
        title: t(memory ? "account.lock.memory" : "account.lock"),
        "data-testid": "lock-now",
        onclick: actions.lock,
      },
      icon("lock"),
      h("span", {}, t("account.lock")),
    );
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
        h("p", { class: "side-user" }, user),
        h("p", { class: "side-server" }, server),
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
      const n = rows.length(filter);
      setAttribute(button, "aria-current", filter === current);
      setText(count, n > 0 ? format.number(n) : "");
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

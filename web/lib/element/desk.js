import { part } from "../mail/parts.js";
import { Bulk } from "./bulk.js";
import { DESK } from "./desk-styles.js";
import { adopt, h, icon, replace, setAttribute, setText } from "./dom.js";
import { Finder } from "./finder.js";
import { LIST } from "./list-styles.js";
import { ListTools } from "./list-tools.js";
import { MessageList } from "./list.js";
import { tellNews } from "./news.js";
import { PRINT, paperOf } from "./paper.js";
import { Reader } from "./reader.js";
import { listenForKeys } from "./shortcuts.js";
import { Side } from "./side.js";
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
 */

/** Rows that a screen shows: who deletes more than that has not looked at each. */
const SEEN_AT_ONCE = 20;

export class Desk {
  element;
  #ui;
  #session;
  #actions;
  #side;
  #header;
  #tools;
  #finder;
  #bulk = new Bulk(() => this.#refreshSelection());
  #list;
  #empty = h("div", { class: "empty", hidden: true });
  #reader;
  #notices;
  /** What was marked for deletion here, in that order: the last is taken back first. @type {string[]} */
  #removed = [];
  #frame = 0;
  /** Progress comes faster than frames: it is drawn once for each. */
  #refresh = () => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.refresh());
  };

  #news = (/** @type {Event} */ event) => {
    const { retrieved, headers } = /** @type {CustomEvent} */ (event).detail;
    if (retrieved + headers > 0) tellNews(this.#ui.t);
  };

  /** What goes on paper, while it does. @type {Element | null} */
  #paper = null;
  /** Only the browser prints, and says so before it does: the mailbox's log is told. */
  #printed = () => {
    const message = this.#reader.isVisible() ? this.#reader.message : undefined;
    // On paper nothing else is visible, the reader neither: what is there by then stays.
    if (!message && this.#paper?.isConnected) return;
    this.#paper = paperOf(message, this.#ui);
    this.element.append(this.#paper);
    if (message) void this.#session.attempt(() => this.#session.mailbox.note("printed", [message.id]));
  };
  #unprinted = () => this.#paper?.remove();

  /**
   * @param {ShadowRoot} root where it is about to be shown
   * @param {import("./words.js").Ui} ui @param {Session} session @param {Actions} actions
   */
  constructor(root, ui, session, actions) {
    adopt(root, DESK);
    adopt(root, LIST);
    adopt(root, PRINT);
    this.#ui = ui;
    this.#session = session;
    this.#actions = actions;
    const remove = (/** @type {string} */ id) => void this.#act("remove", [id]);
    const keep = (/** @type {string} */ id) => void session.attempt(() => session.mailbox.undelete(id));
    const { settings, lock, signOut, clear } = actions;
    const password = () => void this.#askPassword();
    this.#side = new Side(ui, session, { filter: (filter) => this.#filter(filter), settings, lock, signOut, clear });
    this.#header = new ListHeader(ui, session);
    this.#list = new MessageList(ui, session.rows, {
      open: (id) => this.open(id),
      remove: (ids) => void this.#act("remove", ids),
      selected: () => this.#refreshSelection(),
    });
    this.#finder = new Finder(session.mailbox, session.rows, {
      changed: (isNew) => this.#found(isNew),
      failed: (error) => void session.attempt(() => Promise.reject(error)),
    });
    this.#tools = new ListTools(ui, {
      search: (text) => this.#finder.ask({ text }),
      order: (order) => this.#finder.ask({ order }),
      leave: () => this.#list.focus(),
      selecting: (selecting) => (this.#list.selecting = selecting),
      selectAll: () => this.#list.selectAll(),
      act: (deed) => void this.#act(deed, this.#list.selected),
      cancel: () => this.#bulk.stop(),
    });
    this.#reader = new Reader(ui, session, {
      back: () => this.#back(),
      step: (by) => this.#step(by),
      remove,
      keep,
      mark: (id) => void this.#mark(id),
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
      this.#tools.element,
      this.#list.element,
      this.#empty,
    );
    this.element = h(
      "div",
      { class: "desk", "data-pane": "list" },
      h("h1", { class: "sr" }, ui.t("account.at", { user: session.about.user, server: session.about.server })),
      this.#side.element,
      pane,
      this.#reader.element,
      this.#notices.element,
    );
    session.addEventListener("update", this.#refresh);
    session.addEventListener("sync-end", this.#news);
    addEventListener("beforeprint", this.#printed);
    addEventListener("afterprint", this.#unprinted);
    this.#listenForKeys(root);
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
    this.#refreshSelection();
    this.#reader.refresh({ previous: this.#list.neighbour(-1) !== undefined, next: this.#list.neighbour(1) !== undefined });
    this.#notices.refresh();
    this.#refreshEmpty();
  }

  /** Puts the keyboard in the search box. */
  focusSearch() {
    setAttribute(this.element, "data-pane", "list");
    this.#tools.focus();
  }

  focus() {
    if (this.#list.isVisible()) this.#list.focus();
    else this.#reader.focus();
  }

  close() {
    this.#session.removeEventListener("update", this.#refresh);
    this.#session.removeEventListener("sync-end", this.#news);
    cancelAnimationFrame(this.#frame);
    removeEventListener("beforeprint", this.#printed);
    removeEventListener("afterprint", this.#unprinted);
    this.#notices.close();
    this.#bulk.stop();
    this.#finder.close();
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
    const isSearch = this.#finder.found !== null;
    const about = isSearch ? "search" : filter;
    const title = isWaiting ? t("list.waiting") : t(`list.empty.${about}`);
    if (this.#empty.firstChild?.textContent === title) return;
    replace(this.#empty, h("p", { class: "empty-title" }, title), !isWaiting && h("p", {}, t(`list.empty.${about}.hint`)));
  }

  /** @param {Filter} filter */
  #filter(filter) {
    setAttribute(this.element, "data-pane", "list");
    this.#list.setFilter(filter);
    this.#finder.ask({ filter });
    this.refresh();
  }

  /** @param {boolean} isNew whether it is another search than before */
  #found(isNew) {
    this.#tools.refresh(this.#finder);
    if (isNew) this.#list.toTop();
    this.refresh();
  }

  #refreshSelection() {
    const { rows } = this.#session;
    const ids = this.#list.selected;
    const mayKeep = rows.wanted.length > 0;
    this.#tools.refreshSelection({ count: ids.length, selecting: this.#list.selecting, progress: this.#bulk.progress, mayKeep });
  }

  /** Does one thing to one message or to several. @param {import("./list-tools.js").Deed} deed @param {readonly string[]} ids */
  async #act(deed, ids) {
    const { mailbox, rows, over, policy } = this.#session;
    if (deed === "remove" && policy?.leave === "everything") return this.#session.sayKeepsAll();
    /** @type {Record<typeof deed, (id: string) => Promise<void>>} */
    const deeds = {
      read: (id) => mailbox.markRead(id),
      unread: (id) => mailbox.markRead(id, false),
      remove: async (id) => {
        if (over.aborted || !this.#actions.mayDelete(id)) return;
        this.#removed.push(id);
        await mailbox.delete(id);
      },
      keep: (id) => mailbox.undelete(id),
    };
    const wanted = new Set(rows.wanted);
    /** @type {Record<typeof deed, (id: string) => boolean>} */
    const concerns = { read: () => true, unread: () => true, remove: (id) => rows.mayBeDeleted(id), keep: (id) => wanted.has(id) };
    const those = ids.filter(concerns[deed]);
    const isGone = deed === "remove" && those.length === 0 && ids.some((id) => !wanted.has(id));
    if (isGone) return this.#session.sayNotThere();
    await this.#session.attempt(async () => {
      if (deed === "remove" && !(await this.#isMeant(those))) return;
      const [only, another] = those;
      // One does not wait for many.
      if (only !== undefined && another === undefined) await deeds[deed](only);
      else await this.#bulk.run(those, deeds[deed]);
    });
  }

  /** Asks before many are deleted, or several of which nothing is kept here. @param {readonly string[]} ids */
  async #isMeant(ids) {
    const { rows, over } = this.#session;
    const unkept = ids.filter((id) => !rows.isStored(id)).length;
    if (ids.length <= 1 || (ids.length <= SEEN_AT_ONCE && unkept === 0)) return true;
    const { askToDelete } = await part(import("./delete-many.js"));
    const root = this.element.getRootNode();
    return !over.aborted && root instanceof ShadowRoot && askToDelete(root, this.#ui, { count: ids.length, unkept });
  }

  /** Marks as read what is unread, and the other way round. @param {string} id */
  async #mark(id) {
    const row = this.#session.rows.row(id);
    if (row) await this.#session.attempt(() => this.#session.mailbox.markRead(id, !row.read));
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

  /** @param {ShadowRoot} root */
  #help(root) {
    const { over } = this.#session;
    return this.#session.attempt(async () => {
      const { openKeysHelp } = await part(import("./keys-help.js"));
      if (!over.aborted) await openKeysHelp(root, this.#ui);
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

  /** What the keys do, to the message that the keyboard is on in the list, or to the one that is shown. @param {ShadowRoot} root */
  #listenForKeys(root) {
    const { mailbox } = this.#session;
    const chosen = (/** @type {(ids: string[]) => void} */ act) => () => {
      // Who reads means what is read, whatever is selected in a list that may be out of sight.
      const several = this.#list.hasKeyboard ? this.#list.selected : [];
      const id = this.#list.active ?? this.#reader.id;
      if (several.length > 0) act(several);
      else if (id !== undefined) act([id]);
    };
    listenForKeys(this.element, {
      down: () => this.#step(1),
      up: () => this.#step(-1),
      next: () => this.#step(1),
      previous: () => this.#step(-1),
      back: () => this.#back(),
      retrieve: () => {
        if (!this.#reader.retrieve() && this.#session.busy === null) void this.#session.sync();
      },
      unread: chosen((ids) => void this.#act(ids.every((id) => this.#session.rows.row(id)?.read) ? "unread" : "read", ids)),
      remove: chosen((ids) => void this.#act("remove", ids)),
      undo: () => {
        const last = this.#removed.findLast((id) => this.#session.rows.wanted.includes(id)) ?? this.#session.rows.wanted.at(-1);
        if (last !== undefined) void this.#session.attempt(() => mailbox.undelete(last));
      },
      save: () => this.#reader.save(),
      search: () => this.focusSearch(),
      help: () => void this.#help(root),
    });
  }
}

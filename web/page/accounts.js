import { WORDS } from "./words.js";

/**
 * Several mailboxes side by side, one of them shown. Each is an element of its own, with a session, a store and a lock of its own; the
 * others go on fetching mail, and what comes there is told by a number.
 *
 * @typedef {import("../lib/poplar-mailbox.js").PoplarMailboxElement} Mailbox
 * @typedef {{ news: number, failed: boolean, item: HTMLElement }} State news: messages that have come since it was shown; failed: something
 * went wrong since then; item: of the menu
 */

/** How wide the menu is, as `page.css` has it. */
const MENU_PX = 280;

export class Accounts {
  #main;
  #header;
  #shown;
  /** @type {Map<Mailbox, State>} */
  #states = new Map();
  #switcher = copyOf("accounts");
  #open = inside(this.#switcher, "button");
  #menu = inside(this.#switcher, "[popover]");
  #list = inside(this.#switcher, "ul");
  #add = inside(this.#switcher, ".accounts-add");

  /** @param {HTMLElement} main where the mailboxes are @param {Mailbox} first the one that is shown */
  constructor(main, first) {
    this.#main = main;
    this.#header = inside(document, ".brand");
    this.#shown = first;
    this.#hear(first);
    this.#add.addEventListener("click", () => this.#show(this.#vacant() ?? this.#another()));
    // The keys of the desk, which it is part of while that is shown, are not meant while one chooses: Escape closes the menu alone.
    this.#switcher.addEventListener("keydown", (event) => this.#menu.matches(":popover-open") && event.stopPropagation());
    // Beside its button, in the layer above everything, where nothing cuts it off.
    this.#menu.addEventListener("beforetoggle", () => {
      const { left, bottom } = this.#open.getBoundingClientRect();
      this.#menu.style.setProperty("inset", `${bottom + 4}px auto auto max(8px, min(${left}px, 100vw - ${MENU_PX + 8}px))`);
    });
    this.#refresh();
  }

  /** @param {Mailbox} mailbox */
  #hear(mailbox) {
    const state = { news: 0, failed: false, item: copyOf("account") };
    this.#states.set(mailbox, state);
    inside(state.item, "button").addEventListener("click", () => this.#show(mailbox));
    this.#list.append(state.item);
    mailbox.addEventListener("sync-end", (event) => {
      const { retrieved, headers } = /** @type {CustomEvent} */ (event).detail;
      if (mailbox !== this.#shown) state.news += retrieved + headers;
      state.failed = false;
      this.#refresh();
    });
    mailbox.addEventListener("error", () => {
      state.failed = mailbox !== this.#shown;
      this.#refresh();
    });
    mailbox.addEventListener("language", () => this.#refresh());
    mailbox.addEventListener("account-change", () => {
      this.#unite(mailbox);
      this.#refresh();
    });
  }

  /** Whoever signs in to a mailbox that is here already is shown that one. @param {Mailbox} mailbox */
  #unite(mailbox) {
    const twin = [...this.#states.keys()].find((other) => other !== mailbox && isSame(other, mailbox));
    if (!twin || mailbox.account?.state !== "open") return;
    // What opens a locked one has just been given; one that is open may have more than is kept.
    if (twin.account?.state === "locked") this.#remove(twin);
    else this.#show(twin);
  }

  /** One that nobody is signed in to. */
  #vacant() {
    return [...this.#states.keys()].find((mailbox) => mailbox.account === null);
  }

  #another() {
    // As the page has set the first one up.
    const mailbox = /** @type {Mailbox} */ (this.#shown.cloneNode());
    mailbox.removeAttribute("user");
    mailbox.hidden = true;
    mailbox.token = this.#shown.token;
    this.#hear(mailbox);
    this.#main.append(mailbox);
    return mailbox;
  }

  /** @param {Mailbox} mailbox */
  #show(mailbox) {
    const before = this.#shown;
    this.#menu.hidePopover();
    this.#shown = mailbox;
    for (const [other, state] of this.#states) {
      other.hidden = other !== mailbox;
      if (!other.hidden) Object.assign(state, { news: 0, failed: false });
    }
    // A card that was left is one to come back to only where nothing else is here, and so is the second of two that are the same.
    if (before !== mailbox && (before.account === null || isSame(before, mailbox))) this.#remove(before);
    document.documentElement.lang = mailbox.language;
    this.#refresh();
    mailbox.focus();
  }

  /** @param {Mailbox} mailbox */
  #remove(mailbox) {
    this.#states.get(mailbox)?.item.remove();
    this.#states.delete(mailbox);
    mailbox.remove();
    this.#refresh();
  }

  #refresh() {
    const { account, language } = this.#shown;
    const t = wordsOf(language);
    this.#place(account?.state === "open");
    this.#menu.setAttribute("aria-label", t("accounts.open"));
    write(this.#add, t("accounts.add"));
    this.#add.hidden = account === null;
    tell(this.#open, this.#shown, t);
    const others = [...this.#states].filter(([mailbox]) => mailbox !== this.#shown);
    const hasNews = others.some(([mailbox, { news, failed }]) => news > 0 || failed || mailbox.account?.asks);
    write(inside(this.#open, ".accounts-news"), hasNews ? t("accounts.others") : "");
    for (const [mailbox, state] of this.#states) {
      const button = inside(state.item, "button");
      button.setAttribute("aria-current", String(mailbox === this.#shown));
      tell(button, mailbox, t);
      write(inside(button, ".accounts-news"), about(mailbox, state, t));
    }
  }

  /** In the place of the account above the filters; on a card there is only the page's own head, and one alone needs no choice. @param {boolean} isOpen */
  #place(isOpen) {
    const parent = isOpen ? this.#shown : this.#states.size > 1 ? this.#header : null;
    if (!parent) this.#switcher.remove();
    else if (this.#switcher.parentNode !== parent) parent.append(this.#switcher);
  }
}

/** @typedef {(key: keyof typeof WORDS.en) => string} Translate */

/** @param {string} language @returns {Translate} */
function wordsOf(language) {
  const words = language.toLowerCase().startsWith("es") ? WORDS.es : WORDS.en;
  return (key) => words[key];
}

/** What is to be said of one that is not shown, the most pressing first. @param {Mailbox} mailbox @param {State} state @param {Translate} t */
function about({ account, language }, { news, failed }, t) {
  if (account?.asks) return t("accounts.asks");
  if (failed) return t("accounts.failed");
  if (news > 0) return t("accounts.news").replace("{n}", new Intl.NumberFormat(language).format(news));
  return account?.state === "locked" ? t("accounts.locked") : "";
}

/** Whose it is, in two lines. @param {HTMLElement} button @param {Mailbox} mailbox @param {Translate} t */
function tell(button, { account }, t) {
  write(inside(button, ".accounts-user"), account ? account.user || account.server : t("accounts.none"));
  write(inside(button, ".accounts-server"), account?.user ? account.server : "");
}

/** @param {HTMLElement} place @param {string} words */
function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

/** Whether both are known to be of one account: locked, a mailbox may hide whose it is. @param {Mailbox} one @param {Mailbox} other */
function isSame({ account: one }, { account: other }) {
  return one !== null && other !== null && one.user !== "" && one.user === other.user && one.server === other.server && one.memory === other.memory;
}

/** @param {string} id of a template @returns {HTMLElement} */
function copyOf(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
}

/** @param {ParentNode} parent @param {string} selector @returns {HTMLElement} */
function inside(parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector));
}

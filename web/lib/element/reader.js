import { part } from "../mail/parts.js";
import { fileName } from "../poplar-mail.js";
import { h, icon, replace, saveAs, setAttribute, setIcon, setText } from "./dom.js";
import { problemFrom, problemView } from "./problem.js";
import { ReaderToolbar } from "./reader-toolbar.js";
import { rowState, sender } from "./row.js";
import { textView } from "./text.js";
import { endingOf, isNamedAs, straight } from "./types.js";

/**
 * One message: who, when, what; its text or its HTML; its attachments; and what can be done with it.
 *
 * @typedef {import("../poplar-mail.js").Message} Message
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {Message["attachments"][number]} Attachment
 * @typedef {{
 *   back: () => void, step: (by: 1 | -1) => void, remove: (id: string) => void, keep: (id: string) => void,
 *   mark: (id: string) => void, failed: (error: unknown) => void, signIn: () => void
 * }} Actions
 */

/** Recipients named before the rest is counted: three lines at most. */
const NAMED_RECIPIENTS = 6;

export class Reader {
  element;
  /** @type {string | undefined} */
  id;
  /** The message, once it is shown. @type {Message | undefined} */
  message;
  #ui;
  #session;
  #actions;
  #toolbar;
  #page;
  #stateIcon = icon("stored");
  #stateText = h("span");
  #state = h("p", { class: "reader-state" }, this.#stateIcon, this.#stateText);
  #waiting = h("p", { class: "reader-waiting", role: "status" });
  /** @type {Row | undefined} */
  #row;

  /** @param {import("./words.js").Ui} ui @param {import("./session.js").Session} session @param {Actions} actions */
  constructor(ui, session, actions) {
    this.#ui = ui;
    this.#session = session;
    this.#actions = actions;
    const onId = (/** @type {(id: string) => void} */ act) => () => this.id !== undefined && act(this.id);
    this.#toolbar = new ReaderToolbar(ui, {
      back: actions.back,
      step: actions.step,
      remove: onId(actions.remove),
      keep: onId(actions.keep),
      mark: onId(actions.mark),
      save: () => this.save(),
      source: () => void this.#showSource(),
      print: () => print(),
    });
    // It scrolls, and the keyboard has to get there also where a message has nothing to press.
    this.#page = h("div", { class: "reader-page", role: "group", "aria-label": ui.t("reader.region"), tabindex: "0" });
    this.element = h(
      "section",
      { class: "reader", "aria-label": ui.t("reader.region"), tabindex: "-1", "data-testid": "reader" },
      this.#toolbar.element,
      this.#page,
    );
    this.clear();
  }

  clear() {
    this.id = undefined;
    this.message = undefined;
    this.#row = undefined;
    this.#toolbar.idle = true;
    replace(this.#page, h("p", { class: "reader-none" }, this.#ui.t("reader.none")));
  }

  /**
   * Shows what the list knows at once, and the message as soon as it is there.
   * @param {string} id @param {boolean} [asked] also one that this mailbox retrieves only when asked
   */
  async open(id, asked = false) {
    this.id = id;
    this.message = undefined;
    this.#row = this.#session.rows.row(id);
    const row = this.#row;
    const body = h("div", { class: "reader-body" }, this.#waiting);
    setText(this.#waiting, this.#ui.t("reader.loading"));
    this.#toolbar.idle = false;
    setAttribute(this.#page, "data-framed", false);
    const known = row && (row.stored || row.hasHeaders) && !row.damaged;
    replace(this.#page, known && this.#header({ ...row, to: [], cc: [] }), body);
    this.#page.scrollTop = 0;
    this.#refreshState();
    if (row && !row.stored && !row.onServer) {
      replace(body, !known && this.#state); // the state line says that it is nowhere
      return;
    }
    if (row && !asked && this.#isHeldBack(row)) return replace(body, this.#heldBack(row));
    try {
      const message = await this.#session.mailbox.message(id);
      if (this.id !== id) return;
      this.message = message;
      this.#refreshState();
      await this.#show(message);
      if (!row?.read) await this.#session.attempt(() => this.#session.mailbox.markRead(id));
    } catch (error) {
      const isOver = error instanceof DOMException && error.name === "AbortError"; // the mailbox was locked meanwhile, say
      if (this.id === id && !isOver) this.#fail(error, id, body);
    }
  }

  /**
   * Draws what may have changed about the message: its state, what can be done with it, and how far its retrieval is.
   * @param {{ previous: boolean, next: boolean }} neighbours
   */
  refresh({ previous, next }) {
    this.#toolbar.refreshNeighbours({ previous, next });
    this.#refreshState();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  /** Where only one pane has room, it may be hidden behind the list. */
  isVisible() {
    return this.element.checkVisibility({ visibilityProperty: true });
  }

  #refreshState() {
    if (this.id === undefined) return;
    this.#row = this.#session.rows.row(this.id) ?? this.#row;
    const row = this.#row;
    if (!row) return;
    const state = rowState(row, this.#ui);
    setIcon(this.#stateIcon, state.icon);
    const { t } = this.#ui;
    const isShared = this.#session.about.memory && (state.state === "new" || state.state === "stored");
    const notes = [row.imported && t("state.imported"), row.matched && t("state.matched")];
    setText(this.#stateText, [isShared ? t("account.memory") : state.sentence, ...notes].filter(Boolean).join(" "));
    setAttribute(this.#state, "data-state", state.state);
    this.#toolbar.refresh(row, { keepsAll: this.#session.policy?.leave === "everything", isShown: this.message !== undefined });
    setText(this.#waiting, this.#waitingText(row));
  }

  /** Whether the mailbox is set to retrieve messages of this size only when asked. @param {Row} row */
  #isHeldBack({ stored, onServer, size }) {
    const retrieve = this.#session.policy?.retrieve;
    return !stored && onServer && typeof retrieve === "object" && size > retrieve.under;
  }

  /** @param {Row} row */
  #heldBack({ id, size }) {
    const { t, format } = this.#ui;
    const ask = () => {
      this.focus();
      void this.open(id, true);
    };
    return h(
      "div",
      { class: "reader-held" },
      h("p", {}, t("reader.heldBack")),
      h(
        "button",
        { class: "button", type: "button", "data-testid": "retrieve-now", onclick: ask },
        icon("save"),
        t("reader.retrieveNow", { size: format.size(size) }),
      ),
    );
  }

  /** @param {Row} row */
  #waitingText(row) {
    const { t, format } = this.#ui;
    const { busy, step } = this.#session;
    if (row.stored) return t("reader.loading");
    if (busy) return t("reader.queued");
    const progress = step?.progress;
    if (progress?.phase !== "retrieve" || progress.bytes === 0) return t("reader.retrieving");
    return t("reader.retrieving.bytes", { bytes: format.sizes(progress.bytes, progress.totalBytes) });
  }

  /** @param {Message} message */
  async #show(message) {
    setAttribute(this.#page, "data-framed", false);
    const { html, text } = message;
    const wanted = () => this.id === message.id && this.element.isConnected;
    const reports = message.reports.length > 0 && (await part(import("./reports.js"))).reportsView(message.reports, this.#ui);
    if (!wanted()) return;
    if (html === null) {
      const body = text.trim() ? textView(text) : h("p", { class: "reader-none" }, this.#ui.t("reader.noText"));
      replace(this.#page, this.#header(message), reports, this.#attachments(message.attachments), h("div", { class: "reader-body" }, body));
      return;
    }
    const { htmlView } = await part(import("./html/view.js"));
    const view = await htmlView({ ...message, html }, {
      ui: this.#ui,
      root: /** @type {ShadowRoot} */ (this.element.getRootNode()),
      width: this.#page.clientWidth,
      inlineImage: (contentId) => this.#inlineImage(message, contentId),
      framed: (on) => wanted() && setAttribute(this.#page, "data-framed", on),
      wanted,
    });
    if (!wanted()) return;
    const attached = message.attachments.filter((one) => !(one.contentId && view.usedIds.has(one.contentId)));
    replace(this.#page, this.#header(message), reports, this.#attachments(attached), view.notes, view.body);
  }

  /** @param {Pick<Message, "subject" | "from" | "to" | "cc" | "date">} message */
  #header({ subject, from, to, cc, date }) {
    const { t, format } = this.#ui;
    const { name, address } = sender(from);
    return h(
      "header",
      { class: "reader-header" },
      h("h2", { class: "reader-subject", dir: "auto", "data-testid": "reader-subject" }, subject || t("row.noSubject")),
      h(
        "div",
        { class: "reader-who" },
        h(
          "p",
          { class: "reader-from", "data-testid": "reader-from" },
          h("span", { class: "reader-name", dir: "auto" }, name || t("row.noSender")),
          address && h("span", { class: "reader-address" }, address),
        ),
        h("time", { class: "reader-date", datetime: date?.toISOString() }, date ? format.fullDate(date) : t("row.noDate")),
      ),
      this.#recipients(t("reader.to"), to),
      this.#recipients(t("reader.cc"), cc),
      this.#state,
    );
  }

  /** @param {string} label @param {readonly string[]} people */
  #recipients(label, people) {
    if (people.length === 0) return null;
    const named = people.slice(0, NAMED_RECIPIENTS).join(", ");
    const more = people.length - NAMED_RECIPIENTS;
    const rest = more > 0 ? ` ${this.#ui.t("reader.more", { n: more })}` : "";
    return h("p", { class: "reader-to", title: people.join(", ") }, h("span", { class: "reader-label" }, label), ` ${named}${rest}`);
  }

  /** @param {Message["attachments"]} attachments */
  #attachments(attachments) {
    const { id } = this;
    if (attachments.length === 0 || id === undefined) return null;
    const { mailbox } = this.#session;
    const save = {
      one: (/** @type {Attachment} */ { index, name }) => this.#save(() => mailbox.attachment(id, index), fileName(name)),
      all: () => this.#save(() => mailbox.attachments(id, attachments.map(({ index }) => index)), `${stamp(this.#row?.date ?? null)}.zip`),
    };
    return attachmentList(attachments, save, this.#ui);
  }

  /** @param {Message} message @param {string} contentId */
  async #inlineImage(message, contentId) {
    const image = message.attachments.find((one) => one.contentId === contentId && one.type.startsWith("image/"));
    if (!image) return null;
    const bytes = await this.#session.mailbox.attachment(message.id, image.index, { shown: true });
    return dataUrl(new Blob([bytes], { type: image.type }));
  }

  /** @param {() => Promise<Blob>} blob @param {string} name */
  #save(blob, name) {
    void this.#session.attempt(async () => saveAs(await blob(), name));
  }

  /** Saves the message as it came. */
  save() {
    const { id } = this;
    if (id !== undefined) this.#save(() => this.#session.mailbox.raw(id), `${stamp(this.#row?.date ?? null)}.eml`);
  }

  /** Retrieves a message of which only the headers are here; whether there was any to retrieve. */
  retrieve() {
    const row = this.#row;
    if (this.id === undefined || !row || row.stored || !row.onServer) return false;
    void this.open(this.id, true);
    return true;
  }

  /** Every octet of the message, as text and as nothing else. */
  #showSource() {
    const { id } = this;
    const { over } = this.#session;
    if (id === undefined) return;
    return this.#session.attempt(async () => {
      const { openSource } = await part(import("./source.js"));
      const source = await this.#session.mailbox.raw(id, { shown: true });
      const root = this.element.getRootNode();
      if (!over.aborted && root instanceof ShadowRoot) await openSource(root, this.#ui, source, () => this.save(), over);
    });
  }

  /** @param {unknown} error @param {string} id @param {Element} body */
  #fail(error, id, body) {
    const actions = { retry: () => void this.open(id, true), dismiss: null, signIn: this.#actions.signIn, leave: null };
    replace(body, problemView(problemFrom(error, "message"), actions, this.#ui));
    this.#actions.failed(error);
  }
}

/**
 * The attachments of one message, each a button that saves it, and one for all.
 * @param {readonly Attachment[]} attachments @param {{ one: (attachment: Attachment) => void, all: () => void }} save
 * @param {import("./words.js").Ui} ui
 */
function attachmentList(attachments, save, ui) {
  const { t } = ui;
  return h(
    "section",
    { class: "attachments", "aria-label": t("reader.attachments", { n: attachments.length }) },
    h(
      "div",
      { class: "attachments-head" },
      h("h3", { class: "attachments-title" }, t("reader.attachments", { n: attachments.length })),
      attachments.length > 1 && h("button", { class: "link", type: "button", "data-testid": "save-all", onclick: save.all }, t("reader.saveAll")),
    ),
    h("ul", { class: "attachments-list" }, ...attachments.map((one) => h("li", {}, attachmentButton(one, save.one, ui)))),
  );
}

/** @param {Attachment} attachment @param {(attachment: Attachment) => void} save @param {import("./words.js").Ui} ui */
function attachmentButton(attachment, save, { t, format }) {
  const name = straight(attachment.name) || t("reader.noName");
  const type = typeText(attachment, t);
  const size = format.size(attachment.size);
  return h(
    "button",
    {
      class: "attachment",
      type: "button",
      title: name,
      "data-testid": "attachment",
      onclick: () => save(attachment),
    },
    icon(attachment.type.startsWith("image/") ? "picture" : "file"),
    h("span", { class: "attachment-name" }, name),
    h("span", { class: "attachment-about" }, `${type}, ${size}`),
    icon("save"),
    h("span", { class: "sr" }, t("reader.saveOne")),
  );
}

/**
 * What it is, and what the sender said it is, or its name says, where that differs.
 * @param {Attachment} attachment @param {import("./words.js").Words} t
 */
function typeText({ type, declaredType, name }, t) {
  const word = (/** @type {string} */ mime) => t(`type.${mime}`) || mime;
  if (declaredType && declaredType !== type && declaredType !== "application/octet-stream") {
    return t("reader.declared", { type: word(type), declared: word(declaredType) });
  }
  return isNamedAs(type, name) ? word(type) : t("reader.named", { type: word(type), ending: endingOf(name) });
}

/** A file's name, without what it ends in, that says nothing about the message but its date. @param {Date | null} date */
function stamp(date) {
  return `message-${date ? date.toISOString().slice(0, 16).replace("T", "-").replace(":", "") : "undated"}`;
}

/** @param {Blob} blob @returns {Promise<string>} */
function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

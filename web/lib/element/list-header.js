import { h, replace, setAttribute, setText, swap } from "./dom.js";
import { icon } from "./icons.js";

/**
 * The list's header: what is shown, when it was checked, and, while a session runs, how far it is. It keeps its height, so that the
 * list under it never moves.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Step} Step
 */

export class ListHeader {
  element;
  #ui;
  #session;
  #title;
  #status;
  #bar;
  #fill;
  #check;
  #cancel;
  #spoken;
  /** @type {string | undefined} */
  #phase;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {Session} session
   */
  constructor(ui, session) {
    const { t } = ui;
    this.#ui = ui;
    this.#session = session;
    this.#title = h("h2", { class: "pane-title" });
    this.#status = h("p", { class: "list-status" });
    this.#fill = h("div", { class: "bar-fill" });
    this.#bar = h("div", { class: "bar", role: "progressbar", "aria-label": t("progress.label"), "aria-valuemin": "0" }, this.#fill);
    this.#spoken = h("p", { class: "sr", role: "status" });
    this.#check = h(
      "button",
      { class: "button", type: "button", "data-testid": "check-mail", onclick: () => void session.sync() },
      icon("refresh"),
      t("list.check"),
    );
    this.#cancel = h(
      "button",
      { class: "button", type: "button", "data-testid": "cancel-sync", onclick: () => session.cancel() },
      icon("close"),
      t("list.cancel"),
    );
    this.element = h(
      "header",
      { class: "list-header" },
      h("div", { class: "list-heading" }, this.#title, this.#status),
      this.#check,
      this.#cancel,
      this.#bar,
      this.#spoken,
    );
  }

  /** @param {import("./row-index.js").Filter} filter */
  refresh(filter) {
    const { t } = this.#ui;
    const { busy, step } = this.#session;
    setText(this.#title, t(`filter.${filter}`));
    setAttribute(this.#check, "disabled", busy === "sign-out");
    if (busy === "sync") swap(this.#cancel, this.#check);
    else swap(this.#check, this.#cancel);
    setAttribute(this.#status, "data-testid", busy ? "progress" : null);
    const text = busy ? this.#progressText(step) : this.#idleText(filter);
    setText(this.#status, text);
    this.#drawBar(busy ? step : null, busy !== null);
    this.#speak(busy ? (step?.progress.phase ?? "connect") : "idle", text);
  }

  /** @param {Step | null} step */
  #progressText(step) {
    const { t } = this.#ui;
    const server = this.#session.about.server;
    if (!step) return t("progress.connect", { server });
    return progressText(step, server, this.#ui);
  }

  /** @param {import("./row-index.js").Filter} filter */
  #idleText(filter) {
    const { t, format } = this.#ui;
    const { checkedAt, rows, report } = this.#session;
    const fresh = report ? report.retrieved + report.headers : 0;
    const count = fresh > 0 && filter === "inbox" ? t("list.new", { n: fresh }) : t("list.count", { n: rows.length(filter) });
    return checkedAt ? t("list.checked", { count, time: format.time(checkedAt) }) : count;
  }

  /**
   * @param {Step | null} step
   * @param {boolean} shown
   */
  #drawBar(step, shown) {
    const { done, total } = measure(step);
    setAttribute(this.#bar, "data-shown", shown);
    setAttribute(this.#bar, "aria-hidden", shown ? null : true);
    setAttribute(this.#bar, "data-unknown", shown && total === 0);
    setAttribute(this.#bar, "aria-valuemax", total || 1);
    setAttribute(this.#bar, "aria-valuenow", total ? done : null);
    setAttribute(this.#bar, "aria-valuetext", shown ? this.#status.textContent : null);
    this.#fill.style.setProperty("transform", `scaleX(${total ? Math.min(1, done / total) : 0})`);
  }

  /**
   * Screen readers hear each phase once, and the end; not every message.
   *
   * @param {string} phase
   * @param {string} text
   */
  #speak(phase, text) {
    if (this.#phase === phase) return;
    this.#phase = phase;
    replace(this.#spoken, text);
  }
}

/**
 * "Retrieving 34 of 120, 12.4 of 48 MB, about 20 s".
 *
 * @param {Step} step
 * @param {string} server
 * @param {import("./ui.js").Ui} ui
 */
function progressText({ progress, remainingMs }, server, { t, format }) {
  const { phase, done, total, bytes, totalBytes } = progress;
  if (phase !== "retrieve") return t(`progress.${phase}`, { server, done, total });
  const amount = format.sizes(bytes, totalBytes);
  if (remainingMs === null) return t("progress.retrieve", { done, total, bytes: amount });
  return t("progress.retrieve.eta", { done, total, bytes: amount, eta: format.remaining(remainingMs) });
}

/**
 * Retrieval is measured in octets, since one message may be as large as all others; everything else in messages.
 *
 * @param {Step | null} step
 */
function measure(step) {
  if (!step) return { done: 0, total: 0 };
  const { phase, done, total, bytes, totalBytes } = step.progress;
  return phase === "retrieve" && totalBytes > 0 ? { done: bytes, total: totalBytes } : { done, total };
}

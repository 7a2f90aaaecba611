import { h, icon, replace, setAttribute, setText, swap } from "./dom.js";
import { problemView } from "./problem.js";

/**
 * What is going on: a session with the server, and what it will do or has done.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Step} Step
 * @typedef {{ text: string, quotes?: string[], undo?: true }} Line
 * @typedef {{ undo: () => void, focus: () => void, signOut: () => void, leave: () => void, signIn: () => void }} Actions
 */

/**
 * The list's header: what is shown, when it was checked, and, while a session runs, how far it is. It keeps its height, so that the
 * list under it never moves.
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

  /** @param {import("./words.js").Ui} ui @param {Session} session */
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
    setAttribute(this.#check, "disabled", busy !== null);
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
    if (!checkedAt) return t("list.count", { n: rows.length(filter) });
    const fresh = report ? report.retrieved + report.headers : 0;
    return t(fresh > 0 ? "list.checked.new" : "list.checked", { n: fresh, time: format.time(checkedAt) });
  }

  /** @param {Step | null} step @param {boolean} shown */
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

  /** Screen readers hear each phase once, and the end; not every message. @param {string} phase @param {string} text */
  #speak(phase, text) {
    if (this.#phase === phase) return;
    this.#phase = phase;
    replace(this.#spoken, text);
  }
}

/** The strip at the foot: what went wrong, and what will happen on the server. It is there only while there is something to say. */
export class Notices {
  element = h("div", { class: "notices" });
  #ui;
  #session;
  #actions;
  /** What is drawn, so that the same is not drawn twice: a repainted alert would be read out again. */
  #drawn = "";

  /** @param {import("./words.js").Ui} ui @param {Session} session @param {Actions} actions */
  constructor(ui, session, actions) {
    this.#ui = ui;
    this.#session = session;
    this.#actions = actions;
  }

  refresh() {
    const problem = this.#problem();
    const lines = this.#lines();
    const key = JSON.stringify([problem && [problem.title, problem.counts, problem.at], lines.map((line) => line.text)]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const hadFocus = this.element.matches(":focus-within");
    replace(this.element, problem?.view(), lines.length > 0 && this.#notice(lines));
    if (hadFocus) this.#actions.focus();
  }

  #problem() {
    const session = this.#session;
    const { problem } = session;
    if (!problem) return null;
    const counts = problem.context === "sync" ? countsText(session, this.#ui) : "";
    const isSignOut = problem.context === "sign-out";
    const actions = {
      retry: isSignOut ? this.#actions.signOut : () => void session.sync(),
      dismiss: isSignOut ? null : () => session.dismiss(),
      signIn: this.#actions.signIn,
      leave: isSignOut ? this.#actions.leave : null,
    };
    return { title: problem.code, at: problem.at, counts, view: () => problemView(problem, actions, this.#ui, counts) };
  }

  /** What there is to say, most lasting first. Only the first kind stays by itself; the others are dismissed. */
  #lines() {
    const { t } = this.#ui;
    const session = this.#session;
    const { report, stopped, rows } = session;
    const pending = rows.wanted.length;
    /** @type {Line[]} */
    const lines = [];
    if (pending > 0) lines.push({ text: t("notice.delete", { n: pending }), undo: true });
    if (stopped) lines.push({ text: `${t("notice.stopped")} ${countsText(session, this.#ui)}` });
    if (report && report.deleted > 0) lines.push({ text: t("notice.deleted", { n: report.deleted }) });
    if (report && report.skipped.length > 0) {
      const quotes = [...new Set(report.skipped.map((one) => one.serverText.trim()))].filter(Boolean);
      lines.push({ text: t("notice.skipped", { n: report.skipped.length }), quotes });
    }
    return lines;
  }

  /** @param {readonly Line[]} lines */
  #notice(lines) {
    const { t } = this.#ui;
    const button = (/** @type {string} */ label, /** @type {Record<string, unknown>} */ more) =>
      h("button", { class: "button", type: "button", ...more }, label);
    const canDismiss = lines.some((line) => !line.undo);
    return h(
      "div",
      { class: "notice", role: "status", "data-testid": "notice", "data-kind": lines[0]?.undo ? "deletion" : "info" },
      icon(lines[0]?.undo ? "trash" : "info"),
      h(
        "div",
        { class: "problem-words" },
        ...lines.map(({ text, quotes = [] }) =>
          h("p", {}, text, ...quotes.map((quote) => h("q", { class: "problem-quote", dir: "auto" }, quote))),
        ),
      ),
      h(
        "div",
        { class: "problem-actions" },
        lines[0]?.undo && button(t("notice.undo"), { "data-testid": "undo", onclick: this.#actions.undo }),
        canDismiss && button(t("notice.dismiss"), { onclick: () => this.#session.dismiss() }),
      ),
    );
  }
}

/** "212 of 500 messages are stored here; the rest are still on the server." @param {Session} session @param {import("./words.js").Ui} ui */
function countsText({ rows, about }, { t }) {
  const { stored, onlyServer } = rows.counts;
  const total = stored + onlyServer;
  if (about.memory || total === 0) return "";
  if (stored === 0) return t("notice.counts.none");
  return onlyServer === 0 ? t("notice.counts.all", { n: stored }) : t("notice.counts", { stored, total });
}

/** "Retrieving 34 of 120, 12.4 of 48 MB, about 20 s". @param {Step} step @param {string} server @param {import("./words.js").Ui} ui */
function progressText({ progress, remainingMs }, server, { t, format }) {
  const { phase, done, total, bytes, totalBytes } = progress;
  if (phase !== "retrieve") return t(`progress.${phase}`, { server, done, total });
  const amount = format.sizes(bytes, totalBytes);
  if (remainingMs === null) return t("progress.retrieve", { done, total, bytes: amount });
  return t("progress.retrieve.eta", { done, total, bytes: amount, eta: format.remaining(remainingMs) });
}

/**
 * Retrieval is measured in octets, since one message may be as large as all others; everything else in messages.
 * @param {Step | null} step
 */
function measure(step) {
  if (!step) return { done: 0, total: 0 };
  const { phase, done, total, bytes, totalBytes } = step.progress;
  return phase === "retrieve" && totalBytes > 0 ? { done: bytes, total: totalBytes } : { done, total };
}

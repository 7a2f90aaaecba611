import { h, replace } from "./dom.js";
import { icon } from "./icons.js";
import { problemView } from "./problem-view.js";

/**
 * The strip at the foot: what went wrong, and what will happen on the server. It is there only while there is something to say.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {{ text: string, quotes?: string[], undo?: true }} Line
 * @typedef {{ undo: () => void, focus: () => void, signOut: () => void, leave: () => void, signIn: () => void }} Actions
 */

export class Notices {
  element = h("div", { class: "notices" });
  #ui;
  #session;
  #actions;
  /** What is drawn, so that the same is not drawn twice: a repainted alert would be read out again. */
  #drawn = "";

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {Session} session
   * @param {Actions} actions
   */
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
    const button = (/** @type {string} */ label, /** @type {Record<string, unknown>} */ more) => h("button", { class: "button", type: "button", ...more }, label);
    const canDismiss = lines.some((line) => !line.undo);
    return h(
      "div",
      { class: "notice", role: "status", "data-testid": "notice", "data-kind": lines[0]?.undo ? "deletion" : "info" },
      icon(lines[0]?.undo ? "trash" : "info"),
      h(
        "div",
        { class: "problem-words" },
        ...lines.map(({ text, quotes = [] }) => h("p", {}, text, ...quotes.map((quote) => h("q", { class: "problem-quote", dir: "auto" }, quote)))),
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

/**
 * "212 of 500 messages are stored here; the rest are still on the server."
 *
 * @param {Session} session
 * @param {import("./ui.js").Ui} ui
 */
export function countsText({ rows, about }, { t }) {
  const { stored, onlyServer } = rows.counts;
  const total = stored + onlyServer;
  if (about.memory || total === 0) return "";
  if (stored === 0) return t("notice.counts.none");
  return onlyServer === 0 ? t("notice.counts.all", { n: stored }) : t("notice.counts", { stored, total });
}

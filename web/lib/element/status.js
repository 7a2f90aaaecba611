import { h, icon, replace, setAttribute, setText, swap } from "./dom.js";
import { lostView } from "./lost.js";
import { problemView } from "./problem.js";

/**
 * What is going on: a session with the server, and what it will do or has done.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./pace.js").Step} Step
 * @typedef {"deletion" | "due" | "lasting" | "passing"} Kind what will happen on the server comes first; only "passing" is dismissed
 * @typedef {{ kind: Kind, text: string, quotes?: string[], control?: HTMLElement | false }} Line
 * @typedef {{
 *   undo: () => void, settings: () => void, focus: () => void, signOut: () => void, leave: () => void, password: () => void,
 *   import: () => void
 * }} Actions
 */

/** A time of day says more than a count of seconds from here on. */
const COUNTED_MS = 100_000;

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
  #next;
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
    this.#next = h("p", { class: "list-status", "data-idle": true, "data-testid": "next-check" });
    this.#fill = h("div", { class: "bar-fill" });
    this.#bar = h("div", { class: "bar", role: "progressbar", "aria-label": t("progress.label"), "aria-valuemin": "0" }, this.#fill);
    this.#spoken = h("p", { class: "sr", role: "status" });
    this.#check = h(
      "button",
      { class: "button", type: "button", "data-testid": "check-mail", onclick: () => void session.sync() },
      icon("refresh"),
      h("span", { class: "check-long" }, t("list.check")),
      h("span", { class: "check-short", "aria-hidden": true }, t("list.check.short")),
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
      h("div", { class: "list-heading" }, this.#title, this.#status, this.#next),
      this.#check,
      this.#cancel,
      this.#bar,
      this.#spoken,
    );
  }

  /** @param {import("./row-index.js").Filter} filter */
  refresh(filter) {
    const { t } = this.#ui;
    const { busy, step, elsewhere } = this.#session;
    setText(this.#title, t(`filter.${filter}`));
    setAttribute(this.#check, "disabled", busy !== null);
    if (busy === "sync") swap(this.#cancel, this.#check);
    else swap(this.#check, this.#cancel);
    // What another window does is what this one waits for.
    const isElsewhere = elsewhere !== null && !step;
    setAttribute(this.#status, "data-testid", isElsewhere ? "elsewhere" : busy ? "progress" : null);
    const text = isElsewhere ? this.#elsewhereText(elsewhere) : busy ? this.#progressText(step) : this.#idleText(filter);
    setText(this.#status, text);
    setAttribute(this.#status, "data-idle", busy === null && !isElsewhere);
    setText(this.#next, busy || isElsewhere ? "" : this.#nextText());
    this.#drawBar(isElsewhere ? elsewhere : busy ? step : null, busy !== null || isElsewhere);
    this.#speak(isElsewhere ? "elsewhere" : busy ? (step?.progress.phase ?? "connect") : "idle", text);
  }

  /** @param {Step} step */
  #elsewhereText(step) {
    return `${this.#ui.t("list.elsewhere")} ${progressText(step, this.#session.about.server, this.#ui)}`;
  }

  /** When there is a check by itself; what went wrong is said at the foot, with the time of the next try. */
  #nextText() {
    const { t, format } = this.#ui;
    const { state, nextAt, error } = this.#session.schedule;
    if (state === "waiting" && nextAt && !(error && this.#session.problem)) return t("list.next", { time: format.time(nextAt) });
    return state === "elsewhere" ? t("list.next.elsewhere") : "";
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
  #countdown;

  /** @param {import("./words.js").Ui} ui @param {Session} session @param {Actions} actions */
  constructor(ui, session, actions) {
    this.#ui = ui;
    this.#session = session;
    this.#actions = actions;
    this.#countdown = new Countdown(ui);
  }

  refresh() {
    const problem = this.#problem();
    const { lost } = this.#session;
    const lines = this.#lines();
    const key = JSON.stringify([
      problem && [problem.code, problem.counts, problem.at, problem.nextAt],
      lost,
      lines.map(({ text, kind }) => [text, kind]),
    ]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const hadFocus = this.element.matches(":focus-within");
    this.#countdown.stop();
    replace(this.element, lost && this.#lost(lost), problem?.view(), lines.length > 0 && this.#notice(lines));
    if (hadFocus) this.#actions.focus();
  }

  close() {
    this.#countdown.stop();
  }

  #problem() {
    const session = this.#session;
    const { problem, schedule, busy } = session;
    if (!problem) return null;
    const counts = problem.context === "sync" ? countsText(session, this.#ui) : "";
    const isSignOut = problem.context === "sign-out";
    const nextAt = problem.context === "sync" && schedule.state === "waiting" ? schedule.nextAt : null;
    const actions = {
      retry: isSignOut ? this.#actions.signOut : () => void session.sync(),
      dismiss: isSignOut ? null : () => session.dismiss(),
      signIn: this.#actions.password,
      leave: isSignOut ? this.#actions.leave : null,
    };
    const view = () => {
      const next = nextAt && busy === null ? this.#countdown.start(nextAt) : null;
      return problemView(problem, actions, this.#ui, { counts, next });
    };
    return { code: problem.code, at: problem.at, counts, nextAt: nextAt && busy === null ? nextAt : null, view };
  }

  /** @param {{ stored: number }} lost */
  #lost(lost) {
    const session = this.#session;
    return lostView(lost, this.#ui, {
      again: () => void session.sync({ afresh: true }),
      import: this.#actions.import,
      notNow: () => session.dismiss(),
    });
  }

  /** What there is to say, most lasting first. */
  #lines() {
    const { t } = this.#ui;
    const session = this.#session;
    const { report, matched, stopped, keepsAll, notThere, rows, due, schedule } = session;
    const pending = rows.wanted.length;
    const settings = () => this.#button(t("notice.settings"), { "data-testid": "notice-settings", onclick: this.#actions.settings });
    /** @type {Line[]} */
    const lines = [];
    if (pending > 0) {
      const undo = this.#button(t("notice.undo"), { "data-testid": "undo", onclick: this.#actions.undo });
      lines.push({ kind: "deletion", text: t("notice.delete", { n: pending }), control: undo });
    }
    if (due.length > 0) lines.push({ kind: "due", text: t("notice.due", { n: due.length }), control: settings() });
    if (schedule.state === "offline") lines.push({ kind: "lasting", text: t("notice.offline") });
    if (stopped) {
      const isOver = schedule.state === "off" && (session.policy?.everyMinutes ?? 0) > 0;
      const parts = [t("notice.stopped"), countsText(session, this.#ui), isOver ? t("notice.stopped.schedule") : ""];
      lines.push({ kind: "passing", text: parts.filter(Boolean).join(" ") });
    }
    if (keepsAll) lines.push({ kind: "passing", text: t("notice.keepsAll"), control: settings() });
    if (notThere) lines.push({ kind: "passing", text: t("notice.notThere") });
    if (matched > 0) lines.push({ kind: "passing", text: t("notice.matched", { n: matched }) });
    if (report && report.deleted > 0) lines.push({ kind: "passing", text: t("notice.deleted", { n: report.deleted }) });
    if (report && report.skipped.length > 0) {
      const quotes = [...new Set(report.skipped.map((one) => one.serverText.trim()))].filter(Boolean);
      lines.push({ kind: "passing", text: t("notice.skipped", { n: report.skipped.length }), quotes });
    }
    return lines;
  }

  /** @param {readonly Line[]} lines */
  #notice(lines) {
    const first = lines[0]?.kind;
    const isDeletion = first === "deletion" || first === "due";
    const canDismiss = lines.some(({ kind }) => kind === "passing");
    return h(
      "div",
      { class: "notice", role: "status", "data-testid": "notice", "data-kind": isDeletion ? "deletion" : "info" },
      icon(isDeletion ? "trash" : "info"),
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
        ...lines.map(({ control }) => control),
        canDismiss && this.#button(this.#ui.t("notice.dismiss"), { onclick: () => this.#session.dismiss() }),
      ),
    );
  }

  /** @param {string} label @param {Record<string, unknown>} more */
  #button(label, more) {
    return h("button", { class: "button", type: "button", ...more }, label);
  }
}

/** "Trying again in 8 s.", counting down. It is not read out each second: the alert around it has said that there is a next try. */
class Countdown {
  #ui;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {import("./words.js").Ui} ui */
  constructor(ui) {
    this.#ui = ui;
  }

  /** @param {Date} at */
  start(at) {
    const { t, format } = this.#ui;
    const element = h("span", { class: "countdown", "aria-live": "off", "data-testid": "countdown" });
    const draw = () => {
      const ms = at.getTime() - Date.now();
      const text = ms > COUNTED_MS ? t("error.next.at", { time: format.time(at) }) : t("error.next.in", { n: Math.max(1, Math.ceil(ms / 1000)) });
      setText(element, text);
    };
    this.stop();
    this.#timer = setInterval(draw, 1000);
    draw();
    return element;
  }

  stop() {
    clearInterval(this.#timer);
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

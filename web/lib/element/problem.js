import { h, icon } from "./dom.js";

/**
 * What went wrong, as the views see it: the public part of a `MailError`, and where it happened.
 *
 * @typedef {"sync" | "message" | "sign-out" | "sign-in" | "sign-in-again"} Context
 * @typedef {{
 *   code: string, phase: string, retryable: boolean, retryAfterMs: number | null, serverText: string,
 *   context: Context, at: Date, pending: number, memory: boolean
 * }} Problem
 * @typedef {{
 *   retry: (() => void) | null, dismiss: (() => void) | null, signIn: (() => void) | null, leave: (() => void) | null
 * }} Actions controls that make sense where the problem is shown; `null` for none
 */

/** Phases in which the words that came with an error are the relay's. */
const AT_RELAY = new Set(["relay", "dns", "tls"]);

/** What a relay closes a tunnel with, for those who help: `Close` in `relay/wire`. 1006 is a browser's own, where there was no answer. */
const CLOSE_CODES = new Map([
  ["relay-unreachable", 1006],
  ["token-needed", 4401],
  ["origin-refused", 4403],
  ["unknown-upstream", 4404],
  ["timeout", 4408],
  ["too-many", 4429],
  ["upstream-unreachable", 4502],
  ["relay-draining", 4503],
  ["upstream-timeout", 4504],
  ["upstream-tls", 4525],
]);

/** What a reload helps against. */
const RELOADED = new Set(["internal", "updated", "unknown-upstream"]);

/** This computer, as an address names it. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/;

/**
 * A `MailError` as a problem; anything else is a defect of this page and becomes `internal`.
 * @param {unknown} error @param {Context} context @param {Partial<Problem>} [extra] @returns {Problem}
 */
export function problemFrom(error, context, extra = {}) {
  const known = isMailError(error) ? error : { code: "internal", phase: "internal", retryable: false, retryAfterMs: null, serverText: "" };
  return {
    code: known.code,
    phase: known.phase,
    retryable: known.retryable,
    retryAfterMs: known.retryAfterMs,
    serverText: known.serverText,
    context,
    at: new Date(),
    pending: 0,
    memory: false,
    ...extra,
  };
}

/** A problem that was found before the library was asked: the relay gave no answer. @returns {Problem} */
export function relayProblem() {
  return problemFrom({ code: "relay-unreachable", phase: "relay", retryable: true, retryAfterMs: null, serverText: "" }, "sync");
}

/** It came from the relay, or from on the way to it. A time that is over is the mail server's own where nobody has said a word. @param {Problem} problem */
function isRelays({ code, phase, serverText }) {
  return code === "timeout" ? serverText !== "" : AT_RELAY.has(phase);
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * A problem in words, with what can be done about it. The server's own words are a quotation below ours.
 * @param {Problem} problem @param {Actions} actions @param {import("./words.js").Ui} ui
 * @param {{ counts?: string, next?: Node | null }} [known] how much of the mail is here; what says when it is tried again by itself
 */
export function problemView(problem, actions, ui, { counts = "", next = null } = {}) {
  const { title, detail, quote } = explain(problem, ui, counts, next !== null);
  const { t, format, relay } = ui;
  const code = isRelays(problem) ? CLOSE_CODES.get(problem.code) : undefined;
  return h(
    "div",
    { class: "problem", role: "alert", "data-testid": "error", "data-code": problem.code },
    icon("alert"),
    h(
      "div",
      { class: "problem-words" },
      h("p", {}, h("strong", {}, title), " ", detail, next && " ", next),
      quote &&
        h(
          "p",
          { class: "problem-quote" },
          t(isRelays(problem) ? "error.quote.relay" : "error.quote"),
          " ",
          h("q", { dir: "auto" }, quote),
        ),
      // As text, and not as a number that is grouped.
      code && h("p", { class: "problem-quote", "data-testid": "error-support" }, t("error.support", { code: String(code), relay, time: format.time(problem.at) })),
    ),
    h("div", { class: "problem-actions" }, ...controls(problem, actions, t, next !== null)),
  );
}

/**
 * Puts a problem into sentences: what happened; what it means for the mail and what to do; the server's own words.
 * @param {Problem} problem @param {import("./words.js").Ui} ui @param {string} counts
 * @param {boolean} isTriedAgain by itself: then nothing has to be done
 */
function explain(problem, { t, format, relay }, counts, isTriedAgain) {
  const prefix = prefixFor(problem, t, relay);
  const places = { origin: globalThis.location?.origin ?? "", relay, counts: counts || t("error.counts") };
  const part = (/** @type {string} */ name) => t(`${prefix}.${name}`, places);
  const quote = problem.serverText.trim();
  const nextTry = problem.retryAfterMs
    ? t("error.at", { time: format.time(new Date(problem.at.getTime() + problem.retryAfterMs)) })
    : part("action");

  if (problem.context === "sign-out") {
    return { title: t("error.sign-out.title"), detail: sentences(part("title"), signOutMeaning(problem, t)), quote };
  }
  return { title: part("title"), detail: sentences(part("meaning"), isTriedAgain ? "" : nextTry), quote };
}

/** @param {Problem} problem @param {import("./words.js").Words} t @param {string} relay */
function prefixFor(problem, t, relay) {
  const special = `error.${problem.context}.${problem.code}`;
  if (t.has(`${special}.title`)) return special;
  if (problem.code === "relay-unreachable") {
    const isHere = LOOPBACK.test(relay);
    // Browsers ask a person first before a page from elsewhere reaches this computer.
    if (isHere && !LOOPBACK.test(location.host)) return "error.relay-here";
    if (!isHere && !navigator.onLine) return "error.offline";
  }
  if (problem.code === "timeout" && isRelays(problem)) return "error.relay-timeout";
  const plain = `error.${problem.code}`;
  return t.has(`${plain}.title`) ? plain : "error.internal";
}

/** @param {Problem} problem @param {import("./words.js").Words} t */
function signOutMeaning(problem, t) {
  if (problem.pending === 0) return t("error.sign-out.meaning.none");
  return t(problem.memory ? "error.sign-out.meaning.memory" : "error.sign-out.meaning", { n: problem.pending });
}

/** @param {...string} parts */
function sentences(...parts) {
  return parts.filter(Boolean).join(" ");
}

/**
 * By shape and not by class: two versions of the library may live in one page.
 * @param {unknown} error @returns {error is Pick<Problem, "code" | "phase" | "retryable" | "retryAfterMs" | "serverText">}
 */
export function isMailError(error) {
  return typeof error === "object" && error !== null && "serverText" in error && "code" in error && typeof error.code === "string";
}

/** @param {Problem} problem @param {Actions} actions @param {import("./words.js").Words} t @param {boolean} isTriedAgain */
function controls(problem, { retry, dismiss, signIn, leave }, t, isTriedAgain) {
  const button = (/** @type {string} */ label, /** @type {() => void} */ onclick) =>
    h("button", { class: "button", type: "button", onclick }, label);
  const isSignIn = problem.code === "auth-failed" || problem.code === "locked" || problem.code === "wrong-secret";
  if (RELOADED.has(problem.code)) return [button(t("error.reload"), () => location.reload())];
  return [
    signIn && isSignIn && button(t("error.signInAgain"), signIn),
    retry && !isSignIn && (problem.retryable || problem.context === "sign-out") && button(t(isTriedAgain ? "error.retryNow" : "error.retry"), retry),
    leave && button(t("error.leave"), leave),
    dismiss && button(t("notice.dismiss"), dismiss),
  ];
}

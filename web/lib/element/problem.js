/**
 * What went wrong, as the views see it: the public part of a `MailError`, and where it happened.
 *
 * @typedef {"sync" | "message" | "sign-out"} Context
 * @typedef {{
 *   code: string, retryable: boolean, retryAfterMs: number | null, serverText: string,
 *   context: Context, at: Date, pending: number, memory: boolean
 * }} Problem
 * @typedef {{ title: string, detail: string, quote: string }} Explanation
 */

/**
 * @param {unknown} error a `MailError`; anything else is a defect of this page and becomes `internal`
 * @param {Context} context
 * @param {Partial<Problem>} [extra]
 * @returns {Problem}
 */
export function problemFrom(error, context, extra = {}) {
  const known = isMailError(error) ? error : { code: "internal", retryable: false, retryAfterMs: null, serverText: "" };
  return {
    code: known.code,
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

/**
 * A problem that was found before the library was asked: the relay gave no answer.
 *
 * @returns {Problem}
 */
export function relayProblem() {
  return problemFrom({ code: "relay-unreachable", retryable: true, retryAfterMs: null, serverText: "" }, "sync");
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * Puts a problem into sentences: what happened; what it means for the mail and what to do; the server's own words.
 *
 * @param {Problem} problem
 * @param {import("./ui.js").Ui} ui
 * @param {string} counts how much of the mail is here, where that is known
 * @returns {Explanation}
 */
export function explain(problem, { t, format }, counts) {
  const prefix = prefixFor(problem, t);
  const places = { origin: globalThis.location?.origin ?? "", counts: counts || t("error.counts") };
  const part = (/** @type {string} */ name) => t(`${prefix}.${name}`, places);
  const quote = problem.serverText.trim();
  const nextTry = problem.retryAfterMs
    ? t("error.at", { time: format.time(new Date(problem.at.getTime() + problem.retryAfterMs)) })
    : part("action");

  if (problem.context === "sign-out") {
    return { title: t("error.sign-out.title"), detail: sentences(part("title"), signOutMeaning(problem, t)), quote };
  }
  return { title: part("title"), detail: sentences(part("meaning"), nextTry), quote };
}

/**
 * @param {Problem} problem
 * @param {import("./words.js").Words} t
 */
function prefixFor(problem, t) {
  const special = `error.${problem.context}.${problem.code}`;
  if (t.has(`${special}.title`)) return special;
  const plain = `error.${problem.code}`;
  return t.has(`${plain}.title`) ? plain : "error.internal";
}

/**
 * @param {Problem} problem
 * @param {import("./words.js").Words} t
 */
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
 *
 * @param {unknown} error
 * @returns {error is Pick<Problem, "code" | "retryable" | "retryAfterMs" | "serverText">}
 */
function isMailError(error) {
  return typeof error === "object" && error !== null && "serverText" in error && "code" in error && typeof error.code === "string";
}

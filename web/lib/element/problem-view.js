import { h } from "./dom.js";
import { icon } from "./icons.js";
import { explain } from "./problem.js";

/**
 * A problem in words, with what can be done about it. The server's own words are a quotation below ours.
 *
 * @typedef {import("./problem.js").Problem} Problem
 * @typedef {{
 *   retry: (() => void) | null, dismiss: (() => void) | null, signIn: (() => void) | null, leave: (() => void) | null
 * }} Actions controls that make sense where the problem is shown; `null` for none
 */

/**
 * @param {Problem} problem
 * @param {Actions} actions
 * @param {import("./ui.js").Ui} ui
 * @param {string} [counts] how much of the mail is here, where that is known
 */
export function problemView(problem, actions, ui, counts = "") {
  const { title, detail, quote } = explain(problem, ui, counts);
  const { t } = ui;
  return h(
    "div",
    { class: "problem", role: "alert", "data-testid": "error", "data-code": problem.code },
    icon("alert"),
    h(
      "div",
      { class: "problem-words" },
      h("p", {}, h("strong", {}, title), " ", detail),
      quote && h("p", { class: "problem-quote" }, t("error.quote"), " ", h("q", { dir: "auto" }, quote)),
    ),
    h("div", { class: "problem-actions" }, ...controls(problem, actions, t)),
  );
}

/**
 * @param {Problem} problem
 * @param {Actions} actions
 * @param {import("./words.js").Words} t
 */
function controls(problem, { retry, dismiss, signIn, leave }, t) {
  const button = (/** @type {string} */ label, /** @type {() => void} */ onclick) => h("button", { class: "button", type: "button", onclick }, label);
  const isSignIn = problem.code === "auth-failed" || problem.code === "locked" || problem.code === "wrong-secret";
  if (problem.code === "internal") return [button(t("error.reload"), () => location.reload())];
  return [
    signIn && isSignIn && button(t("error.signInAgain"), signIn),
    retry && !isSignIn && (problem.retryable || problem.context === "sign-out") && button(t("error.retry"), retry),
    leave && button(t("error.leave"), leave),
    dismiss && button(t("notice.dismiss"), dismiss),
  ];
}

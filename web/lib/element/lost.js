import { h, icon } from "./dom.js";

/**
 * What was kept here is gone: the person is asked before anything is downloaded again.
 * @param {{ stored: number }} lost @param {import("./words.js").Ui} ui
 * @param {{ again: () => void, import: () => void, notNow: () => void }} actions
 */
export function lostView({ stored }, { t }, actions) {
  const button = (/** @type {string} */ label, /** @type {string} */ hook, /** @type {() => void} */ onclick) =>
    h("button", { class: "button", type: "button", "data-testid": hook, onclick }, label);
  return h(
    "div",
    { class: "notice", role: "alert", "data-testid": "lost", "data-kind": "deletion" },
    icon("alert"),
    h("div", { class: "problem-words" }, h("p", {}, h("strong", {}, t("lost.title")), " ", t("lost.meaning", { n: stored }))),
    h(
      "div",
      { class: "problem-actions" },
      button(t("lost.again"), "lost-again", actions.again),
      button(t("lost.import"), "lost-import", actions.import),
      button(t("lost.notNow"), "lost-not-now", actions.notNow),
    ),
  );
}

import { h } from "./dom.js";
import { openPage } from "./page-dialog.js";
import { isOn, turn } from "./preferences.js";
import { SHORTCUTS, isCharacter } from "./shortcuts.js";
import { workUi } from "./work-ui.js";

/** The keys and what they do, and the switch for those that are single characters. @param {ShadowRoot} root @param {import("./words.js").Ui} plain */
export function openKeysHelp(root, plain) {
  const { t } = workUi(plain, root);
  const keyName = (/** @type {string} */ key) => t(`key.${key}`) || key;
  const switched = h("input", {
    id: "keys-on",
    type: "checkbox",
    checked: isOn("keys"),
    "data-testid": "keys-on",
    onchange: () => {
      turn("keys", switched.checked);
      show();
    },
  });
  const rows = SHORTCUTS.map(({ act, keys }) =>
    h(
      "div",
      { class: "keys-row" },
      h("dt", {}, ...keys.map((key) => h("kbd", { "data-character": isCharacter(key) }, keyName(key)))),
      h("dd", {}, t(`keys.${act}`)),
    ),
  );
  const list = h("dl", { class: "keys", "data-testid": "keys-list" }, ...rows);
  const show = () => list.toggleAttribute("data-off", !switched.checked);
  show();
  return openPage(root, {
    id: "keys",
    title: t("keys.title"),
    close: t("work.close"),
    body: [
      list,
      h(
        "div",
        { class: "check" },
        switched,
        h("div", {}, h("label", { for: "keys-on" }, t("keys.on")), h("p", { class: "hint" }, t("keys.on.hint"))),
      ),
      h("p", { class: "hint" }, t("keys.frame")),
    ],
  });
}

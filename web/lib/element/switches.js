import { part } from "../mail/parts.js";
import { h, setText } from "./dom.js";
import { isOn, turn } from "./preferences.js";

/**
 * The part of the settings about this page: keys, notices of the system, and the connection.
 * @param {import("./words.js").Ui} ui @param {import("./session.js").Session} session @param {ShadowRoot} root
 */
export function switches(ui, session, root) {
  const { t } = ui;
  const said = h("p", { role: "status", "data-testid": "switches-said" });
  const check = (/** @type {import("./preferences.js").Switch} */ name, /** @type {(on: boolean) => unknown} */ set) => {
    const box = h("input", {
      id: `switch-${name}`,
      type: "checkbox",
      checked: isOn(name),
      "data-testid": `switch-${name}`,
      onchange: async () => {
        setText(said, "");
        await set(box.checked);
        box.checked = isOn(name);
      },
    });
    const words = h("div", {}, h("label", { for: box.id }, t(`switch.${name}`)), h("p", { class: "hint" }, t(`switch.${name}.hint`)));
    return h("div", { class: "check" }, box, words);
  };
  const notify = async (/** @type {boolean} */ on) => {
    // Browsers ask the person, and only where a click has asked for it.
    const may = !on || (await globalThis.Notification?.requestPermission()) === "granted";
    turn("notify", on && may);
    if (!may) setText(said, t("switch.notify.refused"));
  };
  const connection = () => {
    const { over } = session;
    return session.attempt(async () => {
      const { openConnection } = await part(import("./connection.js"));
      await openConnection(root, ui, session, over);
    });
  };
  return h(
    "section",
    { class: "settings-part", "aria-label": t("switch.title") },
    h("h3", { class: "settings-title" }, t("switch.title")),
    check("keys", (on) => turn("keys", on)),
    check("notify", notify),
    h("div", { class: "row-of" }, h("button", { class: "button", type: "button", "data-testid": "connection-open", onclick: () => void connection() }, t("connection.open"))),
    said,
  );
}

import { h } from "./dom.js";

/**
 * Asks before something that cannot be undone, in words. Escape and the first button mean no.
 *
 * @param {Node} parent where the dialog lives while it is open
 * @param {{ title: string, lines: string[], confirm: string, cancel: string }} words
 * @returns {Promise<boolean>}
 */
export function confirm(parent, { title, lines, confirm: yes, cancel: no }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "dialog-title",
        "data-testid": "dialog",
        onclose: () => {
          dialog.remove();
          resolve(dialog.returnValue === "yes");
        },
      },
      h("h2", { id: "dialog-title", class: "dialog-title" }, title),
      ...lines.map((line) => h("p", {}, line)),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { class: "button", type: "button", autofocus: true, onclick: () => dialog.close("no") }, no),
        h("button", { class: "button button-danger", type: "button", "data-testid": "confirm", onclick: () => dialog.close("yes") }, yes),
      ),
    );
    parent.appendChild(dialog);
    dialog.showModal();
  });
}

import { h, icon } from "./dom.js";

/**
 * A page above the desk: a title, what is in it, and what can be done with that. Escape closes it.
 *
 * @typedef {{ id: string, title: string, close: string, body: import("./dom.js").Child[], foot?: import("./dom.js").Child[] }} Page
 * id: of its title, which names it; the page's hook is the same
 */

/** Resolves when it is closed. @param {ShadowRoot} root @param {Page} page @returns {Promise<void>} */
export function openPage(root, { id, title, close, body, foot = [] }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        class: "dialog page",
        "aria-labelledby": `${id}-title`,
        "data-testid": id,
        onclose: () => {
          dialog.remove();
          resolve();
        },
      },
      h(
        "header",
        { class: "page-head" },
        h("h2", { id: `${id}-title`, class: "dialog-title" }, title),
        h("button", { class: "button button-icon", type: "button", "aria-label": close, title: close, onclick: () => dialog.close() }, icon("close")),
      ),
      h("div", { class: "page-body", tabindex: "0" }, ...body),
      foot.length > 0 && h("div", { class: "page-foot" }, ...foot),
    );
    root.append(dialog);
    dialog.showModal();
  });
}

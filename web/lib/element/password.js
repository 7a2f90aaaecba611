import { h } from "./dom.js";

/**
 * Asks for a password, in place of one that was refused or where none is known. Resolves with `null` where the person goes back.
 * @param {Node} parent @param {string} user @param {import("./words.js").Ui} ui @param {"password.why" | "password.ask"} [why]
 * @returns {Promise<string | null>}
 */
export function askPassword(parent, user, { t }, why = "password.why") {
  return new Promise((resolve) => {
    const password = h("input", {
      id: "new-password",
      class: "input",
      type: "password",
      autocomplete: "current-password",
      required: true,
      autofocus: true,
      "data-testid": "new-password",
    });
    const dialog = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "password-title",
        "data-testid": "password-dialog",
        onclose: () => {
          dialog.remove();
          resolve(dialog.returnValue === "yes" ? password.value : null);
        },
      },
      h("h2", { id: "password-title", class: "dialog-title" }, t("password.title", { user })),
      h("p", {}, t(why)),
      h(
        "form",
        {
          class: "form",
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            dialog.close("yes");
          },
        },
        h("div", { class: "field" }, h("label", { for: "new-password" }, t("signIn.password")), password),
        h(
          "div",
          { class: "dialog-actions" },
          h("button", { class: "button", type: "button", onclick: () => dialog.close("no") }, t("password.cancel")),
          h("button", { class: "button button-primary", type: "submit", "data-testid": "submit-password" }, t("password.submit")),
        ),
      ),
    );
    parent.appendChild(dialog);
    dialog.showModal();
  });
}

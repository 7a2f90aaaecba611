import { part } from "../mail/parts.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { Attempt } from "./secret-form.js";

/**
 * The part of the settings about this computer: what seals what is kept here, whether the account's name is hidden, and what was done.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./words.js").Ui} Ui
 * @typedef {"password" | "passphrase"} By
 */

/** Fewer are soon tried out by whoever has the disk, which nothing slows down there: NIST SP 800-63B §5.1.1.1 asks for no less. */
const SHORTEST_PASSPHRASE = 8;

export class Computer {
  element;
  #ui;
  #session;
  #root;
  #seal = h("p", { "data-testid": "sealed-by" });
  #toPassphrase;
  #toPassword;
  #hide = h("input", { id: "hide-name", type: "checkbox", "data-testid": "hide-name", onchange: () => void this.#setHidden() });
  #said = h("p", { role: "status", "data-testid": "computer-said" });
  /** @type {By} */
  #by = "password";

  /** @param {Ui} ui with the words of the settings @param {Session} session @param {ShadowRoot} root */
  constructor(ui, session, root) {
    const { t } = ui;
    this.#ui = ui;
    this.#session = session;
    this.#root = root;
    const button = (/** @type {string} */ label, /** @type {string} */ hook, /** @type {() => void} */ onclick) =>
      h("button", { class: "button", type: "button", "data-testid": hook, onclick }, label);
    this.#toPassphrase = button(t("computer.toPassphrase"), "to-passphrase", () => void this.#reseal("passphrase"));
    this.#toPassword = button(t("computer.toPassword"), "to-password", () => void this.#reseal("password"));
    this.element = h(
      "section",
      { class: "settings-part", "aria-label": t("computer.title"), hidden: session.about.memory },
      h("h3", { class: "settings-title" }, t("computer.title")),
      this.#seal,
      h("div", { class: "row-of" }, this.#toPassphrase, this.#toPassword, button(t("computer.log"), "activity-open", () => void this.#showLog())),
      h(
        "div",
        { class: "check" },
        this.#hide,
        h("div", {}, h("label", { for: "hide-name" }, t("computer.hide")), h("p", { class: "hint" }, t("computer.hide.hint"))),
      ),
      this.#said,
    );
    if (!session.about.memory) void this.#look();
  }

  async #look() {
    const { t } = this.#ui;
    try {
      const { by, nameHidden } = await this.#session.mailbox.seal();
      this.#by = by ?? "password";
      setText(this.#seal, t(`computer.by.${by ?? "none"}`));
      setText(this.#toPassphrase, t(by === "passphrase" ? "computer.otherPassphrase" : "computer.toPassphrase"));
      setAttribute(this.#toPassphrase, "hidden", by === null);
      setAttribute(this.#toPassword, "hidden", by !== "passphrase");
      this.#hide.checked = nameHidden;
      setAttribute(this.#hide, "disabled", by === null);
    } catch {
      setText(this.#said, t("computer.failed"));
    }
  }

  async #setHidden() {
    const hidden = this.#hide.checked;
    try {
      await this.#session.sealing.hideName(hidden);
      setText(this.#said, this.#ui.t(hidden ? "computer.hidden" : "computer.shown"));
    } catch {
      this.#hide.checked = !hidden;
      setText(this.#said, this.#ui.t("computer.failed"));
    }
  }

  /** @param {By} next */
  async #reseal(next) {
    if (await resealInDialog(this.#root, this.#ui, this.#session, this.#by, next)) {
      await this.#look();
      setText(this.#said, this.#ui.t(`computer.resealed.${next}`));
    }
  }

  async #showLog() {
    const { over } = this.#session;
    try {
      const { openActivity } = await part(import("./activity.js"));
      if (!over.aborted) await openActivity(this.#root, this.#ui, this.#session);
    } catch (error) {
      const { t } = this.#ui;
      const isUpdated = /** @type {{ code?: string }} */ (error).code === "updated";
      setText(this.#said, isUpdated ? `${t("error.updated.title")} ${t("error.updated.action")}` : t("log.failed"));
    }
  }
}

/**
 * Asks for what seals now and what is to, and seals by that. Whether it did.
 * @param {ShadowRoot} root @param {Ui} ui @param {Session} session @param {By} by @param {By} next @returns {Promise<boolean>}
 */
function resealInDialog(root, { t }, session, by, next) {
  return new Promise((resolve) => {
    const field = (/** @type {string} */ id, /** @type {string} */ label, /** @type {string} */ autocomplete) => {
      const input = h("input", { id, class: "input", type: "password", autocomplete, required: true, "data-testid": id });
      return { input, element: h("div", { class: "field" }, h("label", { for: id }, label), input) };
    };
    const current = field("seal-current", t(`computer.current.${by}`), "current-password");
    const chosen = field("seal-next", t("computer.passphrase"), "new-password");
    const again = field("seal-again", t("computer.again"), "new-password");
    const attempt = new Attempt(
      t,
      { submit: "computer.submit", busy: "computer.sealing", wait: "computer.wait" },
      { submit: "seal-submit", said: "seal-said" },
    );
    setAttribute(current.input, "aria-describedby", "seal-said");
    let isDone = false;

    const objection = () => {
      if (next === "password") return "";
      if ([...chosen.input.value].length < SHORTEST_PASSPHRASE) return t("computer.short", { n: SHORTEST_PASSPHRASE });
      return chosen.input.value === again.input.value ? "" : t("computer.differ");
    };
    const seal = () =>
      next === "password"
        ? session.sealing.byPassword(current.input.value)
        : session.mailbox.reseal(current.input.value, { passphrase: chosen.input.value });
    const onsubmit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (objection()) return attempt.object(objection());
      isDone = await attempt.go(seal, ({ code, retryAfterMs }) => {
        current.input.select();
        current.input.focus();
        const said = { "wrong-secret": `computer.wrong.${by}`, "invalid-argument": "computer.unknown", locked: retryAfterMs ? "computer.often" : "" };
        return t(said[/** @type {keyof said} */ (code)] || "computer.failed");
      });
      if (isDone) dialog.close();
    };
    const dialog = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "seal-title",
        "data-testid": "seal-dialog",
        onclose: () => {
          dialog.remove();
          attempt.close();
          resolve(isDone);
        },
      },
      h("h2", { id: "seal-title", class: "dialog-title" }, t(`computer.seal.${next}`)),
      h("p", {}, t(`computer.seal.${next}.hint`)),
      h(
        "form",
        { class: "form", onsubmit },
        current.element,
        ...(next === "passphrase" ? [chosen.element, again.element] : []),
        attempt.said,
        h(
          "div",
          { class: "dialog-actions" },
          h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("settings.cancel")),
          attempt.submit,
        ),
      ),
    );
    root.append(dialog);
    dialog.showModal();
    current.input.focus();
  });
}

/** The head of a page of the settings: its title, and what closes it. @param {string} id @param {string} title @param {string} label @param {() => void} close */
export function pageHead(id, title, label, close) {
  const button = h("button", { class: "button button-icon", type: "button", "aria-label": label, title: label, onclick: close }, icon("close"));
  return h("header", { class: "settings-head" }, h("h2", { id, class: "dialog-title" }, title), button);
}

import { h, icon, setText } from "./dom.js";
import { SecretForm, lockedUi } from "./secret-form.js";

/**
 * What stands in the place of the mail while it is locked.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./words.js").Ui} Ui
 * @typedef {"asked" | "idle" | "sleep" | "sign-out" | "elsewhere" | null} Reason
 * @typedef {"password" | "passphrase"} By
 */

/** The card of a locked mailbox: whose it is, why it is locked, and what opens it. */
export class LockView {
  element;
  #form;

  /**
   * @param {Ui} plain @param {Session} session @param {Reason} reason
   * @param {{ signOut: (said: string) => void, clear: () => void }} actions
   */
  constructor(plain, session, reason, { signOut, clear }) {
    const ui = lockedUi(plain);
    const { t } = ui;
    const { server } = session.about;
    const whose = () => {
      const user = session.shownUser;
      return user ? t("account.at", { user, server }) : server;
    };
    const whoseLine = h("p", { class: "locked-whose" }, whose());
    const leave = h(
      "button",
      { class: "button", type: "button", "data-testid": "lock-sign-out", onclick: () => signOut(t("lock.signedOut")) },
      icon("exit"),
      t("lock.signOut"),
    );
    this.#form = new SecretForm(ui, (secret) => session.unlock(secret), { submit: "lock.unlock", busy: "lock.unlocking", beside: [leave], about: "lock-reason" });
    this.#form.ask("password", t("lock.password"));
    this.element = h(
      "div",
      { class: "locked" },
      h(
        "section",
        { class: "card", "aria-labelledby": "lock-title", "data-testid": "lock", "data-reason": reason ?? "none" },
        h(
          "header",
          { class: "locked-head" },
          icon("lock"),
          h(
            "div",
            {},
            h("h1", { class: "card-title", id: "lock-title" }, t("lock.title")),
            whoseLine,
          ),
        ),
        // With the field, which the keyboard goes to: so that it is read out why the mail is gone.
        h("p", { id: "lock-reason" }, t(`lock.reason.${reason ?? "none"}`), " ", h("span", { class: "locked-meaning" }, t("lock.meaning"))),
        this.#form.element,
        h("p", { class: "hint" }, h("button", { class: "link", type: "button", "data-testid": "clear", onclick: clear }, t("account.clear"))),
      ),
    );
    void session.sealing.by().then(
      (by) => {
        if (by) this.#form.ask(by, t(`lock.${by}`));
        setText(whoseLine, whose());
      },
      () => {}, // a storage that failed: unlocking says so
    );
  }

  focus() {
    this.#form.focus();
  }

  close() {
    this.#form.close();
  }
}

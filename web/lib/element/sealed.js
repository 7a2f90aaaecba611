import { h } from "./dom.js";
import { SecretForm, lockedUi } from "./secret-form.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./words.js").Ui} Ui */
/** @typedef {import("./locked.js").By} By */

/**
 * The server has taken the password, and it does not open what is kept here: it was sealed by the one before, or by a passphrase.
 * @param {Ui} plain @param {Session} session @param {By} by
 * @param {{ opened: () => void, giveUp: (words: { title: string, lines: string[], confirm: string }) => void, back: () => void }} actions
 */
export function sealedView(plain, session, by, { opened, giveUp, back }) {
  const ui = lockedUi(plain);
  const { t } = ui;
  const words = { title: t("sealed.giveUp.title"), lines: [t("sealed.giveUp.body"), t("sealed.giveUp.kept")], confirm: t("sealed.giveUp.confirm") };
  const cancel = h("button", { class: "button", type: "button", "data-testid": "sealed-back", onclick: back }, t("sealed.back"));
  const open = async (/** @type {string} */ secret) => {
    await session.mailbox.unlock(secret);
    opened();
  };
  const form = new SecretForm(ui, open, { submit: "sealed.open", busy: "sealed.opening", beside: [cancel], about: "sealed-meaning" });
  form.ask(by, t(`sealed.${by}`));
  return h(
    "div",
    { class: "sealed", "data-testid": "sealed", "data-by": by },
    h("h2", { class: "card-title" }, t(`sealed.${by}.title`)),
    h("p", { id: "sealed-meaning" }, t(`sealed.${by}.meaning`)),
    form.element,
    h(
      "p",
      { class: "hint" },
      h("button", { class: "link", type: "button", "data-testid": "give-up", onclick: () => giveUp(words) }, t("sealed.giveUp")),
    ),
  );
}

import { h, replace, setAttribute, setText } from "./dom.js";
import en from "./strings/en-locked.js";
import { withWords } from "./words.js";

/** @typedef {import("./words.js").Ui} Ui */
/** @typedef {import("./locked.js").By} By */

const WORDS = new Map([["en", en]]);

/** With the words of what is locked or sealed. @param {Ui} ui */
export function lockedUi(ui) {
  return withWords(ui, WORDS);
}

/** One field for a secret. */
export class SecretForm {
  element;
  #t;
  #open;
  #attempt;
  /** @type {By} */
  #by = "password";
  #label = h("label", { for: "secret" });
  #field;

  /**
   * @param {Ui} ui @param {(secret: string) => Promise<void>} open
   * @param {{ submit: string, busy: string, beside: HTMLElement[], about: string }} of keys of what the button says, what is beside it, and
   * the id of what explains why it is asked for
   */
  constructor({ t }, open, { submit, busy, beside, about }) {
    this.#t = t;
    this.#open = open;
    this.#attempt = new Attempt(t, { submit, busy, wait: "lock.wait" }, { submit: "unlock", said: "secret-said" });
    this.#field = h("input", {
      id: "secret",
      class: "input",
      type: "password",
      autocomplete: "current-password",
      required: true,
      "aria-describedby": `${about} secret-said`,
      "data-testid": "secret",
    });
    this.element = h(
      "form",
      { class: "form", onsubmit: (/** @type {SubmitEvent} */ event) => void this.#try(event) },
      h("div", { class: "field" }, this.#label, this.#field, this.#attempt.said),
      h("div", { class: "locked-actions" }, this.#attempt.submit, ...beside),
    );
  }

  /** @param {By} by what it asks for @param {string} label */
  ask(by, label) {
    this.#by = by;
    setText(this.#label, label);
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  close() {
    this.#field.value = "";
    this.#attempt.close();
  }

  /** @param {SubmitEvent} event */
  async #try(event) {
    event.preventDefault();
    if (await this.#attempt.go(() => this.#open(this.#field.value), (error) => this.#explain(error))) this.#field.value = "";
  }

  /** @param {{ code?: string, retryAfterMs?: number | null }} error */
  #explain({ code, retryAfterMs }) {
    this.#field.select();
    this.focus();
    const said = { "wrong-secret": `lock.wrong.${this.#by}`, locked: retryAfterMs ? "lock.often" : "lock.again", store: "lock.changed" };
    return this.#t(said[/** @type {keyof said} */ (code)] ?? "lock.failed");
  }
}

/**
 * The button of a form that asks for a secret, and what became of it. Wrong ones are slowed down: how long is counted down, what was wrong
 * stays said, and the button waits.
 */
export class Attempt {
  submit;
  /** What became of it, to be put beside the fields. */
  said;
  #t;
  #words;
  /** Not read out each second: what was said before it has told that there is a wait. */
  #wait = h("p", { class: "locked-said countdown", hidden: true, "data-testid": "secret-wait" });
  #what;
  #isBusy = false;
  #until = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {import("./words.js").Words} t @param {{ submit: string, busy: string, wait: string }} words keys of what the button says, and
   * of the wait
   * @param {{ submit: string, said: string }} hooks
   */
  constructor(t, words, hooks) {
    this.#t = t;
    this.#words = words;
    this.submit = h("button", { class: "button button-primary", type: "submit", "data-testid": hooks.submit }, t(words.submit));
    this.#what = h("p", { class: "locked-said", id: hooks.said, role: "alert", "data-testid": hooks.said });
    this.said = h("div", { class: "locked-outcome" }, this.#what, this.#wait);
  }

  /** What is wrong with what was typed; nothing is tried. @param {string} objection */
  object(objection) {
    replace(this.#what, objection);
  }

  /**
   * Tries once, unless it has to wait. Whether it went well; what went wrong is said.
   * @param {() => Promise<void>} work @param {(error: { code?: string, retryAfterMs?: number | null }) => string} explain
   */
  async go(work, explain) {
    if (this.#isBusy || this.#until > 0) return false;
    this.#isBusy = true;
    replace(this.#what);
    this.#refresh();
    try {
      await work();
      return true;
    } catch (thrown) {
      const error = /** @type {{ code?: string, retryAfterMs?: number | null }} */ (thrown);
      if (error.retryAfterMs) this.#waitFor(error.retryAfterMs);
      replace(this.#what, explain(error));
      return false;
    } finally {
      this.#isBusy = false;
      this.#refresh();
    }
  }

  close() {
    clearInterval(this.#timer);
  }

  /** @param {number} ms */
  #waitFor(ms) {
    this.#until = Date.now() + ms;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#refresh(), 250);
  }

  #refresh() {
    const ms = this.#until - Date.now();
    if (this.#until > 0 && ms <= 0) {
      this.#until = 0;
      clearInterval(this.#timer);
    }
    const isWaiting = this.#until > 0;
    setText(this.#wait, isWaiting ? this.#t(this.#words.wait, { n: Math.ceil(ms / 1000) }) : "");
    setAttribute(this.#wait, "hidden", !isWaiting);
    setAttribute(this.submit, "disabled", this.#isBusy || isWaiting);
    setText(this.submit, this.#t(this.#isBusy ? this.#words.busy : this.#words.submit));
  }
}

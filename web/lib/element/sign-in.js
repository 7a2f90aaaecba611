import { h, icon, replace, setAttribute, setText } from "./dom.js";
import { problemView } from "./problem.js";
import { NAMES, primarySubtag } from "./words.js";

/**
 * The first thing a person sees: what this is, where the mail will live, and the sign-in card. While a sign-in is under way the card
 * shows its steps.
 *
 * @typedef {import("./relay.js").Upstream} Upstream
 * @typedef {import("./problem.js").Problem} Problem
 * @typedef {import("./session.js").Session} Session
 * @typedef {{ user: string, upstream: Upstream, messages: number, stored: number }} Kept an account whose mail is on this computer
 * @typedef {{ user: string, password: string, upstream: Upstream, memory: boolean, token: string | undefined }} Choice
 * token: of a protected relay
 * @typedef {{
 *   signIn: (choice: Choice) => void, retry: () => void, clear: (kept: Kept) => void,
 *   speak: ((language: string, user: string, memory: boolean) => void) | null
 * }} Actions speak: in another language, with what has been filled in by then; `null` where the language is given
 */

const FACTS = /** @type {const} */ ([
  ["stored", "kept"],
  ["server", "server"],
  ["key", "password"],
]);

export class SignIn {
  element;
  #ui;
  #actions;
  /** @type {readonly Upstream[]} */
  #upstreams = [];
  /** @type {readonly Kept[]} */
  #kept = [];
  /** The relay gave no answer, and what it offered before is offered again. */
  #isRemembered = false;
  #messages = h("div", { class: "card-messages" });
  #accounts = h("div", { class: "accounts", hidden: true });
  #keptHere = h("p", { class: "kept-here", hidden: true });
  #upstream = h("select", { id: "upstream", class: "input", "data-testid": "upstream", onchange: () => this.#sayKept() });
  #upstreamName = h("span", { class: "upstream-name" });
  #user = h("input", {
    id: "user",
    class: "input",
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
    "data-testid": "user",
    oninput: () => this.#sayKept(),
  });
  #password = h("input", {
    id: "password",
    class: "input",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
    "data-testid": "password",
  });
  #token = h("input", {
    id: "token",
    class: "input",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    disabled: true,
    "aria-describedby": "token-hint",
    "data-testid": "token",
  });
  #tokenField = h("div", { class: "field", hidden: true });
  #shared = h("input", { id: "shared", type: "checkbox", "aria-describedby": "shared-hint", "data-testid": "shared-computer" });
  #form;
  #steps = h("div", { class: "connecting", hidden: true });
  #loading;
  #languages = h("p", { class: "languages" });

  /** @param {import("./words.js").Ui} ui @param {boolean} memory what was chosen the last time @param {Actions} actions */
  constructor(ui, memory, actions) {
    this.#ui = ui;
    this.#actions = actions;
    this.#shared.checked = memory;
    const { t } = ui;
    this.#form = this.#makeForm();
    this.#loading = h("p", { class: "card-loading", role: "status" }, t("signIn.loading"));
    this.element = h(
      "div",
      { class: "welcome" },
      h(
        "div",
        { class: "intro" },
        h("h1", { class: "intro-title" }, t("intro.title")),
        h("p", { class: "intro-lead" }, t("intro.lead")),
        h(
          "ul",
          { class: "facts" },
          ...FACTS.map(([name, key]) =>
            h("li", {}, icon(name), h("div", {}, h("h2", {}, t(`intro.${key}.title`)), h("p", {}, t(`intro.${key}`)))),
          ),
        ),
      ),
      h("section", { class: "card", "data-testid": "sign-in" }, this.#messages, this.#loading, this.#accounts, this.#form, this.#steps, this.#languages),
    );
    this.#offerLanguages();
    setAttribute(this.#form, "hidden", true);
  }

  /**
   * The relay has answered.
   * @param {readonly Upstream[]} upstreams @param {readonly Kept[]} kept
   * @param {string} user prefilled, unless an account is kept here
   * @param {boolean} [isRemembered] it has not, and these are what it offered before
   */
  offer(upstreams, kept, user, isRemembered = false) {
    this.#upstreams = upstreams;
    this.#isRemembered = isRemembered;
    this.#kept = kept;
    replace(this.#upstream, ...upstreams.map((one) => h("option", { value: one.name }, one.label)));
    setAttribute(this.#upstream, "hidden", upstreams.length <= 1);
    setText(this.#upstreamName, upstreams.length === 1 ? (upstreams[0]?.label ?? "") : "");
    setAttribute(this.#loading, "hidden", upstreams.length > 0);
    setText(this.#loading, upstreams.length > 0 ? "" : this.#ui.t("signIn.noUpstream"));
    setAttribute(this.#form, "hidden", upstreams.length === 0);
    this.#offerAccounts();
    const known = kept.find((one) => one.user === user) ?? (user ? undefined : kept[0]);
    if (known) this.#choose(known);
    else this.#user.value ||= user;
    this.#sayKept();
  }

  /** The relay gave no answer, or the sign-in failed. @param {Problem} problem */
  fail(problem) {
    const isReady = this.#upstreams.length > 0;
    const actions = { retry: isReady && !this.#isRemembered ? null : this.#actions.retry, dismiss: null, signIn: null, leave: null };
    this.#showForm();
    setAttribute(this.#loading, "hidden", true);
    const asksToken = problem.code === "token-needed";
    const context = this.#token.value ? "sign-in-again" : "sign-in";
    if (asksToken) this.#askToken();
    const counts = this.#isRemembered ? this.#ui.t("signIn.withoutNetwork") : "";
    replace(this.#messages, problemView({ ...problem, context }, actions, this.#ui, { counts }));
    if (isReady) (asksToken ? this.#token : this.#password).focus();
    this.#messages.scrollIntoView({ block: "nearest" });
  }

  /** Asks something before the sign-in goes on. @param {Node} question */
  ask(question) {
    this.#showForm();
    setAttribute(this.#form, "hidden", true);
    setAttribute(this.#accounts, "hidden", true);
    setAttribute(this.#languages, "hidden", true);
    replace(this.#messages, question);
    /** @type {HTMLElement | null} */ (this.#messages.querySelector("input, button"))?.focus();
  }

  /** Says how the last session ended. @param {readonly string[]} sentences @param {import("./dom.js").IconName} mark */
  say(sentences, mark) {
    replace(
      this.#messages,
      h(
        "div",
        { class: "notice", role: "status", "data-testid": "notice", "data-kind": "done" },
        icon(mark),
        h("p", {}, sentences.join(" ")),
      ),
    );
  }

  /** A sign-in is under way: relay, server, sign-in, list. @param {Session} session */
  connecting(session) {
    const { t } = this.#ui;
    const at = ["connect", "login"].indexOf(session.step?.progress.phase ?? "connect");
    const names = ["connect.relay", "connect.server", "connect.login", "connect.list"];
    const now = at < 0 ? names.length - 1 : at + 1;
    replace(this.#messages);
    setAttribute(this.#form, "hidden", true);
    setAttribute(this.#accounts, "hidden", true);
    setAttribute(this.#languages, "hidden", true);
    setAttribute(this.#steps, "hidden", false);
    const state = (/** @type {number} */ i) => (i < now ? "done" : i === now ? "now" : "due");
    replace(
      this.#steps,
      h("h2", { class: "card-title" }, t("connect.title", { server: session.about.server })),
      h(
        "ol",
        { class: "steps", "data-testid": "progress" },
        ...names.map((name, i) =>
          h(
            "li",
            { class: "step", "data-step": state(i) },
            h("span", { class: "step-mark" }, icon("check")),
            t(name),
            h("span", { class: "step-state" }, t(`connect.${state(i)}`)),
          ),
        ),
      ),
      h(
        "button",
        { class: "button button-wide", type: "button", "data-testid": "cancel-sync", onclick: () => session.cancel() },
        t("list.cancel"),
      ),
    );
  }

  /** Back from the steps to the form, as it was left. */
  ready() {
    replace(this.#messages);
    this.#showForm();
    this.focus();
  }

  /** Where the person has to type next. */
  focus() {
    (this.#user.value ? this.#password : this.#user).focus({ preventScroll: true });
  }

  /** Of a relay that asks for one; most do not, and nobody is to wonder what it is. */
  #askToken() {
    this.#token.value = "";
    setAttribute(this.#token, "disabled", false);
    setAttribute(this.#tokenField, "hidden", false);
  }

  #showForm() {
    setAttribute(this.#form, "hidden", this.#upstreams.length === 0);
    setAttribute(this.#steps, "hidden", true);
    setAttribute(this.#languages, "hidden", this.#actions.speak === null);
    this.#offerAccounts();
  }

  #makeForm() {
    const { t } = this.#ui;
    const field = (/** @type {string} */ id, /** @type {string} */ label, /** @type {Node[]} */ ...controls) =>
      h("div", { class: "field" }, h("label", { for: id }, label), ...controls);
    this.#tokenField.append(
      h("label", { for: "token" }, t("signIn.token")),
      this.#token,
      h("p", { class: "hint", id: "token-hint" }, t("signIn.token.hint")),
    );
    return h(
      "form",
      { class: "form", onsubmit: (/** @type {SubmitEvent} */ event) => this.#submit(event) },
      h("h2", { class: "card-title" }, t("signIn.title")),
      field("upstream", t("signIn.upstream"), this.#upstream, this.#upstreamName),
      field("user", t("signIn.user"), this.#user),
      field("password", t("signIn.password"), this.#password),
      this.#tokenField,
      this.#keptHere,
      h(
        "div",
        { class: "check" },
        this.#shared,
        h(
          "div",
          {},
          h("label", { for: "shared" }, t("signIn.shared")),
          h("p", { class: "hint", id: "shared-hint" }, t("signIn.shared.hint")),
        ),
      ),
      h("button", { class: "button button-primary button-wide", type: "submit", "data-testid": "submit-sign-in" }, t("signIn.submit")),
    );
  }

  /** The other languages, each by its own name and in itself. */
  #offerLanguages() {
    const { speak } = this.#actions;
    setAttribute(this.#languages, "hidden", speak === null);
    for (const [language, name] of NAMES) {
      if (language === primarySubtag(this.#ui.t.locale)) continue;
      const onclick = () => speak?.(language, this.#user.value.trim(), this.#shared.checked);
      this.#languages.append(h("button", { class: "link", type: "button", lang: language, "data-testid": `language-${language}`, onclick }, name));
    }
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    const upstream = this.#chosenUpstream();
    if (!upstream) return;
    const password = this.#password.value;
    this.#password.value = "";
    const token = this.#token.value.trim() || undefined;
    this.#actions.signIn({ user: this.#user.value.trim(), password, upstream, memory: this.#shared.checked, token });
  }

  #chosenUpstream() {
    return this.#upstreams.find((one) => one.name === this.#upstream.value);
  }

  /** Several accounts are kept here: one click fills the form. */
  #offerAccounts() {
    const { t } = this.#ui;
    setAttribute(this.#accounts, "hidden", this.#kept.length < 2);
    replace(
      this.#accounts,
      h("h2", { class: "accounts-title" }, t("signIn.accounts")),
      ...this.#kept.map((kept) =>
        h(
          "button",
          { class: "account-choice", type: "button", onclick: () => this.#choose(kept) },
          h("span", {}, kept.user),
          h("span", { class: "hint" }, kept.upstream.label),
        ),
      ),
    );
  }

  /** @param {Kept} kept */
  #choose(kept) {
    this.#upstream.value = kept.upstream.name;
    this.#user.value = kept.user;
    this.#sayKept();
    this.#password.focus({ preventScroll: true });
  }

  /** Says what is kept here for the account in the form, and offers to remove it. */
  #sayKept() {
    const { t } = this.#ui;
    const user = this.#user.value.trim();
    const kept = this.#kept.find((one) => one.user === user && one.upstream.name === this.#upstream.value);
    setAttribute(this.#keptHere, "hidden", !kept);
    if (!kept) return;
    const text = kept.stored > 0 ? t("signIn.kept", { n: kept.stored, user }) : t("signIn.kept.none", { user });
    const remove = h(
      "button",
      { class: "link", type: "button", "data-testid": "clear", onclick: () => this.#actions.clear(kept) },
      t("account.clear"),
    );
    replace(this.#keptHere, icon("stored"), h("span", {}, text, " ", remove));
  }
}

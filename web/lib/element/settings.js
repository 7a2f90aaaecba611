import { Computer, pageHead } from "./computer.js";
import { Copies } from "./copies.js";
import { h, replace, setAttribute, setText } from "./dom.js";
import { deletesByItself } from "./forecast.js";
import { sender } from "./row.js";
import { problemFrom, problemView } from "./problem.js";
import { settingsUi } from "./settings-ui.js";
import { switches } from "./switches.js";

/**
 * The settings of a mailbox: what is retrieved, what stays on the server, how often it checks by itself; copies; storage.
 * A rule that deletes from the server is not switched on before the person has seen what it would delete.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("../poplar-mail.js").Policy} Policy
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {import("./words.js").Ui} Ui
 */

const MEGABYTE = 1_000_000;
/** Sizes that are offered. */
const UNDER = [1, 5, 10, 25].map((n) => n * MEGABYTE);
const UNDER_AT_FIRST = 5 * MEGABYTE;
const EVERY = [0, 1, 5, 15, 30, 60];
const DAYS_AT_FIRST = 30;
/** Ten years: more than any server keeps mail. */
const MOST_DAYS = 3650;
/** Messages of a dry run that are named; more are counted. */
const NAMED = 200;
/** Rows read at a time. */
const PAGE = 500;

/** Opens the settings; resolves when they are closed. @param {ShadowRoot} root @param {Ui} ui @param {Session} session */
export async function openSettings(root, ui, session) {
  const { over } = session;
  const policy = await session.mailbox.policy();
  if (over.aborted) return;
  await new Promise((resolve) => new Settings(settingsUi(ui, root), session, policy, root, () => resolve(undefined)).open(root));
}

class Settings {
  #ui;
  #session;
  #policy;
  #dialog;
  #form;
  #copies;
  #problem = h("div", {});
  #kept = h("p", { "data-testid": "storage" });
  #save;
  #fields;

  /** @param {Ui} ui with the words of the settings @param {Session} session @param {Policy} policy @param {ShadowRoot} root @param {() => void} closed */
  constructor(ui, session, policy, root, closed) {
    const { t } = ui;
    this.#ui = ui;
    this.#session = session;
    this.#policy = policy;
    this.#copies = new Copies(ui, session);
    this.#fields = new Fields(ui, policy, session.about.memory);
    this.#save = h("button", { class: "button button-primary", type: "submit", "data-testid": "settings-save" }, t("settings.save"));
    this.#form = h(
      "form",
      { class: "settings-page", onsubmit: (/** @type {Event} */ event) => this.#submit(event) },
      this.#head(t("settings.title")),
      h(
        "div",
        { class: "settings-body", "data-testid": "settings-body" },
        this.#problem,
        ...this.#fields.elements,
        this.#copies.element,
        new Computer(ui, session, root).element,
        switches(ui, session, root),
        h("section", { class: "settings-part" }, h("h3", { class: "settings-title" }, t("storage.title")), this.#kept),
      ),
      h("div", { class: "settings-foot" }, this.#button(t("settings.cancel"), () => this.#dialog.close()), this.#save),
    );
    this.#dialog = h(
      "dialog",
      {
        class: "dialog settings",
        "aria-labelledby": "settings-title",
        "data-testid": "settings",
        // A copy that is being made is not ended by accident.
        oncancel: (/** @type {Event} */ event) => this.#copies.copying.isBusy && event.preventDefault(),
        onclose: () => {
          this.#copies.copying.cancel();
          this.#dialog.remove();
          closed();
        },
      },
      this.#form,
    );
  }

  /** @param {ShadowRoot} root */
  open(root) {
    root.append(this.#dialog);
    this.#dialog.showModal();
    void this.#sayKept();
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const { t } = this.#ui;
    const change = changes(this.#policy, this.#fields.value());
    this.#busy(true);
    try {
      // Another window may have changed the rest meanwhile: what was not touched here stays as it is there.
      const policy = { ...(await this.#session.mailbox.policy()), ...change };
      const isOther = "leave" in change || "retrieve" in change;
      if (deletesByItself(policy) && isOther && !(await this.#confirmed(policy))) return;
      await this.#session.setPolicy(change);
      this.#dialog.close();
    } catch (error) {
      const actions = { retry: null, dismiss: null, signIn: null, leave: null };
      replace(this.#problem, problemView(problemFrom(error, "sync"), actions, this.#ui));
      this.#problem.scrollIntoView({ block: "nearest" });
    } finally {
      this.#busy(false);
      setText(this.#save, t("settings.save"));
    }
  }

  /** @param {boolean} busy */
  #busy(busy) {
    setAttribute(this.#save, "disabled", busy);
    if (busy) setText(this.#save, this.#ui.t("settings.saving"));
  }

  /** Shows what a policy would delete. Whether the person wants that. @param {Policy} policy @returns {Promise<boolean>} */
  async #confirmed(policy) {
    const { t } = this.#ui;
    const { ids, later } = await this.#session.mailbox.wouldDelete(policy);
    const rows = await rowsOf(this.#session, ids.slice(-NAMED));
    return new Promise((resolve) => {
      const answer = (/** @type {boolean} */ confirmed) => {
        this.#dialog.removeEventListener("close", closed);
        replace(this.#dialog, this.#form);
        if (!confirmed) this.#save.focus();
        resolve(confirmed);
      };
      const closed = () => answer(false);
      this.#dialog.addEventListener("close", closed);
      const back = this.#button(t("dry.back"), () => answer(false), "dry-back");
      replace(
        this.#dialog,
        h(
          "div",
          { class: "settings-page", "data-testid": "dry-run" },
          this.#head(t("dry.title")),
          h(
            "div",
            { class: "settings-body", tabindex: "0" },
            h("p", { "data-testid": "dry-now" }, ids.length > 0 ? t("dry.now", { n: ids.length }) : t("dry.now.none")),
            rows.length > 0 && h("ul", { class: "dry-list", "aria-label": t("dry.list") }, ...rows.map((row) => dryRow(row, this.#ui))),
            ids.length > rows.length && h("p", { class: "dry-more" }, t("dry.more", { n: ids.length - rows.length })),
            later > 0 && h("p", { "data-testid": "dry-later" }, t("dry.later", { n: later })),
            h("p", { class: "hint" }, t("dry.kept")),
          ),
          h(
            "div",
            { class: "settings-foot" },
            back,
            h(
              "button",
              { class: "button button-danger", type: "button", "data-testid": "dry-confirm", onclick: () => answer(true) },
              t("dry.confirm"),
            ),
          ),
        ),
      );
      back.focus();
    });
  }

  async #sayKept() {
    const { t, format } = this.#ui;
    const { about, rows, mailbox } = this.#session;
    if (about.memory) return setText(this.#kept, t("storage.memory"));
    const { persisted, usage } = await mailbox.storage();
    const n = rows.counts.stored;
    const kept = usage === null ? t("storage.kept.count", { n }) : t("storage.kept", { n, size: format.size(usage) });
    setText(this.#kept, `${kept} ${t(persisted ? "storage.persisted" : "storage.not-persisted")}`);
  }

  /** @param {string} title */
  #head(title) {
    const { t } = this.#ui;
    return pageHead("settings-title", title, t("settings.close"), () => this.#dialog.close());
  }

  /** @param {string} label @param {() => void} onclick @param {string} [hook] */
  #button(label, onclick, hook) {
    return h("button", { class: "button", type: "button", "data-testid": hook, onclick }, label);
  }
}

/** The fields of a policy. */
class Fields {
  elements;
  #ui;
  #isMemory;
  #retrieve;
  #under;
  #order;
  #leave;
  #days;
  #every;

  /** @param {Ui} ui @param {Policy} policy @param {boolean} isMemory */
  constructor(ui, policy, isMemory) {
    const { t, format } = ui;
    const { retrieve, order, leave, everyMinutes } = policy;
    this.#ui = ui;
    this.#isMemory = isMemory;
    const under = typeof retrieve === "object" ? retrieve.under : UNDER_AT_FIRST;
    this.#under = select("under", withValue(UNDER, under), under, (n) => format.size(n));
    this.#order = select("order", ["newest", "oldest"], order, (name) => t(`order.${name}`));
    this.#every = select("every", withValue(EVERY, everyMinutes), everyMinutes, (n) => (n === 0 ? t("every.0") : t("every.n", { n })));
    this.#days = h("input", {
      id: "days",
      class: "input days",
      type: "number",
      min: 1,
      max: MOST_DAYS,
      step: 1,
      required: true,
      value: typeof leave === "object" ? leave.days : DAYS_AT_FIRST,
      "data-testid": "days",
    });
    this.#retrieve = typeof retrieve === "object" ? "under" : retrieve;
    this.#leave = typeof leave === "object" ? "days" : leave;
    this.elements = [this.#makeRetrieve(), this.#makeLeave(), this.#makeEvery()];
    this.#refresh();
  }

  /** @returns {Policy} */
  value() {
    return /** @type {Policy} */ ({
      retrieve: this.#retrieve === "under" ? { under: Number(this.#under.value) } : this.#retrieve,
      order: this.#order.value,
      leave: this.#leave === "days" ? { days: Number(this.#days.value) } : this.#leave,
      everyMinutes: Number(this.#every.value),
    });
  }

  #makeRetrieve() {
    const { t } = this.#ui;
    const choose = (/** @type {any} */ value) => {
      this.#retrieve = value;
      this.#refresh();
    };
    return h(
      "fieldset",
      {},
      h("legend", {}, t("retrieve.title")),
      ...["all", "under", "headers", "none"].flatMap((value) => [
        choice("retrieve", value, value === this.#retrieve, t(`retrieve.${value}`), choose),
        value === "under" && beside("under", t("retrieve.under.size"), this.#under),
      ]),
      h("div", { class: "row-of" }, h("label", { class: "sr", for: "order" }, t("order.title")), this.#order),
    );
  }

  #makeLeave() {
    const { t } = this.#ui;
    const choose = (/** @type {any} */ value) => {
      this.#leave = value;
      this.#refresh();
    };
    const offered = this.#isMemory ? ["until-deleted", "everything"] : ["until-deleted", "everything", "days", "nothing"];
    return h(
      "fieldset",
      {},
      h("legend", {}, t("leave.title")),
      ...offered.flatMap((value) => [
        choice("leave", value, value === this.#leave, t(`leave.${value}`), choose, t(`leave.${value}.hint`)),
        value === "days" && beside("days", t("leave.days.count"), this.#days),
      ]),
      h("p", { class: "hint" }, t(this.#isMemory ? "leave.memory" : "leave.hint")),
    );
  }

  #makeEvery() {
    const { t } = this.#ui;
    return h(
      "div",
      { class: "field" },
      h("label", { for: "every" }, t("every.title")),
      h("div", { class: "row-of" }, this.#every),
      h("p", { class: "hint", id: "every-hint" }, t("every.hint")),
    );
  }

  /** A number belongs to its choice. */
  #refresh() {
    setAttribute(this.#under, "disabled", this.#retrieve !== "under");
    setAttribute(this.#order, "disabled", this.#retrieve === "none");
    setAttribute(this.#days, "disabled", this.#leave !== "days");
  }
}

/** What differs between the policy that was shown and the one that was chosen. @param {Policy} shown @param {Policy} chosen @returns {Partial<Policy>} */
function changes(shown, chosen) {
  const before = new Map(Object.entries(shown).map(([name, value]) => [name, JSON.stringify(value)]));
  return Object.fromEntries(Object.entries(chosen).filter(([name, value]) => JSON.stringify(value) !== before.get(name)));
}

/**
 * @param {string} group @param {string} value @param {boolean} checked @param {string} label @param {(value: string) => void} choose
 * @param {string} [hint]
 */
function choice(group, value, checked, label, choose, hint = "") {
  const id = `${group}-${value}`;
  const input = h("input", { id, type: "radio", name: group, value, checked, "data-testid": id, onchange: () => choose(value) });
  if (hint) setAttribute(input, "aria-describedby", `${id}-hint`);
  const text = h("div", {}, h("label", { for: id }, label), hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
  return h("div", { class: "check" }, input, text);
}

/** @param {string} id @param {string} label @param {HTMLElement} control */
function beside(id, label, control) {
  return h("div", { class: "beside" }, h("label", { for: id }, label), control);
}

/** @template {string | number} Value @param {string} id @param {readonly Value[]} values @param {Value} chosen @param {(value: Value) => string} label */
function select(id, values, chosen, label) {
  const options = values.map((value) => h("option", { value, selected: value === chosen }, label(value)));
  return h("select", { id, class: "input", "data-testid": id }, ...options);
}

/** What is offered, and what was set by somebody else. @param {readonly number[]} offered @param {number} value */
function withValue(offered, value) {
  return offered.includes(value) ? offered : [...offered, value].sort((a, b) => a - b);
}

/** @param {Row} row @param {Ui} ui */
function dryRow({ from, subject, date }, { t, format }) {
  return h(
    "li",
    { class: "dry-row", "data-testid": "dry-row" },
    h("span", {}, sender(from).name || t("row.noSender")),
    h("time", { datetime: date?.toISOString(), title: date && format.fullDate(date) }, date ? format.date(date, new Date()) : ""),
    h("span", { class: "dry-subject" }, subject || t("row.noSubject")),
  );
}

/**
 * The rows of some messages, newest first. Only those pages are opened that have some of them.
 * @param {Session} session @param {readonly string[]} ids @returns {Promise<Row[]>}
 */
async function rowsOf({ mailbox }, ids) {
  const wanted = new Set(ids);
  const isWanted = (/** @type {Row} */ { id }) => wanted.has(id);
  /** @type {Row[]} */
  const found = [];
  for (let offset = 0; found.length < wanted.size; offset += PAGE) {
    const page = { offset, limit: PAGE };
    const states = await mailbox.messages({ ...page, headers: false });
    if (states.some(isWanted)) found.push(...(await mailbox.messages(page)).filter(isWanted));
    if (states.length < PAGE) break;
  }
  return found;
}

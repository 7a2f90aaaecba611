import { h, pickFile, saveAs, setAttribute, setText } from "./dom.js";
import { isAbort } from "./problem.js";
import { settingsUi } from "./settings-ui.js";

/**
 * Copies of what is kept here: saved to a file, and taken in again.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./words.js").Ui} Ui
 * @typedef {{ done: number, total: number, bytes: number, totalBytes: number }} Progress
 * @typedef {{ signal: AbortSignal, onProgress: (progress: Progress) => void }} Work
 */

/** What can be imported: a copy, or a list of messages. */
const IMPORTS = ".zip,.json,application/zip,application/json";

/** @param {"zip" | "mbox" | "json"} type a file name that says nothing about the mailbox but when it was saved */
function fileName(type) {
  return `mailbox-${new Date().toISOString().slice(0, 10)}.${type}`;
}

/** Asks for a file to import. @returns {Promise<File | null>} */
export function pickCopy() {
  return pickFile(IMPORTS);
}

/** One copy at a time: how far it is, what it came to, and how it is ended. */
export class Copying {
  element;
  #ui;
  #changed;
  #text = h("p", { role: "status", "data-testid": "copy-state" });
  #cancel;
  /** @type {AbortController | null} */
  #abort = null;

  /** @param {Ui} ui with the words of the settings @param {() => void} changed it began or ended */
  constructor(ui, changed) {
    this.#ui = ui;
    this.#changed = changed;
    this.#cancel = h(
      "button",
      { class: "button", type: "button", hidden: true, "data-testid": "copy-cancel", onclick: () => this.cancel() },
      ui.t("copies.cancel"),
    );
    this.element = h("div", { class: "copies-state" }, this.#text, this.#cancel);
  }

  get isBusy() {
    return this.#abort !== null;
  }

  cancel() {
    this.#abort?.abort();
  }

  /** @param {Session} session @param {"zip" | "mbox"} format */
  save(session, format) {
    return this.#run("save", async (work) => {
      /** @type {Progress} */
      let last = { done: 0, total: 0, bytes: 0, totalBytes: 0 };
      const onProgress = (/** @type {Progress} */ progress) => work.onProgress((last = progress));
      const stream = () => session.mailbox.exportMailbox({ format, signal: work.signal, onProgress });
      if (!(await written(stream, fileName(format), work.signal))) return "";
      return this.#ui.t("copies.saved", { n: last.done, size: this.#ui.format.size(last.bytes) });
    });
  }

  /** @param {Session} session */
  saveTable(session) {
    return this.#run("save", async () => {
      saveAs(await session.mailbox.exportTable(), fileName("json"));
      return this.#ui.t("copies.table.saved");
    });
  }

  /** @param {Session} session @param {File} file @returns {Promise<boolean>} whether it was taken in */
  import(session, file) {
    const { t } = this.#ui;
    return this.#run("import", async (work) => {
      const isTable = /\.json$/i.test(file.name) || file.type === "application/json";
      const { mailbox } = session;
      /** @type {{ added: number, known: number, skipped?: number }} */
      const { added, known, skipped = 0 } = isTable ? await mailbox.importTable(file) : await mailbox.importMailbox(file, work);
      await session.imported();
      return [
        t("copies.imported", { n: added }),
        known > 0 && t("copies.known", { n: known }),
        skipped > 0 && t("copies.skipped", { n: skipped }),
      ]
        .filter(Boolean)
        .join(" ");
    });
  }

  /**
   * Runs one copy and says what it came to.
   * @param {"save" | "import"} kind @param {(work: Work) => Promise<string>} work @returns {Promise<boolean>} whether it went well
   */
  async #run(kind, work) {
    if (this.#abort) return false;
    const { t, format } = this.#ui;
    const { signal } = (this.#abort = new AbortController());
    const onProgress = (/** @type {Progress} */ { done, total, bytes, totalBytes }) =>
      setText(this.#text, t(kind === "save" ? "copies.saving" : "copies.importing", { done, total, bytes: format.sizes(bytes, totalBytes) }));
    setText(this.#text, kind === "import" ? t("copies.waiting") : "");
    setAttribute(this.#cancel, "hidden", false);
    this.#changed();
    let isDone = false;
    try {
      setText(this.#text, await work({ signal, onProgress }));
      isDone = true;
    } catch (error) {
      setText(this.#text, t(isAbort(error) ? `copies.stopped.${kind}` : `copies.failed.${kind}`));
    }
    this.#abort = null;
    setAttribute(this.#cancel, "hidden", true);
    this.#changed();
    return isDone;
  }
}

/**
 * Writes a stream to a file: as it comes, where the browser lets a page write one; otherwise gathered, and then downloaded.
 * @param {() => ReadableStream<Uint8Array>} stream @param {string} name @param {AbortSignal} signal
 * @returns {Promise<boolean>} false where the person chose no file
 */
async function written(stream, name, signal) {
  const { showSaveFilePicker } = /** @type {any} */ (globalThis);
  if (!showSaveFilePicker) {
    // Gathered by the browser, which may keep a large one on disk.
    const blob = await new Response(stream()).blob();
    signal.throwIfAborted();
    saveAs(blob, name);
    return true;
  }
  let file;
  try {
    file = await showSaveFilePicker({ suggestedName: name });
  } catch (error) {
    if (isAbort(error)) return false;
    throw error;
  }
  // Nothing is in the file before the stream has ended well.
  await stream().pipeTo(await file.createWritable(), { signal });
  return true;
}

/** The part of the settings. */
export class Copies {
  element;
  copying;
  #controls;

  /** @param {Ui} ui with the words of the settings @param {Session} session */
  constructor(ui, session) {
    const { t } = ui;
    const button = (/** @type {string} */ label, /** @type {string} */ hook, /** @type {() => void} */ onclick) =>
      h("button", { class: "button", type: "button", "data-testid": hook, onclick }, label);
    const format = h(
      "select",
      { class: "input", "aria-label": t("copies.format"), "data-testid": "copy-format" },
      ...["zip", "mbox"].map((value) => h("option", { value }, t(`copies.${value}`))),
    );
    this.copying = new Copying(ui, () => this.#refresh());
    const save = () => void this.copying.save(session, format.value === "mbox" ? "mbox" : "zip");
    const take = async () => {
      const { over } = session;
      const file = await pickCopy();
      if (file && !over.aborted) await this.copying.import(session, file);
    };
    this.#controls = [
      format,
      button(t("copies.save"), "copy-save", save),
      button(t("copies.table"), "copy-table", () => void this.copying.saveTable(session)),
      button(t("copies.import"), "copy-import", () => void take()),
    ];
    const [choice, ...others] = this.#controls;
    this.element = h(
      "section",
      { class: "settings-part", "aria-label": t("copies.title") },
      h("h3", { class: "settings-title" }, t("copies.title")),
      h("p", { class: "hint" }, t("copies.hint")),
      h("div", { class: "row-of" }, choice, ...others),
      h("p", { class: "hint" }, t("copies.import.hint")),
      this.copying.element,
    );
  }

  #refresh() {
    for (const control of this.#controls) setAttribute(control, "disabled", this.copying.isBusy);
  }
}

/**
 * Takes in one file, in a dialog that says how far it is and what it came to.
 * @param {ShadowRoot} root @param {Ui} plain @param {Session} session @param {File} file
 * @returns {Promise<boolean>} whether it was taken in
 */
export function importInDialog(root, plain, session, file) {
  const ui = settingsUi(plain, root);
  const { t } = ui;
  return new Promise((resolve) => {
    let isDone = false;
    const close = h("button", { class: "button", type: "button", "data-testid": "import-close", onclick: () => dialog.close() }, t("settings.close"));
    const copying = new Copying(ui, () => setAttribute(close, "hidden", copying.isBusy));
    const dialog = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "import-title",
        "data-testid": "import-dialog",
        oncancel: (/** @type {Event} */ event) => copying.isBusy && event.preventDefault(),
        onclose: () => {
          copying.cancel();
          dialog.remove();
          resolve(isDone);
        },
      },
      h("h2", { id: "import-title", class: "dialog-title" }, t("copies.import.title")),
      copying.element,
      h("div", { class: "dialog-actions" }, close),
    );
    root.append(dialog);
    dialog.showModal();
    void copying.import(session, file).then((done) => (isDone = done));
  });
}

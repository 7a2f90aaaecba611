/** A mailbox as files: what goes out of it, and what is taken in. The formats themselves come when they are wanted. */
import { part } from "../parts.js";
import { streamed } from "./stream.js";

/** @typedef {import("./export.js").Options} Options */

export class Backup {
  #of;
  #vault;

  /**
   * @param {object} of What mailbox.
   * @param {{ account: string, user: string, relay: string }} of.whose as an export says it
   * @param {boolean} of.durable
   * @param {import("../core.js").Core} of.core
   * @param {import("../vault.js").Vault} of.vault
   * @param {import("../turns.js").Turns} of.turns
   */
  constructor(of) {
    this.#of = of;
    this.#vault = of.vault;
  }

  /** The UID table. */
  async table() {
    const { exportedTable } = await part(import("./export.js"));
    return exportedTable(this.#target());
  }

  /** @param {Blob} file */
  async takeTable(file) {
    const { importedTable } = await part(import("./import.js"));
    this.#vault.check();
    return importedTable(this.#target(), file);
  }

  /** Everything that is stored, as it is wanted. @param {"zip" | "mbox"} format @param {Options} options */
  messages(format, options) {
    return streamed(async () => {
      this.#vault.check();
      await this.#vault.log("exported");
      const { exportedMailbox } = await part(import("./export.js"));
      return exportedMailbox(this.#target(), format, options);
    }, this.#vault.signal);
  }

  /** @param {Blob} zip @param {Options} options */
  async takeMessages(zip, options) {
    const { importedMailbox } = await part(import("./import.js"));
    this.#vault.check();
    return importedMailbox(this.#target(), zip, options);
  }

  /** What export and import need of the mailbox. @returns {import("./import.js").Target} */
  #target() {
    const { whose, core, turns } = this.#of;
    return {
      whose,
      ready: async (withMail) => {
        if (withMail) await this.#withKey();
        await this.#vault.log("imported");
        turns.want();
      },
      ask: (what, first, second) => {
        this.#vault.active();
        return core.ask(what, first, second);
      },
      take: (page, pieces) => {
        this.#vault.active();
        return core.call((core) => core.take(page, pieces));
      },
      invalidate: () => core.invalidate(),
    };
  }

  /** What is to be sealed needs a key, and a key whose secret the server has taken: where there is none yet, somebody signs in. */
  async #withKey() {
    const { durable, core, turns } = this.#of;
    if (durable && (await core.ask("sealed by")) === undefined) await turns.run("sync", { job: "sign in" });
  }
}

/** How much was kept here when last seen, and what is done where it is gone. Of a mailbox that keeps nothing here, nothing. */
import { ours } from "./errors.js";
import { forgetStored, hasDatabase, noteStored, storedBefore } from "./storage.js";

export class Kept {
  #of;

  /**
   * @param {object} of
   * @param {string | undefined} of.account `undefined` where nothing is kept here
   * @param {import("./core.js").Core} of.core
   * @param {(stored: number) => boolean} of.lost says that it is gone; whether nobody objected to downloading it again
   */
  constructor(of) {
    this.#of = of;
  }

  /** Asks before everything is downloaded again because what was kept here is gone. @param {boolean} afresh */
  async check(afresh) {
    const { account, core, lost } = this.#of;
    const stored = account === undefined ? 0 : await storedBefore(account);
    if (account === undefined || stored === 0) return;
    if (!(await hasDatabase(account))) core.invalidate();
    if ((await core.ask("count")) > 0) return;
    if (!afresh && !lost(stored)) {
      throw ours(
        "store",
        "store",
        `The messages that were kept in this browser, ${stored} of them, are gone: the browser or somebody has removed them. ` +
          "Nothing was downloaded yet. What is still on the server can be downloaded again; a backup can be imported first.",
      );
    }
    await forgetStored(account);
  }

  /** Notes how much is kept here now. */
  async note() {
    const { account, core } = this.#of;
    if (account === undefined) return;
    // A mailbox that was closed meanwhile counts nothing, and the last note stands.
    const stored = await core.ask("stored").catch(() => 0);
    if (stored > 0) await noteStored(account, stored);
  }

  /** Nothing is kept here any more, and is not missed. */
  async forget() {
    if (this.#of.account !== undefined) await forgetStored(this.#of.account);
  }
}

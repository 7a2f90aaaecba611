/**
 * What seals what is kept here, what opens it, and whose it is said to be.
 *
 * @typedef {import("./locked.js").By} By
 */
export class Sealing {
  /** The account's name is kept unreadable, so that it is not to be read on a card either. As far as is known. */
  nameHidden = false;
  #mailbox;
  #credentials;

  /** @param {import("../poplar-mail.js").Mailbox} mailbox @param {import("./credentials.js").Credentials} credentials */
  constructor(mailbox, credentials) {
    this.#mailbox = mailbox;
    this.#credentials = credentials;
  }

  /** What it is sealed by. A lock may be ending what is asked, and what comes after it answers. */
  async by() {
    const { by, nameHidden } = await this.#mailbox.seal().catch(() => this.#mailbox.seal());
    this.nameHidden = nameHidden;
    return by;
  }

  /** Another window may have hidden the name. What is known stands where a storage fails. */
  async look() {
    await this.by().catch(() => {});
  }

  /** Rejects as `Mailbox.hideName()` does. @param {boolean} hidden */
  async hideName(hidden) {
    await this.#mailbox.hideName(hidden);
    this.nameHidden = hidden;
  }

  /**
   * Rejects as `Mailbox.unlock()` does, and as `locked` where it was locked again meanwhile. A mailbox password that opens it is what the
   * next session signs in with.
   * @param {string} secret
   */
  async unlock(secret) {
    await this.#mailbox.unlock(secret);
    const by = await this.by();
    if (this.#mailbox.locked) throw Object.assign(new Error("locked again meanwhile"), { code: "locked" });
    if (by === "password") this.#credentials.password = secret;
  }

  /**
   * Has the mailbox password seal it. Rejects as `Mailbox.reseal()` does, and where the server has not yet taken a password.
   * @param {string} current
   */
  byPassword(current) {
    return this.#mailbox.reseal(current, { password: this.#credentials.password ?? "" });
  }
}

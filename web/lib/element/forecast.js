/**
 * What the policy is, and what it deletes from the server with the next session though nobody marked it.
 *
 * @typedef {import("../poplar-mail.js").Policy} Policy
 */
export class Forecast {
  /** @type {Policy | null} */
  policy = null;
  /** @type {readonly string[]} */
  due = [];
  #mailbox;
  #changed;
  /** @type {Promise<void> | null} */
  #running = null;
  #isStale = false;
  #closed = false;

  /** @param {import("../poplar-mail.js").Mailbox} mailbox @param {() => void} changed */
  constructor(mailbox, changed) {
    this.#mailbox = mailbox;
    this.#changed = changed;
  }

  /** Finds it out anew. What is asked meanwhile is found out once more after that. */
  refresh() {
    this.#isStale = true;
    this.#running ??= this.#untilSettled().finally(() => {
      this.#running = null;
    });
  }

  /** Nothing of what is due is known any more. */
  clear() {
    this.due = [];
  }

  close() {
    this.#closed = true;
  }

  async #untilSettled() {
    while (this.#isStale && !this.#closed) {
      this.#isStale = false;
      try {
        this.policy = await this.#mailbox.policy();
        this.due = deletesByItself(this.policy) ? (await this.#mailbox.wouldDelete()).ids : [];
      } catch {
        return; // closed meanwhile, or a storage that failed: whoever asks it for something to show says so
      }
      this.#changed();
    }
  }
}

/** Whether a policy deletes from the server what nobody has marked. @param {Policy} policy */
export function deletesByItself({ leave }) {
  return leave === "nothing" || typeof leave === "object";
}

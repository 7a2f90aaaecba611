/**
 * One thing done to many messages, a few at a time, with progress and a way to stop.
 *
 * @typedef {{ done: number, total: number }} Done
 */

/** Changes under way at once: each is a transaction of its own, and more of them only wait for each other. */
const AT_ONCE = 8;

export class Bulk {
  /** @type {Done | null} */
  progress = null;
  #changed;
  #stopped = false;

  /** @param {() => void} changed called when there is progress */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {readonly string[]} ids @param {(id: string) => Promise<void>} act resolves when all is done, or rejects with the first that failed */
  async run(ids, act) {
    if (this.progress) return;
    this.#stopped = false;
    try {
      for (let done = 0; done < ids.length && !this.#stopped; done += AT_ONCE) {
        this.#say({ done, total: ids.length });
        await Promise.all(ids.slice(done, done + AT_ONCE).map(act));
      }
    } finally {
      this.#say(null);
    }
  }

  /** What has been done by then stays. */
  stop() {
    this.#stopped = true;
  }

  /** @param {Done | null} progress */
  #say(progress) {
    this.progress = progress;
    this.#changed();
  }
}

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
  /** How often somebody has stopped it. */
  #stops = 0;
  /** One thing after the other. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {() => void} changed called when there is progress */
  constructor(changed) {
    this.#changed = changed;
  }

  /**
   * Begins once what was asked for before is done. Resolves when all is done, or it was stopped; rejects with the first that failed.
   * @param {readonly string[]} ids @param {(id: string) => Promise<void>} act @returns {Promise<void>}
   */
  run(ids, act) {
    const stops = this.#stops;
    const run = this.#last.then(() => this.#run(ids, act, stops));
    this.#last = run.catch(() => {});
    return run;
  }

  /** What has been done by then stays; what waits is not begun. */
  stop() {
    this.#stops += 1;
  }

  /** @param {readonly string[]} ids @param {(id: string) => Promise<void>} act @param {number} stops */
  async #run(ids, act, stops) {
    try {
      for (let done = 0; done < ids.length && stops === this.#stops; done += AT_ONCE) {
        this.#say({ done, total: ids.length });
        await Promise.all(ids.slice(done, done + AT_ONCE).map(act));
      }
    } finally {
      this.#say(null);
    }
  }

  /** @param {Done | null} progress */
  #say(progress) {
    this.progress = progress;
    this.#changed();
  }
}

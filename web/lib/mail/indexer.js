/** Keeps the search index up to date, a little at a time, beside everything else. */

/** Between two steps, so that whatever else the core is asked comes first. */
const PAUSE_MS = 20;

export class Indexer {
  #core;
  #mayRun;
  #say;
  /** Somebody searches: for who does not, nothing is read. */
  #isWanted = false;
  #running = false;
  /** Something has come meanwhile. */
  #again = false;
  #stopped = false;

  /**
   * @param {import("./core.js").Core} core
   * @param {() => boolean} mayRun false while what is kept here is locked
   * @param {(pending: number) => void} say how many messages are still to be taken in
   */
  constructor(core, mayRun, say) {
    this.#core = core;
    this.#mayRun = mayRun;
    this.#say = say;
  }

  /** Somebody searches. */
  begin() {
    this.#isWanted = true;
    this.wake();
  }

  /** There may be something new. Nobody waits for it: what fails now is tried again with whatever comes next. */
  wake() {
    this.#again = true;
    if (this.#isWanted && !this.#running) void this.#run().catch(() => {});
  }

  stop() {
    this.#stopped = true;
  }

  async #run() {
    this.#running = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        for (let pending = Infinity; pending > 0 && this.#mayRun(); ) {
          await new Promise((rested) => setTimeout(rested, PAUSE_MS));
          if (!this.#mayRun()) return;
          const left = await this.#core.ask("index");
          if (left < pending) this.#say(left);
          pending = left;
        }
      }
    } finally {
      this.#running = false;
    }
  }
}

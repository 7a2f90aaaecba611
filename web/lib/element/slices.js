/** How long a slice of work may hold the page up: a key that is pressed meanwhile is answered in the next frame. */
const SLICE_MS = 12;

/** Long work in slices, between which the page can answer, and which ends when nobody wants its result any more. */
export class Slices {
  #wanted;
  #since = performance.now();

  /** @param {() => boolean} wanted */
  constructor(wanted) {
    this.#wanted = wanted;
  }

  /** Whether to rest before the next step. */
  get due() {
    return performance.now() - this.#since > SLICE_MS;
  }

  async rest() {
    await pause();
    if (!this.#wanted()) throw new DOMException("no longer wanted", "AbortError");
    this.#since = performance.now();
  }
}

/** @type {() => Promise<void>} */
const pause = () => /** @type {any} */ (globalThis).scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

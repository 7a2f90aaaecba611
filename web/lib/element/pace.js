/**
 * How far a session is, and how long it will take from there.
 *
 * @typedef {import("../poplar-mail.js").Progress} Progress
 * @typedef {{ progress: Progress, remainingMs: number | null }} Step
 */

/** A rate measured over less than this says nothing yet. */
const RATE_AFTER_MS = 1500;

export class Pace {
  /** Where the measuring began. @type {{ at: number, bytes: number } | null} */
  #from = null;

  /** @param {Progress} progress @returns {Step} */
  step(progress) {
    return { progress, remainingMs: this.#remaining(progress) };
  }

  /** @param {Progress} progress */
  #remaining({ phase, bytes, totalBytes }) {
    if (phase !== "retrieve") return null;
    const now = performance.now();
    this.#from ??= { at: now, bytes };
    const elapsed = now - this.#from.at;
    const received = bytes - this.#from.bytes;
    if (elapsed < RATE_AFTER_MS || received <= 0) return null;
    return (Math.max(0, totalBytes - bytes) / received) * elapsed;
  }
}

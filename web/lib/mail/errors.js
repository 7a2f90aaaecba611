/** What goes wrong, as a class with stable codes. */

/**
 * @typedef {object} Thrown What the wasm rejects with.
 * @property {string} code
 * @property {string} phase
 * @property {boolean} retryable
 * @property {number | null} retryAfterMs
 * @property {string} serverText
 * @property {string} message
 */

/** `code` and `phase` are public API; `serverText` is the server's or relay's own words. No secret and no mail is in any of them. */
export class MailError extends Error {
  /** @param {Thrown} thrown */
  constructor({ code, phase, retryable, retryAfterMs, serverText, message }) {
    super(message);
    this.name = "MailError";
    this.code = code;
    this.phase = phase;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
    this.serverText = serverText;
  }
}

/** A caller's mistake. @param {string} message */
export function invalid(message) {
  return ours("invalid-argument", "protocol", message);
}

/** A fault of ours. @param {string} message */
export function internal(message) {
  return ours("internal", "internal", message);
}

/** @param {string} code @param {string} phase @param {string} message */
export function ours(code, phase, message) {
  return new MailError({ code, phase, message, retryable: false, retryAfterMs: null, serverText: "" });
}

/**
 * What the wasm threw, as what callers catch: a MailError, or a DOMException named AbortError where they aborted.
 * @param {unknown} thrown
 */
export function caught(thrown) {
  if (thrown instanceof MailError || thrown instanceof DOMException) return thrown;
  const { code } = /** @type {Partial<Thrown>} */ (thrown ?? {});
  if (code === "aborted") return new DOMException("The operation was aborted.", "AbortError");
  if (typeof code === "string") return new MailError(/** @type {Thrown} */ (thrown));
  // A trap inside the wasm. Its text could hold what was being worked on, so it is not passed on.
  return internal("Something broke in this page. Nothing was lost: reload it.");
}

/**
 * The same the other way, for what cannot carry a class: a message to the page, or to another tab.
 * @param {unknown} error @returns {unknown}
 */
export function thrownBy(error) {
  const { name, code, phase, retryable, retryAfterMs, serverText, message } = /** @type {any} */ (error ?? {});
  if (error instanceof MailError) return { code, phase, retryable, retryAfterMs, serverText, message };
  return name === "AbortError" ? { code: "aborted" } : {};
}

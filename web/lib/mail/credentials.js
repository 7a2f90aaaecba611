/** Whom a mailbox signs in as: a password that is given, remembered once the server has taken it, or asked for. */
import { caught, invalid, ours } from "./errors.js";
import { proof } from "./options.js";

/** @typedef {import("../../types/poplar-mail.js").MailboxOptions} MailboxOptions */
/** @typedef {import("../../types/poplar-mail.js").Credentials} Credentials */
/** @typedef {import("./options.js").Proof} Proof */
/** @typedef {"sync" | "retrieve" | "sign-out"} Reason */

export class SignIn {
  #account;
  /** @type {MailboxOptions["credentials"]} */
  #source;
  /** A password that the server has accepted. @type {Proof | undefined} */
  #password;
  /** What the server refused last: it is not sent again by itself. @type {string | undefined} */
  #refused;
  /** Counts what was forgotten: a session that was under way then must not bring the password back. */
  #forgotten = 0;
  /** What to do once the server has accepted, for each session under way or waiting, by what it sends. @type {Map<() => void, Proof>} */
  #waiting = new Map();

  /** @param {string} account @param {MailboxOptions["credentials"]} source */
  constructor(account, source) {
    this.#account = account;
    this.#source = source;
  }

  /** Whether nobody has to be asked. */
  get remembers() {
    return this.#password !== undefined;
  }

  /**
   * Runs a session with a password; keeps the password once the server has taken it, and forgets it when refused.
   * @template T
   * @param {Reason} reason
   * @param {string | undefined} given
   * @param {(proof: Proof) => Promise<T>} session
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async run(reason, given, session, signal) {
    const forgotten = this.#forgotten;
    const proof = await this.#proof(reason, given, signal);
    const accepted = () => {
      if (forgotten !== this.#forgotten) return;
      // A token soon expires, and whoever gave it has the next one.
      this.#password = proof.isToken ? undefined : proof;
      this.#refused = undefined;
    };
    this.#waiting.set(accepted, proof);
    try {
      const value = await session(proof);
      // A message may come in a session that is open already, and sign nobody in.
      if (reason !== "retrieve") accepted();
      return value;
    } catch (error) {
      if (/** @type {any} */ (error).code === "auth-failed") {
        this.#password = undefined;
        this.#refused = proof.secret;
      }
      throw error;
    } finally {
      this.#waiting.delete(accepted);
    }
  }

  /** The server has accepted what the session under way sent. Another may wait with something else, and which is which is not said. */
  accepted() {
    if (new Set([...this.#waiting.values()].map(({ secret }) => secret)).size > 1) return;
    for (const accepted of this.#waiting.keys()) accepted();
  }

  /** What has opened what is kept here signs in as well. @param {string} password */
  offer(password) {
    if (this.#refused !== password) this.#password = { secret: password, isToken: false };
  }

  /** Forgets a password; who can be asked for one can be asked again. */
  forget() {
    this.#forgotten += 1;
    this.#password = undefined;
    this.#source = typeof this.#source === "function" ? this.#source : undefined;
  }

  /** Forgets everything, and whom to ask. */
  end() {
    this.forget();
    this.#source = undefined;
  }

  /** Sees to it that a session under way does not bring the password back. */
  ending() {
    this.#forgotten += 1;
  }

  /** @param {Reason} reason @param {string | undefined} given @param {AbortSignal} [signal] @returns {Promise<Proof>} */
  async #proof(reason, given, signal) {
    if (given !== undefined) return proof(given);
    if (this.#password !== undefined) return this.#password;
    const source = this.#source;
    /** @type {Credentials | undefined} */
    const credentials =
      typeof source === "function"
        ? await asked(() => source({ account: this.#account, reason: this.#refused === undefined ? reason : "rejected" }), signal)
        : source;
    if (!credentials) throw invalid("There is no password to sign in with. Pass one to sync(), or give `credentials` to Mailbox.open().");
    const found = proof(credentials);
    if (found.secret === this.#refused && typeof source !== "function") {
      throw ours("auth-failed", "auth", "This was refused, and is not sent again by itself. Pass another password to sync().");
    }
    return found;
  }
}

/**
 * What somebody answers. Who aborts waits for no answer, and asks for none; and who rejects with nothing has given nothing.
 * @param {() => Promise<Credentials>} ask @param {AbortSignal} [signal] @returns {Promise<Credentials | undefined>}
 */
function asked(ask, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(caught({ code: "aborted" }));
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    const over = () => signal?.removeEventListener("abort", abort);
    new Promise((answer) => answer(ask())).then(resolve, (reason) => (reason == null ? resolve(undefined) : reject(reason))).finally(over);
  });
}

/** One POP3 session: the guide's commands, one method each. */
import { call } from "./client.js";
import { lineCount, messageNumber, proof, relayUrl, string, tunnelOptions } from "./options.js";

/** @typedef {import("../client.js").SessionCore} SessionCore */

const PRIVATE = Symbol("use Pop3Session.connect()");

/** Calls may overlap; they are answered in order. Deletions take effect with `quit()`, and only then. */
export class Pop3Session {
  /** @type {SessionCore} */
  #core;
  /** How to sign in. */
  #way;
  /** Sizes that LIST gave, by message number: what tells a lone dot of a message's own from its end. @type {Map<number, number>} */
  #sizes = new Map();

  /** @param {symbol} key @param {SessionCore} core @param {string} greeting @param {string} way */
  constructor(key, core, greeting, way) {
    if (key !== PRIVATE) throw new TypeError("Use Pop3Session.connect().");
    this.#core = core;
    this.#way = way;
    /** The server's first words. @readonly */
    this.greeting = greeting;
  }

  /**
   * @param {string | URL} relay `wss://host/pop3/NAME`
   * @param {import("../../types/poplar-mail.js").TunnelOptions} [options]
   */
  static async connect(relay, options = {}) {
    const url = relayUrl(relay);
    const { timeoutMs, pipelining, signIn, token } = tunnelOptions(options);
    const [core, greeting] = await call((client) => client.SessionCore.connect(url, timeoutMs, pipelining, token, options.signal));
    return new Pop3Session(PRIVATE, core, greeting, signIn);
  }

  /** @returns {Promise<string[]>} `[]` where the server has no CAPA */
  async capa() {
    return this.#ask("CAPA");
  }

  /**
   * USER, PASS; or as the option `signIn` has it, and by a token where one is given.
   * @param {string} user
   * @param {string | import("../../types/poplar-mail.js").Credentials} credentials
   * @returns {Promise<void>}
   */
  async login(user, credentials) {
    string(user, "The user name");
    const { secret, isToken } = proof(credentials);
    return call(() => this.#core.login(user, secret, isToken, this.#way));
  }

  /** @returns {Promise<{ count: number, octets: number }>} */
  async stat() {
    const [count, octets] = await this.#ask("STAT");
    return { count, octets };
  }

  /** @param {number} [n] */
  async list(n) {
    return this.#entries("LIST", n, (number, octets) => {
      this.#sizes.set(number, octets);
      return { number, octets };
    });
  }

  /** @param {number} [n] */
  async uidl(n) {
    return this.#entries("UIDL", n, (number, uid) => ({ number, uid }));
  }

  /**
   * Headers and the first lines of the body.
   * @param {number} n @param {number} lines
   * @returns {Promise<Uint8Array>} dot-unstuffed bytes
   */
  async top(n, lines) {
    messageNumber(n);
    lineCount(lines);
    return this.#ask("TOP", n, lines);
  }

  /**
   * @param {number} n
   * @returns {Promise<Uint8Array>} byte for byte what the server sent, dot-unstuffed, without the final "."
   */
  async retr(n) {
    messageNumber(n);
    return this.#ask("RETR", n, this.#sizes.get(n));
  }

  /**
   * The same, piece by piece. Asked of the server with the first piece; leaving the loop early is harmless.
   * @param {number} n
   * @returns {AsyncGenerator<Uint8Array, void, undefined>}
   */
  async *retrStream(n) {
    messageNumber(n);
    const stream = this.#core.retrStream(n, this.#sizes.get(n) ?? 0);
    try {
      for (;;) {
        const piece = await call(() => stream.next());
        if (piece === undefined) return;
        yield piece;
      }
    } finally {
      stream.free();
    }
  }

  /** Takes effect with `quit()`; taken back by `rset()`. @param {number} n @returns {Promise<void>} */
  async dele(n) {
    messageNumber(n);
    return this.#ask("DELE", n);
  }

  /** Takes back every `dele()` of this session. @returns {Promise<void>} */
  async rset() {
    return this.#ask("RSET");
  }

  /** @returns {Promise<void>} */
  async noop() {
    return this.#ask("NOOP");
  }

  /** Resolves on `+OK`; afterwards every call rejects with code "closed". @returns {Promise<void>} */
  async quit() {
    return this.#ask("QUIT");
  }

  /** Drops the tunnel without QUIT: deletions do not take effect. Twice is harmless. */
  close() {
    this.#core.close();
  }

  /**
   * The answer to one command, as `wasm/src/js/session.rs` gives it.
   * @param {string} keyword @param {number} [n] @param {number} [more] @returns {Promise<any>}
   */
  #ask(keyword, n = 0, more = 0) {
    return call(() => this.#core.ask(keyword, n, more));
  }

  /**
   * The entries of a list; the one of message `n` where there is an `n`.
   * @param {string} keyword @param {number | undefined} n @param {(number: number, value: any) => object} entry
   * @returns {Promise<any>}
   */
  async #entries(keyword, n, entry) {
    if (n !== undefined) messageNumber(n);
    const flat = await this.#ask(keyword, n);
    const entries = [];
    for (let at = 0; at < flat.length; at += 2) entries.push(entry(flat[at], flat[at + 1]));
    return n === undefined ? entries : entries[0];
  }
}

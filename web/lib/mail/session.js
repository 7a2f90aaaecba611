/** One POP3 session: the guide's commands, one method each. */
import { call } from "./client.js";
import { lineCount, messageNumber, relayUrl, string, tunnelOptions } from "./options.js";

/** @typedef {import("../client.js").SessionCore} SessionCore */

const PRIVATE = Symbol("use Pop3Session.connect()");

/** Calls may overlap; they are answered in order. Deletions take effect with `quit()`, and only then. */
export class Pop3Session {
  /** @type {SessionCore} */
  #core;

  /** @param {symbol} key @param {SessionCore} core */
  constructor(key, core) {
    if (key !== PRIVATE) throw new TypeError("Use Pop3Session.connect().");
    this.#core = core;
    /** The server's first words. @readonly */
    this.greeting = core.greeting;
  }

  /**
   * @param {string | URL} relay `wss://host/pop3/NAME`
   * @param {import("../../types/poplar-mail.js").TunnelOptions} [options]
   */
  static async connect(relay, options = {}) {
    const url = relayUrl(relay);
    const { timeoutMs, pipelining, token } = tunnelOptions(options);
    const core = await call((client) => client.SessionCore.connect(url, timeoutMs, pipelining, token, options.signal));
    return new Pop3Session(PRIVATE, core);
  }

  /** @returns {Promise<string[]>} `[]` where the server has no CAPA */
  async capa() {
    return call(() => this.#core.capa());
  }

  /** USER, PASS. @param {string} user @param {string} password */
  async login(user, password) {
    string(user, "The user name");
    string(password, "The password");
    return call(() => this.#core.login(user, password));
  }

  /** @returns {Promise<{ count: number, octets: number }>} */
  async stat() {
    return call(() => this.#core.stat());
  }

  /** @param {number} [n] */
  async list(n) {
    if (n === undefined) return call(() => this.#core.list());
    messageNumber(n);
    return call(() => this.#core.listOne(n));
  }

  /** @param {number} [n] */
  async uidl(n) {
    if (n === undefined) return call(() => this.#core.uidl());
    messageNumber(n);
    return call(() => this.#core.uidlOne(n));
  }

  /**
   * Headers and the first lines of the body.
   * @param {number} n @param {number} lines
   * @returns {Promise<Uint8Array>} dot-unstuffed bytes
   */
  async top(n, lines) {
    messageNumber(n);
    lineCount(lines);
    return call(() => this.#core.top(n, lines));
  }

  /**
   * @param {number} n
   * @returns {Promise<Uint8Array>} byte for byte what the server sent, dot-unstuffed, without the final "."
   */
  async retr(n) {
    messageNumber(n);
    return call(() => this.#core.retr(n));
  }

  /**
   * The same, piece by piece. Asked of the server with the first piece; leaving the loop early is harmless.
   * @param {number} n
   * @returns {AsyncGenerator<Uint8Array, void, undefined>}
   */
  async *retrStream(n) {
    messageNumber(n);
    const stream = this.#core.retrStream(n);
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
    return call(() => this.#core.dele(n));
  }

  /** Takes back every `dele()` of this session. @returns {Promise<void>} */
  async rset() {
    return call(() => this.#core.rset());
  }

  /** @returns {Promise<void>} */
  async noop() {
    return call(() => this.#core.noop());
  }

  /** Resolves on `+OK`; afterwards every call rejects with code "closed". @returns {Promise<void>} */
  async quit() {
    return call(() => this.#core.quit());
  }

  /** Drops the tunnel without QUIT: deletions do not take effect. Twice is harmless. */
  close() {
    this.#core.close();
  }
}

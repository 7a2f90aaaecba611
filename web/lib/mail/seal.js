/**
 * The key that seals what is kept here, and the cipher: WebCrypto, and nothing of our own.
 *
 *     secret ─ PBKDF2 ─ HKDF ┬─ "wrap"  a key that wraps the data key        (AES-256-GCM)
 *                            └─ "check" tells a wrong secret from a key that was changed
 *     data key ─ seals records (AES-256-GCM, a random nonce of 96 bits each); never leaves WebCrypto
 *
 * What is sealed, what to it is bound and in which order things are written is for `wasm/src/store/sealed.rs` to say.
 */

/** OWASP's recommendation for PBKDF2-HMAC-SHA-256 (2023); some 150 ms. */
const ITERATIONS = 600_000;
/** What claims to need more is no key of ours, and would hold the computer up. */
const MOST_ITERATIONS = 10_000_000;

const VERSION = 1;
const KDF = "PBKDF2-HMAC-SHA-256";
const SALT = 16;
/** What GCM is made for (NIST SP 800-38D §8.2.2); 2^32 records under one key are far away. */
const NONCE = 12;
const TAG = 16;
const KEY = 32;
/** Of a digest that only tells damage. */
const SUM = 16;

/**
 * @typedef {object} Key A wrapped key, as it lies in the database.
 * @property {number} version
 * @property {number} number tells this data key from the account's others, and stays when it is wrapped anew
 * @property {"password" | "passphrase"} by
 * @property {string} kdf
 * @property {number} iterations
 * @property {Uint8Array} salt
 * @property {Uint8Array} check
 * @property {Uint8Array} wrapped nonce and key
 * @property {Uint8Array} sum of all of this, so that damage is not taken for a wrong secret
 */
/** @typedef {{ wrap: CryptoKey, check: Uint8Array }} Derived */

export class Cipher {
  #account;
  /** @type {CryptoKey | undefined} */
  #key;
  #number = 0;
  /** The secret that opened it. @type {string | undefined} */
  #secret;
  /** What was derived last, or is being: it takes its time. @type {{ salt: Uint8Array, secret: string, derived: Promise<Derived> } | undefined} */
  #last;
  /** How often it was closed: what was begun before that is not to open it after. */
  #closed = 0;

  /** @param {string} account */
  constructor(account) {
    this.#account = account;
  }

  get isOpen() {
    return this.#key !== undefined;
  }

  /** Of the key that is open; 0 where there is none. */
  get number() {
    return this.#key ? this.#number : 0;
  }

  close() {
    this.#closed += 1;
    this.#key = this.#secret = this.#last = undefined;
  }

  /** For good. */
  end() {
    this.close();
    this.#closed = Infinity;
  }

  /** Begins to derive what `create()` or `unlock()` will need, beside other work. @param {Key | undefined} key @param {string} secret */
  prepare(key, secret) {
    if (key && !isKey(key)) return;
    void this.#derive(key?.salt ?? random(SALT), key?.iterations ?? ITERATIONS, secret).catch(() => {});
  }

  /** A new key. @param {"password" | "passphrase"} by @param {string} secret */
  async create(by, secret) {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt", "decrypt"]);
    const salt = this.#last?.secret === secret ? this.#last.salt : random(SALT);
    const [number] = crypto.getRandomValues(new Uint32Array(1));
    return this.#wrapped(key, number || 1, by, secret, salt);
  }

  /**
   * Takes up a key; `false` where it is another secret's. Throws where it was changed or damaged.
   * @param {Key} key @param {Uint8Array} proof @param {string} secret
   */
  async unlock(key, proof, secret) {
    const begun = this.#closed;
    const derived = await this.#open(key, secret);
    if (!derived) return false;
    const opened = await this.#unwrap(key, derived, false);
    await prove(opened, this.#account, key, proof);
    if (begun !== this.#closed || begun === Infinity) {
      this.#last = undefined;
      throw locked();
    }
    this.#key = opened;
    this.#number = key.number;
    this.#secret = secret;
    return true;
  }

  /**
   * A key, wrapped by another secret; `undefined` where what has opened the one in use does not open it. `unlock()` takes it up.
   * @param {Key} key @param {Uint8Array} proof @param {"password" | "passphrase"} by @param {string} secret
   */
  async rewrap(key, proof, by, secret) {
    if (this.#secret === undefined) throw locked();
    const derived = await this.#open(key, this.#secret);
    if (!derived) return undefined;
    const opened = await this.#unwrap(key, derived, true);
    await prove(opened, this.#account, key, proof);
    return this.#wrapped(opened, key.number, by, secret, random(SALT));
  }

  /** @param {Uint8Array[]} all in turn what a record is bound to and the record @returns {Promise<Uint8Array[]>} */
  async seal(all) {
    const key = this.#key;
    if (!key) throw locked();
    return Promise.all(pairs(all).map(([bound, plain]) => seal(key, bound, plain)));
  }

  /** @param {Uint8Array[]} all likewise, of what is sealed @returns {Promise<(Uint8Array | undefined)[]>} `undefined` for what was not sealed so */
  async open(all) {
    const key = this.#key;
    if (!key) throw locked();
    return Promise.all(pairs(all).map(([bound, sealed]) => open(key, bound, sealed).catch(() => undefined)));
  }

  /** Whether the secret is this key's. @param {Key} key @param {string} secret @returns {Promise<Derived | undefined>} */
  async #open(key, secret) {
    if (!isKey(key) || !same(key.sum, await sumOf(this.#account, key))) throw changed();
    const derived = await this.#derive(key.salt, key.iterations, secret);
    return same(derived.check, key.check) ? derived : undefined;
  }

  /** @param {Key} key @param {Derived} derived @param {boolean} extractable to be wrapped again */
  async #unwrap(key, derived, extractable) {
    const [iv, sealed] = [key.wrapped.slice(0, NONCE), key.wrapped.slice(NONCE)];
    const how = { name: "AES-GCM", iv, additionalData: about(this.#account, key) };
    try {
      return await crypto.subtle.unwrapKey("raw", sealed, derived.wrap, how, "AES-GCM", extractable, ["encrypt", "decrypt"]);
    } catch {
      throw changed();
    }
  }

  /** @param {CryptoKey} key @param {number} number @param {"password" | "passphrase"} by @param {string} secret @param {Uint8Array} salt */
  async #wrapped(key, number, by, secret, salt) {
    const derived = await this.#derive(salt, ITERATIONS, secret);
    const iv = random(NONCE);
    const how = { name: "AES-GCM", iv, additionalData: about(this.#account, { number, by }) };
    const sealed = new Uint8Array(await crypto.subtle.wrapKey("raw", key, derived.wrap, how));
    const wrapped = joined(iv, sealed);
    const record = { version: VERSION, number, by, kdf: KDF, iterations: ITERATIONS, salt, check: derived.check, wrapped, sum: wrapped };
    record.sum = await sumOf(this.#account, record);
    return { key: record, proof: await seal(key, proofOf(this.#account, record), new Uint8Array()) };
  }

  /** @param {Uint8Array} salt @param {number} iterations @param {string} secret @returns {Promise<Derived>} */
  #derive(salt, iterations, secret) {
    if (!this.#last || this.#last.secret !== secret || !same(this.#last.salt, salt)) {
      this.#last = { salt, secret, derived: derive(salt, iterations, secret) };
    }
    return this.#last.derived;
  }
}

/** @param {Uint8Array} salt @param {number} iterations @param {string} secret @returns {Promise<Derived>} */
async function derive(salt, iterations, secret) {
  const { subtle } = crypto;
  const password = await subtle.importKey("raw", bytes(secret), "PBKDF2", false, ["deriveBits"]);
  const stretched = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: copy(salt), iterations }, password, KEY * 8);
  const root = await subtle.importKey("raw", stretched, "HKDF", false, ["deriveBits", "deriveKey"]);
  const how = (/** @type {string} */ info) => ({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes(`poplar ${info}`) });
  const [wrap, check] = await Promise.all([
    subtle.deriveKey(how("wrap"), root, { name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]),
    subtle.deriveBits(how("check"), root, TAG * 8),
  ]);
  return { wrap, check: new Uint8Array(check) };
}

/**
 * Nonce, and what is sealed with its tag.
 * @param {CryptoKey} key @param {Uint8Array} bound @param {Uint8Array} plain
 */
async function seal(key, bound, plain) {
  const iv = random(NONCE);
  const how = { name: "AES-GCM", iv, additionalData: copy(bound) };
  return joined(iv, new Uint8Array(await crypto.subtle.encrypt(how, key, copy(plain))));
}

/** Rejects for what was not sealed so. @param {CryptoKey} key @param {Uint8Array} bound @param {Uint8Array} sealed */
async function open(key, bound, sealed) {
  if (!(sealed instanceof Uint8Array)) throw changed();
  const how = { name: "AES-GCM", iv: sealed.slice(0, NONCE), additionalData: copy(bound) };
  return new Uint8Array(await crypto.subtle.decrypt(how, key, sealed.slice(NONCE)));
}

/** That the key is the one that was wrapped last. @param {CryptoKey} key @param {string} account @param {Key} record @param {Uint8Array} proof */
async function prove(key, account, record, proof) {
  await open(key, proofOf(account, record), proof).catch(() => {
    throw changed();
  });
}

/** Which wrapped key it is. @param {string} account @param {Key} key */
function proofOf(account, key) {
  return joined(bytes("poplar proof\0"), key.salt, key.wrapped, about(account, key));
}

/** @param {string} account @param {Key} key */
async function sumOf(account, key) {
  const all = joined(bytes(`poplar sum ${key.iterations}\0`), key.salt, key.check, key.wrapped, about(account, key));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).slice(0, SUM);
}

/** What a wrapped key is bound to. @param {string} account @param {Pick<Key, "number" | "by">} key */
function about(account, { number, by }) {
  return bytes(`poplar key ${VERSION} ${number} ${by} ${account}`);
}

/** @param {any} key */
function isKey(key) {
  const octets = (/** @type {unknown} */ value, /** @type {number} */ length) => value instanceof Uint8Array && value.length === length;
  return (
    key?.version === VERSION &&
    key.kdf === KDF &&
    Number.isInteger(key.number) &&
    ["password", "passphrase"].includes(key.by) &&
    key.iterations >= ITERATIONS &&
    key.iterations <= MOST_ITERATIONS &&
    octets(key.salt, SALT) &&
    octets(key.check, TAG) &&
    octets(key.wrapped, NONCE + KEY + TAG) &&
    octets(key.sum, SUM)
  );
}

/** What `wasm/src/browser/cipher.rs` takes for `locked` … */
function locked() {
  return new DOMException("locked", "NotAllowedError");
}

/** … and for `store`. */
function changed() {
  return new DOMException("changed", "DataError");
}

/** @param {Uint8Array[]} all @returns {[Uint8Array, Uint8Array][]} */
function pairs(all) {
  return Array.from({ length: all.length / 2 }, (_, at) => [all[2 * at], all[2 * at + 1]]);
}

/** @param {number} octets */
function random(octets) {
  return crypto.getRandomValues(new Uint8Array(octets));
}

/** @param {string} text */
function bytes(text) {
  return new TextEncoder().encode(text);
}

/** WebCrypto's types want a buffer that nobody shares. @param {Uint8Array} view @returns {Uint8Array<ArrayBuffer>} */
function copy(view) {
  return /** @type {Uint8Array<ArrayBuffer>} */ (view);
}

/** @param {Uint8Array[]} parts */
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((octets, { length }) => octets + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function same(a, b) {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

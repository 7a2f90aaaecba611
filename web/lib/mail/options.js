/** What callers pass, checked before anything is done with it. */
import { invalid, ours } from "./errors.js";

/** Longest silence while a reply is due: 60 s, as servers' own limits are minutes (RFC 1939 §3: at least 10). */
const TIMEOUT_MS = 60_000;

/** Highest message number or line count that is passed on: what 32 bits hold. */
const MOST = 2 ** 32 - 1;

/** After so long without anybody at work, what is kept here is locked … */
const LOCK_AFTER_MINUTES = 10;
/** … and no later than after a day. */
const MOST_LOCK_MINUTES = 24 * 60;

/** Ways to sign in. */
const WAYS = ["auto", "user", "apop", "plain", "login", "xoauth2", "oauthbearer"];

/** A token is a WebSocket subprotocol, so only these characters can be in it (RFC 6455 §4.1, RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The tunnel's address. `http(s):` is taken for `ws(s):`, and a path alone for one on this page's own host.
 * @param {string | URL} relay
 */
export function relayUrl(relay) {
  let url;
  try {
    url = new URL(String(relay), globalThis.location?.href);
  } catch {
    throw invalid("The relay's address must be of the form wss://host/pop3/NAME.");
  }
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw invalid("The relay's address must be of the form wss://host/pop3/NAME, with nothing secret in it.");
  }
  return url.href;
}

/** The name of the upstream in a tunnel's address. @param {string} url */
export function upstreamName(url) {
  return new URL(url).pathname.split("/").filter(Boolean).at(-1) ?? "";
}

/**
 * @param {{ timeoutMs?: number, pipelining?: string, signIn?: string, token?: string, signal?: AbortSignal }} options
 * @returns {{ timeoutMs: number, pipelining: string, signIn: string, token: string | undefined }}
 */
export function tunnelOptions(options) {
  if (!options || typeof options !== "object") throw invalid("The options must be an object.");
  const { timeoutMs = TIMEOUT_MS, pipelining = "auto", signIn = "auto", token } = options;
  abortSignal(options.signal);
  if (!(Number.isFinite(timeoutMs) && timeoutMs > 0)) throw invalid("timeoutMs must be a positive number of milliseconds.");
  if (!["auto", "probe", "off"].includes(pipelining)) throw invalid('pipelining must be "auto", "probe" or "off".');
  if (!WAYS.includes(signIn)) throw invalid(`signIn must be one of ${WAYS.join(", ")}.`);
  if (token !== undefined && !(typeof token === "string" && TOKEN.test(token))) throw invalid("The token has characters that cannot be sent.");
  return { timeoutMs, pipelining, signIn, token };
}

/**
 * The options of `Mailbox.open()`.
 * @typedef {{
 *   account: string, user: string, relay: string, durable: boolean, passphrase: string | undefined, lockAfterMinutes: number,
 *   timeoutMs: number, pipelining: string, signIn: string, token: string | undefined
 * }} Checked
 * @param {import("../../types/poplar-mail.js").MailboxOptions} options
 * @returns {Checked}
 */
export function mailboxOptions(options) {
  if (!options || typeof options !== "object") throw invalid("Mailbox.open() needs { relay, user }.");
  const { passphrase, storage = "durable", lockAfterMinutes = LOCK_AFTER_MINUTES } = options;
  const relay = relayUrl(options.relay);
  const user = string(options.user, "The user name");
  if (!user) throw invalid("The user name is empty.");
  const account = string(options.account ?? `${upstreamName(relay)}/${user}`, "The account name");
  if (!["durable", "memory"].includes(storage)) throw invalid('storage must be "durable" or "memory".');
  if (passphrase !== undefined && !string(passphrase, "The passphrase")) throw invalid("The passphrase is empty.");
  if (!(typeof lockAfterMinutes === "number" && lockAfterMinutes >= 0 && lockAfterMinutes <= MOST_LOCK_MINUTES)) {
    throw invalid(`lockAfterMinutes must be a number from 0, for never, to ${MOST_LOCK_MINUTES}.`);
  }
  const durable = storage === "durable";
  if (durable && !globalThis.crypto?.subtle) {
    throw ours("store", "store", 'This page was not served safely (https), so that nothing can be sealed here. Keep nothing instead: `storage: "memory"`.');
  }
  return { account, user, relay, durable, passphrase, lockAfterMinutes, ...tunnelOptions(options) };
}

/** What proves who somebody is. @typedef {{ secret: string, isToken: boolean }} Proof */

/**
 * @param {unknown} credentials a password, or `Credentials`
 * @returns {Proof}
 */
export function proof(credentials) {
  if (typeof credentials === "string") return { secret: credentials, isToken: false };
  const { password, oauthToken } = /** @type {any} */ (credentials ?? {});
  if (oauthToken === undefined) return { secret: string(password, "The password"), isToken: false };
  return { secret: string(oauthToken, "The token"), isToken: true };
}

/** @param {unknown} signal */
export function abortSignal(signal) {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal must be an AbortSignal.");
}

/** A message number. @param {unknown} n */
export function messageNumber(n) {
  return whole(n, 1, "A message number");
}

/** A count of lines. @param {unknown} n */
export function lineCount(n) {
  return whole(n, 0, "The number of lines");
}

/** A message's id as the table has it; 0, which names none, for what can be no id of ours. @param {unknown} id */
export function rowId(id) {
  return /^\d{1,10}$/.test(string(id, "id")) && Number(id) <= MOST ? Number(id) : 0;
}

/** @param {unknown} text @param {string} what */
export function string(text, what) {
  if (typeof text !== "string") throw invalid(`${what} must be a string.`);
  return text;
}

/** @param {unknown} n @param {number} least @param {string} what */
export function whole(n, least, what) {
  if (typeof n !== "number" || !Number.isInteger(n) || n < least || n > MOST) {
    throw invalid(`${what} must be a whole number from ${least} on.`);
  }
  return n;
}

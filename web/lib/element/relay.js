import { accounts } from "../mail/accounts.js";
import { problemFrom, relayProblem } from "./problem.js";

/**
 * Where the relay is and what it offers. And what is kept here of that.
 *
 * @typedef {{ name: string, label: string }} Upstream
 * @typedef {{ base: URL, upstream: string | null }} RelayAddress
 */

/** Path of a tunnel: `/pop3/NAME`, below whatever path the relay is mounted at. */
const TUNNEL = /^(.*\/)pop3\/([a-z0-9-]{1,32})\/?$/;

/**
 * Reads the `relay` attribute, which is either a relay (`https://relay.example`) or one tunnel of it
 * (`wss://relay.example/pop3/NAME`; then there is no choice of mail server).
 * @param {string} relay @param {string | URL} base what a relative address is relative to @returns {RelayAddress}
 * @throws {TypeError} if it is no URL
 */
export function relayAddress(relay, base) {
  const url = new URL(relay, base);
  url.protocol = url.protocol === "wss:" || url.protocol === "https:" ? "https:" : "http:";
  url.search = "";
  url.hash = "";
  const tunnel = TUNNEL.exec(url.pathname);
  if (tunnel?.[1] && tunnel[2]) {
    url.pathname = tunnel[1];
    return { base: url, upstream: tunnel[2] };
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { base: url, upstream: null };
}

/** The WebSocket address of one upstream. @param {RelayAddress} address @param {string} name */
export function tunnelUrl(address, name) {
  const url = new URL(`pop3/${name}`, address.base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Asks the relay which mail servers it serves.
 * @param {RelayAddress} address @param {AbortSignal} signal @returns {Promise<Upstream[]>}
 * @throws with the fields of a MailError where the relay gives no answer that this page may read
 */
export async function fetchUpstreams(address, signal) {
  const response = await fetch(new URL("relay.json", address.base), { signal, credentials: "omit", cache: "no-store" }).catch(async (cause) => {
    if (signal.aborted) throw cause;
    throw Object.assign(new Error("the relay gave no answer that this page may read", { cause }), await whyNot(address, signal));
  });
  if (!response.ok) throw new TypeError("relay.json was refused");
  const { upstreams } = await response.json();
  /** @type {Upstream[]} */
  const known = upstreams.map((/** @type {Partial<Upstream>} */ one) => ({ name: String(one.name), label: String(one.label || one.name) }));
  if (address.upstream === null) return known;
  const fixed = known.find((one) => one.name === address.upstream);
  return [fixed ?? { name: address.upstream, label: address.upstream }];
}

/** Mail servers by the address of their relay, as it called them when somebody signed in to one of them and kept mail here. */
const OFFERED = "poplar:relays";

/**
 * Remembers a mail server whose mail is kept here, for a visit on which the relay gives no answer. What a relay tells everybody is nobody's
 * secret.
 * @param {RelayAddress} address @param {Upstream} upstream
 */
export function rememberUpstream(address, { name, label }) {
  const others = rememberedUpstreams(address).filter((one) => one.name !== name);
  try {
    localStorage.setItem(OFFERED, JSON.stringify({ ...remembered(), [address.base.href]: [...others, { name, label }] }));
  } catch {
    // No storage, no mail in it either.
  }
}

/** @param {RelayAddress} address @returns {Upstream[]} */
export function rememberedUpstreams({ base, upstream }) {
  const known = remembered()[base.href];
  const named = (Array.isArray(known) ? known : []).map(({ name, label }) => ({ name: String(name), label: String(label) }));
  return named.filter(({ name }) => upstream === null || name === upstream);
}

/** @returns {Record<string, unknown>} */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(OFFERED) ?? "{}") ?? {};
  } catch {
    return {}; // none, or nothing that was written here
  }
}

/** Codes that a relay closes a tunnel with before it looks at anything else, as in `relay/wire`. */
const REFUSALS = new Map([
  [4403, { code: "origin-refused", retryable: false }],
  [4503, { code: "relay-draining", retryable: true }],
]);

/**
 * A browser does not tell a page whether another origin's answer was missing or only not for it; but a WebSocket is told by the relay
 * itself. What is asked for is no name, so that no mail server is dialled for it.
 * @param {RelayAddress} address @param {AbortSignal} signal @returns {Promise<import("./problem.js").Problem>}
 */
function whyNot(address, signal) {
  return new Promise((resolve) => {
    try {
      const socket = new WebSocket(tunnelUrl(address, "_"), "poplar.pop3.v1");
      signal.addEventListener("abort", () => socket.close());
      socket.onclose = ({ code, reason }) => {
        const refusal = REFUSALS.get(code);
        resolve(refusal ? problemFrom({ ...refusal, phase: "relay", retryAfterMs: null, serverText: reason }, "sync") : relayProblem());
      };
    } catch {
      resolve(relayProblem()); // a page's own policy, or that of the browser
    }
  });
}

/**
 * Finds the upstream that an account kept on this computer belongs to: the relay's own address may have changed since.
 * @param {string} relay the tunnel address the account was opened with @param {readonly Upstream[]} upstreams
 * @returns {Upstream | undefined}
 */
export function upstreamOf(relay, upstreams) {
  const name = TUNNEL.exec(new URL(relay, "ws://relay.invalid").pathname)?.[2];
  return upstreams.find((one) => one.name === name);
}

/**
 * The accounts whose mail is on this computer, of those servers that the relay offers.
 * @param {readonly Upstream[]} upstreams @returns {Promise<import("./sign-in.js").Kept[]>}
 */
export async function keptHere(upstreams) {
  try {
    // One whose name is hidden is found by whoever types it.
    return (await accounts({ worker: true })).flatMap(({ relay, user, hidden, messages, stored }) => {
      if (hidden) return [];
      const upstream = upstreamOf(relay, upstreams);
      return upstream ? [{ user, upstream, messages, stored }] : [];
    });
  } catch {
    return []; // no storage in this browser or window: signing in says so, and can do without
  }
}

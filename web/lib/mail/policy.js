/** The policy of an account: what callers see of it, and the octets it is kept as, whose layout is `wasm/src/sync/policy.rs`. */
import { invalid } from "./errors.js";
import { whole } from "./options.js";

/** @typedef {import("../../types/poplar-mail.js").Policy} Policy */

/** The words, in the order of their numbers. */
const RETRIEVE = ["none", "headers", "all", "under"];
const ORDER = ["newest", "oldest"];
const LEAVE = ["everything", "until-deleted", "days", "nothing"];

const VERSION = 1;
const OCTETS = 20;

/** The longest interval: a week. A timer of a browser holds 24 days (2^31 ms). */
const MOST_MINUTES = 7 * 24 * 60;

/** @param {Uint8Array} kept @returns {Policy} */
export function fromBytes(kept) {
  const view = new DataView(kept.buffer, kept.byteOffset, kept.byteLength);
  const [retrieve, leave] = [RETRIEVE[view.getUint8(1)], LEAVE[view.getUint8(3)]];
  return /** @type {Policy} */ ({
    retrieve: retrieve === "under" ? { under: Number(view.getBigUint64(4, true)) } : retrieve,
    order: ORDER[view.getUint8(2)],
    leave: leave === "days" ? { days: view.getUint32(12, true) } : leave,
    everyMinutes: view.getUint32(16, true),
  });
}

/** @param {Policy} policy @param {Partial<Policy>} change @returns {Uint8Array} the policy with this change, as it is kept */
export function withChange(policy, change) {
  if (!change || typeof change !== "object") throw invalid("A policy is an object of what is to change.");
  const { retrieve, order, leave, everyMinutes, ...rest } = { ...policy, ...change };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A policy has no "${unknown}".`);

  const [way, under] = choice(retrieve, RETRIEVE, "under", "retrieve", '"none", "headers", "all" or { under: octets }');
  const [left, days] = choice(leave, LEAVE, "days", "leave", '"everything", "until-deleted", { days } or "nothing"');
  if (!ORDER.includes(order)) throw invalid('order must be "newest" or "oldest".');
  if (whole(everyMinutes, 0, "everyMinutes") > MOST_MINUTES) throw invalid(`everyMinutes must be at most ${MOST_MINUTES}, a week.`);

  const view = new DataView(new ArrayBuffer(OCTETS));
  for (const [at, value] of [VERSION, way, ORDER.indexOf(order), left].entries()) view.setUint8(at, value);
  view.setBigUint64(4, BigInt(under), true);
  view.setUint32(12, days, true);
  view.setUint32(16, everyMinutes, true);
  return new Uint8Array(view.buffer);
}

/**
 * One of the words, or an object with a number: the number of the word, and that number.
 * @param {any} given @param {string[]} words @param {string} numbered @param {string} what @param {string} choices
 * @returns {[number, number]}
 */
function choice(given, words, numbered, what, choices) {
  if (typeof given === "string" && given !== numbered && words.includes(given)) return [words.indexOf(given), 0];
  if (typeof given !== "object" || given === null || !(numbered in given)) throw invalid(`${what} must be ${choices}.`);
  return [words.indexOf(numbered), whole(given[numbered], 1, numbered)];
}

/** The policy of an account: what callers see of it, and the six numbers the wasm keeps. */
import { invalid } from "./errors.js";
import { whole } from "./options.js";

/** @typedef {import("../../types/poplar-mail.js").Policy} Policy */
/** `retrieve`, octets, `order`, `leave`, days, minutes. @typedef {[number, number, number, number, number, number]} Numbers */

const RETRIEVE = ["none", "headers", "all"];
const ORDER = ["newest", "oldest"];
const LEAVE = ["everything", "until-deleted", "days", "nothing"];

/** The longest interval: a week. A timer of a browser holds 24 days (2^31 ms). */
const MOST_MINUTES = 7 * 24 * 60;

/** @param {Numbers} numbers @returns {Policy} */
export function fromNumbers([retrieve, under, order, leave, days, everyMinutes]) {
  return /** @type {Policy} */ ({
    retrieve: under > 0 ? { under } : RETRIEVE[retrieve],
    order: ORDER[order],
    leave: LEAVE[leave] === "days" ? { days } : LEAVE[leave],
    everyMinutes,
  });
}

/** @param {Policy} policy @param {Partial<Policy> | undefined} change @returns {Numbers} what the policy is with this change */
export function withChange(policy, change) {
  if (!change || typeof change !== "object") throw invalid("A policy is an object of what is to change.");
  const { retrieve, order, leave, everyMinutes, ...rest } = { ...policy, ...change };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A policy has no "${unknown}".`);

  const [way, under] = choice(retrieve, RETRIEVE, "under", "retrieve", '"none", "headers", "all" or { under: octets }');
  const [left, days] = choice(leave, LEAVE, "days", "leave", '"everything", "until-deleted", { days } or "nothing"');
  if (!ORDER.includes(order)) throw invalid('order must be "newest" or "oldest".');
  if (whole(everyMinutes, 0, "everyMinutes") > MOST_MINUTES) throw invalid(`everyMinutes must be at most ${MOST_MINUTES}, a week.`);
  return [
    under > 0 ? RETRIEVE.indexOf("all") : RETRIEVE.indexOf(way),
    under,
    ORDER.indexOf(order),
    days > 0 ? LEAVE.indexOf("days") : LEAVE.indexOf(left),
    days,
    everyMinutes,
  ];
}

/**
 * One of the words, or an object with a number.
 * @param {any} given @param {string[]} words @param {string} numbered @param {string} what @param {string} choices
 * @returns {[string, number]}
 */
function choice(given, words, numbered, what, choices) {
  if (typeof given === "string" && given !== numbered && words.includes(given)) return [given, 0];
  if (typeof given !== "object" || given === null || !(numbered in given)) throw invalid(`${what} must be ${choices}.`);
  return ["", whole(given[numbered], 1, numbered)];
}

/**
 * What the browser says of what is kept, and a note of how much that was. The note lies apart from the mail, so that it tells of a
 * database that is gone; where there is no `localStorage`, nothing is noticed and nothing is worse.
 */
import { databaseName } from "./host.js";

/** Name of an account's database → `{ stored, at }`: how many messages were stored here, and when that was so. It tells nobody's name. */
const KEPT = "poplar:kept";

/** How many messages were stored for this account when last seen. @param {string} account @returns {Promise<number>} */
export async function storedBefore(account) {
  const all = notes();
  // The version before noted them by the account's own name.
  const stored = (all[await databaseName(account)] ?? all[account])?.stored;
  return Number.isSafeInteger(stored) ? stored : 0;
}

/** @param {string} account @param {number} stored */
export async function noteStored(account, stored) {
  const name = await databaseName(account);
  write({ ...others(account, name), [name]: { stored, at: new Date().toISOString() } });
}

/** @param {string} account */
export async function forgetStored(account) {
  write(others(account, await databaseName(account)));
}

/** The notes of other accounts. @param {string} account @param {string} name */
function others(account, name) {
  const { [account]: _, [name]: __, ...others } = notes();
  return others;
}

/** Whether the database of this account is there: it can be removed under a page that is open. @param {string} account */
export async function hasDatabase(account) {
  const ours = await databaseName(account);
  return (await indexedDB.databases()).some(({ name }) => name === ours);
}

/** Whether this page has asked: once is enough, and some browsers ask the person. */
let asked = false;

/** Asks that the browser does not clear this origin away by itself. It may refuse, and no session depends on it. */
export async function askToPersist() {
  if (asked) return;
  asked = true;
  try {
    if (!(await navigator.storage.persisted())) await navigator.storage.persist();
  } catch {
    // not a secure context, or an origin without storage
  }
}

/** @returns {Promise<{ persisted: boolean, usage: number | null, quota: number | null }>} */
export async function storage() {
  const { storage } = globalThis.navigator;
  const [persisted, estimate] = await Promise.all([
    storage?.persisted?.().catch(() => false),
    storage?.estimate?.().catch(() => undefined),
  ]);
  return { persisted: persisted ?? false, usage: estimate?.usage ?? null, quota: estimate?.quota ?? null };
}

/** @returns {Record<string, { stored: number, at: string }>} */
function notes() {
  try {
    const notes = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return notes && typeof notes === "object" ? notes : {};
  } catch {
    return {};
  }
}

/** @param {object} notes */
function write(notes) {
  try {
    if (Object.keys(notes).length > 0) localStorage.setItem(KEPT, JSON.stringify(notes));
    else localStorage.removeItem(KEPT);
  } catch {
    // none, or full
  }
}

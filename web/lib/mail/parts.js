/** What comes only when it is wanted, and then may not come. */
import { MailError, ours } from "./errors.js";

/**
 * A part of the library, or several. Rejects with a MailError where it does not come.
 * @template T @param {Promise<T>} modules @returns {Promise<T>}
 */
export async function part(modules) {
  try {
    return await modules;
  } catch {
    throw (await replaced()) ?? unreachable();
  }
}

/**
 * The error that says so, where another version of this library has taken the place of this one since it was loaded: the relay has each
 * in a folder of its own, and has never more than one.
 * @returns {Promise<MailError | null>}
 */
export async function replaced() {
  try {
    // Past the cache, which has this file for a year.
    const { status } = await fetch(import.meta.url, { method: "HEAD", cache: "no-store", credentials: "omit" });
    return status === 404 ? updated() : null;
  } catch {
    return null; // nobody there who could say
  }
}

function updated() {
  return ours("updated", "internal", "Poplar was updated since this page was loaded, and the rest of this version is gone. Load the page again: no mail is lost.");
}

function unreachable() {
  const message = "A part of the mail client could not be loaded: what serves it does not answer. No mail is lost: try again.";
  return new MailError({ code: "relay-unreachable", phase: "relay", retryable: true, retryAfterMs: null, serverText: "", message });
}

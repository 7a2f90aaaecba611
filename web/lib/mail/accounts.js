/** What is kept in this browser, apart from the mailbox itself: a first visit lists it, and opens none. */
import { caller } from "./remote.js";

/** What the name of every database begins with: `PREFIX` in `wasm/src/store/idb.rs`. */
const PREFIX = "poplar:";

/**
 * `Mailbox.accounts()`.
 * @param {{ worker?: boolean }} [options]
 * @returns {Promise<{ account: string, relay: string, user: string, messages: number, stored: number }[]>}
 */
export async function accounts(options = {}) {
  if (!(await mayBeSome())) return [];
  const run = await caller(options);
  return run((client) => client.MailboxCore.accounts());
}

/** Has the wasm loaded, and its worker running, for whoever opens a mailbox next. */
export async function warmUp() {
  await Promise.all([caller({ worker: true }), import("../poplar-mail.js")]);
}

/** Whether it is worth loading the wasm to look: where there is no database, there is no account. */
async function mayBeSome() {
  try {
    const databases = await indexedDB.databases();
    return databases.some(({ name }) => name?.startsWith(PREFIX));
  } catch {
    return true; // a browser that does not list them, or has none: the store says which
  }
}

/** What is kept in this browser, apart from the mailbox itself: a first visit lists it, and opens none. */
import { caller, handBack, warmUp as warmUpWorker } from "./remote.js";

/** What the name of every database begins with: `PREFIX` in `wasm/src/store/idb.rs`, and in its `unsealed.rs`. */
const PREFIXES = ["poplar/", "poplar:"];

/**
 * `Mailbox.accounts()`.
 * @param {{ worker?: boolean }} [options]
 * @returns {Promise<{ account: string, relay: string, user: string, hidden?: true, messages: number, stored: number }[]>}
 */
export async function accounts(options = {}) {
  if (!(await mayBeSome())) return [];
  const runner = await caller(options);
  try {
    return await runner.run((client) => client.MailboxCore.accounts());
  } finally {
    handBack(runner);
  }
}

/** Has the wasm loaded, and its worker running, for whoever opens a mailbox next. */
export async function warmUp() {
  await Promise.all([warmUpWorker(), import("../poplar-mail.js")]);
}

/** Whether it is worth loading the wasm to look: where there is no database, there is no account. */
async function mayBeSome() {
  try {
    const databases = await indexedDB.databases();
    return databases.some(({ name }) => PREFIXES.some((prefix) => name?.startsWith(prefix)));
  } catch {
    return true; // a browser that does not list them, or has none: the store says which
  }
}

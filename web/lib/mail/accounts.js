/** What is kept in this browser, apart from the mailbox itself: a first visit lists it, and opens none. */
import { caller } from "./remote.js";

/**
 * `Mailbox.accounts()`.
 * @param {{ worker?: boolean }} [options]
 * @returns {Promise<{ account: string, relay: string, user: string, messages: number, stored: number }[]>}
 */
export async function accounts(options = {}) {
  const run = await caller(options);
  return run((client) => client.MailboxCore.accounts());
}

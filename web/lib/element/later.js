import { warmUp } from "../mail/accounts.js";
import { part } from "../mail/parts.js";

/** What a first visit does not load: the card alone has to be there at once. */

/** What is behind the sign-in card, most of the library included, comes when somebody signs in. */
export const behindTheCard = () => part(Promise.all([import("./session.js"), import("./way-in.js"), import("./desk.js")]));

/** A lock waits for nothing: its card is there before it is wanted, and so is the worker that unlocks, without a network. */
export const beforeALock = () => Promise.allSettled([import("./locked.js"), warmUp()]);

/**
 * Somebody who sees the card is about to sign in: what that needs is fetched meanwhile, where fetching costs nothing. What fails to come
 * early is asked for again when it is needed, and missed then.
 */
export function prepare() {
  if (/** @type {any} */ (navigator).connection?.saveData) return;
  whenIdle(() => void Promise.allSettled([behindTheCard(), warmUp()]));
}

/** Runs something once the browser has nothing better to do; Safari does not say when that is. */
export const whenIdle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 500));

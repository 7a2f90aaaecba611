import { accounts } from "../lib/mail/accounts.js";
import { trustedScript } from "../lib/trusted.js";

/**
 * Has the service worker keep this build, so that the page opens without a network. Only where mail is kept on this computer: there would be
 * nothing to read otherwise, and a shared computer keeps nothing at all.
 * @param {string} build @returns {Promise<boolean>} whether it was asked to
 */
export async function keepShell(build) {
  if ((await accounts({ worker: true })).length === 0) return false;
  const script = /** @type {string} */ (trustedScript(new URL("sw.js", document.baseURI).href));
  // Its own file is asked for past the browser's cache, so that a newer one is seen.
  await navigator.serviceWorker.register(script, { updateViaCache: "none" });
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage({ keep: build });
  return true;
}

/**
 * The one Trusted Types policy, `poplar`, and its only uses: markup into an inert document (`element/html/parse.js`), the finished copy into
 * a frame (`element/html/frame.js`), and the addresses of the library's own worker and of the page's service worker.
 */

/** @type {{ createHTML(html: string): unknown, createScriptURL(url: string): unknown } | null | undefined} */
let policy;

/** `null` where there is no such thing, or where the page does not allow this one: what requires it then refuses what it is given. */
function trusted() {
  if (policy === undefined) {
    const same = (/** @type {string} */ given) => given;
    try {
      policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("poplar", { createHTML: same, createScriptURL: same }) ?? null;
    } catch {
      policy = null;
    }
  }
  return policy;
}

/** @param {string} html @returns {unknown} */
export function trustedMarkup(html) {
  return trusted()?.createHTML(html) ?? html;
}

/** @param {string} url @returns {unknown} */
export function trustedScript(url) {
  return trusted()?.createScriptURL(url) ?? url;
}

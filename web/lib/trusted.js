/**
 * The one Trusted Types policy, `poplar`, and its only uses: markup into an inert document and the finished copy into a frame, both in
 * `element/body.js`, and the addresses of the library's own worker and of the page's service worker.
 */

/** @type {{ createHTML(html: string): unknown, createScriptURL(url: string): unknown } | null | undefined} */
let policy;

function trusted() {
  const same = (/** @type {string} */ given) => given;
  policy ??= /** @type {any} */ (globalThis).trustedTypes?.createPolicy("poplar", { createHTML: same, createScriptURL: same }) ?? null;
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

/**
 * The page is the element with a frame around it. A page hosted away from its relay names the relay in a meta element; otherwise the
 * relay is where the page came from.
 */
const mailbox = document.querySelector("poplar-mailbox");
const meta = document.querySelector('meta[name="poplar-relay"]');
mailbox?.setAttribute("relay", meta?.getAttribute("content") || new URL(".", document.baseURI).href);

// The page is in the language that the element speaks, which goes by the person and not by what the file began with.
const { documentElement } = document;
documentElement.lang = "";
mailbox?.addEventListener("language", (event) => (documentElement.lang = /** @type {CustomEvent} */ (event).detail.language));

import("../lib/poplar-mailbox.js").catch(() => {
  const isSpanish = /^es\b/i.test(navigator.language);
  const sentence = document.createElement("p");
  documentElement.lang = isSpanish ? "es" : "en";
  sentence.className = "plain";
  sentence.setAttribute("role", "alert");
  // The one sentence that is no word of the element, which did not come.
  sentence.textContent = isSpanish
    ? "Esta página no se pudo cargar por completo. No se tocó ningún correo: recargue para intentarlo de nuevo."
    : "This page could not be loaded completely. No mail was touched: reload to try again.";
  mailbox?.replaceChildren(sentence);
});

/**
 * The page is the element with a frame around it. A page hosted away from its relay names the relay in a meta element; otherwise the
 * relay is where the page came from.
 */
const main = document.querySelector("main");
const mailbox = /** @type {import("../poplar-mailbox.js").PoplarMailboxElement | null} */ (document.querySelector("poplar-mailbox"));
const meta = document.querySelector('meta[name="poplar-relay"]');
mailbox?.setAttribute("relay", meta?.getAttribute("content") || new URL(".", document.baseURI).href);

/** Hears an event of whichever mailbox is here; none of them bubbles. */
const hear = (/** @type {string} */ type, /** @type {(event: CustomEvent) => void} */ act) =>
  main?.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event)), { capture: true });

// The page is in the language that the element speaks, which goes by the person and not by what the file began with.
const { documentElement } = document;
documentElement.lang = "";
hear("language", ({ target, detail }) => {
  if (!(/** @type {HTMLElement} */ (target).hidden)) documentElement.lang = detail.language;
});

// How many messages have come since somebody looked: a number, and nothing of what is in them.
let unseen = 0;
const retitle = (/** @type {number} */ n) => (document.title = (unseen = n) > 0 ? `(${n}) Poplar` : "Poplar");
hear("sync-end", ({ detail }) => document.hidden && retitle(unseen + detail.retrieved));
document.addEventListener("visibilitychange", () => document.hidden || retitle(0));

// Somebody who is signed in may have another mailbox as well. Where this does not come, it is asked for with the next change.
let accounts = null;
hear("account-change", ({ detail }) => {
  if (!detail.account || !main || !mailbox) return;
  accounts ??= import("./accounts.js").then(({ Accounts }) => new Accounts(main, mailbox)).catch(() => (accounts = null));
});

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

/** The build that this page is of. A static host has the files at paths where others may take their place: nothing is kept of those. */
const build = /\/v\/([0-9a-f]{16})\/page\/page\.js$/.exec(import.meta.url)?.[1];
if (build && navigator.serviceWorker && navigator.locks) {
  // For as long as this page is open, what is kept of its build stays. The name is that of the cache, in `sw.js`.
  void navigator.locks.request(`poplar-shell/${build}`, { mode: "shared" }, () => new Promise(() => {}));
  // A first visit keeps nothing: only somebody who has mail here may want to read it without a network.
  const whenIdle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 500));
  const keep = () => whenIdle(() => void import("./offline.js").then(({ keepShell }) => keepShell(build)).then(asked, () => {}));
  // What fails is tried again: nobody has asked for it, so nobody is told.
  const asked = (/** @type {boolean} */ wasAsked) => wasAsked && mailbox?.removeEventListener("sync-end", keep);
  mailbox?.addEventListener("sync-end", keep);
  if (navigator.serviceWorker.controller) keep();
}

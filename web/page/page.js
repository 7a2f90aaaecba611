/**
 * The page is the element with a frame around it. A page hosted away from its relay names the relay in a meta element; otherwise the
 * relay is where the page came from.
 */
const mailbox = document.querySelector("poplar-mailbox");
const meta = document.querySelector('meta[name="poplar-relay"]');
mailbox?.setAttribute("relay", meta?.getAttribute("content") || new URL(".", document.baseURI).href);

import("../lib/poplar-mailbox.js").catch(() => {
  const sentence = document.createElement("p");
  sentence.className = "plain";
  sentence.setAttribute("role", "alert");
  sentence.textContent = "This page could not be loaded completely. No mail was touched: reload to try again.";
  mailbox?.replaceChildren(sentence);
});

import { trustedMarkup } from "../../trusted.js";
import { localName, parentNode } from "./tree.js";

/**
 * A message's markup as a tree, in a document without a window: nothing in it loads, runs or applies.
 *
 * The tree is not a part of its document either: there the message's style sheets would be checked against this page's policy, and
 * reported. So the parser is given an element to fill, which is then taken out of the document while the parser goes on filling it.
 *
 * @typedef {{ root: HTMLElement, body: HTMLElement, content: Element }} Parsed the attributes of its `html` and `body`, and what is in it
 */

/** Of a tree that can still be shown: the largest newsletters that were met have a tenth of it. */
const MOST_NODES = 400_000;
/**
 * How deep it may be: browsers stop at 512, and a hundred answers that quote each other stay below this. A parser looks through what is open
 * at every tag, so that without a bound a small message could make work without an end.
 */
const MOST_DEPTH = 400;
/**
 * Of formatting, which is opened anew in every paragraph as long as nobody closes it (HTML §13.2.4.3), and compared with all that is open
 * each time. What is opened last lies within all the others, so that it tells how many they are: a mail has three or four, and Chromium takes
 * 20 ms for a paragraph in 400.
 */
const MOST_FORMATTING = 64;
const FORMATTING = new Set("a b big code em font i nobr s small strike strong tt u".split(" "));
/** What the parser is given at a time, so that what comes of it is looked at before there is more. */
const PIECE_TAGS = 64;
const PIECE_CHARACTERS = 65_536;

/** More than can be shown, or made to look like more. */
export class TooIntricate extends Error {}

/** @param {string} html @param {import("../slices.js").Slices} slices @returns {Promise<Parsed>} */
export async function parse(html, slices) {
  const inert = document.implementation.createHTMLDocument("");
  const write = (/** @type {string} */ markup) => inert.write(/** @type {string} */ (trustedMarkup(markup)));
  inert.open();
  // No message can close an element whose name it does not know; and behind a body, none can replace it by a frameset.
  write(`<!doctype html><html><head></head><body><m-${crypto.getRandomValues(new Uint32Array(4)).join("-")}>`);
  const content = inert.body.lastElementChild;
  if (!content) throw new TooIntricate();
  inert.createDocumentFragment().append(content);

  const made = new MutationObserver(() => {});
  made.observe(content, { childList: true, subtree: true });
  let nodes = 0;
  for (const piece of pieces(html)) {
    write(piece);
    /** @type {Node | undefined} */
    let last;
    for (const { target, addedNodes } of made.takeRecords()) {
      nodes += addedNodes.length;
      if (nodes > MOST_NODES || (target !== last && isTooDeep(target))) throw new TooIntricate();
      last = target;
    }
    if (slices.due) await slices.rest();
  }
  inert.close();
  made.disconnect();
  return { root: inert.documentElement, body: inert.body, content };
}

/** @param {Node} node */
function isTooDeep(node) {
  let depth = 0;
  let formatting = 0;
  for (let at = /** @type {Node | null} */ (node); at instanceof Element; at = parentNode(at)) {
    depth += 1;
    if (FORMATTING.has(localName(at))) formatting += 1;
  }
  return depth > MOST_DEPTH || formatting > MOST_FORMATTING;
}

/** @param {string} html */
function* pieces(html) {
  for (let start = 0; start < html.length; ) {
    let end = start;
    for (let tags = 0; tags < PIECE_TAGS && end < start + PIECE_CHARACTERS; tags += 1) {
      const next = html.indexOf("<", end + 1);
      end = next < 0 ? html.length : next;
    }
    end = Math.min(end, start + PIECE_CHARACTERS);
    yield html.slice(start, end);
    start = end;
  }
}

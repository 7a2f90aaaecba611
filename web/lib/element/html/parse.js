import { trustedMarkup } from "../../trusted.js";

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
 * Formatting that was left open is opened anew by the parser in every paragraph that follows (HTML §13.2.4.3), so that each tag of a
 * small message could make as many elements as there were tags before it. So many may come of one piece of markup.
 */
const PIECE_NODES = 50_000;
/** Of one piece: more gain nothing, and a picture in the text is no reason to hold the page up. */
const PIECE_TAGS = 256;
const PIECE_CHARACTERS = 65_536;
/** The elements that are opened anew, wherever they stand in the source: what is in a comment only makes the pieces smaller. */
const FORMATTING = /<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>]/iy;

/** More than can be shown, or made to look like more. */
export class TooIntricate extends Error {}

/** @param {string} html @param {import("./slices.js").Slices} slices @returns {Promise<Parsed>} */
export async function parse(html, slices) {
  const inert = document.implementation.createHTMLDocument("");
  const write = (/** @type {string} */ markup) => inert.write(/** @type {string} */ (trustedMarkup(markup)));
  inert.open();
  // No message can close an element whose name it does not know; and behind a body, none can replace it by a frameset.
  write(`<!doctype html><html><head></head><body><m-${crypto.randomUUID()}>`);
  const content = inert.body.lastElementChild;
  if (!content) throw new TooIntricate();
  inert.createDocumentFragment().append(content);

  const made = new MutationObserver(() => {});
  made.observe(content, { childList: true, subtree: true });
  let nodes = 0;
  for (const piece of pieces(html, () => nodes)) {
    write(piece);
    for (const { addedNodes } of made.takeRecords()) nodes += addedNodes.length;
    if (nodes > MOST_NODES) throw new TooIntricate();
    if (slices.due) await slices.rest();
  }
  inert.close();
  made.disconnect();
  return { root: inert.documentElement, body: inert.body, content };
}

/** Cuts the source where it may grow too fast. @param {string} html @param {() => number} nodes that there are by now */
function* pieces(html, nodes) {
  let formatting = 0;
  let start = 0;
  while (start < html.length) {
    // Each of the elements that could be opened anew is one of those that are there.
    const most = () => Math.min(PIECE_TAGS, PIECE_NODES / Math.max(1, Math.min(formatting, nodes() + PIECE_TAGS)));
    let end = start;
    for (let tags = 0; tags < most() && end - start < PIECE_CHARACTERS; tags += 1) {
      FORMATTING.lastIndex = end;
      if (FORMATTING.test(html)) formatting += 1;
      const next = html.indexOf("<", end + 1);
      end = next < 0 ? html.length : next;
      if (next < 0) break;
    }
    if (end - start > PIECE_CHARACTERS) end = start + PIECE_CHARACTERS;
    yield html.slice(start, end);
    start = end;
  }
}

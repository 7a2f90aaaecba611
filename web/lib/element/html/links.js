import { LINKS } from "./allowed.js";

/** Characters of a link's words that are compared with where it leads: an address is shorter. */
const COMPARED = 300;
/** What reads as an address: with its scheme, or as a host name of at least two labels. */
const ADDRESS = /^(?:https?:\/\/)?(?:[^\s/@]*@)?((?:[\p{L}\p{N}-]+\.)+\p{L}[\p{L}\p{N}-]+)(?::\d+)?(?:[/?#]\S*)?$/u;
/** Names of files, which read like names of hosts. */
const FILE = /^[^/]*\.(?:csv|docx?|gif|html?|ics|jpe?g|pdf|png|pptx?|txt|xlsx?|xml|zip)$/i;

/** Where a link leads, if it may. @param {string | null} address */
export function linkTarget(address) {
  const url = parseUrl(address ?? "");
  return url && LINKS.has(url.protocol) ? url : null;
}

/** Its address with the scheme that a message may leave out; a message has no address that others could be relative to. @param {string} address */
export function parseUrl(address) {
  const trimmed = address.trim();
  try {
    return new URL(trimmed.startsWith("//") ? `https:${trimmed}` : trimmed);
  } catch {
    return null;
  }
}

/**
 * The host that a link leads to, where its words name another one, or where the address itself only begins as if it led there.
 * @param {Element} link @param {URL} target @returns {string | null}
 */
export function otherHost(link, target) {
  if (target.protocol !== "http:" && target.protocol !== "https:") return null;
  if (target.username) return target.host;
  const words = firstWords(link);
  const [, named] = FILE.test(words) ? [] : (ADDRESS.exec(words) ?? []);
  if (!named) return null;
  const said = bare(parseUrl(`https://${named}`)?.hostname ?? named);
  const real = bare(target.hostname);
  return real === said || real.endsWith(`.${said}`) ? null : target.host;
}

/** @param {string} host */
const bare = (host) => host.replace(/^www\./, "");

/** Read no further than is compared: links in links would make that long. @param {Element} link */
function firstWords(link) {
  let words = "";
  const walker = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
  for (let steps = 0; steps < COMPARED && words.length < COMPARED && walker.nextNode(); steps += 1) {
    words += /** @type {Text} */ (walker.currentNode).data;
  }
  return words.length < COMPARED ? words.trim() : "";
}

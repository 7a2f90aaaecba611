import { h } from "./dom.js";
import { Slices } from "./slices.js";

/** An address in plain text. Trailing punctuation belongs to the sentence and not to the address. */
const TEXT_ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]}]/g;
/** Lines of one element: those of a long text that are out of sight need not be laid out. The style sheet says how tall that many are. */
const PART_LINES = 200;

/**
 * Plain text as it was written: line ends kept, long lines wrapped, addresses as links that open without referrer or opener, quoted
 * lines quieter. Each line takes its own direction, so that Hebrew and English may follow one another. A long text is there from its
 * beginning, and the rest of it comes while it can be read.
 * @param {string} text @param {boolean} [whole] all of it is there at once, as paper needs it @returns {HTMLElement}
 */
export function textView(text, whole = false) {
  const view = h("div", { class: "text", "data-testid": "reader-text", dir: "auto" });
  fill(view, text, whole).catch(() => {}); // of what is shown no more
  return view;
}

/** @param {HTMLElement} view @param {string} text @param {boolean} whole */
async function fill(view, text, whole) {
  const slices = new Slices(() => view.isConnected);
  for (const { quoted, lines } of blocks(text)) {
    const name = `${quoted ? "text-quote" : "text-block"}${lines.length === PART_LINES ? " text-part" : ""}`;
    view.append(h(quoted ? "blockquote" : "div", { class: name }, ...linked(lines.join("\n"))));
    if (!whole && slices.due) await slices.rest();
  }
}

/** Runs of lines that are quoted (`>`), and of lines that are not. @param {string} text */
function blocks(text) {
  /** @type {{ quoted: boolean, lines: string[] }[]} */
  const found = [];
  for (const line of text.trimEnd().split(/\r?\n/)) {
    const quoted = line.startsWith(">");
    const last = found.at(-1);
    if (last && last.quoted === quoted && last.lines.length < PART_LINES) last.lines.push(line);
    else found.push({ quoted, lines: [line] });
  }
  return found;
}

/** @param {string} text */
function linked(text) {
  /** @type {(string | Node)[]} */
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(TEXT_ADDRESS)) {
    const [url] = match;
    parts.push(text.slice(end, match.index), h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url));
    end = match.index + url.length;
  }
  parts.push(text.slice(end));
  return parts;
}

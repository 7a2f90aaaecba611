import { h, setText } from "./dom.js";
import { openPage } from "./page-dialog.js";
import { workUi } from "./work-ui.js";

/**
 * The source of a message: its octets as text, never as anything else. It is shown in pieces, since a message may be as large as it likes.
 *
 * UTF-8 where a piece is that; otherwise each octet is shown as Latin-1 has it, so that nothing is lost. What cannot be seen, or would turn the
 * direction of writing, is shown by its name.
 */

/** Octets shown at a time: a second's work for no browser, and more than any header. */
const PIECE = 128 << 10;

/** Controls but for tab and line feed, and what changes how the text around it is read. */
const UNSEEN = /[^\P{Cc}\t\n]|[\u061c\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]/gu;

/**
 * @param {ShadowRoot} root @param {import("./words.js").Ui} plain @param {Blob} source @param {() => void} save
 * @param {AbortSignal} over aborted when nothing of the message may be shown any more
 */
export async function openSource(root, plain, source, save, over) {
  const { t, format } = workUi(plain, root);
  const text = h("pre", { class: "source", dir: "ltr", "data-testid": "source-text" });
  const said = h("p", { class: "page-said", role: "status" });
  const more = h("button", { class: "button", type: "button", "data-testid": "source-more", onclick: () => void draw() }, t("source.more"));
  let shown = 0;
  const draw = async () => {
    // One piece after the other, however often it is pressed.
    more.disabled = true;
    const octets = wholeLines(new Uint8Array(await source.slice(shown, shown + PIECE).arrayBuffer()), shown + PIECE >= source.size);
    if (over.aborted) return;
    shown += octets.length;
    const isEnd = shown >= source.size;
    text.append(h("span", {}, visible(decoded(octets))));
    more.hidden = isEnd;
    more.disabled = false;
    setText(said, isEnd ? t("source.all", { size: format.size(source.size) }) : t("source.shown", { sizes: format.sizes(shown, source.size) }));
  };
  await draw();
  if (over.aborted) return;
  await openPage(root, {
    id: "source",
    title: t("source.title"),
    close: t("work.close"),
    body: [text],
    foot: [said, more, h("button", { class: "button", type: "button", onclick: save }, t("reader.save"))],
  });
}

/** Up to the last line's end, so that no character is cut; all of it where there is none. @param {Uint8Array} octets @param {boolean} isLast */
function wholeLines(octets, isLast) {
  const end = octets.lastIndexOf(10) + 1;
  return isLast || end === 0 ? octets : octets.subarray(0, end);
}

/** @param {Uint8Array} octets */
function decoded(octets) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return new TextDecoder("iso-8859-1").decode(octets);
  }
}

/** @param {string} text */
function visible(text) {
  const named = (/** @type {string} */ character) => {
    const code = /** @type {number} */ (character.codePointAt(0));
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  };
  return text.replaceAll("\r\n", "\n").replace(UNSEEN, named);
}

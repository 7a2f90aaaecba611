import { h, setText } from "./dom.js";
import { openPage } from "./page-dialog.js";
import { workUi } from "./work-ui.js";

/**
 * The source of a message: its octets as text, never as anything else. It is shown in pieces, since a message may be as large as it likes.
 *
 * UTF-8 where it is that; otherwise each octet is shown as Latin-1 has it, so that nothing is lost. What cannot be seen, or would turn the
 * direction of writing, is shown by its name.
 */

/** Octets shown at a time: a second's work for no browser, and more than any header. */
const PIECE = 128 << 10;

/** Controls but for tab and line feed, and what changes how the text around it is read. */
const UNSEEN = /[^\P{Cc}\t\n]|[\u061c\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]/gu;

/** @param {ShadowRoot} root @param {import("./words.js").Ui} plain @param {Blob} source @param {() => void} save */
export async function openSource(root, plain, source, save) {
  const { t, format } = workUi(plain, root);
  const text = h("pre", { class: "source", dir: "ltr", "data-testid": "source-text" });
  const said = h("p", { class: "page-said", role: "status" });
  const more = h("button", { class: "button", type: "button", "data-testid": "source-more", onclick: () => void draw() }, t("source.more"));
  let shown = 0;
  /** @type {TextDecoder | null} */
  let decoder = new TextDecoder("utf-8", { fatal: true });
  const draw = async () => {
    const octets = new Uint8Array(await source.slice(shown, shown + PIECE).arrayBuffer());
    shown += octets.length;
    const isEnd = shown >= source.size;
    text.append(h("span", {}, visible(decoded(octets, isEnd))));
    more.hidden = isEnd;
    setText(said, isEnd ? t("source.all", { size: format.size(source.size) }) : t("source.shown", { sizes: format.sizes(shown, source.size) }));
  };
  /** @param {Uint8Array} octets @param {boolean} isEnd */
  function decoded(octets, isEnd) {
    try {
      if (decoder) return decoder.decode(octets, { stream: !isEnd });
    } catch {
      decoder = null;
    }
    return new TextDecoder("iso-8859-1").decode(octets);
  }
  await draw();
  await openPage(root, {
    id: "source",
    title: t("source.title"),
    close: t("work.close"),
    body: [text],
    foot: [said, more, h("button", { class: "button", type: "button", onclick: save }, t("reader.save"))],
  });
}

/** @param {string} text */
function visible(text) {
  const named = (/** @type {string} */ character) => {
    const code = /** @type {number} */ (character.codePointAt(0));
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  };
  return text.replaceAll("\r\n", "\n").replace(UNSEEN, named);
}

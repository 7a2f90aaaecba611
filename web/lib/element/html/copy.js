import { ATTRIBUTES, COPIED, DROPPED, INLINE_IMAGE, RENAMED, safeStyle } from "./allowed.js";
import { linkTarget, otherHost, parseUrl } from "./links.js";
import { attribute, attributes, firstChild, localName, namespace, nextSibling, styleOf } from "./tree.js";

/**
 * What an allow-list permits, copied out of the inert tree of a message into another document.
 *
 * No string is ever edited: markup is parsed once, walked as a tree, and written once.
 *
 * @typedef {(contentId: string) => Promise<string | null>} InlineImage a `data:` URL for a `cid:` one; the frame cannot load `blob:` URLs
 * @typedef {import("./allowed.js").Style} Style
 * @typedef {{
 *   inlineImage: InlineImage, remote: boolean, styles: boolean, sheets: import("./sheets.js").Sheets,
 *   found: (url: string) => void, slices: import("../slices.js").Slices, t: import("../words.js").Words
 * }} Options remote: whether images from elsewhere are wanted; styles: whether the page allows any; found: hears of each address of an image
 */

/** Characters of inline images, which one attachment can be shown as many times as it is named: twice the largest mail that is usual. */
const MOST_INLINE = 50_000_000;
/** Addresses that are shown in the frame when a link is pointed at; those beyond have them in their titles alone. */
const MOST_TARGETS = 2000;
/** Of an address that is shown: its host and the beginning of its path. */
const TARGET_CHARACTERS = 300;
/** Wider ones are pictures: with the height that belongs to the width they get. Others are spaces and lines. */
const PICTURE_WIDTH = 100;
const TEXT_INPUTS = new Set(["button", "email", "number", "reset", "search", "submit", "tel", "text", "url"]);
const HTML = "http://www.w3.org/1999/xhtml";

const NOTE_STYLE = "color:#7f4d00;background-color:#fdf4e3;font-size:13px;padding:0 4px";
const TARGET_STYLE =
  "position:fixed;inset:auto auto 0 0;margin:0;max-width:90%;padding:4px 8px;border:1px solid #85928f;" +
  "background:#ffffff;color:#17211f;font:13px/1.4 sans-serif;overflow-wrap:anywhere";

/** One walk over one message. */
export class Copy {
  /** Content-Ids that the message shows inline. @type {Set<string>} */
  usedIds = new Set();
  /** Whether it has colours or pictures of its own. */
  coloured = false;
  /** Whether it shows pictures that are in the message itself. */
  hasInline = false;
  #source;
  #target;
  #options;
  /** @type {Promise<void>[]} */
  #pending = [];
  /** @type {Map<string, Promise<string | null>>} */
  #images = new Map();
  #inlined = 0;
  /** Ids of the elements that show where links lead. @type {Map<string, string>} */
  #targets = new Map();

  /** @param {import("./parse.js").Parsed} source @param {Document} target @param {Options} options */
  constructor(source, target, options) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  async run() {
    const { root, body, content } = this.#source;
    const { slices, sheets } = this.#options;
    this.#copyAttributes(root, this.#target.documentElement, []);
    this.#copyAttributes(body, this.#target.body, sheets.body);
    // Not by recursion: how deep a tree may be is the parser's affair.
    /** @type {{ next: Node | null, to: Node, leave?: () => void }[]} */
    const open = [{ next: firstChild(content), to: this.#target.body }];
    for (let place = open.at(-1); place; place = open.at(-1)) {
      const { next, to } = place;
      if (!next) {
        place.leave?.();
        open.pop();
        continue;
      }
      place.next = nextSibling(next);
      if (next instanceof Text) {
        to.appendChild(this.#target.createTextNode(next.data));
      } else if (next instanceof Element) {
        const inside = this.#element(next, to);
        if (inside) open.push({ next: firstChild(next), ...inside });
      }
      if (slices.due) await slices.rest();
    }
    await Promise.all(this.#pending);
    this.#writeTargets();
  }

  /**
   * @param {Element} element @param {Node} to
   * @returns {{ to: Node, leave?: () => void } | null} where its contents go, if anywhere
   */
  #element(element, to) {
    const name = localName(element);
    if (DROPPED.has(name)) return null;
    if (namespace(element) !== HTML) return { to };
    if (name === "img") return this.#image(element, to);
    if (name === "area") return this.#area(element, to);
    if (name === "input") return this.#input(element, to);
    const tag = COPIED.has(name) ? name : RENAMED.get(name);
    if (!tag) return { to };
    const copy = this.#target.createElement(tag);
    this.#copyAttributes(element, copy, this.#options.sheets.of(element));
    to.appendChild(copy);
    if (name !== "a") return { to: copy };
    const url = linkTarget(attribute(element, "href"));
    if (!url) return { to: copy };
    this.#link(copy, url);
    const other = otherHost(element, url);
    return { to: copy, leave: () => other !== null && this.#say(other, to) };
  }

  /** @param {Element} from @param {HTMLElement} to @param {Style[]} declared */
  #copyAttributes(from, to, declared) {
    for (const { name, value } of attributes(from)) {
      if (!ATTRIBUTES.has(name)) continue;
      to.setAttribute(name, value);
      if (name === "bgcolor" || name === "color") this.coloured = true;
    }
    const background = parseUrl(attribute(from, "background") ?? "");
    if (background) {
      this.#options.found(background.href);
      if (this.#options.remote && background.protocol === "https:") to.setAttribute("background", background.href);
    }
    if (!this.#options.styles || !(from instanceof HTMLElement)) return;
    const styles = [...declared, safeStyle(styleOf(from), this.#options.remote, this.#options.found)];
    const text = styles.map(({ normal }) => normal).join("") + styles.map(({ important }) => important).join("");
    if (text) to.setAttribute("style", text);
    if (styles.some(({ coloured }) => coloured)) this.coloured = true;
  }

  /** @param {Element} copy @param {URL} url */
  #link(copy, url) {
    const { t } = this.#options;
    copy.setAttribute("href", url.href);
    copy.setAttribute("target", "_blank");
    copy.setAttribute("rel", "noopener noreferrer");
    copy.setAttribute("title", t("html.link", { url: url.href }));
    // Without a script or a style sheet in the frame, it is the browser that shows it to a pointer and to the keyboard.
    let id = this.#targets.get(url.href);
    if (!id && this.#targets.size < MOST_TARGETS) this.#targets.set(url.href, (id = `target-${this.#targets.size}`));
    if (id) copy.setAttribute("interestfor", id);
  }

  /** Says where a link leads that reads as if it led elsewhere. @param {string} host @param {Node} to */
  #say(host, to) {
    const note = this.#target.createElement("bdi");
    if (this.#options.styles) note.setAttribute("style", NOTE_STYLE);
    note.textContent = this.#options.t("html.link.other", { host });
    to.appendChild(this.#target.createTextNode(" "));
    to.appendChild(note);
  }

  #writeTargets() {
    for (const [url, id] of this.#targets) {
      const shown = this.#target.createElement("div");
      shown.setAttribute("id", id);
      shown.setAttribute("popover", "hint");
      shown.setAttribute("dir", "ltr");
      if (this.#options.styles) shown.setAttribute("style", TARGET_STYLE);
      shown.textContent = url.length > TARGET_CHARACTERS ? `${url.slice(0, TARGET_CHARACTERS)}…` : url;
      this.#target.body.appendChild(shown);
    }
  }

  /** A place of a picture that was a link stays one in words. @param {Element} area @param {Node} to */
  #area(area, to) {
    const url = linkTarget(attribute(area, "href"));
    if (url) {
      const link = this.#target.createElement("a");
      this.#link(link, url);
      link.textContent = attribute(area, "alt")?.trim() || url.host || url.href;
      to.appendChild(link);
      to.appendChild(this.#target.createTextNode(" "));
    }
    return null;
  }

  /** What is written on a button or in a field is text. @param {Element} input @param {Node} to */
  #input(input, to) {
    const kind = attribute(input, "type")?.trim().toLowerCase() || "text";
    const value = attribute(input, "value")?.trim();
    if (value && TEXT_INPUTS.has(kind)) to.appendChild(this.#target.createTextNode(` [${value}] `));
    return null;
  }

  /** @param {Element} from @param {Node} to */
  #image(from, to) {
    const address = attribute(from, "src")?.trim() || firstOf(attribute(from, "srcset"));
    const alt = attribute(from, "alt") ?? "";
    const contentId = /^cid:/i.test(address) ? decode(address.slice(4)) : null;
    const isData = INLINE_IMAGE.test(address);
    if (isData || contentId !== null) this.hasInline = true;
    if (contentId !== null) {
      this.#pending.push(this.#fillIn(this.#picture(from, to), contentId, alt));
      return null;
    }
    const url = isData ? null : parseUrl(address);
    if (url) this.#options.found(url.href);
    if (isData) {
      this.#picture(from, to).setAttribute("src", address);
    } else if (this.#options.remote && url?.protocol === "https:") {
      const image = this.#picture(from, to);
      image.setAttribute("referrerpolicy", "no-referrer");
      image.setAttribute("src", url.href);
    } else {
      this.#copyAttributes(from, this.#target.createElement("img"), []); // what its styles would load is counted as well
      to.appendChild(this.#target.createTextNode(standIn(alt)));
    }
    return null;
  }

  /** @param {Element} from @param {Node} to */
  #picture(from, to) {
    const image = this.#target.createElement("img");
    this.#copyAttributes(from, image, this.#options.sheets.of(from));
    if (this.#options.styles) {
      image.style.setProperty("max-width", "100%");
      if (Number.parseInt(attribute(from, "width") ?? "", 10) > PICTURE_WIDTH) image.style.setProperty("height", "auto");
    }
    this.coloured = true;
    to.appendChild(image);
    return image;
  }

  /** @param {HTMLImageElement} image @param {string} contentId @param {string} alt */
  async #fillIn(image, contentId, alt) {
    const asked = this.#images.get(contentId) ?? this.#options.inlineImage(contentId).catch(() => null);
    this.#images.set(contentId, asked);
    const url = await asked;
    this.#inlined += url?.length ?? 0;
    if (url !== null && INLINE_IMAGE.test(url) && this.#inlined < MOST_INLINE) {
      image.setAttribute("src", url);
      this.usedIds.add(contentId);
    } else {
      image.replaceWith(this.#target.createTextNode(standIn(alt)));
    }
  }
}

/** What an image that is not shown leaves behind. @param {string} alt */
function standIn(alt) {
  return alt.trim() && `[${alt.trim()}]`;
}

/** The first address of a `srcset`. @param {string | null} srcset */
function firstOf(srcset) {
  return srcset?.trim().split(/[\s,]/, 1)[0] ?? "";
}

/** @param {string} contentId */
function decode(contentId) {
  try {
    return decodeURIComponent(contentId);
  } catch {
    return contentId;
  }
}

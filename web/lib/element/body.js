import { h } from "./dom.js";
import { trustedMarkup } from "../trusted.js";

/**
 * How the body of a message is shown.
 *
 * HTML mail, shown without harm: what an allow-list permits is copied out of an inert document into another one, and that goes into a
 * frame with an origin of its own, no scripts, and a policy that loads nothing from anywhere.
 *
 * No string is ever edited: markup is parsed once, walked as a tree, and written once.
 *
 * @typedef {{ frame: HTMLIFrameElement, blocked: number, usedIds: Set<string> }} Framed
 * @typedef {{ root: HTMLElement, body: HTMLElement, content: DocumentFragment }} Parsed
 * @typedef {(contentId: string) => Promise<string | null>} InlineImage a `data:` URL for a `cid:` one; the frame cannot load `blob:` URLs
 */

/** First thing in the document. `img-src data:` is for inline images, which arrive as `data:` URLs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const SANDBOX = "allow-popups allow-popups-to-escape-sandbox";

/** Copied with their contents. What is in none of these sets is unwrapped: the element goes, its text stays. */
const COPIED = new Set(
  (
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em " +
    "figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section " +
    "small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
  ).split(" "),
);
/** Left out with their contents: nothing in them is text that was meant to be read. */
const DROPPED = new Set(
  "applet base embed frame frameset head iframe link meta noembed noframes param script source style template title track".split(" "),
);
/** Old elements whose contents are plain text. */
const PREFORMATTED = new Set(["listing", "plaintext", "xmp"]);

const ATTRIBUTES = new Set(
  (
    "abbr align alt bgcolor border cellpadding cellspacing cite color colspan datetime dir face headers height hspace lang nowrap " +
    "reversed rowspan rules scope size span start summary title type valign value vspace width"
  ).split(" "),
);
const LINKS = new Set(["http:", "https:", "mailto:", "tel:"]);
const HTML_TAG = /<html\b[^>]*>/i;
const BODY_TAG = /<body\b[^>]*>/i;
const INLINE_IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|bmp|avif)[;,]/i;

/**
 * Which of a message's inline styles are kept: what shapes text, tables and boxes. What could load something, lay itself over the
 * message, or move is not.
 */
const KEPT_STYLES = new RegExp(
  String.raw`^(background-color|color|display|direction|unicode-bidi|float|clear|vertical-align|line-height|letter-spacing|` +
    String.raw`font(-\w+)*|text-(align|decoration|indent|transform|wrap-mode)(-\w+)*|white-space(-collapse)?|overflow-wrap|` +
    String.raw`word-(break|spacing|wrap)|(margin|padding)(-\w+)*|border(?!-image)(-\w+)*|((min|max)-)?(width|height)|` +
    String.raw`list-style-(type|position)|table-layout|caption-side|empty-cells)$`,
);
/** Functions that name a resource, in any property; `image-set` takes bare strings. */
const LOADING = /(?:url|image-set|image|cross-fade|element|src|attr|var|env)\s*\(/i;
const STYLE_ADDRESS = /url\(\s*["']?([^"')]*)/gi;
/** An address in plain text. Trailing punctuation belongs to the sentence and not to the address. */
const TEXT_ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]}]/g;

/**
 * @param {string} html decoded, not sanitised @param {InlineImage} inlineImage @param {import("./words.js").Words} t
 * @returns {Promise<Framed>}
 */
export async function frameHtml(html, inlineImage, t) {
  const target = document.implementation.createHTMLDocument("");
  const copy = new Copy(parse(html), target, inlineImage, t);
  await copy.run();
  prepareHead(target);

  const frame = h("iframe", {
    class: "html-frame",
    sandbox: SANDBOX,
    referrerpolicy: "no-referrer",
    title: t("reader.frame"),
    "data-testid": "reader-html",
  });
  frame.srcdoc = /** @type {string} */ (trustedMarkup(`<!doctype html>${target.documentElement.outerHTML}`));
  return { frame, blocked: copy.blocked.size, usedIds: copy.usedIds };
}

/**
 * Plain text as it was written: line ends kept, long lines wrapped, addresses as links that open without referrer or opener, quoted
 * lines quieter. Each line takes its own direction, so that Hebrew and English may follow one another.
 * @param {string} text @returns {HTMLElement}
 */
export function textView(text) {
  const view = h("div", { class: "text", "data-testid": "reader-text", dir: "auto" });
  for (const { quoted, lines } of blocks(text)) {
    view.append(h(quoted ? "blockquote" : "div", { class: quoted ? "text-quote" : "text-block" }, ...linked(lines.join("\n"))));
  }
  return view;
}

/** One walk over one message. */
class Copy {
  /** Addresses of remote images that were left out. @type {Set<string>} */
  blocked = new Set();
  /** Content-Ids that the message shows inline. @type {Set<string>} */
  usedIds = new Set();
  #source;
  #target;
  #inlineImage;
  #t;
  /** @type {Promise<void>[]} */
  #pending = [];

  /** @param {Parsed} source @param {Document} target @param {InlineImage} inlineImage @param {import("./words.js").Words} t */
  constructor(source, target, inlineImage, t) {
    this.#source = source;
    this.#target = target;
    this.#inlineImage = inlineImage;
    this.#t = t;
  }

  async run() {
    const { root, body, content } = this.#source;
    this.#copyAttributes(root, this.#target.documentElement);
    this.#copyAttributes(body, this.#target.body);
    this.#children(content, this.#target.body);
    await Promise.all(this.#pending);
  }

  /** Recursion is safe: every browser's parser bounds the depth of the tree at 512. @param {Node} from @param {Node} to */
  #children(from, to) {
    for (const child of from.childNodes) {
      if (child instanceof Text) to.appendChild(this.#target.createTextNode(child.data));
      else if (child instanceof Element) this.#element(child, to);
    }
  }

  /** @param {Element} element @param {Node} to */
  #element(element, to) {
    const name = element.localName;
    if (DROPPED.has(name)) return;
    if (PREFORMATTED.has(name)) {
      const pre = this.#target.createElement("pre");
      pre.textContent = element.textContent;
      to.appendChild(pre);
    } else if (!COPIED.has(name) || element.namespaceURI !== "http://www.w3.org/1999/xhtml") {
      this.#children(element, to);
    } else if (name === "img") {
      this.#image(element, to);
    } else {
      const copy = this.#target.createElement(name);
      this.#copyAttributes(element, copy);
      if (name === "a") this.#link(element, copy);
      to.appendChild(copy);
      this.#children(element, copy);
    }
  }

  /** @param {Element} from @param {HTMLElement} to */
  #copyAttributes(from, to) {
    for (const { name, value } of from.attributes) {
      if (ATTRIBUTES.has(name)) to.setAttribute(name, value);
    }
    this.#note(from);
    if (from instanceof HTMLElement) safeStyle(from.style, to.style, (url) => this.#block(url));
  }

  /** @param {Element} from @param {HTMLElement} to */
  #link(from, to) {
    const url = parseUrl(from.getAttribute("href") ?? "");
    if (!url || !LINKS.has(url.protocol)) return;
    to.setAttribute("href", url.href);
    to.setAttribute("target", "_blank");
    to.setAttribute("rel", "noopener noreferrer");
    to.setAttribute("title", this.#t("reader.linkTo", { url: url.href }));
  }

  /** @param {Element} from @param {Node} to */
  #image(from, to) {
    const address = from.getAttribute("src")?.trim() ?? "";
    const alt = from.getAttribute("alt") ?? "";
    const isData = INLINE_IMAGE.test(address);
    const contentId = /^cid:/i.test(address) ? decode(address.slice(4)) : null;
    if (!isData && contentId === null) {
      this.#note(from);
      to.appendChild(this.#target.createTextNode(standIn(alt)));
      return;
    }
    const image = this.#target.createElement("img");
    this.#copyAttributes(from, image);
    image.style.setProperty("max-width", "100%");
    to.appendChild(image);
    if (isData) image.setAttribute("src", address);
    else if (contentId !== null) this.#pending.push(this.#fillIn(image, contentId, alt));
  }

  /** @param {HTMLImageElement} image @param {string} contentId @param {string} alt */
  async #fillIn(image, contentId, alt) {
    const url = await this.#inlineImage(contentId);
    if (url !== null && INLINE_IMAGE.test(url)) {
      image.setAttribute("src", url);
      this.usedIds.add(contentId);
    } else {
      image.replaceWith(this.#target.createTextNode(standIn(alt)));
    }
  }

  /** Counts what this element would have loaded from elsewhere. @param {Element} element */
  #note(element) {
    if (element.localName !== "img" && !element.hasAttribute("background")) return;
    for (const name of ["src", "background"]) this.#block(element.getAttribute(name) ?? "");
  }

  /** @param {string} address */
  #block(address) {
    const url = parseUrl(address.trim().startsWith("//") ? `https:${address.trim()}` : address);
    if (url && (url.protocol === "http:" || url.protocol === "https:")) this.blocked.add(url.href);
  }
}

/**
 * Parses into a fragment of a document without a window: nothing in it loads, runs or applies. As a whole document the message's
 * style sheets would be checked against this page's policy, and reported. A fragment has no html and body elements, so their tags are
 * read apart; taking the wrong ones would cost no more than a direction or a background.
 * @param {string} html @returns {Parsed}
 */
function parse(html) {
  const inert = document.implementation.createHTMLDocument("");
  const range = inert.createRange();
  range.selectNodeContents(inert.body);
  const content = range.createContextualFragment(/** @type {string} */ (trustedMarkup(html)));
  const tags = [HTML_TAG, BODY_TAG].map((tag) => tag.exec(html)?.[0] ?? "").join("");
  const { body, documentElement } = new DOMParser().parseFromString(/** @type {string} */ (trustedMarkup(tags)), "text/html");
  return { root: documentElement, body, content };
}

/** @param {Document} target */
function prepareHead(target) {
  const meta = (/** @type {Record<string, string>} */ attributes) => {
    const element = target.createElement("meta");
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  target.head.replaceChildren(
    meta({ "http-equiv": "Content-Security-Policy", content: POLICY }),
    meta({ charset: "utf-8" }),
    meta({ name: "referrer", content: "no-referrer" }),
    meta({ name: "color-scheme", content: "light" }),
    meta({ name: "viewport", content: "width=device-width" }),
  );
  // A style sheet would be refused by the page's own policy, which a srcdoc document inherits; style attributes are not.
  const { style } = target.body;
  const base = { margin: "16px", "font-family": "sans-serif", "font-size": "15px", "line-height": "1.5", "overflow-wrap": "anywhere" };
  for (const [name, value] of Object.entries(base)) if (!style.getPropertyValue(name)) style.setProperty(name, value);
}

/** @param {string} address */
function parseUrl(address) {
  try {
    return new URL(address.trim());
  } catch {
    return null;
  }
}

/** What an image that is not shown leaves behind. @param {string} alt */
function standIn(alt) {
  return alt.trim() && `[${alt.trim()}]`;
}

/** @param {string} contentId */
function decode(contentId) {
  try {
    return decodeURIComponent(contentId);
  } catch {
    return contentId;
  }
}

/**
 * @param {CSSStyleDeclaration} from parsed by the browser, not by us @param {CSSStyleDeclaration} to
 * @param {(url: string) => void} left called with each address that was left out
 */
function safeStyle(from, to, left) {
  for (const name of from) {
    const value = from.getPropertyValue(name);
    if (LOADING.test(value)) for (const match of value.matchAll(STYLE_ADDRESS)) left(match[1] ?? "");
    else if (KEPT_STYLES.test(name)) to.setProperty(name, value, from.getPropertyPriority(name));
  }
}

/** Runs of lines that are quoted (`>`), and of lines that are not. @param {string} text */
function blocks(text) {
  /** @type {{ quoted: boolean, lines: string[] }[]} */
  const found = [];
  for (const line of text.replace(/\s+$/, "").split(/\r?\n/)) {
    const quoted = line.startsWith(">");
    const last = found.at(-1);
    if (last && last.quoted === quoted) last.lines.push(line);
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

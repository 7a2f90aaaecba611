/**
 * What of a message is let through. An element that is in none of these sets is unwrapped: it goes, its text stays.
 *
 * Links, images and the sources of anything are not attributes that are copied: `copy.js` makes them anew.
 */

/** Copied with their contents. */
export const COPIED = new Set(
  (
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em " +
    "figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i ins kbd li main mark nav ol p pre q rp rt ruby s samp section " +
    "small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
  ).split(" "),
);

/** Left out with their contents: nothing in them is text that was meant to be read. */
export const DROPPED = new Set(
  "applet base embed frame frameset head iframe link meta noembed noframes param script source style template title track".split(" "),
);

/** What only looks like these once its own meaning is taken from it: a button that does nothing, a field that cannot be typed in. */
export const RENAMED = new Map(
  Object.entries({
    button: "span",
    dialog: "div",
    fieldset: "div",
    form: "div",
    legend: "div",
    listing: "pre",
    optgroup: "div",
    option: "div",
    plaintext: "pre",
    textarea: "pre",
    xmp: "pre",
  }),
);

export const ATTRIBUTES = new Set(
  (
    "abbr align alt bgcolor border cellpadding cellspacing cite color colspan datetime dir face headers height hspace lang nowrap " +
    "reversed rowspan rules scope size span start summary title type valign value vspace width"
  ).split(" "),
);

/** Where a link may lead. */
export const LINKS = new Set(["http:", "https:", "mailto:", "tel:"]);

/** Pictures that are in the message itself. SVG is not among them: it is a document. */
export const INLINE_IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|bmp|avif)[;,]/i;

/**
 * Which of a message's styles are kept: what shapes text, tables and boxes. What could load something, lay itself over the message, or
 * move is not.
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
/** The one shape in which a background is shown where a person asked for remote images. */
const BACKGROUND = /^url\("(https:[^"\\]*)"\)$/i;

/**
 * @typedef {{ normal: string, important: string, coloured: boolean }} Style declarations that can be written as they are, in the order of
 *   the cascade; and whether they say anything of colours
 * @param {CSSStyleDeclaration} from parsed by the browser, not by us
 * @param {boolean} remote whether backgrounds from elsewhere are wanted
 * @param {(url: string) => void} found called with each address in it
 * @returns {Style}
 */
export function safeStyle(from, remote, found) {
  const style = { normal: "", important: "", coloured: false };
  for (const name of from) {
    const value = from.getPropertyValue(name);
    if (LOADING.test(value)) {
      for (const match of value.matchAll(STYLE_ADDRESS)) found(match[1] ?? "");
      if (!remote || name !== "background-image" || !BACKGROUND.test(value)) continue;
    } else if (!KEPT_STYLES.test(name)) {
      continue;
    }
    if (name === "color" || name.startsWith("background")) style.coloured = true;
    const isImportant = from.getPropertyPriority(name) !== "";
    if (isImportant) style.important += `${name}:${value}!important;`;
    else style.normal += `${name}:${value};`;
  }
  return style;
}

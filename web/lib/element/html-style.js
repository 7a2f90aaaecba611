/**
 * Which of a message's inline styles are kept: what shapes text, tables and boxes. What could load something, lay itself over the
 * message, or move is not.
 */
const KEPT =
  /^(?:background-color|color|font(?:-\w+)*|text-(?:align|decoration|indent|transform)(?:-\w+)*|line-height|letter-spacing|word-(?:break|spacing|wrap)|overflow-wrap|white-space(?:-collapse)?|direction|unicode-bidi|vertical-align|(?:margin|padding)(?:-\w+)*|border(?!-image)(?:-\w+)*|(?:min-|max-)?(?:width|height)|display|float|clear|list-style-(?:type|position)|table-layout|caption-side|empty-cells|text-wrap-mode)$/;
/** Functions that name a resource, in any property; `image-set` takes bare strings. */
const LOADS = /(?:url|image-set|image|cross-fade|element|src|attr|var|env)\s*\(/i;
const ADDRESS = /url\(\s*["']?([^"')]*)/gi;

/**
 * @param {CSSStyleDeclaration} from parsed by the browser, not by us
 * @param {CSSStyleDeclaration} to
 * @param {(url: string) => void} left called with each address that was left out
 */
export function safeStyle(from, to, left) {
  for (const name of from) {
    const value = from.getPropertyValue(name);
    if (LOADS.test(value)) for (const match of value.matchAll(ADDRESS)) left(match[1] ?? "");
    else if (KEPT.test(name)) to.setProperty(name, value, from.getPropertyPriority(name));
  }
}

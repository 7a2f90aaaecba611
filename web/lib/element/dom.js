/**
 * Makes an element. Nothing in this folder turns a string into markup: text goes in as text nodes, so that the element works
 * under a policy that requires Trusted Types.
 *
 * A property whose value is a function is a listener (`onclick`); anything else is an attribute, as in `setAttribute` below. Children are
 * nodes or text; `null` and `false` are skipped.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      setAttribute(element, name, value);
    }
  }
  element.append(...children.filter(isPresent));
  return element;
}

/**
 * Writes an attribute only where it differs, so that repainting what has not changed costs no style work. `null` removes it. A boolean is
 * present or absent in HTML's own attributes, and "true" or "false" in `aria-` and `data-` ones.
 *
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
export function setAttribute(element, name, value) {
  const isWord = name.startsWith("aria-") || name.startsWith("data-");
  if (value === null || value === undefined || (value === false && !isWord)) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true && !isWord ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Shows one of two controls that share a place. The keyboard goes where the visible one is.
 *
 * @param {HTMLElement} shown
 * @param {HTMLElement} hidden
 */
export function swap(shown, hidden) {
  const hadFocus = hidden.matches(":focus");
  setAttribute(shown, "hidden", false);
  setAttribute(hidden, "hidden", true);
  if (hadFocus) shown.focus();
}

/**
 * @param {Element} parent
 * @param {...(Node | string | null | false | undefined)} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.filter(isPresent));
}

/**
 * Offers a blob to the person as a file. It is handed over as plain bytes, so that no browser opens an attachment as a document of
 * this origin.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}

/** A download starts asynchronously and needs its URL until then; browsers give no event for it. */
const REVOKE_AFTER_MS = 30_000;

/**
 * @param {Node | string | null | false | undefined} child
 * @returns {child is Node | string}
 */
function isPresent(child) {
  return child !== null && child !== undefined && child !== false;
}

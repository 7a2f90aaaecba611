/**
 * Reading a message's tree by what the browser itself has: a field in a form takes the place of the form's own property of that name
 * (HTML §4.10.3), so that `form.nextSibling` may be anything that the message wants.
 */

export const firstChild = getter(Node.prototype, "firstChild");
export const nextSibling = getter(Node.prototype, "nextSibling");
export const parentNode = getter(Node.prototype, "parentNode");
export const localName = getter(Element.prototype, "localName");
export const namespace = getter(Element.prototype, "namespaceURI");
export const attributes = getter(Element.prototype, "attributes");
export const idOf = getter(Element.prototype, "id");
export const classesOf = getter(Element.prototype, "classList");
export const styleOf = getter(HTMLElement.prototype, "style");

/** @param {Element} element @param {string} name @returns {string | null} */
export const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);

/** @param {Element} element @param {string} selector */
export const matches = (element, selector) => Element.prototype.matches.call(element, selector);

/**
 * @template {object} Owner @template {keyof Owner} Name @param {Owner} prototype @param {Name} name
 * @returns {(of: Owner) => Owner[Name]}
 */
function getter(prototype, name) {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return (of) => get?.call(of);
}

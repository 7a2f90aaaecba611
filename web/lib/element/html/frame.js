import { h } from "../dom.js";
import { trustedMarkup } from "../../trusted.js";

/**
 * The frame that a message is shown in: an origin of its own, no scripts, and a policy that loads nothing from anywhere, or images alone
 * where a person asked for them.
 */

/** Links open in windows of their own, which are not sandboxed in turn. Nothing else is allowed, scripts and our origin least of all. */
const SANDBOX = "allow-popups allow-popups-to-escape-sandbox";
/** `data:` is for inline images. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src-attr 'unsafe-inline'; img-src data:";
const BASE_STYLE = {
  margin: "16px",
  "font-family": "sans-serif",
  "font-size": "15px",
  "line-height": "1.5",
  "overflow-wrap": "anywhere",
};

/**
 * @param {Document} copied what is to be shown in it
 * @param {{ remote: boolean, styles: boolean, light: boolean, title: string }} options light: whether the message has colours of its own,
 *   which were chosen for a light ground
 */
export function frameFor(copied, { remote, styles, light, title }) {
  prepareHead(copied, remote, light);
  // A style sheet would be refused by the page's own policy, which a srcdoc document inherits; style attributes are not.
  const { style } = copied.body;
  if (styles) for (const [name, value] of Object.entries(BASE_STYLE)) if (!style.getPropertyValue(name)) style.setProperty(name, value);
  const frame = h("iframe", {
    class: "html-frame",
    sandbox: SANDBOX,
    referrerpolicy: "no-referrer",
    title,
    "data-light": light,
    "data-testid": "reader-html",
  });
  frame.srcdoc = /** @type {string} */ (trustedMarkup(`<!doctype html>${copied.documentElement.outerHTML}`));
  return frame;
}

/** @param {Document} copied @param {boolean} remote @param {boolean} light */
function prepareHead(copied, remote, light) {
  const meta = (/** @type {Record<string, string>} */ attributes) => {
    const element = copied.createElement("meta");
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  // The policy is the first thing in the document.
  copied.head.replaceChildren(
    meta({ "http-equiv": "Content-Security-Policy", content: remote ? `${POLICY} https:` : POLICY }),
    meta({ charset: "utf-8" }),
    meta({ name: "referrer", content: "no-referrer" }),
    meta({ name: "color-scheme", content: light ? "light" : "light dark" }),
    meta({ name: "viewport", content: "width=device-width" }),
  );
}

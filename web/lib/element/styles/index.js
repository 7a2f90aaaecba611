import { base } from "./base.js";
import { list } from "./list.js";
import { reader } from "./reader.js";
import { welcome } from "./welcome.js";

/** @type {CSSStyleSheet[] | undefined} */
let sheets;

/**
 * The element's style sheets, made once and shared by all elements of a page. They are adopted and never written into markup: a
 * `<style>` would be refused by a strict content policy.
 */
export function styleSheets() {
  sheets ??= [base, welcome, list, reader].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  return sheets;
}

import { safeStyle } from "./allowed.js";
import { attribute, classesOf, idOf, localName, matches, parentNode } from "./tree.js";

/**
 * A message's own style sheets, inlined: which declarations hold for which element. A sheet in the frame would be refused by the page's
 * policy, which a `srcdoc` document inherits; style attributes are not.
 *
 * Only selectors that mean the same for as long as the message is shown are understood, and what is matched is counted: no sheet makes
 * work that grows faster than itself times what it applies to.
 *
 * @typedef {import("./allowed.js").Style} Style
 * @typedef {{ specificity: number, style: Style, key: string, combinators: number, selector: string }} Rule
 */

/** Characters of style sheets in one message: mail that is made by the largest editors has 100,000. */
const MOST_CSS = 400_000;
/** Elements that a selector is tried on, counting their ancestors where it names any. */
const MOST_STEPS = 10_000_000;
/** Characters of declarations that are given to elements, over all of them. */
const MOST_DECLARED = 8_000_000;
/** Longer selectors were not met, and a selector is tried as a whole. */
const MOST_SELECTOR = 200;

/** Type, class, id, attribute, and what does not change. `~` and `:has()` are not here: they look at all there is. */
const COMPOUND = /^(?=.)(?:\*|[\w-]+)?(?:[.#][\w-]+|\[[\w-]+(?:[$^]?="[^"\\]*")?\]|:(?:link|first-child|last-child))*$/;
const COMBINATOR = /\s*([>+])\s*|\s+/;
/** A message for screens of one width, as far as that can be said once: it is not laid out anew when the window changes. */
const WIDTH = /^(?:only )?(?:(?:all|screen) and )?\((max|min)-width: ?(\d+)px\)$/;
const ANY_SCREEN = /^(?:|(?:only )?(?:all|screen))$/;

/** What a message's style sheets say of its elements. */
export class Sheets {
  /** Of the body as a whole. @type {Style[]} */
  body = [];
  /** @type {Map<Element, Rule[]>} */
  #styles = new Map();
  #steps = 0;
  #declared = 0;
  #width;
  #remote;
  #found;
  #slices;

  /**
   * @param {{ width: number, remote: boolean, found: (url: string) => void, slices: import("../slices.js").Slices }} options width: of the
   *   frame, in CSS pixels
   */
  constructor({ width, remote, found, slices }) {
    this.#width = width;
    this.#remote = remote;
    this.#found = found;
    this.#slices = slices;
  }

  /** @param {Element} content */
  async read(content) {
    const rules = this.#rules(content);
    if (rules.length === 0) return;
    const { elements, depth } = await this.#indexed(content);
    // Sorting keeps the order of the source where two weigh the same.
    for (const rule of rules.sort((a, b) => a.specificity - b.specificity)) {
      const cost = 1 + rule.combinators * depth;
      const length = rule.style.normal.length + rule.style.important.length;
      for (const element of elements.get(rule.key) ?? []) {
        this.#steps += cost;
        if (this.#steps > MOST_STEPS || this.#declared > MOST_DECLARED) return;
        if (matches(element, rule.selector)) {
          this.#declared += length;
          const known = this.#styles.get(element);
          if (known) known.push(rule);
          else this.#styles.set(element, [rule]);
        }
        if (this.#slices.due) await this.#slices.rest();
      }
    }
  }

  /** @param {Element} element @returns {Style[]} the weightiest last */
  of(element) {
    return this.#styles.get(element)?.map(({ style }) => style) ?? [];
  }

  /** @param {Element} content */
  #rules(content) {
    /** @type {Rule[]} */
    const rules = [];
    let left = MOST_CSS;
    for (const element of content.querySelectorAll("style")) {
      const css = element.textContent;
      left -= css.length;
      if (left < 0) break;
      if (!this.#applies(attribute(element, "media") ?? "")) continue;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css); // without what it imports, and applied to nothing
      this.#collect(sheet.cssRules, rules);
    }
    return rules;
  }

  /** @param {CSSRuleList} from @param {Rule[]} rules */
  #collect(from, rules) {
    for (const rule of from) {
      if (rule instanceof CSSMediaRule) {
        if (this.#applies(rule.media.mediaText)) this.#collect(rule.cssRules, rules);
      } else if (rule instanceof CSSStyleRule) {
        const style = safeStyle(rule.style, this.#remote, this.#found);
        if (!style.normal && !style.important) continue;
        for (const selector of rule.selectorText.split(",")) {
          const understood = understand(selector.trim());
          if (understood === "body") this.body.push(style);
          else if (understood) rules.push({ ...understood, style });
        }
      }
    }
  }

  /** @param {string} media */
  #applies(media) {
    return media.split(",").some((one) => {
      const query = one.trim().toLowerCase();
      const [, bound, pixels] = WIDTH.exec(query) ?? [];
      if (bound) return bound === "max" ? this.#width <= Number(pixels) : this.#width >= Number(pixels);
      return ANY_SCREEN.test(query);
    });
  }

  /** Every element by its name, its classes and its id, and how deep the deepest is. @param {Element} content */
  async #indexed(content) {
    /** @type {Map<string, Element[]>} */
    const elements = new Map();
    const add = (/** @type {string} */ key, /** @type {Element} */ element) => {
      const known = elements.get(key);
      if (known) known.push(element);
      else elements.set(key, [element]);
    };
    let deepest = 0;
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_ELEMENT);
    /** @type {Map<Node, number>} */
    const depths = new Map([[content, 0]]);
    for (let element = walker.nextNode(); element instanceof Element; element = walker.nextNode()) {
      const depth = (depths.get(/** @type {Node} */ (parentNode(element))) ?? 0) + 1;
      depths.set(element, depth);
      deepest = Math.max(deepest, depth);
      add("*", element);
      add(localName(element), element);
      const id = idOf(element);
      if (id) add(`#${id}`, element);
      for (const name of classesOf(element)) add(`.${name}`, element);
      if (this.#slices.due) await this.#slices.rest();
    }
    return { elements, depth: deepest };
  }
}

/**
 * @param {string} selector as the browser writes it
 * @returns {Omit<Rule, "style"> | "body" | null} null where it is none of those that are understood
 */
function understand(selector) {
  if (selector.length > MOST_SELECTOR) return null;
  const parts = selector.split(COMBINATOR);
  // Between two compounds there is what joins them. The html and body elements are not in the tree: what is in it is all in them.
  while (parts.length > 1 && /^(?:html|body)$/.test(parts[0] ?? "")) parts.splice(0, 2);
  if (parts.length === 1 && /^(?:html|body|:root)$/.test(parts[0] ?? "")) return "body";
  const compounds = parts.filter((_, at) => at % 2 === 0).map((part) => part ?? "");
  if (!compounds.every((compound) => COMPOUND.test(compound))) return null;
  const last = compounds.at(-1) ?? "";
  const key = /#[\w-]+/.exec(last)?.[0] ?? /\.[\w-]+/.exec(last)?.[0] ?? /^[\w-]+/.exec(last)?.[0]?.toLowerCase() ?? "*";
  const specificity = compounds.reduce((sum, compound) => sum + weigh(compound), 0);
  const joined = parts.map((part, at) => (at % 2 === 0 ? part : (part ?? " "))).join("");
  return { selector: joined, key, specificity, combinators: compounds.length - 1 };
}

/** Selectors §15, with room for a thousand of each kind. @param {string} compound */
function weigh(compound) {
  const bare = compound.replace(/"[^"]*"/g, "");
  const count = (/** @type {RegExp} */ kind) => bare.match(kind)?.length ?? 0;
  return count(/#/g) * 1_000_000 + count(/[.[:]/g) * 1000 + count(/^[\w-]/g);
}

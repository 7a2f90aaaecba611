import en from "./strings/en.js";

/**
 * @typedef {keyof typeof en} Key
 * @typedef {(key: Key | string, params?: Record<string, string | number>) => string} Translate
 * @typedef {Translate & { has(key: string): boolean, locale: string }} Words
 */

/** Languages that are shipped, by primary subtag. A language is one file in `strings/` with the keys of English. */
const LANGUAGES = new Map([["en", en]]);

/**
 * Picks the language: the element's `lang` attribute, then what the browser prefers, then English.
 * The regional form (en-GB, en-US) is kept for dates and numbers.
 *
 * @param {string | null} lang
 * @param {readonly string[]} preferred
 * @returns {Words}
 */
export function wordsFor(lang, preferred) {
  const wished = lang ? [lang, ...preferred] : [...preferred];
  const primary = wished.map(primarySubtag).find((tag) => LANGUAGES.has(tag)) ?? "en";
  const locale = wished.find((tag) => primarySubtag(tag) === primary && tag.includes("-")) ?? primary;
  const table = /** @type {Record<string, string | Record<string, string>>} */ (LANGUAGES.get(primary) ?? en);
  const plural = new Intl.PluralRules(locale);
  const number = new Intl.NumberFormat(locale);

  /** @type {Translate} */
  const translate = (key, params = {}) => {
    const entry = table[key] ?? "";
    const text = typeof entry === "string" ? entry : (entry[plural.select(Number(params.n))] ?? entry.other ?? "");
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = params[name] ?? "";
      return typeof value === "number" ? number.format(value) : value;
    });
  };
  return Object.assign(translate, { has: (/** @type {string} */ key) => Boolean(table[key]), locale });
}

/** @param {string} tag */
function primarySubtag(tag) {
  return tag.toLowerCase().split("-", 1)[0] ?? "";
}

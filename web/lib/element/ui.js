import { formatFor } from "./format.js";
import { wordsFor } from "./words.js";

/**
 * What every view needs to speak: words and formats of one language.
 *
 * @typedef {{ t: import("./words.js").Words, format: import("./format.js").Format }} Ui
 */

/**
 * @param {string | null} lang
 * @returns {Ui}
 */
export function uiFor(lang) {
  const t = wordsFor(lang, navigator.languages);
  return { t, format: formatFor(t) };
}

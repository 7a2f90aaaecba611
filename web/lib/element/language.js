/**
 * Which language is wished for: the `lang` of the element itself; then what somebody has chosen on the card, in this browser; then the
 * language of the page around it; then what the browser prefers.
 */

/** Where the choice is kept. It tells a language, and nobody's name. */
const CHOSEN = "poplar:language";

/** Of this page, also where there is no `localStorage`. @type {string | null} */
let chosen = null;

/** @param {Element} element @returns {string[]} tags, the most wished first */
export function wishedLanguages(element) {
  const around = element.closest("[lang]")?.getAttribute("lang");
  return [element.getAttribute("lang"), chosen ?? kept(), around, ...navigator.languages].filter((tag) => typeof tag === "string" && tag !== "").map(String);
}

/** @param {string} language */
export function chooseLanguage(language) {
  chosen = language;
  try {
    localStorage.setItem(CHOSEN, language);
  } catch {
    // It holds for as long as this page is open.
  }
}

function kept() {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}

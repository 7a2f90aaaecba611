import { adopt } from "./dom.js";
import { SETTINGS } from "./settings-styles.js";
import en from "./strings/en-settings.js";
import { withWords } from "./words.js";

/** What only the settings need, of words and style: neither is part of a first visit. */
const WORDS = new Map([["en", en]]);

/** @param {import("./words.js").Ui} ui @param {ShadowRoot} root where the style is wanted */
export function settingsUi(ui, root) {
  adopt(root, SETTINGS);
  return withWords(ui, WORDS);
}

import { adopt } from "./dom.js";
import en from "./strings/en-work.js";
import { WORK } from "./work-styles.js";
import { withWords } from "./words.js";

/** Words and style of what is opened above the desk now and then: the keys, a message's source, the connection, another account. */
const WORDS = new Map([["en", en]]);

/** @param {import("./words.js").Ui} ui @param {ShadowRoot} root where the style is wanted */
export function workUi(ui, root) {
  adopt(root, WORK);
  return withWords(ui, WORDS);
}

import { isOn } from "./preferences.js";

/**
 * The keys of the desk, in one table: what the desk does, in the order in which the help lists it.
 *
 * A key that is a letter or a sign works alone, so that it can be switched off (WCAG 2.1.4); those that are none always work. None
 * does anything while somebody types, or together with Control, Alt or Command, which belong to the browser.
 *
 * @typedef {"down" | "up" | "open" | "next" | "previous" | "back" | "retrieve" | "unread" | "remove" | "undo" | "save" | "search" | "help"} Act
 * @typedef {Exclude<Act, "open">} Done what the desk does; the list opens the message that the keyboard is on by itself
 */

/** @type {readonly { act: Act, keys: readonly string[] }[]} */
export const SHORTCUTS = [
  { act: "down", keys: ["j", "ArrowDown"] },
  { act: "up", keys: ["k", "ArrowUp"] },
  { act: "open", keys: ["Enter"] },
  { act: "next", keys: ["n"] },
  { act: "previous", keys: ["p"] },
  { act: "back", keys: ["u", "Escape"] },
  { act: "retrieve", keys: ["r"] },
  { act: "unread", keys: ["m"] },
  { act: "remove", keys: ["#", "Delete"] },
  { act: "undo", keys: ["z"] },
  { act: "save", keys: ["s"] },
  { act: "search", keys: ["/"] },
  { act: "help", keys: ["?"] },
];

/** What moves in a list or a text, where that has the keyboard: the list and the browser know how. */
const OF_OTHERS = new Set(["ArrowDown", "ArrowUp", "Enter"]);

/** @type {ReadonlyMap<string, Act>} */
const BY_KEY = new Map(SHORTCUTS.flatMap(({ act, keys }) => keys.map((key) => /** @type {const} */ ([key, act]))));

/** Whether a key stands for a letter or a sign. @param {string} key */
export const isCharacter = (key) => [...key].length === 1;

/** Has the keys do what they are for. @param {HTMLElement} desk @param {Record<Done, () => void>} acts */
export function listenForKeys(desk, acts) {
  // Before anybody else: what is switched off is so in the list as well.
  const hold = (/** @type {KeyboardEvent} */ event) => {
    if (isCharacter(event.key) && BY_KEY.has(event.key) && !isOn("keys") && !isTyping(event)) event.stopPropagation();
  };
  const hear = (/** @type {KeyboardEvent} */ event) => {
    const act = BY_KEY.get(event.key);
    if (!act || act === "open" || OF_OTHERS.has(event.key)) return;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event)) return;
    event.preventDefault();
    // One that is held down goes on through the list; nothing else is done twice.
    if (!event.repeat || act === "down" || act === "up") acts[act]();
  };
  desk.addEventListener("keydown", hold, true);
  desk.addEventListener("keydown", hear);
}

/** @param {Event} event */
function isTyping({ target }) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

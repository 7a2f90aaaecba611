/**
 * What a person has set for this page on this computer. A switch says nothing of any mailbox, and so it may outlast a sign-out; where
 * there is no `localStorage`, it lasts as long as the page.
 *
 * @typedef {"keys" | "notify"} Switch
 */

/** What holds where nobody has set anything: shortcuts are there to be found, notices of the system are asked for. */
const AT_FIRST = { keys: true, notify: false };

/** What was set in this page. @type {Map<Switch, boolean>} */
const set = new Map();

/** @param {Switch} name */
export function isOn(name) {
  const known = set.get(name);
  if (known !== undefined) return known;
  try {
    const kept = localStorage.getItem(`poplar:${name}`);
    return kept === null ? AT_FIRST[name] : kept === "on";
  } catch {
    return AT_FIRST[name];
  }
}

/** @param {Switch} name @param {boolean} on */
export function turn(name, on) {
  set.set(name, on);
  try {
    // What is as it was at first leaves nothing behind.
    if (on === AT_FIRST[name]) localStorage.removeItem(`poplar:${name}`);
    else localStorage.setItem(`poplar:${name}`, on ? "on" : "off");
  } catch {
    // A page that may keep nothing: it is forgotten with it.
  }
}

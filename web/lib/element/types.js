/** What the name of a file says, and whether its bytes are that. */

/**
 * Endings of file names, of types that bytes prove or that open as something else than they look like. A type that is not here may be
 * named as its sender likes.
 */
const ENDINGS = new Map([
  ["application/pdf", ["pdf"]],
  ["application/vnd.microsoft.portable-executable", ["exe", "dll", "com", "scr", "sys", "ocx", "cpl"]],
  ["image/gif", ["gif"]],
  ["image/jpeg", ["jpg", "jpeg", "jpe", "jfif"]],
  ["image/png", ["png"]],
  ["image/tiff", ["tif", "tiff", "dng"]],
  ["text/html", ["html", "htm", "xhtml", "shtml"]],
]);
/** Endings that say something else than that, of what is known to be anything: many formats are ZIP files inside. */
const PROVEN = new Set([...ENDINGS.values()].flat());

/** @param {string} type the sniffed one @param {string} name */
export function isNamedAs(type, name) {
  const ending = endingOf(name);
  const endings = ENDINGS.get(type);
  if (!ending || type === "application/octet-stream") return true;
  return endings ? endings.includes(ending) : !PROVEN.has(ending);
}

/** What is behind the last dot, in small letters; empty where there is none. @param {string} name */
export function endingOf(name) {
  return /\.([^.\s]+)$/.exec(name.trim())?.[1]?.toLowerCase() ?? "";
}

/**
 * A name as its letters follow one another: marks that turn the direction of text would have the end of it read as its middle.
 * @param {string} name
 */
export function straight(name) {
  return name.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
}

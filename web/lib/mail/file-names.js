/** Names for files out of mail, where a sender may have written anything. */

/** Longest name, in octets of UTF-8: file systems take 255, and a number may still come to it. */
const LONGEST = 200;
/** An ending that is kept where a name is cut; a longer one is none. */
const LONGEST_ENDING = 16;

/** Separators and what Windows takes in no name (Microsoft, "Naming Files, Paths, and Namespaces"). */
const REFUSED = /[/\\:*?"<>|]/g;
/**
 * Controls; what turns the direction of writing, so that "exe.fdp" reads "pdf.exe" (UTR 36 §3.1); what takes no room; line and paragraph
 * separators.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
/** Names of devices under Windows, with any ending. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)/i;

/**
 * A name that may be given to a file on any system: nothing in it leads out of a folder or reads as another.
 * @param {string} name as the sender has it
 */
export function fileName(name) {
  const plain = name.toWellFormed().normalize("NFC").replace(UNSEEN, "").replace(REFUSED, "_").replace(/\s+/g, " ");
  // A dot in front hides a file; Windows drops dots and spaces at the end.
  const trimmed = plain.replace(/^[. ]+|[. ]+$/g, "");
  return cut(DEVICES.test(trimmed) ? `_${trimmed}` : trimmed) || "unnamed";
}

/** The same for several in one folder: no two are one file, also where case is nothing. @param {readonly string[]} names @returns {string[]} */
export function fileNames(names) {
  /** By name that is taken, the number that is tried next for it. @type {Map<string, number>} */
  const taken = new Map();
  return names.map((name) => {
    const wanted = fileName(name);
    const [stem, ending] = split(wanted);
    let unique = wanted;
    let n = taken.get(wanted.toLowerCase()) ?? 2;
    for (; taken.has(unique.toLowerCase()); n += 1) unique = `${stem} (${n})${ending}`;
    taken.set(unique.toLowerCase(), 2);
    taken.set(wanted.toLowerCase(), n);
    return unique;
  });
}

/** @param {string} name */
function cut(name) {
  const octets = (/** @type {string} */ text) => new TextEncoder().encode(text).length;
  if (octets(name) <= LONGEST) return name;
  const [stem, ending] = split(name);
  const kept = [...stem];
  let length = octets(name);
  while (length > LONGEST) length -= octets(/** @type {string} */ (kept.pop()));
  return `${kept.join("").trimEnd()}${ending}`;
}

/** @param {string} name @returns {[string, string]} */
function split(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= LONGEST_ENDING ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

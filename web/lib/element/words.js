import en from "./strings/en.js";

/**
 * What every view needs to speak: the words of one language, and dates, sizes and durations as people say them.
 *
 * @typedef {(key: string, params?: Record<string, string | number>) => string} Translate
 * @typedef {Translate & { has(key: string): boolean, locale: string }} Words
 * @typedef {Record<string, string | Record<string, string>>} Table
 * @typedef {ReturnType<typeof formatFor>} Format
 * @typedef {{ t: Words, format: Format, relay: string }} Ui relay: its host, as a person would name it to somebody who helps
 */

/**
 * Words by primary subtag, of the languages that are here. English always is: there have to be words for what does not come. Every other
 * language is fetched for whoever wants it, with the words of all parts.
 * @type {Map<string, Table>}
 */
const LANGUAGES = new Map([["en", en]]);
/** @type {ReadonlyMap<string, () => Promise<{ default: Table }>>} */
const FETCHED = new Map([["es", () => import("./strings/spanish.js")]]);
/** Every language that is shipped, as those who speak it call it. */
export const NAMES = new Map([["en", "English"], ["es", "Español"]]);
/** Decimal units, by power of 1000. English has no short name for the first that is short, so `size.octets` says it. */
const UNITS = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte"]);
const DAY_MS = 86_400_000;

/**
 * Has the words of the language that is wished for come, where they are not here. Where they do not come, it is English that is spoken.
 * @param {readonly string[]} wished tags, the most wished first @returns {Promise<unknown> | null} `null` where there is nothing to wait for
 */
export function fetchWords(wished) {
  const language = languageOf(wished);
  const fetched = LANGUAGES.has(language) ? undefined : FETCHED.get(language);
  return fetched?.().then(({ default: words }) => LANGUAGES.set(language, { ...en, ...words }), () => {}) ?? null;
}

/** @param {readonly string[]} wished @param {string} relay @returns {Ui} */
export function uiFor(wished, relay) {
  const language = languageOf(wished);
  const words = LANGUAGES.get(language);
  // The regional form (en-GB, en-US) is kept for dates and numbers.
  const regional = wished.find((tag) => primarySubtag(tag) === language && tag.includes("-"));
  const t = words ? wordsOf(words, regional ?? language) : wordsOf(en, "en");
  return { t, format: formatFor(t), relay };
}

/** @param {readonly string[]} wished */
function languageOf(wished) {
  return wished.map(primarySubtag).find((tag) => NAMES.has(tag)) ?? "en";
}

/**
 * The same with the words of a part that is loaded later, which a language that was fetched has already.
 * @param {Ui} ui @param {ReadonlyMap<string, Table>} languages @returns {Ui}
 */
export function withWords({ t, ...others }, languages) {
  const table = wordsOf(languages.get(primarySubtag(t.locale)) ?? languages.get("en") ?? {}, t.locale);
  /** @type {Translate} */
  const translate = (key, params) => (t.has(key) ? t : table)(key, params);
  return { t: Object.assign(translate, { has: (/** @type {string} */ key) => table.has(key) || t.has(key), locale: t.locale }), ...others };
}

/** @param {Table} table @param {string} locale @returns {Words} */
function wordsOf(table, locale) {
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

/** @param {Words} t */
function formatFor(t) {
  const locale = t.locale;
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const dayOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
  const whole = new Intl.NumberFormat(locale);

  return {
    /** @param {number} n */
    number: (n) => whole.format(n),

    /** @param {Date} date */
    time: (date) => time.format(date),

    /** "09:41" today, "Yesterday", "12 Mar" this year, "12 Mar 2024" before. @param {Date} date @param {Date} now */
    date(date, now) {
      const days = Math.round((startOfDay(now) - startOfDay(date)) / DAY_MS);
      if (days === 0) return time.format(date);
      if (days === 1) return t("date.yesterday");
      return (date.getFullYear() === now.getFullYear() ? day : dayOfYear).format(date);
    },

    /** @param {Date} date */
    fullDate: (date) => full.format(date),

    /** Octets in decimal units: "820 B", "12 kB", "4.8 MB". @param {number} octets */
    size: (octets) => inUnit(t, octets, unitFor(octets), true),

    /** Two counts of octets in the unit of the second: "12.4 of 48 MB". @param {number} done @param {number} total */
    sizes(done, total) {
      const unit = unitFor(total);
      return t("progress.bytes", { done: inUnit(t, done, unit, false), total: inUnit(t, total, unit, true) });
    },

    /** A remaining time, rounded so that it does not flicker: "about 20 s", "about 3 min". @param {number} ms */
    remaining(ms) {
      const seconds = Math.max(5, Math.ceil(ms / 5000) * 5);
      return seconds < 60 ? t("progress.seconds", { n: seconds }) : t("progress.minutes", { n: Math.ceil(seconds / 60) });
    },
  };
}

/** @param {Date} date */
function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** @param {number} octets */
function unitFor(octets) {
  const power = Math.floor(Math.log10(Math.max(1, octets)) / 3);
  return Math.min(power, UNITS.length - 1);
}

/** @param {Words} t @param {number} octets @param {number} unit @param {boolean} named */
function inUnit(t, octets, unit, named) {
  if (named && unit === 0) return t("size.octets", { n: octets });
  const value = octets / 1000 ** unit;
  const maximumFractionDigits = unit >= 2 && value < 100 ? 1 : 0;
  const style = named ? { style: /** @type {const} */ ("unit"), unit: UNITS[unit] ?? "byte" } : {};
  return new Intl.NumberFormat(t.locale, { ...style, maximumFractionDigits }).format(value);
}

/** @param {string} tag */
export function primarySubtag(tag) {
  return tag.toLowerCase().split("-", 1)[0] ?? "";
}

import { adopt, h, icon, replace, setAttribute } from "../dom.js";
import { textView } from "../text.js";
import { withWords } from "../words.js";
import en from "../strings/en-html.js";
import { Copy } from "./copy.js";
import { frameFor } from "./frame.js";
import { hostAllows, hostAllowsRemote } from "./host.js";
import { parseUrl } from "./links.js";
import { parse, TooIntricate } from "./parse.js";
import { Sheets } from "./sheets.js";
import { Slices } from "../slices.js";
import { STYLES } from "./styles.js";

/**
 * HTML mail, shown without harm, in four layers of which each would do alone: what an allow-list permits is copied out of an inert
 * document (`copy.js`); the copy goes into a frame with an origin of its own and no scripts, under a policy that loads nothing
 * (`frame.js`); and around all of it is the page's own policy, with Trusted Types.
 *
 * This folder is loaded when the first HTML message is opened.
 *
 * @typedef {import("../../poplar-mail.js").Message} Message
 * @typedef {{
 *   ui: import("../words.js").Ui, root: ShadowRoot, width: number, inlineImage: import("./copy.js").InlineImage,
 *   framed: (on: boolean) => void, wanted: () => boolean
 * }} Options width: of the reader, in CSS pixels; framed: hears whether the
 *   frame is shown; wanted: whether the message still is
 * @typedef {{ notes: HTMLElement, body: HTMLElement, usedIds: Set<string> }} View usedIds: Content-Ids of attachments that are shown in it
 */

/** Words of this part. */
const WORDS = new Map([["en", en]]);

/** @param {Message & { html: string }} message @param {Options} options @returns {Promise<View>} */
export async function htmlView(message, options) {
  adopt(options.root, STYLES);
  const { t } = withWords(options.ui, WORDS);
  const text = () => textView(message.text.trim() ? message.text : t("reader.noText"));
  const allowed = await hostAllows();
  if (!allowed.markup) return onlyText(text(), t("html.host.markup"));
  try {
    const inlineImage = allowed.inlineImages ? options.inlineImage : async () => null;
    const show = (/** @type {boolean} */ remote) => framed(message.html, { ...options, ...allowed, inlineImage, remote, t });
    return switchable(await show(false), show, text, allowed, { ...options, t });
  } catch (error) {
    if (error instanceof TooIntricate) return onlyText(text(), t("html.intricate"));
    throw error;
  }
}

/**
 * @typedef {{ frame: HTMLIFrameElement, usedIds: Set<string>, secure: Set<string>, insecure: Set<string>, hasInline: boolean }} Framed
 *   secure, insecure: addresses of remote images, by whether they would come over TLS
 * @param {string} html decoded, not sanitised
 * @param {Options & { styles: boolean, remote: boolean, t: import("../words.js").Words }} options
 * @returns {Promise<Framed>}
 */
async function framed(html, { width, inlineImage, wanted, styles, remote, t }) {
  const slices = new Slices(wanted);
  const secure = new Set();
  const insecure = new Set();
  const found = (/** @type {string} */ address) => {
    const url = parseUrl(address);
    if (url?.protocol === "https:") secure.add(url.href);
    if (url?.protocol === "http:") insecure.add(url.href);
  };
  const source = await parse(html, slices);
  const sheets = new Sheets({ width, remote, found, slices });
  await sheets.read(source.content);
  const target = document.implementation.createHTMLDocument("");
  const copy = new Copy(source, target, { inlineImage, remote, styles, sheets, found, slices, t });
  await copy.run();
  const frame = frameFor(target, { remote, styles, light: copy.coloured, title: t("html.frame") });
  return { frame, usedIds: copy.usedIds, secure, insecure, hasInline: copy.hasInline };
}

/**
 * The frame and the text, of which one is shown, and what is to be said of them.
 * @param {Framed} first @param {(remote: boolean) => Promise<Framed>} show @param {() => HTMLElement} text
 * @param {{ styles: boolean, inlineImages: boolean }} allowed @param {Options & { t: import("../words.js").Words }} options
 * @returns {View}
 */
function switchable(first, show, text, allowed, { t, framed }) {
  const body = h("div", { class: "reader-body" }, first.frame);
  let { frame } = first;
  /** @type {HTMLElement | undefined} */
  let plain;
  const choose = (/** @type {boolean} */ asHtml) => {
    if (!asHtml && !plain) body.append((plain = text()));
    setAttribute(asHtmlButton, "aria-pressed", asHtml);
    setAttribute(asTextButton, "aria-pressed", !asHtml);
    setAttribute(frame, "hidden", !asHtml);
    if (plain) setAttribute(plain, "hidden", asHtml);
    framed(asHtml);
  };
  const segment = (/** @type {string} */ label, /** @type {boolean} */ asHtml) =>
    h("button", { class: "segment", type: "button", onclick: () => choose(asHtml) }, label);
  const asHtmlButton = segment(t("html.asHtml"), true);
  const asTextButton = segment(t("html.asText"), false);

  const showRemote = async () => {
    if (await hostAllowsRemote()) {
      const next = await show(true);
      frame.replaceWith(next.frame);
      ({ frame } = next);
      choose(true);
      const stay = next.insecure.size > 0 && t("html.images.insecure", { n: next.insecure.size });
      replace(images, noteOf("picture", [t("html.images.shown", { n: next.secure.size }), stay].filter(Boolean).join(" ")));
    } else {
      replace(images, noteOf("image", t("html.host.remote")));
    }
    images.focus(); // where the button was
  };
  const onclick = () => {
    setAttribute(button, "disabled", true);
    showRemote().catch(() => {}); // the message is shown no more
  };
  const button = h("button", { class: "button reader-images-show", type: "button", "data-testid": "show-images", onclick }, t("html.images.show"));
  const images = h("div", { class: "reader-images", role: "status", tabindex: "-1", "data-testid": "remote-images" });
  const blocked = first.secure.size + first.insecure.size;
  if (first.secure.size > 0) replace(images, noteOf("image", t("html.images", { n: blocked })), button);
  else if (blocked > 0) replace(images, noteOf("image", t("html.images.insecure", { n: blocked })));

  const notes = h(
    "div",
    { class: "reader-view" },
    blocked > 0 && images,
    !allowed.styles && noteOf("info", t("html.host.styles"), "host-note"),
    !allowed.inlineImages && first.hasInline && noteOf("info", t("html.host.inline"), "host-note"),
    h("div", { class: "segments" }, asHtmlButton, asTextButton),
  );
  choose(true);
  return { notes, body, usedIds: first.usedIds };
}

/** @param {HTMLElement} text @param {string} why @returns {View} */
function onlyText(text, why) {
  const notes = h("div", { class: "reader-view" }, noteOf("info", why, "host-note"));
  return { notes, body: h("div", { class: "reader-body" }, text), usedIds: new Set() };
}

/** @param {import("../dom.js").IconName} name @param {string} words @param {string} [id] */
function noteOf(name, words, id) {
  return h("p", { class: "reader-note", "data-testid": id }, icon(name), h("span", {}, words));
}

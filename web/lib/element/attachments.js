import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * The attachments of one message, each a button that saves it.
 *
 * @typedef {import("../poplar-mail.js").Message["attachments"][number]} Attachment
 */

/**
 * @param {readonly Attachment[]} attachments
 * @param {(attachment: Attachment, name: string) => void} save
 * @param {import("./ui.js").Ui} ui
 */
export function attachmentList(attachments, save, ui) {
  const { t } = ui;
  return h(
    "section",
    { class: "attachments", "aria-label": t("reader.attachments", { n: attachments.length }) },
    h("h3", { class: "attachments-title" }, t("reader.attachments", { n: attachments.length })),
    h("ul", { class: "attachments-list" }, ...attachments.map((one) => h("li", {}, attachmentButton(one, save, ui)))),
  );
}

/**
 * @param {Attachment} attachment
 * @param {(attachment: Attachment, name: string) => void} save
 * @param {import("./ui.js").Ui} ui
 */
function attachmentButton(attachment, save, { t, format }) {
  const name = attachment.name || t("reader.noName");
  const type = typeText(attachment, t);
  const size = format.size(attachment.size);
  return h(
    "button",
    {
      class: "attachment",
      type: "button",
      title: name,
      "data-testid": "attachment",
      onclick: () => save(attachment, name),
    },
    icon(attachment.type.startsWith("image/") ? "picture" : "file"),
    h("span", { class: "attachment-name" }, name),
    h("span", { class: "attachment-about" }, `${type}, ${size}`),
    icon("save"),
    h("span", { class: "sr" }, t("reader.saveOne")),
  );
}

/**
 * What it is, and what the sender said it is where that differs.
 *
 * @param {Attachment} attachment
 * @param {import("./words.js").Words} t
 */
function typeText({ type, declaredType }, t) {
  const word = (/** @type {string} */ mime) => t(`type.${mime}`) || mime;
  const differs = declaredType && declaredType !== type && declaredType !== "application/octet-stream";
  return differs ? t("reader.declared", { type: word(type), declared: word(declaredType) }) : word(type);
}

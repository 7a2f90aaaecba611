import { h } from "./dom.js";
import { textView } from "./text.js";
import { straight } from "./types.js";

/**
 * A message on paper: its header lines, its attachments by name, and all of its text. A formatted message is printed as text as well: its
 * frame cannot say how tall it is, and paper that leaves out the end of a report does harm.
 *
 * @typedef {import("../poplar-mail.js").Message} Message
 */

/** While it is printed, nothing of the desk is there but this. */
export const PRINT = /* css */ `
.paper { display: none; }
@media print {
  :host { height: auto !important; color-scheme: light; }
  .app { height: auto; min-height: 0; overflow: visible; container-type: normal; color: #000000; background: none; }
  .desk { display: block !important; height: auto; }
  .desk > :not(.paper), dialog { display: none !important; }
  .paper { display: block; font-size: 11pt; line-height: 1.45; }
  .paper-subject { margin-bottom: 8pt; font-size: 15pt; line-height: 1.3; font-weight: 600; overflow-wrap: anywhere; unicode-bidi: plaintext; }
  .paper-lines { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2pt 12pt; margin: 0 0 12pt; padding-bottom: 10pt; border-bottom: 0.5pt solid #000000; }
  .paper-lines :is(dt, dd) { margin: 0; overflow-wrap: anywhere; }
  .paper-lines dt { font-weight: 600; }
  .paper-lines li { list-style: none; }
  .paper .text { max-width: none; orphans: 3; widows: 3; }
  .paper .text-part { content-visibility: visible; }
  .paper .text-quote { color: inherit; border-color: #808080; }
  .paper-note { margin-top: 12pt; font-size: 9pt; }
}
`;

/** @param {Message | undefined} message none, where no message is open by then: the paper says so @param {import("./words.js").Ui} ui */
export function paperOf(message, { t, format }) {
  if (!message) return h("p", { class: "paper", "data-testid": "paper" }, t("reader.nothingToPrint"));
  const { subject, from, to, cc, date, attachments, text, html } = message;
  const line = (/** @type {string} */ label, /** @type {import("./dom.js").Child[]} */ ...values) => [h("dt", {}, label), h("dd", { dir: "auto" }, ...values)];
  const attached = attachments.filter(({ inline }) => !inline);
  const names = attached.map(({ name, size }) => h("li", { dir: "auto" }, `${straight(name) || t("reader.noName")} (${format.size(size)})`));
  return h(
    "article",
    { class: "paper", "data-testid": "paper" },
    h("h2", { class: "paper-subject" }, subject || t("row.noSubject")),
    h(
      "dl",
      { class: "paper-lines" },
      ...line(t("reader.from"), from || t("row.noSender")),
      ...(to.length > 0 ? line(t("reader.to"), to.join(", ")) : []),
      ...(cc.length > 0 ? line(t("reader.cc"), cc.join(", ")) : []),
      ...line(t("reader.date"), date ? format.fullDate(date) : t("row.noDate")),
      ...(names.length > 0 ? line(t("reader.attachments", { n: names.length }), h("ul", {}, ...names)) : []),
    ),
    text.trim() ? textView(text, true) : h("p", {}, t("reader.noText")),
    html !== null && h("p", { class: "paper-note" }, t("reader.printedAsText")),
  );
}

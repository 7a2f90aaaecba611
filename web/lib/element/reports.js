import { h, icon } from "./dom.js";
import en from "./strings/en-reports.js";
import { straight } from "./types.js";
import { withWords } from "./words.js";

/**
 * What a report says became of another message, in words, for each of its recipients; the reporting server's own as a quotation below.
 *
 * @typedef {import("../poplar-mail.js").Message["reports"]} Reports
 */

const WORDS = new Map([["en", en]]);
/** What somebody has to do something about. */
const BAD = new Set(["failed", "error", "denied"]);
/** Recipients of whom each is told apart: a report on a mailing list may have thousands. */
const TOLD = 50;

/** @param {Reports} reports @param {import("./words.js").Ui} ui */
export function reportsView(reports, ui) {
  const { t } = withWords(ui, WORDS);
  const rest = reports.length - TOLD;
  return h(
    "ul",
    { class: "reports", "data-testid": "reports" },
    ...reports.slice(0, TOLD).map((report) => one(report, t)),
    rest > 0 && h("li", {}, t("report.more", { n: rest })),
  );
}

/** @param {Reports[number]} report @param {import("./words.js").Words} t */
function one({ kind, recipient, status, words }, t) {
  const isBad = BAD.has(kind);
  const who = straight(recipient) || t("report.somebody");
  const said = straight(words).trim();
  const code = status ? t("report.status", { status }) : "";
  return h(
    "li",
    { "data-kind": kind, "data-bad": isBad },
    icon(isBad ? "alert" : "info"),
    h(
      "div",
      {},
      h("p", {}, [t(`report.${kind}`, { who }), code].filter(Boolean).join(" ")),
      said && h("blockquote", { class: "quote", dir: "auto" }, said),
    ),
  );
}

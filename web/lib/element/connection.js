import { h, replace, setText } from "./dom.js";
import { openPage } from "./page-dialog.js";
import { workUi } from "./work-ui.js";

/**
 * The connection: in words what the session does or has done, and below it what was said, for a support call. Nothing of it is private: the
 * library leaves names, passwords, UIDs and mail out of it.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("../poplar-mail.js").Spoken} Spoken
 */

/**
 * @param {ShadowRoot} root @param {import("./words.js").Ui} plain @param {Session} session
 * @param {AbortSignal} over aborted when nothing of the mailbox may be shown any more
 */
export async function openConnection(root, plain, session, over) {
  const { t, format } = workUi(plain, root);
  const facts = h("dl", { class: "facts", "data-testid": "connection-facts" });
  const log = h("pre", { class: "source", dir: "ltr", tabindex: "0", "aria-label": t("connection.log"), "data-testid": "connection-log" });
  const said = h("p", { class: "page-said", role: "status" });
  let text = "";
  let isDrawing = false;
  const draw = async () => {
    if (isDrawing) return;
    isDrawing = true;
    const lines = await session.mailbox.protocol().catch(() => []);
    isDrawing = false;
    if (over.aborted) return;
    replace(facts, ...factsOf(session, lines, t, format).flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]));
    text = lines.map(lineOf).join("\n");
    setText(log, text || t("connection.none"));
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(said, t("connection.copied"));
    } catch {
      // Not allowed, as in some frames: it can be selected.
      getSelection()?.selectAllChildren(log);
      setText(said, t("connection.select"));
    }
  };
  session.addEventListener("update", draw);
  over.addEventListener("abort", () => replace(log));
  await draw();
  if (over.aborted) return session.removeEventListener("update", draw);
  await openPage(root, {
    id: "connection",
    title: t("connection.title"),
    close: t("work.close"),
    body: [facts, h("h3", { class: "settings-title" }, t("connection.log")), h("p", { class: "hint" }, t("connection.private")), log],
    foot: [said, h("button", { class: "button", type: "button", "data-testid": "connection-copy", onclick: () => void copy() }, t("connection.copy"))],
  });
  session.removeEventListener("update", draw);
}

/**
 * @param {Session} session @param {readonly Spoken[]} lines @param {import("./words.js").Words} t @param {import("./words.js").Format} format
 * @returns {[string, string][]}
 */
function factsOf({ about, busy, problem, checkedAt, schedule }, lines, t, format) {
  const began = lines.findLast(({ said }) => said === "connected" || said === "not connected");
  const answered = lines.filter(({ answer, tookMs }) => answer && tookMs > 0).map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const usual = answered[answered.length >> 1];
  const refused = lines.filter(({ answer }) => answer.startsWith("-ERR")).length;
  /** @type {[string, string | false | undefined][]} */
  const facts = [
    [t("connection.server"), about.server],
    [t("connection.now"), t(busy ? "connection.busy" : problem ? "connection.stopped" : "connection.idle")],
    [t("connection.began"), began && format.fullDate(began.at)],
    [t("connection.checked"), checkedAt ? format.fullDate(checkedAt) : undefined],
    [t("connection.next"), schedule.nextAt ? format.time(schedule.nextAt) : undefined],
    [t("connection.answers"), usual !== undefined && t("connection.took", { n: usual })],
    [t("connection.refused"), format.number(refused)],
  ];
  return facts.flatMap(([label, value]) => (value ? [/** @type {[string, string]} */ ([label, value])] : []));
}

/** `12:31:04.120  RETR 12  +OK  35 ms`, in UTC, so that it is the same in everybody's log. @param {Spoken} line */
function lineOf({ at, said, answer, tookMs }) {
  return [at.toISOString().slice(11, 23), said.padEnd(12), answer, tookMs > 0 && `${tookMs} ms`].filter(Boolean).join("  ").trimEnd();
}

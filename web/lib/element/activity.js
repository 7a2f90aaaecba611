import { pageHead } from "./computer.js";
import { h, icon, replace, saveAs, setText } from "./dom.js";

/**
 * What was done with the mail on this computer, newest first, as the mailbox's log has it; and whether somebody has changed the log.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("../poplar-mail.js").LogEntry} Entry
 * @typedef {import("./words.js").Ui} Ui
 */

/** Entries drawn at a time. */
const PAGE = 200;

/** Shows the log; resolves when it is closed. @param {ShadowRoot} root @param {Ui} ui with the words of the settings @param {Session} session */
export async function openActivity(root, ui, session) {
  const { t } = ui;
  const { over } = session;
  const { entries, broken } = await session.mailbox.log();
  if (over.aborted) return;
  entries.reverse();
  let shown = 0;
  const list = h("ol", { class: "log", "aria-label": t("log.title") });
  const more = h("button", { class: "button", type: "button", "data-testid": "activity-more", onclick: () => draw() }, t("log.more"));
  const said = h("p", { class: "log-said", role: "status" });
  const draw = () => {
    list.append(...entries.slice(shown, shown + PAGE).map((entry) => entryView(entry, broken, session, ui)));
    shown += PAGE;
    if (shown >= entries.length) more.remove();
  };
  const save = (/** @type {"csv" | "json"} */ format) =>
    h(
      "button",
      {
        class: "button",
        type: "button",
        "data-testid": `activity-${format}`,
        onclick: async () => {
          const log = await session.mailbox.exportLog(format).catch(() => null);
          if (log) saveAs(log, `activity-${new Date().toISOString().slice(0, 10)}.${format}`);
          setText(said, log ? "" : t("log.failed"));
        },
      },
      t(`log.${format}`),
    );
  await new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        class: "dialog settings",
        "aria-labelledby": "log-title",
        "data-testid": "activity",
        onclose: () => {
          dialog.remove();
          replace(list);
          resolve(undefined);
        },
      },
      h(
        "div",
        { class: "settings-page" },
        pageHead("log-title", t("log.title"), t("settings.close"), () => dialog.close()),
        h(
          "div",
          { class: "settings-body", tabindex: "0" },
          h("p", { class: "hint" }, t("log.hint")),
          broken !== null &&
            h(
              "div",
              { class: "problem", role: "alert", "data-testid": "activity-broken" },
              icon("alert"),
              h("p", { class: "problem-words" }, h("strong", {}, t("log.broken")), " ", t("log.broken.meaning", { n: broken })),
            ),
          entries.length === 0 && broken === null && h("p", { "data-testid": "activity-none" }, t("log.none")),
          list,
          more,
        ),
        h("div", { class: "settings-foot" }, said, save("csv"), save("json")),
      ),
    );
    draw();
    root.append(dialog);
    dialog.showModal();
  });
}

/** @param {Entry} entry @param {number | null} broken @param {Session} session @param {Ui} ui */
function entryView({ n, at, what, ids }, broken, { rows }, { t, format }) {
  const day = format.date(at, new Date());
  const time = format.time(at);
  const [first] = ids;
  const name = first === undefined ? "" : rows.row(first)?.subject || t("log.message", { id: first });
  return h(
    "li",
    { class: "log-entry", "data-testid": "activity-entry", "data-what": what, "data-broken": broken !== null && n >= broken },
    h("time", { datetime: at.toISOString(), title: format.fullDate(at) }, day === time ? time : `${day}, ${time}`),
    h("span", { class: "log-what" }, t(`log.${what}`)),
    name && h("span", { class: "log-name", dir: "auto" }, name, ids.length > 1 && ` ${t("log.others", { n: ids.length - 1 })}`),
  );
}

import { h, icon, setAttribute, setIcon, setText } from "./dom.js";

/**
 * One row of the list, and what is said of a message in it and elsewhere.
 *
 * @typedef {import("../poplar-mail.js").Row} Row
 * @typedef {import("./words.js").Ui} Ui
 * @typedef {ReturnType<typeof createRow>} RowElement
 * @typedef {"new" | "stored" | "headers" | "only-server" | "will-be-deleted" | "deleted" | "gone" | "damaged"} State
 * @typedef {{ state: State, word: string, sentence: string, icon: import("./dom.js").IconName }} RowState
 * @typedef {{ id: string, row: Row | undefined, index: number, length: number, open: boolean, active: boolean, selected: boolean }} Drawn
 */

/** Height of a row in px; the list computes with it and the style sheet draws it. */
export const ROW_HEIGHT = 64;

/**
 * The state of a message, on the server and here. What will happen on the server comes first, then what has happened there, then
 * what is here. Only what is damaged here is said before what has happened there.
 * @param {Row} row @param {Ui} ui @returns {RowState}
 */
export function rowState(row, { t }) {
  const say = (/** @type {State} */ state, /** @type {RowState["icon"]} */ name, word = `state.${state}`, long = `${word}.long`) => ({
    state,
    word: t(word),
    sentence: t(long),
    icon: name,
  });
  if (row.damaged && row.deletion !== "wanted" && row.deletion !== "sent") return say("damaged", "alert");
  if (row.deletion === "confirmed") return say("deleted", "trash", "state.deleted", longFor("state.deleted", row));
  if (row.deletion === "sent") return say("will-be-deleted", "clock", "state.sent");
  if (row.deletion === "wanted") return say("will-be-deleted", "trash");
  if (!row.onServer) return say("gone", "gone", "state.gone", longFor("state.gone", row));
  if (row.unconfirmed) return say("stored", "alert", "state.unconfirmed");
  if (row.stored) return row.read ? say("stored", "stored") : say("new", "unread");
  return row.hasHeaders ? say("headers", "headers") : say("only-server", "server");
}

/**
 * "Ada Lovelace" of "Ada Lovelace <ada@example.org>"; the address where there is no name.
 * @param {string} from @returns {{ name: string, address: string }}
 */
export function sender(from) {
  const parts = /^\s*"?(.*?)"?\s*<([^<>]*)>\s*$/.exec(from);
  const address = parts?.[2]?.trim() ?? "";
  const name = (parts ? parts[1] : from)?.trim() ?? "";
  return { name: name || address, address: name ? address : "" };
}

/** @param {number} serial a number that is unique in the list */
export function createRow(serial) {
  const stateIcon = icon("stored");
  const word = h("span");
  const parts = {
    unread: h("span", { class: "sr" }),
    sender: h("span", { class: "row-sender" }),
    time: h("time", { class: "row-time" }),
    subject: h("span", { class: "row-subject", dir: "auto" }),
    preview: h("span", { class: "row-preview", dir: "auto" }),
    clip: h("span", { class: "row-clip" }, icon("clip"), h("span", { class: "sr" })),
    state: h("span", { class: "row-state" }, stateIcon, word),
    size: h("span", { class: "row-size" }),
    stateIcon,
    word,
  };
  const element = h(
    "div",
    { class: "row", role: "option", id: `row-${serial}`, "data-testid": "row" },
    h("span", { class: "row-box", "aria-hidden": true }, icon("check")),
    parts.unread,
    parts.sender,
    parts.time,
    h("span", { class: "row-about" }, parts.subject, parts.preview),
    parts.clip,
    parts.state,
    parts.size,
  );
  return { element, parts };
}

/** @param {RowElement} target @param {Drawn} what @param {Ui} ui */
export function paintRow({ element, parts }, { id, row, index, length, open, active, selected }, ui) {
  const { t, format } = ui;
  element.style.setProperty("transform", `translateY(${index * ROW_HEIGHT}px)`);
  setAttribute(element, "data-id", id);
  setAttribute(element, "aria-posinset", index + 1);
  setAttribute(element, "aria-setsize", length);
  setAttribute(element, "aria-selected", selected);
  setAttribute(element, "aria-current", open ? true : null);
  setAttribute(element, "data-active", active);
  setAttribute(element, "aria-busy", row ? null : true);
  if (!row) {
    setAttribute(element, "data-state", null);
    setAttribute(element, "data-unread", null);
    return;
  }
  const { state, word, sentence, icon: name } = rowState(row, ui);
  const from = sender(row.from);
  const known = row.hasHeaders || row.stored;
  const isUnread = known && !row.read;
  setAttribute(element, "data-state", state);
  setAttribute(element, "data-unread", isUnread);
  setText(parts.unread, isUnread ? t("row.unread") : "");
  setText(parts.sender, row.damaged ? t("row.damaged") : known ? from.name || t("row.noSender") : t("row.notRead"));
  setAttribute(parts.sender, "title", from.address || null);
  setAttribute(parts.sender, "data-absent", !known || !from.name);
  setText(parts.subject, row.subject || (known && !row.damaged ? t("row.noSubject") : ""));
  setAttribute(parts.subject, "data-absent", !row.subject);
  setText(parts.preview, row.damaged ? "" : row.preview);
  setText(parts.time, row.date ? format.date(row.date, new Date()) : "");
  setAttribute(parts.time, "title", row.date ? format.fullDate(row.date) : null);
  setAttribute(parts.time, "datetime", row.date ? row.date.toISOString() : null);
  setAttribute(parts.clip, "hidden", !row.hasAttachments);
  setText(/** @type {Node} */ (parts.clip.lastChild), t("row.attachment"));
  setIcon(parts.stateIcon, name);
  setText(parts.word, word);
  setAttribute(parts.state, "title", sentence);
  setText(parts.size, format.size(row.size));
}

/** @param {string} key @param {Row} row */
function longFor(key, row) {
  return row.stored ? `${key}.long` : `${key}.absent.long`;
}

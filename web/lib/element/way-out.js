import { part } from "../mail/parts.js";
import { confirm } from "./dom.js";

/**
 * The ways out of a mailbox, from an open desk and from the card. Each resolves with what the card is to say of it, or with `null` where
 * nobody has left.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./words.js").Ui} Ui
 */

/** Applies what is marked for deletion, and leaves. @param {Session} session @param {Ui} ui @returns {Promise<string[] | null>} */
export async function signOut(session, { t }) {
  const result = await session.signOut();
  if (!result) return null;
  const said = [t("notice.signedOut")];
  if (result.deleted > 0) said.push(t("notice.deleted", { n: result.deleted }));
  if (result.left > 0) said.push(t("notice.notDeleted", { n: result.left }));
  said.push(session.about.memory ? t("notice.signedOut.memory") : t("notice.signedOut.kept", { n: result.stored }));
  return said;
}

/** Removes what is kept here, once the person has confirmed it. @param {Node} root @param {Session} session @param {Ui} ui */
export async function clear(root, session, ui) {
  const { t } = ui;
  // From a locked mailbox nothing is known of what it has, and its name may be hidden.
  const user = (session.isLocked ? session.shownUser : session.about.user) || t("account.unnamed");
  const { stored, onlyHere } = session.rows.counts;
  const lines = session.isLocked
    ? [t("clear.locked", { user }), t("clear.again"), t("clear.unknown")]
    : [t("clear.body", { n: stored, user }), t("clear.again"), onlyHere > 0 && t("clear.lost", { n: onlyHere })].filter((line) => line !== false);
  if (!(await isConfirmed(root, lines, ui))) return null;
  return (await session.clear()) ? [t("notice.cleared", { user: session.shownUser || t("account.unnamed") })] : null;
}

/**
 * The same from the card, where no session is open. Rejects as the library does.
 * @param {Node} root @param {{ relay: string, user: string, stored: number }} kept @param {Ui} ui
 */
export async function clearKept(root, { relay, user, stored }, ui) {
  const { t } = ui;
  if (!(await isConfirmed(root, [t("clear.body", { n: stored, user }), t("clear.again"), t("clear.unknown")], ui))) return null;
  const { Mailbox } = await part(import("../poplar-mail.js"));
  const mailbox = await Mailbox.open({ relay, user, worker: true });
  await mailbox.clear();
  await mailbox.close();
  return [t("notice.cleared", { user })];
}

/** What a lock leaves of mail that was only in this window. @param {number} left how many of it were marked for deletion @param {Ui} ui */
export function saidOfForgotten(left, { t }) {
  return left > 0 ? [t("notice.forgotten"), t("notice.forgotten.marked", { n: left })] : [t("notice.forgotten")];
}

/** @param {Node} root @param {string[]} lines @param {Ui} ui */
function isConfirmed(root, lines, { t }) {
  return confirm(root, { title: t("clear.title"), lines, confirm: t("clear.confirm"), cancel: t("dialog.cancel") });
}

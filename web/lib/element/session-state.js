/**
 * What the views read of a session: what it is doing, what went wrong, what is to be said of it.
 *
 * @typedef {import("../poplar-mail.js").Schedule} Schedule
 * @typedef {import("../poplar-mail.js").SyncReport} SyncReport
 * @typedef {import("./problem.js").Problem} Problem
 * @typedef {import("./pace.js").Step} Step
 */
export class State extends EventTarget {
  /** The server has accepted the password, or it has opened what is kept here: from here on stored mail may be shown. */
  accepted = false;
  /** Mail was shown once: from then on it is locked and unlocked in its place. */
  wasOpen = false;
  /** Nothing is told any more. */
  isClosed = false;
  /** @type {"sync" | "sign-out" | null} */
  busy = null;
  /** @type {Step | null} */
  step = null;
  /** @type {Problem | null} */
  problem = null;
  /** @type {SyncReport | null} what the last complete session did */
  report = null;
  /** Messages that were recognised under new UIDs, until the person has taken note. */
  matched = 0;
  /** @type {Date | null} */
  checkedAt = null;
  /** The person ended the last sync. */
  stopped = false;
  /** The person tried to delete where the policy leaves everything on the server. */
  keepsAll = false;
  /** The person tried to delete what is not on the server any more. */
  notThere = false;
  /** @type {Schedule} */
  schedule = { state: "off", nextAt: null, error: null };
  /** How far another window's session is. @type {Step | null} */
  elsewhere = null;
  /** What was kept here is gone, and nothing is downloaded before the person has said what to do. @type {{ stored: number } | null} */
  lost = null;

  /** Mail was shown, and is not any more. */
  get isLocked() {
    return this.wasOpen && !this.accepted;
  }

  /** Nothing of what was said is to be said any more. */
  dismiss() {
    this.problem = null;
    this.report = null;
    this.matched = 0;
    this.stopped = false;
    this.keepsAll = false;
    this.notThere = false;
    this.lost = null;
    this.changed();
  }

  /** A deletion was asked for that the policy rules out. */
  sayKeepsAll() {
    this.keepsAll = true;
    this.changed();
  }

  /** A deletion was asked for of what the server has no longer. */
  sayNotThere() {
    this.notThere = true;
    this.changed();
  }

  changed() {
    if (!this.isClosed) this.dispatchEvent(new Event("update"));
  }
}

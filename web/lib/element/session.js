import { Mailbox } from "../poplar-mail.js";
import { isAbort, problemFrom } from "./problem.js";
import { RowIndex } from "./row-index.js";

/**
 * One signed-in mailbox as the views see it: what it is doing, what went wrong, what will be deleted. It draws nothing.
 *
 * Sessions with the server begin in three places: a person asks, the mailbox's schedule does it by itself, or another window has one.
 *
 * Events: `update` (anything changed), `problem` (detail: the error), `sync-end` (detail: the report).
 *
 * @typedef {import("../poplar-mail.js").Policy} Policy
 * @typedef {import("../poplar-mail.js").Schedule} Schedule
 * @typedef {import("../poplar-mail.js").Progress} Progress
 * @typedef {import("../poplar-mail.js").SyncReport} SyncReport
 * @typedef {import("./problem.js").Problem} Problem
 * @typedef {{ user: string, server: string, memory: boolean }} About
 * @typedef {{ progress: Progress, remainingMs: number | null }} Step
 */

/** Phases that come after the server has accepted the password. */
const SIGNED_IN = new Set(["list", "headers", "retrieve", "delete", "quit"]);
/** A rate measured over less than this says nothing yet. */
const RATE_AFTER_MS = 1500;

export class Session extends EventTarget {
  mailbox;
  about;
  rows;
  /** The server has accepted the password: from here on stored mail may be shown. */
  accepted = false;
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
  /** @type {Schedule} */
  schedule = { state: "off", nextAt: null, error: null };
  /** @type {Policy | null} */
  policy = null;
  /** What the policy deletes from the server with the next session, though nobody marked it. @type {readonly string[]} */
  due = [];
  /** How far another window's session is. @type {Step | null} */
  elsewhere = null;
  /** What was kept here is gone, and nothing is downloaded before the person has said what to do. @type {{ stored: number } | null} */
  lost = null;
  /** Why the server refused the password. The same one is not sent again. @type {unknown} */
  refusal = null;
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  /** @type {{ at: number, bytes: number } | null} */
  #rateFrom = null;
  /** The schedule has a session under way. */
  #bySchedule = false;
  /** What `problem` was made from: the schedule tells it again. @type {unknown} */
  #failure = null;
  /** How the next session signs in. */
  #renew;
  /** @type {Promise<void> | null} */
  #judging = null;
  #judgeAgain = false;
  #closed = false;

  /**
   * Opens the local table; nothing is sent yet.
   * @param {{ relay: string, user: string, password: string, server: string, memory: boolean }} options
   */
  static async open({ relay, user, password, server, memory }) {
    /** @type {{ session?: Session, password: string }} */
    const holder = { password };
    // Asked for, so that a sign-out that failed can be tried again. The password goes with the session.
    const credentials = async (/** @type {{ reason: string }} */ { reason }) => {
      if (reason === "rejected" && holder.session?.refusal) throw holder.session.refusal;
      return { password: holder.password };
    };
    const mailbox = await Mailbox.open({ relay, user, credentials, storage: memory ? "memory" : "durable", worker: true });
    // A shared computer fetches only what is looked at, unless told otherwise while somebody is signed in.
    if (memory) await mailbox.setPolicy({ retrieve: "headers" });
    holder.session = new Session(mailbox, { user, server, memory }, (renewed) => {
      holder.password = renewed;
    });
    return holder.session;
  }

  /** @param {Mailbox} mailbox @param {About} about @param {(password: string) => void} renew */
  constructor(mailbox, about, renew) {
    super();
    this.mailbox = mailbox;
    this.about = about;
    this.#renew = renew;
    this.rows = new RowIndex(mailbox, {
      changed: () => this.#update(),
      failed: (error) => this.#fail(problemFrom(error, "sync"), error),
    });
    mailbox.addEventListener("progress", ({ detail }) => this.#progress(detail));
    mailbox.addEventListener("change", ({ detail }) => {
      if (this.accepted) void this.rows.update(detail.ids);
      this.#judge();
    });
    mailbox.addEventListener("session", ({ detail }) => {
      if (detail.elsewhere && detail.state === "closed") this.#endedElsewhere();
    });
    mailbox.addEventListener("synced", ({ detail }) => this.#synced(detail));
    mailbox.addEventListener("schedule", ({ detail }) => this.#scheduled(detail));
    mailbox.addEventListener("policy", () => this.#judge());
    mailbox.addEventListener("lost", (event) => {
      event.preventDefault();
      this.lost = event.detail;
    });
  }

  /**
   * One session with the server. Resolves when it is over, well or not: `problem`, `stopped`, `lost` and `report` say how.
   * @param {{ afresh?: boolean }} [options] afresh: the person has said to go on where what was kept here is gone
   */
  sync(options = {}) {
    if (this.busy === null) this.#running = this.#sync(options);
    return this.#running;
  }

  /** Ends the session that is under way. One of the schedule's ends the schedule too, which would begin again at once. */
  cancel() {
    this.#abort?.abort();
    if (!this.#bySchedule) return;
    this.mailbox.stop();
    this.stopped = true;
  }

  /** Tries again with another password than the one that was refused. @param {string} password */
  async signInAgain(password) {
    this.#renew(password);
    this.refusal = null;
    await this.sync();
  }

  /** @param {Partial<Policy>} change */
  async setPolicy(change) {
    await this.mailbox.setPolicy(change);
    if (this.schedule.state === "off") this.mailbox.start();
  }

  /**
   * Applies what is marked for deletion and ends the session.
   * @returns {Promise<{ deleted: number, left: number, stored: number } | null>} `null` where it failed: `problem` says why
   */
  async signOut() {
    this.cancel();
    await this.#running;
    const wanted = [...this.rows.wanted];
    const pending = wanted.length;
    this.busy = "sign-out";
    this.problem = null;
    this.#update();
    try {
      await this.mailbox.signOut();
      // What the server took is what is no longer wanted: it may refuse a deletion, or all of them at QUIT.
      await this.rows.update(wanted);
      const left = this.rows.wanted.length;
      const stored = this.rows.counts.stored;
      await this.close();
      return { deleted: wanted.length - left, left, stored };
    } catch (error) {
      this.#fail(problemFrom(error, "sign-out", { pending, memory: this.about.memory }), error);
      return null;
    } finally {
      this.busy = null;
      this.step = null;
      this.#update();
    }
  }

  /** Forgets everything kept here; the server is not touched. */
  async clear() {
    this.cancel();
    await this.#running;
    try {
      await this.mailbox.clear();
      await this.close();
      return true;
    } catch (error) {
      this.#fail(problemFrom(error, "sync"), error);
      return false;
    }
  }

  /** Lets go of the mailbox. Never commits a deletion. */
  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.cancel();
    this.rows.close();
    await this.mailbox.close();
  }

  /** Runs one request of a person and turns what goes wrong into `problem`. @param {() => Promise<unknown>} request */
  async attempt(request) {
    try {
      await request();
    } catch (error) {
      this.#fail(problemFrom(error, "sync"), error);
    }
  }

  /** Nothing of what was said is to be said any more. */
  dismiss() {
    this.problem = null;
    this.report = null;
    this.matched = 0;
    this.stopped = false;
    this.keepsAll = false;
    this.lost = null;
    this.#update();
  }

  /** A copy was taken in. */
  async imported() {
    if (this.accepted) await this.rows.refresh();
    this.#judge();
  }

  /** A deletion was asked for that the policy rules out. */
  sayKeepsAll() {
    this.keepsAll = true;
    this.#update();
  }

  /** @param {{ afresh?: boolean }} options */
  async #sync({ afresh }) {
    this.#abort = new AbortController();
    this.dismiss();
    this.#begin();
    try {
      await this.mailbox.sync({ afresh, signal: this.#abort.signal });
    } catch (error) {
      if (isAbort(error)) this.stopped = true;
      else if (!this.lost) this.#fail(problemFrom(error, "sync"), error);
    }
    this.#abort = null;
    this.#end();
    // From here on by itself, as the policy says. Who has just ended a session does not want the next at once.
    if (this.accepted && !this.stopped && this.schedule.state === "off") this.mailbox.start();
  }

  #begin() {
    this.busy = "sync";
    this.step = null;
    this.#rateFrom = null;
    this.#update();
  }

  #end() {
    this.busy = null;
    this.step = null;
    if (this.accepted) void this.rows.refresh();
    this.#judge();
    this.#update();
  }

  /** @param {SyncReport} report */
  #synced(report) {
    this.#accept();
    this.problem = null;
    this.report = report;
    this.matched += report.matched;
    this.checkedAt = new Date();
    this.dispatchEvent(new CustomEvent("sync-end", { detail: report }));
  }

  /** @param {Schedule} schedule */
  #scheduled(schedule) {
    const { state, error } = schedule;
    this.schedule = schedule;
    if (state === "running") {
      this.#bySchedule = true;
      this.#begin();
    } else if (this.#bySchedule) {
      this.#bySchedule = false;
      this.#end();
    }
    if (error && error !== this.#failure && !this.lost) this.#fail(problemFrom(error, "sync"), error);
    else this.#update();
  }

  /** @param {Progress} progress */
  #progress(progress) {
    // Of another window's session: it says nothing of the password that was given here.
    if (progress.elsewhere) {
      const isKept = progress.phase === "retrieve" && progress.done === progress.total;
      this.elsewhere = isKept ? null : { progress, remainingMs: null };
    } else {
      this.elsewhere = null;
      if (SIGNED_IN.has(progress.phase)) this.#accept();
      this.step = { progress, remainingMs: this.#remaining(progress) };
    }
    this.#update();
  }

  #endedElsewhere() {
    if (this.elsewhere?.progress.phase === "quit") this.checkedAt = new Date();
    this.elsewhere = null;
    this.#judge();
    this.#update();
  }

  /** Finds out what the policy is and would delete, once things are quiet: while a session runs it changes with every message. */
  #judge() {
    if (this.#closed || !this.accepted || this.busy === "sync") return;
    this.#judgeAgain = true;
    this.#judging ??= this.#judgeUntilSettled().finally(() => {
      this.#judging = null;
    });
  }

  async #judgeUntilSettled() {
    while (this.#judgeAgain && !this.#closed) {
      this.#judgeAgain = false;
      try {
        this.policy = await this.mailbox.policy();
        this.due = deletesByItself(this.policy) ? (await this.mailbox.wouldDelete()).ids : [];
      } catch {
        return; // closed meanwhile, or a storage that failed: whoever asks it for something to show says so
      }
      this.#update();
    }
  }

  #accept() {
    if (this.accepted || this.#closed) return;
    this.accepted = true;
    void this.rows.refresh();
  }

  /** @param {Progress} progress */
  #remaining({ phase, bytes, totalBytes }) {
    if (phase !== "retrieve") return null;
    const now = performance.now();
    this.#rateFrom ??= { at: now, bytes };
    const elapsed = now - this.#rateFrom.at;
    const received = bytes - this.#rateFrom.bytes;
    if (elapsed < RATE_AFTER_MS || received <= 0) return null;
    return (Math.max(0, totalBytes - bytes) / received) * elapsed;
  }

  /** @param {Problem} problem @param {unknown} error */
  #fail(problem, error) {
    if (this.#closed) return;
    this.problem = problem;
    this.#failure = error;
    if (problem.code === "auth-failed") this.refusal = error;
    this.dispatchEvent(new CustomEvent("problem", { detail: error }));
    this.#update();
  }

  #update() {
    if (!this.#closed) this.dispatchEvent(new Event("update"));
  }
}

/** Whether a policy deletes from the server what nobody has marked. @param {Policy} policy */
export function deletesByItself({ leave }) {
  return leave === "nothing" || typeof leave === "object";
}

import { Mailbox } from "../poplar-mail.js";
import { Credentials } from "./credentials.js";
import { Deletions } from "./deletions.js";
import { Forecast } from "./forecast.js";
import { Pace } from "./pace.js";
import { isAbort, problemFrom } from "./problem.js";
import { RowIndex } from "./row-index.js";
import { Sealing } from "./sealing.js";
import { State } from "./session-state.js";

/**
 * One signed-in mailbox as the views see it. It draws nothing.
 *
 * Sessions with the server begin in three places: a person asks, the mailbox's schedule does it by itself, or another window has one.
 *
 * Events: `update` (anything changed), `problem` (detail: the error), `sync-end` (detail: the report), `lock` (what is kept here cannot be
 * read any more; detail: why), `gone` (nor will it be: another window has removed it).
 *
 * @typedef {import("../poplar-mail.js").Policy} Policy
 * @typedef {import("../poplar-mail.js").Schedule} Schedule
 * @typedef {import("../poplar-mail.js").Progress} Progress
 * @typedef {import("../poplar-mail.js").SyncReport} SyncReport
 * @typedef {import("./problem.js").Problem} Problem
 * @typedef {{ user: string, server: string, memory: boolean }} About
 * @typedef {import("./locked.js").Reason} Reason
 */

/** Phases that come after the server has accepted the password. */
const SIGNED_IN = new Set(["list", "headers", "retrieve", "delete", "quit"]);

export class Session extends State {
  mailbox;
  sealing;
  about;
  rows;
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  #pace = new Pace();
  /** The schedule has a session under way. */
  #bySchedule = false;
  /** What `problem` was made from: the schedule tells it again. @type {unknown} */
  #failure = null;
  #credentials;
  #forecast;
  /** What is marked for deletion while somebody signs out. @type {Deletions | null} */
  #leaving = null;
  #over = new AbortController();
  /** Somebody leaves, and locks with that. */
  #isLeaving = false;

  /**
   * Opens the local table; nothing is sent yet.
   * @param {{
   *   relay: string, user: string, password: string, server: string, memory: boolean, lockAfterMinutes: number, token?: string
   * }} options
   */
  static async open({ relay, user, password, server, memory, lockAfterMinutes, token }) {
    const credentials = new Credentials(password);
    const storage = memory ? "memory" : "durable";
    const mailbox = await Mailbox.open({ relay, user, credentials: credentials.give, storage, lockAfterMinutes, token, worker: true });
    // A shared computer fetches only what is looked at, unless told otherwise while somebody is signed in.
    if (memory) await mailbox.setPolicy({ retrieve: "headers" });
    return new Session(mailbox, { user, server, memory }, credentials);
  }

  /** @param {Mailbox} mailbox @param {About} about @param {Credentials} credentials */
  constructor(mailbox, about, credentials) {
    super();
    this.mailbox = mailbox;
    this.about = about;
    this.#credentials = credentials;
    this.sealing = new Sealing(mailbox, credentials);
    this.#forecast = new Forecast(mailbox, () => this.changed());
    this.rows = new RowIndex(mailbox, {
      changed: () => this.changed(),
      failed: (error) => this.#fail(problemFrom(error, "sync"), error),
    });
    mailbox.addEventListener("progress", ({ detail }) => this.#progress(detail));
    mailbox.addEventListener("change", ({ detail }) => {
      if (this.accepted) void this.rows.update(detail.ids);
      this.#leaving?.look();
      this.#judge();
    });
    mailbox.addEventListener("lock", ({ detail }) => (detail.locked ? this.#locked(detail.reason) : this.#unlocked()));
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

  /** The user name, where it may be read when nobody is signed in; otherwise empty. */
  get shownUser() {
    return this.about.memory || this.sealing.nameHidden ? "" : this.about.user;
  }

  /** What the policy was when it was last looked at. */
  get policy() {
    return this.#forecast.policy;
  }

  /** What the policy deletes from the server with the next session, though nobody marked it. */
  get due() {
    return this.#forecast.due;
  }

  /** Aborted when it locks or closes: what was to be shown by then is not to come over the card that is there instead. */
  get over() {
    return this.#over.signal;
  }

  /** Who asks the person for the mailbox password, where nothing here knows it. @param {(over: AbortSignal) => Promise<string | null>} ask */
  set askPassword(ask) {
    this.#credentials.ask = async () => (this.isLocked ? null : ask(this.over));
  }

  /**
   * One session with the server. Resolves when it is over, well or not: `problem`, `stopped`, `lost` and `report` say how.
   * @param {{ afresh?: boolean, password?: string }} [options] afresh: the person has said to go on where what was kept here is gone;
   * password: in place of the one that is remembered
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
    this.#credentials.replace(password);
    await this.sync();
  }

  /**
   * Opens what is kept here, and goes on with it; no server has to be there. Rejects as `Mailbox.unlock()` does.
   * @param {string} secret
   */
  async unlock(secret) {
    // Rejects as well where it was locked again in between: then nothing of it is remembered.
    await this.sealing.unlock(secret);
    this.#accept();
    this.mailbox.start();
    this.#judge();
    this.changed();
  }

  /** Opens what is kept here by the password that was given, where no mail server was reached; if there is anything, and it does. */
  async openUnreached() {
    const { password } = this.#credentials;
    const isSealed = await this.sealing.by().catch(() => null);
    if (isSealed === null || password === undefined) return;
    if (this.mailbox.locked) return this.attempt(() => this.unlock(password));
    // A passphrase has opened it already.
    this.#accept();
    this.mailbox.start();
    this.changed();
  }

  /** Signs in with what was given for that, after something else has opened what is kept here. */
  async syncOpened() {
    // By name: the one before, which has opened it, is not to be sent.
    await this.sync({ password: this.#credentials.password });
  }

  /** Gives up what is sealed by a secret that is lost, and signs in. */
  async syncWithoutSealed() {
    await this.mailbox.dropSealed();
    await this.sync();
  }

  /** Locks what is kept here, in every window. */
  lock() {
    return this.attempt(() => this.mailbox.lock());
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
    const leaving = (this.#leaving = new Deletions(this.mailbox, this.rows));
    this.busy = "sign-out";
    this.problem = null;
    void this.sealing.look();
    this.changed();
    try {
      await this.mailbox.signOut();
      const { deleted, left } = await leaving.outcome();
      const stored = this.rows.counts.stored;
      await this.close();
      return { deleted, left, stored };
    } catch (error) {
      this.#fail(problemFrom(error, "sign-out", { pending: leaving.ids.length, memory: this.about.memory }), error);
      return null;
    } finally {
      this.busy = null;
      this.step = null;
      this.#leaving = null;
      this.changed();
    }
  }

  /** Forgets everything kept here; the server is not touched. */
  async clear() {
    this.cancel();
    await this.#running;
    try {
      this.#isLeaving = true;
      await this.mailbox.clear();
      await this.close();
      return true;
    } catch (error) {
      this.#isLeaving = false;
      this.#fail(problemFrom(error, "sync"), error);
      return false;
    }
  }

  /** Leaves without asking the server: locks, in every window, and what is marked for deletion stays marked. */
  async leave() {
    this.#isLeaving = true;
    this.accepted = false;
    // What cannot be locked is let go of all the same.
    if (this.wasOpen) await this.mailbox.lock().catch(() => {});
    await this.close();
  }

  /** Lets go of the mailbox. Never commits a deletion. */
  async close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#over.abort();
    this.cancel();
    this.#credentials.forget();
    this.rows.close();
    this.#forecast.close();
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

  /** A copy was taken in. */
  async imported() {
    if (this.accepted) await this.rows.refresh();
    this.#judge();
  }

  /** @param {{ afresh?: boolean, password?: string }} options */
  async #sync({ afresh, password }) {
    this.#abort = new AbortController();
    const { over } = this;
    this.dismiss();
    this.#begin();
    try {
      await this.mailbox.sync({ password, afresh, signal: this.#abort.signal });
    } catch (error) {
      if (isAbort(error)) this.stopped = !over.aborted;
      else if (!this.lost) this.#fail(problemFrom(error, "sync"), error);
    }
    this.#abort = null;
    this.#end();
    // From here on by itself, as the policy says. Who has just ended a session does not want the next at once.
    if (this.accepted && !this.stopped && this.schedule.state === "off") this.mailbox.start();
  }

  /** Nothing that was opened is kept, and nothing that would open it again. @param {Reason} reason */
  #locked(reason) {
    this.#over.abort();
    this.#over = new AbortController();
    // A sign-out ends with a lock of its own; whoever gets another, in the middle of it, is shown no mail any more.
    if (this.isClosed || this.#isLeaving || reason === "sign-out") return;
    if (!this.accepted) return this.#lockedEarly(reason);
    this.accepted = false;
    this.#credentials.forget();
    this.elsewhere = null;
    this.#forecast.clear();
    const left = this.rows.wanted.length;
    this.rows.clear();
    this.dismiss();
    this.dispatchEvent(new CustomEvent("lock", { detail: { reason, left } }));
  }

  /** Another window has removed what was locked here, or given it up: there is nothing left to unlock. */
  #unlocked() {
    if (this.isClosed || this.#isLeaving || this.accepted || !this.wasOpen) return;
    void this.sealing.by().then((by) => by === null && this.dispatchEvent(new CustomEvent("gone")));
  }

  /** Before any mail was shown: a session under way fails with it; a question that nobody answers is not to wait any more. @param {Reason} reason */
  #lockedEarly(reason) {
    if (this.busy !== null || reason === null) return;
    this.#credentials.forget();
    this.dispatchEvent(new CustomEvent("lock", { detail: { reason, left: 0 } }));
  }

  #begin() {
    this.busy = "sync";
    this.step = null;
    this.#pace = new Pace();
    this.changed();
  }

  #end() {
    this.busy = null;
    this.step = null;
    if (this.accepted) void this.rows.refresh();
    this.#judge();
    this.changed();
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
    if (error && error !== this.#failure && !this.lost && !isAbort(error)) this.#fail(problemFrom(error, "sync"), error);
    else this.changed();
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
      this.step = this.#pace.step(progress);
    }
    this.changed();
  }

  #endedElsewhere() {
    if (this.elsewhere?.progress.phase === "quit") this.checkedAt = new Date();
    this.elsewhere = null;
    this.#judge();
    this.changed();
  }

  /** Finds out what the policy is and would delete, once things are quiet: while a session runs it changes with every message. */
  #judge() {
    if (this.isClosed || !this.accepted || this.busy === "sync") return;
    this.#forecast.refresh();
  }

  #accept() {
    if (this.accepted || this.isClosed || this.#isLeaving || this.mailbox.locked) return;
    this.accepted = true;
    this.wasOpen = true;
    void this.sealing.look();
    void this.rows.refresh();
  }

  /** @param {Problem} problem @param {unknown} error */
  #fail(problem, error) {
    if (this.isClosed) return;
    // What a lock has ended; that it is locked is said by what stands in the place of the mail.
    if (problem.code === "locked" && this.wasOpen) return;
    this.problem = problem;
    this.#failure = error;
    if (problem.code === "auth-failed") this.#credentials.refusal = error;
    this.dispatchEvent(new CustomEvent("problem", { detail: error }));
    this.changed();
  }
}

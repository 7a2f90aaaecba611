import { Mailbox } from "../poplar-mail.js";
import { isAbort, problemFrom } from "./problem.js";
import { RowIndex } from "./row-index.js";

/**
 * One signed-in mailbox as the views see it: what it is doing, what went wrong, what will be deleted. It draws nothing.
 *
 * Events: `update` (anything changed), `problem` (detail: the error), `sync-end` (detail: the report).
 *
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
  /** @type {Date | null} */
  checkedAt = null;
  /** The person ended the last sync. */
  stopped = false;
  /** Why the server refused the password. The same one is not sent again. @type {unknown} */
  refusal = null;
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  /** @type {{ at: number, bytes: number } | null} */
  #rateFrom = null;
  #closed = false;

  /**
   * Opens the local table; nothing is sent yet.
   * @param {{ relay: string, user: string, password: string, server: string, memory: boolean }} options
   */
  static async open({ relay, user, password, server, memory }) {
    /** @type {{ session?: Session }} */
    const holder = {};
    // Asked for, so that a sign-out that failed can be tried again. The password goes with the session.
    const credentials = async (/** @type {{ reason: string }} */ { reason }) => {
      if (reason === "rejected" && holder.session?.refusal) throw holder.session.refusal;
      return { password };
    };
    const mailbox = await Mailbox.open({ relay, user, credentials, storage: memory ? "memory" : "durable", worker: true });
    holder.session = new Session(mailbox, { user, server, memory });
    return holder.session;
  }

  /** @param {Mailbox} mailbox @param {About} about */
  constructor(mailbox, about) {
    super();
    this.mailbox = mailbox;
    this.about = about;
    this.rows = new RowIndex(mailbox, {
      changed: () => this.#update(),
      failed: (error) => this.#fail(problemFrom(error, "sync"), error),
    });
    mailbox.addEventListener("progress", (event) => this.#progress(/** @type {CustomEvent<Progress>} */ (event).detail));
    mailbox.addEventListener("change", (event) => {
      if (this.accepted) void this.rows.update(/** @type {CustomEvent<{ ids: string[] }>} */ (event).detail.ids);
    });
  }

  /** One session with the server. Resolves when it is over, well or not: `problem`, `stopped` and `report` say how. */
  sync() {
    if (this.busy === null) this.#running = this.#sync();
    return this.#running;
  }

  cancel() {
    this.#abort?.abort();
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

  dismiss() {
    this.problem = null;
    this.report = null;
    this.stopped = false;
    this.#update();
  }

  async #sync() {
    this.busy = "sync";
    this.problem = null;
    this.report = null;
    this.stopped = false;
    this.step = null;
    this.#rateFrom = null;
    this.#abort = new AbortController();
    this.#update();
    try {
      // A shared computer fetches only what is looked at; otherwise everything is brought to safety once.
      const retrieve = this.about.memory ? "headers" : "all";
      const report = await this.mailbox.sync({ retrieve, signal: this.#abort.signal });
      this.#accept();
      this.report = report;
      this.checkedAt = new Date();
      this.dispatchEvent(new CustomEvent("sync-end", { detail: report }));
    } catch (error) {
      if (isAbort(error)) this.stopped = true;
      else this.#fail(problemFrom(error, "sync"), error);
    }
    this.busy = null;
    this.step = null;
    this.#abort = null;
    if (this.accepted) void this.rows.refresh();
    this.#update();
  }

  /** @param {Progress} progress */
  #progress(progress) {
    // Of another tab's session: it says nothing of the password that was given here.
    if (progress.elsewhere) return;
    if (SIGNED_IN.has(progress.phase)) this.#accept();
    this.step = { progress, remainingMs: this.#remaining(progress) };
    this.#update();
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
    if (problem.code === "auth-failed") this.refusal = error;
    this.dispatchEvent(new CustomEvent("problem", { detail: error }));
    this.#update();
  }

  #update() {
    if (!this.#closed) this.dispatchEvent(new Event("update"));
  }
}

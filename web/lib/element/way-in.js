import { Idle } from "../mail/idle.js";
import { part } from "../mail/parts.js";
import { whileAtWork } from "./at-work.js";
import { confirm } from "./dom.js";

/** Codes of a sign-in that has not come as far as the mail server. */
const UNREACHED = new Set(["relay-unreachable", "relay-draining", "upstream-unreachable", "upstream-timeout"]);

/**
 * What happens between the card's "sign in" and an open desk: the session with the server, and what is asked on the card before mail can
 * be shown or downloaded.
 *
 * @typedef {import("./session.js").Session} Session
 */
export class WayIn {
  #session;
  #card;
  #ui;
  #root;
  #gone;
  #lockAfterMinutes;
  #takeIn;
  #nobody;

  /**
   * @param {Session} session @param {import("./sign-in.js").SignIn} card
   * @param {{
   *   ui: import("./words.js").Ui, root: ShadowRoot, gone: AbortSignal, lockAfterMinutes: number, takeIn: () => Promise<void>,
   *   nobody: () => void
   * }} around gone: aborted when nobody is there any more who could answer; takeIn: has a copy chosen and taken in; nobody: ends the
   * session, since nobody has answered for so many minutes
   */
  constructor(session, card, { ui, root, gone, lockAfterMinutes, takeIn, nobody }) {
    this.#session = session;
    this.#card = card;
    this.#ui = ui;
    this.#root = root;
    this.#gone = gone;
    this.#lockAfterMinutes = lockAfterMinutes;
    this.#takeIn = takeIn;
    this.#nobody = nobody;
  }

  /** Resolves when the session is accepted, and where it is not: then its `problem` says why, or the person went back. */
  async go() {
    const session = this.#session;
    // What a passphrase seals is opened first: a server may want a pause between two sign-ins.
    const isByPassphrase = session.mailbox.locked && (await session.sealing.by()) === "passphrase";
    if (isByPassphrase) await this.#askSealed("passphrase");
    else await session.sync();
    while (session.problem?.code === "wrong-secret" && !session.accepted) await this.#askSealed("password");
    while (session.lost && !session.accepted) await this.#askLost(session.lost);
    // Nobody was there who could say whether the password is right: what is kept here can.
    if (UNREACHED.has(session.problem?.code ?? "") && !session.accepted && !this.#gone.aborted) await session.openUnreached();
  }

  /** What is kept here needs another secret than the password that was given. @param {import("./locked.js").By} by */
  async #askSealed(by) {
    const { sealedView } = await part(import("./sealed.js"));
    const session = this.#session;
    if (this.#gone.aborted) return session.dismiss();
    const chosen = await this.#ask("back", (/** @type {(chosen: "opened" | "given up" | "back") => void} */ choose) => {
      const giveUp = async (/** @type {{ title: string, lines: string[], confirm: string }} */ words) => {
        if (await confirm(this.#root, { ...words, cancel: this.#ui.t("dialog.cancel") })) choose("given up");
      };
      return sealedView(this.#ui, session, by, { opened: () => choose("opened"), giveUp, back: () => choose("back") });
    });
    session.dismiss();
    if (chosen === "opened") await session.syncOpened();
    else if (chosen === "given up") await session.attempt(() => session.syncWithoutSealed());
  }

  /** What was kept here is gone: nothing is downloaded before the person has chosen. @param {{ stored: number }} lost */
  async #askLost(lost) {
    const { lostView } = await part(import("./lost.js"));
    const session = this.#session;
    if (this.#gone.aborted) return session.dismiss();
    const chosen = await this.#ask("not now", (/** @type {(chosen: "again" | "import" | "not now") => void} */ choose) =>
      lostView(lost, this.#ui, { again: () => choose("again"), import: () => choose("import"), notNow: () => choose("not now") }),
    );
    if (chosen === "again") await session.sync({ afresh: true });
    else if (chosen === "not now") session.dismiss();
    else await this.#takeIn();
  }

  /**
   * Asks on the card, and resolves with what is chosen; whoever is gone has chosen too. The password that was given waits for the answer:
   * whoever comes next is not to be signed in by giving it.
   * @template Chosen @param {Chosen} whenGone @param {(choose: (chosen: Chosen) => void) => Node} question @returns {Promise<Chosen>}
   */
  async #ask(whenGone, question) {
    const answered = new AbortController();
    const idle = new Idle(this.#lockAfterMinutes, this.#nobody, () => {});
    whileAtWork(this.#root, () => idle.active(), answered.signal);
    idle.start();
    try {
      return await new Promise((resolve) => {
        this.#card.ask(question(resolve));
        this.#gone.addEventListener("abort", () => resolve(whenGone), { signal: answered.signal });
      });
    } finally {
      idle.stop();
      answered.abort();
    }
  }
}

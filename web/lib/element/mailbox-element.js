import { part } from "../mail/parts.js";
import { lockMinutes, whileAtWork } from "./at-work.js";
import { CARD } from "./card-styles.js";
import { adopt, closeDialogs, h, revokeUrls, setAttribute } from "./dom.js";
import { chooseLanguage, wishedLanguages } from "./language.js";
import { beforeALock, behindTheCard, prepare } from "./later.js";
import { isMailError, problemFrom, relayProblem } from "./problem.js";
import { fetchUpstreams, keptHere, relayAddress, rememberUpstream, rememberedUpstreams, tunnelUrl } from "./relay.js";
import { SignIn } from "./sign-in.js";
import { SHARED } from "./styles.js";
import { clear, clearKept, saidOfForgotten, signOut } from "./way-out.js";
import { fetchWords, uiFor } from "./words.js";

/**
 * `<poplar-mailbox>`: a mailbox to sign in to, read and tidy, in one element.
 *
 * Attributes, each also a property:
 * - `relay`  a relay (`https://relay.example`) or one mailbox server of it (`wss://relay.example/pop3/NAME`). Default: where this
 *            script came from.
 * - `user`   user name to begin with.
 * - `mode`   `list`, `reader` or `both`; otherwise by the width of the element.
 * - `lang`   language of the words, English or Spanish (`en`, `es`). Otherwise the card offers a choice, which is kept in this browser,
 *            and begins with the language of the page around it, or with the browser's.
 * - `lock-after`  minutes without anybody at work after which it locks, up to 1440; `0`: never. Default 10, also where the value
 *            is no such number.
 *
 * - `token`  access token of a protected relay; a property alone, since attributes end up in files and logs. Where none is set, or another
 *            is wanted, the person is asked for it.
 *
 * - `account`   whose mail it is, read only: `{ user, server, memory, state, asks }`, or `null` where nobody is signed in. `state` is `open`
 *            or `locked`; `user` is empty where a locked mailbox hides it; `asks`: a question waits until the element is seen.
 * - `language`  of its words, read only: a tag such as `es` or `en-US`.
 *
 * Several in one page have the person in front of it in common: who is at work in one is at work in each, and who locks one locks all.
 *
 * Slots: `account` stands in the place of the user and the server, above the filters.
 *
 * Events, none of which bubbles:
 * - `account-change` `account` is another. `detail: { account }`
 * - `message-open`   a message is shown. `detail: { id }`
 * - `before-delete`  a message is about to be marked for deletion; `preventDefault()` keeps it. `detail: { id }`
 * - `sync-end`       a session with the server ended well. `detail: SyncReport`
 * - `error`          something failed; the element says so itself. `detail: { error }`
 * - `language`       the words are in this language from now on. `detail: { language }`, a tag such as `es` or `en-US`
 *
 * The custom state `signed-in` (`:state(signed-in)`) is set while mail is shown. The element fills the box that it is given.
 *
 * @typedef {import("./sign-in.js").Choice} Choice
 * @typedef {import("./sign-in.js").Kept} Kept
 * @typedef {{ user: string, server: string, memory: boolean, state: "open" | "locked", asks: boolean }} Account
 * @typedef {{ said?: readonly string[], mark?: import("./dom.js").IconName, user?: string, memory?: boolean, focus?: boolean }} Beginning
 * how the last session ended, and what the card begins with
 */

/** Node has no elements; importing this there must still work. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * Where the library lies, one folder up; the relay serves it from `/lib/`, so the relay is one folder above that: or above the folder of
 * this build, `/v/BUILD/`, that it has `lib` in as well.
 */
const OWN_RELAY = new URL(new URL("../../", import.meta.url).href.replace(/\/v\/[0-9a-f]{16}\/$/, "/"));

const PROPERTIES = /** @type {const} */ (["relay", "user", "mode", "token"]);

export class PoplarMailboxElement extends Base {
  static observedAttributes = ["relay", "user", "lang"];
  /** All that are in this page. @type {Set<PoplarMailboxElement>} */
  static #together = new Set();

  #internals;
  #root;
  #screen;
  /** @type {import("./words.js").Ui | null} */
  #ui = null;
  /** @type {SignIn | null} */
  #signIn = null;
  /** @type {import("./session.js").Session | null} */
  #session = null;
  /** @type {import("./desk.js").Desk | null} */
  #desk = null;
  /** @type {import("./locked.js").LockView | null} */
  #lock = null;
  /** What the relay was last shown, kept for as long as the element is. @type {string | undefined} */
  #token;
  /** Set while somebody signs in. @type {boolean} */
  #signingIn = false;
  /** A question waits until somebody sees the element. */
  #asks = false;
  /** As it was last announced. */
  #announced = "null";
  /** Ends what was started for the present address and language. */
  #start = new AbortController();

  constructor() {
    super();
    this.#internals = this.attachInternals();
    this.#root = this.attachShadow({ mode: "open" });
    adopt(this.#root, SHARED);
    adopt(this.#root, CARD);
    this.#screen = h("div", { class: "app" });
    this.#root.append(this.#screen);
    // Dialogs lie beside the screen, and speak as it does.
    new MutationObserver(() => this.#speak()).observe(this.#root, { childList: true });
    whileAtWork(this.#root, () => PoplarMailboxElement.#inEach((session) => session.mailbox.active()));
  }

  get relay() {
    return this.getAttribute("relay") ?? "";
  }

  set relay(value) {
    this.setAttribute("relay", value);
  }

  get user() {
    return this.getAttribute("user") ?? "";
  }

  set user(value) {
    this.setAttribute("user", value);
  }

  get mode() {
    return this.getAttribute("mode") ?? "";
  }

  set mode(value) {
    this.setAttribute("mode", value);
  }

  get token() {
    return this.#token ?? "";
  }

  set token(value) {
    this.#token = value || undefined;
  }

  /** @returns {Account | null} */
  get account() {
    const session = this.#session;
    const state = this.#desk ? "open" : this.#lock ? "locked" : null;
    if (!session || !state) return null;
    const { user, server, memory } = session.about;
    return { user: state === "open" ? user : session.shownUser, server, memory, state, asks: this.#asks };
  }

  get language() {
    return this.#ui?.t.locale ?? "";
  }

  /** Puts the keyboard where the person goes on: the empty field of the sign-in card, or the list. */
  focus() {
    (this.#desk ?? this.#lock ?? this.#signIn)?.focus();
  }

  /** Shows a message, once signed in. @param {string} id */
  open(id) {
    this.#desk?.open(id);
  }

  connectedCallback() {
    PoplarMailboxElement.#together.add(this);
    for (const name of PROPERTIES) this.#reapply(name);
    if (!this.#signIn && !this.#session) void this.#begin();
  }

  /** Moving an element disconnects and connects it; only one that stays away lets go of its mailbox. */
  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) void this.#end();
    });
  }

  /** Takes effect at the sign-in card; a mailbox that is open stays open. */
  attributeChangedCallback() {
    if (this.#signIn && !this.#session) void this.#begin();
  }

  /** Shows the sign-in card and asks the relay what it offers. @param {Beginning} [beginning] */
  async #begin({ said = [], mark = "check", user = this.user, memory = false, focus = this.hasAttribute("autofocus") } = {}) {
    this.#start.abort();
    this.#start = new AbortController();
    const { signal } = this.#start;
    const wished = wishedLanguages(this);
    const words = fetchWords(wished);
    if (words) {
      await words;
      // Gone, begun anew, or signed in on the card before, meanwhile.
      if (signal.aborted || this.#signingIn) return;
    }
    const ui = uiFor(wished, this.#relayHost());
    this.#ui = ui;
    this.#speak();
    this.#announce("language", { language: ui.t.locale });
    const signIn = new SignIn(ui, memory, {
      signIn: (choice) => void this.#connect(choice),
      retry: () => void this.#begin(),
      clear: (kept) => void this.#clearKept(kept),
      speak: this.getAttribute("lang") ? null : (language, user, memory) => {
        chooseLanguage(language);
        void this.#begin({ user, memory, focus: true });
      },
    });
    this.#signIn = signIn;
    this.#show(signIn.element);
    if (said.length > 0) signIn.say(said, mark);
    void this.#offer(signIn, user, focus, signal);
  }

  /** @param {SignIn} signIn @param {string} user @param {boolean} focus @param {AbortSignal} signal */
  async #offer(signIn, user, focus, signal) {
    try {
      const upstreams = await fetchUpstreams(this.#address(), signal);
      const kept = await keptHere(upstreams);
      if (signal.aborted) return;
      signIn.offer(upstreams, kept, user);
      if (focus) signIn.focus();
      prepare();
    } catch (error) {
      if (signal.aborted) return;
      const isUnreachable = isMailError(error) && error.code === "relay-unreachable";
      const known = isUnreachable ? rememberedUpstreams(this.#address()) : [];
      const kept = known.length > 0 ? await keptHere(known) : [];
      if (signal.aborted) return;
      // What is kept here opens without the relay.
      if (kept.length > 0) signIn.offer(known, kept, user, true);
      // An address that is none, or an answer that is not the relay's.
      signIn.fail(isMailError(error) ? problemFrom(error, "sync") : relayProblem());
      this.#announce("error", { error });
    }
  }

  /** @param {Choice} choice */
  async #connect({ user, password, upstream, memory, token = this.#token }) {
    const signIn = this.#signIn;
    const ui = this.#ui;
    const gone = this.#start.signal;
    if (!signIn || !ui || this.#session || this.#signingIn) return;
    this.#signingIn = true;
    this.#token = token;
    try {
      const [{ Session }, { WayIn }, { Desk }] = await behindTheCard();
      const relay = tunnelUrl(this.#address(), upstream.name);
      const lockAfterMinutes = lockMinutes(this.getAttribute("lock-after"));
      const session = await Session.open({ relay, user, password, server: upstream.label, memory, lockAfterMinutes, token });
      // The element was removed, or given another address, meanwhile.
      if (gone.aborted) return await session.close();
      this.#session = session;
      session.addEventListener("update", () => this.#follow(session, Desk, upstream));
      session.addEventListener("problem", (event) => this.#announce("error", { error: /** @type {CustomEvent} */ (event).detail }));
      session.addEventListener("sync-end", (event) => this.#announce("sync-end", /** @type {CustomEvent} */ (event).detail));
      session.askPassword = async (over) => {
        const { askPassword } = await part(import("./password.js"));
        // A question above a mailbox that is not shown would keep everything else from being used, and not be seen itself.
        await this.#seen(over);
        return over.aborted ? null : askPassword(this.#root, user, ui, "password.ask");
      };
      session.addEventListener("lock", (event) => void this.#locked(session, /** @type {CustomEvent} */ (event).detail));
      session.addEventListener("gone", () => void this.#leave([ui.t("notice.gone")], "lock"));
      const takeIn = () => this.#import(session);
      const nobody = () => void this.#leave([ui.t("notice.unanswered")], "lock");
      await new WayIn(session, signIn, { ui, root: this.#root, gone, lockAfterMinutes, takeIn, nobody }).go();
      // One that was open by then and has locked again is behind its own card.
      if (!session.wasOpen) await this.#refused(session);
    } catch (error) {
      const session = this.#session;
      this.#session = null;
      await session?.close();
      signIn.fail(problemFrom(error, "sync"));
      this.#announce("error", { error });
    } finally {
      this.#signingIn = false;
    }
  }

  /**
   * What is stored is shown as soon as the server has accepted the password, and not before.
   * @param {import("./session.js").Session} session
   * @param {typeof import("./desk.js").Desk} Desk
   * @param {import("./relay.js").Upstream} upstream
   */
  #follow(session, Desk, upstream) {
    if (session !== this.#session) return;
    if (!session.accepted) {
      this.#signIn?.connecting(session);
    } else if (!this.#desk && this.#ui) {
      this.#desk = new Desk(this.#root, this.#ui, session, {
        opened: (id) => this.#announce("message-open", { id }),
        hasReader: () => this.mode !== "list",
        mayDelete: (id) => this.#announce("before-delete", { id }, true),
        failed: (error) => this.#announce("error", { error }),
        settings: () => void this.#settings(session),
        lock: () => PoplarMailboxElement.#inEach((session) => void session.lock()),
        import: () => void this.#import(session),
        signOut: () => void this.#signOut(),
        leave: () => void this.#leave([]),
        clear: () => void this.#clear(),
      });
      this.#signIn = null;
      this.#lock?.close();
      this.#lock = null;
      this.#show(this.#desk.element);
      this.#desk.refresh();
      this.#desk.focus();
      if (!session.about.memory) rememberUpstream(this.#address(), upstream);
      void beforeALock();
    }
  }

  /**
   * What is kept here cannot be read any more, so nothing of it is shown any more.
   * @param {import("./session.js").Session} session @param {{ reason: import("./locked.js").Reason, left: number }} detail
   */
  async #locked(session, { reason, left }) {
    const ui = this.#ui;
    if (session !== this.#session || !ui) return;
    if (!session.wasOpen) return this.#leave([ui.t(reason === "elsewhere" ? "notice.locked" : "notice.unanswered")], "lock");
    this.#hide();
    if (session.about.memory) return this.#leave(saidOfForgotten(left, ui), "lock");
    const locked = await part(import("./locked.js")).catch(() => null);
    // Unlocked again, or left, meanwhile.
    if (session !== this.#session || this.#desk || session.accepted) return;
    if (!locked) return this.#leave([ui.t("notice.locked")], "lock");
    this.#lock?.close();
    this.#lock = new locked.LockView(ui, session, reason, { signOut: (said) => void this.#leave([said]), clear: () => void this.#clear() });
    this.#show(this.#lock.element);
    this.#lock.focus();
  }

  /** Resolves once the element is shown, or `over` is aborted. @param {AbortSignal} over @returns {Promise<void>} */
  async #seen(over) {
    if (this.checkVisibility()) return;
    this.#asks = true;
    this.#announceAccount();
    await new Promise((resolve) => {
      const observer = new ResizeObserver(() => this.checkVisibility() && done());
      const done = () => {
        observer.disconnect();
        resolve(undefined);
      };
      observer.observe(this);
      over.addEventListener("abort", done);
    });
    this.#asks = false;
    this.#announceAccount();
  }

  /** Takes in a copy, and goes on where the session stopped because what was kept here is gone. @param {import("./session.js").Session} session */
  #import(session) {
    const ui = this.#ui;
    const { over } = session;
    return session.attempt(async () => {
      const { importInDialog, pickCopy } = await part(import("./copies.js"));
      const file = await pickCopy();
      if (!ui || !file || over.aborted) return;
      if ((await importInDialog(this.#root, ui, session, file)) && !over.aborted) await session.sync();
    });
  }

  /** @param {import("./session.js").Session} session */
  #settings(session) {
    const ui = this.#ui;
    const { over } = session;
    return session.attempt(async () => {
      const { openSettings } = await part(import("./settings.js"));
      if (ui && !over.aborted) await openSettings(this.#root, ui, session);
    });
  }

  /** The sign-in did not succeed: the card says why, and has everything but the password. @param {import("./session.js").Session} session */
  async #refused(session) {
    const { problem } = session;
    if (session !== this.#session) return;
    this.#session = null;
    await session.close();
    if (problem) this.#signIn?.fail(problem);
    else this.#signIn?.ready();
  }

  async #signOut() {
    const session = this.#session;
    const said = session && this.#ui && (await signOut(session, this.#ui));
    if (said) this.#return(session, said);
  }

  /**
   * Leaves without asking the server: what is marked for deletion stays marked.
   * @param {readonly string[]} said @param {import("./dom.js").IconName} [mark]
   */
  async #leave(said, mark) {
    const session = this.#session;
    if (!session) return;
    this.#hide();
    await session.leave();
    this.#return(session, said, mark);
  }

  async #clear() {
    const session = this.#session;
    const said = session && this.#ui && (await clear(this.#root, session, this.#ui));
    if (said) this.#return(session, said);
  }

  /** The same from the sign-in card, where no session is open. @param {Kept} kept */
  async #clearKept({ user, upstream, stored }) {
    const signIn = this.#signIn;
    if (!this.#ui) return;
    // A session of another window is waited for, and somebody may sign in, or have signed in, meanwhile.
    const isShown = () => signIn === this.#signIn && !this.#session && !this.#signingIn;
    try {
      const said = await clearKept(this.#root, { relay: tunnelUrl(this.#address(), upstream.name), user, stored }, this.#ui);
      if (said && isShown()) void this.#begin({ said, user });
    } catch (error) {
      if (isShown()) signIn?.fail(problemFrom(error, "sync"));
      this.#announce("error", { error });
    }
  }

  /**
   * Back to the sign-in card, unless somebody has left already.
   * @param {import("./session.js").Session} session @param {readonly string[]} said @param {import("./dom.js").IconName} [mark]
   */
  #return(session, said, mark) {
    if (session !== this.#session) return;
    this.#session = null;
    this.#hide();
    void this.#begin({ said, mark, user: session.shownUser, memory: session.about.memory });
  }

  async #end() {
    const session = this.#session;
    PoplarMailboxElement.#together.delete(this);
    this.#start.abort();
    this.#signIn = null;
    this.#session = null;
    this.#hide();
    await session?.close();
  }

  /** Nothing of a session is to be seen any more: whoever sees the element next may be somebody else. */
  #hide() {
    this.#desk?.close();
    this.#desk = null;
    this.#lock?.close();
    this.#lock = null;
    this.#show();
    closeDialogs(this.#root);
    revokeUrls();
  }

  /** @param {...Node} views */
  #show(...views) {
    this.#screen.replaceChildren(...views);
    this.#internals.states[this.#desk ? "add" : "delete"]("signed-in");
    this.#announceAccount();
  }

  #announceAccount() {
    const { account } = this;
    const said = JSON.stringify(account);
    if (said === this.#announced) return;
    this.#announced = said;
    this.#announce("account-change", { account });
  }

  /** Says in which language the words are, for whatever reads them out. */
  #speak() {
    for (const view of this.#root.children) setAttribute(view, "lang", this.#ui?.t.locale);
  }

  #address() {
    return this.relay ? relayAddress(this.relay, document.baseURI) : relayAddress(OWN_RELAY.href, OWN_RELAY);
  }

  #relayHost() {
    try {
      return this.#address().base.host;
    } catch {
      return this.relay; // no address: asking it what it offers says so
    }
  }

  /** @param {string} type @param {object} detail @param {boolean} [cancelable] @returns {boolean} whether nobody objected */
  #announce(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable }));
  }

  /** @param {(session: import("./session.js").Session) => void} act on each mailbox of this page that is open */
  static #inEach(act) {
    for (const element of PoplarMailboxElement.#together) if (element.#session) act(element.#session);
  }

  /** A property set before the element was defined hides the accessor: set it again through it. @param {typeof PROPERTIES[number]} name */
  #reapply(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete (/** @type {Record<string, unknown>} */ (/** @type {unknown} */ (this))[name]);
    this[name] = value;
  }
}

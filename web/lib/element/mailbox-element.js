import { accounts as accountsKept, warmUp } from "../mail/accounts.js";
import { confirm, h } from "./dom.js";
import { problemFrom, relayProblem } from "./problem.js";
import { fetchUpstreams, relayAddress, tunnelUrl, upstreamOf } from "./relay.js";
import { SignIn } from "./sign-in.js";
import { styleSheets } from "./styles.js";
import { uiFor } from "./words.js";

/**
 * `<poplar-mailbox>`: a mailbox to sign in to, read and tidy, in one element.
 *
 * Attributes, each also a property:
 * - `relay`  a relay (`https://relay.example`) or one mailbox server of it (`wss://relay.example/pop3/NAME`). Default: where this
 *            script came from.
 * - `user`   user name to begin with.
 * - `mode`   `list`, `reader` or `both`; otherwise by the width of the element.
 * - `lang`   language of the words; otherwise the browser's.
 *
 * Events, none of which bubbles:
 * - `message-open`   a message is shown. `detail: { id }`
 * - `before-delete`  a message is about to be marked for deletion; `preventDefault()` keeps it. `detail: { id }`
 * - `sync-end`       a session with the server ended well. `detail: SyncReport`
 * - `error`          something failed; the element says so itself. `detail: { error }`
 *
 * The custom state `signed-in` (`:state(signed-in)`) is set while mail is shown. The element fills the box that it is given.
 *
 * @typedef {import("./sign-in.js").Choice} Choice
 * @typedef {import("./sign-in.js").Kept} Kept
 */

/** Node has no elements; importing this there must still work. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** Where the library lies, one folder up; the relay serves it from `/lib/`, so the relay is one folder above that. */
const OWN_RELAY = new URL("../../", import.meta.url);

/** What is behind the sign-in card, most of the library included, comes when somebody signs in: a first visit loads the card only. */
const behindTheCard = () => loaded(Promise.all([import("./session.js"), import("./desk.js"), import("./lost.js")]));

/** What comes later may not come at all. @template T @param {Promise<T>} modules */
const loaded = (modules) =>
  modules.catch((cause) => {
    throw Object.assign(new Error("the relay that served this page is gone", { cause }), relayProblem());
  });

/** What fails to come early is asked for again when it is needed, and missed then. */
const prepare = () => Promise.allSettled([behindTheCard(), warmUp()]);

/** Runs something once the browser has nothing better to do; Safari does not say when that is. */
const whenIdle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 500));

const PROPERTIES = /** @type {const} */ (["relay", "user", "mode"]);

export class PoplarMailboxElement extends Base {
  static observedAttributes = ["relay", "user", "lang"];

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
  /** Set while somebody signs in. @type {boolean} */
  #signingIn = false;
  /** Ends what was started for the present address and language. */
  #start = new AbortController();

  constructor() {
    super();
    this.#internals = this.attachInternals();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = styleSheets();
    this.#screen = h("div", { class: "app" });
    this.#root.append(this.#screen);
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

  /** Puts the keyboard where the person goes on: the empty field of the sign-in card, or the list. */
  focus() {
    (this.#desk ?? this.#signIn)?.focus();
  }

  /** Shows a message, once signed in. @param {string} id */
  open(id) {
    this.#desk?.open(id);
  }

  connectedCallback() {
    for (const name of PROPERTIES) this.#reapply(name);
    if (!this.#signIn && !this.#desk) this.#begin();
  }

  /** Moving an element disconnects and connects it; only one that stays away lets go of its mailbox. */
  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) void this.#end();
    });
  }

  /** Takes effect at the sign-in card; a mailbox that is open stays open. */
  attributeChangedCallback() {
    if (this.#signIn && !this.#session) this.#begin();
  }

  /** Shows the sign-in card and asks the relay what it offers. @param {readonly string[]} said how the last session ended */
  #begin(said = [], user = this.user) {
    this.#start.abort();
    this.#start = new AbortController();
    const ui = uiFor(this.closest("[lang]")?.getAttribute("lang") ?? null);
    this.#ui = ui;
    const signIn = new SignIn(ui, {
      signIn: (choice) => void this.#connect(choice),
      retry: () => this.#begin(),
      clear: (kept) => void this.#clearKept(kept),
    });
    this.#signIn = signIn;
    this.#show(signIn.element);
    if (said.length > 0) signIn.say(said);
    void this.#offer(signIn, user, this.#start.signal);
  }

  /** @param {SignIn} signIn @param {string} user @param {AbortSignal} signal */
  async #offer(signIn, user, signal) {
    try {
      const upstreams = await fetchUpstreams(this.#address(), signal);
      const kept = await this.#keptHere(upstreams);
      if (signal.aborted) return;
      signIn.offer(upstreams, kept, user);
      if (this.hasAttribute("autofocus")) signIn.focus();
      // Somebody who sees the card is about to sign in: what that needs is fetched meanwhile, where fetching costs nothing.
      if (!(/** @type {any} */ (navigator).connection?.saveData)) whenIdle(() => void prepare());
    } catch (error) {
      if (signal.aborted) return;
      signIn.fail(relayProblem());
      this.#announce("error", { error });
    }
  }

  /** @param {readonly import("./relay.js").Upstream[]} upstreams @returns {Promise<Kept[]>} */
  async #keptHere(upstreams) {
    try {
      const accounts = await accountsKept({ worker: true });
      return accounts.flatMap(({ relay, user, messages, stored }) => {
        const upstream = upstreamOf(relay, upstreams);
        return upstream ? [{ user, upstream, messages, stored }] : [];
      });
    } catch {
      return []; // no storage in this browser or window: signing in says so, and can do without
    }
  }

  /** @param {Choice} choice */
  async #connect({ user, password, upstream, memory }) {
    const signIn = this.#signIn;
    if (!signIn || this.#session || this.#signingIn) return;
    this.#signingIn = true;
    try {
      const [{ Session }, { Desk }, { lostView }] = await behindTheCard();
      const relay = tunnelUrl(this.#address(), upstream.name);
      const session = await Session.open({ relay, user, password, server: upstream.label, memory });
      // The element was removed, or given another address, meanwhile.
      if (signIn !== this.#signIn) return await session.close();
      this.#session = session;
      session.addEventListener("update", () => this.#follow(session, Desk));
      session.addEventListener("problem", (event) => this.#announce("error", { error: /** @type {CustomEvent} */ (event).detail }));
      session.addEventListener("sync-end", (event) => this.#announce("sync-end", /** @type {CustomEvent} */ (event).detail));
      await session.sync();
      while (session.lost && !session.accepted) await this.#askLost(session, lostView);
      if (!session.accepted) await this.#refused(session);
    } catch (error) {
      this.#session = null;
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
   */
  #follow(session, Desk) {
    if (session !== this.#session) return;
    if (!session.accepted) {
      this.#signIn?.connecting(session);
    } else if (!this.#desk && this.#ui) {
      this.#desk = new Desk(this.#ui, session, {
        opened: (id) => this.#announce("message-open", { id }),
        hasReader: () => this.mode !== "list",
        mayDelete: (id) => this.#announce("before-delete", { id }, true),
        failed: (error) => this.#announce("error", { error }),
        settings: () => void this.#settings(session),
        import: () => void this.#import(session),
        signOut: () => void this.#signOut(),
        leave: () => void this.#leave([]),
        clear: () => void this.#clear(),
      });
      this.#signIn = null;
      this.#show(this.#desk.element);
      this.#desk.refresh();
      this.#desk.focus();
    }
  }

  /**
   * What was kept here is gone: nothing is downloaded before the person has chosen.
   * @param {import("./session.js").Session} session @param {typeof import("./lost.js").lostView} lostView
   */
  async #askLost(session, lostView) {
    const { lost } = session;
    const ui = this.#ui;
    if (!lost || !ui || session !== this.#session) return session.dismiss();
    const chosen = await new Promise((/** @type {(chosen: "again" | "import" | "not now") => void} */ choose) => {
      const actions = { again: () => choose("again"), import: () => choose("import"), notNow: () => choose("not now") };
      this.#signIn?.ask(lostView(lost, ui, actions));
      this.#start.signal.addEventListener("abort", () => choose("not now"), { once: true });
    });
    if (chosen === "again") await session.sync({ afresh: true });
    else if (chosen === "not now") session.dismiss();
    else await this.#import(session);
  }

  /** Takes in a copy, and goes on where the session stopped because what was kept here is gone. @param {import("./session.js").Session} session */
  #import(session) {
    const ui = this.#ui;
    return session.attempt(async () => {
      const { importInDialog, pickCopy } = await loaded(import("./copies.js"));
      const file = await pickCopy();
      if (ui && file && (await importInDialog(this.#root, ui, session, file))) await session.sync();
    });
  }

  /** @param {import("./session.js").Session} session */
  #settings(session) {
    const ui = this.#ui;
    return session.attempt(async () => {
      const { openSettings } = await loaded(import("./settings.js"));
      if (ui && session === this.#session) await openSettings(this.#root, ui, session);
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
    const t = this.#ui?.t;
    if (!session || !t) return;
    const { user, memory } = session.about;
    const result = await session.signOut();
    if (!result) return;
    const said = [t("notice.signedOut")];
    if (result.deleted > 0) said.push(t("notice.deleted", { n: result.deleted }));
    if (result.left > 0) said.push(t("notice.notDeleted", { n: result.left }));
    said.push(memory ? t("notice.signedOut.memory") : t("notice.signedOut.kept", { n: result.stored }));
    this.#return(said, user);
  }

  /** Leaves without asking the server: what is marked for deletion stays marked. @param {readonly string[]} said */
  async #leave(said) {
    const session = this.#session;
    if (!session) return;
    await session.close();
    this.#return(said, session.about.user);
  }

  async #clear() {
    const session = this.#session;
    const t = this.#ui?.t;
    if (!session || !t) return;
    const { user } = session.about;
    const { stored, onlyHere } = session.rows.counts;
    const lines = [t("clear.body", { n: stored, user }), t("clear.again")];
    if (onlyHere > 0) lines.push(t("clear.lost", { n: onlyHere }));
    if (!(await this.#confirmClear(lines))) return;
    if (await session.clear()) this.#return([t("notice.cleared", { user })], user);
  }

  /** The same from the sign-in card, where no session is open. @param {Kept} kept */
  async #clearKept({ user, upstream, stored }) {
    const t = this.#ui?.t;
    const signIn = this.#signIn;
    if (!t || !(await this.#confirmClear([t("clear.body", { n: stored, user }), t("clear.again"), t("clear.unknown")]))) return;
    // A session of another window is waited for, and somebody may sign in, or have signed in, meanwhile.
    const isShown = () => signIn === this.#signIn && !this.#session && !this.#signingIn;
    try {
      const { Mailbox } = await import("../poplar-mail.js");
      const mailbox = await Mailbox.open({ relay: tunnelUrl(this.#address(), upstream.name), user, worker: true });
      await mailbox.clear();
      await mailbox.close();
      if (isShown()) this.#begin([t("notice.cleared", { user })], user);
    } catch (error) {
      if (isShown()) signIn?.fail(problemFrom(error, "sync"));
      this.#announce("error", { error });
    }
  }

  /** @param {string[]} lines */
  async #confirmClear(lines) {
    const t = this.#ui?.t;
    return t ? confirm(this.#root, { title: t("clear.title"), lines, confirm: t("clear.confirm"), cancel: t("dialog.cancel") }) : false;
  }

  /** Back to the sign-in card. @param {readonly string[]} said @param {string} user */
  #return(said, user) {
    this.#desk?.close();
    this.#desk = null;
    this.#session = null;
    this.#begin(said, user);
  }

  async #end() {
    const session = this.#session;
    this.#start.abort();
    this.#desk?.close();
    this.#desk = null;
    this.#signIn = null;
    this.#session = null;
    this.#show();
    // What they say is of this session, and whoever sees the element next may be somebody else.
    for (const dialog of this.#root.querySelectorAll("dialog")) dialog.close();
    await session?.close();
  }

  /** @param {...Node} views */
  #show(...views) {
    this.#screen.replaceChildren(...views);
    this.#internals.states[this.#desk ? "add" : "delete"]("signed-in");
  }

  #address() {
    return this.relay ? relayAddress(this.relay, document.baseURI) : relayAddress(OWN_RELAY.href, OWN_RELAY);
  }

  /** @param {string} type @param {object} detail @param {boolean} [cancelable] @returns {boolean} whether nobody objected */
  #announce(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable }));
  }

  /** A property set before the element was defined hides the accessor: set it again through it. @param {typeof PROPERTIES[number]} name */
  #reapply(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete (/** @type {Record<string, unknown>} */ (/** @type {unknown} */ (this))[name]);
    this[name] = value;
  }
}

// The public API of the library. Names, shapes and error codes are stable; more may be added.
// Numbers are JS numbers (safe integers). Octet counts are what the server says or what was stored, as noted.

export interface TunnelOptions {
  signal?: AbortSignal;
  /** Longest silence while a reply is due, in ms; default 60 000. Progress counts as life. */
  timeoutMs?: number;
  /** "auto": when CAPA advertises it. "probe": find out by two NOOPs. "off": one command at a time. Default "auto". */
  pipelining?: "auto" | "probe" | "off";
  /**
   * How to sign in. "auto": USER and PASS, as the guide has it; SASL PLAIN or LOGIN where the server offers no USER; OAUTHBEARER or
   * XOAUTH2 with a token. "apop" is never chosen by itself. Default "auto".
   */
  signIn?: "auto" | "user" | "plain" | "login" | "xoauth2" | "oauthbearer" | "apop";
  /** Access token of a protected relay. Travels as a subprotocol, never in a URL. */
  token?: string;
}

/** One POP3 session: the guide's commands, one method each. Calls may overlap; they are answered in order. */
export class Pop3Session {
  static connect(relay: string | URL, options?: TunnelOptions): Promise<Pop3Session>;
  readonly greeting: string;
  capa(): Promise<string[]>;                                   // [] where the server has no CAPA
  login(user: string, password: string | Credentials): Promise<void>;   // USER, PASS, or as `signIn` has it
  stat(): Promise<{ count: number; octets: number }>;
  list(): Promise<{ number: number; octets: number }[]>;
  list(n: number): Promise<{ number: number; octets: number }>;
  uidl(): Promise<{ number: number; uid: string }[]>;          // uid: one code unit per byte (Latin-1), opaque
  uidl(n: number): Promise<{ number: number; uid: string }>;
  top(n: number, lines: number): Promise<Uint8Array>;          // dot-unstuffed bytes
  retr(n: number): Promise<Uint8Array>;                        // dot-unstuffed, byte for byte what the server sent, without the final "."
  retrStream(n: number): AsyncIterable<Uint8Array>;
  dele(n: number): Promise<void>;
  rset(): Promise<void>;
  noop(): Promise<void>;
  quit(): Promise<void>;                                       // resolves on +OK; afterwards every call rejects with code "closed"
  close(): void;                                               // drops the tunnel without QUIT: deletions do not take effect
}

export type Credentials = { password: string } | { oauthToken: string };

export interface MailboxOptions extends TunnelOptions {
  relay: string | URL;                                         // ws(s)://host/pop3/NAME
  user: string;
  /** Name of the local table. Default: upstream name + "/" + user, so that another relay address finds the same table. */
  account?: string;
  credentials?: Credentials | ((why: { account: string; reason: "sync" | "retrieve" | "sign-out" | "rejected" }) => Promise<Credentials>);
  /**
   * Secret that seals the local copy, where it is not to be the mailbox password; needed where sign-in is by token. Used when
   * the first message is stored, and for `sync()` to open what is here, until it locks: from then on it is `unlock()` that needs it.
   */
  passphrase?: string;
  /** "memory" keeps nothing on this computer. Default "durable": sealed at rest. */
  storage?: "durable" | "memory";
  /** Locks when nobody has been at work for so long, in any tab, and after the computer slept; see `active()`. 0: never. Default 10. */
  lockAfterMinutes?: number;
  /**
   * Run the client in a worker of its own, so that retrieving, storing and parsing never hold up the page, and a lock ends it.
   * Where no worker can be made (the library comes from another origin, or a content policy is against it) it runs in the page.
   * Default false.
   */
  worker?: boolean;
}

/** What a sync retrieves, what it leaves on the server, and how often there is one by itself. Kept with the account. */
export interface Policy {
  /** Whole messages, headers only, or nothing; `under`: whole messages up to so many octets, and the headers of larger ones. Default "all". */
  retrieve: "none" | "headers" | "all" | { under: number };
  /** Which messages come first. Default "newest". */
  order: "newest" | "oldest";
  /**
   * What stays on the server: everything; what was not deleted here; what was retrieved within so many days; nothing that is stored
   * here. Only messages that this browser keeps with their bytes are ever deleted by a policy. Default "until-deleted".
   */
  leave: "everything" | "until-deleted" | { days: number } | "nothing";
  /** Minutes from one automatic sync to the next, after `start()`, and never more often than the server allows; 0: none, the default. */
  everyMinutes: number;
}

/** What the scheduler of automatic syncs is doing. */
export interface Schedule {
  /**
   * "off": not started, or the policy has none. "waiting": until `nextAt`. "running": a session is under way. "elsewhere": another tab
   * syncs for all; this one takes over when it goes. "offline": until the network is back. "stopped": by `error`, which no time mends,
   * until `start()` or a sync() that goes well.
   */
  state: "off" | "waiting" | "running" | "elsewhere" | "offline" | "stopped";
  nextAt: Date | null;
  /** What the last session failed with: with "waiting", it is tried again. What `credentials` threw is passed on as it is. */
  error: MailError | null;
}

export interface Row {
  id: string;                                                  // opaque, stable for as long as the message is kept here
  uid: string;
  subject: string; from: string; preview: string;              // decoded; preview: first line of text, where known
  date: Date | null;
  size: number;                                                // octets, as LIST said
  stored: boolean; unconfirmed: boolean; read: boolean; onServer: boolean; hasAttachments: boolean;
  /** Subject, sender and date are known: from TOP, or from the message itself. */
  hasHeaders: boolean;
  deletion: "none" | "wanted" | "sent" | "confirmed";
  /** Recognised under a new UID by place, size and headers; no policy deletes it. */
  matched: boolean;
  /** Comes from a backup; no policy deletes it. */
  imported: boolean;
  /** Subject, sender and date were changed, damaged or removed in this browser's storage, and are not shown. */
  damaged: boolean;
}

/** One entry of the audit log. `ids`: the messages, by `Row.id`. */
export interface LogEntry {
  n: number;
  at: Date;
  what: "opened" | "saved" | "exported" | "imported" | "printed" | "deleted" | "unlocked" | "failed unlock" | "locked" | "resealed";
  ids: string[];
}

export interface SyncReport {
  retrieved: number; headers: number; deleted: number; bytes: number;   // counts of this session
  remaining: number;                                           // still only on the server
  matched: number;                                             // recognised under new UIDs, and not retrieved again
  skipped: { id: string; code: string; serverText: string }[];
}

export interface Message {
  id: string; headers: { name: string; value: string }[];
  subject: string; from: string; to: string[]; cc: string[]; date: Date | null;
  text: string; html: string | null;                           // html: decoded, NOT sanitised
  attachments: { index: number; name: string; type: string; declaredType: string; size: number; inline: boolean; contentId: string | null }[];
  /** What it says became of another message, where it is a report of that. */
  reports: Report[];
}

/** A command and what became of it. */
export interface Spoken {
  at: Date;
  said: string;                                                // "RETR 12", "USER …"; or what happened: "connected", "not connected", "ended"
  answer: string;                                              // "+OK", "-ERR [IN-USE]" or "+"; of what happened, a code of MailError; "" where none has come
  tookMs: number;
}

/** What became of a message for one of its recipients. */
export interface Report {
  /**
   * "delivered", "delayed", "failed", "relayed" or "expanded" by a mail server (RFC 3464); "displayed", "deleted", "dispatched",
   * "processed", "denied" or "error" by who received it, or a service in their place (RFC 8098).
   */
  kind: "delivered" | "delayed" | "failed" | "relayed" | "expanded" | "displayed" | "deleted" | "dispatched" | "processed" | "denied" | "error" | "unknown";
  recipient: string;                                           // address; "" where it is not said
  status: string | null;                                       // such as "5.1.1" (RFC 3463)
  words: string;                                               // what the reporting system says in its own words, decoded; "" where nothing
  original: string | null;                                     // Message-ID of what is reported on, with its angle brackets
}

export interface Progress { phase: "connect" | "login" | "list" | "headers" | "retrieve" | "delete" | "quit"; done: number; total: number; bytes: number; totalBytes: number; elsewhere?: true }

/** Messages and octets of an export or import. */
export interface BackupProgress { done: number; total: number; bytes: number; totalBytes: number }

/** The mailbox: UID table, exactly-once retrieval, policies, reading. */
export class Mailbox extends EventTarget {
  static open(options: MailboxOptions): Promise<Mailbox>;
  /** What is kept in this browser for this origin. */
  static accounts(options?: { worker?: boolean }): Promise<{ account: string; relay: string; user: string; hidden?: true; messages: number; stored: number }[]>;
  /**
   * One session: list, retrieve, apply wanted deletions, QUIT. One attempt; rejects rather than retrying. `retrieve`: for once something
   * else than the policy says. `afresh`: goes on without a "lost" event where what was kept in this browser is gone.
   */
  sync(options?: { password?: string; retrieve?: "all" | "headers" | "none"; afresh?: boolean; signal?: AbortSignal }): Promise<SyncReport>;
  /** Syncs by itself from now on, every `everyMinutes` of the policy; one tab for all tabs of the account. Twice is harmless. */
  start(): void;
  stop(): void;                                                // no syncs by itself any more; one of these that is under way is ended
  policy(): Promise<Policy>;
  setPolicy(change: Partial<Policy>): Promise<Policy>;         // the whole policy as it is now; other tabs hear of it
  /** What this policy would delete from the server at the next sync, and how many messages it would later, once stored or old enough. */
  wouldDelete(change?: Partial<Policy>): Promise<{ ids: string[]; later: number }>;
  /** `headers: false`: states and sizes only, for which nothing has to be opened. */
  messages(range?: { offset?: number; limit?: number; order?: "newest" | "oldest"; headers?: boolean }): Promise<Row[]>;
  /**
   * The messages that a search finds, the newest first, and how many are here that it does not know yet (`indexed` says when it knows more).
   *
   * Words must all be there, each by its beginning, whatever their case and accents, in sender, recipients, subject, text or names of attachments;
   * `from:`, `to:`, `subject:` say where, `-` what must not be there; `has:attachment`, `is:read`, `is:unread`, `before:2026-03-01`, `after:2026-02`.
   * `""` finds everything, to have it in another order. Of what is only on the server it knows sender and subject, where those are here.
   * Rejects with `locked`. Aborting rejects with an AbortError.
   */
  search(query: string, options?: {
    sort?: "date" | "from" | "subject" | "size";
    order?: "descending" | "ascending";
    signal?: AbortSignal;
  }): Promise<{ ids: string[]; pending: number }>;
  count(): Promise<number>;
  message(id: string): Promise<Message>;                       // opens a short session if the message is not stored
  raw(id: string, options?: { shown?: boolean }): Promise<Blob>;   // byte-exact .eml; likewise. shown: looked at, not saved, as the log has it
  attachment(id: string, index: number, options?: { shown?: boolean }): Promise<Blob>;   // decoded; shown: as for raw()
  /** Attachments as one zip, each stored as it is under a name of `fileName()`, no two alike: all, or those of these indexes. */
  attachments(id: string, indexes?: readonly number[]): Promise<Blob>;
  markRead(id: string, read?: boolean): Promise<void>;
  delete(id: string): Promise<void>;                           // wanted; sent and confirmed by the next sync() or signOut(); "refused" where the policy leaves everything
  undelete(id: string): Promise<void>;
  /** What was said in the last sessions since this mailbox was opened or unlocked, the oldest first, at most 500 lines. Nothing of it is private. */
  protocol(): Promise<Spoken[]>;
  /** Whether the browser keeps what is here for good; what it counts, in octets, for the whole origin. */
  storage(): Promise<{ persisted: boolean; usage: number | null; quota: number | null }>;
  /** The UID table as JSON: UIDs, sizes, times and marks, and no mail. */
  exportTable(): Promise<Blob>;
  /** What such a table says was retrieved is marked so here, and is not asked for again by itself. Deletes nothing, here or there. */
  importTable(file: Blob): Promise<{ added: number; known: number }>;
  /**
   * Everything that is stored here: a zip of byte-exact .eml files with the UID table in it, or an mbox file (mboxrd). Nothing is read
   * before it is wanted.
   */
  exportMailbox(options?: { format?: "zip" | "mbox"; signal?: AbortSignal; onProgress?: (progress: BackupProgress) => void }): ReadableStream<Uint8Array>;
  /** Takes in such a zip. What is stored here stays as it is. `skipped`: messages that the zip does not have whole. */
  importMailbox(zip: Blob, options?: { signal?: AbortSignal; onProgress?: (progress: BackupProgress) => void }): Promise<{ added: number; known: number; skipped: number }>;
  /** What is kept here cannot be read: after open(), until unlock() or a sync() with the right password; and after a lock. */
  readonly locked: boolean;
  /**
   * Opens what is kept here, without a network: by the mailbox password, or by the passphrase where that seals it. `wrong-secret`;
   * `locked` with `retryAfterMs` where too many were wrong before; `store` where the key was changed.
   */
  unlock(secret: string): Promise<void>;
  /** In every tab; what is under way ends with code "locked". A password is forgotten, one that came as a value too: a callback is asked again. */
  lock(): Promise<void>;
  active(): void;                                              // somebody is at work: puts off the lock that comes when nobody is
  /** What seals what is kept here, and whether the account's name is hidden. `null`: nothing is sealed yet. */
  seal(): Promise<{ by: "password" | "passphrase" | null; nameHidden: boolean }>;
  /** Another secret from now on. A password that was changed on the server is taken over by sync() itself, once this is unlocked. */
  reseal(current: string, next: { password: string } | { passphrase: string }): Promise<void>;
  /** Whether the account's name is kept unreadable as well: `accounts()` then has no name for it. */
  hideName(hidden: boolean): Promise<void>;
  /** Gives up what is sealed by a secret that is lost. UIDs and states stay, and nothing is retrieved again unless somebody asks. */
  dropSealed(): Promise<void>;
  /** What was done with the mail here, oldest first. `broken`: number of the first entry that is not as it was written. */
  log(): Promise<{ entries: LogEntry[]; broken: number | null }>;
  note(what: "printed", ids: string[]): Promise<void>;         // enters what only the page knows of
  exportLog(format?: "csv" | "json"): Promise<Blob>;
  signOut(): Promise<void>;                                    // applies wanted deletions, QUIT, forgets the credentials
  clear(): Promise<void>;                                      // forgets everything kept here; the server is not touched
  close(): Promise<void>;                                      // releases; never commits a deletion; twice is harmless

  /** A session's steps. `elsewhere`: another tab's session. */
  addEventListener(type: "progress", listener: (event: CustomEvent<Progress>) => void, options?: boolean | AddEventListenerOptions): void;
  /** These messages changed, here or in another tab. */
  addEventListener(type: "change", listener: (event: CustomEvent<{ ids: string[] }>) => void, options?: boolean | AddEventListenerOptions): void;
  /** A session is "connecting", "open" or "closed". `elsewhere`: another tab's. */
  addEventListener(type: "session", listener: (event: CustomEvent<{ state: string; elsewhere?: true }>) => void, options?: boolean | AddEventListenerOptions): void;
  /** The policy changed, here or in another tab. */
  addEventListener(type: "policy", listener: (event: CustomEvent<Policy>) => void, options?: boolean | AddEventListenerOptions): void;
  /** The search knows more messages than before; so many it does not know yet. */
  addEventListener(type: "indexed", listener: (event: CustomEvent<{ pending: number }>) => void, options?: boolean | AddEventListenerOptions): void;
  /** Locked, and why, or open. */
  addEventListener(type: "lock", listener: (event: CustomEvent<{ locked: boolean; reason: "asked" | "idle" | "sleep" | "sign-out" | "elsewhere" | null }>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: "schedule", listener: (event: CustomEvent<Schedule>) => void, options?: boolean | AddEventListenerOptions): void;
  /** A sync of this mailbox ended well: somebody's, or the scheduler's. */
  addEventListener(type: "synced", listener: (event: CustomEvent<SyncReport>) => void, options?: boolean | AddEventListenerOptions): void;
  /**
   * sync() found that so many messages were stored in this browser and none is any more. `preventDefault()` has it reject with code
   * "store" before anything is downloaded; otherwise it goes on, and downloads again what is on the server.
   */
  addEventListener(type: "lost", listener: (event: CustomEvent<{ stored: number }>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

/**
 * "updated": a part of the library that is loaded only when it is needed is gone, since the relay that serves it has a newer version by now;
 * load the page again. code and phase are public API; serverText is the server's own words. Aborting rejects with a DOMException "AbortError".
 */
export class MailError extends Error {
  readonly code:
    | "auth-failed" | "in-use" | "login-delay" | "temporary" | "permanent" | "refused" | "protocol" | "timeout" | "closed"
    | "relay-unreachable" | "relay-draining" | "token-needed" | "origin-refused" | "too-many" | "unknown-upstream"
    | "upstream-unreachable" | "upstream-timeout" | "upstream-tls" | "quota" | "store" | "locked" | "wrong-secret" | "invalid-argument" | "updated" | "internal";
  readonly phase: "relay" | "dns" | "tls" | "auth" | "protocol" | "store" | "quota" | "internal";
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly serverText: string;
}

/**
 * A name that a file may have on any system, out of one that a sender wrote: no separators, no controls, nothing that turns the direction
 * of writing, no device of Windows, at most 200 octets.
 */
export function fileName(name: string): string;

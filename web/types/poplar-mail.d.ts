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
  /** "memory" keeps nothing on this computer. Default "durable". */
  storage?: "durable" | "memory";
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
}

export interface SyncReport {
  retrieved: number; headers: number; deleted: number; bytes: number;   // counts of this session
  remaining: number;                                           // still only on the server
  skipped: { id: string; code: string; serverText: string }[];
}

export interface Message {
  id: string; headers: { name: string; value: string }[];
  subject: string; from: string; to: string[]; cc: string[]; date: Date | null;
  text: string; html: string | null;                           // html: decoded, NOT sanitised
  attachments: { index: number; name: string; type: string; declaredType: string; size: number; inline: boolean; contentId: string | null }[];
}

export interface Progress { phase: "connect" | "login" | "list" | "headers" | "retrieve" | "delete" | "quit"; done: number; total: number; bytes: number; totalBytes: number }

/** The mailbox: UID table, exactly-once retrieval, policies, reading. */
export class Mailbox extends EventTarget {
  static open(options: MailboxOptions): Promise<Mailbox>;
  /** What is kept in this browser for this origin. */
  static accounts(): Promise<{ account: string; relay: string; user: string; messages: number; stored: number }[]>;
  /** One session: list, retrieve, apply wanted deletions, QUIT. One attempt; rejects rather than retrying. */
  sync(options?: { password?: string; retrieve?: "all" | "headers" | "none"; signal?: AbortSignal }): Promise<SyncReport>;
  messages(range?: { offset?: number; limit?: number; order?: "newest" | "oldest" }): Promise<Row[]>;
  count(): Promise<number>;
  message(id: string): Promise<Message>;                       // opens a short session if the message is not stored
  raw(id: string): Promise<Blob>;                              // byte-exact .eml; likewise
  attachment(id: string, index: number): Promise<Blob>;
  markRead(id: string, read?: boolean): Promise<void>;
  delete(id: string): Promise<void>;                           // wanted; sent and confirmed by the next sync() or signOut()
  undelete(id: string): Promise<void>;
  readonly locked: boolean;                                    // false in this version, which does not seal what it keeps
  signOut(): Promise<void>;                                    // applies wanted deletions, QUIT, forgets the credentials
  clear(): Promise<void>;                                      // forgets everything kept here; the server is not touched
  close(): Promise<void>;                                      // releases; never commits a deletion; twice is harmless
  // events: "progress" (CustomEvent<Progress>), "change" (CustomEvent<{ ids: string[] }>), "session" (CustomEvent<{ state: string }>)
}

/** code and phase are public API; serverText is the server's own words. Aborting rejects with a DOMException "AbortError". */
export class MailError extends Error {
  readonly code:
    | "auth-failed" | "in-use" | "login-delay" | "temporary" | "permanent" | "refused" | "protocol" | "timeout" | "closed"
    | "relay-unreachable" | "relay-draining" | "token-needed" | "origin-refused" | "too-many" | "unknown-upstream"
    | "upstream-unreachable" | "upstream-timeout" | "upstream-tls" | "quota" | "store" | "locked" | "wrong-secret" | "invalid-argument" | "internal";
  readonly phase: "relay" | "dns" | "tls" | "auth" | "protocol" | "store" | "quota" | "internal";
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly serverText: string;
}

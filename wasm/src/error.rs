//! The one error type of the client: a stable code first, then a sentence, then the server's own words, kept verbatim.

use core::fmt;
use core::ops::Deref;

/// Stable codes. They are public API: `MailError.code` in JavaScript is [`Code::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The server refused user or password.
    AuthFailed,
    /// The maildrop is locked by another session (RFC 2449 §8.1.1, `[IN-USE]`).
    InUse,
    /// Signing in again so soon is refused (RFC 2449 §8.1.1, `[LOGIN-DELAY]`).
    LoginDelay,
    /// A fault on the server that should pass (RFC 3206 §4, `[SYS/TEMP]`).
    Temporary,
    /// A fault on the server that needs somebody's hand (RFC 3206 §4, `[SYS/PERM]`).
    Permanent,
    /// The server said `-ERR` to one command.
    Refused,
    /// What the server or relay sent cannot be understood.
    Protocol,
    /// Nothing came for too long while a reply was due.
    Timeout,
    /// The session is over.
    Closed,
    /// No WebSocket to the relay could be opened, or it broke.
    RelayUnreachable,
    /// The relay is shutting down.
    RelayDraining,
    /// The relay wants an access token.
    TokenNeeded,
    /// The relay does not serve pages of this origin.
    OriginRefused,
    /// A limit of the relay was reached.
    TooMany,
    /// The relay knows no upstream of that name.
    UnknownUpstream,
    /// The relay could not reach the mail server.
    UpstreamUnreachable,
    /// The mail server did not answer the relay in time.
    UpstreamTimeout,
    /// TLS between relay and mail server failed.
    UpstreamTls,
    /// The browser's storage is full.
    Quota,
    /// The browser's storage failed, or what lies in it was changed or damaged.
    Store,
    /// What is kept here is sealed, and the secret that opens it was not given.
    Locked,
    /// The secret does not open what is kept here.
    WrongSecret,
    /// The caller passed something that cannot be sent or does not exist.
    InvalidArgument,
    /// A fault of ours.
    Internal,
    /// The caller aborted; JavaScript sees a `DOMException` named `AbortError`.
    Aborted,
}

impl Code {
    /// The code as JavaScript sees it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::AuthFailed => "auth-failed",
            Code::InUse => "in-use",
            Code::LoginDelay => "login-delay",
            Code::Temporary => "temporary",
            Code::Permanent => "permanent",
            Code::Refused => "refused",
            Code::Protocol => "protocol",
            Code::Timeout => "timeout",
            Code::Closed => "closed",
            Code::RelayUnreachable => "relay-unreachable",
            Code::RelayDraining => "relay-draining",
            Code::TokenNeeded => "token-needed",
            Code::OriginRefused => "origin-refused",
            Code::TooMany => "too-many",
            Code::UnknownUpstream => "unknown-upstream",
            Code::UpstreamUnreachable => "upstream-unreachable",
            Code::UpstreamTimeout => "upstream-timeout",
            Code::UpstreamTls => "upstream-tls",
            Code::Quota => "quota",
            Code::Store => "store",
            Code::Locked => "locked",
            Code::WrongSecret => "wrong-secret",
            Code::InvalidArgument => "invalid-argument",
            Code::Internal => "internal",
            Code::Aborted => "aborted",
        }
    }

    /// The part of the path that failed, as `MailError.phase`.
    pub const fn phase(self) -> &'static str {
        match self {
            Code::AuthFailed => "auth",
            Code::InUse | Code::LoginDelay | Code::Temporary | Code::Permanent | Code::Refused => "protocol",
            Code::Protocol | Code::Timeout | Code::Closed | Code::InvalidArgument | Code::Aborted => "protocol",
            Code::RelayUnreachable | Code::RelayDraining | Code::TokenNeeded | Code::OriginRefused => "relay",
            Code::TooMany | Code::UnknownUpstream => "relay",
            Code::UpstreamUnreachable | Code::UpstreamTimeout => "dns",
            Code::UpstreamTls => "tls",
            Code::Quota => "quota",
            Code::Store | Code::Locked | Code::WrongSecret => "store",
            Code::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later with nothing changed by a person.
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Code::InUse
                | Code::LoginDelay
                | Code::Temporary
                | Code::Timeout
                | Code::Closed
                | Code::RelayUnreachable
                | Code::RelayDraining
                | Code::TooMany
                | Code::UpstreamUnreachable
                | Code::UpstreamTimeout
        )
    }
}

/// What went wrong. Equality is on the code.
///
/// Boxed: most results are of this type, and each `?` and each await would move the whole of it.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

/// What is told of an error.
#[derive(Clone, Debug)]
pub struct Details {
    /// The stable code.
    pub code: Code,
    /// One sentence for a person: what happened and what to do. Holds no secret and no mail.
    pub message: String,
    /// The server's or relay's own words, verbatim; empty where there are none.
    pub server_text: String,
    /// When a retry makes sense, in milliseconds, where somebody said so.
    pub retry_after_ms: Option<u32>,
}

impl Error {
    /// An error with our sentence only.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error::with(code, message.into())
    }

    // Apart, so that each kind of message costs only its conversion.
    fn with(code: Code, message: String) -> Error {
        Error(Box::new(Details { code, message, server_text: String::new(), retry_after_ms: None }))
    }

    /// The same error with somebody else's words beside ours.
    pub fn with_server_text(mut self, text: impl Into<String>) -> Error {
        self.0.server_text = text.into();
        self
    }

    /// The same error with the time after which a retry makes sense.
    pub fn with_retry_after(mut self, ms: u32) -> Error {
        self.0.retry_after_ms = Some(ms);
        self
    }

    /// The caller's abort.
    pub fn aborted() -> Error {
        Error::new(Code::Aborted, "the operation was aborted")
    }

    /// The session has ended, whoever ended it.
    pub fn closed() -> Error {
        Error::new(Code::Closed, "the session with the mail server has ended; start a new one")
    }

    /// An argument that must not reach the server.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(Code::InvalidArgument, message)
    }
}

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        self.code == other.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Results of everything in this crate.
pub type Result<T> = core::result::Result<T, Error>;

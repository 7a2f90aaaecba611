//! What the two ends of a tunnel agree on, and nothing else.
//!
//! A tunnel is a WebSocket at [`path`]`(name)` that offers the subprotocol [`SUBPROTOCOL`]. Binary frames carry raw POP3
//! bytes both ways; their borders mean nothing. The relay says how a tunnel ended with a [`Close`] code.
//!
//! Architecture invariant: this crate has no dependency and no I/O, so that both sides can share it at no cost.

#![forbid(unsafe_code)]

/// The subprotocol a client must offer and the relay echoes.
pub const SUBPROTOCOL: &str = "poplar.pop3.v1";

/// Prefix of a second offered subprotocol that carries an access token. Never echoed, never logged.
pub const TOKEN_PREFIX: &str = "poplar.token.";

/// Path under which upstreams are found: `/pop3/NAME`.
pub const PATH_PREFIX: &str = "/pop3/";

/// Longest WebSocket message either side accepts, in octets. A POP3 command line is at most 255 octets (RFC 2449 §4), and the
/// relay sends one TLS record (16 KiB) at a time, so 64 KiB leaves room without letting anybody park memory.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Longest upstream name, in characters of `[a-z0-9-]`.
pub const MAX_NAME: usize = 32;

/// Whether `name` may name an upstream: 1 to [`MAX_NAME`] characters of `[a-z0-9-]`.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// The path of an upstream's tunnel.
pub fn path(name: &str) -> String {
    format!("{PATH_PREFIX}{name}")
}

/// The upstream that a request path names, if it is of the form `/pop3/NAME`.
pub fn name_in_path(path: &str) -> Option<&str> {
    path.strip_prefix(PATH_PREFIX).filter(|name| is_name(name))
}

/// How a tunnel ended, as the code of the WebSocket close frame (4000–4999 are private use, RFC 6455 §7.4.2).
///
/// The last bytes from the upstream always arrive before the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Close {
    /// The upstream closed cleanly: `close_notify`, or FIN where there is no TLS.
    Normal = 1000,
    /// A malformed or unmasked frame.
    ProtocolError = 1002,
    /// A frame over [`MAX_MESSAGE`].
    TooBig = 1009,
    /// A text frame; only binary ones carry bytes.
    TextFrame = 4400,
    /// The relay wants an access token, and none or a wrong one was offered.
    TokenNeeded = 4401,
    /// Pages of this origin may not use the relay.
    OriginRefused = 4403,
    /// No upstream of that name is configured.
    UnknownUpstream = 4404,
    /// Nothing happened for too long, or the tunnel reached its total time.
    Timeout = 4408,
    /// A limit on tunnels or on the rate of new ones.
    TooMany = 4429,
    /// The upstream ended without `close_notify`, or reset the connection.
    UpstreamCut = 4500,
    /// The upstream could not be reached.
    UpstreamUnreachable = 4502,
    /// The relay is shutting down.
    Draining = 4503,
    /// The upstream did not answer in time while dialling.
    UpstreamTimeout = 4504,
    /// The TLS handshake with the upstream failed, or its certificate was not trusted.
    UpstreamTls = 4525,
}

impl Close {
    /// Every code, in the order of the contract's table.
    pub const ALL: [Close; 14] = [
        Close::Normal,
        Close::ProtocolError,
        Close::TooBig,
        Close::TextFrame,
        Close::TokenNeeded,
        Close::OriginRefused,
        Close::UnknownUpstream,
        Close::Timeout,
        Close::TooMany,
        Close::UpstreamCut,
        Close::UpstreamUnreachable,
        Close::Draining,
        Close::UpstreamTimeout,
        Close::UpstreamTls,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The meaning of a number from the wire, where it is one of ours.
    pub fn from_code(code: u16) -> Option<Close> {
        Close::ALL.into_iter().find(|close| close.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["demo", "a", "datamotion-direct-2", &"x".repeat(MAX_NAME)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Demo", "a b", "host:995", "a/b", "é", "a_b", &"x".repeat(MAX_NAME + 1)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_path_names_one_upstream_and_nothing_more() {
        assert_eq!(name_in_path(&path("demo")), Some("demo"));
        for bad in ["/pop3/", "/pop3", "/pop3/demo/", "/pop3/demo?x", "/pop3/host:995", "pop3/demo", "/POP3/demo"] {
            assert_eq!(name_in_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn close_codes_survive_the_wire() {
        for close in Close::ALL {
            assert_eq!(Close::from_code(close.code()), Some(close));
        }
        assert_eq!(Close::from_code(1006), None, "1006 is never sent (RFC 6455 §7.1.5)");
    }
}

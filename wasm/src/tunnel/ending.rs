//! Why a tunnel ended: the relay's close codes as errors.

use poplar_wire::Close;

use crate::error::{Code, Error};

/// The error that a close stands for. `opened`: whether the WebSocket ever stood.
pub(super) fn ending(code: u16, reason: &str, opened: bool) -> Error {
    let (code, sentence) = match Close::from_code(code) {
        Some(Close::Normal) => (Code::Closed, "the mail server ended the session"),
        Some(Close::UpstreamCut) => {
            (Code::Closed, "the connection to the mail server broke; what was not stored here is still there")
        }
        Some(Close::ProtocolError | Close::TooBig | Close::TextFrame) => {
            (Code::Protocol, "the relay could not understand this page; reload it")
        }
        Some(Close::TokenNeeded) => (Code::TokenNeeded, "the relay wants an access token; ask who runs it"),
        Some(Close::OriginRefused) => {
            (Code::OriginRefused, "the relay does not serve pages from this address; ask who runs it to allow it")
        }
        Some(Close::UnknownUpstream) => (
            Code::UnknownUpstream,
            "the relay knows no mail server of that name; check the name, or ask who runs the relay",
        ),
        Some(Close::Timeout) => (Code::Timeout, "the relay ended a connection on which nothing happened; try again"),
        Some(Close::TooMany) => (Code::TooMany, "the relay has too many connections; try again in a minute"),
        Some(Close::UpstreamUnreachable) => {
            (Code::UpstreamUnreachable, "the relay could not reach the mail server; nothing was lost, try again later")
        }
        Some(Close::Draining) => (Code::RelayDraining, "the relay is being restarted; try again in a moment"),
        Some(Close::UpstreamTimeout) => {
            (Code::UpstreamTimeout, "the mail server did not answer the relay in time; try again later")
        }
        Some(Close::UpstreamTls) => (
            Code::UpstreamTls,
            "the mail server's certificate was not accepted, so no password was sent; ask who runs the relay",
        ),
        None if opened => (
            Code::RelayUnreachable,
            "the connection to the relay broke; what was not stored here is still on the server",
        ),
        None => {
            (Code::RelayUnreachable, "the relay cannot be reached; check that it is running and that you are online")
        }
    };
    Error::new(code, sentence).with_server_text(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_has_its_error() {
        let expected = [
            (1000, "closed"),
            (1002, "protocol"),
            (1009, "protocol"),
            (4400, "protocol"),
            (4401, "token-needed"),
            (4403, "origin-refused"),
            (4404, "unknown-upstream"),
            (4408, "timeout"),
            (4429, "too-many"),
            (4500, "closed"),
            (4502, "upstream-unreachable"),
            (4503, "relay-draining"),
            (4504, "upstream-timeout"),
            (4525, "upstream-tls"),
            (1006, "relay-unreachable"),
        ];
        assert_eq!(expected.len(), Close::ALL.len() + 1);
        for (code, name) in expected {
            let error = ending(code, "why", true);
            assert_eq!((error.code.as_str(), error.server_text.as_str()), (name, "why"), "{code}");
        }
    }
}

//! Status lines: `+OK` and `-ERR`, with the extended response codes of RFC 2449 §8 and RFC 3206.

use crate::error::{Code, Error};

/// Longest status line taken, in octets. RFC 2449 §4 allows 512 including CRLF; servers that quote a web address or a legal
/// notice go beyond it, and none is known to need more than this.
pub const MAX_STATUS_LINE: usize = 8 * 1024;

/// An extended response code in brackets at the start of a status text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    /// `[IN-USE]`, RFC 2449 §8.1.1.
    InUse,
    /// `[LOGIN-DELAY]`, RFC 2449 §8.1.1.
    LoginDelay,
    /// `[SYS/TEMP]`, RFC 3206 §4.
    SysTemp,
    /// `[SYS/PERM]`, RFC 3206 §4.
    SysPerm,
    /// `[AUTH]`, RFC 3206 §4.
    Auth,
}

impl ResponseCode {
    /// As the server writes it, behind a space.
    pub(super) const fn shown(self) -> &'static str {
        match self {
            ResponseCode::InUse => " [IN-USE]",
            ResponseCode::LoginDelay => " [LOGIN-DELAY]",
            ResponseCode::SysTemp => " [SYS/TEMP]",
            ResponseCode::SysPerm => " [SYS/PERM]",
            ResponseCode::Auth => " [AUTH]",
        }
    }
}

/// What a status line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `+OK`, or a challenge, as against `-ERR`.
    pub ok: bool,
    /// `+` without `OK`: the server waits for the next part of a sign-in (RFC 5034 §4).
    pub challenge: bool,
    /// The extended response code, where there is one that we know.
    pub code: Option<ResponseCode>,
    /// The server's words after the indicator, without line end, verbatim.
    pub text: String,
}

impl Status {
    /// Reads one line without its line end. `None` where it is no status line.
    ///
    /// Forgiving in what it takes: any case (`+ok`), no text, no space before the text. Strict in the indicator itself: a mail's
    /// signature begins with `--`, and must not pass for a refusal.
    pub fn parse(line: &[u8]) -> Option<Status> {
        let (ok, challenge, rest) = match line {
            [b'+', b'O' | b'o', b'K' | b'k', rest @ ..] => (true, false, rest),
            [b'-', b'E' | b'e', b'R' | b'r', b'R' | b'r', rest @ ..] => (false, false, rest),
            [b'+'] => (true, true, [].as_slice()),
            [b'+', b' ', rest @ ..] => (true, true, rest),
            _ => return None,
        };
        let text = text(rest.trim_ascii());
        Some(Status { ok, challenge, code: response_code(&text), text })
    }

    /// The error that a `-ERR` to a command other than signing in stands for.
    pub fn refusal(&self) -> Error {
        let (code, message) = match self.code {
            Some(ResponseCode::InUse) => (Code::InUse, IN_USE),
            Some(ResponseCode::LoginDelay) => (Code::LoginDelay, LOGIN_DELAY),
            Some(ResponseCode::SysTemp) => (Code::Temporary, "the mail server has a passing fault; try again later"),
            Some(ResponseCode::SysPerm) => {
                (Code::Permanent, "the mail server has a fault that its operator must mend; tell them what it says")
            }
            Some(ResponseCode::Auth) => (Code::AuthFailed, AUTH_FAILED),
            None => (Code::Refused, "the mail server refused this request"),
        };
        Error::new(code, message).with_server_text(self.text.clone())
    }

    /// The error that a `-ERR` to USER, PASS or AUTH stands for. Only a response code tells a passing fault from a wrong
    /// password: free text such as "locked" is shown and triggers nothing.
    pub fn sign_in_refusal(&self) -> Error {
        match self.code {
            None => Error::new(Code::AuthFailed, AUTH_FAILED).with_server_text(self.text.clone()),
            Some(_) => self.refusal(),
        }
    }
}

const AUTH_FAILED: &str = "the mail server did not accept this user name and password; check both";
const IN_USE: &str = "another program has this mailbox open; close it there, or try again in a few minutes";
const LOGIN_DELAY: &str = "the mail server asks for a pause between sign-ins; try again later";

fn response_code(text: &str) -> Option<ResponseCode> {
    let (code, _) = text.strip_prefix('[')?.split_once(']')?;
    // RFC 2449 §8: codes are case-insensitive, and levels below a known one inherit its meaning.
    let known = [
        ("IN-USE", ResponseCode::InUse),
        ("LOGIN-DELAY", ResponseCode::LoginDelay),
        ("SYS/TEMP", ResponseCode::SysTemp),
        ("SYS/PERM", ResponseCode::SysPerm),
        ("AUTH", ResponseCode::Auth),
    ];
    known
        .into_iter()
        .find(|(name, _)| {
            code.split_at_checked(name.len()).is_some_and(|(head, tail)| {
                head.eq_ignore_ascii_case(name) && (tail.is_empty() || tail.starts_with('/'))
            })
        })
        .map(|(_, code)| code)
}

/// A server's words as text: UTF-8 where they are, otherwise one character per byte, so that nothing is lost.
pub(crate) fn text(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => latin1(bytes),
    }
}

/// One character per byte.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(line: &str) -> Status {
        Status::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn indicators_in_every_dress() {
        assert_eq!(status("+OK Bye-bye."), Status { ok: true, challenge: false, code: None, text: "Bye-bye.".into() });
        assert!(status("+OK").ok && status("+ok").ok && !status("+OK").challenge);
        assert!(status("+").challenge && status("+ VXNlcm5hbWU6").challenge && status("+ ").ok);
        assert!(!status("-ERR").ok && !status("-err no").ok);
        assert_eq!(status("-Err  no such message").text, "no such message");
        assert_eq!(status("+OK2 320").text, "2 320");
        for no_status in ["", "OK", " +OK", ".", "2 320", "* OK", "-", "-- ", "--", "+1 555", "-E", "+O"] {
            assert_eq!(Status::parse(no_status.as_bytes()), None, "{no_status:?}");
        }
    }

    #[test]
    fn words_that_are_not_utf8_stay_whole() {
        assert_eq!(Status::parse(b"-ERR gesch\xfctzt").unwrap().text, "gesch\u{fc}tzt");
        assert_eq!(status("-ERR geschützt").text, "geschützt");
    }

    #[test]
    fn response_codes_and_what_they_mean() {
        let code = |line| status(line).sign_in_refusal().code;
        assert_eq!(code("-ERR [IN-USE] locked"), Code::InUse);
        assert_eq!(code("-ERR [login-delay] slowly"), Code::LoginDelay);
        assert_eq!(code("-ERR [SYS/TEMP] later"), Code::Temporary);
        assert_eq!(code("-ERR [SYS/TEMP/DISK] later"), Code::Temporary);
        assert_eq!(code("-ERR [SYS/PERM] call us"), Code::Permanent);
        assert_eq!(code("-ERR [AUTH] no"), Code::AuthFailed);
        assert_eq!(code("-ERR mailbox locked"), Code::AuthFailed, "words trigger nothing");
        assert_eq!(code("-ERR [IN-USERS] what"), Code::AuthFailed);
        assert_eq!(status("-ERR no such message").refusal().code, Code::Refused);
        assert_eq!(status("-ERR no such message").refusal().server_text, "no such message");
    }
}

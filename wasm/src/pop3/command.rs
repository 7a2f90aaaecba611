//! The commands, one variant each, and how they are written on the wire.

use core::fmt;

use super::capabilities::Mechanism;
use crate::error::{Error, Result};

/// Longest command line sent, in octets with CRLF (RFC 2449 §4). Passwords beyond it are known from token sign-in, where servers
/// take more, so only what a person names is held to it.
pub const MAX_COMMAND: usize = 255;

/// Text that must not be printed: no `Debug`, no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// `text` without the password, should a server have quoted it. Of two characters it is no password but chance.
    pub fn struck_from(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        let width = self.0.len().max(3);
        let found = |text: &str| text.as_bytes().windows(width).position(|part| part == self.0.as_bytes());
        while let Some(at) = found(rest) {
            let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            out.push_str(before);
            out.push_str("***");
            rest = after.get(self.0.len()..).unwrap_or_default();
        }
        out + rest
    }

    /// The password itself, for the places that write it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A command of RFC 1939, RFC 2449, RFC 5034 or RFC 6856. Numbers are message numbers of this session, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `CAPA`, RFC 2449 §5.
    Capa,
    /// `USER name`, RFC 1939 §7.
    User(String),
    /// `PASS string`, RFC 1939 §7.
    Pass(Secret),
    /// `APOP name digest`, RFC 1939 §7: name, then the digest in hexadecimal digits.
    Apop(String, Secret),
    /// `AUTH mechanism`, RFC 5034 §4. Answered with a challenge; a [`Command::Response`] follows.
    Auth(Mechanism),
    /// A line that answers a challenge: base64, and so free of line breaks.
    Response(Secret),
    /// `UTF8`, RFC 6856 §2: headers need not be downgraded.
    Utf8,
    /// `STAT`, RFC 1939 §5.
    Stat,
    /// `LIST`.
    List,
    /// `LIST msg`.
    ListOne(u32),
    /// `UIDL`, RFC 1939 §7.
    Uidl,
    /// `UIDL msg`.
    UidlOne(u32),
    /// `TOP msg n`, RFC 1939 §7: headers and the first n lines of the body.
    Top(u32, u32),
    /// `RETR msg`.
    Retr(u32),
    /// `DELE msg`.
    Dele(u32),
    /// `RSET`: takes back every DELE of this session.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`: ends the session; deletions take effect now.
    Quit,
}

impl Command {
    /// Checks what a caller named. A CR, LF or NUL inside an argument would be a second command: it is refused here, before
    /// anything is queued.
    pub fn check(&self) -> Result<()> {
        match self {
            Command::User(name) | Command::Apop(name, _) => check_user(name),
            Command::Pass(secret) => check_text("password", secret.reveal()),
            Command::ListOne(0) | Command::UidlOne(0) | Command::Top(0, _) | Command::Retr(0) | Command::Dele(0) => {
                Err(Error::invalid("message numbers begin at 1"))
            }
            _ => Ok(()),
        }
    }

    /// Appends the command line with its CRLF.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.word().as_bytes());
        let mut argument = |text: &str| {
            out.push(b' ');
            out.extend_from_slice(text.as_bytes());
        };
        match self {
            Command::User(name) => argument(name),
            Command::Pass(secret) => argument(secret.reveal()),
            Command::Apop(name, digest) => {
                argument(name);
                argument(digest.reveal());
            }
            Command::Auth(mechanism) => argument(mechanism.name()),
            Command::Response(line) => out.extend_from_slice(line.reveal().as_bytes()),
            Command::ListOne(n) | Command::UidlOne(n) | Command::Retr(n) | Command::Dele(n) => argument(&n.to_string()),
            Command::Top(n, lines) => {
                argument(&n.to_string());
                argument(&lines.to_string());
            }
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
    }

    /// As it may be shown to anybody: dots stand for a name, a password and what else signs in.
    pub fn shown(&self) -> String {
        let mut line = Vec::new();
        match self {
            Command::User(_) | Command::Pass(_) | Command::Apop(..) => return [self.word(), " …"].concat(),
            Command::Response(_) => return "…".to_owned(),
            _ => self.write(&mut line),
        }
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
    }

    const fn word(&self) -> &'static str {
        match self {
            Command::Capa => "CAPA",
            Command::User(_) => "USER",
            Command::Pass(_) => "PASS",
            Command::Apop(..) => "APOP",
            Command::Auth(_) => "AUTH",
            Command::Response(_) => "",
            Command::Utf8 => "UTF8",
            Command::Stat => "STAT",
            Command::List | Command::ListOne(_) => "LIST",
            Command::Uidl | Command::UidlOne(_) => "UIDL",
            Command::Top(..) => "TOP",
            Command::Retr(_) => "RETR",
            Command::Dele(_) => "DELE",
            Command::Rset => "RSET",
            Command::Noop => "NOOP",
            Command::Quit => "QUIT",
        }
    }

    /// Whether `+OK` is followed by lines up to a lone dot.
    pub fn is_multi_line(&self) -> bool {
        matches!(self, Command::Capa | Command::List | Command::Uidl | Command::Top(..) | Command::Retr(_))
    }

    /// Whether it travels alone: what follows depends on its answer (RFC 2449 §6.6).
    pub fn is_barrier(&self) -> bool {
        self.signs_in() || matches!(self, Command::User(_) | Command::Utf8 | Command::Quit)
    }

    /// Whether `+OK` to it opens the maildrop.
    pub fn signs_in(&self) -> bool {
        matches!(self, Command::Pass(_) | Command::Apop(..) | Command::Auth(_) | Command::Response(_))
    }
}

/// Checks a user name as [`Command::check`] does.
pub(super) fn check_user(name: &str) -> Result<()> {
    check_text("user name", name)?;
    if name.is_empty() {
        return Err(Error::invalid("the user name is empty"));
    }
    if name.len() + "USER \r\n".len() > MAX_COMMAND {
        return Err(Error::invalid("the user name is longer than POP3 can carry (248 octets)"));
    }
    Ok(())
}

/// Refuses what would end the line, and NUL, which separates the fields of SASL PLAIN.
pub(super) fn check_text(what: &str, text: &str) -> Result<()> {
    if text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        let message = ["the ", what, " contains a line break or a NUL, which POP3 cannot carry"].concat();
        return Err(Error::invalid(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn written(command: Command) -> String {
        let mut out = Vec::new();
        command.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_guides_table_on_the_wire() {
        assert_eq!(written(Command::User("Stan".into())), "USER Stan\r\n");
        assert_eq!(written(Command::Pass(Secret::new("SeCrEt"))), "PASS SeCrEt\r\n");
        assert_eq!(written(Command::ListOne(2)), "LIST 2\r\n");
        assert_eq!(written(Command::Top(2, 1)), "TOP 2 1\r\n");
        assert_eq!(written(Command::UidlOne(1)), "UIDL 1\r\n");
        assert_eq!(written(Command::Auth(Mechanism::Plain)), "AUTH PLAIN\r\n");
        assert_eq!(written(Command::Response(Secret::new("AQ=="))), "AQ==\r\n");
        assert_eq!(written(Command::Apop("Stan".into(), Secret::new("c4c9"))), "APOP Stan c4c9\r\n");
        let bare = [Command::Stat, Command::List, Command::Uidl, Command::Noop, Command::Rset, Command::Quit];
        assert_eq!(bare.map(written).concat(), "STAT\r\nLIST\r\nUIDL\r\nNOOP\r\nRSET\r\nQUIT\r\n");
    }

    #[test]
    fn arguments_cannot_smuggle_a_second_command() {
        for evil in ["a\r\nDELE 1", "a\nDELE 1", "a\rDELE 1", "a\0b"] {
            assert_eq!(Command::User(evil.into()).check().unwrap_err().code, Code::InvalidArgument);
            let error = Command::Pass(Secret::new(evil)).check().unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
            assert!(!error.message.contains("DELE"), "the password is not in the error");
        }
        assert!(Command::User(String::new()).check().is_err());
        assert!(Command::User("x".repeat(249)).check().is_err());
        assert!(Command::User("x".repeat(248)).check().is_ok());
        assert!(Command::Retr(0).check().is_err());
        assert!(Command::Pass(Secret::new("with space ünd mehr")).check().is_ok());
    }

    #[test]
    fn a_password_is_struck_from_what_quotes_it() {
        let struck = |secret: &str, text: &str| Secret::new(secret).struck_from(text);
        assert_eq!(struck("gehéim", "no gehéim here, gehéim"), "no *** here, ***");
        assert_eq!(struck("abc", "nothing"), "nothing");
        assert_eq!(struck("no", "no such user"), "no such user", "of two characters it is no password but chance");
        assert_eq!(struck("longer than that", "short"), "short");
        assert_eq!(struck("", "anything"), "anything");
    }

    #[test]
    fn a_password_has_no_debug_text() {
        assert_eq!(format!("{:?}", Command::Pass(Secret::new("SeCrEt"))), "Pass(***)");
    }
}

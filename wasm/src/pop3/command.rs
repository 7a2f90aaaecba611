//! The commands, one variant each, and how they are written on the wire.

use core::fmt;

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
        if self.0.len() < 3 { text.to_owned() } else { text.replace(&self.0, "***") }
    }

    /// The password itself, for the one place that writes it.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A command of RFC 1939, or CAPA of RFC 2449. Numbers are message numbers of this session, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `CAPA`, RFC 2449 §5.
    Capa,
    /// `USER name`, RFC 1939 §7.
    User(String),
    /// `PASS string`, RFC 1939 §7.
    Pass(Secret),
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
        let (what, text) = match self {
            Command::User(name) => ("user name", name.as_str()),
            Command::Pass(secret) => ("password", secret.reveal()),
            Command::ListOne(n) | Command::UidlOne(n) | Command::Top(n, _) | Command::Retr(n) | Command::Dele(n) => {
                return if *n == 0 { Err(Error::invalid("message numbers begin at 1")) } else { Ok(()) };
            }
            _ => return Ok(()),
        };
        if text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Error::invalid(format!("the {what} contains a line break or a NUL, which POP3 cannot carry")));
        }
        if text.is_empty() && matches!(self, Command::User(_)) {
            return Err(Error::invalid("the user name is empty"));
        }
        if matches!(self, Command::User(_)) && text.len() + "USER \r\n".len() > MAX_COMMAND {
            return Err(Error::invalid("the user name is longer than POP3 can carry (248 octets)"));
        }
        Ok(())
    }

    /// Appends the command line with its CRLF.
    pub fn write(&self, out: &mut Vec<u8>) {
        let line = match self {
            Command::Capa => "CAPA".to_owned(),
            Command::User(name) => format!("USER {name}"),
            Command::Pass(secret) => format!("PASS {}", secret.reveal()),
            Command::Stat => "STAT".to_owned(),
            Command::List => "LIST".to_owned(),
            Command::ListOne(n) => format!("LIST {n}"),
            Command::Uidl => "UIDL".to_owned(),
            Command::UidlOne(n) => format!("UIDL {n}"),
            Command::Top(n, lines) => format!("TOP {n} {lines}"),
            Command::Retr(n) => format!("RETR {n}"),
            Command::Dele(n) => format!("DELE {n}"),
            Command::Rset => "RSET".to_owned(),
            Command::Noop => "NOOP".to_owned(),
            Command::Quit => "QUIT".to_owned(),
        };
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Whether `+OK` is followed by lines up to a lone dot.
    pub fn is_multi_line(&self) -> bool {
        matches!(self, Command::Capa | Command::List | Command::Uidl | Command::Top(..) | Command::Retr(_))
    }

    /// Whether nothing may be sent behind it until it is answered: what follows depends on the answer (RFC 2449 §6.6).
    pub fn is_barrier(&self) -> bool {
        matches!(self, Command::User(_) | Command::Pass(_) | Command::Quit)
    }
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
    fn a_password_has_no_debug_text() {
        assert_eq!(format!("{:?}", Command::Pass(Secret::new("SeCrEt"))), "Pass(***)");
    }
}

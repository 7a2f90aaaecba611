//! One POP3 session: a command line in, a reply out.
//!
//! Words of replies are those of the guide's table; where the guide is silent, RFC 1939 decides.
//!
//! Architecture invariant: no I/O and no clock.

use std::fmt::Write as _;
use std::sync::Arc;

use super::maildrop::{Maildrop, Message, Snapshot};
use super::{PASSWORD, USER};

/// The first line, before any command.
pub(super) const GREETING: &str = "+OK Poplar demo mailbox ready";

/// What CAPA lists (RFC 2449; AUTH-RESP-CODE is RFC 3206), the same before and after login.
const CAPABILITIES: [&str; 7] =
    ["TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION Poplar demo"];

/// A session, from greeting to QUIT.
pub(super) struct Session {
    maildrop: Maildrop,
    state: State,
}

/// RFC 1939 §3 to §6.
enum State {
    Authorization { user: Option<String> },
    Transaction(Snapshot),
    Ended,
}

/// The answer to one command.
pub(super) struct Reply {
    /// The status line, without its CRLF.
    pub status: String,
    /// What follows it.
    pub body: Body,
}

/// What follows a status line. All but [`Body::None`] end with a line that holds a single dot.
pub(super) enum Body {
    /// Nothing: the reply is one line.
    None,
    /// Lines, each ended by CRLF, none of which begins with a dot.
    Lines(String),
    /// A message, to be dot-stuffed: whole, or its header and so many lines of its body.
    Message(Arc<Message>, Option<usize>),
}

impl Session {
    pub(super) fn new(maildrop: Maildrop) -> Session {
        Session { maildrop, state: State::Authorization { user: None } }
    }

    /// Whether QUIT was answered: the connection is to be closed.
    pub(super) fn ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Answers one command line, given without its line end, at `now` in seconds since 1970.
    pub(super) fn answer(&mut self, line: &[u8], now: u64) -> Reply {
        let line = String::from_utf8_lossy(line);
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let command = command.to_ascii_uppercase();
        match (command.as_str(), &mut self.state) {
            ("CAPA", _) => lines("+OK capability list follows", CAPABILITIES),
            ("QUIT", _) => {
                if let State::Transaction(snapshot) = std::mem::replace(&mut self.state, State::Ended) {
                    snapshot.commit();
                }
                Reply::line("+OK Bye-bye.")
            }
            ("USER", State::Authorization { user }) => {
                *user = Some(argument.to_owned());
                Reply::line("+OK Please enter a password")
            }
            ("PASS", State::Authorization { user }) => match user.take() {
                // All that follows the space is the password (RFC 1939 §7).
                Some(user) => self.log_in(&user, argument, now),
                None => Reply::line("-ERR USER comes first"),
            },
            (_, State::Transaction(snapshot)) => transact(snapshot, &command, argument.trim()),
            ("STAT" | "LIST" | "UIDL" | "RETR" | "TOP" | "DELE" | "RSET" | "NOOP", _) => {
                Reply::line("-ERR sign in first")
            }
            _ => Reply::line("-ERR unknown command"),
        }
    }

    fn log_in(&mut self, user: &str, password: &str, now: u64) -> Reply {
        if (user, password) != (USER, PASSWORD) {
            return Reply::line("-ERR [AUTH] user name or password is not valid");
        }
        match self.maildrop.open(now) {
            Some(snapshot) => {
                self.state = State::Transaction(snapshot);
                Reply::line("+OK valid logon")
            }
            None => Reply::line("-ERR [IN-USE] another session has this mailbox open"),
        }
    }
}

impl Reply {
    fn line(status: impl Into<String>) -> Reply {
        Reply { status: status.into(), body: Body::None }
    }
}

/// Answers the commands of the TRANSACTION state.
fn transact(snapshot: &mut Snapshot, command: &str, argument: &str) -> Reply {
    match (command, argument) {
        ("STAT", "") => {
            let (count, octets) = snapshot.stat();
            Reply::line(format!("+OK {count} {octets}"))
        }
        ("LIST", "") => {
            let (count, octets) = snapshot.stat();
            let sizes = snapshot.all().map(|(number, message)| format!("{number} {}", message.bytes.len()));
            lines(&format!("+OK {} ({octets} octets)", messages(count)), sizes)
        }
        ("LIST", number) => of(snapshot, number, |n, message| Reply::line(format!("+OK {n} {}", message.bytes.len()))),
        ("UIDL", "") => {
            let uids = snapshot.all().map(|(number, message)| format!("{number} {}", message.uid));
            lines(&format!("+OK {}", messages(snapshot.stat().0)), uids)
        }
        ("UIDL", number) => of(snapshot, number, |n, message| Reply::line(format!("+OK {n} {}", message.uid))),
        // A message marked for deletion can still be read: the guide has the mailbox unchanged until the session ends,
        // where RFC 1939 §5 would refuse it. What LIST lists, RETR gives.
        ("RETR", number) => of(snapshot, number, |_, message| Reply {
            status: format!("+OK {} octets follow.", message.bytes.len()),
            body: Body::Message(message.clone(), None),
        }),
        ("TOP", arguments) => match arguments.split_once(' ').map(|(number, count)| (number, count.trim().parse())) {
            Some((number, Ok(count))) => of(snapshot, number, |_, message| Reply {
                status: "+OK".into(),
                body: Body::Message(message.clone(), Some(count)),
            }),
            _ => Reply::line("-ERR TOP takes a message number and a number of lines"),
        },
        ("DELE", number) => match number.parse().map(|n| snapshot.mark(n)) {
            Ok(Some(true)) => Reply::line("+OK message deleted"),
            Ok(Some(false)) => Reply::line(format!("-ERR message {number} already deleted")),
            _ => no_such_message(),
        },
        ("RSET", "") => {
            snapshot.unmark_all();
            let (count, octets) = snapshot.stat();
            Reply::line(format!("+OK maildrop has {} ({octets} octets)", messages(count)))
        }
        ("NOOP", "") => Reply::line("+OK"),
        ("STAT" | "RSET" | "NOOP", _) => Reply::line(format!("-ERR {command} takes no argument")),
        ("USER" | "PASS", _) => Reply::line("-ERR already signed in"),
        _ => Reply::line("-ERR unknown command"),
    }
}

/// Answers about the message that `number` names.
fn of(snapshot: &Snapshot, number: &str, answer: impl FnOnce(usize, &Arc<Message>) -> Reply) -> Reply {
    let number = number.parse().ok();
    match number.and_then(|number| Some((number, snapshot.get(number)?))) {
        Some((number, message)) => answer(number, message),
        None => no_such_message(),
    }
}

fn no_such_message() -> Reply {
    Reply::line("-ERR no such message")
}

/// A reply of several lines.
fn lines<L: AsRef<str>>(status: &str, lines: impl IntoIterator<Item = L>) -> Reply {
    let body = lines.into_iter().fold(String::new(), |mut body, line| {
        // Writing to a string cannot fail.
        let _ = write!(body, "{}\r\n", line.as_ref());
        body
    });
    Reply { status: status.into(), body: Body::Lines(body) }
}

/// "2 messages", as the guide has it.
fn messages(count: usize) -> String {
    if count == 1 { "1 message".into() } else { format!("{count} messages") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guide's maildrop: two messages of 120 and 200 octets.
    fn maildrop() -> Maildrop {
        let message = |uid: &str, octets, arrives| Message { uid: uid.into(), bytes: vec![b'x'; octets], arrives };
        Maildrop::new(vec![message("6866N", 120, 0), message("6867N", 200, 0), message("6868N", 80, 1000)])
    }

    fn signed_in(maildrop: &Maildrop, now: u64) -> Session {
        let mut session = Session::new(maildrop.clone());
        session.answer(b"USER demo", now);
        assert_eq!(session.answer(b"PASS demo", now).status, "+OK valid logon");
        session
    }

    /// Asks in one session and compares what comes before any message body.
    fn dialogue(session: &mut Session, exchanges: &[(&str, &str)]) {
        for (command, expected) in exchanges {
            let reply = session.answer(command.as_bytes(), 0);
            let text = match reply.body {
                Body::Lines(lines) => format!("{}\r\n{lines}", reply.status),
                Body::None | Body::Message(..) => reply.status,
            };
            assert_eq!(text, *expected, "{command}");
        }
    }

    #[test]
    fn the_table_of_the_guide_line_by_line() {
        let mut session = Session::new(maildrop());
        dialogue(
            &mut session,
            &[
                ("USER demo", "+OK Please enter a password"),
                ("PASS demo", "+OK valid logon"),
                ("STAT", "+OK 2 320"),
                ("LIST", "+OK 2 messages (320 octets)\r\n1 120\r\n2 200\r\n"),
                ("LIST 2", "+OK 2 200"),
                ("RETR 1", "+OK 120 octets follow."),
                ("DELE 2", "+OK message deleted"),
                ("TOP 2 1", "+OK"),
                ("UIDL 1", "+OK 1 6866N"),
                ("UIDL", "+OK 2 messages\r\n1 6866N\r\n2 6867N\r\n"),
                ("NOOP", "+OK"),
                ("RSET", "+OK maildrop has 2 messages (320 octets)"),
                ("QUIT", "+OK Bye-bye."),
            ],
        );
        assert!(session.ended());
    }

    #[test]
    fn a_marked_message_stays_until_the_session_ends() {
        let maildrop = maildrop();
        dialogue(
            &mut signed_in(&maildrop, 0),
            &[
                ("DELE 1", "+OK message deleted"),
                ("DELE 1", "-ERR message 1 already deleted"),
                ("STAT", "+OK 2 320"),
                ("LIST", "+OK 2 messages (320 octets)\r\n1 120\r\n2 200\r\n"),
                ("LIST 1", "+OK 1 120"),
                ("UIDL 1", "+OK 1 6866N"),
                ("RETR 1", "+OK 120 octets follow."),
                ("QUIT", "+OK Bye-bye."),
            ],
        );
        dialogue(
            &mut signed_in(&maildrop, 0),
            &[("LIST", "+OK 1 message (200 octets)\r\n1 200\r\n"), ("UIDL 1", "+OK 1 6867N")],
        );
    }

    #[test]
    fn rset_and_a_dropped_connection_delete_nothing() {
        let maildrop = maildrop();
        dialogue(&mut signed_in(&maildrop, 0), &[("DELE 1", "+OK message deleted")]);
        dialogue(
            &mut signed_in(&maildrop, 0),
            &[
                ("DELE 2", "+OK message deleted"),
                ("RSET", "+OK maildrop has 2 messages (320 octets)"),
                ("QUIT", "+OK Bye-bye."),
            ],
        );
        dialogue(&mut signed_in(&maildrop, 0), &[("STAT", "+OK 2 320")]);
    }

    #[test]
    fn new_mail_shows_in_the_next_session() {
        let maildrop = maildrop();
        let mut session = signed_in(&maildrop, 999);
        assert_eq!(session.answer(b"STAT", 1001).status, "+OK 2 320");
        session.answer(b"QUIT", 1001);
        assert_eq!(signed_in(&maildrop, 1001).answer(b"STAT", 1001).status, "+OK 3 400");
    }

    #[test]
    fn a_second_session_is_told_that_the_maildrop_is_in_use() {
        let maildrop = maildrop();
        let first = signed_in(&maildrop, 0);
        let mut second = Session::new(maildrop.clone());
        dialogue(
            &mut second,
            &[
                ("USER demo", "+OK Please enter a password"),
                ("PASS demo", "-ERR [IN-USE] another session has this mailbox open"),
                ("STAT", "-ERR sign in first"),
            ],
        );
        drop(first);
        dialogue(&mut second, &[("USER demo", "+OK Please enter a password"), ("PASS demo", "+OK valid logon")]);
    }

    #[test]
    fn a_wrong_sign_in_is_refused_whatever_is_wrong_with_it() {
        let mut session = Session::new(maildrop());
        let refused = "-ERR [AUTH] user name or password is not valid";
        dialogue(
            &mut session,
            &[
                ("PASS demo", "-ERR USER comes first"),
                ("USER demo", "+OK Please enter a password"),
                ("PASS wrong", refused),
                ("PASS demo", "-ERR USER comes first"),
                ("USER nobody", "+OK Please enter a password"),
                ("PASS demo", refused),
                ("USER demo", "+OK Please enter a password"),
                ("PASS demo ", refused),
                ("user demo", "+OK Please enter a password"),
                ("pass demo", "+OK valid logon"),
                ("USER demo", "-ERR already signed in"),
            ],
        );
    }

    #[test]
    fn capabilities_are_the_same_before_and_after_sign_in() {
        let expected = "+OK capability list follows\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n\
                        IMPLEMENTATION Poplar demo\r\n";
        dialogue(&mut Session::new(maildrop()), &[("CAPA", expected)]);
        dialogue(&mut signed_in(&maildrop(), 0), &[("capa", expected)]);
    }

    #[test]
    fn nonsense_is_refused_and_the_session_goes_on() {
        let mut session = signed_in(&maildrop(), 0);
        for command in
            ["RETR 0", "RETR 3", "RETR -1", "RETR", "RETR 99999999999999999999", "LIST x", "UIDL 9", "DELE 0"]
        {
            assert_eq!(session.answer(command.as_bytes(), 0).status, "-ERR no such message", "{command}");
        }
        for command in ["", " ", "EHLO there", "\u{fffd}", "TOP 1", "TOP 1 x", "TOP 1 -1", "STAT 1", "NOOP x"] {
            assert!(session.answer(command.as_bytes(), 0).status.starts_with("-ERR "), "{command}");
        }
        assert!(session.answer(b"\xff\x00\xfe", 0).status.starts_with("-ERR "));
        assert_eq!(session.answer(b"STAT", 0).status, "+OK 2 320");
    }

    #[test]
    fn quit_before_sign_in_ends_it_too() {
        let mut session = Session::new(maildrop());
        dialogue(&mut session, &[("QUIT", "+OK Bye-bye.")]);
        assert!(session.ended());
    }
}

//! What was said in sessions, for a support call: commands, whether they were taken, and when. No argument but message numbers, and of an
//! answer no word but its response code: names, passwords, UIDs and mail are never in it, and so nothing has to be struck out.

use std::collections::VecDeque;

use super::reply::Status;
use super::session::{Millis, Ticket};

/// Lines that are kept, the last ones: some sessions in full, and of a long one its end.
const LINES: usize = 500;

/// A command and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was asked, or when it happened.
    pub at: Millis,
    /// The command, with dots for what is left out of it; or what happened, in small letters.
    pub said: String,
    /// `+OK`, `-ERR` or `+`, with the response code; empty where no answer has come.
    pub answer: String,
    /// How long that took.
    pub took: Millis,
    ticket: Ticket,
}

/// The last lines.
#[derive(Debug, Default)]
pub struct Transcript(VecDeque<Line>);

impl Transcript {
    /// The oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }

    /// Something that is no command has happened.
    pub fn note(&mut self, said: &str, answer: &str, at: Millis) {
        self.push(Line { at, said: said.to_owned(), answer: answer.to_owned(), took: 0, ticket: 0 });
    }

    /// A command has been asked, [as it may be shown](super::Command::shown).
    pub(super) fn asked(&mut self, ticket: Ticket, said: String, at: Millis) {
        self.push(Line { at, said, answer: String::new(), took: 0, ticket });
    }

    pub(super) fn answered(&mut self, ticket: Ticket, status: &Status, at: Millis) {
        // From the end: another session's tickets are the same numbers.
        if let Some(line) = self.0.iter_mut().rev().find(|line| line.ticket == ticket && line.answer.is_empty()) {
            let sign = match (status.challenge, status.ok) {
                (true, _) => "+",
                (_, true) => "+OK",
                (_, false) => "-ERR",
            };
            let code = status.code.map_or("", |code| code.shown());
            line.answer = [sign, code].concat();
            line.took = at.saturating_sub(line.at);
        }
    }

    fn push(&mut self, line: Line) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::{Command, Mechanism, Secret};

    fn status(line: &str) -> Status {
        Status::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn commands_and_their_fate_without_a_word_of_anybody() {
        let mut transcript = Transcript::default();
        transcript.note("connected", "", 5);
        let secret = || Secret::new("hunter2");
        let commands = [
            Command::User("ann@clinic.example".into()),
            Command::Pass(secret()),
            Command::Apop("ann".into(), secret()),
            Command::Auth(Mechanism::Plain),
            Command::Response(secret()),
            Command::Retr(12),
            Command::Top(3, 20),
            Command::Quit,
        ];
        for (ticket, command) in (1..).zip(&commands) {
            transcript.asked(ticket, command.shown(), 10);
        }
        transcript.answered(2, &status("-ERR [AUTH] no such user ann@clinic.example"), 40);
        transcript.answered(4, &status("+ VXNlcm5hbWU6"), 41);
        transcript.answered(6, &status("+OK 400 octets from ann"), 42);
        let text: Vec<String> =
            transcript.lines().map(|line| format!("{} {} {} {}", line.at, line.said, line.answer, line.took)).collect();
        assert_eq!(
            text,
            [
                "5 connected  0",
                "10 USER …  0",
                "10 PASS … -ERR [AUTH] 30",
                "10 APOP …  0",
                "10 AUTH PLAIN + 31",
                "10 …  0",
                "10 RETR 12 +OK 32",
                "10 TOP 3 20  0",
                "10 QUIT  0"
            ]
        );
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut transcript = Transcript::default();
        for ticket in 1..=LINES as u32 + 10 {
            transcript.asked(ticket, Command::Retr(ticket).shown(), 0);
        }
        assert_eq!(transcript.lines().count(), LINES);
        assert_eq!(transcript.lines().next().map(|line| line.said.as_str()), Some("RETR 11"));
    }
}

//! What the caller knows: what was asked, what of it was sent, and how far each answer has come.

use std::collections::{BTreeMap, VecDeque};

use poplar_client::pop3::session::Ticket;
use poplar_client::pop3::{Command, Session, Settings};

use super::Told;

/// One caller of one session.
pub(super) struct Caller {
    settings: Settings,
    /// No command of the caller's has looked like one of the session's own yet, so that it is known which were sent.
    exact: bool,
    asked: BTreeMap<Ticket, Asked>,
    waiting: VecDeque<Ticket>,
    greeted: bool,
    /// The highest ticket with a status, those aside that overtake.
    answered: Ticket,
    /// The message whose end came last.
    last_message: Option<Ticket>,
    /// A USER that was refused by the event before.
    refused_user: bool,
    /// The server waits for the next part of a sign-in.
    challenged: bool,
}

struct Asked {
    command: Command,
    promised: u64,
    sent: bool,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Due,
    Body,
    Resumed,
    Done,
}

impl Asked {
    fn is_under_way(&self) -> bool {
        self.sent && matches!(self.answer, Answer::Due | Answer::Body)
    }
}

impl Caller {
    pub(super) fn new(settings: Settings) -> Caller {
        Caller {
            settings,
            exact: true,
            asked: BTreeMap::new(),
            waiting: VecDeque::new(),
            greeted: false,
            answered: 0,
            last_message: None,
            refused_user: false,
            challenged: false,
        }
    }

    pub(super) fn next_ticket(&self) -> Ticket {
        self.asked.last_key_value().map_or(1, |(ticket, _)| ticket + 1)
    }

    pub(super) fn asked(&mut self, ticket: Ticket, command: Command, promised: u64) {
        if matches!(command, Command::Noop | Command::Stat) {
            self.exact = false;
        }
        match command {
            Command::Response(_) => self.waiting.push_front(ticket),
            _ => self.waiting.push_back(ticket),
        }
        let before = self.asked.insert(ticket, Asked { command, promised, sent: false, answer: Answer::Due });
        assert!(before.is_none(), "a ticket is given twice");
    }

    /// A frame: whole commands, and no more of them than may be under way.
    pub(super) fn sent(&mut self, frame: &[u8], runs_ahead: bool) {
        assert!(frame.is_empty() || self.greeted, "something is sent before the greeting");
        assert!(frame.is_empty() || frame.ends_with(b"\r\n"));
        let text = core::str::from_utf8(frame).expect("commands are text");
        let mut under_way: Vec<u64> = self.under_way().collect();
        for line in text.split_terminator("\r\n") {
            assert!(!line.contains(['\r', '\n', '\0']));
            if !self.exact || matches!(line, "NOOP" | "STAT") {
                continue;
            }
            let alone = |asked: &Asked| asked.command.is_barrier();
            let behind_barrier = self.asked.values().any(|asked| asked.is_under_way() && alone(asked));
            let next = self.waiting.pop_front().expect("something is sent that nobody asked for");
            let asked = self.asked.get_mut(&next).expect("what waits was asked");
            let mut written = Vec::new();
            asked.command.write(&mut written);
            assert_eq!(format!("{line}\r\n").into_bytes(), written, "out of order");
            asked.sent = true;
            let window = self.settings.window;
            let octets = under_way.iter().sum::<u64>() + asked.promised;
            let fits = under_way.len() < window.commands && octets <= window.octets;
            assert!(under_way.is_empty() || (runs_ahead && fits), "too far ahead");
            let travels = !behind_barrier && !alone(asked);
            assert!(under_way.is_empty() || travels, "something rides with what travels alone");
            under_way.push(asked.promised);
        }
    }

    /// Running ahead is for servers that may be asked ahead.
    pub(super) fn check_pipelining(&self, session: &Session) {
        assert!(!session.runs_ahead() || session.behaviour().allows(self.settings.pipelining));
    }

    /// Nobody waits without end: but for the next part of a sign-in, which is the caller's to send.
    pub(super) fn check_deadline(&self, session: &Session) {
        let due = self.asked.values().any(|asked| asked.answer != Answer::Done);
        if due && session.ended().is_none() {
            assert!(session.deadline().is_some() || self.challenged, "somebody waits for ever");
        }
    }

    /// One event.
    pub(super) fn hear(&mut self, told: Told) {
        let refused_user = core::mem::take(&mut self.refused_user);
        match told {
            Told::Greeting(_) => assert!(!core::mem::replace(&mut self.greeted, true), "two greetings"),
            Told::Status { ticket, status, body } => {
                assert!(self.greeted);
                let exact = self.exact;
                let asked = self.one(ticket, Answer::Due);
                let unsent_pass = refused_user && matches!(asked.command, Command::Pass(_));
                assert!(!exact || asked.sent || unsent_pass, "an answer to what was not sent");
                assert_eq!(body, status.ok && asked.command.is_multi_line());
                asked.answer = if body { Answer::Body } else { Answer::Done };
                let overtakes = matches!(asked.command, Command::Response(_));
                let asked_signs_in = asked.command.signs_in();
                let refused_user = !status.ok && matches!(asked.command, Command::User(_));
                if unsent_pass && !asked.sent {
                    self.waiting.retain(|waiting| *waiting != ticket);
                }
                if !overtakes {
                    assert!(ticket > self.answered, "answers out of order");
                    self.answered = ticket;
                }
                self.challenged = status.challenge && asked_signs_in;
                self.refused_user = refused_user;
                self.last_message = None;
            }
            Told::Body(ticket, bytes) => {
                assert!(!bytes.is_empty());
                let asked = &self.asked[&ticket];
                assert!(matches!(asked.answer, Answer::Body | Answer::Resumed), "a body outside of one");
            }
            Told::End { ticket, certain } => {
                let asked = self.asked.get_mut(&ticket).expect("asked");
                let resumed = asked.answer == Answer::Resumed;
                assert!(resumed || asked.answer == Answer::Body, "an end of nothing");
                assert!(!(resumed && certain), "certain of an end that was none before");
                asked.answer = Answer::Done;
                self.last_message = matches!(asked.command, Command::Retr(_)).then_some(ticket);
            }
            Told::Resumed(ticket) => {
                assert_eq!(self.last_message, Some(ticket), "another message goes on");
                self.one(ticket, Answer::Done).answer = Answer::Resumed;
            }
        }
    }

    fn one(&mut self, ticket: Ticket, answer: Answer) -> &mut Asked {
        let asked = self.asked.get_mut(&ticket).expect("an event for a ticket that was never given");
        assert_eq!(asked.answer, answer);
        asked
    }

    /// What was sent and has no whole answer, by the octets it was promised to bring.
    fn under_way(&self) -> impl Iterator<Item = u64> {
        self.asked.values().filter(|asked| asked.is_under_way()).map(|asked| asked.promised)
    }
}

//! A server that does what an input says: for each command one octet, and its parameter.
//!
//! Text in place of that octet is the answer, as it stands. Where the input has ended, everything is answered as RFC 1939 has it.
//!
//! What is stored is held against what was in the maildrop only as long as every octet was right, if it came at all: then answers may
//! be late, cut off, refused or lost, or, in other runs, a `-ERR` may come in front of a message for nothing. More is not promised: a
//! status line too many that a later loss makes up for is not to be told from a wrong size in LIST.

use core::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use poplar_client::pop3::client::{Greeting, WeakClient};
use poplar_client::pop3::{Client, Millis, Settings, Wire};
use poplar_client::store::Deletion;
use poplar_client::sync::Table;

use super::checked::Checked;
use crate::input::Input;

/// What there is to do while the client waits.
pub(super) enum Next {
    Hear(Client, Vec<u8>),
    Tick(Client),
    Close(Client),
    /// Something has happened that the client does not see.
    Again,
}

enum Said {
    Bytes(Vec<u8>),
    Wait(Millis),
    Close,
}

pub(super) struct Server {
    pipelining: bool,
    /// Says what is right or nothing: every octet of the input is something that happens.
    right: bool,
    /// Says `-ERR` in front of a message, for nothing.
    adds: bool,
    maildrop: Vec<(String, Vec<u8>)>,
    /// Everything that was ever in it.
    known: Vec<(String, Vec<u8>)>,
    deleted: Vec<String>,
    /// So far every octet was as it should be, if it came; and no two messages look alike.
    exact: bool,
    now: Millis,
    line: Option<Line>,
}

/// One connection.
struct Line {
    client: WeakClient,
    end: Rc<End>,
    snapshot: Vec<(String, Vec<u8>)>,
    marked: BTreeSet<usize>,
    to_say: VecDeque<Said>,
    unread: VecDeque<String>,
    retrieved: BTreeSet<String>,
    last_answer: Vec<u8>,
}

impl Server {
    /// `mails`: how many, and whether sizes and names repeat.
    pub(super) fn new(mails: u8, [pipelining, right, adds]: [bool; 3]) -> Server {
        let alike = mails & 8 != 0;
        let mut server = Server {
            pipelining,
            right,
            adds,
            maildrop: Vec::new(),
            known: Vec::new(),
            deleted: Vec::new(),
            exact: !alike,
            now: 0,
            line: None,
        };
        (0..usize::from(mails & 7)).for_each(|n| server.deliver(n, alike));
        server
    }

    fn deliver(&mut self, n: usize, alike: bool) {
        let uid = if alike { format!("{}", n / 2) } else { format!("{n}N") };
        let length = if alike { 1 } else { n };
        let text = format!("Subject: {n}\r\n\r\n.dot\r\n..\r\n.\r\n+OK {n}\r\n{}\r\n", "x".repeat(length));
        self.maildrop.push((uid.clone(), text.clone().into_bytes()));
        self.known.push((uid, text.into_bytes()));
    }

    /// Another client deletes a message; another one comes.
    pub(super) fn change(&mut self, bits: u8) {
        if bits & 8 != 0 && usize::from(bits & 7) < self.maildrop.len() {
            self.maildrop.remove(usize::from(bits & 7));
        }
        if bits & 16 != 0 {
            self.deliver(self.known.len(), !self.exact);
        }
    }

    pub(super) fn exact(&self) -> bool {
        self.exact
    }

    pub(super) fn mail(&self, uid: &str) -> Option<&[u8]> {
        self.known.iter().find(|(other, _)| other == uid).map(|(_, mail)| mail.as_slice())
    }

    /// Whether it is in the maildrop now.
    pub(super) fn holds(&self, uid: &str) -> bool {
        self.maildrop.iter().any(|(other, _)| other == uid)
    }

    /// What QUIT has deleted.
    pub(super) fn deleted(&self) -> &[String] {
        &self.deleted
    }

    pub(super) fn connect(&mut self, settings: Settings) -> (Client, Greeting) {
        self.leave();
        let end = Rc::new(End { now: Cell::new(self.now), ..End::default() });
        let (client, greeting) = Client::new(OnLine(end.clone()), settings);
        self.line = Some(Line {
            client: client.downgrade(),
            end,
            snapshot: self.maildrop.clone(),
            marked: BTreeSet::new(),
            to_say: VecDeque::new(),
            unread: VecDeque::from([String::new()]),
            retrieved: BTreeSet::new(),
            last_answer: Vec::new(),
        });
        (client, greeting)
    }

    /// The client has left. What it sent before still arrives.
    pub(super) fn hang_up(&mut self, table: &Table<Checked>) {
        self.look(table);
        self.leave();
    }

    fn leave(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        for command in core::mem::take(&mut line.unread).into_iter().chain(line.end.sent.take()) {
            self.answer(&mut line, &command);
        }
    }

    /// Takes what was sent, and checks that it may be sent now.
    pub(super) fn look(&mut self, table: &Table<Checked>) {
        // What goes by a fingerprint cannot be found by its UID.
        self.exact &= !table.rows().values().any(poplar_client::store::Record::by_fingerprint);
        let exact = self.exact;
        let Some(line) = &mut self.line else { return };
        for command in line.end.sent.take() {
            let (verb, number) = command.split_once(' ').unwrap_or((&command, ""));
            let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let uid = place.and_then(|place| line.snapshot.get(place)).map(|(uid, _)| uid.clone());
            let rows = table.rows();
            // A later row of the same name stands for a later message.
            let row = exact.then(|| rows.values().rfind(|row| Some(&row.uid) == uid.as_ref()));
            match verb {
                "RETR" => {
                    assert!(line.retrieved.insert(number.to_owned()), "RETR {number} twice in one session");
                    if let Some(row) = row {
                        assert!(row.is_some_and(|row| row.retrieved.is_none()), "RETR of what is stored");
                    }
                }
                "DELE" => {
                    let wanted = |row: &&poplar_client::store::Record| {
                        row.deletion == Deletion::Wanted && !row.unconfirmed && table.store().was_wanted(row.id)
                    };
                    let any = rows.values().filter(wanted).count();
                    assert!(any > 0, "DELE where nothing is to be deleted");
                    if let Some(row) = row {
                        assert!(row.as_ref().is_some_and(wanted), "DELE of what nobody wants deleted");
                    }
                }
                _ => {}
            }
            line.unread.push_back(command);
        }
    }

    /// What happens while the client waits. `None`: nothing ever will.
    pub(super) fn next(&mut self, input: &mut Input<'_>) -> Option<Next> {
        let mut line = self.line.take()?;
        let client = line.client.upgrade().filter(|_| !line.end.closed.get())?;
        let next = match line.to_say.front_mut() {
            Some(Said::Wait(until)) => {
                let (until, wake) = (*until, line.end.wake.get());
                self.now = wake.filter(|wake| *wake < until).unwrap_or(until).max(self.now);
                if self.now >= until {
                    line.to_say.pop_front();
                }
                line.end.now.set(self.now);
                Some(Next::Tick(client))
            }
            Some(Said::Bytes(_)) => match line.to_say.pop_front() {
                Some(Said::Bytes(bytes)) => Some(Next::Hear(client, bytes)),
                _ => None,
            },
            Some(Said::Close) => return Some(Next::Close(client)),
            None => match line.unread.pop_front() {
                Some(command) => {
                    self.react(&mut line, &command, input);
                    Some(Next::Again)
                }
                None => line.end.wake.take().filter(|wake| *wake < Millis::MAX).map(|wake| {
                    self.now = self.now.max(wake);
                    line.end.now.set(self.now);
                    Next::Tick(client)
                }),
            },
        };
        self.line = Some(line);
        next
    }

    /// Does what the input says about a command.
    fn react(&mut self, line: &mut Line, command: &str, input: &mut Input<'_>) {
        let text = if self.right { &[] } else { input.said() };
        if !text.is_empty() {
            self.exact = false;
            line.to_say.push_back(Said::Bytes(text.to_vec()));
            return;
        }
        let kind = match input.octet() {
            // Either answers are lost, or there are some to nothing: together they may cancel each other out.
            octet if self.right && self.adds && octet & 15 == 9 => 14,
            octet if self.right && !self.adds && octet & 15 == 14 => 0,
            // So can one to nothing and a NOOP of the session's own, which asks about a body that stands still.
            octet if self.right && self.adds && octet & 15 == 13 => 0,
            octet if self.right => octet & 15,
            octet => octet & 0x3f,
        };
        let retrieves = command.starts_with("RETR ");
        let takes_effect = !matches!(kind, 8..=10) || input.octet() & 1 != 0;
        let answer = if takes_effect { self.answer(line, command) } else { Vec::new() };
        let place = |input: &mut Input<'_>| answer.len() * usize::from(input.octet()) / 256;
        // From here on it is no longer what RFC 1939 has, whole or in part.
        self.exact &= self.right || !(14..=24).contains(&kind);
        let previous = core::mem::replace(&mut line.last_answer, answer.clone());
        let say = &mut line.to_say;
        let bytes = match kind {
            14 if self.right && retrieves => {
                say.push_back(Said::Bytes(b"-ERR busy\r\n".to_vec()));
                answer
            }
            14.. if self.right => answer,
            // Refused; lost; lost with the connection; cut; late; slow.
            8 => b"-ERR no\r\n".to_vec(),
            9 => return,
            10 => return say.push_back(Said::Close),
            11 => {
                say.push_back(Said::Bytes(answer[..place(input)].to_vec()));
                return say.push_back(Said::Close);
            }
            12 => {
                say.push_back(Said::Wait(self.now + 256 * u64::from(input.octet())));
                answer
            }
            13 => {
                let (first, rest) = answer.split_at(place(input));
                say.push_back(Said::Bytes(first.to_vec()));
                say.push_back(Said::Wait(self.now + 256 * u64::from(input.octet())));
                rest.to_vec()
            }
            // Twice; without CR; without the last LF; without the line end in front of the terminator; not stuffed; behind or with a
            // status line too many; changed in one octet; without its body; refused with a code; that of the command before.
            14 => answer.repeat(2),
            15 => answer.into_iter().filter(|octet| *octet != b'\r').collect(),
            16 => answer[..answer.len().saturating_sub(1)].to_vec(),
            17 => match answer.strip_suffix(b"\r\n.\r\n") {
                Some(body) => [body, b".\r\n"].concat(),
                None => answer,
            },
            18 => String::from_utf8_lossy(&answer).replace("\n..", "\n.").into_bytes(),
            19 => [b"+OK\r\n", answer.as_slice()].concat(),
            20 => {
                let (place, mut changed) = (place(input), answer.clone());
                changed[place] ^= input.octet();
                changed
            }
            21 => b"+OK\r\n".to_vec(),
            22 => b"-ERR [SYS/TEMP] later\r\n".to_vec(),
            23 => previous,
            24 => [answer.as_slice(), b"-ERR bye\r\n"].concat(),
            _ => answer,
        };
        say.push_back(Said::Bytes(bytes));
    }

    /// What RFC 1939 has, and its effect.
    fn answer(&mut self, line: &mut Line, command: &str) -> Vec<u8> {
        let mut words = command.split(' ');
        let (verb, number) = (words.next().unwrap_or_default(), words.next().and_then(|n| n.parse::<usize>().ok()));
        let there = |place: &usize| *place < line.snapshot.len() && !line.marked.contains(place);
        let place = number.and_then(|number| number.checked_sub(1)).filter(there);
        let all: Vec<usize> = (0..line.snapshot.len()).filter(there).collect();
        let lines = |text: &dyn Fn(usize) -> String| {
            let lines: String = all.iter().map(|place| format!("{} {}\r\n", place + 1, text(*place))).collect();
            multi_line(lines.as_bytes())
        };
        let size = |place: usize| line.snapshot[place].1.len();
        match (verb, place) {
            ("", _) => b"+OK ready\r\n".to_vec(),
            ("CAPA", _) if self.pipelining => multi_line(b"USER\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"),
            ("CAPA", _) => multi_line(b"USER\r\nTOP\r\nUIDL\r\n"),
            ("STAT", _) => {
                format!("+OK {} {}\r\n", all.len(), all.iter().map(|place| size(*place)).sum::<usize>()).into_bytes()
            }
            ("LIST", None) if number.is_none() => lines(&|place| size(place).to_string()),
            ("UIDL", None) if number.is_none() => lines(&|place| line.snapshot[place].0.clone()),
            ("LIST", Some(place)) => format!("+OK {} {}\r\n", place + 1, size(place)).into_bytes(),
            ("UIDL", Some(place)) => format!("+OK {} {}\r\n", place + 1, line.snapshot[place].0).into_bytes(),
            ("RETR" | "TOP", Some(place)) => multi_line(&line.snapshot[place].1),
            ("DELE", Some(place)) => {
                line.marked.insert(place);
                b"+OK\r\n".to_vec()
            }
            ("RSET", _) => {
                line.marked.clear();
                b"+OK\r\n".to_vec()
            }
            ("QUIT", _) => {
                for place in core::mem::take(&mut line.marked) {
                    let uid = line.snapshot[place].0.clone();
                    self.maildrop.retain(|(other, _)| *other != uid);
                    self.deleted.push(uid);
                }
                b"+OK bye\r\n".to_vec()
            }
            ("USER" | "PASS" | "NOOP", _) => b"+OK\r\n".to_vec(),
            _ => b"-ERR no such message\r\n".to_vec(),
        }
    }
}

fn multi_line(body: &[u8]) -> Vec<u8> {
    let mut out = b"+OK\r\n".to_vec();
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// The client's end of a line. Holds no client, so that nothing holds itself.
#[derive(Default)]
struct End {
    now: Cell<Millis>,
    wake: Cell<Option<Millis>>,
    sent: RefCell<Vec<String>>,
    closed: Cell<bool>,
}

struct OnLine(Rc<End>);

impl Wire for OnLine {
    fn send(&mut self, frame: Vec<u8>) {
        assert!(!self.0.closed.get(), "something is sent on a closed line");
        assert!(frame.ends_with(b"\r\n"));
        let text = String::from_utf8(frame).expect("commands are text");
        self.0.sent.borrow_mut().extend(text.split_terminator("\r\n").map(str::to_owned));
    }

    fn now(&self) -> Millis {
        self.0.now.get()
    }

    fn wake_at(&mut self, deadline: Millis) {
        self.0.wake.set(Some(deadline));
    }

    fn close(&mut self) {
        self.0.closed.set(true);
    }
}

//! The session machine: bytes in, events out, commands queued and released as the window allows.
//!
//! Architecture invariant: no I/O, no clock, no random source. Time comes in as milliseconds of any monotonic clock. Any split of
//! the server's bytes into chunks gives the same events, once adjacent body chunks are joined.

use std::collections::VecDeque;

use memchr::memchr;

use super::body::{Body, Progress};
use super::command::Command;
use super::reply::{MAX_STATUS_LINE, Status};
use crate::error::{Code, Error, Result};

/// Milliseconds of a monotonic clock.
pub type Millis = u64;

/// Names one queued command in the events that answer it.
pub type Ticket = u32;

/// How far the client may run ahead of the server's answers (RFC 2449 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Commands sent and not yet answered.
    pub commands: usize,
    /// Octets that those commands are expected to bring, as LIST promised them. One command is always let through. A browser's
    /// WebSocket has no receive back-pressure, so this is what bounds its memory.
    pub octets: u64,
}

impl Window {
    /// One command at a time, as the guide has it.
    pub const ONE: Window = Window { commands: 1, octets: u64::MAX };

    /// For a server that advertises PIPELINING. 100 commands is what native peers queue (mpop); 1 MiB is more than a 100 ms round
    /// trip at 50 Mbit/s holds.
    pub const PIPELINED: Window = Window { commands: 100, octets: 1 << 20 };
}

/// What the server said, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The first line after the connection stands.
    Greeting(Status),
    /// The status line that answers a command. Where `body` says so, [`Event::Body`] and [`Event::End`] follow.
    Status {
        /// The command that is answered.
        ticket: Ticket,
        /// What the server says.
        status: Status,
        /// Whether a body follows.
        body: bool,
    },
    /// A piece of a multi-line body, dot-unstuffed. Where the pieces are cut means nothing.
    Body(Ticket, &'a [u8]),
    /// The body is complete.
    End(Ticket),
}

#[derive(Debug)]
struct Queued {
    ticket: Ticket,
    command: Command,
    /// Octets that the answer is expected to bring.
    promised: u64,
}

/// What the next byte from the server belongs to.
#[derive(Debug)]
enum Reading {
    /// A status line; what of it has come so far.
    Line(Vec<u8>),
    /// The body of the oldest command in flight.
    Body(Body),
}

/// One POP3 session, from greeting to QUIT.
#[derive(Debug)]
pub struct Session {
    window: Window,
    timeout: Millis,
    last_ticket: Ticket,
    waiting: VecDeque<Queued>,
    in_flight: VecDeque<Queued>,
    in_flight_octets: u64,
    reading: Reading,
    greeted: bool,
    /// DELE was sent, and neither RSET nor QUIT behind it.
    deletions_pending: bool,
    ended: Option<Error>,
    last_life: Millis,
}

impl Session {
    /// A session whose greeting is due. `timeout`: the longest silence while a reply is due.
    pub fn new(window: Window, timeout: Millis, now: Millis) -> Session {
        Session {
            window,
            timeout,
            last_ticket: 0,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            in_flight_octets: 0,
            reading: Reading::Line(Vec::new()),
            greeted: false,
            deletions_pending: false,
            ended: None,
            last_life: now,
        }
    }

    /// Changes how far the client may run ahead, from the next [`Session::transmit`] on.
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// Queues a command. `promised`: the octets that its answer is expected to bring, 0 where that is little.
    ///
    /// # Errors
    /// `invalid-argument` where the command cannot be sent; the error that ended the session once it has ended.
    pub fn submit(&mut self, command: Command, promised: u64) -> Result<Ticket> {
        command.check()?;
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        self.last_ticket = self.last_ticket.wrapping_add(1);
        self.waiting.push_back(Queued { ticket: self.last_ticket, command, promised });
        Ok(self.last_ticket)
    }

    /// The octets to send now: whole commands, as many as the window lets through. Empty where there is nothing to send.
    pub fn transmit(&mut self, now: Millis) -> Vec<u8> {
        let mut frame = Vec::new();
        while self.greeted && self.ended.is_none() && self.may_send_next() {
            let Some(next) = self.waiting.pop_front() else { break };
            if self.in_flight.is_empty() {
                // The silence that counts is the one after this question, not the one before it.
                self.last_life = now;
            }
            next.command.write(&mut frame);
            match next.command {
                Command::Dele(_) => self.deletions_pending = true,
                Command::Rset | Command::Quit => self.deletions_pending = false,
                _ => {}
            }
            self.in_flight_octets = self.in_flight_octets.saturating_add(next.promised);
            self.in_flight.push_back(next);
        }
        frame
    }

    /// Takes bytes from the server and tells `on_event` what they say.
    ///
    /// # Errors
    /// `protocol` where they cannot be understood; the session has ended then.
    pub fn receive(&mut self, mut input: &[u8], now: Millis, mut on_event: impl FnMut(Event<'_>)) -> Result<()> {
        self.last_life = now;
        while !input.is_empty() {
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            input = match &mut self.reading {
                Reading::Line(held) => {
                    let Some(end) = memchr(b'\n', input) else {
                        held.extend_from_slice(input);
                        if held.len() > MAX_STATUS_LINE {
                            return Err(self.end(too_long()));
                        }
                        return Ok(());
                    };
                    let (line, rest) = input.split_at_checked(end + 1).unwrap_or((input, &[]));
                    let mut whole = core::mem::take(held);
                    whole.extend_from_slice(line);
                    if whole.len() > MAX_STATUS_LINE {
                        return Err(self.end(too_long()));
                    }
                    self.line(&whole, &mut on_event)?;
                    rest
                }
                Reading::Body(body) => {
                    let Some(ticket) = self.in_flight.front().map(|queued| queued.ticket) else { return Ok(()) };
                    match body.read(input, |slice| on_event(Event::Body(ticket, slice))) {
                        Progress::More => return Ok(()),
                        Progress::Ended(taken) => {
                            self.answered();
                            on_event(Event::End(ticket));
                            input.get(taken..).unwrap_or_default()
                        }
                    }
                }
            };
        }
        Ok(())
    }

    /// Ends the session; everything not yet answered fails with `error`, and so does every later call. The first end counts.
    pub fn end(&mut self, error: Error) -> Error {
        self.waiting.clear();
        self.in_flight.clear();
        self.ended.get_or_insert(error).clone()
    }

    /// Why the session ended, if it has.
    pub fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// What to send before an abandoned session is dropped: `RSET` where deletions are pending, so that not even a server that
    /// applies them on a lost connection, against RFC 1939 §6, deletes anything.
    pub fn farewell(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        if self.ended.is_none() && self.deletions_pending {
            Command::Rset.write(&mut frame);
        }
        frame
    }

    /// When silence becomes a timeout, if a reply is due.
    pub fn deadline(&self) -> Option<Millis> {
        let due = self.ended.is_none() && (!self.greeted || !self.in_flight.is_empty());
        due.then(|| self.last_life.saturating_add(self.timeout))
    }

    /// Lets time pass. The session ends with `timeout` where a reply is overdue.
    ///
    /// # Errors
    /// That timeout, once.
    pub fn tick(&mut self, now: Millis) -> Result<()> {
        match self.deadline() {
            Some(deadline) if now >= deadline => Err(self
                .end(Error::new(Code::Timeout, "the mail server did not answer in time; nothing was lost, try again"))),
            _ => Ok(()),
        }
    }

    fn may_send_next(&self) -> bool {
        let (Some(next), last) = (self.waiting.front(), self.in_flight.back()) else { return false };
        let Some(last) = last else { return true };
        !last.command.is_barrier()
            && !next.command.is_barrier()
            && self.in_flight.len() < self.window.commands
            && self.in_flight_octets.saturating_add(next.promised) <= self.window.octets
    }

    fn line(&mut self, line: &[u8], on_event: &mut impl FnMut(Event<'_>)) -> Result<()> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(status) = Status::parse(line) else {
            let error = if self.greeted { no_status() } else { no_greeting() };
            return Err(self.end(error));
        };
        if !self.greeted {
            self.greeted = true;
            on_event(Event::Greeting(status));
            return Ok(());
        }
        let Some(asked) = self.in_flight.front() else {
            return Err(self.end(unasked(&status)));
        };
        let ticket = asked.ticket;
        let body = status.ok && asked.command.is_multi_line();
        let user_refused = !status.ok && matches!(asked.command, Command::User(_));
        if body {
            self.reading = Reading::Body(Body::default());
        } else {
            self.answered();
        }
        // The password is not sent to a server that has refused the user: PASS is answered with the same words.
        let pass = self.waiting.pop_front_if(|next| user_refused && matches!(next.command, Command::Pass(_)));
        on_event(Event::Status { ticket, status: status.clone(), body });
        if let Some(pass) = pass {
            on_event(Event::Status { ticket: pass.ticket, status, body });
        }
        Ok(())
    }

    /// The oldest command in flight has its whole answer.
    fn answered(&mut self) {
        self.reading = Reading::Line(Vec::new());
        if let Some(done) = self.in_flight.pop_front() {
            self.in_flight_octets = self.in_flight_octets.saturating_sub(done.promised);
            if done.command == Command::Quit {
                self.end(Error::closed());
            }
        }
    }
}

fn too_long() -> Error {
    Error::new(Code::Protocol, "the mail server sent a status line without end; this is not POP3")
}

fn no_greeting() -> Error {
    Error::new(Code::Protocol, "what answered is not a POP3 server; check the relay's upstream address and port")
}

/// Holds no word of the line: it may be mail.
fn no_status() -> Error {
    Error::new(
        Code::Protocol,
        "the mail server's answer could not be understood; the session was ended and nothing was deleted",
    )
}

fn unasked(status: &Status) -> Error {
    if status.ok {
        return no_status();
    }
    // Servers say why they hang up in a -ERR that nobody asked for.
    Error::new(Code::Closed, "the mail server ended the session").with_server_text(status.text.clone())
}

#[cfg(test)]
mod tests {
    use super::super::command::Secret;
    use super::*;

    /// A session that was greeted, with an unlimited timeout.
    fn greeted(window: Window) -> Session {
        let mut session = Session::new(window, 1000, 0);
        session.receive(b"+OK ready\r\n", 0, |_| {}).unwrap();
        session
    }

    fn sent(session: &mut Session) -> String {
        String::from_utf8(session.transmit(0)).unwrap()
    }

    /// Events as text, adjacent body pieces joined.
    fn events(session: &mut Session, pieces: &[&[u8]]) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for piece in pieces {
            let result = session.receive(piece, 0, |event| match event {
                Event::Body(ticket, slice) => {
                    let (head, slice) = (format!("body {ticket} "), String::from_utf8_lossy(slice));
                    match out.last_mut().filter(|last| last.starts_with(&head)) {
                        Some(last) => last.push_str(&slice),
                        None => out.push(head + &slice),
                    }
                }
                Event::Greeting(status) => out.push(format!("greeting {}", status.text)),
                Event::Status { ticket, status, .. } => {
                    out.push(format!("status {ticket} {} {}", status.ok, status.text))
                }
                Event::End(ticket) => out.push(format!("end {ticket}")),
            });
            if let Err(error) = result {
                out.push(format!("error {}", error.code.as_str()));
                break;
            }
        }
        out
    }

    #[test]
    fn nothing_is_sent_before_the_greeting() {
        let mut session = Session::new(Window::ONE, 1000, 0);
        session.submit(Command::Stat, 0).unwrap();
        assert_eq!(sent(&mut session), "");
        assert_eq!(events(&mut session, &[b"+OK hello\r\n"]), ["greeting hello"]);
        assert_eq!(sent(&mut session), "STAT\r\n");
    }

    #[test]
    fn a_whole_dialogue_at_every_split() {
        let script: &[u8] = b"+OK 2 320\r\n+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n-ERR no\r\n+OK\r\n..x\r\n.y\r\n\r\n.\r\n+OK bye\r\n";
        let run = |pieces: &[&[u8]]| {
            let mut session = greeted(Window::PIPELINED);
            for command in [Command::Stat, Command::List, Command::Retr(1), Command::Retr(2)] {
                session.submit(command, 0).unwrap();
            }
            assert_eq!(sent(&mut session), "STAT\r\nLIST\r\nRETR 1\r\nRETR 2\r\n");
            events(&mut session, pieces)
        };
        let whole = run(&[script]);
        assert_eq!(
            whole,
            [
                "status 1 true 2 320",
                "status 2 true 2 messages",
                "body 2 1 120\r\n2 200\r\n",
                "end 2",
                "status 3 false no",
                "status 4 true ",
                "body 4 .x\r\ny\r\n\r\n",
                "end 4",
                "error protocol",
            ]
        );
        for at in 0..=script.len() {
            let (a, b) = script.split_at(at);
            assert_eq!(run(&[a, b]), whole, "split at {at}");
        }
        assert_eq!(run(&script.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn one_at_a_time_is_one_at_a_time() {
        let mut session = greeted(Window::ONE);
        session.submit(Command::Noop, 0).unwrap();
        session.submit(Command::Noop, 0).unwrap();
        assert_eq!(sent(&mut session), "NOOP\r\n");
        assert_eq!(sent(&mut session), "");
        events(&mut session, &[b"+OK\r\n"]);
        assert_eq!(sent(&mut session), "NOOP\r\n");
    }

    #[test]
    fn the_window_counts_commands_and_promised_octets() {
        let mut session = greeted(Window { commands: 3, octets: 100 });
        for n in 1..=5 {
            session.submit(Command::Retr(n), 40).unwrap();
        }
        assert_eq!(sent(&mut session), "RETR 1\r\nRETR 2\r\n");
        events(&mut session, &[b"+OK\r\n.\r\n"]);
        assert_eq!(sent(&mut session), "RETR 3\r\n");
        let mut session = greeted(Window { commands: 3, octets: 100 });
        session.submit(Command::Retr(1), 1_000).unwrap();
        session.submit(Command::Retr(2), 1).unwrap();
        assert_eq!(sent(&mut session), "RETR 1\r\n", "one is always let through");
    }

    #[test]
    fn nothing_rides_behind_a_sign_in_or_quit() {
        let mut session = greeted(Window::PIPELINED);
        for command in [Command::User("u".into()), Command::Pass(Secret::new("p")), Command::Stat, Command::Quit] {
            session.submit(command, 0).unwrap();
        }
        assert_eq!(sent(&mut session), "USER u\r\n");
        events(&mut session, &[b"+OK\r\n"]);
        assert_eq!(sent(&mut session), "PASS p\r\n");
        events(&mut session, &[b"+OK\r\n"]);
        assert_eq!(sent(&mut session), "STAT\r\n");
        events(&mut session, &[b"+OK 0 0\r\n"]);
        assert_eq!(sent(&mut session), "QUIT\r\n");
        events(&mut session, &[b"+OK\r\n"]);
        assert_eq!(session.submit(Command::Noop, 0).unwrap_err().code, Code::Closed);
    }

    #[test]
    fn a_refused_user_is_sent_no_password() {
        let mut session = greeted(Window::PIPELINED);
        for command in [Command::User("u".into()), Command::Pass(Secret::new("p")), Command::Noop] {
            session.submit(command, 0).unwrap();
        }
        assert_eq!(sent(&mut session), "USER u\r\n");
        assert_eq!(events(&mut session, &[b"-ERR who\r\n"]), ["status 1 false who", "status 2 false who"]);
        assert_eq!(sent(&mut session), "NOOP\r\n");
    }

    #[test]
    fn silence_counts_only_while_a_reply_is_due() {
        let mut session = greeted(Window::ONE);
        assert_eq!(session.deadline(), None);
        session.submit(Command::Noop, 0).unwrap();
        session.transmit(5_000);
        assert_eq!(session.deadline(), Some(6_000));
        session.receive(b"+", 5_900, |_| {}).unwrap();
        assert!(session.tick(6_000).is_ok(), "progress is life");
        assert_eq!(session.tick(6_900).unwrap_err().code, Code::Timeout);
        assert_eq!(session.submit(Command::Noop, 0).unwrap_err().code, Code::Timeout);
    }

    #[test]
    fn an_abandoned_session_takes_its_deletions_back() {
        let mut session = greeted(Window::ONE);
        assert!(session.farewell().is_empty());
        session.submit(Command::Dele(1), 0).unwrap();
        session.transmit(0);
        assert_eq!(session.farewell(), b"RSET\r\n");
        events(&mut session, &[b"+OK\r\n"]);
        session.submit(Command::Quit, 0).unwrap();
        session.transmit(0);
        assert!(session.farewell().is_empty(), "QUIT is on its way: too late");
    }

    #[test]
    fn what_is_no_pop3_ends_the_session() {
        let mut session = Session::new(Window::ONE, 1000, 0);
        assert_eq!(events(&mut session, &[b"HTTP/1.1 400 Bad Request\r\n"]), ["error protocol"]);
        let mut session = greeted(Window::ONE);
        assert_eq!(events(&mut session, &[&vec![b'+'; MAX_STATUS_LINE + 1]]), ["error protocol"]);
        let mut session = greeted(Window::ONE);
        assert_eq!(events(&mut session, &[b"-ERR idle too long\r\n"]), ["error closed"]);
        assert_eq!(session.ended().unwrap().server_text, "idle too long");
    }
}

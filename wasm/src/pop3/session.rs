//! The session machine: bytes in, events out, commands queued and released as the window allows.
//!
//! | file | what it is |
//! |---|---|
//! | this one | the queue, the clock, and what leaves and arrives in which order |
//! | [`reading`] | what the octets that arrive mean: status lines, bodies, and ends that are none |
//! | [`trial`] | whether the server answers commands that were queued behind others |
//!
//! Architecture invariant: no I/O, no clock, no random source. Time comes in as milliseconds of any monotonic clock. Any split of
//! the server's bytes into chunks gives the same events, once adjacent body chunks are joined.

mod reading;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::VecDeque;

use super::behaviour::{Behaviour, Pipelining};
use super::command::Command;
use super::reply::Status;
use crate::error::{Code, Error, Result};
use reading::{Ended, Reading};
use trial::RunningAhead;

/// Milliseconds of a monotonic clock.
pub type Millis = u64;

/// Names one queued command in the events that answer it.
pub type Ticket = u32;

/// Longest silence of a session that nobody uses. Servers have been seen to hang up after 60 s, against RFC 1939 §3.
const KEEP_ALIVE: Millis = 45_000;

/// A session is kept alive for so long after the last command. RFC 1939 §3 gives an idle client ten minutes; an open session locks
/// the maildrop and hides new mail, so a forgotten one must end.
const KEEP_ALIVE_FOR: Millis = 10 * 60_000;

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
    /// 12 MiB fill a path of 100 ms at 1 Gbit/s, and are what may lie in a browser's memory while its database is slow. 1000 commands
    /// are 12 kB, which a server's receive buffer takes while it is busy sending, so that neither end waits for the other to read
    /// (RFC 2449 §6.6). Measured: with 4 MiB, 1000 messages of 10 kB cost a round trip and a half more.
    pub const DEFAULT: Window = Window { commands: 1000, octets: 12 << 20 };
}

/// How a session is to behave.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Longest silence while a reply is due.
    pub timeout: Millis,
    /// How far to run ahead of a server that takes it.
    pub window: Window,
    /// Whether to.
    pub pipelining: Pipelining,
    /// What is known of the server.
    pub behaviour: Behaviour,
}

impl Default for Settings {
    /// A minute of silence: servers' own limits are minutes (RFC 1939 §3).
    fn default() -> Settings {
        Settings {
            timeout: 60_000,
            window: Window::DEFAULT,
            pipelining: Pipelining::default(),
            behaviour: Behaviour::default(),
        }
    }
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
    End {
        /// The command that is answered.
        ticket: Ticket,
        /// `false` where the server ended it in a way of its own, and only what it said next told so.
        certain: bool,
    },
    /// A message that had ended goes on: what looked like its end was a lone dot of its own. More of the body and another end follow.
    Resumed(Ticket),
}

#[derive(Debug)]
struct Queued {
    /// 0 for the session's own.
    ticket: Ticket,
    command: Command,
    /// Octets that the answer is expected to bring.
    promised: u64,
    purpose: Purpose,
}

/// Why a command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Somebody asked for it and waits.
    Asked,
    /// To hear anything at all: from a session nobody uses, or behind a body that seems to have ended.
    Life,
    /// One of two that show whether queued commands are answered.
    Trial,
    /// What puts both ends in step again after a trial that failed.
    Resync,
}

/// What time brings, if nothing else comes first.
#[derive(Clone, Copy, Debug)]
enum Alarm {
    /// The reply is overdue.
    Timeout,
    /// A body stands still at what could be its end.
    Stall,
    /// What came after that was one status line and nothing more.
    Settle,
    /// A command of the trial is not answered.
    Trial,
    /// Nobody has used the session for a while.
    KeepAlive,
}

/// One POP3 session, from greeting to QUIT.
#[derive(Debug)]
pub struct Session {
    timeout: Millis,
    window: Window,
    pipelining: Pipelining,
    behaviour: Behaviour,
    running: RunningAhead,
    last_ticket: Ticket,
    waiting: VecDeque<Queued>,
    /// The session's own commands, which wait for no window.
    own: Vec<Queued>,
    in_flight: VecDeque<Queued>,
    in_flight_octets: u64,
    reading: Reading,
    /// The message whose end came last, until a status line proves that it was its end.
    ended_mail: Option<Ended>,
    greeted: bool,
    signed_in: bool,
    /// The server waits for the next part of a sign-in.
    challenged: bool,
    /// DELE was sent, and neither RSET nor QUIT behind it.
    deletions_pending: bool,
    ended: Option<Error>,
    last_life: Millis,
    /// When somebody last asked for something.
    last_asked: Millis,
}

impl Session {
    /// A session whose greeting is due.
    pub fn new(settings: Settings, now: Millis) -> Session {
        let mut session = Session {
            timeout: settings.timeout,
            window: settings.window,
            pipelining: settings.pipelining,
            behaviour: settings.behaviour,
            running: RunningAhead::Off,
            last_ticket: 0,
            waiting: VecDeque::new(),
            own: Vec::new(),
            in_flight: VecDeque::new(),
            in_flight_octets: 0,
            reading: Reading::default(),
            ended_mail: None,
            greeted: false,
            signed_in: false,
            challenged: false,
            deletions_pending: false,
            ended: None,
            last_life: now,
            last_asked: now,
        };
        session.learn(&|_| {});
        session
    }

    /// What is known of the server by now.
    pub fn behaviour(&self) -> Behaviour {
        self.behaviour
    }

    /// Takes in what somebody learnt of the server.
    pub fn learn(&mut self, lesson: &dyn Fn(&mut Behaviour)) {
        lesson(&mut self.behaviour);
        let allowed = self.behaviour.allows(self.pipelining);
        self.running.allow(allowed, self.behaviour.pipelining == Some(true));
    }

    /// Whether commands are sent before the answers to earlier ones.
    pub fn runs_ahead(&self) -> bool {
        self.running == RunningAhead::Works
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
        // 0 names nobody's.
        self.last_ticket = self.last_ticket.checked_add(1).unwrap_or(1);
        let (ticket, purpose) = (self.last_ticket, Purpose::Asked);
        // The next part of a sign-in goes before what was queued behind the sign-in.
        let first = matches!(command, Command::Response(_));
        let queued = Queued { ticket, command, promised, purpose };
        if first {
            self.waiting.push_front(queued)
        } else {
            self.waiting.push_back(queued)
        }
        Ok(ticket)
    }

    /// The octets to send now: whole commands, as many as the window lets through. Empty where there is nothing to send.
    pub fn transmit(&mut self, now: Millis) -> Vec<u8> {
        let mut frame = Vec::new();
        for own in core::mem::take(&mut self.own) {
            self.put(own, &mut frame, now);
        }
        while self.greeted && self.ended.is_none() {
            if self.trial_is_due() {
                self.begin_trial(&mut frame, now);
            }
            if !self.may_send_next() {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            self.last_asked = now;
            self.put(next, &mut frame, now);
        }
        frame
    }

    /// Takes bytes from the server and tells `on_event` what they say.
    ///
    /// # Errors
    /// `protocol` where they cannot be understood; the session has ended then.
    pub fn receive(&mut self, input: &[u8], now: Millis, mut on_event: impl FnMut(Event<'_>)) -> Result<()> {
        self.last_life = now;
        self.read(input, &mut on_event)
    }

    /// When [`Session::tick`] will have something to do, if nothing comes first.
    pub fn deadline(&self) -> Option<Millis> {
        self.next_alarm().map(|(at, _)| at)
    }

    /// Lets time pass. Where this leaves something to send, [`Session::transmit`] gives it.
    ///
    /// # Errors
    /// `timeout`, once, where a reply is overdue: the session has ended then.
    pub fn tick(&mut self, now: Millis, mut on_event: impl FnMut(Event<'_>)) -> Result<()> {
        while let Some((_, alarm)) = self.next_alarm().filter(|(at, _)| *at <= now) {
            match alarm {
                Alarm::Timeout => return Err(self.overdue()),
                Alarm::Stall => self.nudge(),
                Alarm::Settle => self.settle(&mut on_event)?,
                Alarm::Trial => self.resync(),
                Alarm::KeepAlive => {
                    // Sent at the next transmit, and from then on it is what a reply is due to.
                    self.last_life = now;
                    self.own(Command::Noop, Purpose::Life);
                }
            }
        }
        Ok(())
    }

    /// Ends the session; everything not yet answered fails with `error`, and so does every later call. The first end counts.
    pub fn end(&mut self, error: Error) -> Error {
        if self.ended.is_none() {
            self.trial_cut_short(&error);
        }
        self.waiting.clear();
        self.own.clear();
        self.in_flight.clear();
        self.ended.get_or_insert(error).clone()
    }

    /// Why the session ended, if it has.
    pub fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Whether the message whose end came last has ended there: a status line came behind it.
    pub fn is_end_told(&self) -> bool {
        self.ended_mail.is_none() && !self.reading.is_resumed()
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

    fn next_alarm(&self) -> Option<(Millis, Alarm)> {
        if self.ended.is_some() {
            return None;
        }
        let after = |wait: Millis, alarm: Alarm| Some((self.last_life.saturating_add(wait), alarm));
        if self.greeted && self.in_flight.is_empty() && self.own.is_empty() && !self.reading.is_body() {
            let used = self.last_life < self.last_asked.saturating_add(KEEP_ALIVE_FOR);
            return if self.signed_in && used { after(KEEP_ALIVE, Alarm::KeepAlive) } else { None };
        }
        let sooner = self.reading_alarm().or_else(|| self.trial_alarm());
        match sooner {
            Some((wait, alarm)) if wait < self.timeout => after(wait, alarm),
            _ => after(self.timeout, Alarm::Timeout),
        }
    }

    fn may_send_next(&self) -> bool {
        let Some(next) = self.waiting.front() else { return false };
        if self.challenged && !matches!(next.command, Command::Response(_)) {
            return false;
        }
        if self.in_flight.is_empty() {
            return !self.reading.is_body();
        }
        // The session's own may stand behind it.
        let asked = self.in_flight.iter().rfind(|queued| queued.purpose == Purpose::Asked);
        self.runs_ahead()
            && !asked.is_some_and(|last| last.command.is_barrier())
            && !next.command.is_barrier()
            && self.in_flight.len() < self.window.commands
            && self.in_flight_octets.saturating_add(next.promised) <= self.window.octets
    }

    /// A command of the session's own, for the next [`Session::transmit`].
    fn own(&mut self, command: Command, purpose: Purpose) {
        self.own.push(Queued { ticket: 0, command, promised: 0, purpose });
    }

    /// Writes a command, which is in flight from now on.
    fn put(&mut self, queued: Queued, frame: &mut Vec<u8>, now: Millis) {
        if self.in_flight.is_empty() && !self.reading.is_body() {
            // The silence that counts is the one after this question, not the one before it.
            self.last_life = now;
        }
        queued.command.write(frame);
        match queued.command {
            Command::Dele(_) => self.deletions_pending = true,
            Command::Rset | Command::Quit => self.deletions_pending = false,
            _ => {}
        }
        self.in_flight_octets = self.in_flight_octets.saturating_add(queued.promised);
        self.in_flight.push_back(queued);
    }

    /// The oldest command in flight has its whole answer.
    fn answered(&mut self) {
        self.reading = Reading::default();
        if let Some(done) = self.in_flight.pop_front() {
            self.in_flight_octets = self.in_flight_octets.saturating_sub(done.promised);
            if done.command == Command::Quit {
                self.end(Error::closed());
            }
        }
    }

    fn overdue(&mut self) -> Error {
        // With others queued behind it: an answer was thrown away, or taken for a part of another.
        if self.reading.may_be_out_of_step() && self.in_flight.len() > 1 {
            self.out_of_step();
        }
        self.end(Error::new(Code::Timeout, "the mail server did not answer in time; nothing was lost, try again"))
    }
}

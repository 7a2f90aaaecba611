//! What the octets that arrive mean: status lines, bodies, and the ends that servers write in their own way.
//!
//! Three kinds of server end a body so that only what follows tells:
//! - a lone dot of the message's own, sent unstuffed: what follows is no status line, so the message goes on;
//! - `.` and CR, or a dot right behind the text (Exchange 2000): then comes silence. A NOOP breaks it, and its status line shows
//!   that the body had ended;
//! - `.` and CR with the next answer right behind.

use memchr::memchr;

use super::{Alarm, Event, Millis, Purpose, Queued, Session, Ticket};
use crate::error::{Code, Error, Result};
use crate::pop3::body::{Body, Progress};
use crate::pop3::command::Command;
use crate::pop3::reply::{MAX_STATUS_LINE, Status};

/// A body that stands still for so long at what could be its end is asked about. Longer than servers pause within a line.
const STALL: Millis = 5_000;
/// The same where the server has ended a body in its own way before.
const STALL_AGAIN: Millis = 250;
/// A status line behind a stalled body with nothing after it for so long is the answer to the NOOP, and no line of the body.
const SETTLE: Millis = 500;

/// What the next octet from the server belongs to.
#[derive(Debug)]
pub(super) enum Reading {
    /// A status line; what of it has come so far.
    Line(Vec<u8>),
    /// A body.
    Body(Reader),
}

/// A body on its way in.
#[derive(Debug)]
pub(super) struct Reader {
    ticket: Ticket,
    body: Body,
    /// Octets so far, and as many as were promised.
    octets: u64,
    promised: u64,
    /// It is a message, and whole.
    message: bool,
    /// It had ended before: its command is no longer in flight.
    resumed: bool,
    /// A NOOP was sent to see whether it has ended.
    nudged: bool,
    /// What came since, as long as it can be the answer to that NOOP.
    suspense: Option<Vec<u8>>,
}

/// A message whose end has come.
#[derive(Debug)]
pub(super) struct Ended {
    ticket: Ticket,
    octets: u64,
    promised: u64,
    terminator: &'static [u8],
}

impl Default for Reading {
    fn default() -> Reading {
        Reading::Line(Vec::new())
    }
}

impl Reading {
    /// A message that had seemed to end.
    pub(super) fn is_resumed(&self) -> bool {
        matches!(self, Reading::Body(reader) if reader.resumed)
    }

    pub(super) fn is_body(&self) -> bool {
        matches!(self, Reading::Body(_))
    }

    /// Nothing of the next line or body has come, or more than a message has; what is no message has no known length.
    pub(super) fn may_be_out_of_step(&self) -> bool {
        match self {
            Reading::Line(held) => held.is_empty(),
            Reading::Body(reader) => !reader.message || reader.octets == 0 || reader.octets > reader.promised,
        }
    }

    /// Nothing of the next answer has come.
    pub(super) fn is_untouched(&self) -> bool {
        matches!(self, Reading::Line(held) if held.is_empty())
    }
}

impl Session {
    /// Reads `input` to its end.
    pub(super) fn read(&mut self, mut input: &[u8], on_event: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        while let Some(first) = input.first() {
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            let no_status = self.reading.is_untouched() && !matches!(first, b'+' | b'-');
            if no_status && self.resume(on_event) {
                continue;
            }
            input = match &self.reading {
                Reading::Body(reader) if reader.suspense.is_some() => self.read_in_suspense(input, on_event)?,
                Reading::Body(_) => self.read_body(input, on_event),
                Reading::Line(_) => self.read_line(input, on_event)?,
            };
        }
        Ok(())
    }

    pub(super) fn reading_alarm(&self) -> Option<(Millis, Alarm)> {
        let Reading::Body(reader) = &self.reading else { return None };
        match &reader.suspense {
            Some(line) => line.ends_with(b"\n").then(|| (SETTLE.min(self.timeout / 8), Alarm::Settle)),
            None if reader.nudged && reader.body.next_octet_tells() => None,
            None => reader.body.may_have_ended().then(|| {
                let stall = if self.behaviour.unterminated { STALL_AGAIN } else { STALL };
                (stall.min(self.timeout / 4), Alarm::Stall)
            }),
        }
    }

    /// The body stands still at what could be its end.
    pub(super) fn nudge(&mut self) {
        let Reading::Body(reader) = &mut self.reading else { return };
        if !reader.body.next_octet_tells() {
            reader.suspense = Some(Vec::new());
        }
        if !core::mem::replace(&mut reader.nudged, true) {
            self.own(Command::Noop, Purpose::Life);
        }
    }

    /// A status line came behind what could be the end, and then nothing: it was the end.
    pub(super) fn settle(&mut self, on_event: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let Reading::Body(reader) = &mut self.reading else { return Ok(()) };
        let line = reader.suspense.take().unwrap_or_default();
        // The NOOP is answered, and so must be everything in front of it.
        let in_front = self.in_flight.len() - usize::from(!reader.resumed).min(self.in_flight.len());
        if in_front > 1 {
            self.out_of_step();
            return Err(self.end(no_status()));
        }
        self.body_ended(b".", on_event);
        self.read(&line, on_event)
    }

    fn read_body<'a>(&mut self, input: &'a [u8], on_event: &mut dyn FnMut(Event<'_>)) -> &'a [u8] {
        let Reading::Body(reader) = &mut self.reading else { return input };
        let due = self.in_flight.len() > usize::from(!reader.resumed);
        let (ticket, octets) = (reader.ticket, &mut reader.octets);
        let progress = reader.body.read(input, due, |slice| {
            *octets += slice.len() as u64;
            on_event(Event::Body(ticket, slice));
        });
        match progress {
            Progress::More => &[],
            Progress::Ended { taken, terminator } => {
                self.body_ended(terminator, on_event);
                input.get(taken..).unwrap_or_default()
            }
        }
    }

    fn body_ended(&mut self, terminator: &'static [u8], on_event: &mut dyn FnMut(Event<'_>)) {
        let Reading::Body(reader) = core::mem::take(&mut self.reading) else { return };
        let Reader { ticket, octets, promised, message, resumed, .. } = reader;
        if !resumed {
            self.answered();
        }
        let certain = terminator.ends_with(b"\n");
        self.behaviour.unterminated |= !certain;
        if message && certain {
            self.ended_mail = Some(Ended { ticket, octets, promised, terminator });
        }
        on_event(Event::End { ticket, certain: certain && !resumed });
    }

    /// Holds what could be the answer to the NOOP. What cannot be is the body going on.
    fn read_in_suspense<'a>(&mut self, input: &'a [u8], on_event: &mut dyn FnMut(Event<'_>)) -> Result<&'a [u8]> {
        let Reading::Body(Reader { suspense, .. }) = &mut self.reading else { return Ok(input) };
        let Some(held) = suspense else { return Ok(input) };
        let taken = memchr(b'\n', input).map_or(input.len(), |at| at + 1);
        let (line, rest) = input.split_at_checked(taken).unwrap_or((input, &[]));
        if !held.ends_with(b"\n") {
            held.extend_from_slice(line);
            if begins_as_status(held) && held.len() <= MAX_STATUS_LINE {
                return Ok(rest);
            }
            let held = suspense.take().unwrap_or_default();
            self.read(&held, on_event)?;
            return Ok(rest);
        }
        let held = suspense.take().unwrap_or_default();
        self.read(&held, on_event)?;
        Ok(input)
    }

    /// Goes back to the message that had seemed to end, where it is shorter than LIST promised.
    fn resume(&mut self, on_event: &mut dyn FnMut(Event<'_>)) -> bool {
        let Some(ended) = self.ended_mail.take_if(|ended| ended.octets < ended.promised) else { return false };
        let Ended { ticket, octets, promised, terminator } = ended;
        on_event(Event::Resumed(ticket));
        on_event(Event::Body(ticket, terminator));
        let octets = octets + terminator.len() as u64;
        let (body, resumed) = (Body::default(), true);
        let reader = Reader { ticket, body, octets, promised, message: true, resumed, nudged: false, suspense: None };
        self.reading = Reading::Body(reader);
        true
    }

    fn read_line<'a>(&mut self, input: &'a [u8], on_event: &mut dyn FnMut(Event<'_>)) -> Result<&'a [u8]> {
        let Reading::Line(held) = &mut self.reading else { return Ok(input) };
        let taken = memchr(b'\n', input).map_or(input.len(), |at| at + 1);
        let (line, rest) = input.split_at_checked(taken).unwrap_or((input, &[]));
        held.extend_from_slice(line);
        if held.len() > MAX_STATUS_LINE {
            self.out_of_step();
            return Err(self.end(too_long()));
        }
        if held.ends_with(b"\n") {
            let line = core::mem::take(held);
            self.status(&line, on_event)?;
        }
        Ok(rest)
    }

    fn status(&mut self, line: &[u8], on_event: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let words = line.strip_suffix(b"\n").unwrap_or(line);
        let parsed = Status::parse(words.strip_suffix(b"\r").unwrap_or(words));
        // `+` without `OK` begins a line of many a text: it is an answer only where one can be challenged.
        let signing_in = self.in_flight.front().is_some_and(|next| next.command.signs_in());
        let Some(status) = parsed.filter(|status| signing_in || !status.challenge) else {
            if self.resume(on_event) {
                return self.read(line, on_event);
            }
            self.out_of_step();
            let error = if self.greeted { no_status() } else { no_greeting() };
            return Err(self.end(error));
        };
        self.ended_mail = None;
        if !self.greeted {
            self.greeted = true;
            on_event(Event::Greeting(status));
            return Ok(());
        }
        let Some(Queued { ticket, command, promised, purpose }) = self.in_flight.front() else {
            // Servers say why they hang up in a -ERR that nobody asked for. A +OK is an answer too many.
            if status.ok {
                self.out_of_step();
            }
            return Err(self.end(unasked(&status)));
        };
        match purpose {
            Purpose::Asked => {}
            Purpose::Life => {
                self.answered();
                return Ok(());
            }
            Purpose::Trial | Purpose::Resync => {
                self.trial_answered(&status);
                return Ok(());
            }
        }
        let (ticket, promised, body) = (*ticket, *promised, status.ok && command.is_multi_line());
        let (message, signs_in) = (matches!(command, Command::Retr(_)), command.signs_in());
        let user_refused = !status.ok && matches!(command, Command::User(_));
        if body {
            let (body, octets) = (Body::default(), 0);
            let (resumed, nudged, suspense) = (false, false, None);
            let reader = Reader { ticket, body, octets, promised, message, resumed, nudged, suspense };
            self.reading = Reading::Body(reader);
        } else {
            self.answered();
        }
        self.challenged = signs_in && status.challenge;
        self.signed_in |= signs_in && status.ok && !status.challenge;
        // The password is not sent to a server that has refused the user: PASS is answered with the same words.
        let pass = self.waiting.pop_front_if(|next| user_refused && matches!(next.command, Command::Pass(_)));
        on_event(Event::Status { ticket, status: status.clone(), body });
        if let Some(pass) = pass {
            on_event(Event::Status { ticket: pass.ticket, status, body });
        }
        Ok(())
    }
}

/// Whether this is a status line as far as it goes.
fn begins_as_status(text: &[u8]) -> bool {
    let alike = |word: &[u8]| {
        let both = word.len().min(text.len());
        text.get(..both).zip(word.get(..both)).is_some_and(|(text, word)| text.eq_ignore_ascii_case(word))
    };
    alike(b"+OK") || alike(b"-ERR")
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
    Error::new(Code::Closed, "the mail server ended the session").with_server_text(status.text.clone())
}

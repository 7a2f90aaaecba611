//! Whether a server answers commands that were queued behind others.
//!
//! Advertised or not, the first time it is tried with two NOOPs in one frame. Some servers throw queued input away, some refuse it,
//! some disconnect (poczta.o2.pl): at stake are two NOOPs then, and no mail.

use super::{Alarm, Millis, Purpose, Queued, Session};
use crate::error::{Code, Error};
use crate::pop3::command::Command;
use crate::pop3::listing;
use crate::pop3::reply::Status;

/// How long the second NOOP is waited for before both ends are put in step again. Longer than any round trip; where it was only
/// late, its answer is still told from the others.
const PATIENCE: Millis = 5_000;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunningAhead {
    /// One command at a time.
    Off,
    /// Allowed, and not tried yet.
    Untried,
    /// The NOOPs are on their way.
    Trial {
        /// The first, with nothing in front of it, was refused: this server knows no NOOP.
        unknown_noop: bool,
        /// CAPA travelled in front.
        behind_capa: bool,
    },
    /// The server answers queued commands.
    Works,
}

impl RunningAhead {
    /// What is known from before.
    pub(super) fn allow(&mut self, allowed: bool, known_to_work: bool) {
        *self = match *self {
            _ if !allowed => RunningAhead::Off,
            RunningAhead::Off if known_to_work => RunningAhead::Works,
            RunningAhead::Off => RunningAhead::Untried,
            tried => tried,
        };
    }
}

impl Session {
    /// Two commands wait that could travel together, and nobody knows yet whether they may.
    pub(super) fn trial_is_due(&self) -> bool {
        let waits = |place: usize| self.waiting.get(place).is_some_and(|queued| !queued.command.is_barrier());
        self.running == RunningAhead::Untried && self.signed_in && self.in_flight.is_empty() && waits(0) && waits(1)
    }

    /// Two NOOPs in one frame; behind CAPA, where that comes next anyway and so costs no round trip.
    pub(super) fn begin_trial(&mut self, frame: &mut Vec<u8>, now: Millis) {
        let capa = self.waiting.pop_front_if(|next| next.command == Command::Capa);
        self.running = RunningAhead::Trial { unknown_noop: false, behind_capa: capa.is_some() };
        if let Some(capa) = capa {
            self.put(capa, frame, now);
        }
        for _ in 0..2 {
            let noop = Queued { ticket: 0, command: Command::Noop, promised: 0, purpose: Purpose::Trial };
            self.put(noop, frame, now);
        }
    }

    /// The answer to a command of the trial, as far as anybody can tell.
    pub(super) fn trial_answered(&mut self, status: &Status) {
        let on_trial = |session: &Session| session.in_flight.front().is_some_and(|next| next.purpose == Purpose::Trial);
        let resyncing = self.in_flight.back().is_some_and(|last| last.purpose == Purpose::Resync);
        if resyncing && listing::exact_stat(status).is_some() {
            // STAT's answer, and no other looks like it: what stands in front of it will never be answered.
            let answered = !on_trial(self);
            while !self.in_flight.is_empty() {
                self.answered();
            }
            return self.tried(answered);
        }
        let RunningAhead::Trial { unknown_noop, behind_capa } = self.running else { return self.answered() };
        let was_on_trial = on_trial(self);
        self.answered();
        if on_trial(self) {
            // Behind CAPA it may have been refused because it was queued.
            self.running = RunningAhead::Trial { unknown_noop: !status.ok && !behind_capa, behind_capa };
        } else if !resyncing || !was_on_trial {
            // A server that knows no NOOP refuses both, and so has answered both.
            self.tried(status.ok || unknown_noop);
        }
    }

    /// A NOOP is overdue: STAT, whose answer looks like no other, shows what became of it.
    pub(super) fn resync(&mut self) {
        self.own(Command::Stat, Purpose::Resync);
    }

    pub(super) fn trial_alarm(&self) -> Option<(Millis, Alarm)> {
        let overdue = self.in_flight.front()?.purpose == Purpose::Trial && self.reading.is_untouched();
        let asked = self.own.iter().chain(&self.in_flight).any(|queued| queued.purpose == Purpose::Resync);
        (overdue && !asked).then(|| (PATIENCE.min(self.timeout / 3), Alarm::Trial))
    }

    /// The session ends. Where that answers a trial, it was too much for the server.
    pub(super) fn trial_cut_short(&mut self, error: &Error) {
        let theirs = matches!(error.code, Code::Closed | Code::Timeout | Code::Protocol);
        if theirs && matches!(self.running, RunningAhead::Trial { .. }) {
            self.tried(false);
        }
    }

    /// What has just come fits no question. With one command at a time it would be clear what it answers.
    pub(super) fn out_of_step(&mut self) {
        if self.signed_in && self.runs_ahead() {
            self.tried(false);
        }
    }

    fn tried(&mut self, works: bool) {
        // What was learnt since the trial began counts more.
        let works = works && self.behaviour.pipelining != Some(false);
        self.behaviour.pipelining = Some(works);
        let ahead = self.behaviour.allows(self.pipelining);
        self.running = if ahead { RunningAhead::Works } else { RunningAhead::Off };
    }
}

//! Asking ahead of the answers, bounded in commands and in octets.

use std::collections::VecDeque;

use super::gathered::{BATCH_MESSAGES, BATCH_OCTETS};
use super::planner::Present;
use crate::pop3::{Answer, Client, Command, Window};

/// What one command more is taken to bring where LIST names no size, as some servers do.
const UNKNOWN: u64 = 256 << 10;

/// What an answer is to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// The command for a message.
    Message(Present),
    /// A question that shows whether both ends are in step.
    Fence,
}

/// One command for each message, as many of them asked as may lie in memory while the database is slow: as many as the session may
/// have in flight, which decides what of it is sent.
pub(super) struct Ahead<'a> {
    client: &'a Client,
    wanted: std::vec::IntoIter<Present>,
    command: fn(u32) -> Command,
    asked: VecDeque<(Asked, u64, Answer)>,
    octets: u64,
    /// What a fence asks.
    fence: Command,
    /// Fences not answered yet.
    fences: usize,
    /// Commands behind the last fence, and the octets that they are taken to bring.
    unfenced: (usize, u64),
    ran_ahead: bool,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(client: &'a Client, wanted: Vec<Present>, command: fn(u32) -> Command, fence: Command) -> Self {
        let (wanted, asked) = (wanted.into_iter(), VecDeque::new());
        Ahead { client, wanted, command, asked, octets: 0, fence, fences: 0, unfenced: (0, 0), ran_ahead: false }
    }

    /// What was asked next and its answer, perhaps still to come. `most`: no answer is taken to be longer.
    pub(super) fn next(&mut self, most: u64) -> Option<(Asked, Answer)> {
        while let Some(next) = self.wanted.as_slice().first().copied() {
            let promised = if next.size == 0 { UNKNOWN } else { next.size }.min(most);
            let room = self.asked.len() < Window::DEFAULT.commands
                && self.octets.saturating_add(promised) <= Window::DEFAULT.octets;
            if !self.asked.is_empty() && !room {
                break;
            }
            self.wanted.next();
            self.octets = self.octets.saturating_add(promised);
            let answer = self.client.queue((self.command)(next.number), promised);
            self.asked.push_back((Asked::Message(next), promised, answer));
            let (messages, octets) = self.unfenced;
            self.unfenced = (messages + 1, octets.saturating_add(promised));
            let many = self.unfenced.0 >= BATCH_MESSAGES || self.unfenced.1 >= BATCH_OCTETS as u64;
            // Where one answer too few or too many could go unnoticed, what goes into one transaction is followed by a question.
            if self.client.runs_ahead() && (many || self.has_asked_all()) {
                self.put_fence();
            }
        }
        self.ran_ahead |= self.client.runs_ahead();
        self.client.flush();
        let (asked, promised, answer) = self.asked.pop_front()?;
        self.octets = self.octets.saturating_sub(promised);
        Some((asked, answer))
    }

    /// Puts a fence behind what is asked, unless one is on its way already.
    pub(super) fn fence(&mut self) {
        if self.fences == 0 {
            self.put_fence();
            self.client.flush();
        }
    }

    fn put_fence(&mut self) {
        self.fences += 1;
        self.unfenced = (0, 0);
        self.asked.push_back((Asked::Fence, 0, self.client.queue(self.fence.clone(), 0)));
    }

    /// The fence was answered.
    pub(super) fn passed(&mut self) {
        self.fences = self.fences.saturating_sub(1);
    }

    /// Whether commands were sent before the answers to earlier ones: also once the session no longer does, or has ended.
    pub(super) fn runs_ahead(&self) -> bool {
        self.ran_ahead
    }

    /// Whether there is nothing left to ask for.
    pub(super) fn has_asked_all(&self) -> bool {
        self.wanted.as_slice().is_empty()
    }

    /// Asks for no more than is asked already.
    pub(super) fn ask_no_more(&mut self) {
        self.wanted = Vec::new().into_iter();
        if self.ran_ahead && self.unfenced.0 > 0 {
            self.put_fence();
            self.client.flush();
        }
    }
}

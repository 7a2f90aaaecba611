//! Messages between the wire and the table: those that are certain, on their way into one transaction, and those in doubt.
//!
//! Answers carry no name: which message a body is follows from the order alone. Where a server leaves one out or puts one in, every
//! body after it belongs to another message. Nothing like that goes unnoticed when each has exactly the length that LIST gave it and
//! no other message, so four things raise a doubt: another length, the length of another message, a length that is not its own alone
//! while commands run ahead of the answers (as POP3 counts it, and as servers do that count line ends as one octet), and a refusal. What comes from then on is held until a question whose answer looks like
//! no other (STAT) is answered in its turn.

use super::report::{Report, Skipped};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::pop3::Answer;
use crate::store::{Batch, Edit, Envelope, Id, Store, Timestamp};

/// A transaction ends at so many messages …
pub(super) const BATCH_MESSAGES: usize = 16;
/// … or so many milliseconds after its first message came: what was received is not kept waiting …
const BATCH_MILLIS: u64 = 50;
/// … or so many octets. Larger transactions gain nothing (measured: 1000 messages of 10 kB, batches of 16 and more alike).
pub(super) const BATCH_OCTETS: usize = 1 << 20;
/// Pieces in which a message is stored: what one transaction takes.
pub(super) const CHUNK: usize = BATCH_OCTETS;
/// So many pieces of a message that is still coming are written together: what Chromium 156 writes alone takes it nearly twice as long
/// (measured: 100 MB in pieces of 1 MiB, one, four and eight to a transaction).
pub(super) const STAGED: usize = 4;

/// A message that has come.
pub(super) struct Received {
    pub(super) id: Id,
    pub(super) envelope: Envelope,
    /// The last piece, and its place behind those that are on disk already.
    pub(super) place: u32,
    pub(super) piece: Vec<u8>,
    /// All of it.
    pub(super) octets: u64,
    /// Its end could not be established.
    pub(super) unconfirmed: bool,
    /// Where more of it would come, if its end was none.
    pub(super) answer: Answer,
}

impl Received {
    /// Its length as servers give it in LIST that count line ends as one octet; of a message in several pieces, nobody has counted.
    pub(super) fn unix_octets(&self) -> Option<u64> {
        let line_ends = || self.piece.iter().filter(|octet| **octet == b'\n').count() as u64;
        (self.place == 0).then(|| self.octets.saturating_sub(line_ends()))
    }

    /// Takes in what came behind an end that was none.
    fn complete(&mut self) {
        if let Some(rest) = self.answer.rest() {
            self.octets += rest.len() as u64;
            self.piece.extend_from_slice(&rest);
            self.unconfirmed = true;
        }
    }
}

/// Whole messages on their way into one transaction.
#[derive(Default)]
pub(super) struct Gathered {
    batch: Batch,
    messages: u32,
    octets: u64,
    held: usize,
    /// When the first of them came.
    since: Timestamp,
}

impl Gathered {
    pub(super) fn push(&mut self, received: Received, at: Timestamp) {
        let Received { id, envelope, mut place, mut piece, octets, unconfirmed, .. } = received;
        if self.messages == 0 {
            self.since = at;
        }
        self.held += piece.len();
        self.messages += 1;
        self.octets += octets;
        // Longer than a piece only where an end was none.
        while piece.len() > CHUNK {
            let rest = piece.split_off(CHUNK);
            self.batch.chunks.push((id, place, core::mem::replace(&mut piece, rest)));
            place += 1;
        }
        self.batch.chunks.push((id, place, piece));
        self.batch.envelopes.push((id, envelope));
        self.batch.edits.push((id, Edit::Retrieved { octets, chunks: place + 1, at, unconfirmed }));
    }

    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        let old = self.messages > 0 && now.saturating_sub(self.since) >= BATCH_MILLIS;
        old || self.messages as usize >= BATCH_MESSAGES || self.held >= BATCH_OCTETS
    }

    /// Makes it durable.
    pub(super) async fn commit<S: Store>(&mut self, table: &Table<S>, report: &mut Report) -> Result<()> {
        let Gathered { batch, messages, octets, .. } = core::mem::take(self);
        table.apply(batch).await?;
        report.retrieved += messages;
        report.bytes += octets;
        Ok(())
    }
}

/// What would dispel a doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Until {
    /// There is none.
    #[default]
    Now,
    /// A message that shows how LIST counts.
    Counted,
    /// The next status line: with one command at a time there is hardly anything else that it could answer.
    Reply,
    /// A question of its own.
    Fence,
}

/// What has come since there is doubt.
#[derive(Default)]
pub(super) struct Doubt {
    until: Until,
    messages: Vec<Received>,
    refused: Vec<Skipped>,
}

impl Doubt {
    pub(super) fn is_none(&self) -> bool {
        self.until == Until::Now
    }

    pub(super) fn ends_with_a_count(&self) -> bool {
        self.until == Until::Counted
    }

    pub(super) fn ends_with_a_reply(&self) -> bool {
        self.until == Until::Reply
    }

    pub(super) fn wants_a_fence(&self) -> bool {
        self.until == Until::Fence
    }

    /// A message that is not certain by its length `until` then, or that came while there was doubt.
    pub(super) fn hold(&mut self, received: Received, until: Until) {
        self.until = self.until.max(until);
        self.messages.push(received);
    }

    /// A message that the server refused: or was it an answer to something else?
    pub(super) fn refused(&mut self, skipped: Skipped) {
        self.until = Until::Fence;
        self.refused.push(skipped);
    }

    /// Both ends are in step: it was all as it seemed.
    pub(super) fn dispel(&mut self, batch: &mut Gathered, report: &mut Report, at: Timestamp) {
        let Doubt { messages, mut refused, .. } = core::mem::take(self);
        for mut received in messages {
            received.complete();
            batch.push(received, at);
        }
        report.skipped.append(&mut refused);
    }

    /// The session has ended with `error` before that.
    ///
    /// With one command at a time the one message held is known by name, and only its end is in doubt. Where what came behind it was
    /// no answer at all, the end was most likely a lone dot of its own: it is kept as unconfirmed, to be read and not deleted.
    /// Everything else is fetched again.
    pub(super) fn end(self, error: &Error, batch: &mut Gathered, at: Timestamp) {
        if self.until != Until::Reply {
            return;
        }
        for mut received in self.messages {
            received.complete();
            received.unconfirmed |= error.code == Code::Protocol;
            if received.unconfirmed {
                batch.push(received, at);
            }
        }
    }
}

//! The middle of a session: headers and messages, from the wire to the table.

use super::Engine;
use super::listing::{REFUSALS, TOP_OCTETS};
use crate::error::{Error, Result};
use crate::mail;
use crate::pop3::{Answer, Chunk, Command, listing};
use crate::store::{Batch, Edit, Envelope, Id, Store};
use crate::sync::ahead::{Ahead, Asked};
use crate::sync::gathered::{BATCH_MESSAGES, CHUNK, Doubt, Gathered, Received, STAGED, Until};
use crate::sync::planner::{self, Present};
use crate::sync::report::{Phase, Progress, Report, Skipped};

/// Lines of the body that TOP asks for, so that a preview can be shown. The first lines of a multipart are its preamble and the
/// headers of its first part; twenty reach its text in common mail.
pub(super) const PREVIEW_LINES: u32 = 20;
/// Progress is told at most once per so many octets.
const PROGRESS_OCTETS: u64 = 64 * 1024;

impl<S: Store> Engine<'_, S> {
    /// TOP for each, as far as the server gives headers.
    pub(super) async fn fetch_headers(&self, wanted: Vec<Present>, report: &mut Report) -> Result<()> {
        if wanted.is_empty() || self.client.behaviour().top == Some(false) {
            return Ok(());
        }
        let mut progress = Progress::start(Phase::Headers, wanted.len(), 0);
        (self.progress)(progress);
        let mut ahead = Ahead::new(self.client, wanted, |number| Command::Top(number, PREVIEW_LINES), self.question());
        let (mut batch, mut octets) = (Batch::default(), 0);
        // Since the last time that both ends were seen to be in step.
        let mut refused: Vec<Skipped> = Vec::new();
        let mut skipped = Vec::new();
        while let Some((asked, mut answer)) = ahead.next(TOP_OCTETS) {
            // Running ahead, whose headers they are is certain only at the next fence.
            let in_step = refused.is_empty() && !ahead.runs_ahead();
            if in_step && (!answer.has_come() || batch.envelopes.len() >= BATCH_MESSAGES) {
                report.headers += self.keep_headers(&mut batch).await?;
                report.bytes += core::mem::take(&mut octets);
            }
            let Asked::Message(present) = asked else {
                self.pass(&mut answer).await?;
                ahead.passed();
                skipped.append(&mut refused);
                report.headers += self.keep_headers(&mut batch).await?;
                report.bytes += core::mem::take(&mut octets);
                continue;
            };
            match answer.body_or_refusal().await {
                // One line is what some servers send instead of the headers: the row stays without a subject until it is retrieved.
                Ok(Ok(head)) if ahead.runs_ahead() && begins_with_a_status(&head) => return Err(self.out_of_step()),
                Ok(Ok(head)) if listing::lines(&head).nth(1).is_none() && (head.len() as u64) < present.size => {
                    self.no_top(&mut ahead);
                }
                Ok(Ok(head)) => {
                    self.client.learn(&|behaviour| behaviour.top = Some(true));
                    octets += head.len() as u64;
                    progress.bytes += head.len() as u64;
                    let seen = mail::envelope(&head);
                    batch.envelopes.push((present.id, Envelope { head, ..seen }));
                    batch.edits.push((present.id, Edit::Headed));
                }
                // Not for this one, or for none.
                Ok(Err(error)) => {
                    refused.push(Skipped { id: present.id, error });
                    ahead.fence();
                    if skipped.len() + refused.len() >= REFUSALS && self.client.behaviour().top != Some(true) {
                        self.no_top(&mut ahead);
                    }
                }
                Err(error) => {
                    if in_step {
                        report.headers += self.keep_headers(&mut batch).await?;
                    }
                    return Err(error);
                }
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        report.headers += self.keep_headers(&mut batch).await?;
        report.bytes += octets;
        report.skipped.append(&mut skipped);
        Ok(())
    }

    /// The server gives no headers: nothing more is asked for.
    pub(super) fn no_top(&self, ahead: &mut Ahead<'_>) {
        self.client.learn(&|behaviour| behaviour.top = Some(false));
        ahead.ask_no_more();
    }

    async fn keep_headers(&self, batch: &mut Batch) -> Result<u32> {
        let batch = core::mem::take(batch);
        let headers = u32::try_from(batch.envelopes.len()).unwrap_or(u32::MAX);
        self.table.apply(batch).await?;
        Ok(headers)
    }

    /// RETR for each. Every message is stored in a transaction with the mark that says so.
    pub(super) async fn retrieve(&self, wanted: Vec<Present>, report: &mut Report) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let octets = wanted.iter().map(|present| present.size).fold(0u64, u64::saturating_add);
        let mut progress = Progress::start(Phase::Retrieve, wanted.len(), octets);
        (self.progress)(progress);
        let sizes = sizes_in_order(&wanted);
        let mut ahead = Ahead::new(self.client, wanted, Command::Retr, self.question());
        let (mut batch, mut doubt) = (Gathered::default(), Doubt::default());
        // LIST counts octets as they travel.
        let mut exact = false;
        loop {
            let Some((asked, mut answer)) = ahead.next(u64::MAX) else {
                if doubt.is_none() {
                    break;
                }
                ahead.fence();
                continue;
            };
            // Nothing to do but wait: what is certain goes to disk meanwhile.
            if batch.is_full((self.now)()) || !answer.has_come() {
                // A message may be as long as it likes, and come faster than the one before is written.
                self.client.hold(true);
                let committed = batch.commit(self.table, report).await;
                self.client.hold(false);
                committed?;
            }
            let Asked::Message(present) = asked else {
                match self.pass(&mut answer).await {
                    Ok(()) => doubt.dispel(&mut batch, report, (self.now)()),
                    Err(error) => return self.give_up(batch, doubt, error, report).await,
                }
                ahead.passed();
                continue;
            };
            let status = match answer.reply().await {
                Ok(status) => status,
                Err(error) => return self.give_up(batch, doubt, error, report).await,
            };
            // A status line where one was due: with one command at a time, the message before has ended where it seemed to.
            if doubt.ends_with_a_reply() {
                doubt.dispel(&mut batch, report, (self.now)());
            }
            if status.ok {
                match self.receive(present, answer, ahead.runs_ahead(), &mut progress).await {
                    Ok(received) => {
                        let fits = received.octets == present.size;
                        // What has another's length could be the other: running ahead also where it has its own as well.
                        let of_length = |octets: u64| {
                            sizes.partition_point(|size| *size <= octets) - sizes.partition_point(|size| *size < octets)
                        };
                        let of_its_length = of_length(received.octets);
                        let may_be_another = ahead.runs_ahead() || !fits && of_its_length > 0;
                        // It could be one whose line ends LIST has counted as one octet, until a message shows that it does not.
                        let of_its_unix_length = received.unix_octets().map_or(0, of_length);
                        exact |= fits && received.place == 0 && of_its_unix_length == 0;
                        if exact && doubt.ends_with_a_count() {
                            doubt.dispel(&mut batch, report, (self.now)());
                        }
                        let until = match fits {
                            true if !may_be_another => Until::Now,
                            true if of_its_length > 1 => Until::Fence,
                            true if !exact && of_its_unix_length > 0 => Until::Counted,
                            true => Until::Now,
                            false if may_be_another => Until::Fence,
                            false => Until::Reply,
                        };
                        if until == Until::Now && doubt.is_none() {
                            batch.push(received, (self.now)());
                        } else {
                            doubt.hold(received, until);
                        }
                    }
                    Err(error) => return self.give_up(batch, doubt, error, report).await,
                }
            } else {
                doubt.refused(Skipped { id: present.id, error: status.refusal() });
            }
            if doubt.wants_a_fence() {
                ahead.fence();
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        batch.commit(self.table, report).await
    }

    /// The session is over. What was certain by then is kept, and the error that ended it is what is told.
    async fn give_up(&self, mut batch: Gathered, doubt: Doubt, error: Error, report: &mut Report) -> Result<()> {
        doubt.end(&error, &mut batch, (self.now)());
        batch.commit(self.table, report).await?;
        Err(error)
    }

    /// Takes in one message: small ones whole, the pieces of large ones to disk as they come.
    async fn receive(
        &self,
        present: Present,
        mut answer: Answer,
        runs_ahead: bool,
        progress: &mut Progress,
    ) -> Result<Received> {
        let (mut piece, mut chunks, mut octets, mut envelope) = (Vec::new(), 0u32, 0u64, None);
        let mut told = progress.bytes;
        let (mut odd, mut staged) = (false, Batch::default());
        let certain = loop {
            let mut bytes = match answer.chunk().await? {
                Chunk::Bytes(bytes) => bytes,
                Chunk::End { certain } => break certain,
            };
            octets += bytes.len() as u64;
            progress.bytes += bytes.len() as u64;
            if progress.bytes - told >= PROGRESS_OCTETS {
                told = progress.bytes;
                (self.progress)(*progress);
            }
            while piece.len() + bytes.len() > CHUNK {
                let rest = bytes.split_off(CHUNK.saturating_sub(piece.len()));
                piece.extend_from_slice(&bytes);
                bytes = rest;
                // What is kept for a while has no room to spare.
                let whole = core::mem::replace(&mut piece, Vec::with_capacity(CHUNK));
                odd |= chunks == 0 && begins_with_a_status(&whole);
                envelope.get_or_insert_with(|| mail::envelope(&whole));
                staged.chunks.push((present.id, chunks, whole));
                chunks += 1;
                if staged.chunks.len() == STAGED {
                    self.stage(present.id, chunks, &mut staged).await?;
                }
            }
            if piece.capacity() == 0 && present.size <= CHUNK as u64 {
                piece = bytes;
            } else {
                piece.reserve_exact((present.size.min(CHUNK as u64) as usize).saturating_sub(piece.len()));
                piece.extend_from_slice(&bytes);
            }
        };
        if !staged.is_empty() {
            self.stage(present.id, chunks, &mut staged).await?;
        }
        let envelope = envelope.unwrap_or_else(|| mail::envelope(&piece));
        odd |= chunks == 0 && begins_with_a_status(&piece);
        // A fence's answer was taken for this message's status: the next fence will not show it.
        if odd && runs_ahead {
            return Err(self.out_of_step());
        }
        let unconfirmed = !certain || odd;
        Ok(Received { id: present.id, envelope, place: chunks, piece, octets, unconfirmed, answer })
    }

    /// Writes pieces of a message that is still coming; `chunks`: how many of it there are then.
    async fn stage(&self, id: Id, chunks: u32, staged: &mut Batch) -> Result<()> {
        staged.edits.push((id, Edit::Staged { chunks }));
        self.client.hold(true);
        let applied = self.table.apply(core::mem::take(staged)).await;
        self.client.hold(false);
        applied.map(drop)
    }
}

/// The sizes of all, rising.
fn sizes_in_order(wanted: &[Present]) -> Vec<u64> {
    let size = |place: usize| wanted.get(place).map_or(0, |present| present.size);
    planner::sorted(wanted.len(), &|a, b| size(a).cmp(&size(b))).into_iter().map(size).collect()
}

/// No message begins so: the status line in front of it answered something else.
pub(super) fn begins_with_a_status(message: &[u8]) -> bool {
    let begins = |word: &[u8]| message.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins(b"+OK") || begins(b"-ERR")
}

//! One session from sign-in to QUIT: list, retrieve, delete. Every step that matters is durable before the next depends on it.
//!
//! The order is the guarantee:
//! 1. New UIDs are in the table before anything is retrieved.
//! 2. A message is marked retrieved in the transaction that stores its last bytes.
//! 3. DELE is sent at the end, for rows that the table says are wanted at that moment, and QUIT right behind it.
//! 4. A deletion is confirmed when QUIT was answered `+OK`; where that answer is lost, the next session decides.

use core::cell::Cell;

use super::ahead::{Ahead, Asked};
use super::gathered::{BATCH_MESSAGES, CHUNK, Doubt, Gathered, Received, STAGED};
use super::planner::{self, Listing, Plan, Present};
use super::report::{Job, Phase, Progress, Report, Retrieve, Skipped};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::mail;
use crate::pop3::listing::{self, Named, Sized};
use crate::pop3::{Answer, Chunk, Client, Command, Login};
use crate::store::{Batch, Deletion, Edit, Envelope, Id, Record, Store, Timestamp};

/// Lines of the body that TOP asks for, so that a preview can be shown. The first lines of a multipart are its preamble and the
/// headers of its first part; twenty reach its text in common mail.
const PREVIEW_LINES: u32 = 20;
/// What TOP is expected to bring: the headers of common mail are under 10 kB.
const TOP_OCTETS: u64 = 16 << 10;
/// So many refusals of TOP, and no message that it worked for, are taken for a server without it.
const TOP_REFUSALS: usize = 3;
/// Progress is told at most once per so many octets.
const PROGRESS_OCTETS: u64 = 64 * 1024;

/// One session at work on one table. The caller sees to it that there is only one per account at a time.
pub struct Engine<'a, S: Store> {
    client: &'a Client,
    table: &'a Table<S>,
    now: &'a dyn Fn() -> Timestamp,
    progress: &'a dyn Fn(Progress),
    /// STAT's answer can be told from any other.
    exact_stat: Cell<bool>,
}

impl<'a, S: Store> Engine<'a, S> {
    /// An engine on a greeted tunnel. `now`: milliseconds since 1970; `progress` hears how far it is.
    pub fn new(
        client: &'a Client,
        table: &'a Table<S>,
        now: &'a dyn Fn() -> Timestamp,
        progress: &'a dyn Fn(Progress),
    ) -> Engine<'a, S> {
        Engine { client, table, now, progress, exact_stat: Cell::new(false) }
    }
}

impl<S: Store> Engine<'_, S> {
    /// One session from sign-in to QUIT, one attempt. What it did is added to `report`, whatever it comes to.
    ///
    /// # Errors
    /// What ended the session: what was whole by then is stored. For [`Job::Fetch`] also `refused`, where the message is no longer on
    /// the server or the server does not give it.
    pub async fn run(&self, login: &Login<'_>, job: Job, report: &mut Report) -> Result<()> {
        let plan = self.open(login).await?;
        match job {
            Job::Sync(retrieve) => {
                match retrieve {
                    Retrieve::None => {}
                    Retrieve::Headers => self.fetch_headers(&plan, report).await?,
                    Retrieve::All => self.retrieve(self.lacking(&plan, |row| row.retrieved.is_some()), report).await?,
                }
                self.delete_and_quit(&plan, report).await?;
            }
            Job::Fetch(id) => {
                let fetched = self.fetch(id, &plan, report).await;
                self.leave().await;
                fetched?;
            }
        }
        report.remaining = self.remaining();
        Ok(())
    }

    async fn fetch(&self, id: Id, plan: &Plan, report: &mut Report) -> Result<()> {
        // Another tab may have retrieved it while this one waited for its turn.
        if self.table.rows().get(id).is_some_and(|row| row.retrieved.is_some()) {
            return Ok(());
        }
        let present = plan.present.iter().find(|present| present.id == id).ok_or_else(vanished)?;
        self.retrieve(vec![*present], report).await?;
        report.skipped.pop().map_or(Ok(()), |skipped| Err(skipped.error))
    }

    /// Signs in and brings the table up to date with what is listed.
    async fn open(&self, login: &Login<'_>) -> Result<Plan> {
        (self.progress)(Progress::start(Phase::Login, 0, 0));
        // Asked before the sign-in where nothing is known: it may decide how to sign in …
        if self.client.behaviour().capabilities.is_none() {
            self.client.capa().await?;
        }
        self.client.sign_in(login).await?;
        (self.progress)(Progress::start(Phase::List, 0, 0));
        // … and after it, because some servers tell the truth only then. What can travel with it does.
        let capa = self.client.queue(Command::Capa, 0);
        let listing = self.list(capa).await?;
        self.table.refresh().await?;
        let mut plan = planner::plan(&listing, &self.table.rows(), (self.now)());
        let mut batch = Batch {
            insert: core::mem::take(&mut plan.insert),
            edits: core::mem::take(&mut plan.edits),
            ..Batch::default()
        };
        for row in self.table.rows().values().filter(|row| row.retrieved.is_none() && row.chunks > 0) {
            batch.discard.push(row.id);
            batch.edits.push((row.id, Edit::Staged { chunks: 0 }));
        }
        self.table.apply(batch).await?;
        Ok(plan)
    }

    /// STAT, UIDL and LIST in one go; UIDL by number where the server gives it only so, as the guide does it.
    async fn list(&self, capa: Answer) -> Result<Listing> {
        let mut stat = self.client.queue(Command::Stat, 0);
        let bare = self.client.behaviour().bare_uidl != Some(false);
        let mut uidl = bare.then(|| self.client.queue(Command::Uidl, 0));
        let mut list = self.client.queue(Command::List, 0);
        self.client.flush();
        self.client.capa_from(capa).await?;
        let stat = stat.status().await?;
        self.exact_stat.set(listing::exact_stat(&stat).is_some());
        if !self.exact_stat.get() && self.client.runs_ahead() {
            // Nothing would show that an answer is missing.
            self.client.learn(&|behaviour| behaviour.pipelining = Some(false));
        }
        let count = listing::stat(&stat.text).map(|(count, _)| count);
        let named = match &mut uidl {
            Some(uidl) => Some(uidl.listing_or_refusal().await?),
            None => None,
        };
        let sizes = list.listing_or_refusal().await??;
        if !self.exact_stat.get() {
            // Is that how this server answers STAT, or was it the answer to something else?
            let again = self.client.send(Command::Stat, 0).status().await?;
            if listing::exact_stat(&again).is_some() {
                return Err(self.out_of_step());
            }
        }
        let sizes: Vec<_> = listing::lines(&sizes).filter_map(listing::sized).collect();
        let uids = match named {
            Some(Ok(uids)) => self.named(&uids),
            Some(Err(refusal)) => {
                let uids = self.uids_by_number(&sizes).await?;
                if uids.is_empty() && !sizes.is_empty() {
                    return Err(no_uids(refusal.server_text.clone()));
                }
                uids
            }
            None => match self.uids_by_number(&sizes).await? {
                // The server has changed its ways.
                none if none.is_empty() && !sizes.is_empty() => {
                    let bare = self.client.send(Command::Uidl, 0).listing_or_refusal().await?;
                    self.named(&bare.map_err(|refusal| no_uids(refusal.server_text.clone()))?)
                }
                uids => uids,
            },
        };
        Ok(Listing { count, sizes, uids })
    }

    fn named(&self, lines: &[u8]) -> Vec<Named> {
        self.client.learn(&|behaviour| behaviour.bare_uidl = Some(true));
        listing::lines(lines).filter_map(listing::named).collect()
    }

    async fn uids_by_number(&self, sizes: &[Sized]) -> Result<Vec<Named>> {
        let asked: Vec<Answer> = sizes.iter().map(|line| self.client.queue(Command::UidlOne(line.number), 0)).collect();
        self.client.flush();
        let mut uids = Vec::with_capacity(asked.len());
        for (line, mut answer) in sizes.iter().zip(asked) {
            // One message may be refused; the others keep their names. A name for another number is none for this one.
            let status = answer.reply().await?;
            let fits = |named: &Named| status.ok && named.number == line.number;
            uids.extend(listing::named(status.text.as_bytes()).filter(fits));
        }
        if !uids.is_empty() {
            self.client.learn(&|behaviour| behaviour.bare_uidl = Some(false));
        }
        Ok(uids)
    }

    /// The messages of this session that are not `kept`, in the order in which they are to be retrieved.
    fn lacking(&self, plan: &Plan, kept: fn(&Record) -> bool) -> Vec<Present> {
        let rows = self.table.rows();
        // The newest first: it is what a person looks for.
        plan.present.iter().rev().filter(|present| !rows.get(present.id).is_none_or(kept)).copied().collect()
    }

    async fn fetch_headers(&self, plan: &Plan, report: &mut Report) -> Result<()> {
        let known = self.client.behaviour();
        if known.top == Some(false) {
            return Ok(());
        }
        let wanted = self.lacking(plan, |row| row.headers || row.retrieved.is_some());
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
                    if skipped.len() + refused.len() >= TOP_REFUSALS && self.client.behaviour().top != Some(true) {
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

    fn no_top(&self, ahead: &mut Ahead<'_>) {
        self.client.learn(&|behaviour| behaviour.top = Some(false));
        ahead.ask_no_more();
    }

    async fn keep_headers(&self, batch: &mut Batch) -> Result<u32> {
        let batch = core::mem::take(batch);
        let headers = u32::try_from(batch.envelopes.len()).unwrap_or(u32::MAX);
        self.table.apply(batch).await?;
        Ok(headers)
    }

    async fn retrieve(&self, wanted: Vec<Present>, report: &mut Report) -> Result<()> {
        let octets = wanted.iter().map(|present| present.size).fold(0u64, u64::saturating_add);
        let mut progress = Progress::start(Phase::Retrieve, wanted.len(), octets);
        (self.progress)(progress);
        let shared = shared_sizes(&wanted);
        let mut ahead = Ahead::new(self.client, wanted, Command::Retr, self.question());
        let (mut batch, mut doubt) = (Gathered::default(), Doubt::default());
        loop {
            let Some((asked, mut answer)) = ahead.next(u64::MAX) else {
                if doubt.is_none() {
                    break;
                }
                ahead.fence();
                continue;
            };
            // Nothing to do but wait: what is certain goes to disk meanwhile.
            if batch.is_full() || !answer.has_come() {
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
                match self.receive(present, answer, &mut progress).await {
                    Ok(received) => {
                        let fits = received.octets == present.size;
                        // Running ahead, what has another's length could be the other.
                        let certain = fits && !(ahead.runs_ahead() && shared.binary_search(&present.size).is_ok());
                        if certain && doubt.is_none() {
                            batch.push(received, (self.now)());
                        } else {
                            doubt.hold(received, certain, ahead.runs_ahead());
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
    async fn receive(&self, present: Present, mut answer: Answer, progress: &mut Progress) -> Result<Received> {
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
        let unconfirmed = !certain || odd || chunks == 0 && begins_with_a_status(&piece);
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

    /// A question whose answer shows whether both ends are in step.
    fn question(&self) -> Command {
        if self.exact_stat.get() { Command::Stat } else { Command::Noop }
    }

    /// The answer to [`Self::question`]. Where it is another command's, answers before it may have been as well.
    async fn pass(&self, fence: &mut Answer) -> Result<()> {
        let status = fence.reply().await?;
        if listing::exact_stat(&status).is_some() || !self.exact_stat.get() {
            return Ok(());
        }
        Err(self.out_of_step())
    }

    /// Ends the session: which answer is to which question is no longer known.
    fn out_of_step(&self) -> Error {
        if self.client.runs_ahead() {
            self.client.learn(&|behaviour| behaviour.pipelining = Some(false));
        }
        let error = Error::new(
            Code::Protocol,
            "the mail server's answers no longer fit the questions; the session was ended, and what was in doubt was not stored",
        );
        self.client.hang_up(error.clone());
        error
    }

    /// Sends DELE for what is wanted and certain, and ends the session.
    async fn delete_and_quit(&self, plan: &Plan, report: &mut Report) -> Result<()> {
        let sent = loop {
            // Another tab may have had a say while this one was retrieving.
            self.table.refresh().await?;
            let wanted = self.wanted(plan);
            if wanted.is_empty() {
                break Vec::new();
            }
            let sent = self.mark_deleted(&wanted).await?;
            let rows = self.table.edit(&sent, Edit::Sent).await?;
            if rows.iter().all(|row| row.deletion == Deletion::Sent) {
                break sent;
            }
            // Somebody undid a deletion between DELE and now: take all back, and begin again with what is still wanted.
            self.client.rset().await?;
            self.table.edit(&sent, Edit::Unsent).await?;
        };
        (self.progress)(Progress::start(Phase::Quit, 0, 0));
        match self.client.quit().await {
            Ok(()) => {
                report.deleted = u32::try_from(sent.len()).unwrap_or(u32::MAX);
                self.table.edit(&sent, Edit::Confirmed).await.map(drop)
            }
            // Nothing hung on the answer: everything is stored, nothing was to be deleted.
            Err(error) if sent.is_empty() && !matches!(error.code, Code::Aborted | Code::Protocol) => Ok(()),
            // The session was ended, and the server says that not all was deleted: the next session will tell what was.
            Err(error) if error.code == Code::Refused => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is to be deleted, listed in this session, and certain.
    fn wanted(&self, plan: &Plan) -> Vec<Present> {
        let rows = self.table.rows();
        let wanted = |id: Id| rows.get(id).is_some_and(|row| row.deletion == Deletion::Wanted && !row.unconfirmed);
        plan.present.iter().filter(|present| !present.doubtful && wanted(present.id)).copied().collect()
    }

    /// DELE for each; the ids that the server took. Both ends are in step when it returns, so that QUIT's answer is QUIT's.
    async fn mark_deleted(&self, wanted: &[Present]) -> Result<Vec<Id>> {
        let mut progress = Progress::start(Phase::Delete, wanted.len(), 0);
        (self.progress)(progress);
        let mut sent = Vec::new();
        let mut ahead = Ahead::new(self.client, wanted.to_vec(), Command::Dele, self.question());
        while let Some((asked, mut answer)) = ahead.next(0) {
            if ahead.has_asked_all() {
                ahead.fence();
            }
            let Asked::Message(present) = asked else {
                self.pass(&mut answer).await?;
                continue;
            };
            // What is refused stays wanted, and is tried again in the next session.
            if answer.reply().await?.ok {
                sent.push(present.id);
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        Ok(sent)
    }

    /// Ends a session in which nothing was deleted; its answer decides nothing.
    async fn leave(&self) {
        (self.progress)(Progress::start(Phase::Quit, 0, 0));
        let _ = self.client.quit().await;
    }

    fn remaining(&self) -> u32 {
        let rows = self.table.rows();
        let only_there = rows.values().filter(|row| row.on_server && row.retrieved.is_none()).count();
        u32::try_from(only_there).unwrap_or(u32::MAX)
    }
}

/// The sizes that more than one message has, in order.
fn shared_sizes(wanted: &[Present]) -> Vec<u64> {
    let size = |place: usize| wanted.get(place).map_or(0, |present| present.size);
    let order = planner::sorted(wanted.len(), &|a, b| size(a).cmp(&size(b)));
    let same = order.chunk_by(|a, b| size(*a) == size(*b)).filter(|same| same.len() > 1);
    same.filter_map(|same| same.first().map(|place| size(*place))).collect()
}

/// No message begins so: the status line in front of it answered something else.
fn begins_with_a_status(message: &[u8]) -> bool {
    message.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"+OK"))
}

fn vanished() -> Error {
    Error::new(Code::Refused, "this message is no longer on the server, and it was never stored here")
}

fn no_uids(server_text: String) -> Error {
    let message =
        "this mail server gives its messages no unique names (UIDL), without which none can be retrieved exactly once";
    Error::new(Code::Protocol, message).with_server_text(server_text)
}

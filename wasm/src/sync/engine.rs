//! One session from sign-in to QUIT: list, retrieve, delete. Every step that matters is durable before the next depends on it.
//!
//! The order is the guarantee:
//! 1. New UIDs are in the table before anything is retrieved.
//! 2. A message is marked retrieved in the transaction that stores its last bytes.
//! 3. DELE is sent at the end, for rows that the table says are wanted at that moment, and QUIT right behind it.
//! 4. A deletion is confirmed when QUIT was answered `+OK`; where that answer is lost, the next session decides.

use std::collections::VecDeque;

use super::planner::{self, Listing, Plan, Present};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::mail;
use crate::pop3::{Answer, Capabilities, Client, Command, Secret, Window, listing};
use crate::store::{Batch, Deletion, Edit, Envelope, Id, Store, Timestamp};

/// A transaction ends at so many messages …
const BATCH_MESSAGES: usize = 16;
/// … or so many octets. Larger transactions gain nothing (measured: 1000 messages of 10 kB, batches of 16 and more alike).
const BATCH_OCTETS: usize = 1 << 20;
/// Pieces in which a message is stored: what one transaction of [`BATCH_OCTETS`] takes.
const CHUNK: usize = BATCH_OCTETS;
/// Commands asked ahead of the answers that were taken. The session's own window, which may be narrower, decides what is sent.
const AHEAD_COMMANDS: usize = 200;
/// Octets asked ahead: what may lie in memory while the database is slow.
const AHEAD_OCTETS: u64 = 4 << 20;
/// Lines of the body that TOP asks for, so that a preview can be shown. The first lines of a multipart are its preamble and the
/// headers of its first part; twenty reach its text in common mail.
const PREVIEW_LINES: u32 = 20;
/// Progress is told at most once per so many octets.
const PROGRESS_OCTETS: u64 = 64 * 1024;

/// What a sync retrieves of messages that are not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retrieve {
    /// Nothing: the list only.
    None,
    /// Headers and the first lines (TOP), once per message.
    Headers,
    /// The messages, whole.
    #[default]
    All,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Bring everything up to date: list, retrieve, delete.
    Sync(Retrieve),
    /// Retrieve one message. Deletes nothing.
    Fetch(Id),
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Opening the tunnel.
    Connect,
    /// USER and PASS.
    Login,
    /// STAT, UIDL, LIST.
    List,
    /// TOP.
    Headers,
    /// RETR.
    Retrieve,
    /// DELE.
    Delete,
    /// QUIT.
    Quit,
}

/// How far a session is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Messages done in this phase.
    pub done: u32,
    /// Messages to do in this phase.
    pub total: u32,
    /// Octets done.
    pub bytes: u64,
    /// Octets to do, as LIST said.
    pub total_bytes: u64,
}

impl Progress {
    /// A phase that has begun.
    pub fn start(phase: Phase, total: usize, total_bytes: u64) -> Progress {
        Progress { phase, done: 0, total: u32::try_from(total).unwrap_or(u32::MAX), bytes: 0, total_bytes }
    }
}

/// A message that the server did not give.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// Which.
    pub id: Id,
    /// Why.
    pub error: Error,
}

/// What one session did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Messages stored.
    pub retrieved: u32,
    /// Messages whose headers came by TOP.
    pub headers: u32,
    /// Deletions that the server confirmed.
    pub deleted: u32,
    /// Octets of messages and headers received.
    pub bytes: u64,
    /// Messages that are only on the server now.
    pub remaining: u32,
    /// Messages that the server did not give.
    pub skipped: Vec<Skipped>,
}

/// Who signs in.
pub struct Login<'a> {
    /// The user name.
    pub user: &'a str,
    /// The password.
    pub password: Secret,
    /// How far to run ahead of a server that advertises PIPELINING; [`Window::ONE`] for not at all.
    pub window: Window,
}

/// One session at work on one table. The caller sees to it that there is only one per account at a time.
pub struct Engine<'a, S: Store> {
    /// The tunnel, greeted.
    pub client: &'a Client,
    /// The UID table.
    pub table: &'a Table<S>,
    /// Milliseconds since 1970.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Hears how far it is.
    pub progress: &'a dyn Fn(Progress),
}

impl<S: Store> Engine<'_, S> {
    /// One session from sign-in to QUIT, one attempt.
    ///
    /// # Errors
    /// What ended the session: what was whole by then is stored. For [`Job::Fetch`] also `refused`, where the message is no longer on
    /// the server or the server does not give it.
    pub async fn run(&self, login: Login<'_>, job: Job) -> Result<Report> {
        let plan = self.open(login).await?;
        let mut report = Report::default();
        match job {
            Job::Sync(retrieve) => {
                match retrieve {
                    Retrieve::None => {}
                    Retrieve::Headers => self.fetch_headers(&plan, &mut report).await?,
                    Retrieve::All => self.retrieve(self.only_on_server(&plan), &mut report).await?,
                }
                self.delete_and_quit(&plan, &mut report).await?;
            }
            Job::Fetch(id) => {
                let fetched = self.fetch(id, &plan, &mut report).await;
                self.leave().await;
                fetched?;
            }
        }
        report.remaining = self.remaining();
        Ok(report)
    }

    async fn fetch(&self, id: Id, plan: &Plan, report: &mut Report) -> Result<()> {
        // Another tab may have retrieved it while this one waited for its turn.
        if self.table.row(id).is_some_and(|row| row.retrieved.is_some()) {
            return Ok(());
        }
        let present = plan.present.iter().find(|present| present.id == id).ok_or_else(vanished)?;
        self.retrieve(vec![*present], report).await?;
        report.skipped.pop().map_or(Ok(()), |skipped| Err(skipped.error))
    }

    /// Signs in and brings the table up to date with what is listed.
    async fn open(&self, login: Login<'_>) -> Result<Plan> {
        (self.progress)(Progress::start(Phase::Login, 0, 0));
        self.client.login(login.user, login.password).await?;
        // Asked after the sign-in: some servers tell the truth only then.
        if Capabilities::read(&self.client.capa().await?).pipelining {
            self.client.set_window(login.window);
        }
        (self.progress)(Progress::start(Phase::List, 0, 0));
        let listing = self.list().await?;
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
    async fn list(&self) -> Result<Listing> {
        let mut stat = self.client.send(Command::Stat, 0);
        let mut uidl = self.client.send(Command::Uidl, 0);
        let mut list = self.client.send(Command::List, 0);
        let count = listing::stat(&stat.status().await?.text).map(|(count, _)| count);
        let bare = uidl.body_or_refusal().await?;
        let sizes = list.body().await?;
        let sizes: Vec<_> = listing::lines(&sizes).filter_map(listing::sized).collect();
        let uids = match bare {
            Ok(uids) => listing::lines(&uids).filter_map(listing::named).collect(),
            Err(refusal) => {
                let asked: Vec<Answer> =
                    sizes.iter().map(|line| self.client.send(Command::UidlOne(line.number), 0)).collect();
                let mut uids = Vec::with_capacity(asked.len());
                for mut answer in asked {
                    // One message may be refused; the others keep their names.
                    let status = answer.reply().await?;
                    uids.extend(listing::named(status.text.as_bytes()).filter(|_| status.ok));
                }
                if uids.is_empty() && !sizes.is_empty() {
                    return Err(no_uids(refusal.server_text.clone()));
                }
                uids
            }
        };
        Ok(Listing { count, sizes, uids })
    }

    /// The messages of this session that are not stored here, in the order in which they are to be retrieved.
    fn only_on_server(&self, plan: &Plan) -> Vec<Present> {
        let rows = self.table.rows();
        let stored = |id: Id| rows.get(id).is_none_or(|row| row.retrieved.is_some());
        // The newest first: it is what a person looks for.
        plan.present.iter().rev().filter(|present| !stored(present.id)).copied().collect()
    }

    async fn fetch_headers(&self, plan: &Plan, report: &mut Report) -> Result<()> {
        let headed = |id: Id| self.table.row(id).is_none_or(|row| row.headers || row.retrieved.is_some());
        let wanted: Vec<Present> = plan.present.iter().rev().filter(|present| !headed(present.id)).copied().collect();
        let mut progress = Progress::start(Phase::Headers, wanted.len(), 0);
        (self.progress)(progress);
        let mut ahead = Ahead::new(self.client, wanted, |number| Command::Top(number, PREVIEW_LINES));
        let mut batch = Batch::default();
        while let Some((present, mut answer)) = ahead.next() {
            if !answer.has_come() || batch.envelopes.len() >= BATCH_MESSAGES {
                self.table.apply(core::mem::take(&mut batch)).await?;
            }
            match answer.body_or_refusal().await {
                Ok(Ok(head)) => {
                    report.headers += 1;
                    report.bytes += head.len() as u64;
                    progress.bytes += head.len() as u64;
                    let seen = mail::envelope(&head);
                    let envelope = Envelope { head, ..seen };
                    batch.envelopes.push((present.id, envelope));
                    batch.edits.push((present.id, Edit::Headed));
                }
                // No TOP, or not for this one: the row stays without a subject until it is retrieved.
                Ok(Err(error)) => report.skipped.push(Skipped { id: present.id, error }),
                Err(error) => {
                    self.table.apply(batch).await?;
                    return Err(error);
                }
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        self.table.apply(batch).await.map(drop)
    }

    async fn retrieve(&self, wanted: Vec<Present>, report: &mut Report) -> Result<()> {
        let octets = wanted.iter().map(|present| present.size).fold(0u64, u64::saturating_add);
        let mut progress = Progress::start(Phase::Retrieve, wanted.len(), octets);
        (self.progress)(progress);
        let mut ahead = Ahead::new(self.client, wanted, Command::Retr);
        let mut batch = Gathered::default();
        let mut held: Option<Received> = None;
        while let Some((present, mut answer)) = ahead.next() {
            // Nothing to do but wait: what is whole goes to disk meanwhile.
            if batch.is_full() || !answer.has_come() {
                batch.commit(self.table, report).await?;
            }
            let status = match answer.reply().await {
                Ok(status) => status,
                Err(error) => return self.give_up(batch, held, error, report).await,
            };
            // A status line where one was due: the message before has ended where it seemed to.
            if let Some(received) = held.take() {
                batch.push(received, (self.now)(), false);
            }
            if !status.ok {
                report.skipped.push(Skipped { id: present.id, error: status.refusal() });
            } else {
                match self.receive(present, &mut answer, &mut progress).await {
                    Ok(received) if received.octets == present.size => batch.push(received, (self.now)(), false),
                    Ok(received) => held = Some(received),
                    Err(error) => return self.give_up(batch, None, error, report).await,
                }
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        if let Some(received) = held {
            match self.client.send(Command::Noop, 0).reply().await {
                Ok(_) => batch.push(received, (self.now)(), false),
                Err(error) => return self.give_up(batch, Some(received), error, report).await,
            }
        }
        batch.commit(self.table, report).await
    }

    /// The session is over. What was whole by then is kept, and the error that ended it is what is told.
    ///
    /// `held` has another size than LIST said, and nothing behind it proved its end. Where what came behind was no answer at all,
    /// the end was most likely a lone dot of the message's own: it is kept as unconfirmed, to be read and not deleted. Where nothing
    /// came it is fetched again.
    async fn give_up(
        &self,
        mut batch: Gathered,
        held: Option<Received>,
        error: Error,
        report: &mut Report,
    ) -> Result<()> {
        if let Some(received) = held.filter(|_| error.code == Code::Protocol) {
            batch.push(received, (self.now)(), true);
        }
        batch.commit(self.table, report).await?;
        Err(error)
    }

    /// Takes in one message: small ones whole, the pieces of large ones to disk as they come.
    async fn receive(&self, present: Present, answer: &mut Answer, progress: &mut Progress) -> Result<Received> {
        let (mut piece, mut chunks, mut octets, mut envelope) = (Vec::new(), 0u32, 0u64, None);
        let mut told = progress.bytes;
        while let Some(bytes) = answer.chunk().await? {
            octets += bytes.len() as u64;
            progress.bytes += bytes.len() as u64;
            if progress.bytes - told >= PROGRESS_OCTETS {
                told = progress.bytes;
                (self.progress)(*progress);
            }
            piece.extend_from_slice(&bytes);
            while piece.len() > CHUNK {
                let rest = piece.split_off(CHUNK);
                let whole = core::mem::replace(&mut piece, rest);
                envelope.get_or_insert_with(|| mail::envelope(&whole));
                let staged = Batch {
                    edits: vec![(present.id, Edit::Staged { chunks: chunks + 1 })],
                    chunks: vec![(present.id, chunks, whole)],
                    ..Batch::default()
                };
                self.table.apply(staged).await?;
                chunks += 1;
            }
        }
        let envelope = envelope.unwrap_or_else(|| mail::envelope(&piece));
        Ok(Received { id: present.id, envelope, place: chunks, piece, octets })
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
            let edits = sent.iter().map(|id| (*id, Edit::Sent)).collect();
            let rows = self.table.apply(Batch { edits, ..Batch::default() }).await?;
            if rows.iter().all(|row| row.deletion == Deletion::Sent) {
                break sent;
            }
            // Somebody undid a deletion between DELE and now: take all back, and begin again with what is still wanted.
            self.client.rset().await?;
            let edits = sent.iter().map(|id| (*id, Edit::Unsent)).collect();
            self.table.apply(Batch { edits, ..Batch::default() }).await?;
        };
        (self.progress)(Progress::start(Phase::Quit, 0, 0));
        match self.client.quit().await {
            Ok(()) => {
                report.deleted = u32::try_from(sent.len()).unwrap_or(u32::MAX);
                let edits = sent.iter().map(|id| (*id, Edit::Confirmed)).collect();
                self.table.apply(Batch { edits, ..Batch::default() }).await.map(drop)
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

    /// DELE for each; the ids that the server took.
    async fn mark_deleted(&self, wanted: &[Present]) -> Result<Vec<Id>> {
        let mut progress = Progress::start(Phase::Delete, wanted.len(), 0);
        (self.progress)(progress);
        let mut sent = Vec::new();
        let mut ahead = Ahead::new(self.client, wanted.to_vec(), Command::Dele);
        while let Some((present, mut answer)) = ahead.next() {
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

/// A message that has come, but for what proves its end.
struct Received {
    id: Id,
    envelope: Envelope,
    /// The last piece, and its place behind those that are on disk already.
    place: u32,
    piece: Vec<u8>,
    /// All of it.
    octets: u64,
}

/// Asks ahead of the answers, bounded in commands and octets.
struct Ahead<'a, F> {
    client: &'a Client,
    wanted: std::vec::IntoIter<Present>,
    command: F,
    asked: VecDeque<(Present, Answer)>,
    octets: u64,
}

impl<'a, F: Fn(u32) -> Command> Ahead<'a, F> {
    fn new(client: &'a Client, wanted: Vec<Present>, command: F) -> Self {
        Ahead { client, wanted: wanted.into_iter(), command, asked: VecDeque::new(), octets: 0 }
    }

    /// The next message and its answer, perhaps still to come.
    fn next(&mut self) -> Option<(Present, Answer)> {
        while let Some(next) = self.wanted.as_slice().first().copied() {
            let room = self.asked.len() < AHEAD_COMMANDS && self.octets.saturating_add(next.size) <= AHEAD_OCTETS;
            if !self.asked.is_empty() && !room {
                break;
            }
            self.wanted.next();
            self.octets = self.octets.saturating_add(next.size);
            self.asked.push_back((next, self.client.send((self.command)(next.number), next.size)));
        }
        let (present, answer) = self.asked.pop_front()?;
        self.octets = self.octets.saturating_sub(present.size);
        Some((present, answer))
    }
}

/// Whole messages on their way into one transaction.
#[derive(Default)]
struct Gathered {
    batch: Batch,
    messages: u32,
    octets: u64,
    held: usize,
}

impl Gathered {
    fn push(&mut self, received: Received, at: Timestamp, unconfirmed: bool) {
        let Received { id, envelope, place, piece, octets } = received;
        self.held += piece.len();
        self.messages += 1;
        self.octets += octets;
        self.batch.chunks.push((id, place, piece));
        self.batch.envelopes.push((id, envelope));
        self.batch.edits.push((id, Edit::Retrieved { octets, chunks: place + 1, at, unconfirmed }));
    }

    fn is_full(&self) -> bool {
        self.messages as usize >= BATCH_MESSAGES || self.held >= BATCH_OCTETS
    }

    async fn commit<S: Store>(&mut self, table: &Table<S>, report: &mut Report) -> Result<()> {
        let Gathered { batch, messages, octets, .. } = core::mem::take(self);
        table.apply(batch).await?;
        report.retrieved += messages;
        report.bytes += octets;
        Ok(())
    }
}

fn vanished() -> Error {
    Error::new(Code::Refused, "this message is no longer on the server, and it was never stored here")
}

fn no_uids(server_text: String) -> Error {
    let message =
        "this mail server gives its messages no unique names (UIDL), without which none can be retrieved exactly once";
    Error::new(Code::Protocol, message).with_server_text(server_text)
}

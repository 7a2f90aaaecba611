//! The disk: what is on its way to what is durable ([`super::kept`]), and what is sealed and opened on that way.
//!
//! Operations of all tabs wait in one queue, as transactions on one database do. A commit takes two steps, in which the tab can be
//! killed before, between and after: it becomes durable, and the tab hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use poplar_client::error::{Code, Error, Result};
use poplar_client::store::sealed::{self, Cipher, Found, SealedStore, Wrapped};
use poplar_client::store::{Batch, Id, Record, Rows};

use super::Scene;
use super::cipher::{ModelCipher, ReadKey};
use super::faults::Kind;
use super::kept::{ACCOUNT, Kept, Value};
use super::schedule::DiskFault;
use super::sealing;

/// Names an operation.
type Ticket = u32;
/// Names a tab; a killed one's name is not used again.
pub(super) type Tab = u32;

/// A tab's way to the disk, with the key that it has.
pub(super) type TabStore = SealedStore<TabDisk, ModelCipher>;

/// What is durable, and the queue in front of it.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) kept: Kept,
    pub(super) queue: VecDeque<Operation>,
    last: Ticket,
    answers: BTreeMap<Ticket, Answer>,
    /// Who waits for an answer: the tab is polled whenever one is given.
    pub(super) answered: bool,
    /// Keys, salts and stamps, none of them twice.
    last_number: u32,
}

/// Something that waits its turn.
pub(super) struct Operation {
    ticket: Ticket,
    pub(super) tab: Tab,
    pub(super) what: What,
    /// What it came to: it is durable, if it did not fail, and the tab has not heard.
    pub(super) done: Option<Answer>,
}

pub(super) enum What {
    Rows,
    Key,
    Envelopes(Vec<Id>),
    Chunk(Id, u32),
    Work(Work),
    /// What was sealed, and with which key.
    Apply(Batch, Vec<Value>, Vec<Value>, u32),
    /// A key, and the one that it takes the place of.
    SetKey(Wrapped<Value>, Option<Wrapped<Value>>),
    Drop,
}

/// What a cipher does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Seal,
    Open,
    /// Makes a key, takes one up, or wraps it.
    Key,
}

pub(super) enum Answer {
    Rows(Rows),
    Key(Option<Wrapped<Value>>),
    Found(Vec<Found<Value>>),
    Touched(Vec<Record>),
    Done,
    Failed(Error),
}

impl What {
    /// A transaction that writes.
    pub(super) fn writes(&self) -> bool {
        matches!(self, What::Apply(..) | What::SetKey(..) | What::Drop)
    }
}

impl Operation {
    /// What was sealed is on its way, and not durable.
    pub(super) fn is_sealed(&self) -> bool {
        match &self.what {
            What::Work(Work::Seal) => true,
            What::Apply(_, envelopes, chunks, _) => self.done.is_none() && !(envelopes.is_empty() && chunks.is_empty()),
            _ => false,
        }
    }
}

impl Disk {
    /// Queues an operation.
    pub(super) fn submit(&mut self, tab: Tab, what: What) -> Ticket {
        self.last += 1;
        self.queue.push_back(Operation { ticket: self.last, tab, what, done: None });
        self.last
    }

    /// The table as it is durable.
    pub(super) fn rows(&self) -> &Rows {
        &self.kept.rows
    }

    /// The key that is durable.
    pub(super) fn key(&self) -> Option<ReadKey> {
        self.kept.key.as_ref().and_then(ReadKey::of)
    }

    /// Forgets everything that is durable.
    pub(super) fn lose(&mut self) {
        self.kept = Kept::default();
    }

    /// Answers the oldest operation.
    pub(super) fn answer(&mut self, read: Option<Answer>) {
        let Some(operation) = self.queue.pop_front() else { return };
        let answer = read.or(operation.done).unwrap_or_else(|| Answer::Failed(broken()));
        self.answers.insert(operation.ticket, answer);
        self.answered = true;
    }

    /// What the oldest operation reads; one that writes is not carried out here.
    fn read(&self) -> Answer {
        match self.queue.front().map(|head| &head.what) {
            Some(What::Rows) => Answer::Rows(self.kept.rows.clone()),
            Some(What::Key) => Answer::Key(self.kept.key.clone()),
            Some(What::Envelopes(ids)) => Answer::Found(self.kept.found_envelopes(ids)),
            Some(What::Chunk(id, place)) => Answer::Found(vec![self.kept.found_chunk(*id, *place)]),
            Some(What::Work(_)) => Answer::Done,
            _ => Answer::Failed(broken()),
        }
    }

    /// Nobody is left to hear what this tab asked for.
    pub(super) fn forget(&mut self, tab: Tab) {
        self.queue.retain(|operation| operation.tab != tab);
        self.answers.clear();
    }
}

impl Scene {
    /// The oldest operation, which writes nothing, is answered, or fails.
    pub(super) fn answer(&self, fault: Option<DiskFault>) {
        let kind = match self.disk.borrow().queue.front().map(|head| &head.what) {
            Some(What::Work(Work::Seal)) => Kind::SealFailed,
            Some(What::Work(_)) => Kind::CipherFailed,
            _ => Kind::ReadFailed,
        };
        let read = if fault == Some(DiskFault::Fails) {
            self.met(kind);
            Answer::Failed(broken())
        } else {
            self.disk.borrow().read()
        };
        self.disk.borrow_mut().answer(Some(read));
    }

    /// The oldest commit becomes durable, or fails.
    pub(super) fn perform(&self, fault: Option<DiskFault>) {
        let done = match fault {
            Some(DiskFault::Fails) => {
                self.met(Kind::CommitFailed);
                self.give_up();
                Answer::Failed(broken())
            }
            Some(DiskFault::Full) => {
                self.met(Kind::QuotaHit);
                self.give_up();
                Answer::Failed(full())
            }
            Some(DiskFault::Denied) | None => {
                let done = self.carry_out();
                if fault.is_some() {
                    self.met(Kind::CommitDenied);
                    Answer::Failed(broken())
                } else {
                    done.unwrap_or_else(Answer::Failed)
                }
            }
        };
        if let Some(head) = self.disk.borrow_mut().queue.front_mut() {
            head.done = Some(done);
        }
    }

    /// Takes what the oldest commit is to write.
    fn taken(&self) -> Option<What> {
        let mut disk = self.disk.borrow_mut();
        Some(match &mut disk.queue.front_mut()?.what {
            What::Apply(batch, envelopes, chunks, key) => {
                What::Apply(std::mem::take(batch), std::mem::take(envelopes), std::mem::take(chunks), *key)
            }
            What::SetKey(key, instead_of) => What::SetKey(key.clone(), instead_of.clone()),
            What::Drop => What::Drop,
            _ => return None,
        })
    }

    /// The oldest commit is not carried out.
    fn give_up(&self) {
        if let Some(What::Apply(batch, ..)) = self.taken() {
            self.tell(|| format!("  no commit: {:?}", batch.edits));
            self.hold(self.ledger.borrow_mut().committing(&batch));
        }
    }

    fn carry_out(&self) -> Result<Answer> {
        match self.taken() {
            Some(What::Apply(batch, envelopes, chunks, key)) => {
                self.apply(batch, envelopes, chunks, key).map(Answer::Touched)
            }
            Some(What::SetKey(key, instead_of)) => self.set_key(key, instead_of).map(|()| Answer::Done),
            Some(What::Drop) => self.drop_sealed().map(|()| Answer::Done),
            _ => Err(broken()),
        }
    }

    fn apply(&self, batch: Batch, envelopes: Vec<Value>, chunks: Vec<Value>, key: u32) -> Result<Vec<Record>> {
        self.tell(|| {
            let Batch { insert, edits, .. } = &batch;
            let (new, headers, pieces) = (insert.len(), envelopes.len(), chunks.len());
            format!("  commit: {new} new, {edits:?}, {headers} headers, {pieces} pieces")
        });
        let clicked = self.hold(self.ledger.borrow_mut().committing(&batch));
        let in_use = self.disk.borrow().key().map_or(0, |key| key.id);
        if !(envelopes.is_empty() && chunks.is_empty()) && in_use != key {
            return Err(Error::new(Code::Locked, "sealed with another key"));
        }
        self.hold(sealing::sealed_by_durable(self.disk.borrow().key(), envelopes.iter().chain(&chunks)));
        let before = self.disk.borrow().rows().clone();
        let touched = self.disk.borrow_mut().kept.write(batch, envelopes, chunks)?;
        let by_person = clicked.as_ref().is_some_and(|clicks| !clicks.is_empty());
        let verdict = self.ledger.borrow_mut().committed(&before, &touched, by_person, self);
        let met = self.hold(verdict);
        self.met_all(clicked.into_iter().chain(met).flatten());
        Ok(touched)
    }

    fn set_key(&self, key: Wrapped<Value>, instead_of: Option<Wrapped<Value>>) -> Result<()> {
        let proof_of = |key: &Option<Wrapped<Value>>| key.as_ref().map(|key| key.proof.clone());
        if proof_of(&self.disk.borrow().kept.key) != proof_of(&instead_of) {
            return Err(broken());
        }
        let (before, after) = (self.disk.borrow().key(), ReadKey::of(&key));
        self.tell(|| format!("  key: {before:?} becomes {after:?}"));
        self.hold(sealing::key_stays(before, after, &self.disk.borrow().kept));
        if before.is_some() {
            self.met(Kind::Rewrapped);
        }
        self.disk.borrow_mut().kept.key = Some(key);
        Ok(())
    }

    fn drop_sealed(&self) -> Result<()> {
        self.tell(|| "  what is sealed is dropped".to_owned());
        self.disk.borrow_mut().kept.drop_sealed()?;
        self.ledger.borrow_mut().dropped(self.disk.borrow().rows(), &self.server.borrow());
        Ok(())
    }
}

/// A tab's end of the queue.
#[derive(Clone)]
pub(super) struct TabDisk {
    scene: Rc<Scene>,
    tab: Tab,
}

impl TabDisk {
    /// A new tab's store: locked, where anything is sealed.
    pub(super) fn store(scene: &Rc<Scene>, tab: Tab) -> TabStore {
        let disk = TabDisk { scene: Rc::clone(scene), tab };
        SealedStore::new(disk.clone(), ModelCipher::new(disk), ACCOUNT, None)
    }

    /// Its cipher works.
    pub(super) async fn work(&self, work: Work) -> Result<()> {
        self.ask(What::Work(work)).await.map(drop)
    }

    /// One that nobody has.
    pub(super) fn number(&self) -> u32 {
        let mut disk = self.scene.disk.borrow_mut();
        disk.last_number += 1;
        disk.last_number
    }

    async fn ask(&self, what: What) -> Result<Answer> {
        let ticket = self.scene.disk.borrow_mut().submit(self.tab, what);
        let answer = poll_fn(|_| match self.scene.disk.borrow_mut().answers.remove(&ticket) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        });
        match answer.await {
            Answer::Failed(error) => Err(error),
            answer => Ok(answer),
        }
    }

    async fn find(&self, what: What) -> Result<Vec<Found<Value>>> {
        match self.ask(what).await? {
            Answer::Found(found) => Ok(found),
            _ => Err(broken()),
        }
    }
}

impl sealed::Disk for TabDisk {
    type Value = Value;

    async fn rows(&self) -> Result<Rows> {
        match self.ask(What::Rows).await? {
            Answer::Rows(rows) => Ok(rows),
            _ => Err(broken()),
        }
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Found<Value>>> {
        self.find(What::Envelopes(ids.to_vec())).await
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Found<Value>> {
        Ok(self.find(What::Chunk(id, place)).await?.pop().flatten())
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    async fn key(&self) -> Result<Option<Wrapped<Value>>> {
        match self.ask(What::Key).await? {
            Answer::Key(key) => Ok(key),
            _ => Err(broken()),
        }
    }

    async fn set_key(&self, key: Wrapped<Value>, instead_of: Option<&Wrapped<Value>>) -> Result<()> {
        self.ask(What::SetKey(key, instead_of.cloned())).await.map(drop)
    }

    async fn apply(&self, batch: Batch, envelopes: Vec<Value>, chunks: Vec<Value>, key: u32) -> Result<Vec<Record>> {
        match self.ask(What::Apply(batch, envelopes, chunks, key)).await? {
            Answer::Touched(touched) => Ok(touched),
            _ => Err(broken()),
        }
    }

    async fn drop_sealed(&self) -> Result<()> {
        self.ask(What::Drop).await.map(drop)
    }

    async fn take_over<C: Cipher<Value = Value>>(&self, _: &SealedStore<Self, C>) -> Result<()> {
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        self.scene.disk.borrow_mut().lose();
        Ok(())
    }
}

pub(super) fn broken() -> Error {
    Error::new(Code::Store, "the database failed")
}

fn full() -> Error {
    Error::new(Code::Quota, "the disk is full")
}

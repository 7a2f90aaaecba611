//! The store: what is durable, and what is on its way there.
//!
//! Operations of all tabs wait in one queue, as transactions on one database do. A commit takes two steps, in which the tab can be
//! killed before, between and after: it becomes durable, and the tab hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use poplar_client::error::{Code, Error, Result};
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Batch, Id, Record, Rows, Store};

use super::Scene;
use super::faults::Kind;
use super::schedule::DiskFault;

/// Names an operation.
type Ticket = u32;
/// Names a tab; a killed one's name is not used again.
pub(super) type Tab = u32;

/// What is durable, and the queue in front of it.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) kept: MemoryStore,
    pub(super) queue: VecDeque<Operation>,
    last: Ticket,
    answers: BTreeMap<Ticket, Answer>,
    /// Who waits for an answer: the tab is polled whenever one is given.
    pub(super) answered: bool,
}

/// Something that waits its turn.
pub(super) struct Operation {
    ticket: Ticket,
    pub(super) tab: Tab,
    pub(super) what: What,
    /// What it came to: it is durable, if it did not fail, and the tab has not heard.
    pub(super) done: Option<Result<Vec<Record>>>,
}

pub(super) enum What {
    Read,
    Apply(Batch),
}

enum Answer {
    Rows(Result<Rows>),
    Touched(Result<Vec<Record>>),
}

impl Disk {
    /// Queues an operation.
    pub(super) fn submit(&mut self, tab: Tab, what: What) -> Ticket {
        self.last += 1;
        self.queue.push_back(Operation { ticket: self.last, tab, what, done: None });
        self.last
    }

    /// The table as it is durable.
    pub(super) fn rows(&self) -> Rows {
        now(self.kept.rows()).unwrap_or_default()
    }

    /// A body as it is durable; `None` where a piece is missing.
    pub(super) fn body(&self, row: &Record) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for place in 0..row.chunks {
            body.extend(now(self.kept.chunk(row.id, place)).ok()?);
        }
        Some(body)
    }

    /// Makes a batch durable.
    pub(super) fn carry_out(&self, batch: Batch) -> Result<Vec<Record>> {
        now(self.kept.apply(batch))
    }

    /// Forgets everything that is durable.
    pub(super) fn lose(&self) {
        let _ = now(self.kept.clear());
    }

    /// Answers the oldest operation.
    pub(super) fn answer(&mut self, rows: Option<Result<Rows>>) {
        let Some(operation) = self.queue.pop_front() else { return };
        let answer = match (rows, operation.done) {
            (Some(rows), _) => Answer::Rows(rows),
            (None, Some(done)) => Answer::Touched(done),
            (None, None) => Answer::Touched(Err(broken())),
        };
        self.answers.insert(operation.ticket, answer);
        self.answered = true;
    }

    /// Nobody is left to hear what this tab asked for.
    pub(super) fn forget(&mut self, tab: Tab) {
        self.queue.retain(|operation| operation.tab != tab);
        self.answers.clear();
    }
}

impl Scene {
    /// The oldest commit becomes durable, or fails.
    pub(super) fn perform(&self, fault: Option<DiskFault>) {
        let batch = match self.disk.borrow_mut().queue.front_mut().map(|head| &mut head.what) {
            Some(What::Apply(batch)) => std::mem::take(batch),
            _ => return,
        };
        self.tell(|| format!("  commit: {} new, {:?}, {} pieces", batch.insert.len(), batch.edits, batch.chunks.len()));
        let clicked = self.hold(self.ledger.borrow_mut().committing(&batch));
        let done = match fault {
            Some(DiskFault::Fails) => {
                self.met(Kind::CommitFailed);
                Err(broken())
            }
            Some(DiskFault::Full) => {
                self.met(Kind::QuotaHit);
                Err(full())
            }
            Some(DiskFault::Denied) | None => {
                let before = self.disk.borrow().rows();
                let touched = self.disk.borrow().carry_out(batch);
                if let Ok(touched) = &touched {
                    let by_person = clicked.as_ref().is_some_and(|clicks| !clicks.is_empty());
                    let verdict = self.ledger.borrow_mut().committed(&before, touched, by_person, self);
                    let met = self.hold(verdict);
                    self.met_all(clicked.into_iter().chain(met).flatten());
                }
                if fault.is_some() {
                    self.met(Kind::CommitDenied);
                    Err(broken())
                } else {
                    touched
                }
            }
        };
        if let Some(head) = self.disk.borrow_mut().queue.front_mut() {
            head.done = Some(done);
        }
    }
}

/// A tab's way to the store.
pub(super) struct TabStore {
    pub(super) scene: Rc<Scene>,
    pub(super) tab: Tab,
}

impl TabStore {
    async fn ask(&self, what: What) -> Answer {
        let ticket = self.scene.disk.borrow_mut().submit(self.tab, what);
        poll_fn(|_| match self.scene.disk.borrow_mut().answers.remove(&ticket) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }
}

impl Store for TabStore {
    async fn rows(&self) -> Result<Rows> {
        match self.ask(What::Read).await {
            Answer::Rows(rows) => rows,
            Answer::Touched(_) => Err(broken()),
        }
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        now(self.scene.disk.borrow().kept.chunk(id, place))
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        now(self.scene.disk.borrow().kept.top(id))
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        now(self.scene.disk.borrow().kept.policy())
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn apply(&self, batch: Batch) -> Result<Vec<Record>> {
        match self.ask(What::Apply(batch)).await {
            Answer::Touched(touched) => touched,
            Answer::Rows(_) => Err(broken()),
        }
    }

    async fn clear(&self) -> Result<()> {
        now(self.scene.disk.borrow().kept.clear())
    }
}

pub(super) fn broken() -> Error {
    Error::new(Code::Store, "the database failed")
}

fn full() -> Error {
    Error::new(Code::Quota, "the disk is full")
}

/// What is ready at once, as everything in memory is.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("memory does not wait"),
    }
}

//! A store that keeps nothing on the computer: for shared computers, and for tests.

use super::{Batch, Envelope, Id, Record, Rows, Sorted, Store};
use crate::error::{Code, Error, Result};
use core::cell::RefCell;

/// Everything in the memory of this page; gone with it.
#[derive(Default)]
pub struct MemoryStore {
    kept: RefCell<Kept>,
    durable: bool,
}

#[derive(Default)]
struct Kept {
    rows: Rows,
    envelopes: Sorted<Id, Envelope>,
    chunks: Sorted<(Id, u32), Vec<u8>>,
    policy: Option<Vec<u8>>,
}

impl MemoryStore {
    /// A store that says it is durable, for tests of what that allows.
    pub fn as_if_durable() -> MemoryStore {
        MemoryStore { durable: true, ..MemoryStore::default() }
    }

    /// Keeps the account's policy.
    pub fn keep_policy(&self, policy: &[u8]) {
        self.kept.borrow_mut().policy = Some(policy.to_vec());
    }

    /// The envelope of a message, where there is one.
    pub fn envelope(&self, id: Id) -> Option<Envelope> {
        self.kept.borrow().envelopes.get(id).cloned()
    }
}

impl Store for MemoryStore {
    async fn rows(&self) -> Result<Rows> {
        Ok(self.kept.borrow().rows.clone())
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let kept = self.kept.borrow();
        let missing = || Error::new(Code::Store, "a piece of this message is missing");
        kept.chunks.get((id, place)).cloned().ok_or_else(missing)
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        Ok(self.envelope(id).unwrap_or_default().head)
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.kept.borrow().policy.clone())
    }

    fn is_durable(&self) -> bool {
        self.durable
    }

    async fn apply(&self, mut batch: Batch) -> Result<Vec<Record>> {
        let kept = &mut *self.kept.borrow_mut();
        let touched = batch.apply_to(&mut kept.rows)?;
        if !batch.discard.is_empty() {
            kept.chunks.retain(|(id, _)| !batch.discard.contains(&id));
        }
        for (id, place, bytes) in batch.chunks {
            kept.chunks.insert((id, place), bytes);
        }
        for (id, envelope) in batch.envelopes {
            kept.envelopes.insert(id, envelope);
        }
        Ok(touched)
    }

    async fn clear(&self) -> Result<()> {
        *self.kept.borrow_mut() = Kept::default();
        Ok(())
    }
}

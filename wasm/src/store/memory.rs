//! A store that keeps nothing on the computer: for shared computers, and for tests.

use super::{Batch, Envelope, Id, Record, Rows, Sorted, Store};
use crate::error::{Code, Error, Result};
use core::cell::RefCell;

/// Everything in the memory of this page; gone with it.
#[derive(Default)]
pub struct MemoryStore(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    rows: Rows,
    envelopes: Sorted<Id, Envelope>,
    chunks: Sorted<(Id, u32), Vec<u8>>,
}

impl MemoryStore {
    /// The envelope of a message, where there is one.
    pub fn envelope(&self, id: Id) -> Option<Envelope> {
        self.0.borrow().envelopes.get(id).cloned()
    }
}

impl Store for MemoryStore {
    async fn rows(&self) -> Result<Rows> {
        Ok(self.0.borrow().rows.clone())
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let kept = self.0.borrow();
        let missing = || Error::new(Code::Store, "a piece of this message is missing");
        kept.chunks.get((id, place)).cloned().ok_or_else(missing)
    }

    async fn apply(&self, mut batch: Batch) -> Result<Vec<Record>> {
        let kept = &mut *self.0.borrow_mut();
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
        *self.0.borrow_mut() = Kept::default();
        Ok(())
    }
}

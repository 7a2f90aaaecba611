//! A store that keeps nothing on the computer: for shared computers, and for tests.

use core::cell::RefCell;
use std::collections::BTreeMap;

use super::{Batch, Envelope, Id, Record, Store};
use crate::error::{Code, Error, Result};

/// Everything in the memory of this page; gone with it.
#[derive(Default)]
pub struct MemoryStore(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    records: BTreeMap<Id, Record>,
    envelopes: BTreeMap<Id, Envelope>,
    chunks: BTreeMap<(Id, u32), Vec<u8>>,
}

impl Store for MemoryStore {
    async fn records(&self) -> Result<Vec<Record>> {
        Ok(self.0.borrow().records.values().cloned().collect())
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Option<Envelope>>> {
        let kept = self.0.borrow();
        Ok(ids.iter().map(|id| kept.envelopes.get(id).cloned()).collect())
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let kept = self.0.borrow();
        kept.chunks
            .get(&(id, place))
            .cloned()
            .ok_or_else(|| Error::new(Code::Store, "a piece of this message is missing"))
    }

    async fn apply(&self, mut batch: Batch) -> Result<Vec<Record>> {
        let kept = &mut *self.0.borrow_mut();
        let touched = batch.apply_to(&mut kept.records)?;
        kept.chunks.retain(|(id, _), _| !batch.discard.contains(id));
        kept.chunks.extend(batch.chunks.into_iter().map(|(id, place, bytes)| ((id, place), bytes)));
        kept.envelopes.extend(batch.envelopes);
        Ok(touched)
    }

    async fn clear(&self) -> Result<()> {
        *self.0.borrow_mut() = Kept::default();
        Ok(())
    }
}

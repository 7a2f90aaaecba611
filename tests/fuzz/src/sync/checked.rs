//! A store in memory that is written to only in ways that keep the guarantee.

use core::cell::RefCell;
use std::collections::BTreeSet;

use poplar_client::error::Result;
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Batch, Deletion, Edit, Id, Record, Rows, Store};

use super::now;

/// The store, and what a person has ever wanted deleted.
#[derive(Default)]
pub(super) struct Checked {
    store: MemoryStore,
    wanted: RefCell<BTreeSet<Id>>,
}

impl Checked {
    /// A person wants these deleted.
    pub(super) fn wanted(&self, ids: impl Iterator<Item = Id>) {
        self.wanted.borrow_mut().extend(ids);
    }

    pub(super) fn was_wanted(&self, id: Id) -> bool {
        self.wanted.borrow().contains(&id)
    }

    /// The message, where it is marked as retrieved: then all of it must be there.
    pub(super) fn check(&self, row: &Record) -> Option<Vec<u8>> {
        row.retrieved?;
        let chunk = |place| now(self.store.chunk(row.id, place)).expect("a piece of a retrieved message is missing");
        let body: Vec<u8> = (0..row.chunks).flat_map(chunk).collect();
        assert!(row.chunks > 0);
        assert_eq!(body.len() as u64, row.octets, "a retrieved message is not whole");
        Some(body)
    }
}

impl Store for Checked {
    async fn rows(&self) -> Result<Rows> {
        self.store.rows().await
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        self.store.chunk(id, place).await
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        self.store.top(id).await
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        self.store.policy().await
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn apply(&self, batch: Batch) -> Result<Vec<Record>> {
        let before = self.store.rows().await?;
        for (id, edit) in &batch.edits {
            let row = before.get(*id).or_else(|| batch.insert.iter().find(|row| row.id == *id));
            let row = row.expect("an edit of a row that is not there");
            match edit {
                Edit::Retrieved { .. } => assert!(row.retrieved.is_none(), "retrieved twice"),
                Edit::Sent => assert!(self.was_wanted(*id) && !row.unconfirmed),
                Edit::Confirmed => assert_eq!(row.deletion, Deletion::Sent),
                _ => {}
            }
        }
        let stored: Vec<_> = before.values().filter_map(|row| Some((row.clone(), self.check(row)?))).collect();
        let touched = self.store.apply(batch).await?;
        let after = self.store.rows().await?;
        for (row, body) in stored {
            let now = after.get(row.id).expect("a row is gone");
            assert_eq!(self.check(now), Some(body), "what was stored has changed");
            assert_eq!(now.unconfirmed, row.unconfirmed);
            assert!(now.uid == row.uid || now.matched, "another name, and nobody said so");
        }
        for row in after.values() {
            self.check(row);
            assert!(row.deletion == Deletion::None || self.was_wanted(row.id), "nobody wanted it deleted");
        }
        Ok(touched)
    }

    async fn clear(&self) -> Result<()> {
        self.store.clear().await
    }
}

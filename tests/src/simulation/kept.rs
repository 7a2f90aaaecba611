//! What is durable: rows in the clear, and what was sealed as octets. Read as a tab reads it, with the key that lies beside it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastrand::Rng;
use poplar_client::error::Result;
use poplar_client::store::sealed::{self, Cipher, Found, SealedStore, Wrapped};
use poplar_client::store::{Batch, Edit, Envelope, Id, Record, Rows, Store};

use super::cipher::{ModelCipher, ReadKey};
use super::disk::broken;

/// Whose mail it is.
pub(super) const ACCOUNT: &str = "u@model";

/// Octets as they are sealed.
pub(super) type Value = Vec<u8>;

#[derive(Clone, Default)]
pub(super) struct Kept {
    pub(super) rows: Rows,
    pub(super) key: Option<Wrapped<Value>>,
    envelopes: BTreeMap<Id, Value>,
    chunks: BTreeMap<(Id, u32), Value>,
    /// What was overwritten or removed, as somebody could have copied it before.
    former: Former,
}

#[derive(Clone, Default)]
struct Former {
    envelopes: BTreeMap<Id, Value>,
    chunks: BTreeMap<(Id, u32), Value>,
}

impl Kept {
    /// As `IdbDisk::write` in `wasm/src/store/idb.rs` does it.
    pub(super) fn write(&mut self, mut batch: Batch, envelopes: Vec<Value>, chunks: Vec<Value>) -> Result<Vec<Record>> {
        let (envelopes, chunks) = batch.values(&self.rows, envelopes, chunks);
        let changed = batch.apply_to(&mut self.rows)?;
        for id in &batch.discard {
            let places = self.chunks.range((*id, 0)..=(*id, u32::MAX)).count() as u32;
            let pieces = (0..places).filter_map(|place| self.chunks.remove_entry(&(*id, place)));
            self.former.chunks.extend(pieces);
        }
        for (id, place, value) in chunks {
            if let Some(former) = self.chunks.insert((id, place), value) {
                self.former.chunks.insert((id, place), former);
            }
        }
        for (id, value) in envelopes {
            if let Some(former) = self.envelopes.insert(id, value) {
                self.former.envelopes.insert(id, former);
            }
        }
        Ok(changed)
    }

    /// As `IdbDisk::drop_all` does it.
    pub(super) fn drop_sealed(&mut self) -> Result<()> {
        let dropped = self.rows.keys().map(|id| (id, Edit::Dropped)).collect();
        Batch { edits: dropped, ..Batch::default() }.apply_to(&mut self.rows)?;
        self.key = None;
        self.former =
            Former { envelopes: std::mem::take(&mut self.envelopes), chunks: std::mem::take(&mut self.chunks) };
        Ok(())
    }

    /// Whether anything is here that needs a key.
    pub(super) fn is_sealed(&self) -> bool {
        !self.envelopes.is_empty() || !self.chunks.is_empty()
    }

    pub(super) fn has_envelope(&self, id: Id) -> bool {
        self.envelopes.contains_key(&id)
    }

    /// What reads it; nothing opens where there is no key.
    pub(super) fn reader(&self) -> Reader<'_> {
        let key = self.key.as_ref().and_then(ReadKey::of);
        Reader(SealedStore::new(Bare(self), ModelCipher::reading(key.map(|key| key.id)), ACCOUNT, None))
    }

    pub(super) fn found_envelopes(&self, ids: &[Id]) -> Vec<Found<Value>> {
        ids.iter().map(|id| Some((self.envelopes.get(id)?.clone(), self.rows.get(*id)?.clone()))).collect()
    }

    pub(super) fn found_chunk(&self, id: Id, place: u32) -> Found<Value> {
        Some((self.chunks.get(&(id, place))?.clone(), self.rows.get(id)?.clone()))
    }

    /// The same as somebody leaves it who can write here and has no key: what was done, and to which messages.
    pub(super) fn tampered(&self, rng: &mut Rng) -> Vec<(&'static str, Id, Kept)> {
        let mut all = Vec::new();
        let mut with = |what, id, change: &dyn Fn(&mut Kept)| {
            let mut kept = self.clone();
            change(&mut kept);
            all.push((what, id, kept));
        };
        if let [one, other] = some_of(self.envelopes.keys().copied(), rng)[..] {
            with("another's headers", one, &|kept| {
                kept.envelopes.insert(one, self.envelopes[&other].clone());
            });
        }
        if let [one, ..] = some_of(self.former.envelopes.keys().copied().filter(|id| self.has_envelope(*id)), rng)[..] {
            with("headers of before", one, &|kept| {
                kept.envelopes.insert(one, self.former.envelopes[&one].clone());
            });
        }
        let stored = || self.rows.values().filter(|row| row.stored());
        if let [one, other] = some_of(stored().map(|row| row.id), rng)[..] {
            with("another's body", one, &|kept| {
                kept.chunks.insert((one, 0), self.chunks[&(other, 0)].clone());
            });
        }
        let before = stored().map(|row| row.id).filter(|id| self.former.chunks.contains_key(&(*id, 0)));
        if let [one, ..] = some_of(before, rng)[..] {
            with("a body of before", one, &|kept| {
                kept.chunks.insert((one, 0), self.former.chunks[&(one, 0)].clone());
            });
        }
        if let Some(row) = stored().find(|row| row.chunks > 1) {
            with("a body without its end", row.id, &|kept| {
                if let Some(row) = kept.rows.get_mut(row.id) {
                    row.chunks -= 1;
                }
            });
            with("a body in another order", row.id, &|kept| {
                kept.chunks.insert((row.id, 0), self.chunks[&(row.id, 1)].clone());
                kept.chunks.insert((row.id, 1), self.chunks[&(row.id, 0)].clone());
            });
        }
        all
    }
}

/// Two of these, or fewer where there are no more.
fn some_of(ids: impl Iterator<Item = Id>, rng: &mut Rng) -> Vec<Id> {
    rng.choose_multiple(ids, 2)
}

/// Reads what is durable.
pub(super) struct Reader<'a>(SealedStore<Bare<'a>, ModelCipher>);

impl Reader<'_> {
    /// A body; `None` where a piece is missing or does not open.
    pub(super) fn body(&self, row: &Record) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for place in 0..row.chunks {
            body.extend(now(self.0.chunk(row.id, place)).ok()?);
        }
        Some(body)
    }

    /// An envelope, where there is one.
    pub(super) fn envelope(&self, id: Id) -> Option<Result<Envelope>> {
        if !self.0.cipher().is_open() {
            return self.0.disk().0.has_envelope(id).then(|| Err(broken()));
        }
        match now(self.0.envelopes(&[id])) {
            Ok(envelopes) => envelopes.into_iter().next().flatten(),
            Err(error) => Some(Err(error)),
        }
    }
}

/// A disk that answers at once, and on which nobody writes.
struct Bare<'a>(&'a Kept);

impl sealed::Disk for Bare<'_> {
    type Value = Value;

    async fn rows(&self) -> Result<Rows> {
        Ok(self.0.rows.clone())
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Found<Value>>> {
        Ok(self.0.found_envelopes(ids))
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Found<Value>> {
        Ok(self.0.found_chunk(id, place))
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    async fn key(&self) -> Result<Option<Wrapped<Value>>> {
        Ok(self.0.key.clone())
    }

    async fn set_key(&self, _: Wrapped<Value>, _: Option<&Wrapped<Value>>) -> Result<()> {
        Err(broken())
    }

    async fn apply(&self, _: Batch, _: Vec<Value>, _: Vec<Value>, _: u32) -> Result<Vec<Record>> {
        Err(broken())
    }

    async fn drop_sealed(&self) -> Result<()> {
        Err(broken())
    }

    async fn take_over<C: Cipher<Value = Value>>(&self, _: &SealedStore<Self, C>) -> Result<()> {
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        Err(broken())
    }
}

/// What is ready at once, as everything in memory is.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("memory does not wait"),
    }
}

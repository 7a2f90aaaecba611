//! What is kept of a mailbox: the UID table, envelopes and bodies; sealed ([`sealed`]) in IndexedDB ([`idb`]), or in memory ([`memory`]).
//!
//! | part | what it holds | |
//! |---|---|---|
//! | [`Record`] | the UID table: one row a message, no mail in it; lies in [`page`]s | in the clear |
//! | [`Envelope`] | subject, sender, preview, and the headers that TOP brought | sealed |
//! | chunks | the message, byte for byte as the server sent it, in pieces | sealed |
//!
//! Architecture invariant: everything that must hold together is one [`Batch`], and a batch is one transaction, durable when
//! [`Store::apply`] returns. Nothing else writes.

pub mod attempts;
mod envelope;
#[cfg(target_arch = "wasm32")]
pub mod idb;
pub mod memory;
pub mod page;
pub mod record;
pub mod sealed;
mod sorted;

pub use envelope::Envelope;
pub use record::{Deletion, Edit, FINGERPRINT, Id, Record, Timestamp};
pub use sorted::Sorted;

use crate::error::{Code, Error, Result};
use crate::pop3::Credential;

/// Why what is stored cannot be read.
pub(crate) const UNREADABLE: &str = "what is stored here was written by a newer version or is damaged; reload the page";

/// Rows of the UID table, by id.
pub type Rows = Sorted<Id, Record>;

/// Values that stand for envelopes.
pub type Envelopes<V> = Vec<(Id, V)>;
/// Values that stand for pieces of bodies, with their places.
pub type Chunks<V> = Vec<(Id, u32, V)>;

/// Changes that hold together: one transaction, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// New rows. Their ids must be new.
    pub insert: Vec<Record>,
    /// Rows that were recognised under another UID: that, and its ordinal.
    pub rename: Vec<(Id, String, u32)>,
    /// Changes to rows, in order.
    pub edits: Vec<(Id, Edit)>,
    /// Envelopes, replacing earlier ones.
    pub envelopes: Vec<(Id, Envelope)>,
    /// Messages whose pieces are removed first: the leavings of a retrieval that was cut.
    pub discard: Vec<Id>,
    /// Pieces of bodies: message, place, bytes.
    pub chunks: Vec<(Id, u32, Vec<u8>)>,
    /// Under which stamp envelopes and bodies were sealed: [`sealed`] sets it.
    pub stamps: Vec<(Id, u32)>,
}

impl Batch {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.insert.is_empty()
            && self.rename.is_empty()
            && self.edits.is_empty()
            && self.envelopes.is_empty()
            && self.discard.is_empty()
            && self.chunks.is_empty()
    }

    /// Tells `each` of every message that the batch concerns, of some more than once.
    pub fn each_id(&self, each: &mut dyn FnMut(Id)) {
        // Loops, because a chain of five iterators is ten times the wasm.
        for record in &self.insert {
            each(record.id);
        }
        for (id, ..) in &self.rename {
            each(*id);
        }
        for (id, _) in &self.edits {
            each(*id);
        }
        for id in &self.discard {
            each(*id);
        }
        for (id, ..) in &self.chunks {
            each(*id);
        }
        for (id, _) in &self.envelopes {
            each(*id);
        }
    }

    /// The values that stand for envelopes and pieces of bodies, those that are to be written: what is stored already is not.
    /// To be called before [`Batch::apply_to`].
    pub fn values<V>(&self, rows: &Rows, envelopes: Vec<V>, chunks: Vec<V>) -> (Envelopes<V>, Chunks<V>) {
        let open = |id: Id| rows.get(id).is_none_or(|row| !row.stored());
        let envelopes = self.envelopes.iter().zip(envelopes).filter(|((id, _), _)| open(*id));
        let chunks = self.chunks.iter().zip(chunks).filter(|((id, ..), _)| open(*id));
        (
            envelopes.map(|((id, _), value)| (*id, value)).collect(),
            chunks.map(|((id, place, _), value)| (*id, *place, value)).collect(),
        )
    }

    /// Takes what concerns the table out of the batch and applies it to `rows`; gives the rows it touched.
    ///
    /// # Errors
    /// `store` where somebody else wrote in between: a new row has the id of an old one, a row is no longer there, or pieces of a
    /// message that is now whole are not. `rows` is as it was then.
    pub fn apply_to(&mut self, rows: &mut Rows) -> Result<Vec<Record>> {
        // What is stored is never overwritten or taken away, whatever the batch was planned from.
        let open = |id: Id| rows.get(id).is_none_or(|row| !row.stored());
        self.discard.retain(|id| open(*id));
        self.chunks.retain(|(id, ..)| open(*id));
        self.envelopes.retain(|(id, _)| open(*id));
        self.stamps.retain(|(id, _)| open(*id));
        let taken = self.insert.iter().any(|record| rows.get(record.id).is_some());
        if taken || !self.edits.iter().all(|(id, edit)| self.has_all(*id, *edit, rows)) {
            return Err(changed_elsewhere());
        }
        let mut touched = Rows::default();
        for record in core::mem::take(&mut self.insert) {
            touched.insert(record.id, record.clone());
            rows.insert(record.id, record);
        }
        for (id, uid, ordinal) in core::mem::take(&mut self.rename) {
            if let Some(record) = rows.get_mut(id) {
                record.rename(uid, ordinal);
                touched.insert(id, record.clone());
            }
        }
        for (id, edit) in core::mem::take(&mut self.edits) {
            if let Some(record) = rows.get_mut(id) {
                record.apply(edit);
                touched.insert(id, record.clone());
            }
        }
        for (id, stamp) in core::mem::take(&mut self.stamps) {
            for record in [rows.get_mut(id), touched.get_mut(id)].into_iter().flatten() {
                record.stamp = stamp;
            }
        }
        Ok(touched.values().cloned().collect())
    }

    /// Whether the row is there, and the pieces of a message that becomes whole are staged already or in this batch.
    fn has_all(&self, id: Id, edit: Edit, rows: &Rows) -> bool {
        // Where everything was removed meanwhile, nobody may rely on what is written now: bytes without a row are lost.
        let Some(row) = rows.get(id) else { return self.insert.iter().any(|row| row.id == id) };
        let Edit::Retrieved { chunks, .. } = edit else { return true };
        let here = self.chunks.iter().filter(|(of, ..)| *of == id).count() as u32;
        // Of one that was retrieved elsewhere they are not counted, and nobody takes them away.
        row.retrieved.is_some() || row.chunks.saturating_add(here) == chunks
    }
}

/// What a batch was planned from is no longer so.
fn changed_elsewhere() -> Error {
    Error::new(Code::Store, "the table was changed by another window; reload the page")
}

/// One account's part of a database.
#[allow(async_fn_in_trait, reason = "everything here runs on one thread")]
pub trait Store {
    /// The whole table.
    ///
    /// # Errors
    /// `store` where the database fails or holds what this version cannot read.
    async fn rows(&self) -> Result<Rows>;

    /// One piece of a body.
    ///
    /// # Errors
    /// `store`, also where there is no such piece.
    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>>;

    /// What TOP brought of a message that is not stored; empty where nothing is kept.
    ///
    /// # Errors
    /// `store`.
    async fn top(&self, id: Id) -> Result<Vec<u8>>;

    /// The account's policy, where one was chosen.
    ///
    /// # Errors
    /// `store`.
    async fn policy(&self) -> Result<Option<Vec<u8>>>;

    /// Hears that the server has accepted this, before anything is written: what is sealed is opened by it, or made so that it will be.
    /// What the table is may be another afterwards.
    ///
    /// # Errors
    /// `wrong-secret` where what is kept here was sealed by another, `locked` where it was by something else than a password; `store`, `quota`.
    async fn accepted(&self, _credential: &Credential) -> Result<()> {
        // What seals nothing has nothing to open.
        Ok(())
    }

    /// Whether what it keeps outlives this page: what does not authorises no policy to delete anything.
    fn is_durable(&self) -> bool;

    /// Applies a batch in one transaction and gives the rows it touched as they are now. Durable when it returns.
    ///
    /// # Errors
    /// `quota` where the disk is full, `store` otherwise, also where a row is no longer there; nothing of the batch was written then.
    async fn apply(&self, batch: Batch) -> Result<Vec<Record>>;

    /// Forgets everything.
    ///
    /// # Errors
    /// `store`.
    async fn clear(&self) -> Result<()>;
}

//! Where what is sealed lies.

use super::{Cipher, SealedStore, Wrapped};
use crate::error::Result;
use crate::store::{Batch, Id, Record, Rows};

/// A value and its row, as one transaction found both.
pub type Found<V> = Option<(V, Record)>;

/// Where what is sealed lies. `Value` is what it gives and takes: octets, wherever they are.
#[allow(async_fn_in_trait, reason = "everything here runs on one thread")]
pub trait Disk {
    /// What is sealed, a wrapped key among them.
    type Value;

    /// The whole table.
    async fn rows(&self) -> Result<Rows>;
    /// The envelopes of these messages, in the same order.
    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Found<Self::Value>>>;
    /// One piece of a body.
    async fn chunk(&self, id: Id, place: u32) -> Result<Found<Self::Value>>;
    /// The account's policy, where one was chosen.
    async fn policy(&self) -> Result<Option<Vec<u8>>>;
    /// The wrapped key, where there is one.
    async fn key(&self) -> Result<Option<Wrapped<Self::Value>>>;
    /// Puts a wrapped key in the place of this one, or of none, in one transaction.
    ///
    /// # Errors
    /// `store`, and nothing is written, where there is another by then.
    async fn set_key(&self, key: Wrapped<Self::Value>, instead_of: Option<&Wrapped<Self::Value>>) -> Result<()>;
    /// [`crate::store::Store::apply`], with the envelopes and the pieces of bodies as values, in the order of the batch, where they are empty:
    /// [`Batch::values`] tells which of them are to be written. `key`: the number of the key that has sealed them.
    ///
    /// # Errors
    /// `locked`, and nothing is written, where values are to be, and the key that is there has another number: nobody could open them.
    async fn apply(
        &self,
        batch: Batch,
        envelopes: Vec<Self::Value>,
        chunks: Vec<Self::Value>,
        key: u32,
    ) -> Result<Vec<Record>>;
    /// In one transaction: the key, everything that was sealed, and from the rows that there was something: [`crate::store::Edit::Dropped`].
    async fn drop_sealed(&self) -> Result<()>;
    /// What an earlier version has kept unsealed is taken over, through `sealed`.
    async fn take_over<C: Cipher<Value = Self::Value>>(&self, sealed: &SealedStore<Self, C>) -> Result<()>
    where
        Self: core::marker::Sized;
    /// Forgets everything, the key first.
    async fn clear(&self) -> Result<()>;
    /// Goes on with that where it was cut. To be called by whoever has the turn.
    async fn finish_clearing(&self) -> Result<()> {
        Ok(())
    }
}

//! What seals, and the key that it does so with.

use crate::error::Result;
use crate::pop3::Secret;

/// What a secret is to the person who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The mailbox password.
    Password,
    /// Something else, for this computer alone.
    Passphrase,
}

/// A key, unreadable without its secret, and what it has sealed to prove that it is the one that was wrapped last.
#[derive(Clone, Debug)]
pub struct Wrapped<V> {
    /// The key, and how the secret is made into what opens it.
    pub key: V,
    /// The proof.
    pub proof: V,
}

/// What seals and opens: AES-256-GCM, with a key that is wrapped by what comes of a secret.
#[allow(async_fn_in_trait, reason = "everything here runs on one thread")]
pub trait Cipher {
    /// As [`super::Disk::Value`].
    type Value;

    /// Whether there is a key.
    fn is_open(&self) -> bool;
    /// Drops the key.
    fn close(&self);
    /// Hears that what the key opens can be shown from here on: where there was no key before, somebody is told.
    fn opened(&self) {}
    /// The number of the key that is open; 0 where there is none. Random, and the same however the key is wrapped.
    fn number(&self) -> u32;
    /// The number of a wrapped key.
    fn number_of(&self, key: &Wrapped<Self::Value>) -> u32;
    /// A new key, wrapped. It is not used before [`Cipher::unlock`].
    async fn create(&self, kind: Kind, secret: &Secret) -> Result<Wrapped<Self::Value>>;
    /// What the secret of a wrapped key is.
    fn kind(&self, key: &Wrapped<Self::Value>) -> Kind;
    /// Takes up a wrapped key; `false`, and nothing is changed, where it is another secret's.
    ///
    /// # Errors
    /// `store` where the key itself was changed, replaced or damaged.
    async fn unlock(&self, key: &Wrapped<Self::Value>, secret: &Secret) -> Result<bool>;
    /// A key, wrapped by another secret; `None` where what has opened the one in use does not open it. It is not used, nor the secret,
    /// before [`Cipher::unlock`].
    ///
    /// # Errors
    /// As [`Cipher::unlock`]; `locked` where there is no key.
    async fn rewrap(
        &self,
        key: &Wrapped<Self::Value>,
        kind: Kind,
        secret: &Secret,
    ) -> Result<Option<Wrapped<Self::Value>>>;
    /// Seals each: what it is bound to, and the octets.
    ///
    /// # Errors
    /// `locked` where there is no key.
    async fn seal(&self, all: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<Self::Value>>;
    /// Opens each; `None` for what was not sealed so, with this key and bound to this.
    ///
    /// # Errors
    /// `locked` where there is no key.
    async fn open(&self, all: Vec<(Vec<u8>, Self::Value)>) -> Result<Vec<Option<Vec<u8>>>>;
    /// A random number, not 0.
    fn stamp(&self) -> u32;
}

//! A cipher without cryptography, and stricter than one: what it seals says with which key, and what to it is bound, and it opens with
//! exactly that. Otherwise as `web/lib/mail/seal.js`, step by step.

use std::cell::Cell;

use poplar_client::error::{Code, Error, Result};
use poplar_client::pop3::Secret;
use poplar_client::store::sealed::{Cipher, Kind, Wrapped};

use super::disk::{TabDisk, Work};
use super::kept::Value;

/// The so-manieth password that the account has.
pub(super) fn password(number: u32) -> Secret {
    Secret::new(format!("password {number}"))
}

/// The key that a wrapped one holds, and the password that opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadKey {
    pub(super) id: u32,
    pub(super) password: u32,
}

impl ReadKey {
    /// Without any password, as nobody can but who looks on.
    pub(super) fn of(wrapped: &Wrapped<Value>) -> Option<ReadKey> {
        let [id, password, _] = numbers(&wrapped.key)?;
        opened(id, &wrapped.key, &wrapped.proof)?;
        Some(ReadKey { id, password })
    }

    /// `salt`: no two wrapped ones are the same.
    fn wrapped(self, salt: u32) -> Wrapped<Value> {
        let key: Value = [self.id, self.password, salt].into_iter().flat_map(u32::to_le_bytes).collect();
        let proof = sealed(self.id, &key, &[]);
        Wrapped { key, proof }
    }
}

/// With which key something was sealed.
pub(super) fn key_of(sealed: &[u8]) -> Option<u32> {
    sealed.first_chunk().map(|id| u32::from_le_bytes(*id))
}

/// The key, how much is bound to it, that, and the octets.
fn sealed(key: u32, bound: &[u8], plain: &[u8]) -> Value {
    [&key.to_le_bytes(), &(bound.len() as u32).to_le_bytes(), bound, plain].concat()
}

fn opened(key: u32, bound: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    value.strip_prefix(sealed(key, bound, &[]).as_slice()).map(<[u8]>::to_vec)
}

fn numbers(bytes: &[u8]) -> Option<[u32; 3]> {
    let (numbers, []) = bytes.as_chunks() else { return None };
    numbers.iter().map(|number| u32::from_le_bytes(*number)).collect::<Vec<_>>().try_into().ok()
}

/// A tab's cipher, which goes with it.
pub(super) struct ModelCipher {
    /// Everything that it does is a step in this tab's queue; `None` where it does it at once.
    tab: Option<TabDisk>,
    open: Cell<Option<ReadKey>>,
}

impl ModelCipher {
    pub(super) fn new(tab: TabDisk) -> ModelCipher {
        ModelCipher { tab: Some(tab), open: Cell::new(None) }
    }

    /// What only reads, with this key.
    pub(super) fn reading(key: Option<u32>) -> ModelCipher {
        ModelCipher { tab: None, open: Cell::new(key.map(|id| ReadKey { id, password: 0 })) }
    }

    async fn step(&self, work: Work) -> Result<()> {
        match &self.tab {
            Some(tab) => tab.work(work).await,
            None => Ok(()),
        }
    }

    /// One that nobody has.
    fn fresh(&self) -> u32 {
        self.tab.as_ref().map_or(1, TabDisk::number)
    }

    pub(super) fn key_in_use(&self) -> Option<ReadKey> {
        self.open.get()
    }

    fn key(&self) -> Result<ReadKey> {
        self.open.get().ok_or_else(|| Error::new(Code::Locked, "locked"))
    }
}

impl Cipher for ModelCipher {
    type Value = Value;

    fn is_open(&self) -> bool {
        self.open.get().is_some()
    }

    fn close(&self) {
        self.open.set(None);
    }

    fn number(&self) -> u32 {
        self.open.get().map_or(0, |key| key.id)
    }

    fn number_of(&self, key: &Wrapped<Value>) -> u32 {
        numbers(&key.key).map_or(0, |[id, ..]| id)
    }

    async fn create(&self, _: Kind, secret: &Secret) -> Result<Wrapped<Value>> {
        self.step(Work::Key).await?;
        Ok(ReadKey { id: self.fresh(), password: which(secret) }.wrapped(self.fresh()))
    }

    fn kind(&self, _: &Wrapped<Value>) -> Kind {
        Kind::Password
    }

    async fn unlock(&self, key: &Wrapped<Value>, secret: &Secret) -> Result<bool> {
        self.step(Work::Key).await?;
        let key = ReadKey::of(key).ok_or_else(changed)?;
        let fits = key.password == which(secret);
        if fits {
            self.open.set(Some(key));
        }
        Ok(fits)
    }

    async fn rewrap(&self, key: &Wrapped<Value>, _: Kind, secret: &Secret) -> Result<Option<Wrapped<Value>>> {
        let open = self.key()?;
        self.step(Work::Key).await?;
        let key = ReadKey::of(key).ok_or_else(changed)?;
        let fits = key.password == open.password;
        Ok(fits.then(|| ReadKey { password: which(secret), ..key }.wrapped(self.fresh())))
    }

    async fn seal(&self, all: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<Value>> {
        let key = self.key()?;
        self.step(Work::Seal).await?;
        Ok(all.iter().map(|(bound, plain)| sealed(key.id, bound, plain)).collect())
    }

    async fn open(&self, all: Vec<(Vec<u8>, Value)>) -> Result<Vec<Option<Vec<u8>>>> {
        let key = self.key()?;
        self.step(Work::Open).await?;
        Ok(all.iter().map(|(bound, value)| opened(key.id, bound, value)).collect())
    }

    fn stamp(&self) -> u32 {
        self.fresh()
    }
}

/// Which password it is.
fn which(secret: &Secret) -> u32 {
    (0..100).find(|number| password(*number) == *secret).expect("a password of the account")
}

fn changed() -> Error {
    Error::new(Code::Store, "the key was changed")
}

//! What is kept, sealed: envelopes and bodies go to the disk unreadable, and what comes from it is what was put there, or is refused.
//!
//! | sealed | what it is bound to |
//! |---|---|
//! | an envelope | account, row, stamp |
//! | a piece of a body | account, row, stamp, place, and the last one to how many there are |
//! | a part of the search index | account, its number |
//!
//! Everything is also bound to the data key and to [`VERSION`]. The stamp is a random number that lies in the row: it is written in the
//! transaction that writes what was sealed under it, so that what was sealed earlier for the same row is refused.
//!
//! Architecture invariant: first everything is sealed, then the transaction begins. Nothing is awaited in it but its own requests.
//!
//! Architecture invariant: the key is on the disk, wrapped, before anything that it seals is.

mod cipher;
mod disk;

use core::cell::{Cell, RefCell};

use futures_util::future::LocalBoxFuture;

pub use self::cipher::{Cipher, Kind, Wrapped};
pub use self::disk::{Disk, Found};
use super::{Batch, Edit, Envelope, Id, Record, Rows, Sorted, Store};
use crate::error::{Code, Error, Result};
use crate::pop3::{Credential, Secret};

/// How things are sealed, and what to. Another way would have another number, and what is of this one could not be taken for it.
const VERSION: &[u8] = b"poplar\x01";

/// A disk behind a cipher.
pub struct SealedStore<D, C> {
    disk: D,
    cipher: C,
    account: String,
    /// What is to seal the copy here, where that is not the password.
    passphrase: RefCell<Option<Secret>>,
    /// The stamps of bodies that are on their way.
    begun: RefCell<Sorted<Id, u32>>,
    /// What an earlier version kept has been looked for.
    taken_over: Cell<bool>,
}

impl<D: Disk, C: Cipher<Value = D::Value>> SealedStore<D, C> {
    /// A store of `account`; locked, where something is kept.
    pub fn new(disk: D, cipher: C, account: &str, passphrase: Option<Secret>) -> SealedStore<D, C> {
        SealedStore {
            disk,
            cipher,
            account: account.to_owned(),
            passphrase: RefCell::new(passphrase),
            begun: RefCell::default(),
            taken_over: Cell::new(false),
        }
    }

    /// What lies behind it.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// What it seals with.
    pub fn cipher(&self) -> &C {
        &self.cipher
    }

    /// Opens what is kept here; `false` where that needs another secret.
    ///
    /// # Errors
    /// `locked` where nothing was sealed yet, `store` where the key was changed or damaged.
    pub fn unlock<'a>(&'a self, secret: &'a Secret) -> LocalBoxFuture<'a, Result<bool>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let Some(key) = self.disk.key().await? else {
                self.check_remains().await?;
                return Err(Error::new(Code::Locked, "nothing is sealed here yet: sign in first, with sync()"));
            };
            if !self.cipher.unlock(&key, secret).await? {
                return Ok(false);
            }
            if self.cipher.kind(&key) == Kind::Passphrase {
                *self.passphrase.borrow_mut() = Some(secret.clone());
            }
            self.take_over().await?;
            self.cipher.opened();
            Ok(true)
        })
    }

    /// What sealed before no longer does; `secret` does. `false` where `current` is not what sealed before.
    ///
    /// # Errors
    /// `locked` where nothing was sealed yet; `store`, `quota`.
    pub async fn reseal(&self, current: &Secret, kind: Kind, secret: &Secret) -> Result<bool> {
        if !self.unlock(current).await? {
            return Ok(false);
        }
        self.rewrap(kind, secret).await?;
        *self.passphrase.borrow_mut() = (kind == Kind::Passphrase).then(|| secret.clone());
        Ok(true)
    }

    /// The account's name and what goes with it, sealed: a setting hides them.
    ///
    /// # Errors
    /// `locked`, `store`.
    pub async fn sealed_name(&self, name: &str) -> Result<D::Value> {
        let sealed = self.cipher.seal(vec![(self.bound(&[2]), name.as_bytes().to_vec())]).await?;
        sealed.into_iter().next().ok_or_else(locked)
    }

    /// A part of the search index, sealed and bound to its number.
    ///
    /// # Errors
    /// `locked`.
    pub async fn seal_part(&self, number: u32, octets: Vec<u8>) -> Result<D::Value> {
        let sealed = self.cipher.seal(vec![(self.part_of(number), octets)]).await?;
        sealed.into_iter().next().ok_or_else(locked)
    }

    /// The same, opened; `None` where it is not what was put there.
    ///
    /// # Errors
    /// `locked`.
    pub async fn open_part(&self, number: u32, value: D::Value) -> Result<Option<Vec<u8>>> {
        Ok(self.cipher.open(vec![(self.part_of(number), value)]).await?.into_iter().next().flatten())
    }

    /// The envelopes of these messages, in the same order: `None` where there is none, an error where it is not what was put there.
    ///
    /// # Errors
    /// `locked`, `store`.
    pub async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Option<Result<Envelope>>>> {
        let found = self.disk.envelopes(ids).await?;
        let mut lacking = Vec::with_capacity(ids.len());
        let mut all = Vec::new();
        for found in found {
            lacking.push(found.is_none());
            if let Some((value, row)) = found {
                all.push((self.envelope_of(row.id, row.stamp), value));
            }
        }
        let mut opened = self.cipher.open(all).await?.into_iter();
        let envelope = |id: Id, bytes: Option<Vec<u8>>| {
            bytes.and_then(|bytes| Envelope::from_bytes(&bytes)).ok_or_else(|| refused("the headers", id))
        };
        let each = ids
            .iter()
            .zip(lacking)
            .map(|(id, lacks)| if lacks { None } else { opened.next().map(|bytes| envelope(*id, bytes)) });
        Ok(each.collect())
    }

    /// What [`Store::accepted`] will open, and by what; `None` where it is open.
    ///
    /// # Errors
    /// `locked` where it will need something else than what signs in; `invalid-argument` where nothing could ever open it again.
    pub async fn expected(&self, credential: &Credential) -> Result<Option<(Option<Wrapped<D::Value>>, Secret)>> {
        if self.cipher.is_open() {
            return Ok(None);
        }
        let key = self.disk.key().await?;
        let (_, secret) = self.secret_for(key.as_ref(), credential)?;
        Ok(Some((key, secret)))
    }

    /// What opens a key, or is to open a new one, where this signs in.
    fn secret_for(&self, key: Option<&Wrapped<D::Value>>, credential: &Credential) -> Result<(Kind, Secret)> {
        let kind = key.map(|key| self.cipher.kind(key));
        match (kind, &*self.passphrase.borrow(), credential) {
            (None | Some(Kind::Passphrase), Some(passphrase), _) => Ok((Kind::Passphrase, passphrase.clone())),
            (None | Some(Kind::Password), _, Credential::Password(password)) => Ok((Kind::Password, password.clone())),
            (None, None, Credential::Token(_)) => Err(needs_passphrase()),
            _ => Err(locked()),
        }
    }

    /// A new key, whose secret the server has just accepted, or a person has chosen.
    async fn create(&self, credential: &Credential) -> Result<()> {
        let (kind, secret) = self.secret_for(None, credential)?;
        self.check_remains().await?;
        let key = self.cipher.create(kind, &secret).await?;
        self.disk.set_key(key, None).await?;
        self.unlock(&secret).await.map(drop)
    }

    /// Whether anything was sealed by a key that is gone.
    ///
    /// # Errors
    /// `store`.
    pub async fn has_remains(&self) -> Result<bool> {
        Ok(self.disk.key().await?.is_none() && self.disk.rows().await?.values().any(|row| row.stamp != 0))
    }

    /// What a key has sealed that is gone is given up by a person, and not by the way.
    async fn check_remains(&self) -> Result<()> {
        if !self.has_remains().await? {
            return Ok(());
        }
        let message =
            "the key of what is kept here is gone from this browser's storage; give up what it sealed, or remove it";
        Err(Error::new(Code::Store, message))
    }

    fn rewrap<'a>(&'a self, kind: Kind, secret: &'a Secret) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            if let Some(key) = self.disk.key().await? {
                let wrapped = self.cipher.rewrap(&key, kind, secret).await?.ok_or_else(wrong_secret)?;
                self.disk.set_key(wrapped, Some(&key)).await?;
                self.unlock(secret).await?;
            }
            Ok(())
        })
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<()>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            if !self.taken_over.get() {
                // Half of what was kept is not shown as if it were all of it.
                self.disk.take_over(self).await.inspect_err(|_| self.cipher.close())?;
                self.taken_over.set(true);
            }
            Ok(())
        })
    }

    /// Seals what a batch brings, and has it written.
    fn seal_and_apply(&self, mut batch: Batch) -> LocalBoxFuture<'_, Result<Vec<Record>>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let mut all = Vec::with_capacity(batch.envelopes.len() + batch.chunks.len());
            let mut whole = Vec::new();
            let stored = batch.insert.iter().filter(|row| row.stored()).map(|row| (row.id, row.chunks));
            let retrieved = batch.edits.iter().filter_map(|(id, edit)| match edit {
                Edit::Retrieved { chunks, .. } => Some((*id, *chunks)),
                _ => None,
            });
            whole.extend(stored.chain(retrieved));
            let pieces = |id: Id| whole.iter().find(|(of, _)| *of == id).map(|(_, chunks)| *chunks);
            let mut bodies = Vec::with_capacity(batch.chunks.len());
            for (id, place, bytes) in &mut batch.chunks {
                let stamp = self.stamp_of(*id, *place)?;
                let to = self.piece_of(*id, stamp, *place, pieces(*id).unwrap_or_default());
                bodies.push((to, core::mem::take(bytes)));
            }
            for (id, envelope) in &mut batch.envelopes {
                // Sealed with the body, where it comes with the last of it.
                let stamp = match pieces(*id) {
                    Some(_) => self.stamp_of(*id, 1)?,
                    None => self.cipher.stamp(),
                };
                batch.stamps.push((*id, stamp));
                all.push((self.envelope_of(*id, stamp), core::mem::take(envelope).to_bytes()));
            }
            let envelopes = all.len();
            all.append(&mut bodies);
            let key = self.cipher.number();
            let mut values = if all.is_empty() { Vec::new() } else { self.cipher.seal(all).await? };
            let chunks = values.split_off(envelopes);
            let touched = self.disk.apply(batch, values, chunks, key).await?;
            self.begun.borrow_mut().retain(|id| pieces(id).is_none());
            Ok(touched)
        })
    }

    /// What something is bound to.
    fn bound(&self, to: &[u32]) -> Vec<u8> {
        let mut bound = VERSION.to_vec();
        bound.extend_from_slice(&(self.account.len() as u32).to_le_bytes());
        bound.extend_from_slice(self.account.as_bytes());
        for number in to {
            bound.extend_from_slice(&number.to_le_bytes());
        }
        bound
    }

    fn envelope_of(&self, id: Id, stamp: u32) -> Vec<u8> {
        self.bound(&[0, id, stamp])
    }

    fn part_of(&self, number: u32) -> Vec<u8> {
        self.bound(&[3, number])
    }

    /// A piece of so many; 0 for one that is not the last.
    fn piece_of(&self, id: Id, stamp: u32, place: u32, of: u32) -> Vec<u8> {
        self.bound(&[1, id, stamp, place, if place + 1 == of { of } else { 0 }])
    }

    /// The stamp of a body of which `place` is written now.
    fn stamp_of(&self, id: Id, place: u32) -> Result<u32> {
        let mut begun = self.begun.borrow_mut();
        if place == 0 {
            begun.insert(id, self.cipher.stamp());
        }
        let lost = || Error::new(Code::Store, "the beginning of this message is no longer here; it is retrieved again");
        begun.get(id).copied().ok_or_else(lost)
    }
}

impl<D: Disk, C: Cipher<Value = D::Value>> Store for SealedStore<D, C> {
    async fn rows(&self) -> Result<Rows> {
        self.disk.rows().await
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let what = || refused("a piece", id);
        let (value, row) = self.disk.chunk(id, place).await?.ok_or_else(what)?;
        let of = if row.stored() { row.chunks } else { 0 };
        let opened = self.cipher.open(vec![(self.piece_of(id, row.stamp, place, of), value)]).await?;
        opened.into_iter().next().flatten().ok_or_else(what)
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        let envelope = self.envelopes(&[id]).await?.pop().flatten().transpose()?;
        Ok(envelope.unwrap_or_default().head)
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        self.disk.policy().await
    }

    async fn accepted(&self, credential: &Credential) -> Result<()> {
        self.disk.finish_clearing().await?;
        let key = self.disk.key().await?;
        // Another tab may have dropped the key, or dropped it and made another: what is on the disk is taken up.
        if key.as_ref().map_or(0, |key| self.cipher.number_of(key)) != self.cipher.number() {
            self.cipher.close();
        }
        let Some(key) = key else { return self.create(credential).await };
        if self.cipher.is_open() {
            // Or it has wrapped it anew.
            if let Ok((kind, secret)) = self.secret_for(Some(&key), credential)
                && !self.cipher.unlock(&key, &secret).await?
            {
                // The server has another password by now. A passphrase was changed by a person, in another tab.
                if kind == Kind::Password {
                    self.rewrap(kind, &secret).await?;
                }
            }
            return self.take_over().await;
        }
        let (_, secret) = self.secret_for(Some(&key), credential)?;
        if self.unlock(&secret).await? { Ok(()) } else { Err(wrong_secret()) }
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn apply(&self, batch: Batch) -> Result<Vec<Record>> {
        self.seal_and_apply(batch).await
    }

    async fn clear(&self) -> Result<()> {
        self.begun.take();
        self.disk.clear().await?;
        self.cipher.close();
        Ok(())
    }
}

/// What lies here is not what was put here.
fn refused(what: &str, id: Id) -> Error {
    let message = format!(
        "{what} of message {id} in this browser's storage was changed, damaged or removed; nothing else is lost"
    );
    Error::new(Code::Store, message)
}

/// What is kept here is not open.
pub(crate) fn locked() -> Error {
    Error::new(Code::Locked, "what is kept here is locked; unlock it first")
}

/// Something else than this opens it.
pub(crate) fn wrong_secret() -> Error {
    Error::new(Code::WrongSecret, "what is kept here was sealed with another password or passphrase")
}

fn needs_passphrase() -> Error {
    Error::invalid(
        "a token opens nothing later: give a `passphrase` that seals what is kept here, or keep nothing (`storage: \"memory\"`)",
    )
}

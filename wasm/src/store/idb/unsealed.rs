//! What the version before has kept, which sealed nothing: a database by the account's name. It is copied, sealed on the way, row by row
//! with its message, and deleted when all of it is here. Wherever that is cut, it goes on with the rows that are not here yet.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use super::{CHUNKS, ENVELOPES, IdbDisk, META, POLICY, SERVER, TABLE, bytes, chunk_key, migrations, read_pages};
use crate::browser::idb::{self, Mode, failed};
use crate::browser::{get, locks, text};
use crate::error::Result;
use crate::mail;
use crate::store::sealed::{Cipher, Disk, SealedStore};
use crate::store::{Batch, Envelope, Id, Record, Rows, Store};

/// A transaction ends at so many messages or octets, as those of a session do.
const MESSAGES: usize = 16;
const OCTETS: usize = 1 << 20;

/// What the names of its databases begin with.
pub(super) const PREFIX: &str = "poplar:";

/// Takes over what is kept of this account, where there is any.
pub(super) async fn take_over<C: Cipher<Value = JsValue>>(
    disk: &IdbDisk,
    sealed: &SealedStore<IdbDisk, C>,
) -> Result<()> {
    let name = PREFIX.to_owned() + &disk.account.account;
    if !disk.has_unsealed().await? {
        return Ok(());
    }
    // In one tab: each seals under stamps of its own.
    let _one = locks::acquire(&("poplar:upgrade:".to_owned() + &disk.account.account), None).await?;
    // With the next version's number: whoever has the page of the version before open lets go of it, and does not come back.
    let Some(database) = idb::open(&name, migrations::VERSION, migrations::upgrade, false).await? else {
        return Ok(());
    };
    let old = Unsealed(database);
    let copied = old.copy(disk, sealed).await;
    old.0.close();
    copied?;
    idb::delete(&name).await
}

/// The policy of the account, as the version before has kept it.
pub(super) async fn policy(disk: &IdbDisk) -> Result<Option<Vec<u8>>> {
    let name = PREFIX.to_owned() + &disk.account.account;
    // As it is: nobody who has it open is disturbed by somebody who looks.
    let Some(database) = idb::open(&name, 0, migrations::upgrade, false).await? else { return Ok(None) };
    let old = Unsealed(database);
    let policy = old.value(META, &POLICY.into()).await;
    old.0.close();
    Ok(bytes(&policy?))
}

struct Unsealed(web_sys::IdbDatabase);

impl Unsealed {
    async fn copy<C: Cipher<Value = JsValue>>(&self, disk: &IdbDisk, sealed: &SealedStore<IdbDisk, C>) -> Result<()> {
        for key in [POLICY, SERVER] {
            let is_here = !disk.meta(key).await?.is_undefined();
            if let Some(value) = bytes(&self.value(META, &key.into()).await?).filter(|_| !is_here) {
                disk.set_meta(&[(key, Uint8Array::from(value.as_slice()).into())], Mode::CreateStrict).await?;
            }
        }
        let here = disk.rows().await?;
        let old = self.rows().await?;
        let mut free = here.last_key().max(old.last_key()).unwrap_or_default();
        let mut batch = Batch::default();
        for row in old.values() {
            let is_same = |there: &Record| there.uid == row.uid && there.ordinal == row.ordinal;
            let id = match here.get(row.id) {
                None => row.id,
                Some(there) if is_same(there) => continue,
                // Something else has come under its number since a cut.
                Some(_) if here.values().any(is_same) => continue,
                Some(_) => {
                    free += 1;
                    free
                }
            };
            let octets: usize = batch.chunks.iter().map(|(.., bytes)| bytes.len()).sum();
            // One in several pieces begins alone: how many pieces a message has is told with its row, and sealed with its last piece.
            if batch.insert.len() >= MESSAGES || octets >= OCTETS || row.chunks > 1 && !batch.is_empty() {
                sealed.apply(core::mem::take(&mut batch)).await?;
            }
            self.message(row, id, sealed, &mut batch).await?;
        }
        if batch.is_empty() { Ok(()) } else { sealed.apply(batch).await.map(drop) }
    }

    /// Adds one message to a batch, under this id; of a large one, all but the last piece goes to the disk before it.
    async fn message<C: Cipher<Value = JsValue>>(
        &self,
        old: &Record,
        id: Id,
        sealed: &SealedStore<IdbDisk, C>,
        batch: &mut Batch,
    ) -> Result<()> {
        let mut row = Record { id, ..old.clone() };
        let mut envelope = self.envelope(old.id).await?;
        if row.stored() {
            for place in 0..row.chunks {
                let piece = bytes(&self.value(CHUNKS, &chunk_key(old.id, place)).await?).unwrap_or_default();
                if place == 0 && envelope.is_none() {
                    envelope = Some(mail::envelope(&piece));
                }
                if place > 0 {
                    let before = Batch { chunks: core::mem::take(&mut batch.chunks), ..Batch::default() };
                    sealed.apply(before).await?;
                }
                batch.chunks.push((row.id, place, piece));
            }
        } else {
            // The beginning of a retrieval that was cut: the next one begins anew.
            row.chunks = 0;
        }
        if let Some(envelope) = envelope {
            batch.envelopes.push((row.id, envelope));
        }
        batch.insert.push(row);
        Ok(())
    }

    async fn rows(&self) -> Result<Rows> {
        read_pages(&self.value(TABLE, &JsValue::UNDEFINED).await?)
    }

    async fn envelope(&self, id: Id) -> Result<Option<Envelope>> {
        let value = self.value(ENVELOPES, &id.into()).await?;
        let envelope = || Envelope {
            subject: text(&value, "subject"),
            from: text(&value, "from"),
            preview: text(&value, "preview"),
            date: get(&value, "date").as_f64().map(|date| date as i64),
            attachments: get(&value, "attachments").is_truthy(),
            head: bytes(&get(&value, "head")).unwrap_or_default(),
        };
        Ok(value.is_object().then(envelope))
    }

    async fn value(&self, store: &str, key: &JsValue) -> Result<JsValue> {
        idb::begin(&self.0, &[store], Mode::Read).map_err(failed)?.read(store, key).done().await
    }
}

//! The pages of the table, and what is written with them: all of it in one transaction.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use super::search::drop_search;
use super::{ACCOUNT, CHUNKS, ENVELOPES, ERASING, FAILURES, IdbDisk, KEY, LOG, META, PROOF, TABLE, bytes, chunk_key};
use crate::browser::cipher::number;
use crate::browser::idb::Transaction;
use crate::error::{Code, Error, Result};
use crate::store::sealed::{Wrapped, locked};
use crate::store::{Batch, Edit, Id, Record, Rows, UNREADABLE, changed_elsewhere, page};

impl IdbDisk {
    /// Reads the pages of the table that are concerned, changes them, and issues every write at once.
    pub(super) async fn write(
        &self,
        transaction: &Transaction,
        batch: &mut Batch,
        envelopes: Vec<JsValue>,
        chunks: Vec<JsValue>,
        key: u32,
    ) -> Result<Vec<Record>> {
        let pages = pages_of(batch);
        let (in_use, erasing) = (transaction.read(META, &KEY.into()), transaction.read(META, &ERASING.into()));
        let mut rows = read_pages(&transaction.read_each(TABLE, &pages).done().await?)?;
        if !(envelopes.is_empty() && chunks.is_empty()) && number(&in_use.done().await?) != key {
            return Err(locked());
        }
        // What is written now would be gone with the rest.
        if !erasing.done().await?.is_undefined() {
            return Err(changed_elsewhere());
        }
        let created = !batch.insert.is_empty();
        let (envelopes, chunks) = batch.values(&rows, envelopes, chunks);
        let changed = batch.apply_to(&mut rows)?;
        if created && !self.saved.get() {
            self.write_account(transaction).await?;
        }
        for id in &batch.discard {
            transaction.remove_all(CHUNKS, *id)?;
        }
        for (id, place, value) in &chunks {
            transaction.write(CHUNKS, &chunk_key(*id, *place), value)?;
        }
        for (id, value) in &envelopes {
            transaction.write(ENVELOPES, &(*id).into(), value)?;
        }
        write_pages(transaction, &pages, &rows)?;
        Ok(changed)
    }

    /// Puts a wrapped key in the place of another, or of none.
    pub(super) async fn write_key(
        &self,
        transaction: &Transaction,
        Wrapped { key, proof }: Wrapped<JsValue>,
        instead_of: Option<&Wrapped<JsValue>>,
    ) -> Result<()> {
        let (there, erasing) = (transaction.read(META, &PROOF.into()), transaction.read(META, &ERASING.into()));
        let (there, erasing) = (there.done().await?, erasing.done().await?);
        if !erasing.is_undefined() || bytes(&there) != instead_of.and_then(|wrapped| bytes(&wrapped.proof)) {
            return Err(changed_elsewhere());
        }
        transaction.write(META, &KEY.into(), &key)?;
        transaction.write(META, &PROOF.into(), &proof)?;
        self.write_account(transaction).await
    }

    /// Whose mail it is, where that is not there yet: a name that is hidden is not written over.
    async fn write_account(&self, transaction: &Transaction) -> Result<()> {
        if transaction.read(META, &ACCOUNT.into()).done().await?.is_undefined() {
            transaction.write(META, &ACCOUNT.into(), &self.account_object())?;
        }
        Ok(())
    }

    /// Everything that was sealed, and from every row that there was something.
    pub(super) async fn drop_all(&self, transaction: &Transaction) -> Result<()> {
        let mut rows = read_pages(&transaction.read(TABLE, &JsValue::UNDEFINED).done().await?)?;
        let ids: Vec<Id> = rows.keys().collect();
        let mut pages: Vec<u32> = ids.iter().map(|id| page::page_of(*id)).collect();
        pages.dedup();
        let dropped = ids.iter().map(|id| (*id, Edit::Dropped)).collect();
        Batch { edits: dropped, ..Batch::default() }.apply_to(&mut rows)?;
        // The log was sealed as well: what comes after begins another.
        for key in [KEY, PROOF, FAILURES, LOG] {
            transaction.remove(META, &key.into())?;
        }
        drop_search(transaction).await?;
        for store in [ENVELOPES, CHUNKS, LOG] {
            transaction.remove(store, &JsValue::UNDEFINED)?;
        }
        write_pages(transaction, &pages, &rows)
    }
}

fn write_pages(transaction: &Transaction, pages: &[u32], rows: &Rows) -> Result<()> {
    for number in pages {
        let value = page::encode(rows.values().filter(|record| page::page_of(record.id) == *number));
        transaction.write(TABLE, &(*number).into(), &Uint8Array::from(value.as_slice()))?;
    }
    Ok(())
}

/// The pages that a batch concerns.
fn pages_of(batch: &Batch) -> Vec<u32> {
    let mut pages = Vec::new();
    batch.each_id(&mut |id| {
        let page = page::page_of(id);
        // Ids mostly rise: the page is the last one, or new.
        if !pages.iter().rev().any(|known| *known == page) {
            pages.push(page);
        }
    });
    pages
}

/// The rows of an array of pages; of those that are not there, none.
pub(super) fn read_pages(pages: &JsValue) -> Result<Rows> {
    let mut rows = Rows::default();
    for page in pages.unchecked_ref::<Array>().iter().filter(|page| !page.is_undefined()) {
        let records = bytes(&page).and_then(|bytes| page::decode(&bytes));
        for record in records.ok_or_else(|| Error::new(Code::Store, UNREADABLE))? {
            rows.insert(record.id, record);
        }
    }
    Ok(rows)
}

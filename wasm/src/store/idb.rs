//! The store in IndexedDB: one database per account.
//!
//! | object store | key | value |
//! |---|---|---|
//! | `meta` | `"account"` | `{ account, user, relay }` |
//! | `table` | page number | a [`page`] of the UID table, bytes |
//! | `envelopes` | id | [`Envelope`] as an object |
//! | `chunks` | `[id, place]` | bytes |

mod migrations;

use core::cell::{Cell, RefCell};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbTransaction};

use super::{Batch, Envelope, Id, Record, Rows, Sorted, Store, page};
use crate::browser::idb::{self, Mode, completion, failed, result};
use crate::browser::{Fields, get, text};
use crate::error::{Code, Error, Result};

/// What the names of our databases begin with.
const PREFIX: &str = "poplar:";

const META: &str = "meta";
const TABLE: &str = "table";
const ENVELOPES: &str = "envelopes";
const CHUNKS: &str = "chunks";

/// Whose mail a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The account's name, which names the database.
    pub account: String,
    /// The user name at the server.
    pub user: String,
    /// The tunnel's address.
    pub relay: String,
}

/// One account's database. Opened when needed, and again once if the browser closed it.
pub struct IdbStore {
    account: Account,
    database: RefCell<Option<IdbDatabase>>,
    /// Whether the account was written through this connection.
    saved: Cell<bool>,
}

impl IdbStore {
    /// The store of an account; nothing is opened yet.
    pub fn new(account: Account) -> IdbStore {
        IdbStore { account, database: RefCell::default(), saved: Cell::new(false) }
    }

    /// The accounts that are kept in this browser, at this origin.
    ///
    /// # Errors
    /// `store`.
    pub async fn accounts() -> Result<Vec<Account>> {
        let mut accounts = Vec::new();
        for name in idb::names().await? {
            let Some(name) = name.strip_prefix(PREFIX) else { continue };
            let store = IdbStore::new(Account { account: name.to_owned(), ..Account::default() });
            accounts.extend(store.saved_account().await?);
            store.close();
        }
        Ok(accounts)
    }

    /// Lets go of the database.
    pub fn close(&self) {
        if let Some(database) = self.database.borrow_mut().take() {
            database.close();
        }
    }

    async fn saved_account(&self) -> Result<Option<Account>> {
        let Some(transaction) = self.begin(&[META], Mode::Read).await? else { return Ok(None) };
        let meta = in_transaction(&transaction, META)?;
        let saved = result(&meta.get(&"account".into()).map_err(failed)?).await?;
        Ok(saved.is_object().then(|| Account {
            account: text(&saved, "account"),
            user: text(&saved, "user"),
            relay: text(&saved, "relay"),
        }))
    }

    /// The database, opened if it is not; `None` where there is none and nothing is to be written.
    async fn database(&self, mode: Mode) -> Result<Option<IdbDatabase>> {
        if let Some(database) = self.database.borrow().as_ref() {
            return Ok(Some(database.clone()));
        }
        let create = mode == Mode::CreateStrict;
        let opened = idb::open(&self.name(), migrations::VERSION, migrations::upgrade, create).await?;
        if let Some(database) = &opened {
            // Another tab wants to delete or upgrade it: make way at once. The next use opens it again.
            let closing = database.clone();
            let on_version_change = Closure::once_into_js(move || closing.close());
            database.set_onversionchange(Some(on_version_change.unchecked_ref()));
            *self.database.borrow_mut() = Some(database.clone());
            self.saved.set(false);
        }
        Ok(opened)
    }

    fn name(&self) -> String {
        format!("{PREFIX}{}", self.account.account)
    }

    /// Begins a transaction; where the database was closed under us, opens it again, once. `None` as [`Self::database`].
    async fn begin(&self, stores: &[&str], mode: Mode) -> Result<Option<IdbTransaction>> {
        let Some(database) = self.database(mode).await? else { return Ok(None) };
        match idb::begin(&database, stores, mode) {
            Err(error) if text(&error, "name") == "InvalidStateError" => {
                self.close();
                let Some(database) = self.database(mode).await? else { return Ok(None) };
                idb::begin(&database, stores, mode).map(Some).map_err(failed)
            }
            begun => begun.map(Some).map_err(failed),
        }
    }

    /// Reads the pages of the table that are concerned, changes them, and issues every write at once.
    async fn write(&self, transaction: &IdbTransaction, batch: &mut Batch) -> Result<Vec<Record>> {
        let mut pages: Sorted<u32, ()> = Sorted::default();
        for id in batch.ids() {
            pages.insert(page::page_of(id), ());
        }
        let table = in_transaction(transaction, TABLE)?;
        let mut asked = Vec::with_capacity(pages.len());
        for number in pages.keys() {
            asked.push(table.get(&number.into()).map_err(failed)?);
        }
        let mut rows = Rows::default();
        for request in asked {
            let value = result(&request).await?;
            if !value.is_undefined() {
                read_page(&value, &mut rows)?;
            }
        }
        let created = !batch.insert.is_empty();
        let changed = batch.apply_to(&mut rows)?;
        if created && !self.saved.get() {
            let value = Fields::new()
                .set("account", self.account.account.as_str())
                .set("user", self.account.user.as_str())
                .set("relay", self.account.relay.as_str());
            in_transaction(transaction, META)?.put_with_key(&value, &"account".into()).map_err(failed)?;
        }
        let chunks = in_transaction(transaction, CHUNKS)?;
        for id in &batch.discard {
            let all = IdbKeyRange::bound(&chunk_key(*id, 0), &chunk_key(*id, u32::MAX)).map_err(failed)?;
            chunks.delete(&all).map_err(failed)?;
        }
        for (id, place, bytes) in &batch.chunks {
            chunks.put_with_key(&Uint8Array::from(bytes.as_slice()), &chunk_key(*id, *place)).map_err(failed)?;
        }
        let envelopes = in_transaction(transaction, ENVELOPES)?;
        for (id, envelope) in &batch.envelopes {
            envelopes.put_with_key(&written(envelope), &(*id).into()).map_err(failed)?;
        }

        for number in pages.keys() {
            let value = page::encode(rows.values().filter(|record| page::page_of(record.id) == number));
            table.put_with_key(&Uint8Array::from(value.as_slice()), &number.into()).map_err(failed)?;
        }
        Ok(changed)
    }
}

impl Store for IdbStore {
    async fn rows(&self) -> Result<Rows> {
        let Some(transaction) = self.begin(&[TABLE], Mode::Read).await? else { return Ok(Rows::default()) };
        let pages = result(&in_transaction(&transaction, TABLE)?.get_all().map_err(failed)?).await?;
        let mut rows = Rows::default();
        for value in Array::from(&pages).iter() {
            read_page(&value, &mut rows)?;
        }
        Ok(rows)
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Option<Envelope>>> {
        let Some(transaction) = self.begin(&[ENVELOPES], Mode::Read).await? else { return Ok(vec![None; ids.len()]) };
        let store = in_transaction(&transaction, ENVELOPES)?;
        let asked: Vec<_> = ids.iter().map(|id| store.get(&(*id).into())).collect();
        let mut envelopes = Vec::with_capacity(ids.len());
        for request in asked {
            let value = result(&request.map_err(failed)?).await?;
            envelopes.push(value.is_object().then(|| read(&value)));
        }
        Ok(envelopes)
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let missing = || Error::new(Code::Store, "a piece of this message is missing in this browser's storage");
        let transaction = self.begin(&[CHUNKS], Mode::Read).await?.ok_or_else(missing)?;
        let request = in_transaction(&transaction, CHUNKS)?.get(&chunk_key(id, place)).map_err(failed)?;
        bytes(&result(&request).await?).ok_or_else(missing)
    }

    async fn apply(&self, mut batch: Batch) -> Result<Vec<Record>> {
        // Only a session brings new rows; a mark on a row of a database that is gone must not bring the database back.
        let mode = if batch.insert.is_empty() { Mode::WriteStrict } else { Mode::CreateStrict };
        let Some(transaction) = self.begin(&[META, TABLE, ENVELOPES, CHUNKS], mode).await? else {
            return Ok(Vec::new());
        };
        let complete = completion(&transaction);
        match self.write(&transaction, &mut batch).await {
            Ok(changed) => {
                complete.await?;
                self.saved.set(self.saved.get() || mode == Mode::CreateStrict);
                Ok(changed)
            }
            Err(error) => {
                // All or nothing. Where the browser aborted first, this has nothing left to take back; and its own reason, which
                // may be a full disk, comes with the completion.
                let _ = transaction.abort();
                Err(complete.await.err().filter(|cause| cause.code == Code::Quota).unwrap_or(error))
            }
        }
    }

    async fn clear(&self) -> Result<()> {
        self.close();
        idb::delete(&self.name()).await
    }
}

fn in_transaction(transaction: &IdbTransaction, name: &str) -> Result<IdbObjectStore> {
    transaction.object_store(name).map_err(failed)
}

fn read_page(value: &JsValue, rows: &mut Rows) -> Result<()> {
    let unreadable = "what is stored here was written by a newer version or is damaged; reload the page";
    let records = bytes(value).and_then(|bytes| page::decode(&bytes));
    for record in records.ok_or_else(|| Error::new(Code::Store, unreadable))? {
        rows.insert(record.id, record);
    }
    Ok(())
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn chunk_key(id: Id, place: u32) -> JsValue {
    Array::of2(&id.into(), &place.into()).into()
}

fn written(envelope: &Envelope) -> Fields {
    Fields::new()
        .set("subject", envelope.subject.as_str())
        .set("from", envelope.from.as_str())
        .set("preview", envelope.preview.as_str())
        .set("date", envelope.date.map_or(JsValue::NULL, |date| (date as f64).into()))
        .set("attachments", envelope.attachments)
        .set("head", Uint8Array::from(envelope.head.as_slice()))
}

fn read(value: &JsValue) -> Envelope {
    Envelope {
        subject: text(value, "subject"),
        from: text(value, "from"),
        preview: text(value, "preview"),
        date: get(value, "date").as_f64().map(|date| date as i64),
        attachments: get(value, "attachments").is_truthy(),
        head: bytes(&get(value, "head")).unwrap_or_default(),
    }
}

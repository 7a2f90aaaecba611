//! The store in IndexedDB: one database per account.
//!
//! | object store | key | value |
//! |---|---|---|
//! | `meta` | `"account"` | `{ account, user, relay }` |
//! | `meta` | `"server"` | what was learnt of the server, bytes |
//! | `meta` | `"policy"` | the account's policy, bytes |
//! | `table` | page number | a [`page`] of the UID table, bytes |
//! | `envelopes` | id | [`Envelope`] as an object |
//! | `chunks` | `[id, place]` | bytes |

mod migrations;

use core::cell::{Cell, RefCell};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::IdbDatabase;

use super::{Batch, Envelope, Id, Record, Rows, Store, UNREADABLE, changed_elsewhere, page};
use crate::browser::idb::{self, Mode, Transaction, failed};
use crate::browser::{get, text};
use crate::error::{Code, Error, Result};

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// The value of an envelope.
    #[wasm_bindgen(js_name = envelope)]
    fn envelope_object(
        subject: &str,
        from: &str,
        preview: &str,
        date: Option<f64>,
        attachments: bool,
        head: Uint8Array,
    ) -> JsValue;
    /// The value of an account.
    #[wasm_bindgen(js_name = account)]
    fn account_object(account: &str, user: &str, relay: &str) -> JsValue;
}

/// What the names of our databases begin with.
const PREFIX: &str = "poplar:";

const META: &str = "meta";
/// The keys in it.
const ACCOUNT: &str = "account";
const SERVER: &str = "server";
const POLICY: &str = "policy";
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

    /// Tells `each` of the accounts that are kept in this browser, at this origin, as they lie in the database, and of their rows.
    ///
    /// # Errors
    /// `store`.
    pub async fn accounts(each: &dyn Fn(&JsValue, &Rows)) -> Result<()> {
        for name in idb::names().await?.iter() {
            let name = name.as_string().unwrap_or_default();
            let Some(name) = name.strip_prefix(PREFIX) else { continue };
            // Named by the account alone: looking writes nothing.
            let store = IdbStore::new(Account { account: name.to_owned(), ..Account::default() });
            let account = store.meta(ACCOUNT).await?;
            if account.is_object() {
                each(&account, &store.rows().await?);
            }
            store.close();
        }
        Ok(())
    }

    /// Lets go of the database.
    pub fn close(&self) {
        if let Some(database) = self.database.borrow_mut().take() {
            database.close();
        }
    }

    /// What was kept of the server.
    ///
    /// # Errors
    /// `store`.
    pub async fn server(&self) -> Result<Option<Vec<u8>>> {
        Ok(bytes(&self.meta(SERVER).await?))
    }

    /// Keeps what was learnt of the server, where there is a database.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub async fn keep_server(&self, server: &[u8]) -> Result<()> {
        self.set_meta(SERVER, server, Mode::WriteStrict).await
    }

    /// Keeps the account's policy.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub async fn keep_policy(&self, policy: &[u8]) -> Result<()> {
        self.set_meta(POLICY, policy, Mode::CreateStrict).await
    }

    /// The envelopes of these messages in the same order, as [`envelope`] makes them; `undefined` where there is none.
    ///
    /// # Errors
    /// `store`.
    pub async fn envelopes(&self, ids: &[Id]) -> Result<Array> {
        let Some(transaction) = self.begin(&[ENVELOPES], Mode::Read).await? else { return Ok(Array::new()) };
        transaction.read_each(ENVELOPES, ids).done().await.map(JsCast::unchecked_into)
    }

    /// The value of a key in [`META`]; `undefined` where there is none.
    async fn meta(&self, key: &str) -> Result<JsValue> {
        match self.begin(&[META], Mode::Read).await? {
            Some(transaction) => transaction.read(META, &key.into()).done().await,
            None => Ok(JsValue::UNDEFINED),
        }
    }

    async fn set_meta(&self, key: &str, value: &[u8], mode: Mode) -> Result<()> {
        let Some(transaction) = self.begin(&[META], mode).await? else { return Ok(()) };
        let complete = transaction.completion();
        transaction.write(META, &key.into(), &Uint8Array::from(value))?;
        complete.done().await.map(drop)
    }

    /// The database, opened if it is not; `None` where there is none and nothing is to be written.
    async fn database(&self, mode: Mode) -> Result<Option<IdbDatabase>> {
        if let Some(database) = self.database.borrow().as_ref() {
            return Ok(Some(database.clone()));
        }
        let create = mode == Mode::CreateStrict;
        let opened = idb::open(&self.name(), migrations::VERSION, migrations::upgrade, create).await?;
        if let Some(database) = &opened {
            *self.database.borrow_mut() = Some(database.clone());
            self.saved.set(false);
        }
        Ok(opened)
    }

    fn name(&self) -> String {
        PREFIX.to_owned() + &self.account.account
    }

    /// Begins a transaction; where the database was closed under us, opens it again, once. `None` as [`Self::database`].
    async fn begin(&self, stores: &[&str], mode: Mode) -> Result<Option<Transaction>> {
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
    async fn write(&self, transaction: &Transaction, batch: &mut Batch) -> Result<Vec<Record>> {
        let pages = pages_of(batch);
        let mut rows = read_pages(&transaction.read_each(TABLE, &pages).done().await?)?;
        let created = !batch.insert.is_empty();
        let changed = batch.apply_to(&mut rows)?;
        if created && !self.saved.get() {
            let Account { account, user, relay } = &self.account;
            transaction.write(META, &ACCOUNT.into(), &account_object(account, user, relay))?;
        }
        for id in &batch.discard {
            transaction.remove_all(CHUNKS, *id)?;
        }
        for (id, place, bytes) in &batch.chunks {
            transaction.write(CHUNKS, &chunk_key(*id, *place), &Uint8Array::from(bytes.as_slice()))?;
        }
        for (id, seen) in &batch.envelopes {
            transaction.write(ENVELOPES, &(*id).into(), &envelope(seen))?;
        }
        for number in pages {
            let value = page::encode(rows.values().filter(|record| page::page_of(record.id) == number));
            transaction.write(TABLE, &number.into(), &Uint8Array::from(value.as_slice()))?;
        }
        Ok(changed)
    }
}

impl Store for IdbStore {
    async fn rows(&self) -> Result<Rows> {
        let Some(transaction) = self.begin(&[TABLE], Mode::Read).await? else { return Ok(Rows::default()) };
        read_pages(&transaction.read(TABLE, &JsValue::UNDEFINED).done().await?)
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        let missing = || Error::new(Code::Store, "a piece of this message is missing in this browser's storage");
        let transaction = self.begin(&[CHUNKS], Mode::Read).await?.ok_or_else(missing)?;
        bytes(&transaction.read(CHUNKS, &chunk_key(id, place)).done().await?).ok_or_else(missing)
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        let envelope = self.envelopes(&[id]).await?.get(0);
        Ok(bytes(&get(&envelope, "head")).unwrap_or_default())
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        Ok(bytes(&self.meta(POLICY).await?))
    }

    async fn apply(&self, mut batch: Batch) -> Result<Vec<Record>> {
        // New rows, and pieces of messages that an import will have rows for: what belongs to a row of a database that is gone must not
        // bring the database back.
        let created = !batch.insert.is_empty();
        let mode = if created || batch.edits.is_empty() { Mode::CreateStrict } else { Mode::WriteStrict };
        let begun = self.begin(&[META, TABLE, ENVELOPES, CHUNKS], mode).await?;
        let transaction = begun.ok_or_else(changed_elsewhere)?;
        let complete = transaction.completion();
        match self.write(&transaction, &mut batch).await {
            Ok(changed) => {
                complete.done().await?;
                self.saved.set(self.saved.get() || created);
                Ok(changed)
            }
            Err(error) => {
                // All or nothing. Where the browser aborted first, its own reason, which may be a full disk, comes with the
                // completion.
                transaction.take_back();
                Err(complete.done().await.err().filter(|cause| cause.code == Code::Quota).unwrap_or(error))
            }
        }
    }

    async fn clear(&self) -> Result<()> {
        self.close();
        idb::delete(&self.name()).await
    }
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
fn read_pages(pages: &JsValue) -> Result<Rows> {
    let mut rows = Rows::default();
    for page in pages.unchecked_ref::<Array>().iter().filter(|page| !page.is_undefined()) {
        let records = bytes(&page).and_then(|bytes| page::decode(&bytes));
        for record in records.ok_or_else(|| Error::new(Code::Store, UNREADABLE))? {
            rows.insert(record.id, record);
        }
    }
    Ok(rows)
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn chunk_key(id: Id, place: u32) -> JsValue {
    Array::of2(&id.into(), &place.into()).into()
}

/// An envelope as it lies in the database.
pub(crate) fn envelope(envelope: &Envelope) -> JsValue {
    let Envelope { subject, from, preview, date, attachments, head } = envelope;
    // A copy. A slice would cross over as a view on the memory of the module, and the database writes all that a view lies on.
    let head = Uint8Array::from(head.as_slice());
    envelope_object(subject, from, preview, date.map(|date| date as f64), *attachments, head)
}

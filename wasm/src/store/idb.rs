//! The disk in IndexedDB: one database per account, under a name that does not tell whose it is.
//!
//! | object store | key | value | |
//! |---|---|---|---|
//! | `meta` | `"account"` | `{ account, user, relay }`; octets where the name is hidden | clear, or sealed |
//! | `meta` | `"erasing"` | set while everything is being removed: where that was cut, it goes on | |
//! | `meta` | `"key"`, `"proof"` | the wrapped key, and what it has sealed to prove that it is the one in use | |
//! | `meta` | `"failures"` | when a wrong secret was tried, octets | clear |
//! | `meta` | `"server"` | what was learnt of the server, octets | clear |
//! | `meta` | `"policy"` | the account's policy, octets | clear |
//! | `meta` | `"search"` | the numbers of the parts of the search index, octets | clear |
//! | `meta` | `"search N"` | a part of it, octets | sealed |
//! | `table` | page number | a [`page`] of the UID table, octets | clear |
//! | `envelopes` | id | an [`super::Envelope`], octets | sealed |
//! | `chunks` | `[id, place]` | a piece of a message, octets | sealed |
//! | `log` | number | an entry of the audit log, octets: `web/lib/mail/log.js` | sealed |

mod migrations;
#[cfg_attr(not(feature = "mime"), allow(dead_code, reason = "the search goes with the reader of messages"))]
mod search;
mod table;
mod unsealed;

use core::cell::{Cell, RefCell};
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::IdbDatabase;

use self::table::read_pages;
use super::sealed::{Cipher, Disk, Found, SealedStore, Wrapped};
use super::{Batch, Id, Record, Rows, changed_elsewhere, page};
use crate::browser::idb::{self, Mode, Transaction, failed};
use crate::browser::text;
use crate::error::{Code, Error, Result};

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// The value of an account.
    #[wasm_bindgen(js_name = account)]
    fn account_object(account: &str, user: &str, relay: &str) -> JsValue;
    /// The name of an account's database.
    #[wasm_bindgen(js_name = databaseName)]
    fn database_name(account: &str) -> Promise;
}

/// What the names of our databases begin with: [`database_name`].
const PREFIX: &str = "poplar/";

const META: &str = "meta";
/// The keys in it.
const ACCOUNT: &str = "account";
const SERVER: &str = "server";
const POLICY: &str = "policy";
const KEY: &str = "key";
const PROOF: &str = "proof";
const FAILURES: &str = "failures";
const ERASING: &str = "erasing";
const TABLE: &str = "table";
const ENVELOPES: &str = "envelopes";
const CHUNKS: &str = "chunks";
const LOG: &str = "log";

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
pub struct IdbDisk {
    account: Account,
    /// The database's name, once it was made of the account's.
    name: RefCell<Option<String>>,
    database: RefCell<Option<IdbDatabase>>,
    /// Whether the account was written through this connection, or was found.
    saved: Cell<bool>,
    /// Nothing is here that an earlier version has kept unsealed.
    sealed_only: Cell<bool>,
}

impl IdbDisk {
    /// The disk of an account; nothing is opened yet.
    pub fn new(account: Account) -> IdbDisk {
        IdbDisk {
            account,
            name: RefCell::default(),
            database: RefCell::default(),
            saved: Cell::new(false),
            sealed_only: Cell::new(false),
        }
    }

    /// Tells `each` of the accounts that are kept in this browser, at this origin, as they lie in the database, and of their rows.
    /// One whose name is hidden is octets.
    ///
    /// # Errors
    /// `store`.
    pub async fn accounts(each: &dyn Fn(&JsValue, &Rows)) -> Result<()> {
        for name in idb::names().await?.iter() {
            let name = name.as_string().unwrap_or_default();
            if ![PREFIX, unsealed::PREFIX].iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            // Looking writes nothing.
            let disk = IdbDisk { name: RefCell::new(Some(name)), ..IdbDisk::new(Account::default()) };
            let account = disk.meta(ACCOUNT).await?;
            if account.is_object() {
                each(&account, &disk.rows().await?);
            }
            disk.close();
        }
        Ok(())
    }

    /// Lets go of the database.
    pub fn close(&self) {
        if let Some(database) = self.database.borrow_mut().take() {
            database.close();
        }
    }

    /// Whether everything was being removed here, and that was cut.
    ///
    /// # Errors
    /// `store`.
    pub async fn is_erasing(&self) -> Result<bool> {
        Ok(!self.meta(ERASING).await?.is_undefined())
    }

    /// Whether an earlier version has kept something of this account that is not sealed yet.
    ///
    /// # Errors
    /// `store`.
    pub async fn has_unsealed(&self) -> Result<bool> {
        // Once there is none there will be none.
        if !self.sealed_only.get() {
            let name = JsValue::from(unsealed::PREFIX.to_owned() + &self.account.account);
            self.sealed_only.set(!idb::names().await?.includes(&name, 0));
        }
        Ok(!self.sealed_only.get())
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
        self.set_meta(&[(SERVER, Uint8Array::from(server).into())], Mode::WriteStrict).await
    }

    /// Keeps the account's policy.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub async fn keep_policy(&self, policy: &[u8]) -> Result<()> {
        self.set_meta(&[(POLICY, Uint8Array::from(policy).into())], Mode::CreateStrict).await
    }

    /// When wrong secrets were tried, as [`super::attempts`] has it.
    ///
    /// # Errors
    /// `store`.
    pub async fn failures(&self) -> Result<Vec<u8>> {
        Ok(bytes(&self.meta(FAILURES).await?).unwrap_or_default())
    }

    /// Keeps them.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub async fn keep_failures(&self, failures: &[u8]) -> Result<()> {
        self.set_meta(&[(FAILURES, Uint8Array::from(failures).into())], Mode::WriteStrict).await
    }

    /// Keeps whose mail it is: as it is, or as `sealed`.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub async fn keep_account(&self, sealed: Option<JsValue>) -> Result<()> {
        let account = sealed.unwrap_or_else(|| self.account_object());
        self.set_meta(&[(ACCOUNT, account)], Mode::WriteStrict).await?;
        self.saved.set(true);
        Ok(())
    }

    /// Whether the account's name is hidden.
    ///
    /// # Errors
    /// `store`.
    pub async fn hides_account(&self) -> Result<bool> {
        Ok(bytes(&self.meta(ACCOUNT).await?).is_some())
    }

    /// The account as one text, which is what is sealed of it.
    pub fn account_text(&self) -> String {
        let Account { account, user, relay } = &self.account;
        [account.as_str(), user, relay].join("\n")
    }

    /// The database, for the log; `None` where there is none.
    ///
    /// # Errors
    /// `store`.
    pub async fn log(&self) -> Result<Option<IdbDatabase>> {
        // Begun and left: that opens the database again where the browser closed it.
        self.begin(&[LOG], Mode::Read).await?;
        Ok(self.database.borrow().clone())
    }

    /// The value of a key in [`META`]; `undefined` where there is none.
    fn meta<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<JsValue>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            match self.begin(&[META], Mode::Read).await? {
                Some(transaction) => transaction.read(META, &key.into()).done().await,
                None => Ok(JsValue::UNDEFINED),
            }
        })
    }

    /// Sets these in one transaction.
    fn set_meta<'a>(&'a self, values: &'a [(&'a str, JsValue)], mode: Mode) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let Some(transaction) = self.begin(&[META], mode).await? else { return Ok(()) };
            let complete = transaction.completion();
            for (key, value) in values {
                transaction.write(META, &(*key).into(), value)?;
            }
            complete.done().await.map(drop)
        })
    }

    /// The database, opened if it is not; `None` where there is none and nothing is to be written.
    async fn database(&self, mode: Mode) -> Result<Option<IdbDatabase>> {
        if let Some(database) = self.database.borrow().as_ref() {
            return Ok(Some(database.clone()));
        }
        let create = mode == Mode::CreateStrict;
        let name = self.name().await?;
        // One of the version before is looked at as it is.
        let version = if name.starts_with(PREFIX) { migrations::VERSION } else { 0 };
        let opened = idb::open(&name, version, migrations::upgrade, create).await?;
        if let Some(database) = &opened {
            *self.database.borrow_mut() = Some(database.clone());
            self.saved.set(false);
        }
        Ok(opened)
    }

    async fn name(&self) -> Result<String> {
        if let Some(name) = &*self.name.borrow() {
            return Ok(name.clone());
        }
        let made = idb::Wait::new(database_name(&self.account.account)).done().await?;
        let name = made.as_string().unwrap_or_default();
        *self.name.borrow_mut() = Some(name.clone());
        Ok(name)
    }

    fn account_object(&self) -> JsValue {
        let Account { account, user, relay } = &self.account;
        account_object(account, user, relay)
    }

    /// Begins a transaction; where the database was closed under us, opens it again, once. `None` as [`Self::database`].
    fn begin<'a>(&'a self, stores: &'a [&'a str], mode: Mode) -> LocalBoxFuture<'a, Result<Option<Transaction>>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let Some(database) = self.database(mode).await? else { return Ok(None) };
            match idb::begin(&database, stores, mode) {
                Err(error) if text(&error, "name") == "InvalidStateError" => {
                    self.close();
                    let Some(database) = self.database(mode).await? else { return Ok(None) };
                    idb::begin(&database, stores, mode).map(Some).map_err(failed)
                }
                begun => begun.map(Some).map_err(failed),
            }
        })
    }
}

impl Disk for IdbDisk {
    type Value = JsValue;

    async fn rows(&self) -> Result<Rows> {
        let Some(transaction) = self.begin(&[TABLE], Mode::Read).await? else { return Ok(Rows::default()) };
        read_pages(&transaction.read(TABLE, &JsValue::UNDEFINED).done().await?)
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Found<JsValue>>> {
        let Some(transaction) = self.begin(&[TABLE, ENVELOPES], Mode::Read).await? else {
            return Ok(ids.iter().map(|_| None).collect());
        };
        let mut pages: Vec<u32> = ids.iter().map(|id| page::page_of(*id)).collect();
        // In turn, as rows are asked for; a page that is read twice is no harm.
        pages.dedup();
        // Asked together, as one moment has them.
        let (pages, values) = (transaction.read_each(TABLE, &pages), transaction.read_each(ENVELOPES, ids));
        let rows = read_pages(&pages.done().await?)?;
        let values: Array = values.done().await?.unchecked_into();
        // One that was sealed, and is gone, is as one that was changed.
        let found = |(id, value): (&Id, JsValue)| {
            rows.get(*id).filter(|row| row.stamp != 0 || !value.is_undefined()).map(|row| (value, row.clone()))
        };
        Ok(ids.iter().zip(values.iter()).map(found).collect())
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Found<JsValue>> {
        let Some(transaction) = self.begin(&[TABLE, CHUNKS], Mode::Read).await? else { return Ok(None) };
        let page = transaction.read_each(TABLE, &[page::page_of(id)]);
        let value = transaction.read(CHUNKS, &chunk_key(id, place));
        let rows = read_pages(&page.done().await?)?;
        let value = value.done().await?;
        Ok(rows.get(id).filter(|_| !value.is_undefined()).map(|row| (value, row.clone())))
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        match bytes(&self.meta(POLICY).await?) {
            None if self.has_unsealed().await? => unsealed::policy(self).await,
            policy => Ok(policy),
        }
    }

    async fn key(&self) -> Result<Option<Wrapped<JsValue>>> {
        let Some(transaction) = self.begin(&[META], Mode::Read).await? else { return Ok(None) };
        let (key, proof) = (transaction.read(META, &KEY.into()), transaction.read(META, &PROOF.into()));
        let (key, proof) = (key.done().await?, proof.done().await?);
        Ok((!key.is_undefined()).then_some(Wrapped { key, proof }))
    }

    async fn set_key(&self, key: Wrapped<JsValue>, instead_of: Option<&Wrapped<JsValue>>) -> Result<()> {
        // What was removed meanwhile does not come back with the key.
        let mode = if instead_of.is_some() { Mode::WriteStrict } else { Mode::CreateStrict };
        let transaction = self.begin(&[META], mode).await?.ok_or_else(changed_elsewhere)?;
        let complete = transaction.completion();
        match self.write_key(&transaction, key, instead_of).await {
            Ok(()) => complete.done().await.map(drop),
            Err(error) => Err(taken_back(&transaction, complete, error).await),
        }
    }

    async fn apply(
        &self,
        mut batch: Batch,
        envelopes: Vec<JsValue>,
        chunks: Vec<JsValue>,
        key: u32,
    ) -> Result<Vec<Record>> {
        // New rows, and pieces of messages that an import will have rows for: what belongs to a row of a database that is gone must not
        // bring the database back.
        let created = !batch.insert.is_empty();
        let mode = if created || batch.edits.is_empty() { Mode::CreateStrict } else { Mode::WriteStrict };
        let begun = self.begin(&[META, TABLE, ENVELOPES, CHUNKS], mode).await?;
        let transaction = begun.ok_or_else(changed_elsewhere)?;
        let complete = transaction.completion();
        match self.write(&transaction, &mut batch, envelopes, chunks, key).await {
            Ok(changed) => {
                complete.done().await?;
                self.saved.set(self.saved.get() || created);
                Ok(changed)
            }
            Err(error) => Err(taken_back(&transaction, complete, error).await),
        }
    }

    async fn drop_sealed(&self) -> Result<()> {
        let stores = [META, TABLE, ENVELOPES, CHUNKS, LOG];
        let Some(transaction) = self.begin(&stores, Mode::WriteStrict).await? else { return Ok(()) };
        let complete = transaction.completion();
        match self.drop_all(&transaction).await {
            Ok(()) => complete.done().await.map(drop),
            Err(error) => Err(taken_back(&transaction, complete, error).await),
        }
    }

    async fn take_over<C: Cipher<Value = JsValue>>(&self, sealed: &SealedStore<IdbDisk, C>) -> Result<()> {
        unsealed::take_over(self, sealed).await
    }

    async fn clear(&self) -> Result<()> {
        // The key first: without it the rest is noise, whatever becomes of it.
        if let Some(transaction) = self.begin(&[META], Mode::WriteStrict).await? {
            let complete = transaction.completion();
            for key in [KEY, PROOF, ACCOUNT] {
                transaction.remove(META, &key.into())?;
            }
            transaction.write(META, &ERASING.into(), &JsValue::TRUE)?;
            complete.done().await?;
        }
        self.close();
        idb::delete(&self.name().await?).await?;
        idb::delete(&(unsealed::PREFIX.to_owned() + &self.account.account)).await
    }

    async fn finish_clearing(&self) -> Result<()> {
        if self.is_erasing().await? { self.clear().await } else { Ok(()) }
    }
}

/// All or nothing. Where the browser aborted first, its own reason, which may be a full disk, comes with the completion.
async fn taken_back(transaction: &Transaction, complete: idb::Wait, error: Error) -> Error {
    transaction.take_back();
    complete.done().await.err().filter(|cause| cause.code == Code::Quota).unwrap_or(error)
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn chunk_key(id: Id, place: u32) -> JsValue {
    Array::of2(&id.into(), &place.into()).into()
}

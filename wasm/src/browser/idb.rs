//! IndexedDB as futures.
//!
//! Inside a transaction nothing is awaited but its own requests: anything else would let it commit early.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::IdbDatabase;

use super::{get, strings, text};
use crate::error::{Code, Error, Result};

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// An `IDBTransaction`.
    pub(crate) type Transaction;

    #[wasm_bindgen(js_name = databaseNames)]
    fn database_names() -> Promise;
    #[wasm_bindgen(js_name = openDatabase)]
    fn open_database(name: &str, version: u32, create: bool, upgrade: &JsValue) -> Promise;
    #[wasm_bindgen(js_name = eraseDatabase)]
    fn delete_database(name: &str) -> Promise;
    #[wasm_bindgen(js_name = begin, catch)]
    fn begin_transaction(
        database: &IdbDatabase,
        stores: Array,
        write: bool,
    ) -> core::result::Result<Transaction, JsValue>;
    #[wasm_bindgen(js_name = completion)]
    fn completion_of(transaction: &Transaction) -> Promise;
    fn read(transaction: &Transaction, store: &str, key: &JsValue) -> Promise;
    #[wasm_bindgen(js_name = readEach)]
    fn read_each(transaction: &Transaction, store: &str, keys: &[u32]) -> Promise;
    #[wasm_bindgen(js_name = write, catch)]
    fn put(transaction: &Transaction, store: &str, key: &JsValue, value: &JsValue)
    -> core::result::Result<(), JsValue>;
    #[wasm_bindgen(js_name = remove, catch)]
    fn delete_value(transaction: &Transaction, store: &str, key: &JsValue) -> core::result::Result<(), JsValue>;
    #[wasm_bindgen(js_name = removeAll, catch)]
    fn remove(transaction: &Transaction, store: &str, id: u32) -> core::result::Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Transaction) -> core::result::Result<(), JsValue>;
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reading.
    Read,
    /// Writing, durable at `complete`.
    WriteStrict,
    /// The same, in a database that is created where there is none.
    CreateStrict,
}

/// What brings a database to its present layout: database and old version, 0 for one that is new.
pub(crate) type Upgrade = fn(&IdbDatabase, u32) -> core::result::Result<(), JsValue>;

/// The names of this origin's databases.
///
/// # Errors
/// `store`.
pub(crate) async fn names() -> Result<Array> {
    available()?;
    Ok(Wait::new(database_names()).done().await?.unchecked_into())
}

/// Opens a database, upgrading it where needed; version 0: as it is. One that does not exist is created with `create`, and otherwise is `None` and goes
/// on not existing: looking leaves no trace.
///
/// # Errors
/// `store`.
pub(crate) async fn open(name: &str, version: u32, upgrade: Upgrade, create: bool) -> Result<Option<IdbDatabase>> {
    available()?;
    let upgrade = Closure::once_into_js(move |database: IdbDatabase, old: u32| upgrade(&database, old));
    let database = Wait::new(open_database(name, version, create, &upgrade)).done().await?;
    Ok((!database.is_undefined()).then(|| database.unchecked_into()))
}

/// Deletes a database.
///
/// # Errors
/// `store`.
pub(crate) async fn delete(name: &str) -> Result<()> {
    available()?;
    Wait::new(delete_database(name)).done().await.map(drop)
}

/// Begins a transaction.
///
/// # Errors
/// The browser's own error, so that a caller can tell a closed database (`InvalidStateError`).
pub(crate) fn begin(database: &IdbDatabase, stores: &[&str], mode: Mode) -> core::result::Result<Transaction, JsValue> {
    begin_transaction(database, strings(stores.iter().copied()), mode != Mode::Read)
}

impl Transaction {
    /// One value; `undefined` where there is none. All values, as an array, where `key` is undefined.
    pub(crate) fn read(&self, store: &str, key: &JsValue) -> Wait {
        Wait::new(read(self, store, key))
    }

    /// The values of these keys as an array, `undefined` where there is none; all asked before the first is awaited.
    pub(crate) fn read_each(&self, store: &str, keys: &[u32]) -> Wait {
        Wait::new(read_each(self, store, keys))
    }

    /// Sets one value.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub(crate) fn write(&self, store: &str, key: &JsValue, value: &JsValue) -> Result<()> {
        put(self, store, key, value).map_err(failed)
    }

    /// Removes one value, or all where `key` is undefined.
    ///
    /// # Errors
    /// `store`.
    pub(crate) fn remove(&self, store: &str, key: &JsValue) -> Result<()> {
        delete_value(self, store, key).map_err(failed)
    }

    /// Removes every value whose key is an array that begins with `id`.
    ///
    /// # Errors
    /// `store`.
    pub(crate) fn remove_all(&self, store: &str, id: u32) -> Result<()> {
        remove(self, store, id).map_err(failed)
    }

    /// When it is complete, and so durable. To be called before anything of it is awaited.
    pub(crate) fn completion(&self) -> Wait {
        Wait::new(completion_of(self))
    }

    /// Takes all of it back. Where the browser did so first, there is nothing left to do.
    pub(crate) fn take_back(&self) {
        let _ = self.abort();
    }
}

/// Something asked of the browser that is on its way.
pub(crate) struct Wait(JsFuture);

impl Wait {
    /// Waits for it.
    pub(crate) fn new(promise: Promise) -> Wait {
        Wait(JsFuture::from(promise))
    }

    /// What it comes to.
    ///
    /// # Errors
    /// `quota` or `store`.
    pub(crate) async fn done(self) -> Result<JsValue> {
        self.0.await.map_err(failed)
    }
}

/// The browser's error as ours, with its name as the words beside.
pub(crate) fn failed(error: JsValue) -> Error {
    if error.is_null() {
        return Error::new(
            Code::Store,
            "the storage of this browser took a change back; reload the page and try again",
        );
    }
    let name = text(&error, "name");
    let error = if name == "QuotaExceededError" {
        Error::new(
            Code::Quota,
            "the storage of this browser is full; nothing was lost, the rest is still on the server",
        )
    } else {
        Error::new(Code::Store, "the storage of this browser failed; reload the page and try again")
    };
    error.with_server_text(name)
}

fn available() -> Result<()> {
    if get(&js_sys::global(), "indexedDB").is_object() {
        Ok(())
    } else {
        Err(Error::new(Code::Store, "this browser offers no storage to this page"))
    }
}

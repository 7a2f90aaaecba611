//! IndexedDB requests and transactions as futures, on plain web-sys.
//!
//! Inside a transaction nothing is awaited but its own requests: anything else would let it commit early.

use core::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbFactory, IdbOpenDbRequest, IdbRequest, IdbTransaction, IdbVersionChangeEvent};

use super::{Fields, global, text};
use crate::error::{Code, Error, Result};

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase` with the options of `transaction()`, which web-sys keeps behind its unstable flag.
    type Database;
    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &Database,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> core::result::Result<IdbTransaction, JsValue>;

    /// `IDBFactory` with `databases()`, which web-sys does not have.
    type Factory;
    #[wasm_bindgen(method, catch)]
    fn databases(this: &Factory) -> core::result::Result<Promise, JsValue>;
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reading.
    Read,
    /// Writing, durable at `complete`: Chromium's own default is *relaxed* since version 121.
    WriteStrict,
    /// The same, in a database that is created where there is none.
    CreateStrict,
}

/// The names of this origin's databases.
///
/// # Errors
/// `store`.
pub(crate) async fn names() -> Result<Vec<String>> {
    let databases = factory()?.unchecked_ref::<Factory>().databases().map_err(failed)?;
    let databases = JsFuture::from(databases).await.map_err(failed)?;
    Ok(Array::from(&databases).iter().map(|entry| text(&entry, "name")).collect())
}

/// What brings a database to its present layout: database and old version, 0 for one that is new.
pub(crate) type Upgrade = fn(&IdbDatabase, u32) -> core::result::Result<(), JsValue>;

/// Opens a database, upgrading it where needed. One that does not exist is created with `create`, and otherwise is `None` and goes
/// on not existing: looking leaves no trace.
///
/// # Errors
/// `store`.
pub(crate) async fn open(name: &str, version: u32, upgrade: Upgrade, create: bool) -> Result<Option<IdbDatabase>> {
    let request = factory()?.open_with_u32(name, version).map_err(failed)?;
    let absent = Rc::new(Cell::new(false));
    let found = Rc::clone(&absent);
    let on_upgrade = Closure::once_into_js(move |event: IdbVersionChangeEvent| {
        let request = event.target().and_then(|target| target.dyn_into::<IdbOpenDbRequest>().ok());
        let Some(request) = request else { return Ok(()) };
        let old = event.old_version() as u32;
        if old == 0 && !create {
            found.set(true);
            return request.transaction().map_or(Ok(()), |upgrading| upgrading.abort());
        }
        // Throwing here aborts the upgrade, and the open fails.
        upgrade(request.result()?.unchecked_ref(), old)
    });
    request.set_onupgradeneeded(Some(on_upgrade.unchecked_ref()));
    match result(&request).await {
        Ok(database) => Ok(Some(database.unchecked_into())),
        Err(_) if absent.get() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes a database. Waits for other connections to close, which they do when told of it.
///
/// # Errors
/// `store`.
pub(crate) async fn delete(name: &str) -> Result<()> {
    let request = factory()?.delete_database(name).map_err(failed)?;
    result(&request).await.map(drop)
}

/// Begins a transaction.
///
/// # Errors
/// The browser's own error, so that a caller can tell a closed database (`InvalidStateError`).
pub(crate) fn begin(
    database: &IdbDatabase,
    stores: &[&str],
    mode: Mode,
) -> core::result::Result<IdbTransaction, JsValue> {
    let names: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
    let (mode, options) = match mode {
        Mode::Read => ("readonly", Fields::new()),
        Mode::WriteStrict | Mode::CreateStrict => ("readwrite", Fields::new().set("durability", "strict")),
    };
    database.unchecked_ref::<Database>().transaction(&names, mode, &options)
}

/// A request's result.
///
/// # Errors
/// `quota` or `store`.
pub(crate) async fn result(request: &IdbRequest) -> Result<JsValue> {
    let settled = Promise::new(&mut |resolve: Function, reject: Function| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(settled).await {
        Ok(_) => request.result().map_err(failed),
        Err(_) => Err(request.error().ok().flatten().map_or_else(taken_back, |error| failed(error.into()))),
    }
}

/// When a transaction is complete, and so durable. To be called before anything of it is awaited.
///
/// # Errors
/// `quota` or `store`: nothing of it was written.
pub(crate) fn completion(transaction: &IdbTransaction) -> impl Future<Output = Result<()>> + use<> {
    let settled = Promise::new(&mut |resolve: Function, reject: Function| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    let (settled, transaction) = (JsFuture::from(settled), transaction.clone());
    async move {
        match settled.await {
            Ok(_) => Ok(()),
            // A full disk may be noticed only here.
            Err(_) => Err(transaction.error().map_or_else(taken_back, |error| failed(error.into()))),
        }
    }
}

/// The browser's error as ours, with its name as the words beside.
pub(crate) fn failed(error: JsValue) -> Error {
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

fn factory() -> Result<IdbFactory> {
    global("indexedDB").dyn_into().map_err(|_| Error::new(Code::Store, "this browser offers no storage to this page"))
}

fn taken_back() -> Error {
    Error::new(Code::Store, "the storage of this browser took a change back; reload the page and try again")
}

//! Web Locks: one session per account at a time, across all tabs of this origin.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use super::text;
use crate::error::{Code, Error, Result};

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// Waits for a lock; gives what releases it.
    fn lock(name: &str, signal: Option<AbortSignal>) -> Promise;
}

/// A lock held; dropping it lets the next one in.
pub(crate) struct Lock(Function);

impl Drop for Lock {
    fn drop(&mut self) {
        // Resolving a promise cannot throw.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Waits for the lock `name`, exclusively.
///
/// # Errors
/// `aborted` where `signal` says so first.
pub(crate) async fn acquire(name: &str, signal: Option<&AbortSignal>) -> Result<Lock> {
    let aborted = || signal.is_some_and(AbortSignal::aborted);
    if aborted() {
        return Err(Error::aborted());
    }
    match JsFuture::from(lock(name, signal.cloned())).await {
        Ok(release) => Ok(Lock(release.unchecked_into())),
        // The reason of an abort is whatever its caller likes: the signal itself tells that it was one.
        Err(_) if aborted() => Err(Error::aborted()),
        Err(error) => match text(&error, "name").as_str() {
            "AbortError" => Err(Error::aborted()),
            // An opaque origin has no locks, and no storage either.
            name => Err(Error::new(Code::Store, "this page may not use the browser's storage").with_server_text(name)),
        },
    }
}

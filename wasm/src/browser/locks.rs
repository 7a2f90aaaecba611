//! Web Locks: one session per account at a time, across all tabs of this origin.
//!
//! Written by hand because web-sys keeps them behind its unstable flag. They need a secure context; where there is none (a plain
//! HTTP address that is not this computer) nothing is locked here, and the server's own lock on the maildrop has to do.

use core::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortSignal;

use super::{get, global, text};
use crate::error::{Code, Error, Result};

#[wasm_bindgen]
extern "C" {
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        held: &JsValue,
    ) -> core::result::Result<Promise, JsValue>;
}

/// A lock held; dropping it lets the next one in.
pub(crate) struct Lock(Option<Function>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            // Resolving a promise cannot throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Waits for the lock `name`, exclusively.
///
/// # Errors
/// `aborted` where `signal` says so first.
pub(crate) async fn acquire(name: &str, signal: Option<&AbortSignal>) -> Result<Lock> {
    let locks = get(&global("navigator"), "locks");
    if signal.is_some_and(AbortSignal::aborted) {
        return Err(Error::aborted());
    }
    if !locks.is_object() {
        return Ok(Lock(None));
    }
    let locks: LockManager = locks.unchecked_into();

    let (tell, hear) = oneshot::channel::<Result<Lock>>();
    let tell = Rc::new(RefCell::new(Some(tell)));
    let granted = Rc::clone(&tell);
    let held = Closure::once_into_js(move || {
        Promise::new(&mut |release, _| {
            if let Some(tell) = granted.borrow_mut().take() {
                // Who asked may be gone by now; then the lock is dropped, and so released, right here.
                drop(tell.send(Ok(Lock(Some(release)))));
            }
        })
    });
    let options = Object::new();
    if let Some(signal) = signal {
        Reflect::set(&options, &"signal".into(), signal).map_err(|error| refused(&error))?;
    }
    let done = locks.request(name, &options, &held).map_err(|error| refused(&error))?;
    let asked = signal.cloned();
    spawn_local(async move {
        if let Err(error) = JsFuture::from(done).await
            && let Some(tell) = tell.borrow_mut().take()
        {
            // The reason of an abort is whatever its caller likes: the signal itself tells that it was one.
            let aborted = asked.is_some_and(|signal| signal.aborted());
            drop(tell.send(Err(if aborted { Error::aborted() } else { refused(&error) })));
        }
    });
    hear.await.unwrap_or_else(|_| Err(Error::aborted()))
}

fn refused(error: &JsValue) -> Error {
    match text(error, "name").as_str() {
        "AbortError" => Error::aborted(),
        // An opaque origin has no locks, and no storage either.
        name => Error::new(Code::Store, "this page may not use the browser's storage").with_server_text(name),
    }
}

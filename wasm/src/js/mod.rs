//! What JavaScript sees of this crate. Not the public API: that is the facade in `web/lib/mail`, which turns these promises and
//! plain objects into the classes of the contract.

mod backup;
mod convert;
mod kept;
mod known;
mod mailbox;
#[cfg(feature = "mime")]
mod search;
mod session;
mod turns;
mod vault;

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

thread_local! {
    static ON_PANIC: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Tells `on_panic` (file, line) when a fault of ours ends this module: with `panic = "abort"` every promise still pending would
/// stay so for ever. The panic's own text is not passed on: it could hold what was being worked on.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(on_panic: Function) {
    ON_PANIC.set(Some(on_panic));
    std::panic::set_hook(Box::new(|info| {
        let (file, line) = info.location().map(|at| (at.file(), at.line())).unwrap_or_default();
        if let Some(on_panic) = ON_PANIC.take() {
            let _ = on_panic.call2(&JsValue::UNDEFINED, &file.into(), &line.into());
        }
    }));
}

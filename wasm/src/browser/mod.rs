//! The few things of the browser that are used directly: time, IndexedDB requests as futures, and Web Locks.
//!
//! What a line of JavaScript does is done there, in `web/lib/mail/host.js`: an import of web-sys costs its shim here, its glue there
//! and, where it calls back, a closure type of its own.
//!
//! Everything is looked up on `globalThis`, so that it works in a page and in a worker alike.

pub(crate) mod cipher;
pub(crate) mod idb;
pub(crate) mod locks;
pub(crate) mod time;

use js_sys::{Array, Reflect};
use wasm_bindgen::JsValue;

/// A property; `undefined` where there is none.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A property as text; empty where it is none.
pub(crate) fn text(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap_or_default()
}

/// Texts as an array of strings.
pub(crate) fn strings<'a>(all: impl IntoIterator<Item = &'a str>) -> Array {
    let array = Array::new();
    for text in all {
        array.push(&text.into());
    }
    array
}

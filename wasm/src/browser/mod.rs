//! The few things of the browser that are used directly: time, IndexedDB requests as futures, and Web Locks.
//!
//! Everything is looked up on `globalThis`, so that it works in a page and in a worker alike.

pub(crate) mod idb;
pub(crate) mod locks;
pub(crate) mod time;

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// A property of the global object; `undefined` where there is none.
pub(crate) fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// A property; `undefined` where there is none.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A property as text; empty where it is none.
pub(crate) fn text(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap_or_default()
}

/// A plain object.
pub(crate) fn object<const N: usize>(entries: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in entries {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}

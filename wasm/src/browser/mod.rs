//! The few things of the browser that are used directly: time, IndexedDB requests as futures, and Web Locks.
//!
//! Everything is looked up on `globalThis`, so that it works in a page and in a worker alike.

pub(crate) mod idb;
pub(crate) mod locks;
pub(crate) mod time;

use core::ops::Deref;

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

/// A plain object in the making.
pub(crate) struct Fields(Object);

impl Fields {
    pub(crate) fn new() -> Fields {
        Fields(Object::new())
    }

    pub(crate) fn set(self, name: &str, value: impl Into<JsValue>) -> Fields {
        self.set_value(name, &value.into());
        self
    }

    // Apart, so that each kind of value costs only its conversion.
    fn set_value(&self, name: &str, value: &JsValue) {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&self.0, &name.into(), value);
    }
}

impl Deref for Fields {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.0
    }
}

impl AsRef<JsValue> for Fields {
    fn as_ref(&self) -> &JsValue {
        &self.0
    }
}

impl From<Fields> for JsValue {
    fn from(fields: Fields) -> JsValue {
        fields.0.into()
    }
}

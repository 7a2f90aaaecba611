//! Clocks and timers.

use wasm_bindgen::prelude::*;

use crate::pop3::Millis;
use crate::store::Timestamp;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);
}

/// A monotonic clock.
pub(crate) fn monotonic() -> Millis {
    performance_now() as Millis
}

/// The wall clock, milliseconds since 1970.
pub(crate) fn now() -> Timestamp {
    js_sys::Date::now() as Timestamp
}

/// A call to come; dropping it takes it back.
pub(crate) struct Timeout(JsValue);

impl Timeout {
    /// Calls `callback`, which must outlive this, in `ms` milliseconds.
    pub(crate) fn new(callback: &Closure<dyn FnMut()>, ms: Millis) -> Timeout {
        Timeout(set_timeout(callback, ms as f64))
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}

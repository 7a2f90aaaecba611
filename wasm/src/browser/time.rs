//! Clocks.

use wasm_bindgen::prelude::*;

use crate::pop3::Millis;
use crate::store::Timestamp;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
}

/// A monotonic clock.
pub(crate) fn monotonic() -> Millis {
    performance_now() as Millis
}

/// The wall clock, milliseconds since 1970.
pub(crate) fn now() -> Timestamp {
    date_now() as Timestamp
}

//! The second layout: `log`, the audit log, by number. What is in `envelopes` and `chunks` is sealed from here on.

use wasm_bindgen::JsValue;
use web_sys::IdbDatabase;

pub(super) fn upgrade(database: &IdbDatabase) -> Result<(), JsValue> {
    database.create_object_store("log").map(drop)
}

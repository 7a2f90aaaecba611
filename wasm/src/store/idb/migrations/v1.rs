//! The first layout: `meta`, `table`, `envelopes`, `chunks`, all with keys given at writing.

use wasm_bindgen::JsValue;
use web_sys::IdbDatabase;

pub(super) fn upgrade(database: &IdbDatabase) -> Result<(), JsValue> {
    for name in ["meta", "table", "envelopes", "chunks"] {
        database.create_object_store(name)?;
    }
    Ok(())
}

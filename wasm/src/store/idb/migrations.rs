//! How a database comes to the present layout: one file per step, never edited again.

mod v1;
mod v2;

use wasm_bindgen::JsValue;
use web_sys::IdbDatabase;

/// The present layout.
pub(super) const VERSION: u32 = 2;

/// Brings a database from `old` to [`VERSION`], inside its upgrade transaction.
pub(super) fn upgrade(database: &IdbDatabase, old: u32) -> Result<(), JsValue> {
    if old < 1 {
        v1::upgrade(database)?;
    }
    if old < 2 {
        v2::upgrade(database)?;
    }
    Ok(())
}

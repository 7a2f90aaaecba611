//! The parts of the search index, beside the account's other things: each under a key of its own, and which there are under another.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::{ERASING, IdbDisk, KEY, META, bytes, taken_back};
use crate::browser::cipher::number;
use crate::browser::idb::{Mode, Transaction};
use crate::error::Result;
use crate::store::changed_elsewhere;
use crate::store::sealed::locked;

/// Key of the numbers of all parts, as octets; each part's own has its number behind it.
pub(super) const SEARCH: &str = "search";

impl IdbDisk {
    /// Which parts there are.
    pub(crate) async fn search_numbers(&self) -> Result<Vec<u32>> {
        Ok(numbers(&self.meta(SEARCH).await?))
    }

    /// One part; `undefined` where it is gone.
    pub(crate) async fn search_part(&self, number: u32) -> Result<JsValue> {
        self.meta(&key(number)).await
    }

    /// Keeps parts that the key with the number `sealed_by` has sealed and removes others, so that there are those of `numbers`.
    ///
    /// # Errors
    /// `locked`, and nothing is written, where there is another key by then; `store`, `quota`.
    pub(crate) async fn keep_search(
        &self,
        parts: &[(u32, JsValue)],
        remove: &[u32],
        numbers: &[u32],
        sealed_by: u32,
    ) -> Result<()> {
        let transaction = self.begin(&[META], Mode::WriteStrict).await?.ok_or_else(changed_elsewhere)?;
        let complete = transaction.completion();
        let write = async {
            let (in_use, erasing) = (transaction.read(META, &KEY.into()), transaction.read(META, &ERASING.into()));
            if self::number(&in_use.done().await?) != sealed_by {
                return Err(locked());
            }
            if !erasing.done().await?.is_undefined() {
                return Err(changed_elsewhere());
            }
            for (number, part) in parts {
                transaction.write(META, &key(*number).into(), part)?;
            }
            for number in remove {
                transaction.remove(META, &key(*number).into())?;
            }
            let octets: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            transaction.write(META, &SEARCH.into(), &Uint8Array::from(octets.as_slice()))
        };
        match write.await {
            Ok(()) => complete.done().await.map(drop),
            Err(error) => Err(taken_back(&transaction, complete, error).await),
        }
    }
}

/// Removes all of it.
pub(super) async fn drop_search(transaction: &Transaction) -> Result<()> {
    for number in numbers(&transaction.read(META, &SEARCH.into()).done().await?) {
        transaction.remove(META, &key(number).into())?;
    }
    transaction.remove(META, &SEARCH.into())
}

fn key(number: u32) -> String {
    format!("{SEARCH} {number}")
}

fn numbers(value: &JsValue) -> Vec<u32> {
    let octets = bytes(value).unwrap_or_default();
    octets.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
}

//! The cipher of `web/lib/mail/seal.js`: WebCrypto. A key never comes here.

use core::cell::Cell;

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::idb::failed;
use super::{get, text};
use crate::error::{Code, Error, Result};
use crate::pop3::Secret;
use crate::store::sealed::{Cipher, Kind, Wrapped, locked};

#[wasm_bindgen(raw_module = "./mail/seal.js")]
extern "C" {
    #[wasm_bindgen(js_name = Cipher)]
    type Sealer;
    #[wasm_bindgen(constructor, js_class = Cipher)]
    fn new(account: &str) -> Sealer;
    #[wasm_bindgen(method, getter, js_name = isOpen)]
    fn is_open(this: &Sealer) -> bool;
    #[wasm_bindgen(method, getter)]
    fn number(this: &Sealer) -> u32;
    #[wasm_bindgen(method)]
    fn close(this: &Sealer);
    #[wasm_bindgen(method)]
    fn end(this: &Sealer);
    #[wasm_bindgen(method)]
    fn prepare(this: &Sealer, key: &JsValue, secret: &str);
    #[wasm_bindgen(method)]
    fn create(this: &Sealer, by: &str, secret: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn unlock(this: &Sealer, key: &JsValue, proof: &JsValue, secret: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn rewrap(this: &Sealer, key: &JsValue, proof: &JsValue, by: &str, secret: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn seal(this: &Sealer, all: &Array) -> Promise;
    #[wasm_bindgen(method)]
    fn open(this: &Sealer, all: &Array) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Math)]
    fn random() -> f64;
}

/// The cipher of one account.
pub(crate) struct WebCipher {
    sealer: Sealer,
    /// Hears `("unlocked")` when it opens.
    on_event: Function,
    has_told: Cell<bool>,
}

impl WebCipher {
    /// A cipher without a key. `on_event` hears `("unlocked")` when it has one.
    pub(crate) fn new(account: &str, on_event: Function) -> WebCipher {
        WebCipher { sealer: Sealer::new(account), on_event, has_told: Cell::new(false) }
    }

    /// Begins to make of a secret what opens `key`, or what a new one is wrapped with, beside other work.
    pub(crate) fn prepare(&self, key: Option<&Wrapped<JsValue>>, secret: &Secret) {
        let key = key.map_or(JsValue::UNDEFINED, |wrapped| wrapped.key.clone());
        self.sealer.prepare(&key, secret.reveal());
    }

    /// Drops the key for good: what is under way does not open it again.
    pub(crate) fn end(&self) {
        self.sealer.end();
    }

    /// The object itself, for the log.
    pub(crate) fn sealer(&self) -> &JsValue {
        &self.sealer
    }
}

impl Cipher for WebCipher {
    type Value = JsValue;

    fn is_open(&self) -> bool {
        self.sealer.is_open()
    }

    fn close(&self) {
        self.sealer.close();
        self.has_told.set(false);
    }

    fn opened(&self) {
        if !self.has_told.replace(true) {
            // A listener that throws is its owner's affair.
            let _ = self.on_event.call2(&JsValue::UNDEFINED, &"unlocked".into(), &JsValue::UNDEFINED);
        }
    }

    fn number(&self) -> u32 {
        self.sealer.number()
    }

    fn number_of(&self, key: &Wrapped<JsValue>) -> u32 {
        number(&key.key)
    }

    async fn create(&self, kind: Kind, secret: &Secret) -> Result<Wrapped<JsValue>> {
        done(self.sealer.create(name(kind), secret.reveal())).await.map(|made| wrapped(&made))
    }

    fn kind(&self, key: &Wrapped<JsValue>) -> Kind {
        if text(&key.key, "by") == name(Kind::Passphrase) { Kind::Passphrase } else { Kind::Password }
    }

    async fn unlock(&self, key: &Wrapped<JsValue>, secret: &Secret) -> Result<bool> {
        Ok(done(self.sealer.unlock(&key.key, &key.proof, secret.reveal())).await?.is_truthy())
    }

    async fn rewrap(&self, key: &Wrapped<JsValue>, kind: Kind, secret: &Secret) -> Result<Option<Wrapped<JsValue>>> {
        let made = done(self.sealer.rewrap(&key.key, &key.proof, name(kind), secret.reveal())).await?;
        Ok((!made.is_undefined()).then(|| wrapped(&made)))
    }

    async fn seal(&self, all: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<JsValue>> {
        let pairs = Array::new();
        for (bound, plain) in all {
            // Copies: a view on the memory of the module would be read when that has moved on.
            pairs.push(&Uint8Array::from(bound.as_slice()));
            pairs.push(&Uint8Array::from(plain.as_slice()));
        }
        Ok(done(self.sealer.seal(&pairs)).await?.unchecked_into::<Array>().iter().collect())
    }

    async fn open(&self, all: Vec<(Vec<u8>, JsValue)>) -> Result<Vec<Option<Vec<u8>>>> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let pairs = Array::new();
        for (bound, sealed) in all {
            pairs.push(&Uint8Array::from(bound.as_slice()));
            pairs.push(&sealed);
        }
        let opened = done(self.sealer.open(&pairs)).await?.unchecked_into::<Array>();
        Ok(opened.iter().map(|bytes| bytes.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)).collect())
    }

    fn stamp(&self) -> u32 {
        // It need not be hard to guess: it tells what was sealed for a row from what was sealed for it before.
        (random() * f64::from(u32::MAX)) as u32 | 1
    }
}

/// The number of a wrapped key; 0 where it is none.
pub(crate) fn number(key: &JsValue) -> u32 {
    get(key, "number").as_f64().unwrap_or_default() as u32
}

/// What WebCrypto comes to.
async fn done(promise: Promise) -> Result<JsValue> {
    JsFuture::from(promise).await.map_err(|error| match text(&error, "name").as_str() {
        "NotAllowedError" => locked(),
        "DataError" => Error::new(
            Code::Store,
            "the key of what is kept here was changed, replaced or damaged; what it sealed cannot be opened with it",
        ),
        _ => failed(error),
    })
}

fn wrapped(made: &JsValue) -> Wrapped<JsValue> {
    Wrapped { key: get(made, "key"), proof: get(made, "proof") }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Password => "password",
        Kind::Passphrase => "passphrase",
    }
}

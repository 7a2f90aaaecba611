//! Rust values as plain JavaScript ones.

use core::pin::Pin;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::browser::Fields;
use crate::error::{Error, Result};
use crate::pop3::Pipelining;
use crate::pop3::listing::{Named, Sized};

/// A promise for what `work` comes to. `work` begins with the next microtask, in the order of the calls.
pub(super) fn promise(work: impl Future<Output = Result<JsValue>> + 'static) -> Promise {
    // Boxed, so that what turns a future into a promise is compiled once and not for each of them.
    boxed_promise(Box::pin(work))
}

fn boxed_promise(work: Pin<Box<dyn Future<Output = Result<JsValue>>>>) -> Promise {
    future_to_promise(async move { work.await.map_err(|error| thrown(&error)) })
}

/// An error as the facade expects it.
pub(super) fn thrown(error: &Error) -> JsValue {
    Fields::new()
        .set("code", error.code.as_str())
        .set("phase", error.code.phase())
        .set("retryable", error.code.retryable())
        .set("retryAfterMs", error.retry_after_ms.map_or(JsValue::NULL, JsValue::from))
        .set("serverText", error.server_text.as_str())
        .set("message", error.message.as_str())
        .into()
}

/// `auto`, `probe` or `off`.
pub(super) fn pipelining(name: &str) -> Pipelining {
    match name {
        "off" => Pipelining::Off,
        "probe" => Pipelining::Probe,
        _ => Pipelining::Auto,
    }
}

/// A count or size; all of ours are safe integers.
pub(super) fn number(value: u64) -> JsValue {
    (value as f64).into()
}

/// Milliseconds since 1970 as a `Date`.
pub(super) fn date(at: Option<i64>) -> JsValue {
    at.map_or(JsValue::NULL, |at| js_sys::Date::new(&(at as f64).into()).into())
}

pub(super) fn strings<'a>(all: impl IntoIterator<Item = &'a String>) -> JsValue {
    all.into_iter().map(|text| JsValue::from_str(text)).collect::<Array>().into()
}

pub(super) fn sized(line: &Sized) -> JsValue {
    Fields::new().set("number", line.number).set("octets", number(line.octets)).into()
}

pub(super) fn named(line: &Named) -> JsValue {
    Fields::new().set("number", line.number).set("uid", line.uid.as_str()).into()
}

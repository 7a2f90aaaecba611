//! Rust values as plain JavaScript ones. The objects themselves are put together in `web/lib/mail/host.js`.

use core::pin::Pin;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::error::{Code, Error, Result};
#[cfg(feature = "mime")]
use crate::mail;
use crate::pop3::{Credential, Login, Method, Pipelining, Secret, Settings};
use crate::store::{Envelope, Record, page};
use crate::sync::{Phase, Progress, Report};

/// The functions of `host.js`, each an object of the contract or of its facade.
mod host {
    use super::*;

    #[wasm_bindgen(raw_module = "./mail/host.js")]
    extern "C" {
        pub(super) fn thrown(
            code: &str,
            phase: &str,
            retryable: bool,
            retry_after_ms: Option<u32>,
            server_text: &str,
            message: &str,
        ) -> JsValue;
        pub(super) fn envelope(
            subject: &str,
            from: &str,
            preview: &str,
            date: Option<f64>,
            attachments: bool,
        ) -> JsValue;
        pub(super) fn row(
            id: u32,
            uid: &str,
            size: f64,
            stored: bool,
            flags: u32,
            envelope: &JsValue,
            damaged: bool,
        ) -> JsValue;
        pub(super) fn progress(phase: &str, done: u32, total: u32, bytes: f64, total_bytes: f64) -> JsValue;
        pub(super) fn report(
            retrieved: u32,
            headers: u32,
            deleted: u32,
            bytes: f64,
            matched: u32,
            remaining: u32,
            skipped: Array,
        ) -> JsValue;
        pub(super) fn skipped(id: u32, code: &str, server_text: &str) -> JsValue;
        #[cfg(feature = "mime")]
        pub(super) fn header(name: &str, value: &str) -> JsValue;
        #[cfg(feature = "mime")]
        pub(super) fn attachment(
            index: u32,
            name: &str,
            kind: &str,
            declared: &str,
            size: f64,
            inline: bool,
            content_id: Option<&str>,
        ) -> JsValue;
        #[cfg(feature = "mime")]
        pub(super) fn message(
            id: u32,
            headers: Array,
            subject: &str,
            from: &str,
            to: Array,
            cc: Array,
            date: Option<f64>,
            text: &str,
            html: Option<&str>,
            attachments: Array,
            reports: Array,
        ) -> JsValue;
        #[cfg(feature = "mime")]
        pub(super) fn notice(
            kind: &str,
            recipient: &str,
            status: Option<&str>,
            words: &str,
            original: Option<&str>,
        ) -> JsValue;
        #[cfg(feature = "mime")]
        pub(super) fn decoded(label: &str, octets: &[u8]) -> Option<String>;
        #[wasm_bindgen(catch)]
        pub(super) fn blob(pieces: Array, kind: &str) -> core::result::Result<JsValue, JsValue>;
    }
}

/// A promise for what `work` comes to. `work` begins with the next microtask, in the order of the calls.
pub(super) fn promise(work: impl Future<Output = Result<JsValue>> + 'static) -> Promise {
    // Boxed, so that what turns a future into a promise is compiled once and not for each of them.
    boxed_promise(Box::pin(work))
}

fn boxed_promise(work: Pin<Box<dyn Future<Output = Result<JsValue>>>>) -> Promise {
    future_to_promise(async move {
        work.await.map_err(|error| {
            let code = error.code;
            host::thrown(
                code.as_str(),
                code.phase(),
                code.retryable(),
                error.retry_after_ms,
                &error.server_text,
                &error.message,
            )
        })
    })
}

/// Settings from options of the contract: `auto`, `probe` or `off`, and milliseconds.
pub(super) fn settings(pipelining: &str, timeout_ms: f64) -> Settings {
    let pipelining = match pipelining {
        "off" => Pipelining::Off,
        "probe" => Pipelining::Probe,
        _ => Pipelining::Auto,
    };
    Settings { timeout: timeout_ms as u64, pipelining, ..Settings::default() }
}

/// A login from options of the contract, which the facade has checked.
pub(super) fn login<'a>(user: &'a str, secret: String, is_token: bool, method: &str) -> Login<'a> {
    let secret = Secret::new(secret);
    let credential = if is_token { Credential::Token(secret) } else { Credential::Password(secret) };
    Login { user, credential, method: Method::named(method).unwrap_or_default() }
}

/// A `Row`, with the envelope where there is one; an error where it is not what was put there.
pub(super) fn row(row: &Record, envelope: Option<Result<Envelope>>) -> JsValue {
    let damaged = matches!(envelope, Some(Err(_)));
    let envelope = match envelope {
        Some(Ok(Envelope { subject, from, preview, date, attachments, .. })) => {
            host::envelope(&subject, &from, &preview, date.map(|date| date as f64), attachments)
        }
        _ => JsValue::UNDEFINED,
    };
    host::row(row.id, &row.uid, row.size as f64, row.stored(), page::flags(row), &envelope, damaged)
}

/// A `Progress`.
pub(super) fn progress(progress: &Progress) -> JsValue {
    let phase = match progress.phase {
        Phase::Connect => "connect",
        Phase::Login => "login",
        Phase::List => "list",
        Phase::Headers => "headers",
        Phase::Retrieve => "retrieve",
        Phase::Delete => "delete",
        Phase::Quit => "quit",
    };
    host::progress(phase, progress.done, progress.total, progress.bytes as f64, progress.total_bytes as f64)
}

/// A `SyncReport`.
pub(super) fn report(report: &Report) -> JsValue {
    let skipped = report.skipped.iter().map(|skipped| {
        let error = &skipped.error;
        host::skipped(skipped.id, error.code.as_str(), &error.server_text)
    });
    let skipped = array(skipped);
    let Report { retrieved, headers, deleted, bytes, matched, remaining, .. } = *report;
    host::report(retrieved, headers, deleted, bytes as f64, matched, remaining, skipped)
}

/// A `Message`.
#[cfg(feature = "mime")]
pub(super) fn message(id: u32, message: &mail::Message) -> JsValue {
    let headers = message.headers.iter().map(|(name, value)| host::header(name, value));
    let attachments = message.attachments.iter().zip(0..).map(|(attachment, index)| {
        let mail::Attachment { name, kind, declared, size, inline, content_id } = attachment;
        host::attachment(index, name, kind, declared, *size as f64, *inline, content_id.as_deref())
    });
    let reports = message.reports.iter().map(|report| {
        let mail::Report { kind, recipient, status, words, original } = report;
        host::notice(kind, recipient, status.as_deref(), words, original.as_deref())
    });
    host::message(
        id,
        array(headers),
        &message.subject,
        &message.from,
        strings(&message.to),
        strings(&message.cc),
        message.date.map(|at| at as f64),
        &message.text,
        message.html.as_deref(),
        array(attachments),
        array(reports),
    )
}

/// Text in a charset that the browser knows.
#[cfg(feature = "mime")]
pub(super) fn decoded(label: &str, octets: &[u8]) -> Option<String> {
    host::decoded(label, octets)
}

/// A `Blob` of these pieces.
pub(super) fn blob(pieces: Array, kind: &str) -> Result<JsValue> {
    host::blob(pieces, kind).map_err(|_| Error::new(Code::Internal, "the browser could not hold this message"))
}

/// A count or size; all of ours are safe integers.
pub(super) fn number(value: usize) -> JsValue {
    (value as f64).into()
}

pub(super) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

pub(super) fn strings(all: &[String]) -> Array {
    crate::browser::strings(all.iter().map(String::as_str))
}

pub(super) fn array(all: impl Iterator<Item = JsValue>) -> Array {
    let array = Array::new();
    for value in all {
        array.push(&value);
    }
    array
}

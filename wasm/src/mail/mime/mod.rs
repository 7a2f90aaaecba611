//! Messages taken apart (RFC 5322, RFC 2045 to 2049), whatever is wrong with them.
//!
//! In the order of the flow: [`structure`] finds the parts by their [`header`]s and [`parameters`], [`body`] and [`files`] say what each
//! is for, [`transfer`] and [`charset`] decode what is wanted of it. Nothing is decoded before it is wanted, and nothing takes longer
//! than the message is long, times a constant.

mod address;
mod body;
mod calendar;
pub(super) mod charset;
mod date;
mod files;
mod flowed;
mod header;
mod parameters;
mod report;
mod rtf;
mod structure;
#[cfg(test)]
mod tests;
mod tnef;
mod transfer;
mod words;

use super::{Attachment, Message};
use crate::store::Envelope;
use structure::Part;

/// Most messages that are nothing but the wrapping of another. Direct mail has one or two.
const WRAPPINGS: usize = 8;

/// Longest preview, in characters: more than any list shows on one line.
const PREVIEW: usize = 160;

/// As many octets of a text as give a preview, with all that HTML has in front of its first word.
const ENOUGH: usize = 64 << 10;

/// Takes a message apart. Always gives something: what has no structure is text.
pub fn parse(raw: &[u8]) -> Message {
    let mut message = Message::default();
    open(raw, &[], &mut |layers| {
        let head = Head(layers);
        message = Message {
            headers: layers.last().map(|inner| inner.headers()).unwrap_or_default(),
            subject: head.subject(),
            from: head.from(),
            to: head.addresses("to"),
            cc: head.addresses("cc"),
            date: head.date(),
            ..Message::default()
        };
        for layer in layers {
            let body = body::read(layer.parts, usize::MAX / 8);
            body::joined(&mut message.text, &body.text);
            message.html = body.html.or(message.html.take());
            message.reports.extend(report::reports(layer.parts));
        }
        each_file(layers, &mut |file, _| message.attachments.push(file));
    });
    message
}

/// The bytes of one attachment, decoded from its transfer encoding and otherwise as sent; and its type.
pub fn attachment(raw: &[u8], index: usize) -> Option<(Attachment, Vec<u8>)> {
    let (mut found, mut number) = (None, 0);
    each_attachment(raw, &mut |file, octets| {
        if number == index {
            found = Some((file, octets()));
        }
        number += 1;
    });
    found
}

/// Every attachment, in the order of their numbers, with what decodes its bytes: only one of them need be in memory at a time.
pub fn each_attachment(raw: &[u8], seen: &mut files::Seen<'_>) {
    open(raw, &[], &mut |layers| each_file(layers, seen));
}

/// What a list shows of a message: subject, sender, date and the first line of text. `raw` may end anywhere.
pub fn envelope(raw: &[u8]) -> Envelope {
    let mut envelope = Envelope::default();
    open(raw, &[], &mut |layers| {
        let head = Head(layers);
        let worth = |layer: &Layer<'_>| {
            let parts = layer.parts.iter().enumerate();
            parts
                .filter(|(number, _)| layer.wrapped != Some(*number))
                .any(|(_, part)| files::worth_saving(part, layer.parts))
        };
        let texts = layers.iter().map(|layer| body::read(layer.parts, ENOUGH).text);
        envelope = Envelope {
            subject: head.subject(),
            from: head.from(),
            preview: preview(&texts.collect::<String>()),
            date: head.date(),
            attachments: layers.iter().any(worth),
            head: Vec::new(),
        };
    });
    envelope
}

/// The first words, on one line.
fn preview(text: &str) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    words.flat_map(str::chars).take(PREVIEW).collect()
}

/// A message, and which of its parts is the one that is meant.
#[derive(Clone, Copy)]
struct Layer<'a> {
    parts: &'a [Part<'a>],
    wrapped: Option<usize>,
}

/// Opens a message, and the one that it wraps: Direct mail often wraps the whole message in a `message/rfc822` part and leaves the
/// outside without subject and sender. `then` gets them from the outside in; the last one is what a reader means.
fn open(raw: &[u8], around: &[Layer<'_>], then: &mut dyn FnMut(&[Layer<'_>])) {
    // A mail system without line feeds.
    let lines: Vec<u8>;
    let raw = if around.is_empty() && memchr::memchr(b'\n', raw).is_none() && memchr::memchr(b'\r', raw).is_some() {
        lines = raw.iter().map(|octet| if *octet == b'\r' { b'\n' } else { *octet }).collect();
        &lines
    } else {
        raw
    };
    let parts = structure::read(raw);
    let wrapped = wrapped(&parts).filter(|_| around.len() < WRAPPINGS);
    let mut layers: Vec<Layer<'_>> = around.to_vec();
    layers.push(Layer { parts: &parts, wrapped });
    match wrapped.and_then(|number| parts.get(number)) {
        Some(part) => open(&part.contents(), &layers, then),
        None => then(&layers),
    }
}

/// The part that is the message itself, where the outside says neither what it is about nor who sent it; and where the outside is nothing
/// but a wrapping, if it leaves out either.
fn wrapped(parts: &[Part<'_>]) -> Option<usize> {
    let outside = parts.first()?;
    let says = |name| !outside.header.text(name, "").is_empty();
    let said = [says("subject"), says("from")];
    if said == [true; 2] || said.contains(&true) && !files::is_message(outside) {
        return None;
    }
    parts.iter().position(files::is_message)
}

fn each_file(layers: &[Layer<'_>], seen: &mut files::Seen<'_>) {
    for layer in layers.iter().rev() {
        files::each(layer.parts, layer.wrapped, seen);
    }
}

impl Layer<'_> {
    fn charset(&self) -> String {
        self.parts.first().and_then(|part| part.kind.get("charset", "")).unwrap_or_default()
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.parts.first().map(|part| part.header.decoded(&self.charset())).unwrap_or_default()
    }

    fn text(&self, name: &str) -> String {
        self.parts.first().map(|part| part.header.text(name, &self.charset())).unwrap_or_default()
    }

    fn addresses(&self, name: &str) -> Vec<String> {
        let fields = self.parts.first().map(|part| part.header.all(name)).into_iter().flatten();
        fields.flat_map(|value| address::addresses(value, &self.charset())).collect()
    }
}

/// What the innermost message says of itself, and those around it where it says nothing.
struct Head<'a>(&'a [Layer<'a>]);

impl Head<'_> {
    fn addresses(&self, name: &str) -> Vec<String> {
        let lists = self.0.iter().rev().map(|layer| layer.addresses(name));
        lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
    }

    fn subject(&self) -> String {
        let subjects = self.0.iter().rev().map(|layer| layer.text("subject"));
        subjects.into_iter().find(|subject| !subject.is_empty()).unwrap_or_default()
    }

    fn from(&self) -> String {
        let senders = ["from", "sender"].into_iter().flat_map(|name| self.addresses(name));
        senders.into_iter().next().unwrap_or_default()
    }

    fn date(&self) -> Option<i64> {
        self.0.iter().rev().find_map(|layer| date::date(&layer.text("date")))
    }
}

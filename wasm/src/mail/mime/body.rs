//! What a message says: which of its parts are for reading, and as what.

use std::borrow::Cow;

use super::structure::Part;
use super::transfer::{self, Encoding};
use super::{calendar, charset, flowed, report, tnef};
use crate::mail::html_text::html_text;

/// What is for reading.
#[derive(Default)]
pub(super) struct Body {
    pub(super) text: String,
    pub(super) html: Option<String>,
}

/// One thing that is said, in plain text, in HTML or in both.
#[derive(Default)]
struct Passage {
    alternative: Option<usize>,
    text: String,
    html: Option<String>,
}

/// Reads what these parts say. `most`: how many octets of each are enough.
pub(super) fn read(parts: &[Part<'_>], most: usize) -> Body {
    let mut passages: Vec<Passage> = Vec::new();
    for part in parts.iter().filter(|part| is_body(part, parts)) {
        let found =
            passages.last_mut().filter(|last| part.alternative.is_some() && last.alternative == part.alternative);
        let passage = match found {
            Some(passage) => passage,
            None => {
                passages.push(Passage { alternative: part.alternative, ..Passage::default() });
                let Some(passage) = passages.last_mut() else { continue };
                passage
            }
        };
        if part.kind.word == "text/html" {
            joined(passage.html.get_or_insert_default(), &html(part, most));
        } else {
            joined(&mut passage.text, &plain(part, most));
        }
    }
    let mut body = Body::default();
    let written_as_html = passages.iter().any(|passage| passage.html.is_some());
    for passage in &passages {
        match &passage.html {
            Some(html) if passage.text.trim().is_empty() => joined(&mut body.text, &html_text(html)),
            _ => joined(&mut body.text, &passage.text),
        }
        // What was written as plain text beside HTML is not to be missed by those who look at that.
        if written_as_html {
            let html = passage.html.as_deref().map_or_else(|| Cow::Owned(preformatted(&passage.text)), Cow::Borrowed);
            joined(body.html.get_or_insert_default(), &html);
        }
    }
    body.for_programs(parts, most);
    body
}

impl Body {
    /// Where there are no words for people, those of what else there is.
    fn for_programs(&mut self, parts: &[Part<'_>], most: usize) {
        for part in parts.iter().filter(|part| !part.multipart) {
            if is_tnef(part)
                && (self.text.trim().is_empty() || self.html.is_none())
                && let Some(tnef) = tnef::read(&part.contents())
            {
                if self.text.trim().is_empty() {
                    let html = || tnef.html.as_deref().map(html_text);
                    self.text = tnef.text.filter(|text| !text.trim().is_empty()).or_else(html).unwrap_or_default();
                }
                self.html = self.html.take().or(tnef.html);
            }
        }
        if !self.text.trim().is_empty() || self.html.is_some() {
            return;
        }
        if let Some(part) = parts.iter().find(|part| !part.multipart && is_calendar(part)) {
            self.text = calendar::words(&decoded(part, most));
        } else if let Some(part) = parts.iter().find(|part| report::reports_something(part, parts)) {
            self.text = decoded(part, most);
        }
    }
}

/// Whether a part is for reading where it stands, and no file.
pub(super) fn is_body(part: &Part<'_>, parts: &[Part<'_>]) -> bool {
    if part.multipart || part.aside || part.disposition.word == "attachment" {
        return false;
    }
    let readable = match part.kind.word.as_str() {
        "text/plain" | "text/html" | "text/enriched" | "text/richtext" | "text/markdown" => true,
        // One whose parts cannot be told from one another.
        kind => kind.starts_with("multipart/"),
    };
    // Of those with a name the first may be what a person wrote: some programs name everything.
    readable && (file_name(part).is_none() || first_text(part, parts)) && !(report::reports_something(part, parts))
}

fn first_text(part: &Part<'_>, parts: &[Part<'_>]) -> bool {
    parts.iter().find(|other| !other.multipart).is_some_and(|first| core::ptr::eq(first, part))
}

/// The name that a part was given.
pub(super) fn file_name(part: &Part<'_>) -> Option<String> {
    let charset = part.kind.get("charset", "").unwrap_or_default();
    let name = part.disposition.get("filename", &charset).filter(|name| !name.is_empty());
    name.or_else(|| part.kind.get("name", &charset)).filter(|name| !name.is_empty())
}

pub(super) fn is_tnef(part: &Part<'_>) -> bool {
    matches!(part.kind.word.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
        || part.kind.word.starts_with("application/")
            && file_name(part).is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

fn is_calendar(part: &Part<'_>) -> bool {
    matches!(part.kind.word.as_str(), "text/calendar" | "application/ics")
}

/// Files within a text (uuencode), in order, and the octets that they are in; none where a part is no text.
pub(super) fn uuencoded<'a>(part: &'a Part<'_>) -> (Cow<'a, [u8]>, Vec<transfer::Uuencoded>) {
    if part.kind.word == "text/html" || part.encoding == Encoding::Uuencode {
        return (Cow::Borrowed(b""), Vec::new());
    }
    let octets = part.contents();
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(file) = transfer::uuencoded(&octets, at) {
        at = file.whole.end;
        files.push(file);
    }
    (octets, files)
}

fn plain(part: &Part<'_>, most: usize) -> String {
    let (octets, files) = uuencoded(part);
    if !files.is_empty() {
        let (mut rest, mut at) = (Vec::new(), 0);
        for file in &files {
            rest.extend_from_slice(octets.get(at..file.whole.start).unwrap_or_default());
            at = file.whole.end;
        }
        rest.extend_from_slice(octets.get(at..).unwrap_or_default());
        return charset::decode(&label(part), &rest);
    }
    let text = decoded(part, most);
    let says = |name: &str, value: &str| part.kind.get(name, "").is_some_and(|said| said.eq_ignore_ascii_case(value));
    if says("format", "flowed") { flowed::unwrapped(&text, says("delsp", "yes")) } else { text }
}

fn html(part: &Part<'_>, most: usize) -> String {
    charset::of_html(&label(part), &part.encoding.beginning(part.body, most))
}

fn decoded(part: &Part<'_>, most: usize) -> String {
    charset::decode(&label(part), &part.encoding.beginning(part.body, most))
}

fn label(part: &Part<'_>) -> String {
    part.kind.get("charset", "").unwrap_or_default()
}

/// Adds to a text, on a line of its own.
pub(super) fn joined(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(more);
}

/// Plain text as HTML.
fn preformatted(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 50);
    html.push_str("<pre style=\"white-space: pre-wrap\">");
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '&' => html.push_str("&amp;"),
            _ => html.push(c),
        }
    }
    html.push_str("</pre>");
    html
}

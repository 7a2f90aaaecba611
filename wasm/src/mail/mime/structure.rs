//! The parts of a message, found in one pass over its octets.
//!
//! A body is looked at for the lines that begin with `--` and for nothing else. A message within the message is one part here: who
//! wants to see into it reads it by itself. So neither depth nor number of anything costs more than its octets.

use std::borrow::Cow;

use memchr::memchr;

use super::header::{Header, line};
use super::parameters::Parameters;
use super::transfer::Encoding;

/// Deepest nesting of multiparts; a deeper one is shown as text. Postfix (`mime_nesting_limit`) and Dovecot have the same.
const DEPTH: usize = 100;

/// Most parts; what follows belongs to the last. Dovecot has the same.
const PARTS: usize = 10_000;

/// Longest boundary that is looked for, in octets. RFC 2046 §5.1.1 allows 70.
const BOUNDARY: usize = 250;

/// One part, or the message itself.
pub(super) struct Part<'a> {
    pub(super) header: Header<'a>,
    /// Its Content-Type, `text/plain` where it has none.
    pub(super) kind: Parameters,
    /// Whether it says of what type it is.
    pub(super) typed: bool,
    pub(super) disposition: Parameters,
    pub(super) encoding: Encoding,
    /// As it travels.
    pub(super) body: &'a [u8],
    pub(super) parent: Option<usize>,
    /// Has parts of its own.
    pub(super) multipart: bool,
    /// Belongs to another part, which refers to it: of a `multipart/related` all but the root.
    pub(super) aside: bool,
    /// The outermost `multipart/alternative` that it is in.
    pub(super) alternative: Option<usize>,
}

impl Part<'_> {
    /// Its octets as the sender had them.
    pub(super) fn contents(&self) -> Cow<'_, [u8]> {
        self.encoding.decode(self.body)
    }

    /// Its Content-ID without the brackets.
    pub(super) fn content_id(&self) -> Option<String> {
        let id = self.header.text("content-id", "");
        let id = id.trim_matches(['<', '>', ' ']);
        (!id.is_empty()).then(|| id.to_owned())
    }
}

/// A multipart whose end has not come.
struct Open {
    boundary: Vec<u8>,
    part: usize,
}

/// Takes a message apart. The first part is the message itself.
pub(super) fn read(raw: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    loop {
        let (part, start) = begin(raw, at, &open, &parts);
        let boundary = boundary(&part, raw, start).filter(|_| open.len() < DEPTH && parts.len() + 1 < PARTS);
        let number = parts.len();
        parts.push(part);
        if let Some(boundary) = boundary {
            open.push(Open { boundary, part: number });
        }
        if parts.len() == PARTS {
            open.clear();
        }
        let mut found = delimiter(raw, start, &open);
        let end = found.as_ref().map_or(raw.len(), |found| found.start);
        if let Some(part) = parts.last_mut() {
            part.body = raw.get(start..end).map(without_line_end(found.is_some())).unwrap_or_default();
        }
        // Behind the end of a multipart nothing is looked at before the next part: of one that is around it, or of the same one where that
        // was ended too early.
        while let Some(Delimiter { level, ends: true, after, .. }) = found {
            open.truncate(level + 1);
            found = delimiter(raw, after, &open);
        }
        let Some(found) = found else { break };
        open.truncate(found.level + 1);
        at = found.after;
    }
    place(&mut parts);
    parts
}

/// The part whose header begins at a place; where its body does.
fn begin<'a>(raw: &'a [u8], at: usize, open: &[Open], parts: &[Part<'a>]) -> (Part<'a>, usize) {
    let ends = |line: &[u8]| delimits(line, open).is_some();
    let (header, start) = Header::read(raw, at, &ends);
    let mut kind = Parameters::of(header.get("content-type"));
    let parent = open.last().map(|open| open.part);
    // RFC 2045 §5.2: what is no type at all is text.
    let typed = kind.word.contains('/');
    if kind.word == "html" {
        kind.word = "text/html".to_owned();
    } else if !typed {
        let digest =
            parent.and_then(|parent| parts.get(parent)).is_some_and(|parent| parent.kind.word == "multipart/digest");
        kind.word = if digest { "message/rfc822" } else { "text/plain" }.to_owned();
    }
    let disposition = Parameters::of(header.get("content-disposition"));
    let encoding = header.get("content-transfer-encoding").map_or(Encoding::Identity, Encoding::of);
    let part = Part {
        header,
        kind,
        typed,
        disposition,
        encoding,
        body: b"",
        parent,
        multipart: false,
        aside: false,
        alternative: None,
    };
    (part, start)
}

/// What stands between the parts of a multipart. Where its header does not say, the first line that looks like one does.
fn boundary(part: &Part<'_>, raw: &[u8], start: usize) -> Option<Vec<u8>> {
    if !part.kind.word.starts_with("multipart/") {
        return None;
    }
    let said = part.kind.get("boundary", "").map(String::into_bytes).filter(|said| !said.is_empty());
    let boundary = said.or_else(|| {
        let mut at = start;
        (0..GUESS).find_map(|_| {
            let (text, next) = line(raw, at);
            at = next;
            text.strip_prefix(b"--").map(|rest| rest.trim_ascii().to_vec()).filter(|rest| !rest.is_empty())
        })
    })?;
    (boundary.len() <= BOUNDARY).then_some(boundary)
}

/// Lines that are searched for a boundary that no header names: as many as a preamble has.
const GUESS: usize = 20;

struct Delimiter {
    /// Which of the open multiparts it belongs to.
    level: usize,
    /// It is the last of that one.
    ends: bool,
    /// Where its line begins, and the next one.
    start: usize,
    after: usize,
}

/// The next line that delimits a part of any open multipart.
fn delimiter(raw: &[u8], from: usize, open: &[Open]) -> Option<Delimiter> {
    if open.is_empty() {
        return None;
    }
    let mut at = from;
    loop {
        let start = at + memchr(b'-', raw.get(at..)?)?;
        at = start + 1;
        let begins = start == from || raw.get(start - 1).is_some_and(|before| *before == b'\n');
        if begins && raw.get(at) == Some(&b'-') {
            let (text, after) = line(raw, start);
            if let Some((level, ends)) = delimits(text, open) {
                return Some(Delimiter { level, ends, start, after });
            }
            at = after;
        }
    }
}

/// Whether a line delimits a part: of which of the open multiparts, the innermost first, and whether it is the last one's end.
fn delimits(line: &[u8], open: &[Open]) -> Option<(usize, bool)> {
    let rest = line.strip_prefix(b"--")?;
    open.iter().enumerate().rev().find_map(|(level, Open { boundary, .. })| {
        let rest = rest.strip_prefix(boundary.as_slice())?;
        let ends = rest.starts_with(b"--");
        (ends || rest.trim_ascii().is_empty()).then_some((level, ends))
    })
}

/// The line end before a delimiter belongs to that (RFC 2046 §5.1.1).
fn without_line_end(delimited: bool) -> impl Fn(&[u8]) -> &[u8] {
    move |body| {
        let Some(rest) = body.strip_suffix(b"\n").filter(|_| delimited) else { return body };
        rest.strip_suffix(b"\r").unwrap_or(rest)
    }
}

/// Says of each part what those around it make of it.
fn place(parts: &mut [Part<'_>]) {
    // Of each multipart the part that a `multipart/related` is about: the one it names, otherwise the first.
    let mut roots: Vec<Option<usize>> = vec![None; parts.len()];
    for number in 0..parts.len() {
        let Some((parent, part)) = parts.get(number).and_then(|part| Some((part.parent?, part))) else { continue };
        let Some(around) = parts.get(parent) else { continue };
        let start = || around.kind.get("start", "").map(|start| start.trim_matches(['<', '>']).to_owned());
        let related = around.kind.word == "multipart/related";
        let named = related && part.header.get("content-id").is_some() && start() == part.content_id();
        if let Some(root) = roots.get_mut(parent)
            && (root.is_none() || named)
        {
            *root = Some(number);
        }
    }
    for number in 0..parts.len() {
        let Some(parent) = parts.get(number).and_then(|part| part.parent) else { continue };
        let Some(around) = parts.get_mut(parent) else { continue };
        around.multipart = true;
        let beside = around.kind.word == "multipart/related" && roots.get(parent) != Some(&Some(number));
        let aside = around.aside || beside;
        let alternative = around.alternative.or((around.kind.word == "multipart/alternative").then_some(parent));
        if let Some(part) = parts.get_mut(number) {
            part.aside = aside;
            part.alternative = alternative;
        }
    }
}

//! The header of a message or of one of its parts, however badly it is written.

use memchr::memchr;

use super::words;

/// Longest header that is read, in octets; what is longer is cut there. Gmail takes 500 kB, Exchange 256 kB.
pub(super) const HEADER: usize = 512 << 10;

/// Longest name of a field, so that a line of prose with a colon in it is not taken for one. RFC 5322 §2.1.1 recommends lines of 78.
const NAME: usize = 76;

/// Fields in their order, as they came.
#[derive(Default)]
pub(super) struct Header<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Header<'a> {
    /// Reads from `start` on; where the body begins. A line that `ends` says so of ends it as well, and belongs to nobody yet.
    pub(super) fn read(raw: &'a [u8], start: usize, ends: &dyn Fn(&[u8]) -> bool) -> (Header<'a>, usize) {
        let mut header = Header::default();
        let mut at = start;
        // Where the value of the field that is being read begins and ends.
        let mut open: Option<(&[u8], usize, usize)> = None;
        while at < raw.len() {
            let (text, next) = line(raw, at);
            if text.is_empty() {
                at = next;
                break;
            }
            if ends(text) {
                break;
            }
            match (text.first(), field(text), &mut open) {
                (Some(b' ' | b'\t'), _, Some((_, _, end))) => *end = next,
                (_, Some(colon), _) => {
                    header.close(raw, start, open.take());
                    open = text.get(..colon).map(|name| (name.trim_ascii_end(), at + colon + 1, next));
                }
                // What a mailbox file or an old server puts before the header.
                (_, None, None) if at == start && (text.starts_with(b"From ") || text.starts_with(b">From ")) => {}
                // A folded line that lost its white space, if the header goes on behind it; otherwise the empty line is missing.
                (_, None, Some((_, _, end))) if field(line(raw, next).0).is_some() => *end = next,
                _ => break,
            }
            at = next;
        }
        header.close(raw, start, open);
        (header, at)
    }

    fn close(&mut self, raw: &'a [u8], start: usize, open: Option<(&'a [u8], usize, usize)>) {
        let Some((name, from, to)) = open else { return };
        if let Some(value) = raw.get(from..to.min(start + HEADER)) {
            self.0.push((name, value));
        }
    }

    /// The values of a field, as they came.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// A field in words; empty where there is none.
    pub(super) fn text(&self, name: &str, charset: &str) -> String {
        self.get(name).map(|value| words::decode(value, charset).trim().to_owned()).unwrap_or_default()
    }

    /// All of it in words.
    pub(super) fn decoded(&self, charset: &str) -> Vec<(String, String)> {
        let decode = |(name, value): &(&[u8], &[u8])| {
            (String::from_utf8_lossy(name).into_owned(), words::decode(value, charset).trim().to_owned())
        };
        self.0.iter().map(decode).collect()
    }
}

/// The line that begins at a place, without its end; where the next one begins.
pub(super) fn line(raw: &[u8], at: usize) -> (&[u8], usize) {
    let rest = raw.get(at..).unwrap_or_default();
    let (text, next) = match memchr(b'\n', rest) {
        Some(end) => (rest.get(..end).unwrap_or_default(), at + end + 1),
        None => (rest, raw.len()),
    };
    (text.strip_suffix(b"\r").unwrap_or(text), next)
}

/// Where the colon stands behind the name of a field (RFC 5322 §2.2), with white space before it, which some send.
fn field(line: &[u8]) -> Option<usize> {
    let colon = memchr(b':', line.get(..line.len().min(NAME + 1))?)?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(colon)
}

/// Fields without a message: in the parts of reports. `(name, value in words)`, a group for each stretch between empty lines.
pub(super) fn groups(text: &[u8]) -> Vec<Vec<(String, String)>> {
    let mut groups = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (header, next) = Header::read(text, at, &|_| false);
        let fields = header.decoded("");
        if !fields.is_empty() {
            groups.push(fields);
        }
        // Whatever is no field is passed over.
        at = if next > at { next } else { line(text, at).1 };
    }
    groups
}

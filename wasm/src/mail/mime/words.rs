//! Words in header fields: encoded ones (RFC 2047), octets that nobody encoded, and folded lines.

use memchr::memchr;

use super::{charset, transfer};

/// The text of a field. `charset` is what its octets are in where they are not encoded and not UTF-8.
pub(super) fn decode(value: &[u8], charset: &str) -> String {
    let value = unfolded(value);
    let mut words = Words::default();
    // What was not taken yet, and where to look for the next encoded word.
    let (mut from, mut look) = (0, 0);
    while let Some(at) = value.get(look..).and_then(|rest| memchr(b'=', rest)) {
        let at = look + at;
        look = at + 1;
        if let Some((label, octets, length)) = value.get(at..).and_then(word) {
            words.plain(value.get(from..at).unwrap_or_default(), charset, false);
            words.encoded(label, &octets);
            from = at + length;
            look = from;
        }
    }
    words.plain(value.get(from..).unwrap_or_default(), charset, true);
    words.text
}

/// Lines joined; what is left of control characters is white space.
pub(super) fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut octets = value.iter().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' => {}
            b'\n' if octets.peek().is_none_or(|next| matches!(next, b' ' | b'\t')) => {}
            0..=31 | 127 if *octet != 27 => out.push(b' '),
            _ => out.push(*octet),
        }
    }
    out
}

/// Encoded words that follow one another are one text: a character may be split between them, which RFC 2047 §5 forbids and many do.
#[derive(Default)]
struct Words {
    text: String,
    label: String,
    octets: Vec<u8>,
}

impl Words {
    fn encoded(&mut self, label: &[u8], octets: &[u8]) {
        let label = String::from_utf8_lossy(label).to_ascii_lowercase();
        // What switches between sets of characters is back at the first one at the end of each word.
        if label != self.label || label.starts_with("iso-2022") {
            self.flush();
            self.label = label;
        }
        self.octets.extend_from_slice(octets);
    }

    /// What stands between encoded words, or behind them. White space between two of them is no part of the text (RFC 2047 §6.2).
    fn plain(&mut self, octets: &[u8], charset: &str, last: bool) {
        if !last && !self.label.is_empty() && octets.trim_ascii().is_empty() {
            return;
        }
        self.flush();
        // What has the form of a field is no UTF-16.
        let charset = if charset.to_ascii_lowercase().starts_with("utf-16") { "" } else { charset };
        self.text.push_str(&charset::decode(charset, octets));
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            let text = charset::decode(&self.label, &self.octets);
            self.text.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
            self.octets.clear();
        }
        self.label.clear();
    }
}

/// An encoded word at the beginning: its charset, its octets, and how long it is. Looks no further than the third `?`, so that whatever
/// is no word costs no more than its length.
fn word(text: &[u8]) -> Option<(&[u8], Vec<u8>, usize)> {
    let (label, rest) = before(text.strip_prefix(b"=?")?, b'?')?;
    let (how, rest) = before(rest, b'?')?;
    let (content, rest) = before(rest, b'?')?;
    let rest = rest.strip_prefix(b"=")?;
    let octets = match how {
        b"B" | b"b" => transfer::base64(content),
        b"Q" | b"q" => transfer::q(content),
        _ => return None,
    };
    // RFC 2231 §5: a language may follow.
    let label = before(label, b'*').map_or(label, |(label, _)| label);
    Some((label, octets, text.len() - rest.len()))
}

fn before(text: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(end, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

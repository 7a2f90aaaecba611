//! Transfer encodings (RFC 2045 §6, and uuencode from before), decoded whatever is wrong with them.

use core::ops::Range;
use std::borrow::Cow;

use memchr::memchr;

use super::header::line;

/// How the octets of a part travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Encoding {
    /// From the field's value, with quotes, comments and whatever else stands around it.
    pub(super) fn of(value: &[u8]) -> Encoding {
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        let name = value.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        match name {
            _ if name.starts_with("base64") || name.starts_with("base-64") => Encoding::Base64,
            _ if name.starts_with("quoted") => Encoding::QuotedPrintable,
            _ if name.starts_with("x-uu") || name.starts_with("uu") => Encoding::Uuencode,
            _ => Encoding::Identity,
        }
    }

    pub(super) fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Encoding::Identity => Cow::Borrowed(body),
            Encoding::Base64 => Cow::Owned(base64(body)),
            Encoding::QuotedPrintable => Cow::Owned(quoted_printable(body)),
            Encoding::Uuencode => match uuencoded(body, 0) {
                Some(file) => Cow::Owned(file.octets(body)),
                None => Cow::Borrowed(body),
            },
        }
    }

    /// How many octets [`Encoding::decode`] gives, without decoding where that can be.
    pub(super) fn length(self, body: &[u8]) -> usize {
        if self == Encoding::Base64 { base64_length(body) } else { self.decode(body).len() }
    }

    /// At least the first `most` of those octets, where there are as many.
    pub(super) fn beginning(self, body: &[u8], most: usize) -> Cow<'_, [u8]> {
        // Both stand for one octet with at most three, and with line ends between. What is uuencoded has a line before it.
        let enough = if self == Encoding::Uuencode { body.len() } else { most * 4 };
        self.decode(body.get(..body.len().min(enough)).unwrap_or_default())
    }
}

/// What is no digit of base64.
const NONE: u8 = 64;

/// The value of each octet as a digit of base64, with the two digits of URLs as well.
static DIGITS: [u8; 256] = digits();

#[allow(clippy::indexing_slicing, reason = "run by the compiler")]
const fn digits() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
}

fn digit(octet: u8) -> u8 {
    DIGITS.get(usize::from(octet)).copied().unwrap_or(NONE)
}

/// Stretches of base64 that each may end in padding: some programs encode a file in pieces. What a mailing list puts below is none.
fn stretches(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    core::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = memchr(b'=', text) else { return Some(text) };
        let after = text.get(end..).unwrap_or_default().trim_ascii_start();
        let after = after
            .get(after.iter().take_while(|octet| **octet == b'=').count()..)
            .unwrap_or_default()
            .trim_ascii_start();
        let goes_on = !after.is_empty() && line(after, 0).0.iter().all(|octet| digit(*octet) < NONE || *octet == b'=');
        rest = goes_on.then_some(after);
        text.get(..end)
    })
}

pub(super) fn base64(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let mut decoded = [0; 3 * GROUPS];
    for stretch in stretches(body) {
        let mut rest = stretch;
        while !rest.is_empty() {
            // Groups of four digits, up to a line end or whatever else is no digit …
            let mut groups = 0;
            for (slot, group) in decoded.chunks_exact_mut(3).zip(rest.chunks_exact(4)) {
                let ([first, second, third], [a, b, c, d]) = (slot, group) else { break };
                let [a, b, c, d] = [*a, *b, *c, *d].map(digit);
                if (a | b | c | d) & NONE != 0 {
                    break;
                }
                (*first, *second, *third) = (a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d);
                groups += 1;
            }
            out.extend_from_slice(decoded.get(..3 * groups).unwrap_or_default());
            rest = rest.get(4 * groups..).unwrap_or_default();
            // … and one with something between its digits.
            let (mut bits, mut held, mut taken) = (0u32, 0u32, 0);
            while held < 4
                && let Some(octet) = rest.get(taken)
            {
                taken += 1;
                let value = digit(*octet);
                if value != NONE {
                    bits = bits << 6 | u32::from(value);
                    held += 1;
                }
            }
            rest = rest.get(taken..).unwrap_or_default();
            let [_, octets @ ..] = (bits << (6 * (4 - held))).to_be_bytes();
            out.extend(octets.iter().take((held as usize).saturating_sub(1)));
        }
    }
    out
}

/// Groups that are decoded before they are added to the rest: as many as lines have, and some.
const GROUPS: usize = 64;

fn base64_length(body: &[u8]) -> usize {
    let length = |stretch: &[u8]| {
        let count = stretch.iter().filter(|octet| digit(**octet) < NONE).count();
        count / 4 * 3 + (count % 4).saturating_sub(1)
    };
    stretches(body).map(length).sum()
}

pub(super) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        let (text, next) = line(body, at);
        // White space at the end of a line came on the way (RFC 2045 §6.7).
        let trimmed = text.trim_ascii_end();
        let (trimmed, soft) = trimmed.strip_suffix(b"=").map_or((trimmed, false), |text| (text, true));
        escaped(trimmed, b'=', &mut out);
        if !soft {
            out.extend_from_slice(body.get(at + text.len()..next).unwrap_or_default());
        }
        at = next;
    }
    out
}

/// The `Q` of encoded words (RFC 2047 §4.2).
pub(super) fn q(content: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = content.iter().map(|octet| if *octet == b'_' { b' ' } else { *octet }).collect();
    let mut out = Vec::with_capacity(spaced.len());
    escaped(&spaced, b'=', &mut out);
    out
}

/// Octets of which some are written as a sign and two hexadecimal digits. A sign before anything else stands for itself.
pub(super) fn escaped(text: &[u8], sign: u8, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr(sign, rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let octet = match tail {
            [_, high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(octet.unwrap_or(sign));
        rest = tail.get(if octet.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// A file in a text, between `begin` and `end`.
pub(super) struct Uuencoded {
    pub(super) name: Vec<u8>,
    /// Its lines, and all of it with the first and the last.
    lines: Range<usize>,
    pub(super) whole: Range<usize>,
}

impl Uuencoded {
    pub(super) fn octets(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = self.lines.start;
        while at < self.lines.end {
            let (line, next) = line(text, at);
            let Some((length, content)) = uuencoded_line(line) else { break };
            let target = out.len() + length;
            for group in content.chunks(4) {
                let bits = [0, 1, 2, 3]
                    .map(|place| group.get(place).map_or(0, |octet| u32::from(octet.wrapping_sub(32) & 63)));
                let bits = bits.iter().fold(0, |all, six| all << 6 | six);
                let [_, octets @ ..] = bits.to_be_bytes();
                out.extend_from_slice(&octets);
            }
            out.resize(target, 0);
            at = next;
        }
        out
    }
}

/// The next file at or behind a place where a line begins. One whose end is missing ends where its lines do.
pub(super) fn uuencoded(text: &[u8], from: usize) -> Option<Uuencoded> {
    let mut at = from;
    while at < text.len() {
        let (first, mut next) = line(text, at);
        let Some(name) = begins(first) else {
            at = next;
            continue;
        };
        let start = next;
        let mut found = false;
        let end = loop {
            let here = next;
            let (content, after) = line(text, here);
            if content == b"end" || here == text.len() {
                break (here, after);
            }
            let valid = uuencoded_line(content).is_some();
            if !valid && !content.is_empty() {
                break (here, here);
            }
            found |= valid;
            next = after;
        };
        if found {
            return Some(Uuencoded { name: name.to_vec(), lines: start..end.0, whole: at..end.1 });
        }
        at = start;
    }
    None
}

/// The name behind `begin 644`.
fn begins(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"begin ")?;
    let digits = rest.iter().take_while(|octet| (b'0'..=b'7').contains(octet)).count();
    let name = rest.get(digits..)?.strip_prefix(b" ")?.trim_ascii();
    ((3..=6).contains(&digits) && !name.is_empty()).then_some(name)
}

/// How many octets a line stands for, and their digits. Spaces at its end may have got lost, and a check digit may follow.
fn uuencoded_line(line: &[u8]) -> Option<(usize, &[u8])> {
    let (length, content) = line.split_first()?;
    if !(32..=96).contains(length) || !content.iter().all(|octet| (32..=96).contains(octet)) {
        return None;
    }
    let length = usize::from(length.wrapping_sub(32) & 63);
    let wanted = length.div_ceil(3) * 4;
    let fits = content.len() <= wanted + 2 && content.len() + 4 > wanted && (length > 0 || content.len() <= 1);
    fits.then(|| (length, content.get(..wanted).unwrap_or(content)))
}

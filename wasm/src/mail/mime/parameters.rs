//! Fields that are a word and parameters: Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231).

use memchr::memchr;

use super::{charset, transfer, words};

/// Most parameters of one field: a file name of 255 octets, percent-encoded in lines of 78, takes about 12.
const PARAMETERS: usize = 200;

/// A word and its parameters.
#[derive(Default)]
pub(super) struct Parameters {
    /// In lower case; empty where there is none.
    pub(super) word: String,
    all: Vec<Parameter>,
}

struct Parameter {
    /// In lower case, without what RFC 2231 puts behind it.
    name: String,
    /// Which piece of the value this is, where it came in pieces.
    piece: Option<u32>,
    /// Percent-encoded.
    extended: bool,
    value: Vec<u8>,
}

impl Parameters {
    pub(super) fn of(value: Option<&[u8]>) -> Parameters {
        let text = words::unfolded(value.unwrap_or_default());
        let (word, mut rest) = until_semicolon(&text);
        // Some write a comment behind the word, or forget the semicolon.
        let word = word.split(|octet| octet.is_ascii_whitespace() || *octet == b'(').find(|word| !word.is_empty());
        let word = String::from_utf8_lossy(word.unwrap_or_default()).to_ascii_lowercase();
        let mut all = Vec::new();
        while !rest.is_empty() && all.len() < PARAMETERS {
            let (parameter, after) = until_semicolon(rest);
            all.extend(Parameter::of(parameter));
            rest = after;
        }
        Parameters { word: word.trim_matches('"').to_owned(), all }
    }

    /// A parameter in words; octets that are neither encoded nor UTF-8 are in `charset`.
    pub(super) fn get(&self, name: &str, charset: &str) -> Option<String> {
        let mut pieces: Vec<&Parameter> = self.all.iter().filter(|parameter| parameter.name == name).collect();
        if !pieces.iter().any(|parameter| parameter.extended || parameter.piece.is_some()) {
            return pieces.first().map(|parameter| words::decode(&parameter.value, charset).trim().to_owned());
        }
        // Beside an encoded value a plain one is for those who cannot read it.
        pieces.retain(|parameter| parameter.extended || parameter.piece.is_some());
        if pieces.iter().any(|parameter| parameter.piece.is_none()) {
            pieces.retain(|parameter| parameter.piece.is_none());
            pieces.truncate(1);
        }
        pieces.sort_by_key(|parameter| parameter.piece);
        let (mut label, mut octets) = (String::new(), Vec::new());
        for (place, parameter) in pieces.iter().enumerate() {
            let mut value = parameter.value.as_slice();
            if parameter.extended {
                if place == 0
                    && let [charset, _, content] = value.splitn(3, |octet| *octet == b'\'').collect::<Vec<_>>()[..]
                {
                    label = String::from_utf8_lossy(charset).into_owned();
                    value = content;
                }
                transfer::escaped(value, b'%', &mut octets);
            } else {
                octets.extend_from_slice(value);
            }
        }
        if label.is_empty() {
            // Some put encoded words into the pieces.
            return Some(words::decode(&octets, charset).trim().to_owned());
        }
        Some(charset::decode(&label, &octets).trim().to_owned())
    }
}

impl Parameter {
    fn of(text: &[u8]) -> Option<Parameter> {
        let equals = memchr(b'=', text)?;
        let name = String::from_utf8_lossy(text.get(..equals)?).trim().to_ascii_lowercase();
        let extended = name.ends_with('*');
        let name = name.trim_end_matches('*');
        let (name, piece) = match name.split_once('*') {
            Some((name, piece)) => (name, piece.parse().ok()),
            None => (name, None),
        };
        let value = text.get(equals + 1..)?.trim_ascii();
        Some(Parameter { name: name.to_owned(), piece, extended, value: unquoted(value) })
    }
}

/// What stands before the next semicolon that is not quoted, and what behind it.
fn until_semicolon(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in text.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b';' if !quoted => return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    // A quote that never ends takes nothing away from the parameters behind it.
    match memchr(b';', text).filter(|_| quoted) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, b""),
    }
}

/// A quoted string without its quotes. A backslash before anything but a quote or a backslash is one of a path.
pub(super) fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let mut out = Vec::with_capacity(inner.len());
    let mut octets = inner.iter().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => break,
            b'\\' => out.push(*octets.next_if(|next| matches!(next, b'"' | b'\\')).unwrap_or(octet)),
            _ => out.push(*octet),
        }
    }
    out
}

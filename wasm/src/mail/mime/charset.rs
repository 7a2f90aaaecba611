//! Octets as text.
//!
//! UTF-8 is read here. Any other charset is for whoever has tables of it: the browser's `TextDecoder`, which [`set_decoder`] names.

use core::cell::Cell;

/// The text that octets are in a charset; `None` where there is no such charset.
pub type Decoder = fn(label: &str, octets: &[u8]) -> Option<String>;

thread_local! {
    static DECODER: Cell<Decoder> = const { Cell::new(|_, _| None) };
}

/// Says who knows the charsets of the [Encoding Standard](https://encoding.spec.whatwg.org/) by their labels.
pub fn set_decoder(decoder: Decoder) {
    DECODER.set(decoder);
}

/// Names that mail programs use and the standard does not know.
const ALIASES: [(&str, &str); 5] =
    [("cp932", "shift_jis"), ("cp936", "gbk"), ("cp949", "euc-kr"), ("cp950", "big5"), ("iso-8859-8-e", "iso-8859-8")];

/// What octets mostly are that nobody named a charset for.
const FALLBACK: &str = "windows-1252";

/// Text, whatever the octets are.
pub(super) fn decode(label: &str, octets: &[u8]) -> String {
    let label = label.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'').to_ascii_lowercase();
    let label = ALIASES.iter().find(|(alias, _)| *alias == label).map_or(label.as_str(), |(_, name)| name);
    let utf8 = matches!(label, "utf-8" | "utf8");
    // Nobody's label, or one that says no more than that it should have been ASCII.
    let unnamed = matches!(
        label,
        "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "unknown-8bit" | "x-unknown" | "8bit" | "binary"
    );
    if utf8 || unnamed || octets.is_ascii() && !stateful(label) {
        let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
        match core::str::from_utf8(octets) {
            Ok(text) => return text.to_owned(),
            // Some of it is UTF-8: then the rest is damage.
            Err(_) if utf8 && octets.utf8_chunks().any(|chunk| !chunk.valid().is_ascii()) => {
                return String::from_utf8_lossy(octets).into_owned();
            }
            Err(_) => {}
        }
    }
    let decoder = DECODER.get();
    // Without a mark UTF-16 of mail is big-endian (RFC 2781 §4.3), which is not what the standard says of the label.
    let label = match (label, octets.first()) {
        ("utf-16", Some(first)) if *first != 0xff => "utf-16be",
        _ => label,
    };
    let known = if utf8 || unnamed { None } else { decoder(label, octets) };
    known
        .or_else(|| core::str::from_utf8(octets).ok().map(str::to_owned))
        .or_else(|| decoder(FALLBACK, octets))
        .unwrap_or_else(
            // Latin-1, where nobody knows better.
            || octets.iter().copied().map(char::from).collect(),
        )
}

/// As far into HTML a charset is looked for: the [HTML Standard](https://html.spec.whatwg.org/) says 1024 octets.
const PRESCAN: usize = 1024;

/// HTML, which may name its charset itself where nothing else does.
pub(super) fn of_html(label: &str, octets: &[u8]) -> String {
    if !label.is_empty() {
        return decode(label, octets);
    }
    let beginning: Vec<u8> = octets.iter().take(PRESCAN).map(u8::to_ascii_lowercase).collect();
    let beginning = String::from_utf8_lossy(&beginning);
    let named = beginning.split_once("charset=").map(|(_, rest)| rest.trim_start_matches(['"', '\'', ' ']));
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == ':');
    // What can say so in ASCII is no UTF-16.
    let named = named.and_then(|rest| rest.split(end).next()).filter(|name| !name.starts_with("utf-16"));
    decode(named.unwrap_or_default(), octets)
}

/// Whether octets below 128 may be something else than ASCII.
fn stateful(label: &str) -> bool {
    label.starts_with("iso-2022")
        || label.starts_with("utf-16")
        || label.starts_with("utf-7")
        || label.starts_with("hz-")
}

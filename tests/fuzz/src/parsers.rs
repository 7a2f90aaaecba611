//! What reads lines and bodies, against naive readings of the same octets.

use poplar_client::pop3::body::{Body, Progress};
use poplar_client::pop3::listing::{self, Named, Sized};
use poplar_client::pop3::reply::Status;
use poplar_client::pop3::{Capabilities, Mechanism};

use crate::input::Input;

/// What a double holds exactly.
const MOST: u64 = (1 << 53) - 1;

/// Reads one input as everything that it could be.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let (bits, cut) = (input.octet(), usize::from(input.below(16)) + 1);
    let text = input.rest();
    for due in [false, true] {
        any_body(text, due, cut);
    }
    message(text, bits & 1 != 0, cut);
    capabilities(text);
    let lines: Vec<&[u8]> = listing::lines(text).collect();
    assert_eq!(lines, naive_lines(text));
    for line in lines {
        status(line);
        numbers(line);
    }
}

/// A body as it was before it was sent comes out, and nothing behind it is touched.
fn message(text: &[u8], due: bool, cut: usize) {
    let mut message = text.to_vec();
    if !message.is_empty() && !message.ends_with(b"\r\n") {
        message.extend_from_slice(b"\r\n");
    }
    let sent = stuffed(&message);
    let (read, end) = read(&sent, due, cut);
    assert_eq!(end, Some((sent.len() - "+OK\r\n".len(), b".\r\n".as_slice())));
    assert_eq!(read, message);
}

/// RFC 1939 §3, and the next answer behind it.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut line_start = true;
    for octet in message {
        if line_start && *octet == b'.' {
            sent.push(b'.');
        }
        sent.push(*octet);
        line_start = *octet == b'\n';
    }
    sent.extend_from_slice(b".\r\n+OK\r\n");
    sent
}

fn any_body(text: &[u8], due: bool, cut: usize) {
    let (expected, expected_end) = naive_body(text, due);
    for cut in [text.len().max(1), 1, cut] {
        let (read, end) = read(text, due, cut);
        assert_eq!(end, expected_end, "pieces of {cut}");
        let held = expected.len() - read.len();
        assert!(expected.starts_with(&read) && held <= if end.is_some() { 0 } else { 3 }, "pieces of {cut}");
    }
}

/// What comes out of a body in pieces of `cut`, how much of it was taken, and what ended it.
fn read(text: &[u8], due: bool, cut: usize) -> (Vec<u8>, Option<(usize, &'static [u8])>) {
    let (mut body, mut out, mut before) = (Body::default(), Vec::new(), 0);
    for piece in text.chunks(cut) {
        let progress = body.read(piece, due, |slice| {
            assert!(!slice.is_empty());
            out.extend_from_slice(slice);
        });
        match progress {
            Progress::More => before += piece.len(),
            Progress::Ended { taken, terminator } => return (out, Some((before + taken, terminator))),
        }
    }
    (out, None)
}

fn naive_body(text: &[u8], due: bool) -> (Vec<u8>, Option<(usize, &'static [u8])>) {
    let (mut out, mut place) = (Vec::new(), 0);
    while place < text.len() {
        let line = &text[place..];
        for end in [b".\n".as_slice(), b".\r\n"] {
            if line.starts_with(end) {
                return (out, Some((place + end.len(), end)));
            }
        }
        if due && (line.starts_with(b".\r+") || line.starts_with(b".\r-")) {
            return (out, Some((place + 2, b".\r")));
        }
        let length = line.iter().position(|octet| *octet == b'\n').map_or(line.len(), |at| at + 1);
        let line = &line[..length];
        out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        place += length;
    }
    (out, None)
}

fn naive_lines(text: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut start) = (Vec::new(), 0);
    for end in 0..=text.len() {
        if text.get(end).is_none_or(|octet| *octet == b'\n') && (start < text.len()) {
            let cr = end > start && text[end - 1] == b'\r';
            lines.push(&text[start..end - usize::from(cr)]);
            start = end + 1;
        }
    }
    lines
}

fn status(line: &[u8]) {
    let Some(status) = Status::parse(line) else { return };
    let head = String::from_utf8_lossy(&line[..line.len().min(4)]).to_ascii_uppercase();
    let expected = match () {
        () if head.starts_with("+OK") => (true, false, 3),
        () if head == "-ERR" => (false, false, 4),
        () if head == "+" || head.starts_with("+ ") => (true, true, 1),
        () => panic!("{head:?} is no status"),
    };
    assert_eq!((status.ok, status.challenge), (expected.0, expected.1));
    let words = line[expected.2..].trim_ascii();
    let verbatim = String::from_utf8(words.to_vec()).unwrap_or_else(|_| latin1(words));
    assert_eq!(status.text, verbatim);
    assert_eq!(status.refusal().server_text, verbatim);
    if let Some((count, octets)) = listing::exact_stat(&status) {
        assert!(status.ok);
        assert_eq!(listing::stat(&status.text), Some((count, octets.min(MOST))), "two readings of STAT");
    }
}

fn numbers(line: &[u8]) {
    if let Some(Named { number, uid }) = listing::named(line) {
        assert!(number > 0);
        assert_eq!(uid.trim_matches(|c: char| c.is_ascii_whitespace()), uid);
        let octets: Vec<u8> =
            uid.chars().map(|c| u8::try_from(u32::from(c)).expect("one character per octet")).collect();
        assert!(line.windows(octets.len().max(1)).any(|part| part == octets) || octets.is_empty());
        let again = [format!("{number} ").as_bytes(), &octets].concat();
        assert_eq!(listing::named(&again), Some(Named { number, uid }));
    }
    if let Some(Sized { number, octets }) = listing::sized(line) {
        assert!(octets <= MOST);
        assert_eq!(listing::sized(format!("{number} {octets}").as_bytes()), Some(Sized { number, octets }));
        assert_eq!(listing::named(line).is_some(), number > 0);
    }
}

fn capabilities(text: &[u8]) {
    let lines: Vec<String> = naive_lines(text).into_iter().map(latin1).collect();
    let read = Capabilities::read(&lines);
    let words: Vec<Vec<String>> = lines
        .iter()
        .map(|line| line.split_ascii_whitespace().map(|word| word.to_ascii_uppercase()).collect())
        .collect();
    let says = |name: &str| words.iter().any(|words| words.first().is_some_and(|word| word == name));
    assert_eq!([read.pipelining, read.user, read.top, read.utf8], ["PIPELINING", "USER", "TOP", "UTF8"].map(says));
    for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2, Mechanism::OAuthBearer] {
        let named = |words: &Vec<String>| {
            words.first().is_some_and(|word| word == "SASL") && words[1..].iter().any(|word| word == mechanism.name())
        };
        assert_eq!(read.takes(mechanism), words.iter().any(named));
    }
    assert!(read.login_delay == 0 || says("LOGIN-DELAY"));
}

fn latin1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

//! Messages that say who they are, so that a body under another's name is seen.

use fastrand::Rng;

use super::Serial;

/// What a message begins with; its serial number follows in [`DIGITS`] digits.
const IDENTITY: &str = "X-Identity: ";
const DIGITS: usize = 6;

/// Lines that a careless reader of POP3 trips over.
const LINES: [&str; 7] = [".", "..", ".dot", "+OK 3 120", "-ERR no", "", "From here"];

/// A message that was ever in the maildrop.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) uid: String,
    /// The UIDs that it had before the server gave it another.
    pub(super) former_uids: Vec<String>,
    pub(super) bytes: Vec<u8>,
    /// What LIST says of it.
    pub(super) size: u64,
}

/// How a message is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Its length in octets, as near as its header lets it be.
    pub(super) length: usize,
    /// No line but for a lone dot looks like the protocol's.
    pub(super) plain: bool,
    /// It has a line that is a lone dot.
    pub(super) dotted: bool,
    /// LIST counts line ends as one octet.
    pub(super) counts_lf: bool,
}

/// A message of this shape.
pub(super) fn mail(rng: &mut Rng, serial: Serial, uid: String, shape: Shape) -> Mail {
    let mut text =
        format!("{IDENTITY}{serial:0DIGITS$}\r\nFrom: a{serial}@b.example\r\nSubject: message {serial}\r\n\r\n");
    if shape.dotted {
        text.push_str("before\r\n.\r\nbehind\r\n");
    }
    while !shape.plain && text.len() + 16 < shape.length && rng.bool() {
        text.push_str(LINES[rng.usize(..LINES.len())]);
        text.push_str("\r\n");
    }
    while text.len() + 2 < shape.length {
        let filler = (shape.length - text.len() - 2).min(998);
        text.extend((0..filler).map(|at| char::from(b'a' + ((at + serial as usize) % 26) as u8)));
        text.push_str("\r\n");
    }
    let lines = text.matches("\r\n").count();
    let size = if shape.counts_lf { text.len() - lines } else { text.len() };
    Mail { uid, former_uids: Vec::new(), bytes: text.into_bytes(), size: size as u64 }
}

/// Who a message, or its head, says that it is.
pub(super) fn identity(bytes: &[u8]) -> Option<Serial> {
    let digits = bytes.strip_prefix(IDENTITY.as_bytes())?.get(..DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The header and the first `lines` of the body, as TOP gives them.
pub(super) fn top(message: &[u8], lines: usize) -> &[u8] {
    let mut end = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    for _ in 0..lines {
        let rest = &message[end..];
        end += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
    }
    &message[..end]
}

/// A body as it travels.
pub(super) fn stuffed(out: &mut Vec<u8>, body: &[u8]) {
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
}

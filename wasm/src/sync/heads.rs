//! Headers as names: what tells messages apart where UIDs do not.

use super::planner::Digest;
use crate::md5;
use crate::store::FINGERPRINT;

/// Headers that servers write themselves, and anew as a message is read (UW ipop3d, qpopper).
const VOLATILE: [&[u8]; 7] = [b"status", b"x-status", b"x-uid", b"x-uidl", b"x-keywords", b"content-length", b"lines"];

/// What the names of headers begin with that say how the rest is to be read (RFC 2045).
const FORM: [&[u8]; 2] = [b"mime-version", b"content-"];

/// A digest of the headers with which `message` begins: the same from TOP and from RETR. `None` where their end is not to be seen (some
/// servers send one line of them, or cut them at 64 kB), and where they say only how the rest is to be read: Direct mail is often
/// wrapped whole in a message/rfc822 part, with nothing outside that would tell one message from another.
pub(super) fn digest(message: &[u8]) -> Option<Digest> {
    let Read { digest, whole, telling, .. } = read(message);
    (whole && telling).then_some(digest)
}

/// A UID for a message to which the server gives none, of what TOP brought of it: also of the first lines behind the headers, which are
/// the real ones where these are only a wrapper's.
pub(super) fn uid(top: &[u8], size: u64) -> String {
    let Read { digest, behind, .. } = read(top);
    FINGERPRINT.to_string() + &md5::hex(&[digest.as_bytes(), behind, &size.to_le_bytes()])
}

/// What was read of headers.
struct Read<'a> {
    /// Of as many as there are.
    digest: Digest,
    /// Whether these are all.
    whole: bool,
    /// Whether one of them says something of the message, and not only of its form.
    telling: bool,
    /// What stands behind them.
    behind: &'a [u8],
}

fn read(message: &[u8]) -> Read<'_> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let (mut volatile, mut whole, mut telling) = (false, false, false);
    // What is behind the last line end is no line.
    let lines = message.strip_suffix(b"\n").unwrap_or(message);
    let mut behind = message;
    for line in lines.split(|byte| *byte == b'\n') {
        behind = behind.get(line.len() + 1..).unwrap_or_default();
        let line = line.trim_ascii_end();
        if line.is_empty() {
            whole = true;
            break;
        }
        // A line that begins with a blank belongs to the one before (RFC 5322 §2.2.3).
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            volatile = VOLATILE.iter().any(|volatile| volatile.eq_ignore_ascii_case(name));
            telling |= !volatile
                && !FORM
                    .iter()
                    .any(|form| name.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form)));
        }
        if !volatile {
            parts.extend([line, b"\n"]);
        }
    }
    Read { digest: md5::hex(&parts), whole, telling, behind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_alone_count_and_not_what_the_server_adds() {
        let plain = digest(b"Subject: a\r\nTo: b\r\n c\r\n\r\nbody\r\n");
        assert!(plain.is_some());
        assert_eq!(plain, digest(b"Subject: a\nTo: b\n c\n\n"));
        assert_eq!(plain, digest(b"Subject: a\r\nStatus: RO\r\nX-UIDL: 1\r\n 2\r\nTo: b\r\n c\r\n\r\nother\r\n"));
        assert_ne!(plain, digest(b"Subject: a\r\nTo: b\r\n d\r\n\r\n"));
    }

    #[test]
    fn headers_that_were_cut_are_compared_with_nothing() {
        for cut in [&b"Subject: a\r\n"[..], b"Subject: a\r\nTo: b", b"one line\r\n"] {
            assert_eq!(digest(cut), None);
        }
    }

    #[test]
    fn a_wrapper_is_no_name() {
        let wrapped = b"MIME-Version: 1.0\r\nContent-Type: message/rfc822;\r\n charset=utf-8\r\nX-UID: 4\r\n\r\nSubject: a\r\n\r\n";
        assert_eq!(digest(wrapped), None);
        assert!(digest(&[&b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"[..], wrapped].concat()).is_some());
    }

    #[test]
    fn the_size_and_what_is_wrapped_are_part_of_the_name() {
        let wrapped =
            |subject: &str| format!("Content-Type: message/rfc822\r\n\r\nSubject: {subject}\r\n").into_bytes();
        assert_ne!(uid(&wrapped("a"), 1), uid(&wrapped("b"), 1));
        assert_eq!(uid(&wrapped("a"), 1), uid(&wrapped("a"), 1));
        assert!(uid(b"A: b\r\n", 1).starts_with(FINGERPRINT));
        assert_ne!(uid(b"A: b\r\n", 1), uid(b"A: b\r\n", 2));
    }
}

//! Headers as names: what tells messages apart where UIDs do not.

use super::planner::Digest;
use crate::md5;
use crate::store::FINGERPRINT;

/// Headers that servers write themselves, and anew as a message is read (UW ipop3d, qpopper).
const VOLATILE: [&[u8]; 7] = [b"status", b"x-status", b"x-uid", b"x-uidl", b"x-keywords", b"content-length", b"lines"];

/// A digest of the headers with which `message` begins: the same from TOP and from RETR. `None` where there are none.
pub(super) fn digest(message: &[u8]) -> Option<Digest> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut volatile = false;
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        // A line that begins with a blank belongs to the one before (RFC 5322 §2.2.3).
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            volatile = VOLATILE.iter().any(|volatile| volatile.eq_ignore_ascii_case(name));
        }
        if !volatile {
            parts.extend([line, b"\n"]);
        }
    }
    (!parts.is_empty()).then(|| md5::hex(&parts))
}

/// A UID for a message to which the server gives none.
pub(super) fn uid(head: &[u8], size: u64) -> Option<String> {
    let digest = digest(head)?;
    Some(FINGERPRINT.to_string() + &md5::hex(&[digest.as_bytes(), &size.to_le_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_alone_count_and_not_what_the_server_adds() {
        let plain = digest(b"Subject: a\r\nTo: b\r\n c\r\n\r\nbody\r\n");
        assert!(plain.is_some());
        assert_eq!(plain, digest(b"Subject: a\nTo: b\n c\n"));
        assert_eq!(plain, digest(b"Subject: a\r\nStatus: RO\r\nX-UIDL: 1\r\n 2\r\nTo: b\r\n c\r\n\r\nother\r\n"));
        assert_ne!(plain, digest(b"Subject: a\r\nTo: b\r\n d\r\n\r\n"));
        assert_eq!(digest(b"\r\nbody"), None);
    }

    #[test]
    fn the_size_is_part_of_the_name() {
        assert!(uid(b"A: b\r\n", 1).is_some_and(|uid| uid.starts_with(FINGERPRINT)));
        assert_ne!(uid(b"A: b\r\n", 1), uid(b"A: b\r\n", 2));
    }
}

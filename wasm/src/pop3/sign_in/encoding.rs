//! How the proofs of a sign-in are written.

use crate::pop3::command::Secret;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648 §4). Fifteen lines here, where the crate of that name costs 1.5 kB of brotli.
pub(super) fn base64(bytes: &[u8]) -> Secret {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let octet = |place: usize| u32::from(group.get(place).copied().unwrap_or_default());
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            let written = if digit > group.len() { b'=' } else { DIGITS.get(value).copied().unwrap_or_default() };
            out.push(char::from(written));
        }
    }
    Secret::new(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (text, written) in pairs {
            assert_eq!(base64(text.as_bytes()).reveal(), written);
        }
        assert_eq!(base64(b"\0tim\0tanstaaftanstaaf").reveal(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm", "RFC 4616 §4");
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]).reveal(), "+//+");
    }
}

//! Access tokens of a protected relay.
//!
//! Only digests are kept, and digests are compared: neither memory nor the time of a comparison tells a token.

use poplar_wire::TOKEN_PREFIX;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// The tokens of which one must be presented.
#[derive(Debug)]
pub(crate) struct Tokens(HashSet<[u8; 32]>);

impl Tokens {
    /// Reads a token file: one token per line; blank lines and lines that start with `#` are skipped. A token travels as part
    /// of a subprotocol name, so it has that alphabet (RFC 9110 §5.6.2).
    pub(crate) fn parse(text: &str) -> Result<Tokens, String> {
        let mut digests = HashSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let token = line.trim();
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            if !token.bytes().all(is_token_byte) {
                return Err(format!(
                    "the token on line {number} has other characters than letters, digits and -._~!$&'*+^`|%#"
                ));
            }
            digests.insert(Sha256::digest(token).into());
        }
        match digests.is_empty() {
            true => Err("there is no token in it".to_owned()),
            false => Ok(Tokens(digests)),
        }
    }

    /// Whether one of the offered subprotocols carries a token that is good.
    pub(crate) fn admit<'a>(&self, mut offered: impl Iterator<Item = &'a str>) -> bool {
        offered.any(|protocol| {
            protocol
                .strip_prefix(TOKEN_PREFIX)
                .is_some_and(|token| self.0.contains::<[u8; 32]>(&Sha256::digest(token).into()))
        })
    }
}

/// Whether a byte may stand in a subprotocol name.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_token_admits() {
        let tokens = Tokens::parse("# front desk\n  abc-123  \r\n\nxyz\n").unwrap();
        assert!(tokens.admit(["poplar.pop3.v1", "poplar.token.abc-123"].into_iter()));
        assert!(tokens.admit(["poplar.token.xyz"].into_iter()));
        for bad in
            ["abc-123", "poplar.token.", "poplar.token.abc-12", "poplar.token.ABC-123", "poplar.token.# front desk"]
        {
            assert!(!tokens.admit([bad].into_iter()), "{bad}");
        }
        assert!(!tokens.admit(std::iter::empty()));
    }

    #[test]
    fn a_bad_file_is_refused_without_repeating_it() {
        assert!(Tokens::parse("\n# nothing\n").is_err());
        let refusal = Tokens::parse("good\nse,cret\n").unwrap_err();
        assert!(refusal.contains("line 2") && !refusal.contains("cret"), "{refusal}");
    }
}

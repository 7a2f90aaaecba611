//! Access tokens of a protected relay.
//!
//! Only digests are kept, and digests are compared: neither memory nor the time of a comparison tells a token.

use poplar_wire::TOKEN_PREFIX;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// The file of tokens, read again when the relay is told to: a token that is taken out of it is no longer good.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    tokens: RwLock<Tokens>,
}

impl TokenFile {
    /// Reads a file of tokens.
    ///
    /// # Errors
    ///
    /// A sentence, where it cannot be read or has no token.
    pub(crate) fn load(path: &Path) -> Result<TokenFile, String> {
        let tokens = Tokens::read(path)?;
        match tokens.0.is_empty() {
            true => Err(format!("the token file {}: there is no token in it", path.display())),
            false => Ok(TokenFile { path: path.to_owned(), tokens: RwLock::new(tokens) }),
        }
    }

    /// Reads the file again, and returns whether it says something else than before. A file without tokens lets nobody in.
    ///
    /// # Errors
    ///
    /// A sentence, where it cannot be read: the tokens from before are good still.
    pub(crate) fn reload(&self) -> Result<bool, String> {
        let read = Tokens::read(&self.path)?;
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *tokens != read;
        *tokens = read;
        Ok(changed)
    }

    /// Whether one of the offered subprotocols carries a token that is good.
    pub(crate) fn admit<'a>(&self, offered: impl Iterator<Item = &'a str>) -> bool {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).admit(offered)
    }

    /// How many tokens are good.
    pub(crate) fn count(&self) -> usize {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).0.len()
    }
}

/// The tokens of which one must be presented.
#[derive(Debug, PartialEq, Eq)]
struct Tokens(HashSet<[u8; 32]>);

impl Tokens {
    fn read(path: &Path) -> Result<Tokens, String> {
        let fail = |why: String| format!("the token file {}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
        Tokens::parse(&text).map_err(fail)
    }

    /// Reads a token file: one token per line; blank lines and lines that start with `#` are skipped. A token travels as part
    /// of a subprotocol name, so it has that alphabet (RFC 9110 §5.6.2).
    fn parse(text: &str) -> Result<Tokens, String> {
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
        Ok(Tokens(digests))
    }

    /// Whether one of the offered subprotocols carries a token that is good.
    fn admit<'a>(&self, mut offered: impl Iterator<Item = &'a str>) -> bool {
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
    fn a_token_that_is_taken_out_of_the_file_is_no_longer_good() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\n# nothing\n").unwrap();
        assert!(TokenFile::load(file.path()).unwrap_err().contains("no token"));
        std::fs::write(file.path(), "one\ntwo\n").unwrap();
        let tokens = TokenFile::load(file.path()).unwrap();
        let admits = |token| tokens.admit([token].into_iter());
        assert!(admits("poplar.token.one") && tokens.count() == 2);
        assert_eq!(tokens.reload(), Ok(false));
        std::fs::write(file.path(), "two\nbad,token\n").unwrap();
        assert!(tokens.reload().is_err() && admits("poplar.token.one"), "a file with a mistake changes nothing");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(tokens.reload(), Ok(true));
        assert!(!admits("poplar.token.one") && admits("poplar.token.two"));
        std::fs::write(file.path(), "").unwrap();
        assert_eq!(tokens.reload(), Ok(true));
        assert!(!admits("poplar.token.two"));
    }

    #[test]
    fn a_bad_file_is_refused_without_repeating_it() {
        let refusal = Tokens::parse("good\nse,cret\n").unwrap_err();
        assert!(refusal.contains("line 2") && !refusal.contains("cret"), "{refusal}");
    }
}

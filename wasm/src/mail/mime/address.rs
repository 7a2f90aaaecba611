//! Lists of addresses (RFC 5322 §3.4): names, comments, groups, and what is left of them in practice.

use super::{parameters, words};

/// `Name <address>` of each, as far as there is one.
pub(super) fn addresses(value: &[u8], charset: &str) -> Vec<String> {
    let text = words::unfolded(value);
    let mut all = Vec::new();
    let mut one = One::default();
    // Words before a comma, without an address: perhaps the beginning of a name that should have been quoted.
    let mut words = Vec::new();
    let mut octets = text.iter().copied();
    // Quotes count where fewer octets are left than that.
    let mut unquoted = usize::MAX;
    // How deep in comments; and within an address's own brackets.
    let (mut comments, mut bracket) = (0u32, false);
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' if comments > 0 => one.comment.extend(octets.next()),
            b'(' if !bracket => comments += 1,
            b')' if comments > 0 => comments -= 1,
            _ if comments > 0 => one.comment.push(octet),
            b'"' if !bracket && octets.len() < unquoted => match quoted(&mut octets) {
                Some(name) => one.words.extend(name),
                None => unquoted = octets.len().saturating_sub(QUOTED),
            },
            b'"' if !bracket => {}
            b'<' => bracket = true,
            b'>' if bracket => {
                bracket = false;
                one.bracketed = true;
            }
            _ if bracket => one.address.push(octet),
            // What was read so far was the name of a group.
            b':' if !one.at => one = One::default(),
            b',' if !(one.at || one.bracketed) => {
                words.append(&mut one.words);
                words.push(octet);
            }
            b',' | b';' => core::mem::take(&mut one).written(&mut words, charset, &mut all),
            _ => {
                one.at |= octet == b'@';
                one.words.push(octet);
            }
        }
    }
    one.bracketed |= bracket;
    one.written(&mut words, charset, &mut all);
    all
}

/// What stands in quotes; `None` where they do not end soon enough.
fn quoted(octets: &mut (impl Iterator<Item = u8> + Clone)) -> Option<Vec<u8>> {
    let rest: Vec<u8> = core::iter::once(b'"').chain(octets.clone()).take(QUOTED).collect();
    let mut escaped = false;
    let end = rest.iter().skip(1).position(|octet| {
        let ends = *octet == b'"' && !escaped;
        escaped = *octet == b'\\' && !escaped;
        ends
    })?;
    octets.by_ref().take(end + 1).for_each(drop);
    Some(parameters::unquoted(&rest))
}

/// Longest name in quotes: no list shows more. The quote of a longer one is passed over,
/// and so are those within as many octets behind it.
const QUOTED: usize = 500;

#[derive(Default)]
struct One {
    words: Vec<u8>,
    /// There is an `@` in them.
    at: bool,
    comment: Vec<u8>,
    address: Vec<u8>,
    bracketed: bool,
}

impl One {
    /// Adds it to the list, with the words that came before it.
    fn written(mut self, before: &mut Vec<u8>, charset: &str, all: &mut Vec<String>) {
        let before = core::mem::take(before);
        if self.bracketed && !self.words.is_empty() {
            self.words = [before, self.words].concat();
        } else {
            let names = before.split(|octet| *octet == b',').map(|name| words::decode(name, charset).trim().to_owned());
            all.extend(names.filter(|name| !name.is_empty()));
        }
        all.extend(self.one(charset));
    }

    fn one(self, charset: &str) -> Option<String> {
        let decode = |octets: &[u8]| words::decode(octets, charset).split_whitespace().collect::<Vec<_>>().join(" ");
        let (words, comment) = (decode(&self.words), decode(&self.comment));
        let (name, address) = match self.bracketed {
            true => (if words.is_empty() { comment } else { words }, decode(&self.address)),
            // An address alone, with its owner's name as a comment; or a name alone.
            false if words.contains('@') => (comment, words),
            false => (words, String::new()),
        };
        match (name.is_empty(), address.is_empty()) {
            (true, true) => None,
            (true, false) => Some(address),
            (false, true) => Some(name),
            // Some write the address twice.
            (false, false) if name == address => Some(address),
            (false, false) => Some(format!("{name} <{address}>")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_they_are_written() {
        for (text, expected) in [
            ("a@b.example", vec!["a@b.example"]),
            ("A <a@b.example>, \"C, D\" <c@d.example>", vec!["A <a@b.example>", "C, D <c@d.example>"]),
            ("a@b.example (Ann (the first))", vec!["Ann the first <a@b.example>"]),
            ("undisclosed-recipients:;", vec![]),
            ("Team: a@b.example, C <c@d.example>;, e@f.example", vec!["a@b.example", "C <c@d.example>", "e@f.example"]),
            ("\"a@b.example\" <a@b.example>", vec!["a@b.example"]),
            ("\"say \\\"hi\\\"\" <a@b.example>", vec!["say \"hi\" <a@b.example>"]),
            ("\"never closed <a@b.example>, c@d.example", vec!["never closed <a@b.example>", "c@d.example"]),
            ("A <a@b.example", vec!["A <a@b.example>"]),
            ("<>", vec![]),
            ("Mailer Daemon", vec!["Mailer Daemon"]),
            ("=?utf-8?Q?Jos=C3=A9=2C_M=2E?= <j@b.example>", vec!["José, M. <j@b.example>"]),
            ("Ortega, J. <j@b.example>", vec!["Ortega, J. <j@b.example>"]),
            ("Ann, b@c.example, , C", vec!["Ann", "b@c.example", "C"]),
            (",, ;a@b.example;;", vec!["a@b.example"]),
        ] {
            assert_eq!(addresses(text.as_bytes(), ""), expected, "{text:?}");
        }
    }
}

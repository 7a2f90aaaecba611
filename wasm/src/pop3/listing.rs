//! Lines of LIST, UIDL and STAT. Forgiving: servers put three spaces, `+OK`, negative sizes and spaces into them.

use super::reply::{Status, latin1};

/// A size that JavaScript can hold exactly (2^53 − 1). Servers have been seen to answer more.
const MAX_OCTETS: u64 = (1 << 53) - 1;

/// One line of LIST: `number octets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sized {
    /// Message number in this session.
    pub number: u32,
    /// What the server says; 0 where that is negative or no number.
    pub octets: u64,
}

/// One line of UIDL: `number uid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Message number in this session.
    pub number: u32,
    /// One character per byte, opaque; may be empty.
    pub uid: String,
}

/// Reads `number octets`; words after that are ignored (RFC 1939 §5 lets servers add them).
pub fn sized(line: &[u8]) -> Option<Sized> {
    let (number, rest) = number(line)?;
    Some(Sized { number, octets: octets(rest) })
}

/// Reads `number uid`. Everything behind the number and its spaces is the UID, spaces inside it included.
pub fn named(line: &[u8]) -> Option<Named> {
    // Message numbers begin at 1 (RFC 1939 §4): 0 names nothing that could be asked for.
    let (number, rest) = number(line).filter(|(number, _)| *number > 0)?;
    Some(Named { number, uid: latin1(rest) })
}

/// Reads the text of STAT's status: `count octets`.
pub fn stat(text: &str) -> Option<(u32, u64)> {
    sized(text.as_bytes()).map(|sized| (sized.number, sized.octets))
}

/// Reads a status that can be nothing but STAT's: two numbers. No answer to another command looks like it, but for those to LIST
/// with a number.
pub fn exact_stat(status: &Status) -> Option<(u32, u64)> {
    // Rust would take a sign.
    let digits = |word: &&str| word.bytes().all(|b| b.is_ascii_digit());
    let mut words = status.text.split_ascii_whitespace();
    let count = words.next().filter(digits)?.parse().ok()?;
    let octets = words.next().filter(digits)?.parse().ok()?;
    (status.ok && !status.challenge).then_some((count, octets))
}

/// Splits a dot-unstuffed multi-line body into lines, without line ends (CRLF or a bare LF).
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = body.strip_suffix(b"\n").unwrap_or(body);
    let some = !body.is_empty();
    whole.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(move |_| some)
}

/// A leading number, and what follows it without surrounding white space. A `+OK` before it is passed over: one server puts it on
/// every line.
fn number(line: &[u8]) -> Option<(u32, &[u8])> {
    let line = line.trim_ascii();
    let line = match line.split_at_checked(3) {
        Some((head, tail)) if head.eq_ignore_ascii_case(b"+OK") => tail.trim_ascii_start(),
        _ => line,
    };
    let digits = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = line.split_at_checked(digits)?;
    if !rest.first().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let number = core::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest.trim_ascii()))
}

fn octets(rest: &[u8]) -> u64 {
    rest.iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0u64, |sum, b| sum.saturating_mul(10).saturating_add(u64::from(b - b'0')))
        .min(MAX_OCTETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_servers_give_them() {
        assert_eq!(sized(b"2 200"), Some(Sized { number: 2, octets: 200 }));
        assert_eq!(sized(b"  2   200 extra words"), Some(Sized { number: 2, octets: 200 }));
        assert_eq!(sized(b"+OK 2 200"), Some(Sized { number: 2, octets: 200 }));
        assert_eq!(sized(b"2 -1"), Some(Sized { number: 2, octets: 0 }));
        assert_eq!(sized(b"2"), Some(Sized { number: 2, octets: 0 }));
        assert_eq!(sized(b"2 4294967297").unwrap().octets, 4_294_967_297);
        assert_eq!(sized(b"2 99999999999999999999999").unwrap().octets, MAX_OCTETS);
        for junk in ["", "x 1", "-1 5", "99999999999 1", "2x 3"] {
            assert_eq!(sized(junk.as_bytes()), None, "{junk:?}");
        }
    }

    #[test]
    fn uids_are_opaque() {
        let uid = |line: &[u8]| named(line).unwrap().uid;
        assert_eq!(uid(b"1 6866N"), "6866N");
        assert_eq!(uid(b"1   6866N"), "6866N", "Comcast");
        assert_eq!(uid(b"+OK 1 6866N"), "6866N");
        assert_eq!(uid(b"1 with space \xe9"), "with space \u{e9}");
        assert_eq!(uid(b"1"), "");
        assert_eq!(uid(b"1 "), "");
        assert_eq!(named(b"0 6866N"), None);
    }

    #[test]
    fn the_guides_stat() {
        assert_eq!(stat("2 320"), Some((2, 320)));
        assert_eq!(stat("2 messages"), Some((2, 0)));
        assert_eq!(stat("none"), None);
    }

    #[test]
    fn only_two_numbers_are_stats_and_no_other_answer() {
        let exact = |line: &str| exact_stat(&Status::parse(line.as_bytes()).unwrap());
        assert_eq!(exact("+OK 2 320"), Some((2, 320)));
        assert_eq!(exact("+ok  2  320 octets"), Some((2, 320)));
        for other in
            ["+OK", "+OK 120 octets follow.", "+OK 2 -1", "+OK 2 +1", "+OK +2 1", "+ 2 320", "-ERR 2 320", "+OK 2"]
        {
            assert_eq!(exact(other), None, "{other}");
        }
    }

    #[test]
    fn lines_end_in_crlf_or_lf() {
        let collect = |body: &'static [u8]| lines(body).collect::<Vec<_>>();
        assert_eq!(collect(b"1 a\r\n2 b\n3 c\r\n"), [b"1 a", b"2 b", b"3 c"]);
        assert_eq!(collect(b"1 a\r\n2 b"), [b"1 a", b"2 b"]);
        assert!(collect(b"").is_empty());
    }
}

//! The body of a multi-line reply: dot-unstuffing and the search for its end (RFC 1939 §3).
//!
//! What comes out are slices of what went in: nothing is copied, and at most three octets are held, so a body of any length, with
//! lines of any length, passes through in constant memory.

use memchr::memchr_iter;

/// Where in the body the next octet stands, and what is held back in front of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the start of a line.
    #[default]
    LineStart,
    /// Inside a line.
    Inside,
    /// Behind a dot that began a line, and was held back.
    Dot,
    /// Behind that dot and a CR, both held back.
    DotCr,
    /// Behind a dot inside a line that ended the input, and the part of a line end that came with it. Held back, because it is the
    /// terminator where a server (Exchange 2000) puts none of its own in front of it.
    Tail(&'static [u8]),
}

/// What one call of [`Body::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input was taken, and the body goes on.
    More,
    /// The end came.
    Ended {
        /// Octets of the input that were taken, the terminator included.
        taken: usize,
        /// What ended it. Without a LF in it, the end is the server's own way and only likely.
        terminator: &'static [u8],
    },
}

/// Reads one body.
#[derive(Debug, Default)]
pub struct Body {
    at: At,
}

impl Body {
    /// Reads `input`, handing unstuffed slices to `out`. Stops behind the terminator: `.` alone on a line that ends in CRLF or,
    /// from servers that know no CR, in LF.
    ///
    /// `due`: another command was sent behind this one. Then `.` and CR with a status line right behind them are a terminator too:
    /// no server that stuffs dots sends them inside a body.
    pub fn read(&mut self, input: &[u8], due: bool, mut out: impl FnMut(&[u8])) -> Progress {
        let mut emit = |slice: &[u8]| {
            if !slice.is_empty() {
                out(slice);
            }
        };
        // Everything in front of `from` was taken, handed out or held.
        let mut from = 0;
        while let Some(first) = input.get(from) {
            match self.at {
                At::LineStart if *first == b'.' => {
                    self.at = At::Dot;
                    from += 1;
                }
                At::LineStart | At::Inside => {
                    let here = input.get(from..).unwrap_or_default();
                    let Some(line_end) = memchr_iter(b'\n', here).find(|at| here.get(at + 1) == Some(&b'.')) else {
                        let tail = tail(here, self.at == At::Inside);
                        emit(here.get(..here.len() - tail.len()).unwrap_or_default());
                        self.at = match here.last() {
                            _ if !tail.is_empty() => At::Tail(tail),
                            Some(b'\n') => At::LineStart,
                            _ => At::Inside,
                        };
                        return Progress::More;
                    };
                    emit(here.get(..=line_end).unwrap_or_default());
                    self.at = At::Dot;
                    from += line_end + 2;
                }
                At::Dot => match first {
                    b'\n' => return self.end(from + 1, b".\n"),
                    b'\r' => {
                        self.at = At::DotCr;
                        from += 1;
                    }
                    // The held dot was stuffing: the rest of the line stands for itself.
                    _ => self.at = At::Inside,
                },
                At::DotCr => match first {
                    b'\n' => return self.end(from + 1, b".\r\n"),
                    b'+' | b'-' if due => return self.end(from, b".\r"),
                    _ => {
                        // No end after all: the dot was stuffing, and the CR belongs to the body.
                        emit(b"\r");
                        self.at = At::Inside;
                    }
                },
                At::Tail(held) => match longer(held, *first) {
                    Some(longer) => {
                        self.at = At::Tail(longer);
                        from += 1;
                    }
                    None => {
                        emit(held);
                        self.at = if held.ends_with(b"\n") { At::LineStart } else { At::Inside };
                    }
                },
            }
        }
        Progress::More
    }

    /// Whether what is held back could be a terminator that this server writes in its own way: `.` or `.` CR on a line of its own
    /// without the rest, or a dot and a line end behind text.
    pub fn may_have_ended(&self) -> bool {
        match self.at {
            At::Dot | At::DotCr => true,
            At::Tail(held) => held.ends_with(b"\n"),
            At::LineStart | At::Inside => false,
        }
    }

    /// Whether the next octet alone will tell, where an answer is due behind this one.
    pub fn next_octet_tells(&self) -> bool {
        self.at == At::DotCr
    }

    fn end(&mut self, taken: usize, terminator: &'static [u8]) -> Progress {
        self.at = At::LineStart;
        Progress::Ended { taken, terminator }
    }
}

/// What a terminator behind text can look like, each longer by one octet or an alternative of it.
const TAILS: [&[u8]; 4] = [b".", b".\r", b".\n", b".\r\n"];

/// The tail that ends `here`. A dot that is all of it counts only `inside` a line.
fn tail(here: &[u8], inside: bool) -> &'static [u8] {
    let ends = |tail: &&&[u8]| here.ends_with(tail) && (inside || here.len() > tail.len());
    TAILS.iter().find(ends).copied().unwrap_or_default()
}

/// `held` and `next` where both together are a tail.
fn longer(held: &[u8], next: u8) -> Option<&'static [u8]> {
    TAILS.into_iter().find(|tail| tail.split_last() == Some((&next, held)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `input` in the given pieces; the body, how many octets were taken, and whether the end is certain, if it ended.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, due: bool) -> (Vec<u8>, Option<(usize, bool)>) {
        let (mut body, mut out, mut before) = (Body::default(), Vec::new(), 0);
        for piece in pieces {
            match body.read(piece, due, |slice| out.extend_from_slice(slice)) {
                Progress::More => before += piece.len(),
                Progress::Ended { taken, terminator } => {
                    return (out, Some((before + taken, terminator.ends_with(b"\n"))));
                }
            }
        }
        (out, None)
    }

    fn at_every_split(input: &[u8], due: bool, expected: &[u8], end: Option<(usize, bool)>) {
        let name = String::from_utf8_lossy(input);
        let expected = (expected.to_vec(), end);
        assert_eq!(read([input], due), expected, "{name:?}");
        assert_eq!(read(input.chunks(1), due), expected, "{name:?} byte by byte");
        for at in 0..=input.len() {
            let (a, b) = input.split_at(at);
            assert_eq!(read([a, b], due), expected, "{name:?} split at {at}");
        }
    }

    #[test]
    fn stuffing_is_taken_off_and_the_end_is_found_at_every_split() {
        let cases: [(&[u8], &[u8]); 13] = [
            (b"a\r\nb\r\n.\r\n", b"a\r\nb\r\n"),
            (b".\r\n", b""),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"..a\r\n...b\r\n.\r\n", b".a\r\n..b\r\n"),
            (b"a\n.\n", b"a\n"),
            (b"a\r\n.b\r\n.\r\n", b"a\r\nb\r\n"),
            (b"a.\r\n.\r\n", b"a.\r\n"),
            (b"a..\r.\n\n.\r\n", b"a..\r.\n\n"),
            (b"a.\rb.\r\nc\r\n.\r\n", b"a.\rb.\r\nc\r\n"),
            (b"..\n.\n", b".\n"),
            (b".\rx\r\n.\r\n", b"\rx\r\n"),
            (b"\r\n\r\n.\r\r\n.\r\n", b"\r\n\r\n\r\r\n"),
            (b"+OK\r\n.\r\n", b"+OK\r\n"),
        ];
        for (input, expected) in cases {
            for due in [false, true] {
                at_every_split(input, due, expected, Some((input.len(), true)));
            }
        }
    }

    #[test]
    fn a_terminator_without_lf_ends_a_body_only_where_an_answer_follows() {
        at_every_split(b"a\r\n.\r+OK 2\r\n", true, b"a\r\n", Some((5, false)));
        at_every_split(b"a\r\n.\r-ERR\r\n", true, b"a\r\n", Some((5, false)));
        at_every_split(b"a\r\n.\r+OK\r\n.\r\n", false, b"a\r\n\r+OK\r\n", Some((13, true)));
    }

    #[test]
    fn what_could_be_a_terminator_is_held_and_said() {
        let after = |input: &[u8]| {
            let (mut body, mut out) = (Body::default(), Vec::new());
            body.read(input, false, |slice| out.extend_from_slice(slice));
            (out, body.may_have_ended())
        };
        assert_eq!(after(b"a\r\n."), (b"a\r\n".to_vec(), true));
        assert_eq!(after(b"a\r\n.\r"), (b"a\r\n".to_vec(), true));
        assert_eq!(after(b"text.\r\n"), (b"text".to_vec(), true));
        assert_eq!(after(b"text.\n"), (b"text".to_vec(), true));
        assert_eq!(after(b"text."), (b"text".to_vec(), false), "the line is not even complete");
        assert_eq!(after(b"text\r\n"), (b"text\r\n".to_vec(), false));
        assert_eq!(after(b"text"), (b"text".to_vec(), false));
        assert_eq!(after(b"..\r\n"), (Vec::new(), true), "a stuffed dot may be one behind an empty text");
    }

    #[test]
    fn what_follows_the_end_is_left() {
        assert_eq!(read([b"a\r\n.\r\n+OK\r\n".as_slice()], true), (b"a\r\n".to_vec(), Some((6, true))));
    }

    #[test]
    fn nothing_is_copied_where_nothing_is_stuffed() {
        let long = vec![b'x'; 1 << 20];
        let mut slices = 0;
        Body::default().read(&long, false, |slice| {
            slices += 1;
            assert_eq!(slice.as_ptr(), long.as_ptr());
        });
        assert_eq!(slices, 1);
    }
}

//! The body of a multi-line reply: dot-unstuffing and the search for its end (RFC 1939 §3).
//!
//! What comes out are slices of what went in: nothing is copied and nothing is held, so a body of any length, with lines of any
//! length, passes through in constant memory.

use memchr::memmem;

/// Where in the body the next byte stands. Reset for each body.
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
}

/// What one call of [`Body::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input was taken, and the body goes on.
    More,
    /// The lone dot came; so many octets of the input were taken, the terminator included.
    Ended(usize),
}

/// Reads one body.
#[derive(Debug, Default)]
pub struct Body {
    at: At,
}

impl Body {
    /// Reads `input`, handing unstuffed slices to `out`. Stops behind the terminator: `.` alone on a line that ends in CRLF or,
    /// from servers that know no CR, in LF.
    pub fn read(&mut self, input: &[u8], mut out: impl FnMut(&[u8])) -> Progress {
        let mut emit = |slice: &[u8]| {
            if !slice.is_empty() {
                out(slice);
            }
        };
        // Everything in front of `from` was taken or handed out.
        let mut from = 0;
        while let Some(first) = input.get(from) {
            match self.at {
                At::LineStart if *first == b'.' => {
                    self.at = At::Dot;
                    from += 1;
                }
                At::LineStart | At::Inside => {
                    let here = input.get(from..).unwrap_or_default();
                    match memmem::find(here, b"\n.") {
                        Some(line_end) => {
                            emit(here.get(..=line_end).unwrap_or_default());
                            self.at = At::Dot;
                            from += line_end + 2;
                        }
                        None => {
                            emit(here);
                            self.at = if here.ends_with(b"\n") { At::LineStart } else { At::Inside };
                            return Progress::More;
                        }
                    }
                }
                At::Dot => match first {
                    b'\n' => return self.end(from + 1),
                    b'\r' => {
                        self.at = At::DotCr;
                        from += 1;
                    }
                    // The held dot was stuffing: the rest of the line stands for itself.
                    _ => self.at = At::Inside,
                },
                At::DotCr => match first {
                    b'\n' => return self.end(from + 1),
                    _ => {
                        // No end after all: the dot was stuffing, and the CR belongs to the body.
                        emit(b"\r");
                        self.at = At::Inside;
                    }
                },
            }
        }
        Progress::More
    }

    fn end(&mut self, taken: usize) -> Progress {
        self.at = At::LineStart;
        Progress::Ended(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `input` in the given pieces; the body and how many octets were taken, if it ended.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Option<usize>) {
        let (mut body, mut out, mut taken) = (Body::default(), Vec::new(), 0);
        for piece in pieces {
            match body.read(piece, |slice| out.extend_from_slice(slice)) {
                Progress::More => taken += piece.len(),
                Progress::Ended(here) => return (out, Some(taken + here)),
            }
        }
        (out, None)
    }

    #[test]
    fn stuffing_is_taken_off_and_the_end_is_found_at_every_split() {
        let cases: [(&[u8], &[u8]); 9] = [
            (b"a\r\nb\r\n.\r\n", b"a\r\nb\r\n"),
            (b".\r\n", b""),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"..a\r\n...b\r\n.\r\n", b".a\r\n..b\r\n"),
            (b"a\n.\n", b"a\n"),
            (b"a\r\n.b\r\n.\r\n", b"a\r\nb\r\n"),
            (b"a.\r\n.\r\n", b"a.\r\n"),
            (b".\rx\r\n.\r\n", b"\rx\r\n"),
            (b"\r\n\r\n.\r\r\n.\r\n", b"\r\n\r\n\r\r\n"),
        ];
        for (input, expected) in cases {
            let name = String::from_utf8_lossy(input);
            assert_eq!(read([input]), (expected.to_vec(), Some(input.len())), "{name:?}");
            assert_eq!(read(input.chunks(1)), (expected.to_vec(), Some(input.len())), "{name:?} byte by byte");
            for at in 0..=input.len() {
                let (a, b) = input.split_at(at);
                assert_eq!(read([a, b]), (expected.to_vec(), Some(input.len())), "{name:?} split at {at}");
            }
        }
    }

    #[test]
    fn what_follows_the_end_is_left() {
        assert_eq!(read([b"a\r\n.\r\n+OK\r\n".as_slice()]), (b"a\r\n".to_vec(), Some(6)));
    }

    #[test]
    fn an_unended_body_gives_what_is_certain() {
        assert_eq!(read([b"a\r\n.".as_slice()]), (b"a\r\n".to_vec(), None));
        assert_eq!(read([b"a\r\n.\r".as_slice()]), (b"a\r\n".to_vec(), None));
    }

    #[test]
    fn nothing_is_copied_where_nothing_is_stuffed() {
        let long = vec![b'x'; 1 << 20];
        let mut slices = 0;
        Body::default().read(&long, |slice| {
            slices += 1;
            assert_eq!(slice.as_ptr(), long.as_ptr());
        });
        assert_eq!(slices, 1);
    }
}

//! Valid mail of many shapes, the same for the same seed: what a test stores can be made again to compare.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;

/// One message as it travels: every line ends with CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What a reader shows as its subject, decoded.
    pub subject: String,
    /// The address in From.
    pub from: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What a message exercises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A few short lines.
    Plain,
    /// Lines that start with dots, among them a lone one: dot-stuffing (RFC 1939 §3).
    Dots,
    /// UTF-8 sent as it is (8BITMIME).
    Utf8,
    /// Every octet from 0x80 to 0xff, in no charset that fits.
    EightBit,
    /// One line of 40 to 100 kB, far beyond RFC 5322's 998 octets, as field notes report.
    LongLine,
    /// Text and HTML alternatives.
    Html,
    /// A base64 attachment of 20 to 200 kB.
    Attachment,
    /// A header and nothing else.
    Empty,
    /// Encoded words in Subject.
    EncodedSubject,
    /// The whole mail wrapped in `message/rfc822`, nothing outside: how Direct mail often looks.
    Wrapped,
}

impl Shape {
    /// All of them; [`message`] goes round this list.
    pub const ALL: [Shape; 10] = [
        Shape::Plain,
        Shape::Dots,
        Shape::Html,
        Shape::Attachment,
        Shape::Utf8,
        Shape::EncodedSubject,
        Shape::EightBit,
        Shape::LongLine,
        Shape::Empty,
        Shape::Wrapped,
    ];
}

/// Message `number` of the series `seed`; ten in a row have every [`Shape`].
pub fn message(seed: u64, number: u64) -> Message {
    let shape = Shape::ALL.iter().cycle().nth(number as usize % Shape::ALL.len()).copied().unwrap_or(Shape::Plain);
    shaped(seed, number, shape)
}

/// Message `number` of the series `seed` in one shape.
pub fn shaped(seed: u64, number: u64, shape: Shape) -> Message {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let mut letter = Letter::new(&mut rng, seed, number);
    match shape {
        Shape::Plain => letter.text("text/plain; charset=us-ascii", &prose(&mut rng, 12)),
        Shape::Dots => {
            let body = format!(".hidden\r\n..twice\r\n.\r\nafter a lone dot\r\n...\r\n{}. \r\n.", prose(&mut rng, 3));
            letter.text("text/plain; charset=us-ascii", &body)
        }
        Shape::Utf8 => letter
            .text("text/plain; charset=utf-8", &format!("Grüße aus Köln, señora.\r\nשלום\r\n{}", prose(&mut rng, 4))),
        Shape::EightBit => {
            letter.fields("text/plain; charset=iso-8859-1", Some("8bit"));
            letter.bytes.extend(0x80..=0xff_u8);
            letter.bytes.extend(b"\r\n");
        }
        Shape::LongLine => {
            let length = rng.usize(40_000..100_000);
            letter.text("text/plain; charset=us-ascii", &"x".repeat(length))
        }
        Shape::Html => letter.alternatives(&prose(&mut rng, 6)),
        Shape::Attachment => {
            let size = rng.usize(20_000..200_000);
            letter.attachment(&mut rng, size)
        }
        Shape::Empty => letter.fields("text/plain; charset=us-ascii", None),
        Shape::EncodedSubject => {
            letter.subject = format!("Résumé n° {number} – 検査");
            let encoded = STANDARD.encode(&letter.subject);
            letter.head = letter.head_with(&format!("=?UTF-8?B?{encoded}?="));
            letter.text("text/plain; charset=us-ascii", &prose(&mut rng, 5))
        }
        Shape::Wrapped => letter.wrapped(&prose(&mut rng, 5)),
    }
    letter.finish()
}

/// A message with an attachment that makes it `octets` long, give or take a line.
pub fn large(seed: u64, number: u64, octets: usize) -> Message {
    let mut rng = Rng::with_seed(seed ^ number.rotate_left(17));
    let mut letter = Letter::new(&mut rng, seed, number);
    // Base64 in lines of 76 carries 57 octets in 78; the header and the text take about 700.
    letter.attachment(&mut rng, octets.saturating_sub(700) / 78 * 57);
    letter.finish()
}

/// A message under way: `head` (From, To, Subject, Date, Message-ID), then what its shape adds.
struct Letter {
    subject: String,
    from: String,
    date: String,
    id: String,
    head: String,
    bytes: Vec<u8>,
}

impl Letter {
    fn new(rng: &mut Rng, seed: u64, number: u64) -> Letter {
        let person = rng.choice(["j.ortega", "m.lindqvist", "front.desk", "r.okafor", "lab"]).unwrap_or_default();
        let domain =
            rng.choice(["direct.lakeside-clinic.example", "example.org", "mail.example.net"]).unwrap_or_default();
        let date = format!(
            "{:02} Mar 2026 {:02}:{:02}:{:02} +0000",
            1 + number % 28,
            rng.u8(..24),
            rng.u8(..60),
            rng.u8(..60)
        );
        let mut letter = Letter {
            subject: format!("Message {number} of {seed}: {}", prose(rng, 1).trim_end()),
            from: format!("{person}@{domain}"),
            date,
            id: format!("{seed}.{number}.{:08x}@example.org", rng.u32(..)),
            head: String::new(),
            bytes: Vec::new(),
        };
        letter.head = letter.head_with(&letter.subject);
        letter
    }

    fn head_with(&self, subject: &str) -> String {
        let Letter { from, date, id, .. } = self;
        format!(
            "From: {from}\r\nTo: desk@example.com\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n"
        )
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
    }

    fn fields(&mut self, content_type: &str, encoding: Option<&str>) {
        let encoding =
            encoding.map(|encoding| format!("Content-Transfer-Encoding: {encoding}\r\n")).unwrap_or_default();
        self.push(&format!("Content-Type: {content_type}\r\n{encoding}\r\n"));
    }

    fn text(&mut self, content_type: &str, body: &str) {
        self.fields(content_type, Some(if body.is_ascii() { "7bit" } else { "8bit" }));
        self.push(&format!("{body}\r\n"));
    }

    fn alternatives(&mut self, body: &str) {
        self.fields("multipart/alternative; boundary=\"=_alt\"", None);
        let html = body.lines().map(|line| format!("<p>{line}</p>\r\n")).collect::<String>();
        self.push(&format!(
            "--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n{html}</body></html>\r\n--=_alt--\r\n"
        ));
    }

    fn attachment(&mut self, rng: &mut Rng, size: usize) {
        let mut data = vec![0; size];
        rng.fill(&mut data);
        let encoded = STANDARD.encode(&data);
        self.fields("multipart/mixed; boundary=\"=_mix\"", None);
        self.push(
            "--=_mix\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe results are attached.\r\n--=_mix\r\n",
        );
        self.push("Content-Type: application/octet-stream; name=\"results.bin\"\r\n");
        self.push(
            "Content-Disposition: attachment; filename=\"results.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        );
        for line in encoded.as_bytes().chunks(76) {
            self.bytes.extend(line);
            self.bytes.extend(b"\r\n");
        }
        self.push("--=_mix--\r\n");
    }

    fn wrapped(&mut self, body: &str) {
        let inner = format!("{}Content-Type: text/plain; charset=us-ascii\r\n\r\n{body}\r\n", self.head);
        self.head = "MIME-Version: 1.0\r\n".into();
        self.fields("message/rfc822", None);
        self.push(&inner);
    }

    fn finish(self) -> Message {
        let bytes = [self.head.as_bytes(), &self.bytes].concat();
        Message { subject: self.subject, from: self.from, bytes }
    }
}

/// Lines of plain words.
fn prose(rng: &mut Rng, lines: usize) -> String {
    const WORDS: [&str; 16] = [
        "referral", "results", "for", "the", "patient", "seen", "on", "Tuesday", "please", "review", "and", "call",
        "back", "before", "noon", "thanks",
    ];
    let line = |rng: &mut Rng| {
        let words = rng.usize(4..11);
        rng.choose_multiple(WORDS, words).join(" ")
    };
    (0..lines).map(|_| line(rng)).collect::<Vec<_>>().join("\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_mail() {
        for number in 0..20 {
            assert_eq!(message(7, number), message(7, number));
            assert_ne!(message(7, number).bytes, message(8, number).bytes);
        }
    }

    #[test]
    fn every_line_ends_with_crlf_and_no_nul_is_sent() {
        for number in 0..40 {
            let bytes = message(3, number).bytes;
            assert!(bytes.ends_with(b"\r\n"), "{number}");
            for (at, &byte) in bytes.iter().enumerate() {
                match byte {
                    b'\n' => assert_eq!(bytes[at - 1], b'\r', "bare LF in {number}"),
                    b'\r' => assert_eq!(bytes.get(at + 1), Some(&b'\n'), "bare CR in {number}"),
                    0 => panic!("NUL in {number}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn large_messages_are_as_large_as_asked() {
        let size = large(1, 1, 3_000_000).bytes.len();
        assert!((2_990_000..3_010_000).contains(&size), "{size}");
    }

    #[test]
    fn shapes_are_what_they_say() {
        let find = |shape, needle: &[u8]| shaped(1, 1, shape).bytes.windows(needle.len()).any(|w| w == needle);
        assert!(find(Shape::Dots, b"\r\n.\r\n"));
        assert!(find(Shape::EightBit, &[0x80, 0x81]));
        assert!(find(Shape::EncodedSubject, b"Subject: =?UTF-8?B?"));
        assert!(!shaped(1, 1, Shape::Wrapped).bytes.starts_with(b"From"));
        assert!(shaped(1, 1, Shape::LongLine).bytes.split(|&b| b == b'\n').any(|line| line.len() >= 40_000));
    }
}

//! The reader of messages, on any octets: it says one thing to all who ask, and gives back what was put into a message.

use poplar_client::mail;

use crate::input::Input;

/// Reads one input as a message, and as a file in one.
pub fn run(input: &[u8]) {
    consistent(input);
    let mut input = Input::new(input);
    let how = input.octet();
    let file = input.rest();
    comes_back(file, how);
}

/// What the list, the message and its files say fits together, and none of it is more than there was.
pub(crate) fn consistent(raw: &[u8]) {
    let message = mail::parse(raw);
    let envelope = mail::envelope(raw);
    assert_eq!(
        (&envelope.subject, &envelope.from, envelope.date),
        (&message.subject, &message.from, message.date),
        "the list has another head"
    );
    assert!(envelope.preview.chars().count() <= 160);
    for (index, file) in message.attachments.iter().enumerate() {
        let (same, octets) = mail::attachment(raw, index).expect("a file that was told of");
        assert_eq!(&same, file);
        assert_eq!(octets.len() as u64, file.size, "{}", file.name);
        assert!(octets.len() <= raw.len() && !file.name.is_empty() && !file.kind.is_empty());
        assert!(!file.name.contains('\0') && !file.name.contains('\n'));
    }
    assert!(mail::attachment(raw, message.attachments.len()).is_none());
    assert!(!message.subject.contains(['\r', '\n']) && !message.from.contains(['\r', '\n']));
    // A record of compressed rich text makes nine octets of one, a character of Latin-1 two.
    assert!(message.text.len() <= raw.len() * 40 + 1000, "{} of {}", message.text.len(), raw.len());
}

/// A file comes out as it was put in, whatever is in it, and so does the text before it.
fn comes_back(file: &[u8], how: u8) {
    let (name, body) = match how % 3 {
        0 => ("base64", base64(file, usize::from(how / 3))),
        1 => ("quoted-printable", quoted_printable(file)),
        // Nothing in it may delimit a part.
        _ if file.windows(8).any(|octets| octets == b"boundary") => return,
        _ => ("binary", file.to_vec()),
    };
    let head = "From: a@b.example\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=\"a boundary\"\r\n\r\n\
        --a boundary\r\n\r\nHello\r\n--a boundary\r\nContent-Type: application/x-any\r\nContent-Disposition: attachment\r\n\
        Content-Transfer-Encoding: ";
    let raw = [head.as_bytes(), name.as_bytes(), b"\r\n\r\n", &body, b"\r\n--a boundary--\r\n"].concat();
    let message = mail::parse(&raw);
    assert_eq!((message.subject.as_str(), message.text.as_str()), ("s", "Hello"));
    assert_eq!(message.attachments.len(), 1);
    let (_, octets) = mail::attachment(&raw, 0).expect("the file");
    assert_eq!(octets, file, "{name}");
}

/// With a line end behind every so many groups of digits, and none for 0.
fn base64(octets: &[u8], line: usize) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for (number, group) in octets.chunks(3).enumerate() {
        if line > 0 && number > 0 && number % line == 0 {
            out.extend_from_slice(b"\r\n");
        }
        let bits = (0..3).fold(0, |bits, place| bits << 8 | u32::from(group.get(place).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = digits[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    out
}

fn quoted_printable(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, octet) in octets.iter().enumerate() {
        if number > 0 && number % 20 == 0 {
            out.extend_from_slice(b"=\r\n");
        }
        match octet {
            b'a'..=b'z' | b'0'..=b'9' => out.push(*octet),
            _ => out.extend_from_slice(format!("={octet:02X}").as_bytes()),
        }
    }
    out
}

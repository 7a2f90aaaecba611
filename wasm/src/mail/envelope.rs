//! What a list shows of a message, from the whole of it or from as much as TOP brought.

use mail_parser::{Address, MessageParser, MimeHeaders};

use super::mime::{address, date, subject, text, unwrapped};
use crate::store::Envelope;

/// Longest preview, in characters: more than any list shows on one line.
const PREVIEW: usize = 160;

/// Reads subject, sender, date and the first line of text. `raw` may end anywhere.
pub fn envelope(raw: &[u8]) -> Envelope {
    let Some(outer) = MessageParser::default().parse(raw) else { return Envelope::default() };
    let message = unwrapped(&outer);
    let sender = message.from().and_then(Address::first).or_else(|| message.sender().and_then(Address::first));
    // An image that the text shows is not something to save.
    let worth_saving = |part: &mail_parser::MessagePart<'_>| {
        part.content_disposition().is_some_and(|how| how.is_attachment()) || part.content_id().is_none()
    };
    Envelope {
        subject: subject(message),
        from: sender.map(address).unwrap_or_default(),
        preview: preview(&text(message)),
        date: date(message),
        attachments: message.attachments().any(worth_saving),
        head: Vec::new(),
    }
}

/// The first words, on one line.
fn preview(text: &str) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    words.flat_map(str::chars).take(PREVIEW).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_enough() {
        let raw = b"From: A <a@b.example>\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
            --x\r\nContent-Type: text/plain\r\n\r\nFirst   line\r\nsecond\r\n--x\r\nContent-Type: application/pdf\r\n\
            Content-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n";
        let whole = envelope(raw);
        assert_eq!((whole.from.as_str(), whole.subject.as_str()), ("A <a@b.example>", "s"));
        assert_eq!(whole.preview, "First line second");
        assert!(whole.attachments);
        for end in 0..raw.len() {
            envelope(&raw[..end]);
        }
    }

    #[test]
    fn previews_are_short_even_of_text_without_spaces() {
        assert_eq!(preview(&"ß".repeat(1000)), "ß".repeat(PREVIEW));
        assert_eq!(preview(" a\r\n\tb "), "a b");
    }
}

//! Messages taken apart, on top of mail-parser.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use mail_parser::{Address, Encoding, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{Attachment, Message, html_text, sniff};

/// Takes a message apart. Always gives something: what cannot be parsed has its whole source as text.
pub fn parse(raw: &[u8]) -> Message {
    let Some(outer) = MessageParser::default().parse(raw) else {
        return Message { text: String::from_utf8_lossy(raw).into_owned(), ..Message::default() };
    };
    let message = unwrapped(&outer);
    Message {
        headers: headers(message),
        subject: subject(message),
        from: message.from().and_then(Address::first).map(address).unwrap_or_default(),
        to: addresses(message.to()),
        cc: addresses(message.cc()),
        date: date(message),
        text: text(message),
        html: html(message),
        attachments: message.attachments().map(|part| attachment_of(message, part)).collect(),
    }
}

/// The bytes of one attachment, decoded from its transfer encoding and otherwise as sent; and its type.
pub fn attachment(raw: &[u8], index: usize) -> Option<(Attachment, Vec<u8>)> {
    let outer = MessageParser::default().parse(raw)?;
    let message = unwrapped(&outer);
    let part = message.attachment(u32::try_from(index).ok()?)?;
    Some((attachment_of(message, part), contents(message, part).into_owned()))
}

/// The message a reader means. Direct mail often wraps the whole message in a `message/rfc822` part and leaves the outside without
/// subject and sender: then the inner one is meant.
pub(super) fn unwrapped<'a, 'x>(outer: &'a mail_parser::Message<'x>) -> &'a mail_parser::Message<'x> {
    if outer.subject().is_some() || outer.from().is_some() {
        return outer;
    }
    outer.parts.iter().find_map(MessagePart::message).unwrap_or(outer)
}

fn headers(message: &mail_parser::Message<'_>) -> Vec<(String, String)> {
    let decode = |(name, value): (&str, &str)| {
        let value = format!("{}\n", value.trim_end());
        let decoded = MessageStream::new(value.as_bytes()).parse_unstructured();
        (name.to_owned(), decoded.as_text().unwrap_or_default().to_owned())
    };
    message.headers_raw().map(decode).collect()
}

pub(super) fn subject(message: &mail_parser::Message<'_>) -> String {
    message.subject().unwrap_or_default().trim().to_owned()
}

pub(super) fn date(message: &mail_parser::Message<'_>) -> Option<i64> {
    message.date().map(|date| date.to_timestamp().saturating_mul(1000))
}

fn addresses(list: Option<&Address<'_>>) -> Vec<String> {
    list.map(|list| list.iter().map(address).collect()).unwrap_or_default()
}

pub(super) fn address(addr: &mail_parser::Addr<'_>) -> String {
    let name = addr.name.as_deref().unwrap_or_default().trim();
    match addr.address.as_deref().unwrap_or_default().trim() {
        "" => name.to_owned(),
        address if name.is_empty() => address.to_owned(),
        address => format!("{name} <{address}>"),
    }
}

pub(super) fn text(message: &mail_parser::Message<'_>) -> String {
    let parts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(Cow::Borrowed(text.as_ref())),
        // mail-parser would do this as well, with a table of 2,231 entities that is a fifth of its size in the wasm.
        PartType::Html(html) => Some(Cow::Owned(html_text::html_text(html))),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// Only what the sender wrote as HTML: mail-parser would make some from plain text.
fn html(message: &mail_parser::Message<'_>) -> Option<String> {
    let parts: Vec<&str> = (message.html_bodies())
        .filter_map(|part| match &part.body {
            PartType::Html(html) => Some(html.as_ref()),
            _ => None,
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn attachment_of(message: &mail_parser::Message<'_>, part: &MessagePart<'_>) -> Attachment {
    let bytes = contents(message, part);
    let declared = declared_type(part);
    let kind = match sniff::sniff(&bytes) {
        Some(sniffed) if !sniff::refines(&declared, sniffed) => sniffed.to_owned(),
        _ => declared.clone(),
    };
    let content_id = part.content_id().map(|id| id.trim_matches(['<', '>']).to_owned());
    let disposition = part.content_disposition();
    let inline = disposition.is_some_and(|how| how.is_inline()) || (disposition.is_none() && content_id.is_some());
    Attachment { name: name(part, &declared), kind, declared, size: bytes.len() as u64, inline, content_id }
}

fn declared_type(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(kind) => match kind.subtype() {
            Some(subtype) => format!("{}/{}", kind.ctype(), subtype).to_ascii_lowercase(),
            None => kind.ctype().to_ascii_lowercase(),
        },
        None if part.is_message() => "message/rfc822".to_owned(),
        None => "application/octet-stream".to_owned(),
    }
}

fn name(part: &MessagePart<'_>, declared: &str) -> String {
    if let Some(name) = part.attachment_name().map(str::trim).filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    match &part.body {
        PartType::Message(inner) => match subject(inner) {
            subject if subject.is_empty() => "message.eml".to_owned(),
            subject => format!("{subject}.eml"),
        },
        _ => format!("attachment.{}", sniff::extension(declared)),
    }
}

/// The bytes of a part as its sender had them: only the transfer encoding is taken off. mail-parser's own contents of text parts
/// are recoded to UTF-8, which would change a file.
fn contents<'a>(message: &'a mail_parser::Message<'_>, part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Cow::Borrowed(bytes),
        PartType::Message(inner) => Cow::Borrowed(inner.raw_message()),
        PartType::Text(_) | PartType::Html(_) | PartType::Multipart(_) => {
            let range = part.raw_body_offset() as usize..part.raw_end_offset() as usize;
            let raw = message.raw_message().get(range).unwrap_or_default();
            let decoded = match part.encoding {
                Encoding::None => None,
                Encoding::QuotedPrintable => quoted_printable_decode(raw),
                Encoding::Base64 => base64_decode(raw),
            };
            decoded.map_or(Cow::Borrowed(raw), Cow::Owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crlf(text: &str) -> Vec<u8> {
        text.replace('\n', "\r\n").into_bytes()
    }

    #[test]
    fn plain_text() {
        let message = parse(&crlf(
            "From: =?utf-8?Q?Jos=C3=A9?= Ortega <j.ortega@clinic.example>\nTo: a@b.example, \"C, D\" <c@d.example>\n\
             Subject: =?utf-8?B?UHLDvGZ1bmc=?=\nDate: Mon, 2 Nov 2026 10:00:00 +0000\nX-Folded: one\n two\n\nHello\nthere\n",
        ));
        assert_eq!(message.from, "José Ortega <j.ortega@clinic.example>");
        assert_eq!(message.to, ["a@b.example", "C, D <c@d.example>"]);
        assert_eq!(message.subject, "Prüfung");
        assert_eq!(message.date, Some(1_793_613_600_000));
        assert_eq!(message.text.replace("\r\n", "\n"), "Hello\nthere\n");
        assert_eq!(message.html, None);
        assert!(message.headers.contains(&("X-Folded".into(), "one two".into())), "{:?}", message.headers);
        assert!(message.headers.contains(&("Subject".into(), "Prüfung".into())));
    }

    const MIXED: &str = "From: a@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n\
        --x\nContent-Type: text/html\n\n<p>Hi</p>\n\
        --x\nContent-Type: text/csv; charset=iso-8859-1\nContent-Disposition: attachment; filename*=iso-8859-1''gr%F6sse.csv\n\
        Content-Transfer-Encoding: quoted-printable\n\ngr=F6sse;1=0D=0A\n\
        --x\nContent-Type: application/octet-stream; name=scan.bin\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n\
        --x\nContent-Type: message/rfc822\n\nSubject: inside\nFrom: i@n.example\n\ninner text\n--x--\n";

    #[test]
    fn attachments_are_the_senders_bytes() {
        let raw = crlf(MIXED);
        let message = parse(&raw);
        assert_eq!(message.html.as_deref().map(str::trim), Some("<p>Hi</p>"));
        assert_eq!(message.text.trim(), "Hi");
        let names: Vec<_> = message.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
        assert_eq!(names, ["grösse.csv", "scan.bin", "inside.eml"]);
        let (csv, bytes) = attachment(&raw, 0).unwrap();
        assert_eq!((csv.declared.as_str(), bytes.as_slice()), ("text/csv", b"gr\xf6sse;1\r\n".as_slice()));
        let (png, bytes) = attachment(&raw, 1).unwrap();
        assert_eq!((png.kind.as_str(), png.declared.as_str()), ("image/png", "application/octet-stream"));
        assert_eq!(bytes, b"\x89PNG\r\n\x1a\n");
        let (_, inner) = attachment(&raw, 2).unwrap();
        assert_eq!(inner, b"Subject: inside\r\nFrom: i@n.example\r\n\r\ninner text");
        assert!(attachment(&raw, 3).is_none());
    }

    #[test]
    fn a_wrapped_direct_message_is_the_message() {
        let inner = "U3ViamVjdDogUmVmZXJyYWwNCkZyb206IGRyQGRpcmVjdC5leGFtcGxlDQoNClRleHQNCg==";
        let outer =
            format!("MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}\n");
        let message = parse(&crlf(&outer));
        assert_eq!((message.subject.as_str(), message.from.as_str()), ("Referral", "dr@direct.example"));
        assert_eq!(message.text.trim(), "Text");
    }

    #[test]
    fn what_is_no_message_is_still_shown() {
        for junk in [b"".as_slice(), b"\0\xff\xfe", b"\r\n\r\n", b"just words"] {
            parse(junk);
        }
        assert!(parse(b"\r\njust words").text.contains("just words"));
    }
}

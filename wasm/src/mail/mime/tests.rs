//! Whole messages. The corpus in `tests/mime` has many more, and what each must come to.

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

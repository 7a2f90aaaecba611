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

/// Time grows with length and no faster: each of these would take hours if any of it were looked at again for each part, line or word.
#[test]
fn no_message_takes_long() {
    let head = "From: a@b.example\r\nSubject: s\r\n";
    let mixed = "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
    let nested: String = (0..30_000)
        .map(|depth| format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n"))
        .collect();
    // Boundaries that differ in their last octets only, and lines that are none of them.
    let long = "b".repeat(240);
    let alike: String = (0..100)
        .map(|depth| format!("Content-Type: multipart/mixed; boundary={long}{depth}\r\n\r\n--{long}{depth}\r\n"))
        .collect();
    for (what, raw) in [
        ("parts", format!("{head}{mixed}{}", "--x\r\n\r\n".repeat(300_000))),
        ("a boundary that never comes", format!("{head}{mixed}{}", "--y\r\n".repeat(1_000_000))),
        ("dashes", format!("{head}{mixed}{}", "-".repeat(10_000_000))),
        ("nested multiparts", format!("{head}{nested}")),
        ("boundaries that are alike", format!("{head}{alike}{}", format!("--{long}x\r\n").repeat(10_000))),
        ("nested messages", format!("{}x", "Content-Type: message/rfc822\r\n\r\n".repeat(100_000))),
        ("a header line", format!("Subject: {}\r\n\r\nx", "a".repeat(10_000_000))),
        ("fields", format!("{}\r\nx", "A: b\r\n".repeat(1_000_000))),
        ("lines of a field", format!("Subject: a\r\n{}\r\nx", " b\r\n".repeat(1_000_000))),
        ("lines that are no fields", format!("Subject: a\r\n{}\r\nx", "b\r\nA:b\r\n".repeat(500_000))),
        ("encoded words", format!("Subject: {}\r\n\r\nx", "=?utf-8?Q?=C3=A9?= ".repeat(500_000))),
        ("encoded words that do not end", format!("Subject: {}\r\n\r\nx", "=?utf-8?Q?".repeat(500_000))),
        ("equals signs", format!("Subject: {}\r\n\r\nx", "=".repeat(5_000_000))),
        ("addresses", format!("From: {}\r\n\r\nx", "a@b.example,".repeat(500_000))),
        ("colons", format!("From: {}@{}\r\n\r\nx", "a".repeat(250_000), ":".repeat(250_000))),
        ("quotes", format!("From: {}\r\n\r\nx", "\"\\".repeat(250_000))),
        ("comments", format!("From: {}\r\n\r\nx", "(".repeat(500_000))),
        ("parameters", format!("Content-Type: text/plain; {}\r\n\r\nx", "a*1=\"b;".repeat(70_000))),
        ("words of a date", format!("Date: {}\r\n\r\nx", "1 - : ".repeat(80_000))),
        ("uuencoded files", format!("{head}\r\n{}", "begin 644 a\r\n".repeat(500_000))),
        (
            "pieces of base64",
            format!("{head}Content-Transfer-Encoding: base64\r\n\r\n{}", "SGVsbG8=\r\n".repeat(500_000)),
        ),
        ("padding", format!("{head}Content-Transfer-Encoding: base64\r\n\r\n{}", "=".repeat(5_000_000))),
        ("escapes", format!("{head}Content-Transfer-Encoding: quoted-printable\r\n\r\n{}", "=".repeat(5_000_000))),
        ("flowed lines", format!("{head}Content-Type: text/plain; format=flowed\r\n\r\n{}", ">a \r\n".repeat(500_000))),
        ("tags", format!("{head}Content-Type: text/html\r\n\r\n{}", "<a &".repeat(500_000))),
        (
            "events",
            format!("{head}Content-Type: text/calendar\r\n\r\n{}", "BEGIN:VEVENT\r\nSUMMARY:a\r\n".repeat(100_000)),
        ),
        (
            "reports",
            format!("{head}Content-Type: message/delivery-status\r\n\r\n{}", "Action: failed\r\n\r\n".repeat(300_000)),
        ),
    ] {
        let begun = std::time::Instant::now();
        let message = parse(raw.as_bytes());
        let files = message.attachments.len();
        envelope(raw.as_bytes());
        attachment(raw.as_bytes(), files);
        println!("{:>6} ms  {what}, {} octets", begun.elapsed().as_millis(), raw.len());
    }
}

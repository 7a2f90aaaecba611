//! Every message of `tests/mime`, and what must come of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use poplar_client::mail::{self, Attachment, Message, Report};

/// What stands between a message and what must come of it.
const RULE: &str = "\n=====\n";

/// As many octets of a file are compared where a sample says what they are.
const BYTES: usize = 64;

struct Sample {
    name: String,
    comment: Vec<String>,
    raw: Vec<u8>,
    expected: String,
}

fn samples() -> Vec<Sample> {
    mail::set_decoder(|label, octets| {
        let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(encoding.decode_with_bom_removal(octets).0.into_owned())
    });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mime");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "txt")).collect();
    files.sort();
    files.iter().map(|path| sample(path)).collect()
}

fn sample(path: &Path) -> Sample {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let file = fs::read_to_string(path).unwrap();
    let (mut message, expected) = file.split_once(RULE).unwrap_or_else(|| panic!("{name}.txt has no rule"));
    let mut comment = Vec::new();
    while let Some(rest) = message.strip_prefix("# ") {
        let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
        comment.push(line.to_owned());
        message = rest;
    }
    assert!(!comment.is_empty(), "{name}.txt does not say what it is about");
    let end = match comment.iter().find_map(|line| line.strip_prefix("lines ")) {
        Some("LF") => "\n",
        Some("CR") => "\r",
        Some(other) => panic!("{name}.txt: what are lines {other}?"),
        None => "\r\n",
    };
    Sample { raw: octets(&format!("{message}\n"), end), name, comment, expected: expected.to_owned() }
}

fn octets(text: &str, end: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' => out.extend_from_slice(end.as_bytes()),
            '\\' => match rest.as_bytes()[0] {
                b'x' => {
                    out.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                    rest = &rest[3..];
                }
                b'\\' => {
                    out.push(b'\\');
                    rest = &rest[1..];
                }
                b'\n' => rest = &rest[1..],
                other => panic!("what is \\{}?", char::from(other)),
            },
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// What came of a message, as a sample says it; the octets of files where `bytes_of` says so.
fn told(raw: &[u8], bytes_of: &[bool]) -> String {
    let Message { subject, from, to, cc, date, text, html, attachments, reports, .. } = mail::parse(raw);
    let envelope = mail::envelope(raw);
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(out, "{name} {}", shown(value)).unwrap();
        }
    };
    line("subject", &subject);
    line("from", &from);
    to.iter().for_each(|address| line("to", address));
    cc.iter().for_each(|address| line("cc", address));
    line("date", &date.map(|at| at.to_string()).unwrap_or_default());
    block(&mut out, "text", Some(&text).filter(|text| !text.trim().is_empty()));
    block(&mut out, "html", html.as_ref());
    for (index, file) in attachments.iter().enumerate() {
        let Attachment { name, kind, declared, size, inline, content_id } = file;
        writeln!(out, "file {}\n    type {kind}", shown(name)).unwrap();
        if declared != kind {
            writeln!(out, "    declared {declared}").unwrap();
        }
        writeln!(out, "    size {size}").unwrap();
        if *inline {
            out.push_str("    inline\n");
        }
        if let Some(id) = content_id {
            writeln!(out, "    id {id}").unwrap();
        }
        let (same, bytes) = mail::attachment(raw, index).unwrap();
        assert_eq!(&same, file, "a file that is read is not the one that was told of");
        assert_eq!(bytes.len() as u64, *size, "{name} has another size than it was said to have");
        if bytes_of.get(index) == Some(&true) {
            let text: String =
                bytes.iter().take(BYTES).flat_map(|octet| octet.escape_ascii()).map(char::from).collect();
            writeln!(out, "    bytes {text}").unwrap();
        }
    }
    assert!(mail::attachment(raw, attachments.len()).is_none());
    for Report { kind, recipient, status, words, original } in &reports {
        writeln!(out, "{}", format!("report {kind} {recipient}").trim_end()).unwrap();
        for (name, value) in
            [("status", status.as_deref()), ("words", Some(words.as_str())), ("original", original.as_deref())]
        {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                writeln!(out, "    {name} {}", shown(value)).unwrap();
            }
        }
    }
    if envelope.attachments {
        out.push_str("mark\n");
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().take(160).collect::<String>() != envelope.preview {
        writeln!(out, "preview {}", shown(&envelope.preview)).unwrap();
    }
    assert_eq!(
        (&envelope.subject, &envelope.from, envelope.date),
        (&subject, &from, date),
        "the list has another head"
    );
    out
}

fn block(out: &mut String, name: &str, text: Option<&String>) {
    let Some(text) = text else { return };
    writeln!(out, "{name}").unwrap();
    for line in text.trim_end().lines() {
        writeln!(out, "{}", format!("| {}", shown(line)).trim_end()).unwrap();
    }
}

/// Without what cannot be seen.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}' => out.extend(c.escape_unicode()),
            _ if c.is_control() => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

#[test]
fn what_each_message_comes_to() {
    let (samples, mut failures) = (samples(), Vec::new());
    for Sample { name, raw, expected, .. } in &samples {
        let files = expected.split("\nfile ").skip(if expected.starts_with("file ") { 0 } else { 1 });
        let bytes_of: Vec<bool> = files.map(|file| file.contains("\n    bytes ")).collect();
        let told = told(raw, &bytes_of);
        if told.trim_end() != expected.trim_end() {
            failures.push(format!("== {name}.txt comes to\n{told}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), samples.len(), failures.join("\n"));
}

#[test]
fn there_are_as_many_as_there_should_be() {
    let samples = samples();
    let malformed = samples.iter().filter(|sample| sample.comment.iter().any(|line| line == "malformed")).count();
    println!("{} messages, {malformed} of them malformed", samples.len());
    assert!(samples.len() >= 200 && malformed >= 60, "{} and {malformed}", samples.len());
}

/// TOP and a lost connection end a message anywhere.
#[test]
fn a_message_may_end_anywhere() {
    for Sample { name, raw, .. } in &samples() {
        for end in 0..raw.len() {
            let cut = &raw[..end];
            let message = mail::parse(cut);
            let envelope = mail::envelope(cut);
            assert_eq!(message.subject, envelope.subject, "{name}.txt, cut at {end}");
            for (index, file) in message.attachments.iter().enumerate() {
                let (_, bytes) = mail::attachment(cut, index).unwrap();
                assert_eq!(bytes.len() as u64, file.size, "{name}.txt, cut at {end}: {}", file.name);
            }
        }
    }
}

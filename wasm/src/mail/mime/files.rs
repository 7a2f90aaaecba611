//! What can be saved of a message.

use super::body::{self, file_name, is_tnef};
use super::header::Header;
use super::structure::Part;
use super::transfer::{self, Encoding};
use super::{charset, report, tnef};
use crate::mail::{Attachment, sniff};

/// As many octets of a file as tell what it is: the longest beginning that is known has eight.
const BEGINNING: usize = 16;

/// Most files of one message that are told apart, those within others included: a list that nobody reads to its end.
const FILES: usize = 10_000;

/// Who is shown each file: what is known of it, and what gives its octets.
pub(super) type Seen<'a> = dyn FnMut(Attachment, &dyn Fn() -> Vec<u8>) + 'a;

/// Hands over each file, in order, and what gives its octets. `wrapped`: the part that is the message itself, and no file.
pub(super) fn each(parts: &[Part<'_>], wrapped: Option<usize>, seen: &mut Seen<'_>) {
    let mut left = FILES;
    let mut seen = |file: Attachment, octets: &dyn Fn() -> Vec<u8>| {
        if left > 0 {
            left -= 1;
            seen(file, octets);
        }
    };
    for (number, part) in parts.iter().enumerate() {
        if part.multipart || wrapped == Some(number) {
            continue;
        }
        if body::is_body(part, parts) {
            let (text, files) = body::uuencoded(part);
            for file in files {
                let octets = file.octets(&text);
                let name = charset::decode("", &file.name);
                seen(described(name, "", &octets, octets.len(), false, None), &|| octets.clone());
            }
        } else if !is_tnef(part) || !unpacked(part, &mut seen) {
            seen(whole(part), &|| part.contents().into_owned());
        }
    }
}

/// Whether there is something to save in a part, for the mark in a list. An image that the text shows is not something to save, nor is
/// what is there for programs: signatures and reports.
pub(super) fn worth_saving(part: &Part<'_>, parts: &[Part<'_>]) -> bool {
    if part.multipart {
        return false;
    }
    if body::is_body(part, parts) {
        return !body::uuencoded(part).1.is_empty();
    }
    if is_tnef(part) {
        let contents = part.contents();
        return tnef::read(&contents).is_none_or(|tnef| !tnef.files.is_empty() || !tnef.says_something());
    }
    let kind = part.kind.word.as_str();
    let for_programs =
        kind.ends_with("pkcs7-signature") || kind == "application/pgp-signature" || kind == "text/rfc822-headers";
    let shown = part.disposition.word != "attachment" && part.header.get("content-id").is_some();
    !(for_programs || shown || report::reports_something(part, parts))
}

/// What is in a `winmail.dat`; `false` where it cannot be unpacked or has only words.
fn unpacked(part: &Part<'_>, seen: &mut Seen<'_>) -> bool {
    let contents = part.contents();
    let Some(tnef) = tnef::read(&contents) else { return false };
    let any = !tnef.files.is_empty() || tnef.says_something();
    for file in tnef.files {
        let octets = file.octets;
        let inline = file.content_id.is_some();
        let id = file.content_id.map(|id| id.trim_matches(['<', '>']).to_owned());
        seen(described(file.name, &file.kind, octets, octets.len(), inline, id), &|| octets.to_vec());
    }
    any
}

fn whole(part: &Part<'_>) -> Attachment {
    let declared = if part.typed && part.kind.word.contains('/') || part.kind.word == "message/rfc822" {
        part.kind.word.as_str()
    } else {
        ""
    };
    let beginning = part.encoding.beginning(part.body, BEGINNING);
    let content_id = part.content_id();
    let inline = match part.disposition.word.as_str() {
        "" => content_id.is_some(),
        word => word == "inline",
    };
    let name = file_name(part).unwrap_or_else(|| inner_name(part));
    described(name, declared, &beginning, part.encoding.length(part.body), inline, content_id)
}

/// The name of a file that was not given one where it is attached, but inside: empty where there is none there either.
fn inner_name(part: &Part<'_>) -> String {
    if part.encoding == Encoding::Uuencode
        && let Some(file) = transfer::uuencoded(part.body, 0)
    {
        return charset::decode("", &file.name);
    }
    if !is_message(part) {
        return String::new();
    }
    let contents = part.contents();
    let (header, _) = Header::read(&contents, 0, &|_| false);
    match header.text("subject", "") {
        subject if subject.is_empty() => "message.eml".to_owned(),
        subject => format!("{subject}.eml"),
    }
}

pub(super) fn is_message(part: &Part<'_>) -> bool {
    matches!(part.kind.word.as_str(), "message/rfc822" | "message/global")
}

/// What is known of a file; without a name it is called after its type.
fn described(
    name: String,
    declared: &str,
    beginning: &[u8],
    size: usize,
    inline: bool,
    content_id: Option<String>,
) -> Attachment {
    let declared = if declared.is_empty() { "application/octet-stream" } else { declared };
    let kind = sniff::sniff(beginning).filter(|sniffed| !sniff::refines(declared, sniffed)).unwrap_or(declared);
    // In a `winmail.dat` a name is any text.
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = if name.is_empty() { format!("attachment.{}", sniff::extension(kind)) } else { name };
    Attachment { name, kind: kind.to_owned(), declared: declared.to_owned(), size: size as u64, inline, content_id }
}

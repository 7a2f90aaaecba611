//! The samples: a clinic's mail, all of it invented.
//!
//! A message is a template beside this file. In it, `@{…}` stands for what is not the same every time, or not readable:
//!
//! | directive | becomes |
//! |---|---|
//! | `@{date}` | when the message was written, as a `Date` field has it |
//! | `@{day N}`, `@{us-day N}`, `@{compact N}` | that day, N days later (or earlier): `2025-03-31`, `03/31/2025`, `20250331` |
//! | `@{uid}` | a number that is this message's own |
//! | `@{text FILE}` | a file of `parts/`, itself a template |
//! | `@{base64 FILE}`, `@{base64-text FILE}` | a file of `parts/` as it is, or a template of `parts/`, in base64 |
//! | `@{holter}` | five megabytes of heart beats |
//!
//! Templates hold LF; messages hold CRLF.

mod holter;

use data_encoding::BASE64_MIME;

use super::calendar::{Every, Moment};
use super::maildrop::Message;

struct Sample {
    /// Stands in the UID. Never given to another sample, or a browser would take one for the other.
    slot: u64,
    every: Every,
    /// When in its period it is written.
    minutes: u64,
    template: &'static [u8],
}

/// Most samples there can be: a UID counts occurrences in steps of this.
const SLOTS: u64 = 64;

macro_rules! samples {
    ($($slot:literal $file:literal $every:ident + $minutes:expr;)*) => {
        [$(Sample { slot: $slot, every: Every::$every, minutes: $minutes, template: include_bytes!($file) }),*]
    };
}

/// Minutes into a period that begins at midnight (for weeks and longer: on a Monday).
const fn at(day: u64, hour: u64, minute: u64) -> u64 {
    (day * 24 + hour) * 60 + minute
}

/// What is there from the start, roughly newest first. A hundred days of mail: a few messages are written anew each hour
/// or day, most stay for weeks.
const SAMPLES: [Sample; 34] = samples! {
    0 "welcome.eml" Hour + 2;
    1 "critical-value.eml" Hour + 24;
    2 "empty-subject.eml" Hour + 47;
    3 "handoff.eml" Day + at(0, 19, 4);
    4 "portal.eml" Day + at(0, 7, 30);
    5 "spanish-appointment.eml" Day + at(0, 12, 51);
    6 "referral.eml" Day + at(0, 16, 18);
    7 "direct-wrapped.eml" Week + at(0, 9, 41);
    8 "inline-image.eml" Week + at(0, 15, 12);
    9 "newsletter.eml" Week + at(1, 6, 0);
    10 "read-receipt.eml" Week + at(1, 8, 13);
    11 "flowed.eml" Week + at(1, 14, 37);
    12 "invitation.eml" Week + at(2, 10, 5);
    13 "arabic.eml" Week + at(2, 11, 22);
    14 "claims.eml" Week + at(3, 9, 58);
    15 "no-sender.eml" Week + at(3, 13, 46);
    16 "holter.eml" Week + at(4, 17, 31);
    17 "hebrew.eml" Month + at(1, 8, 44);
    18 "summary-of-care.eml" Month + at(3, 11, 9);
    19 "records-request.eml" Month + at(7, 16, 27);
    20 "japanese.eml" Month + at(9, 10, 33);
    21 "undelivered.eml" Month + at(10, 15, 20);
    22 "forwarded.eml" Month + at(14, 12, 2);
    23 "long-subject.eml" Month + at(16, 9, 15);
    24 "dots.eml" Month + at(18, 14, 50);
    25 "nested.eml" Month + at(23, 17, 5);
    26 "french-lab.eml" Quarter + at(2, 8, 26);
    27 "latin1.eml" Quarter + at(11, 13, 8);
    28 "raw-utf8-headers.eml" Quarter + at(22, 18, 40);
    29 "colleague.eml" Quarter + at(31, 9, 0);
    30 "long-filename.eml" Quarter + at(44, 10, 12);
    31 "lone-dot.eml" Quarter + at(53, 15, 55);
    32 "empty-body.eml" Quarter + at(65, 11, 36);
    33 "signed.eml" Quarter + at(78, 8, 0);
};

/// What arrives while somebody looks on.
const ARRIVAL: Sample = Sample { slot: 34, every: Every::Minute, minutes: 0, template: include_bytes!("arrival.eml") };

macro_rules! parts {
    ($($file:literal)*) => { [$(($file, include_bytes!(concat!("parts/", $file)))),*] };
}

const PARTS: [(&str, &[u8]); 10] = parts! {
    "appointments.csv"
    "blood-pressure.png"
    "cita.txt"
    "claims.csv"
    "consent.pdf"
    "ecg-strip.png"
    "referral.pdf"
    "summary.xml"
    "wrapped.eml"
    "yobou.txt"
};

/// The mailbox of a demo that starts at `now`, oldest first. Everything is there from the start but the last message, which
/// arrives `new_mail_after` seconds later.
pub(super) fn samples(now: u64, new_mail_after: u64) -> Vec<Message> {
    let mut written: Vec<_> =
        SAMPLES.iter().map(|sample| (sample.every.last(sample.minutes, now), sample, 0)).collect();
    written.sort_by_key(|((seconds, _), sample, _)| (*seconds, sample.slot));
    let arrives = now + new_mail_after;
    written.push((ARRIVAL.every.last(ARRIVAL.minutes, arrives), &ARRIVAL, arrives));
    written
        .into_iter()
        .map(|((seconds, occurrence), sample, arrives)| {
            let number = occurrence * SLOTS + sample.slot;
            let bytes = crlf(&Context { seconds, number }.render(sample.template));
            // A number and a letter, as the guide shows them.
            Message { uid: format!("{number}N"), bytes, arrives }
        })
        .collect()
}

/// What the directives of one message stand for.
struct Context {
    seconds: u64,
    number: u64,
}

impl Context {
    /// Replaces the directives of a template. One that is not known stays as it is.
    fn render(&self, template: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, directive, after)) = next_directive(rest) {
            text.extend_from_slice(before);
            match self.value(directive) {
                Some(value) => text.extend_from_slice(&value),
                None => text.extend_from_slice(format!("@{{{directive}}}").as_bytes()),
            }
            rest = after;
        }
        text.extend_from_slice(rest);
        text
    }

    fn value(&self, directive: &str) -> Option<Vec<u8>> {
        let (name, argument) = directive.split_once(' ').unwrap_or((directive, ""));
        let part = || Some(PARTS.iter().find(|(file, _)| *file == argument)?.1);
        let day = || match argument {
            "" => Some(Moment::at(self.seconds, 0)),
            days => Some(Moment::at(self.seconds, days.parse().ok()?)),
        };
        Some(match name {
            "date" => Moment::at(self.seconds, 0).rfc5322().into(),
            "day" => day()?.iso().into(),
            "us-day" => day()?.us().into(),
            "compact" => day()?.compact().into(),
            "uid" => self.number.to_string().into(),
            "text" => self.render(part()?),
            "base64" => base64(part()?),
            "base64-text" => base64(&crlf(&self.render(part()?))),
            "holter" => holter::beats().into(),
            _ => return None,
        })
    }
}

/// What comes before the first directive, what it says, and what comes after it.
fn next_directive(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let start = text.windows(2).position(|window| window == b"@{")?;
    let (before, inside) = text.split_at(start);
    let inside = inside.get(2..)?;
    let end = inside.iter().position(|byte| *byte == b'}')?;
    let (directive, after) = inside.split_at(end);
    Some((before, std::str::from_utf8(directive).ok()?, after.get(1..)?))
}

/// With CRLF at every line's end, the last one's included, whatever a checkout has made of the file.
fn crlf(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        lines.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// In lines of 76 characters (RFC 2045 §6.8), without the last line's end: the template has it.
fn base64(bytes: &[u8]) -> Vec<u8> {
    BASE64_MIME.encode(bytes).trim_end().into()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::sync::LazyLock;

    use mail_parser::{Message as Parsed, MessageParser, MimeHeaders, PartType};

    use super::*;

    /// 2025-11-22 01:00:00 UTC.
    const NOW: u64 = 1_763_773_200;
    const DAY: u64 = 24 * 60 * 60;

    fn mailbox() -> &'static [Message] {
        static MAILBOX: LazyLock<Vec<Message>> = LazyLock::new(|| samples(NOW, 120));
        &MAILBOX
    }

    fn by_slot(slot: u64) -> &'static [u8] {
        let of_slot = |message: &Message| message.uid.trim_end_matches('N').parse::<u64>().unwrap() % SLOTS == slot;
        &mailbox().iter().find(|message| of_slot(message)).unwrap().bytes
    }

    /// Looks at one sample as a reader would.
    fn look(slot: u64, look: impl FnOnce(&Parsed)) {
        look(&MessageParser::default().parse(by_slot(slot)).unwrap());
    }

    fn attachments<'a>(message: &'a Parsed) -> Vec<(&'a str, &'a [u8])> {
        message.attachments().map(|part| (part.attachment_name().unwrap_or_default(), part.contents())).collect()
    }

    #[test]
    fn samples_are_messages_as_a_server_keeps_them() {
        for Message { uid, bytes, .. } in mailbox() {
            assert!(bytes.ends_with(b"\r\n"), "{uid}");
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{uid}: a bare LF"));
                assert!(!text.contains(&b'\r') && !text.contains(&0), "{uid}");
                assert!(text.len() <= 998, "{uid}: RFC 5322 §2.1.1");
            }
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains("@{"), "{uid}: a directive that is not known");
            assert!(MessageParser::default().parse(bytes).is_some_and(|parsed| parsed.date().is_some()), "{uid}");
        }
    }

    #[test]
    fn nobody_in_them_exists() {
        for Message { uid, bytes, .. } in mailbox() {
            // Soft line breaks of quoted-printable cut names in two.
            let text = String::from_utf8_lossy(bytes).replace("=\r\n", "");
            let hosts = text.split('@').skip(1).map(|rest| {
                rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.')).next().unwrap_or_default()
            });
            let links = text.split("://").skip(1).map(|rest| rest.split(['/', '"', '=']).next().unwrap_or_default());
            for host in hosts.chain(links) {
                // RFC 2606 §2 and §3.
                let reserved = ["example", "example.org", "example.com", "example.net"];
                let fits = |name: &str| host == name || host.ends_with(&format!(".{name}"));
                assert!(reserved.into_iter().any(fits) || host == "www.w3.org", "{uid}: {host}");
            }
        }
    }

    #[test]
    fn dates_are_spread_and_none_is_to_come() {
        for now in (NOW..NOW + 200 * DAY).step_by(100_003) {
            let seconds: Vec<_> = SAMPLES.iter().map(|sample| sample.every.last(sample.minutes, now).0).collect();
            assert!(seconds.iter().all(|seconds| *seconds <= now && now - seconds < 84 * DAY));
            assert!(seconds.iter().any(|seconds| now - seconds < 60 * 60), "something new");
            assert!(seconds.iter().any(|seconds| now - seconds > 30 * DAY), "something old");
        }
    }

    #[test]
    fn a_uid_stands_for_the_same_bytes_at_every_start() {
        let mut known: HashMap<String, Vec<u8>> = HashMap::new();
        for now in [NOW, NOW + 1, NOW + 59, NOW + 3600, NOW + DAY, NOW + 7 * DAY, NOW + 100 * DAY] {
            let mut uids = HashSet::new();
            for Message { uid, bytes, .. } in samples(now, 120) {
                assert!(uids.insert(uid.clone()), "{uid} twice in one mailbox");
                assert_eq!(&bytes, known.entry(uid.clone()).or_insert_with(|| bytes.clone()), "{uid}");
            }
        }
    }

    #[test]
    fn a_restart_brings_few_new_messages() {
        let uids = |now| samples(now, 120).into_iter().map(|message| message.uid).collect::<HashSet<_>>();
        let first = uids(NOW);
        assert!(first.iter().all(|uid| uid.strip_suffix('N').is_some_and(|number| number.parse::<u64>().is_ok())));
        assert_eq!(uids(NOW + 20), first, "the same minute");
        assert!(uids(NOW + 600).difference(&first).count() <= 4, "ten minutes later");
        assert!(uids(NOW + DAY).difference(&first).count() <= 20, "a day later");
    }

    #[test]
    fn one_message_arrives_later_and_is_the_last() {
        let mailbox = mailbox();
        let arrivals: Vec<_> = mailbox.iter().map(|message| message.arrives).collect();
        assert_eq!(arrivals.last(), Some(&(NOW + 120)));
        assert!(arrivals.iter().rev().skip(1).all(|arrives| *arrives == 0));
        assert_eq!(mailbox.len(), SAMPLES.len() + 1);
    }

    #[test]
    fn slots_are_given_once() {
        let slots: HashSet<_> = SAMPLES.iter().chain([&ARRIVAL]).map(|sample| sample.slot).collect();
        assert_eq!(slots.len(), SAMPLES.len() + 1);
        assert!(slots.iter().all(|slot| *slot < SLOTS));
    }

    #[test]
    fn names_and_subjects_are_told_in_every_encoding() {
        for (slot, sender, subject) in [
            (2, Some("Front desk"), None),
            (5, Some("María José Máñez"), Some("¿Puedo cambiar la cita de mi hija al jueves por la mañana?")),
            (13, Some("سلمى حداد"), Some("موعد والدتي يوم الثلاثاء الساعة 10:30")),
            (15, None, Some("Fax received: 2 pages, line 4")),
            (17, Some("ד״ר נועה לביא"), Some("תוצאות הבדיקה של Rowan (MRI)")),
            (20, Some("佐藤 美咲"), Some("予防接種記録の英訳について（至急ではありません）")),
            (
                26,
                Some("Laboratoire Châteauneuf"),
                Some("Résultats de laboratoire reçus de l'étranger pour votre patiente"),
            ),
            (27, Some("Jürgen Möllenhauer"), Some("Röntgenbilder für Frau Fictive")),
            (28, Some("Nguyễn Thị Hương"), Some("Cảm ơn – thank you for the café on Zürichstraße ☕")),
        ] {
            look(slot, |message| {
                let from = message.from().and_then(|from| from.first()).and_then(|from| from.name());
                assert_eq!(from, sender);
                assert_eq!(message.subject().filter(|subject| !subject.is_empty()), subject);
            });
        }
        look(23, |message| assert_eq!(message.subject().unwrap().chars().count(), 300));
    }

    #[test]
    fn bodies_are_told_in_every_encoding() {
        for (slot, words) in [
            (5, "quisiera faltar"),
            (9, "influenza-like illness"),
            (17, "בדיקת"),
            (20, "母子手帳"),
            (24, "\n...ellipsis\r\n"),
            (26, "glycémie à jeun"),
            (27, "Größe und\r\nLage"),
            (31, "\r\n.\r\n\r\nThis comes after it."),
        ] {
            look(slot, |message| {
                let body = message.body_text(0).unwrap();
                assert!(body.contains(words), "{slot}: {body}");
            });
        }
        look(32, |message| assert_eq!(message.body_text(0).unwrap_or_default().trim(), ""));
    }

    #[test]
    fn attachments_are_what_they_say() {
        let pdf: &[u8] = include_bytes!("parts/referral.pdf");
        look(6, |message| assert_eq!(attachments(message), [("referral.pdf", pdf)]));
        look(19, |message| {
            let names: Vec<_> = attachments(message).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["consent.pdf", "appointments.csv", "ecg-strip.png", "cover note.txt"]);
        });
        look(18, |message| {
            let (name, xml) = attachments(message)[0];
            assert_eq!(name, "Testperson_Rowan_CCD.xml");
            assert!(xml.starts_with(b"<?xml") && xml.ends_with(b"</ClinicalDocument>\r\n"));
        });
        look(30, |message| {
            let name = "Timeplan for hele klinikken – uke 47 (endelig utgave, rådgivende).csv";
            assert_eq!(attachments(message)[0].0, name);
        });
        look(16, |message| assert!(attachments(message)[0].1.len() > 5_000_000));
        look(29, |message| assert_eq!(attachments(message)[0].0, "tomasz.vcf"));
    }

    #[test]
    fn a_wrapped_message_has_its_subject_inside_alone() {
        look(7, |message| {
            assert!(message.subject().is_none() && message.from().is_none() && message.to().is_none());
            let inside = message.parts.iter().find_map(|part| match &part.body {
                PartType::Message(inside) => Some(inside),
                _ => None,
            });
            assert_eq!(inside.unwrap().subject(), Some("Appointment for your referral: Testperson, Rowan"));
        });
    }

    #[test]
    fn every_part_and_template_beside_this_file_is_used() {
        let names = |folder: &str| -> HashSet<String> {
            let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/messages").join(folder);
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        assert_eq!(names("parts"), PARTS.iter().map(|(file, _)| (*file).to_owned()).collect());
        let templates = names("").iter().filter(|name| name.ends_with(".eml")).count();
        assert_eq!(templates, SAMPLES.len() + 1);
    }

    #[test]
    fn a_directive_that_is_not_known_stays() {
        let context = Context { seconds: NOW, number: 7 };
        let rendered = context.render(b"@{uid} @{nonsense} @{base64 none} @{day 1} @{open");
        assert_eq!(String::from_utf8(rendered).unwrap(), "7 @{nonsense} @{base64 none} 2025-11-22 @{open");
    }
}

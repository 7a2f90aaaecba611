//! What a list shows of a message.

/// Private: it is mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Decoded; empty where there is none.
    pub subject: String,
    /// Display name and address, decoded.
    pub from: String,
    /// The first line of text, where it is known.
    pub preview: String,
    /// The Date header, in milliseconds since 1970.
    pub date: Option<i64>,
    /// Whether there is something to save beside the text.
    pub attachments: bool,
    /// What TOP brought, while the message itself is not stored: never fetched twice.
    pub head: Vec<u8>,
}

/// Flags of the first octet.
const DATED: u8 = 1;
const ATTACHMENTS: u8 = 2;

impl Envelope {
    /// As it is sealed: flags, the date, the three texts with their lengths in front, the headers. Numbers are little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Envelope { subject, from, preview, date, attachments, head } = self;
        let flags = u8::from(date.is_some()) * DATED + u8::from(*attachments) * ATTACHMENTS;
        let mut bytes = vec![flags];
        bytes.extend_from_slice(&date.unwrap_or_default().to_le_bytes());
        for text in [subject, from, preview] {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(head);
        bytes
    }

    /// The same read back; `None` where it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Envelope> {
        let (flags, rest) = bytes.split_first()?;
        let (date, mut rest) = rest.split_first_chunk()?;
        let mut text = || {
            let (length, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            String::from_utf8(text.to_vec()).ok()
        };
        let (subject, from, preview) = (text()?, text()?, text()?);
        let date = (flags & DATED != 0).then(|| i64::from_le_bytes(*date));
        Some(Envelope { subject, from, preview, date, attachments: flags & ATTACHMENTS != 0, head: rest.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_reads_back_as_written_and_not_where_it_was_cut_within_its_texts() {
        let full = Envelope {
            subject: "\u{5e4}\u{5e8}".into(),
            from: "Ann <ann@example.org>".into(),
            preview: "x".repeat(300),
            date: Some(-1),
            attachments: true,
            head: b"Subject: a\r\n".to_vec(),
        };
        for envelope in [full.clone(), Envelope::default()] {
            assert_eq!(Envelope::from_bytes(&envelope.to_bytes()), Some(envelope));
        }
        let texts = full.to_bytes().len() - full.head.len();
        for end in 0..texts {
            assert_eq!(Envelope::from_bytes(&full.to_bytes()[..end]), None, "cut at {end}");
        }
    }
}

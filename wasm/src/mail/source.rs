//! In place of the MIME reader, for those who only want the bytes, and for measuring: nothing is known of a message but its source.

use super::{Attachment, Message};
use crate::store::Envelope;

/// Nothing is known.
pub fn envelope(_raw: &[u8]) -> Envelope {
    Envelope::default()
}

/// The source as text.
pub fn parse(raw: &[u8]) -> Message {
    Message { text: String::from_utf8_lossy(raw).into_owned(), ..Message::default() }
}

/// None: the attachments are somewhere in the source.
pub fn attachment(_raw: &[u8], _index: usize) -> Option<(Attachment, Vec<u8>)> {
    None
}

//! The maildrop: what is in it, and what one session sees of it.
//!
//! A session works on a snapshot (guide, "POP3 protocol commands": "any changes in the mailbox content … are reflected
//! after the current session ends and next session starts"), and one session at a time has it (RFC 1939 §4).
//!
//! Architecture invariant: no I/O and no clock. Times are seconds since 1970 and come in as arguments.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A message as it is kept. Immutable: a UID stands for these bytes for ever.
pub(super) struct Message {
    /// Its unique id.
    pub uid: String,
    /// The message with CRLF at the end of every line, before dot-stuffing.
    pub bytes: Vec<u8>,
    /// When it is in the maildrop, in seconds since 1970: sessions that begin earlier do not see it.
    pub arrives: u64,
}

/// The maildrop, shared by all connections.
#[derive(Clone)]
pub(super) struct Maildrop(Arc<Mutex<Contents>>);

struct Contents {
    messages: Vec<Arc<Message>>,
    locked: bool,
}

impl Maildrop {
    /// A maildrop with these messages, numbered in this order.
    pub(super) fn new(messages: Vec<Message>) -> Maildrop {
        let messages = messages.into_iter().map(Arc::new).collect();
        Maildrop(Arc::new(Mutex::new(Contents { messages, locked: false })))
    }

    /// Locks the maildrop and shows what is in it at `now`; `None` while another session has it.
    pub(super) fn open(&self, now: u64) -> Option<Snapshot> {
        let mut contents = self.contents();
        if contents.locked {
            return None;
        }
        contents.locked = true;
        let messages: Vec<_> = contents.messages.iter().filter(|message| message.arrives <= now).cloned().collect();
        Some(Snapshot { maildrop: self.clone(), marked: vec![false; messages.len()], messages })
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Every change below is a single assignment: contents that a panic left behind are whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The maildrop as one session sees it. Dropping it unlocks the maildrop and deletes nothing.
pub(super) struct Snapshot {
    maildrop: Maildrop,
    messages: Vec<Arc<Message>>,
    marked: Vec<bool>,
}

impl Snapshot {
    /// Number of messages and their octets. Marking one changes neither.
    pub(super) fn stat(&self) -> (usize, usize) {
        (self.messages.len(), self.messages.iter().map(|message| message.bytes.len()).sum())
    }

    /// Every message with its number, counted from 1. Those marked for deletion are among them.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Arc<Message>)> {
        (1..).zip(&self.messages)
    }

    /// The message of that number, marked or not.
    pub(super) fn get(&self, number: usize) -> Option<&Arc<Message>> {
        self.messages.get(number.checked_sub(1)?)
    }

    /// Marks a message for deletion: `Some(true)`, or `Some(false)` where it was marked before, or `None` where there is none.
    pub(super) fn mark(&mut self, number: usize) -> Option<bool> {
        let marked = self.marked.get_mut(number.checked_sub(1)?)?;
        Some(!std::mem::replace(marked, true))
    }

    /// Takes all marks back.
    pub(super) fn unmark_all(&mut self) {
        self.marked.fill(false);
    }

    /// Deletes what is marked, and unlocks the maildrop.
    pub(super) fn commit(self) {
        let doomed: HashSet<&str> = (self.messages.iter().zip(&self.marked))
            .filter(|(_, marked)| **marked)
            .map(|(message, _)| message.uid.as_str())
            .collect();
        self.maildrop.contents().messages.retain(|message| !doomed.contains(message.uid.as_str()));
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.maildrop.contents().locked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(uid: &str, octets: usize, arrives: u64) -> Message {
        Message { uid: uid.into(), bytes: vec![b'x'; octets], arrives }
    }

    fn maildrop() -> Maildrop {
        Maildrop::new(vec![message("1N", 120, 0), message("2N", 200, 0), message("3N", 50, 1000)])
    }

    fn uids(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.all().map(|(_, message)| message.uid.as_str()).collect()
    }

    #[test]
    fn marking_changes_nothing_that_the_session_sees() {
        let maildrop = maildrop();
        let mut session = maildrop.open(0).unwrap();
        assert_eq!(session.mark(1), Some(true));
        assert_eq!(session.stat(), (2, 320));
        assert_eq!(uids(&session), ["1N", "2N"]);
        assert!(session.get(1).is_some());
    }

    #[test]
    fn a_commit_deletes_what_is_marked_and_numbers_start_anew() {
        let maildrop = maildrop();
        let mut session = maildrop.open(0).unwrap();
        session.mark(1);
        session.commit();
        let next = maildrop.open(0).unwrap();
        assert_eq!(uids(&next), ["2N"]);
        assert_eq!(next.get(1).unwrap().uid, "2N");
    }

    #[test]
    fn without_a_commit_nothing_is_deleted() {
        let maildrop = maildrop();
        let mut session = maildrop.open(0).unwrap();
        session.mark(1);
        drop(session);
        assert_eq!(maildrop.open(0).unwrap().stat(), (2, 320));
    }

    #[test]
    fn marks_taken_back_delete_nothing() {
        let maildrop = maildrop();
        let mut session = maildrop.open(0).unwrap();
        session.mark(1);
        session.unmark_all();
        session.mark(2);
        session.commit();
        assert_eq!(uids(&maildrop.open(0).unwrap()), ["1N"]);
    }

    #[test]
    fn what_arrives_during_a_session_shows_in_the_next() {
        let maildrop = maildrop();
        let session = maildrop.open(999).unwrap();
        assert_eq!(uids(&session), ["1N", "2N"]);
        session.commit();
        assert_eq!(uids(&maildrop.open(1000).unwrap()), ["1N", "2N", "3N"], "not yet seen, so not deleted either");
    }

    #[test]
    fn one_session_at_a_time() {
        let maildrop = maildrop();
        let first = maildrop.open(0).unwrap();
        assert!(maildrop.open(0).is_none());
        first.commit();
        let second = maildrop.open(0).unwrap();
        assert!(maildrop.open(0).is_none());
        drop(second);
        assert!(maildrop.open(0).is_some());
    }

    #[test]
    fn numbers_that_are_none_mark_nothing() {
        let mut session = maildrop().open(0).unwrap();
        for none in [0, 3, usize::MAX] {
            assert!(session.get(none).is_none());
            assert_eq!(session.mark(none), None);
        }
        assert_eq!(session.mark(2), Some(true));
        assert_eq!(session.mark(2), Some(false));
    }
}

//! What the UID table says of one message, and the only ways in which that may change.
//!
//! Changes are [`Edit`]s, applied inside the transaction that reads the record: what a person wanted in one tab and what a session
//! learnt in another cannot overwrite each other.

/// Names a message within an account for as long as it is kept here. Given in the order of first sight, never used again.
pub type Id = u32;

/// Milliseconds since 1970, as `Date.now()` gives them.
pub type Timestamp = u64;

/// How far the wish to delete a message from the server has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// Nobody wants it deleted.
    #[default]
    None,
    /// Wanted; DELE is for the next session.
    Wanted,
    /// DELE was answered `+OK`, and QUIT is on its way or its answer was lost. Where a later session no longer lists it, it is taken
    /// for deleted ([`Record::is_deleted`]), but only QUIT's answer is certain: a list that is short for a moment looks the same.
    Sent,
    /// QUIT was answered `+OK`.
    Confirmed,
}

/// One row of the UID table. Holds no mail: what is private is in [`super::Envelope`] and in the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its name here.
    pub id: Id,
    /// Its name on the server, one character per byte, opaque.
    pub uid: String,
    /// Tells messages apart to which a server gives one UID; 0 for the first.
    pub ordinal: u32,
    /// Octets, as LIST said.
    pub size: u64,
    /// When it was first listed.
    pub first_seen: Timestamp,
    /// When its bytes were stored here; `None` while they are only on the server.
    pub retrieved: Option<Timestamp>,
    /// Octets stored here.
    pub octets: u64,
    /// Pieces that are stored. Of a message not yet [`Record::retrieved`] they are the beginning of a retrieval that is under way
    /// or was cut: nobody is shown them.
    pub chunks: u32,
    /// Stored, but its end could not be established.
    pub unconfirmed: bool,
    /// A person has read it.
    pub read: bool,
    /// Listed by the latest session that told the whole list.
    pub on_server: bool,
    /// Whether an [`super::Envelope`] is kept.
    pub headers: bool,
    /// The wish to delete it from the server.
    pub deletion: Deletion,
}

/// A change to one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A session lists it, with this size.
    Listed {
        /// Octets.
        size: u64,
    },
    /// A session whose list was whole does not list it.
    Missing,
    /// Its envelope is kept from now on.
    Headed,
    /// The first so many pieces of it are stored, in this or an earlier transaction; 0 takes that back.
    Staged {
        /// How many.
        chunks: u32,
    },
    /// The last of its bytes are stored, in the same transaction.
    Retrieved {
        /// Octets stored.
        octets: u64,
        /// Pieces in which they are stored.
        chunks: u32,
        /// When.
        at: Timestamp,
        /// Its end could not be established.
        unconfirmed: bool,
    },
    /// A person read it, or wants it to look unread.
    Read(bool),
    /// A person wants it deleted from the server.
    Delete,
    /// A person has changed their mind, in time: DELE was not sent yet.
    Undelete,
    /// The same after a session whose answer to QUIT was lost: DELE is not repeated.
    Forgo,
    /// DELE was answered `+OK`.
    Sent,
    /// The session that sent DELE was taken back or lost: wanted again.
    Unsent,
    /// QUIT was answered `+OK`.
    Confirmed,
}

impl Record {
    /// Whether it was deleted from the server by us, as far as anybody can tell.
    pub fn is_deleted(&self) -> bool {
        self.deletion == Deletion::Confirmed || self.deletion == Deletion::Sent && !self.on_server
    }

    /// Applies one change. A change that no longer fits (a DELE sent for what was undeleted meanwhile) leaves the record as it is:
    /// who applied it looks at the result.
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Listed { size } => {
                // The size that was stored, or that a person saw, is what tells the message from another under its name.
                if self.retrieved.is_none() && self.deletion == Deletion::None {
                    self.size = size;
                }
                // Listed again means that the deletion never took effect. After it was gone, it may as well be another message under
                // the same name: nobody has wished that one gone.
                if self.deletion == Deletion::Sent {
                    self.deletion = if self.on_server { Deletion::Wanted } else { Deletion::None };
                }
                self.on_server = true;
            }
            Edit::Missing => self.on_server = false,
            Edit::Headed => self.headers = true,
            Edit::Staged { chunks } if self.retrieved.is_none() => self.chunks = chunks,
            Edit::Retrieved { octets, chunks, at, unconfirmed } if self.retrieved.is_none() => {
                self.retrieved = Some(at);
                self.octets = octets;
                self.chunks = chunks;
                self.unconfirmed = unconfirmed;
                self.headers = true;
            }
            Edit::Read(read) => self.read = read,
            Edit::Delete if self.deletion == Deletion::None => self.deletion = Deletion::Wanted,
            Edit::Undelete if self.deletion == Deletion::Wanted => self.deletion = Deletion::None,
            Edit::Forgo if self.deletion == Deletion::Sent && self.on_server => self.deletion = Deletion::None,
            Edit::Sent if self.deletion == Deletion::Wanted => self.deletion = Deletion::Sent,
            Edit::Unsent if self.deletion == Deletion::Sent => self.deletion = Deletion::Wanted,
            Edit::Confirmed => {
                self.deletion = Deletion::Confirmed;
                self.on_server = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(edits: &[Edit]) -> Record {
        let mut record = Record { on_server: true, ..Record::default() };
        edits.iter().for_each(|edit| record.apply(*edit));
        record
    }

    #[test]
    fn a_deletion_goes_from_wanted_to_confirmed() {
        assert_eq!(after(&[Edit::Delete]).deletion, Deletion::Wanted);
        assert_eq!(after(&[Edit::Delete, Edit::Sent]).deletion, Deletion::Sent);
        let done = after(&[Edit::Delete, Edit::Sent, Edit::Confirmed]);
        assert_eq!((done.deletion, done.on_server), (Deletion::Confirmed, false));
    }

    #[test]
    fn what_was_undeleted_is_not_sent() {
        assert_eq!(after(&[Edit::Delete, Edit::Undelete, Edit::Sent]).deletion, Deletion::None);
        assert_eq!(after(&[Edit::Delete, Edit::Sent, Edit::Unsent]).deletion, Deletion::Wanted);
        assert_eq!(after(&[Edit::Delete, Edit::Sent, Edit::Undelete]).deletion, Deletion::Sent, "too late");
        assert_eq!(after(&[Edit::Delete, Edit::Sent, Edit::Forgo]).deletion, Deletion::None);
    }

    #[test]
    fn a_later_session_decides_where_the_answer_to_quit_was_lost() {
        let gone = [Edit::Delete, Edit::Sent, Edit::Missing];
        assert!(after(&gone).is_deleted() && after(&[&gone[..], &[Edit::Forgo]].concat()).is_deleted());
        assert_eq!(after(&[Edit::Delete, Edit::Sent, Edit::Listed { size: 1 }]).deletion, Deletion::Wanted);
        let back = after(&[&gone[..], &[Edit::Listed { size: 1 }]].concat());
        assert_eq!((back.deletion, back.on_server), (Deletion::None, true), "the same message or another: not to be deleted");
    }

    #[test]
    fn a_wish_is_not_granted_by_absence() {
        assert_eq!(after(&[Edit::Delete, Edit::Missing]).deletion, Deletion::Wanted);
        assert_eq!(after(&[Edit::Missing]).deletion, Deletion::None);
    }

    #[test]
    fn what_is_confirmed_stays_confirmed_for_a_person() {
        assert_eq!(after(&[Edit::Confirmed, Edit::Undelete]).deletion, Deletion::Confirmed);
        assert_eq!(after(&[Edit::Confirmed, Edit::Delete]).deletion, Deletion::Confirmed);
    }
}

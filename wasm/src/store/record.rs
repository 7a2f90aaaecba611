//! What the UID table says of one message, and the only ways in which that may change.
//!
//! Changes are [`Edit`]s, applied inside the transaction that reads the record: what a person wanted in one tab and what a session
//! learnt in another cannot overwrite each other.

/// Names a message within an account for as long as it is kept here. Given in the order of first sight; a table that was cleared
/// begins elsewhere, so that an id held by another tab names nothing rather than another message.
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
    /// When it was retrieved; `None` while it is only on the server. Retrieved without any [`Record::chunks`] means: elsewhere, as an
    /// imported table says. No session asks for it again by itself, and its bytes are not here.
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
    /// The wish is the account's policy's, and for the policy to take back.
    pub by_policy: bool,
    /// A person took a wish back: no policy deletes it.
    pub kept: bool,
    /// Its bytes or marks came from a file and not from the server: no policy deletes it.
    pub imported: bool,
    /// Recognised under a new UID by its size and headers: no policy deletes it.
    pub matched: bool,
    /// What is listed under its UID could be another message, and the headers could not be compared: it is not deleted.
    pub unsure: bool,
    /// Which of all that was ever sealed for it is its own: [`super::sealed`]. 0 where nothing is.
    pub stamp: u32,
}

/// What begins a UID that is our own: the fingerprint of a message's headers and size, where the server gives no UIDs. A server's own
/// are Latin-1, which has no such character.
pub const FINGERPRINT: char = '\u{2248}';

/// A change to one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A session lists it, with this size.
    Listed {
        /// Octets.
        size: u64,
        /// It could be another message.
        unsure: bool,
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
    /// Its bytes came from a file.
    Imported,
    /// A file says that it was retrieved. Its bytes are not here.
    Elsewhere {
        /// When it was retrieved.
        at: Timestamp,
    },
    /// A person wants it deleted from the server.
    Delete,
    /// The account's policy does.
    Due,
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
    /// What was sealed of it is gone. What is known of it stays: nothing is asked for again by itself.
    Dropped,
}

impl Record {
    /// Whether its bytes are here.
    pub fn stored(&self) -> bool {
        self.retrieved.is_some() && self.chunks > 0
    }

    /// Whether its UID is our own, made of its headers and size.
    pub fn by_fingerprint(&self) -> bool {
        self.uid.starts_with(FINGERPRINT)
    }

    /// Whether it was deleted from the server by us, as far as anybody can tell.
    pub fn is_deleted(&self) -> bool {
        self.deletion == Deletion::Confirmed || self.deletion == Deletion::Sent && !self.on_server
    }

    /// Applies one change. A change that no longer fits (a DELE sent for what was undeleted meanwhile) leaves the record as it is:
    /// who applied it looks at the result.
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Listed { size, unsure } => {
                // Gone, back, and perhaps another message under the same name: nobody has wished that one gone.
                let other = unsure && !self.on_server;
                self.on_server = true;
                self.unsure = unsure;
                self.size = size;
                // Listed again means that the deletion never took effect. A policy decides anew in every session.
                match self.deletion {
                    Deletion::Wanted | Deletion::Sent if self.by_policy => self.wish(Deletion::None, false),
                    Deletion::Sent if other => self.wish(Deletion::None, false),
                    Deletion::Sent => self.deletion = Deletion::Wanted,
                    // The server said so, or a file did: to be wished anew.
                    Deletion::Confirmed => self.wish(Deletion::None, false),
                    _ => {}
                }
            }
            Edit::Missing => {
                self.on_server = false;
                if self.deletion == Deletion::Wanted && self.by_policy {
                    self.wish(Deletion::None, false);
                }
            }
            Edit::Headed => {
                self.headers = true;
                self.recognise();
            }
            // Of one that was retrieved elsewhere nothing is counted: it would look as if it were here.
            Edit::Staged { chunks } if self.retrieved.is_none() => self.chunks = chunks,
            Edit::Retrieved { octets, chunks, at, unconfirmed } if !self.stored() => {
                self.retrieved = Some(at);
                self.octets = octets;
                self.chunks = chunks;
                self.unconfirmed = unconfirmed;
                self.headers = true;
                self.imported = false;
                self.recognise();
            }
            Edit::Imported => self.imported = true,
            Edit::Elsewhere { at } if self.retrieved.is_none() => {
                self.retrieved = Some(at);
                self.chunks = 0;
                self.imported = true;
            }
            Edit::Read(read) => self.read = read,
            Edit::Delete if self.deletion == Deletion::None => {
                self.wish(Deletion::Wanted, false);
                self.kept = false;
            }
            // What a policy wants, a person may want as well.
            Edit::Delete => self.by_policy = false,
            Edit::Due if self.deletion == Deletion::None && !self.kept => self.wish(Deletion::Wanted, true),
            Edit::Undelete if self.deletion == Deletion::Wanted => self.keep(),
            Edit::Forgo if self.deletion == Deletion::Sent && self.on_server => {
                self.keep();
                // QUIT may have been carried out, and another have the name by now.
                self.unsure = true;
            }
            Edit::Sent if self.deletion == Deletion::Wanted => self.deletion = Deletion::Sent,
            Edit::Unsent if self.deletion == Deletion::Sent => self.deletion = Deletion::Wanted,
            Edit::Confirmed => {
                self.deletion = Deletion::Confirmed;
                self.on_server = false;
            }
            Edit::Dropped => {
                self.octets = 0;
                self.chunks = 0;
                self.stamp = 0;
                // Who wished it deleted had it here: what was not sent is not, and what was sent is not repeated.
                match self.deletion {
                    Deletion::Wanted => self.wish(Deletion::None, false),
                    Deletion::Sent => self.by_policy = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Takes the name under which it was recognised. Who wished it deleted meant what had the old one, so the wish ends.
    pub fn rename(&mut self, uid: String, ordinal: u32) {
        self.uid = uid;
        self.ordinal = ordinal;
        self.matched = true;
        self.on_server = true;
        self.unsure = false;
        if self.deletion != Deletion::Confirmed {
            self.wish(Deletion::None, false);
        }
    }

    /// What is kept of it is what is listed now. Where that was in doubt, who had wished it deleted had not seen it: the wish ends.
    fn recognise(&mut self) {
        if self.unsure && self.deletion != Deletion::Confirmed {
            self.wish(Deletion::None, false);
        }
        self.unsure = false;
    }

    fn wish(&mut self, deletion: Deletion, by_policy: bool) {
        self.deletion = deletion;
        self.by_policy = by_policy;
    }

    fn keep(&mut self) {
        self.wish(Deletion::None, false);
        self.kept = true;
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
        let forgone = after(&[Edit::Delete, Edit::Sent, Edit::Forgo]);
        assert_eq!((forgone.deletion, forgone.unsure), (Deletion::None, true), "it may be gone");
    }

    #[test]
    fn a_later_session_decides_where_the_answer_to_quit_was_lost() {
        let gone = [Edit::Delete, Edit::Sent, Edit::Missing];
        assert!(after(&gone).is_deleted() && after(&[&gone[..], &[Edit::Forgo]].concat()).is_deleted());
        let listed = |unsure| Edit::Listed { size: 1, unsure };
        assert_eq!(after(&[Edit::Delete, Edit::Sent, listed(false)]).deletion, Deletion::Wanted);
        let back = |unsure| after(&[&gone[..], &[listed(unsure)]].concat()).deletion;
        assert_eq!(back(false), Deletion::Wanted, "the same: the wish stands");
        assert_eq!(back(true), Deletion::None, "another, perhaps: nobody wished that one gone");
    }

    #[test]
    fn a_wish_is_not_granted_by_absence() {
        assert_eq!(after(&[Edit::Delete, Edit::Missing]).deletion, Deletion::Wanted);
        assert_eq!(after(&[Edit::Missing]).deletion, Deletion::None);
    }

    #[test]
    fn what_is_confirmed_stays_confirmed_for_a_person_until_it_is_listed() {
        assert_eq!(after(&[Edit::Confirmed, Edit::Undelete]).deletion, Deletion::Confirmed);
        assert_eq!(after(&[Edit::Confirmed, Edit::Delete]).deletion, Deletion::Confirmed);
        let listed = Edit::Listed { size: 1, unsure: false };
        assert_eq!(after(&[Edit::Delete, Edit::Sent, Edit::Confirmed, listed]).deletion, Deletion::None);
    }

    #[test]
    fn a_policys_wish_is_its_own_to_repeat() {
        let listed = Edit::Listed { size: 1, unsure: false };
        for lost in [&[Edit::Due][..], &[Edit::Due, Edit::Sent]] {
            let again = after(&[lost, &[listed]].concat());
            assert_eq!((again.deletion, again.by_policy), (Deletion::None, false));
        }
        assert_eq!(after(&[Edit::Due, Edit::Missing]).deletion, Deletion::None);
        assert!(after(&[Edit::Due, Edit::Sent, Edit::Missing]).is_deleted());
        assert_eq!(
            after(&[Edit::Due, Edit::Delete, Edit::Sent, listed]).deletion,
            Deletion::Wanted,
            "a person's as well"
        );
    }

    #[test]
    fn what_a_person_keeps_no_policy_deletes() {
        assert_eq!(after(&[Edit::Due, Edit::Undelete, Edit::Due]).deletion, Deletion::None);
        assert_eq!(after(&[Edit::Due, Edit::Sent, Edit::Forgo, Edit::Due]).deletion, Deletion::None);
        assert_eq!(
            after(&[Edit::Delete, Edit::Undelete, Edit::Delete]).deletion,
            Deletion::Wanted,
            "but the person does"
        );
    }

    #[test]
    fn what_was_retrieved_elsewhere_is_retrieved_here_on_request() {
        // Of a retrieval that was cut, a piece was left.
        let mut record = after(&[Edit::Staged { chunks: 1 }, Edit::Elsewhere { at: 1 }]);
        assert_eq!((record.stored(), record.retrieved, record.imported), (false, Some(1), true));
        // One that comes in pieces is not here before its last.
        record.apply(Edit::Staged { chunks: 1 });
        assert!(!record.stored());
        record.apply(Edit::Retrieved { octets: 3, chunks: 2, at: 9, unconfirmed: false });
        assert_eq!((record.stored(), record.retrieved, record.imported), (true, Some(9), false));
        // What is here is not elsewhere.
        record.apply(Edit::Elsewhere { at: 20 });
        assert_eq!((record.stored(), record.retrieved, record.imported), (true, Some(9), false));
    }

    #[test]
    fn what_was_dropped_is_retrieved_again_on_request_only() {
        let retrieved = Edit::Retrieved { octets: 3, chunks: 1, at: 9, unconfirmed: false };
        let mut record = after(&[retrieved, Edit::Read(true), Edit::Dropped]);
        assert_eq!((record.stored(), record.retrieved, record.read, record.headers), (false, Some(9), true, true));
        record.apply(Edit::Retrieved { octets: 3, chunks: 1, at: 20, unconfirmed: false });
        assert!(record.stored());
    }

    #[test]
    fn who_wished_it_gone_while_it_was_here_did_not_mean_the_only_one_there_is() {
        let retrieved = Edit::Retrieved { octets: 3, chunks: 1, at: 9, unconfirmed: false };
        assert_eq!(after(&[retrieved, Edit::Delete, Edit::Dropped]).deletion, Deletion::None);
        assert_eq!(after(&[retrieved, Edit::Delete, Edit::Sent, Edit::Dropped]).deletion, Deletion::Sent);
    }

    #[test]
    fn a_dele_that_came_to_nothing_is_not_repeated_for_the_only_one_there_is() {
        let retrieved = Edit::Retrieved { octets: 3, chunks: 1, at: 9, unconfirmed: false };
        let listed = Edit::Listed { size: 3, unsure: false };
        assert_eq!(after(&[retrieved, Edit::Delete, Edit::Sent, Edit::Dropped, listed]).deletion, Deletion::None);
    }

    #[test]
    fn who_wished_it_gone_before_it_was_in_doubt_meant_another() {
        let unsure = Edit::Listed { size: 1, unsure: true };
        let seen = after(&[Edit::Delete, unsure, Edit::Headed]);
        assert_eq!((seen.deletion, seen.unsure), (Deletion::None, false));
        assert_eq!(after(&[Edit::Delete, Edit::Headed]).deletion, Deletion::Wanted);
    }

    #[test]
    fn a_new_name_ends_the_wish_to_delete() {
        let mut record = after(&[Edit::Delete]);
        record.rename("6866R".into(), 0);
        assert_eq!((record.deletion, record.matched, record.uid.as_str()), (Deletion::None, true, "6866R"));
    }
}

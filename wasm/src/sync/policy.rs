//! What an account wants brought here, and what it leaves on the server.

use super::report::Retrieve;
use crate::store::{Deletion, Record, Timestamp};

/// An account's policy. By default everything is retrieved, and nothing is deleted but what a person deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What a sync retrieves.
    pub retrieve: Retrieve,
    /// Which comes first.
    pub order: Order,
    /// What stays on the server.
    pub leave: Leave,
    /// Minutes between two syncs that nobody asks for, while a page is open; 0 for none. For whoever keeps the time.
    pub minutes: u32,
}

/// Which messages are retrieved first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest: it is what a person looks for.
    #[default]
    Newest,
    /// The oldest: the one that the server deletes first.
    Oldest,
}

/// What stays on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leave {
    /// Everything: no DELE is ever sent.
    Everything,
    /// What a person has not deleted here.
    #[default]
    UntilDeleted,
    /// That, until so many days after it was retrieved.
    Days(u32),
    /// Nothing that is stored here.
    Nothing,
}

/// Octets of a policy that is kept.
pub const OCTETS: usize = 20;
/// Their layout.
const VERSION: u8 = 1;

const DAY: Timestamp = 24 * 3600 * 1000;

impl Policy {
    /// The same, but for what is retrieved.
    pub fn with(self, retrieve: Retrieve) -> Policy {
        Policy { retrieve, ..self }
    }

    /// Whether this message is to be retrieved whole.
    pub fn wants_message(&self, row: &Record) -> bool {
        row.retrieved.is_none()
            && match self.retrieve {
                Retrieve::None | Retrieve::Headers => false,
                Retrieve::Under(most) => row.size <= most,
                Retrieve::All => true,
            }
    }

    /// Whether its headers are: also of what was retrieved elsewhere, so that there is something to see of it.
    pub fn wants_headers(&self, row: &Record) -> bool {
        let headers = match self.retrieve {
            Retrieve::None => false,
            Retrieve::Headers | Retrieve::Under(_) => true,
            Retrieve::All => row.retrieved.is_some(),
        };
        headers && !row.headers && !row.stored() && !self.wants_message(row)
    }

    /// Whether DELE may be sent at all.
    pub fn deletes(&self) -> bool {
        self.leave != Leave::Everything
    }

    /// Whether this message is to be deleted from the server by now, though nobody said so. Only what was received from there with
    /// its bytes, whole, no shorter than LIST said, and under a UID that the server gave it, and only where these bytes outlive the
    /// page: who calls sees to that.
    pub fn is_due(&self, row: &Record, now: Timestamp) -> bool {
        row.deletion == Deletion::None && self.allows(row, now)
    }

    /// Whether a wish that was made on a policy's behalf is one of this policy's.
    pub fn allows(&self, row: &Record, now: Timestamp) -> bool {
        let received = row.stored() && row.octets >= row.size && !row.unconfirmed && !row.imported;
        let certain = !row.matched && !row.unsure && !row.by_fingerprint();
        let over = |days: u32| row.retrieved.is_some_and(|at| now >= at.saturating_add(DAY * Timestamp::from(days)));
        received
            && certain
            && !row.kept
            && row.on_server
            && match self.leave {
                Leave::Everything | Leave::UntilDeleted => false,
                Leave::Days(days) => over(days),
                Leave::Nothing => true,
            }
    }

    /// Whether it will be, once it is stored or old enough.
    pub fn will_be_due(&self, row: &Record, now: Timestamp) -> bool {
        let octets = if row.stored() { row.octets } else { row.size };
        let stored = Record { retrieved: Some(0), octets, chunks: row.chunks.max(1), ..row.clone() };
        let waits = row.stored() || self.wants_message(row);
        waits && !self.is_due(row, now) && self.is_due(&stored, Timestamp::MAX)
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> [u8; OCTETS] {
        let (retrieve, under) = match self.retrieve {
            Retrieve::None => (0, 0),
            Retrieve::Headers => (1, 0),
            Retrieve::All => (2, 0),
            Retrieve::Under(most) => (3, most),
        };
        let (leave, days) = match self.leave {
            Leave::Everything => (0, 0),
            Leave::UntilDeleted => (1, 0),
            Leave::Days(days) => (2, days),
            Leave::Nothing => (3, 0),
        };
        let mut bytes = [0; OCTETS];
        let head = [VERSION, retrieve, u8::from(self.order == Order::Oldest), leave];
        let all = [head.as_slice(), &under.to_le_bytes(), &days.to_le_bytes(), &self.minutes.to_le_bytes()].concat();
        for (byte, value) in bytes.iter_mut().zip(all) {
            *byte = value;
        }
        bytes
    }

    /// Reads it back; `None` where another version has written it.
    pub fn from_bytes(bytes: &[u8; OCTETS]) -> Option<Policy> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let (under, rest) = rest.split_first_chunk::<8>()?;
        let (days, minutes) = rest.split_first_chunk::<4>()?;
        let [VERSION, retrieve, order, leave] = *head else { return None };
        Some(Policy {
            retrieve: match retrieve {
                0 => Retrieve::None,
                1 => Retrieve::Headers,
                2 => Retrieve::All,
                3 => Retrieve::Under(u64::from_le_bytes(*under)),
                _ => return None,
            },
            order: if order == 0 { Order::Newest } else { Order::Oldest },
            leave: match leave {
                0 => Leave::Everything,
                1 => Leave::UntilDeleted,
                2 => Leave::Days(u32::from_le_bytes(*days)),
                3 => Leave::Nothing,
                _ => return None,
            },
            minutes: u32::from_le_bytes(minutes.try_into().ok()?),
        })
    }
}

impl From<Retrieve> for Policy {
    fn from(retrieve: Retrieve) -> Policy {
        Policy::default().with(retrieve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Record {
        Record { uid: "6866N".into(), retrieved: Some(DAY), chunks: 1, on_server: true, ..Record::default() }
    }

    #[test]
    fn a_policy_reads_back_as_written() {
        let leave = [Leave::Everything, Leave::UntilDeleted, Leave::Days(90), Leave::Nothing];
        let retrieve = [Retrieve::None, Retrieve::Headers, Retrieve::All, Retrieve::Under(1 << 40)];
        for (leave, retrieve) in leave.into_iter().zip(retrieve) {
            let policy = Policy { retrieve, order: Order::Oldest, leave, minutes: 15 };
            assert_eq!(Policy::from_bytes(&policy.to_bytes()), Some(policy));
        }
        assert_eq!(Policy::from_bytes(&[9; OCTETS]), None);
    }

    #[test]
    fn only_what_was_received_for_certain_is_due() {
        let policy = Policy { leave: Leave::Nothing, ..Policy::default() };
        assert!(policy.is_due(&stored(), 0));
        let not = [
            Record { retrieved: None, ..stored() },
            Record { chunks: 0, ..stored() },
            Record { size: 1, ..stored() },
            Record { unconfirmed: true, ..stored() },
            Record { imported: true, ..stored() },
            Record { matched: true, ..stored() },
            Record { unsure: true, ..stored() },
            Record { kept: true, ..stored() },
            Record { on_server: false, ..stored() },
            Record { uid: "\u{2248}0".into(), ..stored() },
            Record { deletion: Deletion::Wanted, ..stored() },
        ];
        for row in not {
            assert!(!policy.is_due(&row, Timestamp::MAX), "{row:?}");
        }
        for leave in [Leave::Everything, Leave::UntilDeleted] {
            assert!(!Policy { leave, ..policy }.is_due(&stored(), Timestamp::MAX));
        }
    }

    #[test]
    fn days_are_counted_from_the_retrieval() {
        let policy = Policy { leave: Leave::Days(3), ..Policy::default() };
        assert!(!policy.is_due(&stored(), 4 * DAY - 1));
        assert!(policy.is_due(&stored(), 4 * DAY));
        assert!(policy.will_be_due(&stored(), 4 * DAY - 1) && !policy.will_be_due(&stored(), 4 * DAY));
        let unread = Record { retrieved: None, chunks: 0, size: 1, ..stored() };
        assert!(policy.will_be_due(&unread, 0));
        assert!(!policy.with(Retrieve::Headers).will_be_due(&unread, 0), "it will not be stored");
    }

    #[test]
    fn large_ones_are_known_by_their_headers() {
        let policy = Policy::from(Retrieve::Under(100));
        let of = |size| Record { size, ..Record::default() };
        assert!(policy.wants_message(&of(100)) && !policy.wants_headers(&of(100)));
        assert!(!policy.wants_message(&of(101)) && policy.wants_headers(&of(101)));
        assert!(!policy.wants_headers(&Record { headers: true, ..of(101) }));
        let elsewhere = Record { retrieved: Some(1), ..of(1) };
        assert!(Policy::default().wants_headers(&elsewhere) && !Policy::default().wants_message(&elsewhere));
        assert!(!Policy::default().wants_headers(&stored()));
    }
}

//! From what a session lists and what the table knows to what is to be done. Pure.
//!
//! Architecture invariant: no I/O, no clock, no random source; the same arguments give the same plan.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::pop3::listing::{Named, Sized};
use crate::store::{Edit, Id, Record, Timestamp};

/// What a session says is in the maildrop.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// STAT's count.
    pub count: u32,
    /// LIST.
    pub sizes: Vec<Sized>,
    /// UIDL.
    pub uids: Vec<Named>,
}

/// A message of the table that this session lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Its name in the table.
    pub id: Id,
    /// Its number in this session, and in no other.
    pub number: u32,
    /// Octets, as LIST said.
    pub size: u64,
    /// Another message could be meant: it is not deleted.
    pub doubtful: bool,
}

/// What to write before anything is retrieved, and which messages are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rows for messages never seen before.
    pub insert: Vec<Record>,
    /// What changed about known ones.
    pub edits: Vec<(Id, Edit)>,
    /// The messages of this session, in the server's order.
    pub present: Vec<Present>,
}

/// Matches a listing with the table, whose `rows` are in the order of ids.
///
/// UIDs are matched exactly. Where the server gives several messages one UID, or brings back a UID that was gone, the size decides
/// which is meant; sizes that tie leave a doubt. What the listing leaves out is marked as gone only where its lines are as many as
/// STAT said, and even then nothing that is stored is touched.
pub fn plan(listing: &Listing, rows: &[Record], now: Timestamp) -> Plan {
    // Filled one by one: collecting would sort first, and a sort per type is kilobytes of wasm.
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    for line in &listing.sizes {
        sizes.insert(line.number, line.octets);
    }
    let mut known: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for row in rows {
        known.entry(&row.uid).or_default().push(row);
    }
    let mut listed: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in &listing.uids {
        listed.entry(&line.uid).or_default().push(sizes.get(&line.number).copied().unwrap_or(0));
    }
    let mut pairs: BTreeMap<&str, VecDeque<Pair<'_>>> = BTreeMap::new();
    for (uid, sizes) in &listed {
        pairs.insert(uid, pair(uid, sizes, known.get(uid).map(Vec::as_slice).unwrap_or_default()));
    }

    let mut plan = Plan::default();
    let mut matched = BTreeSet::new();
    let mut ordinals: BTreeMap<&str, usize> = BTreeMap::new();
    let mut next_id = rows.last().map_or(1, |row| row.id.saturating_add(1));
    // Ids are given in the server's order, so that they keep it.
    for Named { number, uid } in &listing.uids {
        let (number, size) = (*number, sizes.get(number).copied().unwrap_or(0));
        match pairs.get_mut(uid.as_str()).and_then(VecDeque::pop_front).flatten() {
            Some((row, doubtful)) => {
                matched.insert(row.id);
                plan.present.push(Present { id: row.id, number, size, doubtful });
                let mut after = row.clone();
                after.apply(Edit::Listed { size });
                // A table of 100,000 rows is not written anew for nothing.
                if after != *row {
                    plan.edits.push((row.id, Edit::Listed { size }));
                }
            }
            None => {
                let ordinal = ordinals.entry(uid).or_insert_with(|| known.get(uid.as_str()).map_or(0, Vec::len));
                plan.insert.push(Record {
                    id: next_id,
                    uid: uid.clone(),
                    ordinal: u32::try_from(*ordinal).unwrap_or(u32::MAX),
                    size,
                    first_seen: now,
                    on_server: true,
                    ..Record::default()
                });
                plan.present.push(Present { id: next_id, number, size, doubtful: false });
                *ordinal += 1;
                next_id = next_id.saturating_add(1);
            }
        }
    }

    if listing.uids.len() == listing.count as usize {
        let gone = rows.iter().filter(|row| row.on_server && !matched.contains(&row.id));
        plan.edits.extend(gone.map(|row| (row.id, Edit::Missing)));
    }
    plan
}

/// The row that a listed message is, and whether that is in doubt; `None` for a message never seen before.
type Pair<'a> = Option<(&'a Record, bool)>;

/// Pairs the listed messages of one UID, given by their sizes, with the rows of that UID.
fn pair<'a>(uid: &str, sizes: &[u64], rows: &[&'a Record]) -> VecDeque<Pair<'a>> {
    if let ([size], [row]) = (sizes, rows) {
        // The same name, never gone: the same message, even if the server counts its octets in another way today.
        let same = row.size == *size || (row.on_server && !uid.is_empty());
        return VecDeque::from([same.then_some((*row, false))]);
    }
    let mut free: Vec<&Record> = rows.to_vec();
    let mut pairs = VecDeque::new();
    for size in sizes {
        let of_size = free.iter().filter(|row| row.size == *size).count();
        let twins = sizes.iter().filter(|other| *other == size).count();
        // A row that is still on the server is meant rather than one that was gone.
        let place = (free.iter().position(|row| row.size == *size && row.on_server))
            .or_else(|| free.iter().position(|row| row.size == *size));
        pairs.push_back(place.map(|place| (free.remove(place), of_size > 1 || twins > 1)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Deletion;

    /// A listing from `(number, uid, size)`, with the count that STAT would give.
    fn listing(lines: &[(u32, &str, u64)]) -> Listing {
        Listing {
            count: lines.len() as u32,
            sizes: lines.iter().map(|(number, _, octets)| Sized { number: *number, octets: *octets }).collect(),
            uids: lines.iter().map(|(number, uid, _)| Named { number: *number, uid: (*uid).into() }).collect(),
        }
    }

    /// Applies a plan to rows, as a store would.
    fn after(rows: &[Record], plan: &Plan) -> Vec<Record> {
        let mut rows = [rows, plan.insert.as_slice()].concat();
        for (id, edit) in &plan.edits {
            rows.iter_mut().find(|row| row.id == *id).unwrap().apply(*edit);
        }
        rows
    }

    fn numbers(plan: &Plan) -> Vec<(u32, Id)> {
        plan.present.iter().map(|present| (present.number, present.id)).collect()
    }

    #[test]
    fn first_sight_keeps_the_servers_order() {
        let plan = plan(&listing(&[(1, "9N", 10), (2, "1N", 20), (5, "5N", 30)]), &[], 7);
        assert_eq!(numbers(&plan), [(1, 1), (2, 2), (5, 3)]);
        assert!(plan.insert.iter().all(|row| row.first_seen == 7 && row.on_server && row.retrieved.is_none()));
    }

    #[test]
    fn numbers_change_between_sessions_and_uids_do_not() {
        let rows = after(&[], &plan(&listing(&[(1, "a", 1), (2, "b", 2), (3, "c", 3)]), &[], 0));
        let next = plan(&listing(&[(1, "b", 2), (2, "c", 3), (3, "d", 4)]), &rows, 0);
        assert_eq!(numbers(&next), [(1, 2), (2, 3), (3, 4)]);
        assert_eq!(next.edits, [(1, Edit::Missing)]);
        assert_eq!(next.insert.len(), 1);
    }

    #[test]
    fn an_unchanged_maildrop_writes_nothing() {
        let same = listing(&[(1, "a", 1), (2, "b", 2)]);
        let rows = after(&[], &plan(&same, &[], 0));
        let again = plan(&same, &rows, 1);
        assert!(again.insert.is_empty() && again.edits.is_empty());
    }

    #[test]
    fn absence_is_believed_only_of_a_whole_list_and_erases_nothing() {
        let mut rows = after(&[], &plan(&listing(&[(1, "a", 1), (2, "b", 2)]), &[], 0));
        rows[1].apply(Edit::Retrieved { octets: 2, chunks: 1, at: 5, unconfirmed: false });
        let mut short = listing(&[(1, "a", 1)]);
        short.count = 2;
        assert!(plan(&short, &rows, 0).edits.is_empty(), "STAT says two, UIDL lists one");
        let gone = after(&rows, &plan(&listing(&[]), &rows, 0));
        assert!(gone.iter().all(|row| !row.on_server));
        assert_eq!(gone[1].retrieved, Some(5));
    }

    #[test]
    fn a_uid_that_comes_back_with_another_size_is_a_new_message() {
        let rows = after(&[], &plan(&listing(&[(1, "a", 1)]), &[], 0));
        let rows = after(&rows, &plan(&listing(&[]), &rows, 0));
        let back = plan(&listing(&[(1, "a", 1)]), &rows, 0);
        assert_eq!(numbers(&back), [(1, 1)], "the same size: the same message");
        let other = plan(&listing(&[(1, "a", 99)]), &rows, 0);
        assert_eq!(numbers(&other), [(1, 2)]);
        assert_eq!(other.insert[0].ordinal, 1);
    }

    #[test]
    fn twins_are_told_apart_by_size_and_ties_are_doubtful() {
        let rows = after(&[], &plan(&listing(&[(1, "t", 10), (2, "t", 20)]), &[], 0));
        assert_eq!(rows.iter().map(|row| row.ordinal).collect::<Vec<_>>(), [0, 1]);
        let one_left = plan(&listing(&[(1, "t", 20)]), &rows, 0);
        assert_eq!(one_left.present, [Present { id: 2, number: 1, size: 20, doubtful: false }]);
        assert_eq!(one_left.edits, [(1, Edit::Missing)]);

        let rows = after(&[], &plan(&listing(&[(1, "t", 10), (2, "t", 10)]), &[], 0));
        let tie = plan(&listing(&[(1, "t", 10)]), &rows, 0);
        assert!(tie.present.iter().all(|present| present.doubtful));
        let both = plan(&listing(&[(1, "t", 10), (2, "t", 10)]), &rows, 0);
        assert_eq!(numbers(&both), [(1, 1), (2, 2)]);
        assert!(both.present.iter().all(|present| present.doubtful));
    }

    #[test]
    fn a_deletion_that_did_not_take_effect_is_wanted_again() {
        let same = listing(&[(1, "a", 1)]);
        let mut rows = after(&[], &plan(&same, &[], 0));
        rows[0].apply(Edit::Delete);
        rows[0].apply(Edit::Sent);
        assert_eq!(after(&rows, &plan(&same, &rows, 0))[0].deletion, Deletion::Wanted);
        assert_eq!(after(&rows, &plan(&listing(&[]), &rows, 0))[0].deletion, Deletion::Confirmed);
    }
}

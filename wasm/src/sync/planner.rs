//! From what a session lists and what the table knows to what is to be done. Pure.
//!
//! Architecture invariant: no I/O, no clock, no random source; the same arguments give the same plan.

use core::cmp::Ordering;

use crate::pop3::listing::{Named, Sized};
use crate::store::{Deletion, Edit, Id, Record, Rows, Timestamp};

/// What a session says is in the maildrop.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// STAT's count; `None` where its answer could not be read.
    pub count: Option<u32>,
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

/// Matches a listing with the table.
///
/// UIDs are matched exactly. Where the server gives several messages one UID, or brings back a UID that was gone, the size decides
/// which is meant; sizes that tie leave a doubt. What the listing leaves out is marked as gone only where its lines are as many as
/// STAT said, and even then nothing that is stored is touched.
pub fn plan(listing: &Listing, rows: &Rows, now: Timestamp) -> Plan {
    let sizes = sizes_of(listing);
    let rows: Vec<&Record> = rows.values().collect();
    let pairs = pairs(listing, &sizes, &rows);
    let ambiguous = repeated_numbers(listing);

    let mut plan = Plan::default();
    let mut listed = vec![false; rows.len()];
    let mut next_id = rows.last().map_or(1, |row| row.id.saturating_add(1));
    // In the server's order, so that ids keep it.
    for (((line, size), pair), ambiguous) in listing.uids.iter().zip(sizes).zip(pairs).zip(&ambiguous) {
        // A number with two names could be either: left alone, it is neither stored under a wrong name nor deleted for another.
        if *ambiguous {
            continue;
        }
        let number = line.number;
        let (id, doubtful) = match pair {
            Pair::Known { row: place, doubtful } => {
                let Some(row) = rows.get(place) else { continue };
                if let Some(listed) = listed.get_mut(place) {
                    *listed = true;
                }
                // Not the size that is known, or gone and back: most likely the same, but not certain enough to delete it.
                let doubtful = doubtful || row.size != size || !row.on_server;
                let mut after = (*row).clone();
                after.apply(Edit::Listed { size });
                // A table of 100,000 rows is not written anew for nothing.
                if after != **row {
                    plan.edits.push((row.id, Edit::Listed { size }));
                }
                (row.id, doubtful)
            }
            Pair::New { ordinal } => {
                let (uid, id) = (line.uid.clone(), next_id);
                let row = Record { id, uid, ordinal, size, first_seen: now, on_server: true, ..Record::default() };
                plan.insert.push(row);
                next_id = next_id.saturating_add(1);
                (id, false)
            }
        };
        plan.present.push(Present { id, number, size, doubtful });
    }

    // Absence is believed only where the list is whole: as many lines as STAT said, each for another message.
    if listing.count.is_some_and(|count| listing.uids.len() == count as usize) && !ambiguous.contains(&true) {
        let gone = rows.iter().zip(listed).filter(|(row, listed)| row.on_server && !listed);
        plan.edits.extend(gone.map(|(row, _)| (row.id, Edit::Missing)));
    }
    plan
}

/// What a listed message is.
#[derive(Clone, Copy, Debug)]
enum Pair {
    /// The row at this place, perhaps.
    Known { row: usize, doubtful: bool },
    /// Never seen before; so many of its UID were.
    New { ordinal: u32 },
}

/// For each line of UIDL, whether another line has its number.
fn repeated_numbers(listing: &Listing) -> Vec<bool> {
    let number = |place: usize| listing.uids.get(place).map_or(0, |line| line.number);
    let order = sorted(listing.uids.len(), &|a, b| number(a).cmp(&number(b)));
    let mut repeated = vec![false; listing.uids.len()];
    for same in order.chunk_by(|a, b| number(*a) == number(*b)).filter(|same| same.len() > 1) {
        for place in same {
            if let Some(repeated) = repeated.get_mut(*place) {
                *repeated = true;
            }
        }
    }
    repeated
}

/// LIST's size for each line of UIDL; 0 where it has none.
fn sizes_of(listing: &Listing) -> Vec<u64> {
    let order = sorted(listing.sizes.len(), &|a, b| number_at(listing, a).cmp(&number_at(listing, b)));
    let size = |number: u32| {
        let place = order.binary_search_by(|place| number_at(listing, *place).cmp(&number)).ok()?;
        listing.sizes.get(*order.get(place)?).map(|line| line.octets)
    };
    listing.uids.iter().map(|line| size(line.number).unwrap_or(0)).collect()
}

fn number_at(listing: &Listing, place: usize) -> u32 {
    listing.sizes.get(place).map_or(0, |line| line.number)
}

/// For each line of UIDL, what it is: lines and rows are both put in the order of UIDs, and walked along together.
fn pairs(listing: &Listing, sizes: &[u64], rows: &[&Record]) -> Vec<Pair> {
    let uid = |place: usize| listing.uids.get(place).map_or("", |line| line.uid.as_str());
    let row_uid = |place: usize| rows.get(place).map_or("", |row| row.uid.as_str());
    let lines = sorted(listing.uids.len(), &|a, b| uid(a).cmp(uid(b)).then(a.cmp(&b)));
    let known = sorted(rows.len(), &|a, b| row_uid(a).cmp(row_uid(b)).then(a.cmp(&b)));

    let mut pairs = vec![Pair::New { ordinal: 0 }; listing.uids.len()];
    let mut known = known.as_slice();
    for same in lines.chunk_by(|a, b| uid(*a) == uid(*b)) {
        let name = same.first().map_or("", |place| uid(*place));
        known = known.get(known.partition_point(|place| row_uid(*place) < name)..).unwrap_or_default();
        let (named, rest) = known.split_at(known.partition_point(|place| row_uid(*place) == name));
        known = rest;
        pair(name, same, named, sizes, rows, &mut pairs);
    }
    pairs
}

/// Pairs the lines of one UID with the rows of that UID.
fn pair(uid: &str, lines: &[usize], named: &[usize], sizes: &[u64], rows: &[&Record], pairs: &mut [Pair]) {
    let size_of = |line: usize| sizes.get(line).copied().unwrap_or(0);
    let row_size = |row: usize| rows.get(row).map_or(0, |row| row.size);
    let there = |row: usize| rows.get(row).is_some_and(|row| row.on_server);
    // What QUIT has deleted does not come back: under its name stands a new message.
    let deleted = |row: usize| rows.get(row).is_some_and(|row| row.deletion == Deletion::Confirmed);
    // Headers that a person may act on, and nothing else that would show whose they are.
    let headed = |row: usize| rows.get(row).is_some_and(|row| row.headers && row.retrieved.is_none());
    let mut free: Vec<usize> = named.iter().copied().filter(|row| !deleted(*row)).collect();
    let alone = (free.first().copied()).filter(|_| free.len() == 1 && lines.len() == 1);
    let mut ordinal = u32::try_from(named.len()).unwrap_or(u32::MAX);
    for line in lines {
        let size = size_of(*line);
        let found = match alone {
            // The same name, never gone: the same message, even if the server counts its octets in another way today. But nobody is to
            // be shown another's headers.
            Some(row) => {
                (row_size(row) == size || there(row) && !uid.is_empty() && !headed(row)).then_some((row, false))
            }
            None => {
                let fits = |row: &usize| row_size(*row) == size;
                // A row that is still on the server is meant rather than one that was gone.
                let place = free.iter().position(|row| fits(row) && there(*row)).or_else(|| free.iter().position(fits));
                let ties = free.iter().filter(|row| fits(row)).count() > 1
                    || lines.iter().filter(|other| size_of(**other) == size).count() > 1;
                place.map(|place| (free.remove(place), ties))
            }
        };
        if let Some(pair) = pairs.get_mut(*line) {
            *pair = match found {
                Some((row, doubtful)) => Pair::Known { row, doubtful },
                None => {
                    ordinal = ordinal.saturating_add(1);
                    Pair::New { ordinal: ordinal - 1 }
                }
            };
        }
    }
}

/// The places `0..count` in an order. One sort for all: each kind of its own is kilobytes of wasm.
pub(super) fn sorted(count: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    merge_sort(&mut places, order);
    places
}

/// Stable. The standard library's sorts are 5 kB of wasm.
fn merge_sort(places: &mut [usize], order: &dyn Fn(usize, usize) -> Ordering) {
    let (left, right) = places.split_at_mut(places.len() / 2);
    if left.is_empty() {
        return;
    }
    merge_sort(left, order);
    merge_sort(right, order);
    let old = [&*left, &*right].concat();
    let (mut a, mut b) = old.split_at(left.len());
    for place in places {
        let next = match (a.split_first(), b.split_first()) {
            (Some((x, _)), Some((y, rest))) if order(*y, *x).is_lt() => {
                b = rest;
                *y
            }
            (Some((x, rest)), _) => {
                a = rest;
                *x
            }
            (None, Some((y, rest))) => {
                b = rest;
                *y
            }
            (None, None) => return,
        };
        *place = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Deletion;

    /// A listing from `(number, uid, size)`, with the count that STAT would give.
    fn listing(lines: &[(u32, &str, u64)]) -> Listing {
        Listing {
            count: Some(lines.len() as u32),
            sizes: lines.iter().map(|(number, _, octets)| Sized { number: *number, octets: *octets }).collect(),
            uids: lines.iter().map(|(number, uid, _)| Named { number: *number, uid: (*uid).into() }).collect(),
        }
    }

    fn plan(listing: &Listing, rows: &[Record], now: Timestamp) -> Plan {
        let mut table = Rows::default();
        rows.iter().for_each(|row| table.insert(row.id, row.clone()));
        super::plan(listing, &table, now)
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
        short.count = Some(2);
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
    fn what_was_deleted_and_is_listed_again_is_a_new_message() {
        let same = listing(&[(1, "a", 1)]);
        let mut rows = after(&[], &plan(&same, &[], 0));
        rows[0].apply(Edit::Confirmed);
        let again = plan(&same, &rows, 0);
        assert_eq!(numbers(&again), [(1, 2)]);
        assert_eq!(again.insert[0].ordinal, 1);
    }

    #[test]
    fn another_size_or_a_return_is_doubtful_for_as_long_as_it_lasts() {
        let mut rows = after(&[], &plan(&listing(&[(1, "a", 500)]), &[], 0));
        rows[0].apply(Edit::Delete);
        for _ in 0..3 {
            let other = plan(&listing(&[(1, "a", 860)]), &rows, 0);
            assert!(other.present[0].doubtful);
            rows = after(&rows, &other);
        }
        let rows = after(&rows, &plan(&listing(&[]), &rows, 0));
        assert!(plan(&listing(&[(1, "a", 500)]), &rows, 0).present[0].doubtful);
    }

    #[test]
    fn headers_do_not_pass_to_a_message_of_another_size() {
        let mut rows = after(&[], &plan(&listing(&[(1, "a", 500)]), &[], 0));
        rows[0].apply(Edit::Headed);
        let other = plan(&listing(&[(1, "a", 860)]), &rows, 0);
        assert_eq!(numbers(&other), [(1, 2)], "a new message");
        assert_eq!(other.edits, [(1, Edit::Missing)]);
        rows[0].apply(Edit::Retrieved { octets: 500, chunks: 1, at: 5, unconfirmed: false });
        assert_eq!(numbers(&plan(&listing(&[(1, "a", 860)]), &rows, 0)), [(1, 1)], "nothing is retrieved twice");
    }

    #[test]
    fn an_unreadable_stat_or_a_number_with_two_names_proves_nothing() {
        let rows = after(&[], &plan(&listing(&[(1, "a", 1), (2, "b", 2)]), &[], 0));
        let mut nothing = listing(&[]);
        nothing.count = None;
        assert!(plan(&nothing, &rows, 0).edits.is_empty());
        let twice = plan(&listing(&[(1, "a", 1), (1, "c", 1)]), &rows, 0);
        assert_eq!((twice.present, twice.insert, twice.edits), (vec![], vec![], vec![]));
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
        assert!(after(&rows, &plan(&listing(&[]), &rows, 0))[0].is_deleted());
    }
}

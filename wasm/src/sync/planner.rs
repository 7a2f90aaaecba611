//! From what a session lists and what the table knows to what is to be done. Pure.
//!
//! UIDs are matched exactly. Where they leave a doubt, sizes decide, and where sizes tie, headers: twins that the server gives one UID, a
//! UID that was gone and is back, another size than the known one, and a server that has given every message a new UID. Which headers
//! would help is part of the plan ([`Plan::ask`], [`Plan::look`]): who has fetched them plans anew. Where doubt remains, the message is
//! the one that is known, and it is not deleted.
//!
//! Architecture invariant: no I/O, no clock, no random source; the same arguments give the same plan.

mod matching;
mod order;

use self::matching::{Matching, Pair};
pub(super) use self::order::sorted;
use crate::pop3::listing::{Named, Sized};
use crate::store::{Edit, Id, Record, Rows, Sorted, Timestamp};

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

/// A digest of a message's headers.
pub type Digest = String;

/// What is known of headers. `None`: there are none to be had. A message that is not in here was not asked for yet.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// Of listed messages, by number.
    pub listed: Sorted<u32, Option<Digest>>,
    /// Of messages that are kept here.
    pub kept: Sorted<Id, Option<Digest>>,
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
    /// Rows that were recognised under another UID: that, and its ordinal.
    pub rename: Vec<(Id, String, u32)>,
    /// What changed about known ones.
    pub edits: Vec<(Id, Edit)>,
    /// The messages of this session, in the server's order.
    pub present: Vec<Present>,
    /// Listed messages whose headers would dispel a doubt …
    pub ask: Vec<Sized>,
    /// … and the kept messages with whose headers they are to be compared.
    pub look: Vec<Id>,
}

/// Matches a listing with the table.
///
/// What the listing leaves out is marked as gone only where its lines are as many as STAT said, and even then nothing that is stored
/// is touched.
pub fn plan(listing: &Listing, rows: &Rows, heads: &Heads, now: Timestamp) -> Plan {
    let rows: Vec<&Record> = rows.values().collect();
    let ambiguous = repeated_numbers(listing);
    // Absence is believed only where the list is whole: as many lines as STAT said, each for another message.
    let whole = listing.count.is_some_and(|count| listing.uids.len() == count as usize) && !ambiguous.contains(&true);
    let mut matching = Matching::of(listing, &rows, heads, whole);
    // In the place of one that this list leaves out, another of its UID may stand.
    let hides = !whole && !matching.are_names_unique();
    let Matching { pairs, sizes, listed, ask, look, .. } = matching;

    let lines = listing.uids.iter().zip(&sizes).zip(ask).filter(|(_, ask)| *ask);
    let ask = lines.map(|((line, octets), _)| Sized { number: line.number, octets: *octets }).collect();
    let look = rows.iter().zip(look).filter(|(_, look)| *look).map(|(row, _)| row.id).collect();
    let mut plan = Plan { ask, look, ..Plan::default() };
    let mut next_id = next_id(rows.last().map(|row| row.id), now);
    // In the server's order, so that ids keep it.
    for (((line, size), pair), ambiguous) in listing.uids.iter().zip(sizes).zip(pairs).zip(&ambiguous) {
        // A number with two names could be either: left alone, it is neither stored under a wrong name nor deleted for another.
        if *ambiguous {
            continue;
        }
        let number = line.number;
        let (id, doubtful) = match pair {
            Pair::Known { row, sure } => {
                let Some(row) = rows.get(row) else { continue };
                // One that is recognised by its headers goes by the size that it has now.
                let size = if sure == Some(true) || row.retrieved.is_none() { size } else { row.size };
                let (mut after, edit) = ((*row).clone(), Edit::Listed { size, unsure: sure == Some(false) });
                after.apply(edit);
                // A table of 100,000 rows is not written anew for nothing.
                if after != **row {
                    plan.edits.push((row.id, edit));
                }
                (row.id, sure == Some(false) || hides && sure.is_none())
            }
            Pair::Renamed { row, ordinal } => {
                let Some(row) = rows.get(row) else { continue };
                plan.rename.push((row.id, line.uid.clone(), ordinal));
                (row.id, true)
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
    if whole {
        let gone = rows.iter().zip(listed).filter(|(row, listed)| row.on_server && !listed);
        plan.edits.extend(gone.map(|(row, _)| (row.id, Edit::Missing)));
    }
    plan
}

/// The id of the next new row, where `last` is the highest.
pub fn next_id(last: Option<Id>, now: Timestamp) -> Id {
    last.map_or_else(|| first_id(now), |last| last.saturating_add(1))
}

/// Where the ids of a new table begin: elsewhere every 16 ms, so that after a table was cleared an id held by another tab names
/// nothing. Half of all ids are left for the messages to come.
fn first_id(now: Timestamp) -> Id {
    // The golden ratio spreads them (Knuth, The Art of Computer Programming 3, §6.4).
    1 + ((now >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as Id
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

    /// A plan without any headers.
    fn plan(listing: &Listing, rows: &[Record], now: Timestamp) -> Plan {
        knowing(&Heads::default(), listing, rows, now)
    }

    fn knowing(heads: &Heads, listing: &Listing, rows: &[Record], now: Timestamp) -> Plan {
        let mut table = Rows::default();
        rows.iter().for_each(|row| table.insert(row.id, row.clone()));
        super::plan(listing, &table, heads, now)
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
        let back = plan(&listing(&[(1, "a", 860)]), &rows, 0);
        assert!(back.present[0].doubtful);
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
        assert_eq!(one_left.present, [Present { id: 2, number: 1, size: 20, doubtful: true }], "or a third one");
        assert_eq!(one_left.edits.first(), Some(&(2, Edit::Listed { size: 20, unsure: true })));
        assert_eq!(one_left.edits.last(), Some(&(1, Edit::Missing)));
        let both = plan(&listing(&[(1, "t", 20), (2, "t", 10)]), &rows, 0);
        assert_eq!(numbers(&both), [(1, 2), (2, 1)]);
        assert!(both.present.iter().all(|present| !present.doubtful));

        let rows = after(&[], &plan(&listing(&[(1, "t", 10), (2, "t", 10)]), &[], 0));
        let tie = plan(&listing(&[(1, "t", 10)]), &rows, 0);
        assert!(tie.present.iter().all(|present| present.doubtful));
        let both = plan(&listing(&[(1, "t", 10), (2, "t", 10)]), &rows, 0);
        assert_eq!(numbers(&both), [(1, 1), (2, 2)]);
        assert!(both.present.iter().all(|present| present.doubtful));
    }

    #[test]
    fn what_a_list_with_a_gap_leaves_out_may_have_a_twin() {
        let rows = after(&[], &plan(&listing(&[(1, "a", 10), (2, "t", 10)]), &[], 0));
        let short = |lines: &[(u32, &str, u64)]| Listing { count: Some(9), ..listing(lines) };
        let unique = plan(&short(&[(2, "t", 10), (3, "a", 10)]), &rows, 0);
        assert!(unique.present.iter().all(|present| !present.doubtful), "a name is a name");
        let twins = plan(&short(&[(2, "t", 10), (3, "a", 10), (4, "t", 20)]), &rows, 0);
        assert!(twins.present[1].doubtful && twins.present[1].id == 1, "the first message, or a twin of it");
    }

    #[test]
    fn what_has_the_name_of_what_was_perhaps_deleted_is_looked_into() {
        let rows = |lines: &[(u32, &str, u64)]| {
            let mut rows = stored(lines);
            rows[0].apply(Edit::Delete);
            rows[0].apply(Edit::Sent);
            rows
        };
        let same = [(1, "a", 10), (2, "b", 10)];
        let unique = plan(&listing(&same), &rows(&same), 0);
        assert_eq!((asks(&unique), unique.present[0].doubtful), ((vec![1], vec![1]), false), "names are unique here");
        // There may have been a twin of what QUIT may have deleted.
        let twins = plan(&listing(&[(1, "a", 10), (2, "b", 10), (3, "b", 20)]), &rows(&same), 0);
        assert_eq!((asks(&twins), twins.present[0].doubtful), ((vec![1, 2], vec![1, 2]), true));
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

    /// Headers as an engine would have fetched them: `listed` by number, `kept` by id.
    fn heads(listed: &[(u32, &str)], kept: &[(Id, &str)]) -> Heads {
        let mut heads = Heads::default();
        listed.iter().for_each(|(number, head)| heads.listed.insert(*number, Some((*head).into())));
        kept.iter().for_each(|(id, head)| heads.kept.insert(*id, Some((*head).into())));
        heads
    }

    fn asks(plan: &Plan) -> (Vec<u32>, Vec<Id>) {
        (plan.ask.iter().map(|line| line.number).collect(), plan.look.clone())
    }

    /// Rows for these messages, stored.
    fn stored(lines: &[(u32, &str, u64)]) -> Vec<Record> {
        let mut rows = after(&[], &plan(&listing(lines), &[], 0));
        let retrieved = Edit::Retrieved { octets: 1, chunks: 1, at: 5, unconfirmed: false };
        rows.iter_mut().for_each(|row| row.apply(retrieved));
        rows
    }

    #[test]
    fn headers_tell_whether_what_is_back_is_the_same() {
        let same = listing(&[(1, "a", 500)]);
        let rows = stored(&[(1, "a", 500)]);
        let rows = after(&rows, &plan(&listing(&[]), &rows, 0));
        assert_eq!(asks(&plan(&same, &rows, 0)), (vec![1], vec![1]));

        let equal = knowing(&heads(&[(1, "h")], &[(1, "h")]), &same, &rows, 0);
        assert_eq!(equal.present, [Present { id: 1, number: 1, size: 500, doubtful: false }]);
        assert!(asks(&plan(&same, &after(&rows, &equal), 0)).0.is_empty(), "once is enough");
        let other = knowing(&heads(&[(1, "x")], &[(1, "h")]), &same, &rows, 0);
        assert_eq!((numbers(&other), other.insert.len()), (vec![(1, 2)], 1));

        // Nothing to be had: the same, and for as long as that lasts not deleted.
        let rows = after(&rows, &plan(&same, &rows, 0));
        assert!(rows[0].unsure && plan(&same, &rows, 0).present[0].doubtful);
    }

    #[test]
    fn another_size_under_a_known_uid_is_looked_into() {
        let rows = stored(&[(1, "a", 500)]);
        let other = listing(&[(1, "a", 860)]);
        assert_eq!(asks(&plan(&other, &rows, 0)), (vec![1], vec![1]));
        let counted = knowing(&heads(&[(1, "h")], &[(1, "h")]), &other, &rows, 0);
        assert_eq!(counted.edits, [(1, Edit::Listed { size: 860, unsure: false })]);
        let taken = knowing(&heads(&[(1, "x")], &[(1, "h")]), &other, &rows, 0);
        assert_eq!((numbers(&taken), taken.edits), (vec![(1, 2)], vec![(1, Edit::Missing)]));
    }

    #[test]
    fn twins_of_one_size_are_told_apart_by_headers() {
        let rows = stored(&[(1, "t", 10), (2, "t", 10), (3, "t", 10)]);
        // Somebody else has deleted the first, and a fourth has come.
        let now = listing(&[(1, "t", 10), (2, "t", 10), (3, "t", 10)]);
        assert_eq!(asks(&plan(&now, &rows, 0)), (vec![1, 2, 3], vec![1, 2, 3]));
        let heads = heads(&[(1, "b"), (2, "c"), (3, "d")], &[(1, "a"), (2, "b"), (3, "c")]);
        let plan = knowing(&heads, &now, &rows, 0);
        assert_eq!(numbers(&plan), [(1, 2), (2, 3), (3, 4)]);
        assert!(plan.present.iter().all(|present| !present.doubtful));
        assert_eq!(plan.edits, [(1, Edit::Missing)]);
        assert_eq!(plan.insert[0].ordinal, 3);
    }

    #[test]
    fn copies_of_one_message_stay_doubtful() {
        let rows = stored(&[(1, "t", 10), (2, "t", 10)]);
        let heads = heads(&[(1, "a"), (2, "a")], &[(1, "a"), (2, "a")]);
        let plan = knowing(&heads, &listing(&[(1, "t", 10), (2, "t", 10)]), &rows, 0);
        assert!(plan.insert.is_empty() && plan.present.iter().all(|present| present.doubtful));
    }

    #[test]
    fn new_uids_for_all_are_recognised_and_not_downloaded() {
        let mut rows = stored(&[(1, "1N", 10), (2, "2N", 20), (3, "3N", 10), (4, "4N", 40)]);
        rows[1].apply(Edit::Delete);
        // The fourth was deleted by somebody else, a fifth has come.
        let now = listing(&[(1, "1R", 10), (2, "2R", 20), (3, "3R", 10), (4, "5R", 50)]);
        assert_eq!(asks(&plan(&now, &rows, 0)), (vec![1, 2, 3], vec![1, 2, 3]));
        let heads = heads(&[(1, "a"), (2, "b"), (3, "c")], &[(1, "a"), (2, "b"), (3, "c")]);
        let plan = knowing(&heads, &now, &rows, 0);
        let renamed: Vec<_> = plan.rename.iter().map(|(id, uid, _)| (*id, uid.as_str())).collect();
        assert_eq!(renamed, [(1, "1R"), (2, "2R"), (3, "3R")]);
        assert_eq!((numbers(&plan)[3], plan.insert.len()), ((4, 5), 1));
        assert!(plan.present[..3].iter().all(|present| present.doubtful), "no DELE in this session");
        assert_eq!(plan.edits, [(4, Edit::Missing)]);
    }

    #[test]
    fn other_headers_under_new_uids_are_other_messages() {
        let rows = stored(&[(1, "1N", 10), (2, "2N", 20)]);
        let now = listing(&[(1, "1R", 10), (2, "2R", 20)]);
        let plan = knowing(&heads(&[(1, "x"), (2, "b")], &[(1, "a"), (2, "b")]), &now, &rows, 0);
        assert_eq!((plan.rename.len(), plan.insert.len()), (1, 1));
        // Without headers nothing is taken for what is known.
        assert_eq!(super::tests::plan(&now, &rows, 0).insert.len(), 2);
    }

    #[test]
    fn a_few_that_are_gone_and_a_few_that_are_new_are_no_new_uids() {
        let rows = stored(&[(1, "a", 10), (2, "b", 10), (3, "c", 10), (4, "d", 10)]);
        let next = plan(&listing(&[(1, "b", 10), (2, "c", 10), (3, "d", 10), (4, "e", 10)]), &rows, 0);
        assert!(next.ask.is_empty() && next.insert.len() == 1);
    }

    #[test]
    fn what_we_have_deleted_is_not_back_under_a_new_uid() {
        let mut rows = stored(&[(1, "a", 10), (2, "b", 20)]);
        for row in &mut rows {
            row.apply(Edit::Delete);
            row.apply(Edit::Sent);
        }
        let next = plan(&listing(&[(1, "c", 10), (2, "d", 20)]), &rows, 0);
        assert!(next.ask.is_empty() && next.rename.is_empty() && next.insert.len() == 2);
    }

    #[test]
    fn a_cleared_table_begins_elsewhere() {
        let first = |now| plan(&listing(&[(1, "a", 1)]), &[], now).present[0].id;
        assert_ne!(first(1_800_000_000_000), first(1_800_000_000_016));
        assert!(first(u64::MAX) <= 1 << 31);
    }
}

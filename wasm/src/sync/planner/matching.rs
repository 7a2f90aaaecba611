//! Which line of a listing is which row of the table.

use super::order::{Item, join, sorted};
use super::{Heads, Listing};
use crate::store::{Deletion, Record};

/// What a listed message is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    /// The row at this place. `sure`: its headers were compared (`true`), or should have been and could not (`false`).
    Known { row: usize, sure: Option<bool> },
    /// The row at this place, under a new UID, of which so many are known.
    Renamed { row: usize, ordinal: u32 },
    /// Never seen before; so many of its UID were.
    New { ordinal: u32 },
}

/// What is done with lines and rows that have something in common.
type Each<'e, 'a> = dyn Fn(&mut Matching<'a>, &[usize], &[usize]) + 'e;

/// Lines and rows, and what was found of them so far.
pub(super) struct Matching<'a> {
    listing: &'a Listing,
    rows: &'a [&'a Record],
    heads: &'a Heads,
    /// For each line, LIST's size; 0 where it has none.
    pub(super) sizes: Vec<u64>,
    /// For each line, what it is.
    pub(super) pairs: Vec<Pair>,
    /// For each row, whether a line is it.
    pub(super) listed: Vec<bool>,
    /// Whether no two messages have one UID, once that was looked into.
    unique: Option<bool>,
    /// For each line, whether its headers would dispel a doubt …
    pub(super) ask: Vec<bool>,
    /// … and for each row, whether they are to be compared with its own.
    pub(super) look: Vec<bool>,
}

impl<'a> Matching<'a> {
    /// Matches all. `whole`: what is not listed is gone.
    pub(super) fn of(listing: &'a Listing, rows: &'a [&'a Record], heads: &'a Heads, whole: bool) -> Matching<'a> {
        let lines: Vec<usize> = (0..listing.uids.len()).collect();
        let places: Vec<usize> = (0..rows.len()).collect();
        let mut matching = Matching {
            listing,
            rows,
            heads,
            sizes: sizes_of(listing),
            pairs: vec![Pair::New { ordinal: 0 }; lines.len()],
            listed: vec![false; places.len()],
            unique: None,
            ask: vec![false; lines.len()],
            look: vec![false; places.len()],
        };
        let uid = |item: Item| match item {
            Item::Line(line) => listing.uids.get(line).map_or("", |line| line.uid.as_str()),
            Item::Row(row) => rows.get(row).map_or("", |row| row.uid.as_str()),
        };
        join(&lines, &places, &|a, b| uid(a).cmp(uid(b)), &mut |lines, rows| matching.one_uid(lines, rows));
        if whole {
            matching.new_uids(&lines, &places);
        }
        matching
    }

    /// The lines and rows of one UID.
    fn one_uid(&mut self, lines: &[usize], named: &[usize]) {
        let before = named.len() as u32;
        // What QUIT has deleted does not come back: under its name stands a new message …
        let back = |row: &usize| self.row(*row).is_some_and(|row| row.deletion != Deletion::Confirmed);
        let (rows, deleted): (Vec<usize>, Vec<usize>) = named.iter().copied().partition(back);
        let name_less =
            lines.first().and_then(|line| self.listing.uids.get(*line)).is_none_or(|line| line.uid.is_empty());
        let there = rows.iter().filter(|row| self.row(**row).is_some_and(|row| row.on_server)).count();
        // Where one UID is given again and again, a message that nobody has seen may stand in the place of one that is gone.
        let again = (named.len() > 1 || lines.len() > 1).then_some(lines.len() == there);
        match (lines, rows.as_slice()) {
            ([line], [row]) if !name_less => self.one(*line, *row, again),
            _ => self.by_size(lines, &rows, &|matching, lines, rows| match (lines, rows) {
                (_, []) => {}
                ([line], [row]) => matching.one(*line, *row, again),
                _ => matching.tie(lines, rows),
            }),
        }
        let unpaired =
            |matching: &Self| lines.iter().copied().filter(|line| matching.is_new(*line)).collect::<Vec<_>>();
        // … unless the headers say that it was not deleted at all.
        self.by_size(&unpaired(self), &deleted, &|matching, lines, rows| {
            for (line, row, _) in matching.same_heads(lines, rows).into_iter().filter(|(.., alone)| *alone) {
                matching.set(line, Pair::Known { row, sure: Some(true) });
            }
        });
        for (line, ordinal) in unpaired(self).into_iter().zip(before..) {
            self.set(line, Pair::New { ordinal });
        }
    }

    /// One line and one row of the same name, and where the name alone does not say much, of the same size. `again`: the name is given
    /// again and again; whether to as many messages as before.
    fn one(&mut self, line: usize, row: usize, again: Option<bool>) {
        let Some(Record { uid, size, on_server, unsure, deletion, .. }) = self.row(row) else { return };
        // The same name, never gone.
        let named = *on_server && !unsure && !uid.is_empty();
        let sure = match self.size(line) == *size {
            // Where QUIT may have been carried out, another message may have the name.
            true if named && again.is_none() && *deletion != Deletion::Sent => None,
            // Gone, and back with another size.
            false if !on_server => return,
            // Gone and back; or without a name; or the server counts its octets in another way today.
            fits => match self.compare(line, row) {
                Some(false) => return,
                None if fits && named && again.unwrap_or_else(|| self.are_names_unique()) => None,
                // Nobody is to be shown another's headers, and to act on them.
                None if !fits && self.row(row).is_some_and(|row| row.headers && !row.stored()) => return,
                same => Some(same.is_some()),
            },
        };
        self.set(line, Pair::Known { row, sure });
    }

    /// Whether this server was never seen to give two messages one UID.
    pub(super) fn are_names_unique(&mut self) -> bool {
        let listing = self.listing;
        let uid = |line: usize| listing.uids.get(line).map(|line| &line.uid);
        let rows = self.rows;
        *self.unique.get_or_insert_with(|| {
            let order = sorted(listing.uids.len(), &|a, b| uid(a).cmp(&uid(b)));
            rows.iter().all(|row| row.ordinal == 0) && order.is_sorted_by(|a, b| uid(*a) < uid(*b))
        })
    }

    /// Lines and rows that only headers tell apart. What these leave is paired in the server's order, in doubt.
    fn tie(&mut self, lines: &[usize], rows: &[usize]) {
        for (line, row, alone) in self.same_heads(lines, rows) {
            self.set(line, Pair::Known { row, sure: Some(alone) });
        }
        // Whose headers are known can only be a row whose headers are not.
        let mut unheaded = self.left(rows, false).into_iter();
        let mut found: Vec<(usize, usize)> = self.unpaired(lines, true).into_iter().zip(unheaded.by_ref()).collect();
        found.extend(self.unpaired(lines, false).into_iter().zip(unheaded.chain(self.left(rows, true))));
        for (line, row) in found {
            self.set(line, Pair::Known { row, sure: Some(false) });
        }
    }

    /// Lines for which there is no row yet, with or without known headers.
    fn unpaired(&self, lines: &[usize], headed: bool) -> Vec<usize> {
        let is = |line: &usize| self.is_new(*line) && self.head(Item::Line(*line)).is_some() == headed;
        lines.iter().copied().filter(is).collect()
    }

    /// Rows for which there is no line yet, with or without known headers: first those that are still on the server.
    fn left(&self, rows: &[usize], headed: bool) -> Vec<usize> {
        let is = |row: &usize| !self.is_listed(*row) && self.head(Item::Row(*row)).is_some() == headed;
        let there = |row: &usize| self.row(*row).is_some_and(|row| row.on_server);
        let (there, gone): (Vec<usize>, Vec<usize>) = rows.iter().copied().filter(is).partition(there);
        [there, gone].concat()
    }

    /// A server that has given its messages new UIDs: half of those that were there are gone, and a like number is new. They are
    /// recognised by size and headers, in their order.
    fn new_uids(&mut self, lines: &[usize], rows: &[usize]) {
        let records = || rows.iter().filter_map(|row| self.row(*row).map(|record| (*row, record)));
        let was_there = || records().filter(|(_, record)| record.on_server);
        // After a moment in which the maildrop seemed to be empty, all that is known are candidates.
        let all = was_there().next().is_none();
        let candidate = |record: &Record| (all || record.on_server) && record.deletion != Deletion::Confirmed;
        let gone = || records().filter(|(row, record)| !self.is_listed(*row) && candidate(record));
        // What we have deleted ourselves, as it seems, is not gone for another reason.
        let unexplained = |(_, record): &(usize, &Record)| record.deletion != Deletion::Sent;
        let gone_count = gone().filter(unexplained).count();
        let new: Vec<usize> = lines.iter().copied().filter(|line| self.is_new(*line)).collect();
        let was_count = was_there().filter(unexplained).count();
        if gone_count == 0 || gone_count * 2 < was_count || new.len() * 2 < gone_count {
            return;
        }
        // Of what was never looked at there is nothing to be saved.
        let worth: Vec<usize> = gone().filter(|(_, record)| has_head(record)).map(|(row, _)| row).collect();
        self.by_size(&new, &worth, &|matching, lines, rows| {
            for (line, row, _) in matching.same_heads(lines, rows) {
                if let Some(Pair::New { ordinal }) = matching.pairs.get(line).copied() {
                    matching.set(line, Pair::Renamed { row, ordinal });
                }
            }
        });
    }

    /// Lines and rows of one size after another.
    fn by_size(&mut self, lines: &[usize], rows: &[usize], each: &Each<'_, 'a>) {
        let mut groups = Vec::new();
        let size = |item: Item| match item {
            Item::Line(line) => self.size(line),
            Item::Row(row) => self.row(row).map_or(0, |row| row.size),
        };
        let mut each_size = |lines: &[usize], rows: &[usize]| groups.push((lines.to_vec(), rows.to_vec()));
        join(lines, rows, &|a, b| size(a).cmp(&size(b)), &mut each_size);
        for (lines, rows) in groups {
            each(self, &lines, &rows);
        }
    }

    /// Lines with the headers of a row, that row, and whether no other has them: copies of one message are told apart by nothing.
    /// Where there is no row, nothing is asked.
    fn same_heads(&mut self, lines: &[usize], rows: &[usize]) -> Vec<(usize, usize, bool)> {
        let mut found = Vec::new();
        // A question would be in vain where there is nothing to compare with.
        if !rows.iter().any(|row| self.row(*row).is_some_and(has_head)) {
            return found;
        }
        lines.iter().for_each(|line| self.want(Item::Line(*line)));
        rows.iter().for_each(|row| self.want(Item::Row(*row)));
        let order = |a: Item, b: Item| self.head(a).cmp(&self.head(b));
        join(lines, rows, &order, &mut |lines, rows| {
            let known = lines.first().is_some_and(|line| self.head(Item::Line(*line)).is_some());
            let alone = lines.len() == 1 && rows.len() == 1;
            found.extend(lines.iter().zip(rows).filter(|_| known).map(|(line, row)| (*line, *row, alone)));
        });
        found
    }

    /// Whether a line has the headers of a row. `None` where that is not known, or not yet.
    fn compare(&mut self, line: usize, row: usize) -> Option<bool> {
        self.row(row).filter(|row| has_head(row))?;
        self.want(Item::Line(line));
        self.want(Item::Row(row));
        Some(self.head(Item::Line(line))? == self.head(Item::Row(row))?)
    }

    /// Notes that headers are to be fetched, unless that was done.
    fn want(&mut self, item: Item) {
        let (place, wanted, asked) = match item {
            Item::Line(line) => (line, &mut self.ask, self.heads.listed.get(number_of(self.listing, line)).is_some()),
            Item::Row(row) => {
                let kept = self.rows.get(row).filter(|row| has_head(row));
                (row, &mut self.look, kept.is_none_or(|row| self.heads.kept.get(row.id).is_some()))
            }
        };
        if let Some(wanted) = wanted.get_mut(place) {
            *wanted |= !asked;
        }
    }

    /// The digest of headers, where it is known.
    fn head(&self, item: Item) -> Option<&'a str> {
        let head = match item {
            Item::Line(line) => self.heads.listed.get(number_of(self.listing, line)),
            Item::Row(row) => self.heads.kept.get(self.row(row)?.id),
        };
        head?.as_deref()
    }

    fn set(&mut self, line: usize, is: Pair) {
        if let Some(pair) = self.pairs.get_mut(line) {
            *pair = is;
        }
        if let Pair::Known { row, .. } | Pair::Renamed { row, .. } = is
            && let Some(listed) = self.listed.get_mut(row)
        {
            *listed = true;
        }
    }

    fn row(&self, row: usize) -> Option<&'a Record> {
        self.rows.get(row).copied()
    }

    fn size(&self, line: usize) -> u64 {
        self.sizes.get(line).copied().unwrap_or(0)
    }

    fn is_new(&self, line: usize) -> bool {
        matches!(self.pairs.get(line), Some(Pair::New { .. }))
    }

    fn is_listed(&self, row: usize) -> bool {
        self.listed.get(row).is_some_and(|listed| *listed)
    }
}

/// Whether headers of it are kept.
fn has_head(row: &Record) -> bool {
    row.headers || row.stored()
}

fn number_of(listing: &Listing, line: usize) -> u32 {
    listing.uids.get(line).map_or(0, |line| line.number)
}

/// LIST's size for each line of UIDL; 0 where it has none.
fn sizes_of(listing: &Listing) -> Vec<u64> {
    let number = |place: usize| listing.sizes.get(place).map_or(0, |line| line.number);
    let order = sorted(listing.sizes.len(), &|a, b| number(a).cmp(&number(b)));
    let size = |of: u32| {
        let place = order.binary_search_by(|place| number(*place).cmp(&of)).ok()?;
        listing.sizes.get(*order.get(place)?).map(|line| line.octets)
    };
    listing.uids.iter().map(|line| size(line.number).unwrap_or(0)).collect()
}

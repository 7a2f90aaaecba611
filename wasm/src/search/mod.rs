//! The search index: which words are in which messages.
//!
//! Derived, and nothing else depends on it: where it is lost or cannot be read, it is made anew from what is stored. It does no I/O: what is
//! to be read comes in, and what is to be kept goes out as [`Segment`]s, each to be sealed by itself. A message that comes again, with its text
//! where only the headers were here, is found by what came last.

mod query;
mod segment;
mod words;

pub use self::query::Query;
pub use self::segment::{Builder, Entry, Segment, field};
pub use self::words::Fold;
use self::words::{folded, shortened, words};
use core::cmp::Ordering;

use crate::mail::Message;
use crate::store::{Envelope, Id};

/// Octets of one message's text that are read for it: some 40,000 words, which nobody writes by hand.
const TEXT: usize = 256 * 1024;
/// Messages of a part at most: more would be one task of more than 50 ms when parts are joined.
const LARGEST: usize = 1024;
/// Parts of one size that are joined to one: as many as are worth looking through instead.
const ALIKE: usize = 4;

/// All parts, and which message is in which.
#[derive(Debug, Default)]
pub struct Index {
    /// Each with the number under which it is kept, rising: what came later counts.
    segments: Vec<(u32, Segment)>,
    /// By id.
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    id: Id,
    /// Which of the parts.
    at: usize,
    /// Which of its messages.
    place: usize,
}

/// What is to be changed in what is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Parts that are new.
    pub write: Vec<u32>,
    /// Parts that others have taken over.
    pub remove: Vec<u32>,
}

impl Index {
    /// The numbers of its parts.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.segments.iter().map(|(number, _)| *number)
    }

    /// A part.
    pub fn segment(&self, number: u32) -> Option<&Segment> {
        let at = self.segments.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.segments.get(at).map(|(_, segment)| segment)
    }

    /// Whether a message is in it, and if so with its text.
    pub fn has(&self, id: Id) -> Option<bool> {
        self.entry(id).map(|entry| entry.whole)
    }

    /// Has the parts that are kept: those that are not named any more go, and new ones come. One that is here already stays.
    pub fn load(&mut self, numbers: &[u32], new: Vec<(u32, Segment)>) {
        self.segments.retain(|(number, _)| numbers.contains(number));
        for (number, segment) in new {
            if let Err(at) = self.segments.binary_search_by_key(&number, |(before, _)| *before) {
                self.segments.insert(at, (number, segment));
            }
        }
        self.place();
    }

    /// Takes a part in, and joins those that are small. `seed`: [`Builder::new`].
    pub fn add(&mut self, segment: Segment, seed: u32) -> Change {
        let mut next = self.segments.last().map_or(1, |(number, _)| number + 1);
        self.segments.push((next, segment));
        self.place();
        let mut change = Change { write: vec![next], remove: Vec::new() };
        while let Some(alike) = self.alike() {
            next += 1;
            let mut builder = Builder::new(seed);
            for number in &alike {
                if let Some(segment) = self.segment(*number) {
                    builder.take(segment);
                }
                if change.write.contains(number) {
                    change.write.retain(|written| written != number);
                } else {
                    change.remove.push(*number);
                }
            }
            self.segments.retain(|(number, _)| !alike.contains(number));
            self.segments.push((next, builder.build()));
            change.write.push(next);
            self.place();
        }
        change
    }

    /// The messages that a search finds, in no order. `is_read` tells of one whether somebody has read it.
    pub fn find(&self, query: &Query, is_read: &dyn Fn(Id) -> bool) -> Vec<Id> {
        let mut found = Vec::new();
        for (_, segment) in &self.segments {
            let mut passes: Vec<bool> = segment.dead.iter().map(|dead| !dead).collect();
            for word in &query.words {
                let mut here = vec![false; passes.len()];
                segment.postings(word.prefix.as_bytes(), &mut |place, fields| {
                    if fields & word.fields != 0
                        && let Some(here) = here.get_mut(place)
                    {
                        *here = true;
                    }
                });
                passes.iter_mut().zip(here).for_each(|(passes, here)| *passes &= here != word.not);
            }
            for (entry, passes) in segment.entries.iter().zip(passes) {
                if passes && is_wanted(query, entry) && query.read.is_none_or(|read| read == is_read(entry.id)) {
                    found.push(entry.id);
                }
            }
        }
        found
    }

    /// What is known of a message beside its words.
    pub fn entry(&self, id: Id) -> Option<&Entry> {
        let at = self.places.binary_search_by_key(&id, |place| place.id).ok()?;
        let Place { at, place, .. } = self.places.get(at)?;
        self.segments.get(*at)?.1.entries.get(*place)
    }

    /// Parts to be joined: of one size, the smallest first, and with what is dead in them not counted.
    fn alike(&self) -> Option<Vec<u32>> {
        let tier = |segment: &Segment| segment.alive().max(1).ilog2() / 2;
        (0..LARGEST.ilog2() / 2).find_map(|wanted| {
            let alike = self.segments.iter().filter(|(_, segment)| tier(segment) == wanted);
            let alike: Vec<u32> = alike.map(|(number, _)| *number).take(ALIKE).collect();
            (alike.len() == ALIKE).then_some(alike)
        })
    }

    /// Finds out which message is where: the last one counts.
    fn place(&mut self) {
        let all = self.segments.iter().enumerate().flat_map(|(at, (_, segment))| {
            segment.entries.iter().enumerate().map(move |(place, entry)| Place { id: entry.id, at, place })
        });
        let all: Vec<Place> = all.collect();
        let of = |at: u32| all.get(at as usize).copied().unwrap_or_default();
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        // Of one message, what came later is behind.
        sort(&mut order, &|a, b| of(a).id.cmp(&of(b).id).then(a.cmp(&b)));
        for (_, segment) in &mut self.segments {
            segment.dead.fill(false);
        }
        let mut places: Vec<Place> = Vec::with_capacity(all.len());
        for place in order.into_iter().map(of) {
            match places.last_mut().filter(|before| before.id == place.id) {
                Some(before) => {
                    let segment = self.segments.get_mut(before.at);
                    if let Some(dead) = segment.and_then(|(_, segment)| segment.dead.get_mut(before.place)) {
                        *dead = true;
                    }
                    *before = place;
                }
                None => places.push(place),
            }
        }
        self.places = places;
    }
}

/// Sorts numbers by anything. There is one of it: each further type that is sorted costs 2 kB of wasm.
#[inline(never)]
pub fn sort(all: &mut [u32], by: &dyn Fn(u32, u32) -> Ordering) {
    all.sort_unstable_by(|a, b| by(*a, *b));
}

impl Builder {
    /// Takes in a message that is here with its text.
    pub fn message(&mut self, id: Id, envelope: &Envelope, message: &Message, fold: Fold) {
        self.header(id, envelope, true, fold);
        for (text, fields) in [(&message.from, field::FROM), (&message.subject, field::SUBJECT)] {
            self.text(text, fields, fold);
        }
        for address in message.to.iter().chain(&message.cc) {
            self.text(address, field::TO, fold);
        }
        let end = (0..=TEXT.min(message.text.len())).rev().find(|end| message.text.is_char_boundary(*end));
        self.text(message.text.get(..end.unwrap_or_default()).unwrap_or_default(), field::TEXT, fold);
        for attachment in &message.attachments {
            self.text(&attachment.name, field::NAME, fold);
        }
    }

    /// Takes in a message of which only the headers are here, or not even those can be read.
    pub fn headers(&mut self, id: Id, envelope: &Envelope, fold: Fold) {
        self.header(id, envelope, false, fold);
    }

    fn header(&mut self, id: Id, envelope: &Envelope, whole: bool, fold: Fold) {
        let Envelope { subject, from, preview, date, attachments, .. } = envelope;
        let key = |text: &str| shortened(&folded(text.trim_start_matches(['"', ' ']), fold)).to_owned();
        let entry = Entry {
            id,
            whole,
            attachments: *attachments,
            date: date.map(|date| date.div_euclid(1000)),
            from: key(from),
            subject: key(without_marks(subject)),
        };
        self.begin(entry);
        self.text(from, field::FROM, fold);
        self.text(subject, field::SUBJECT, fold);
        self.text(preview, field::TEXT, fold);
    }

    fn text(&mut self, text: &str, fields: u8, fold: Fold) {
        words(&folded(text, fold), &mut |word| self.word(word.as_bytes(), fields));
    }
}

fn is_wanted(query: &Query, entry: &Entry) -> bool {
    query.attachments.is_none_or(|wanted| wanted == entry.attachments)
        && query.from.is_none_or(|from| entry.date.is_some_and(|date| date >= from))
        && query.until.is_none_or(|until| entry.date.is_some_and(|date| date < until))
}

/// A subject without what answering and forwarding put before it.
fn without_marks(mut subject: &str) -> &str {
    loop {
        let after = ["re:", "fw:", "fwd:"].iter().find_map(|mark| {
            let (begin, rest) = subject.split_at_checked(mark.len())?;
            begin.eq_ignore_ascii_case(mark).then(|| rest.trim_start())
        });
        match after {
            Some(rest) => subject = rest,
            None => return subject,
        }
    }
}

#[cfg(test)]
mod tests;

//! A part of the index: some hundred messages and their words, in octets, which is how it is sealed, kept and searched.
//!
//! Numbers are LEB128. First comes [`VERSION`]; the number of messages, and of each its id, flags, date, and what it is sorted by; then blocks
//! of [`BLOCK`] words, the length of each in front. A word is how many octets it shares with the one before, the rest of it, and where it
//! is: for each message the distance from the one before, with a bit for each [`Field`].

use super::sort;
use crate::store::Id;

/// Of this layout. One of another is made anew from what is stored.
const VERSION: u8 = 1;
/// Words that are read one after the other for one that is looked up.
const BLOCK: usize = 16;
/// Bits of a posting that say in which fields.
const FIELDS: u32 = 5;

/// Where in a message a word is: a bit.
pub mod field {
    /// In the subject.
    pub const SUBJECT: u8 = 1;
    /// In the sender's name or address.
    pub const FROM: u8 = 2;
    /// In those of the recipients.
    pub const TO: u8 = 4;
    /// In the text.
    pub const TEXT: u8 = 8;
    /// In the name of an attachment.
    pub const NAME: u8 = 16;
    /// In any of them.
    pub const ANY: u8 = 31;
}

/// What is known of a message beside its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name here.
    pub id: Id,
    /// Whether its text is here, and not only its headers.
    pub whole: bool,
    /// Whether there is something to save beside the text.
    pub attachments: bool,
    /// The Date header, in seconds since 1970.
    pub date: Option<i64>,
    /// What sorts it by sender.
    pub from: String,
    /// What sorts it by subject.
    pub subject: String,
}

/// A part that can be searched.
#[derive(Debug)]
pub struct Segment {
    /// Its messages.
    pub entries: Vec<Entry>,
    /// Those of them that a later part has again, or nobody has any more.
    pub dead: Vec<bool>,
    octets: Vec<u8>,
    /// Where each block of words begins.
    blocks: Vec<usize>,
}

impl Segment {
    /// Reads one back; `None` where it is none, or of another layout.
    pub fn from_octets(octets: Vec<u8>) -> Option<Segment> {
        let mut reader = Reader { octets: &octets, at: 0 };
        if reader.octet()? != VERSION {
            return None;
        }
        let count = reader.number()? as usize;
        let mut entries = Vec::with_capacity(count.min(octets.len()));
        for _ in 0..count {
            let (id, flags) = (u32::try_from(reader.number()?).ok()?, reader.octet()?);
            let date = reader.number()?;
            let date = (flags & 4 != 0).then(|| (date >> 1) as i64 ^ -((date & 1) as i64));
            let (from, subject) = (reader.text()?, reader.text()?);
            entries.push(Entry { id, whole: flags & 1 != 0, attachments: flags & 2 != 0, date, from, subject });
        }
        let mut blocks = Vec::new();
        while reader.at < octets.len() {
            let length = reader.number()? as usize;
            blocks.push(reader.at);
            reader.take(length)?;
        }
        Some(Segment { dead: vec![false; entries.len()], entries, octets, blocks })
    }

    /// As it is kept.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Messages that it has and no later part.
    pub fn alive(&self) -> usize {
        self.dead.iter().filter(|dead| !**dead).count()
    }

    /// Tells `each` of every posting of a word that begins with `prefix`: the message's place, and the fields.
    pub fn postings(&self, prefix: &[u8], each: &mut dyn FnMut(usize, u8)) {
        // The block before the first that begins behind it may have it, too.
        let first = self.blocks.partition_point(|begin| self.first_of(*begin) < prefix);
        let blocks = self.blocks.get(first.saturating_sub(1)..).unwrap_or_default();
        self.walk(blocks, &mut |word, postings| {
            if word.starts_with(prefix) {
                each_posting(postings, each);
            }
            word < prefix || word.starts_with(prefix)
        });
    }

    /// Tells `each` of every word, with its postings.
    fn each_word(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        self.walk(&self.blocks, &mut |word, postings| {
            each(word, postings);
            true
        });
    }

    /// Reads words for as long as `each` wants more.
    fn walk(&self, blocks: &[usize], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        let mut word = Vec::new();
        for begin in blocks {
            let mut reader = Reader { octets: &self.octets, at: *begin };
            for _ in 0..BLOCK {
                let Some((shared, rest)) = reader.word() else { break };
                word.truncate(shared);
                word.extend_from_slice(rest);
                let Some(postings) = reader.number().and_then(|length| reader.take(length as usize)) else { break };
                if !each(&word, postings) {
                    return;
                }
                if reader.at >= self.octets.len() {
                    return;
                }
            }
        }
    }

    /// The first word of a block.
    fn first_of(&self, begin: usize) -> &[u8] {
        let mut reader = Reader { octets: &self.octets, at: begin };
        reader.word().map_or(&[], |(_, rest)| rest)
    }
}

fn each_posting(postings: &[u8], each: &mut dyn FnMut(usize, u8)) {
    let mut reader = Reader { octets: postings, at: 0 };
    let mut place = 0;
    while let Some(posting) = reader.number() {
        place += (posting >> FIELDS) as usize;
        each(place, posting as u8 & field::ANY);
    }
}

/// A word, until the part is made.
struct Word {
    /// Where it is in the text.
    begin: usize,
    length: usize,
    /// What is written of where it is, and up to which message.
    postings: Vec<u8>,
    written: usize,
    /// The last message that it was seen in, and in which fields: not written yet.
    place: usize,
    fields: u8,
}

impl Word {
    fn write(&mut self) {
        if self.fields != 0 {
            push(&mut self.postings, ((self.place - self.written) as u64) << FIELDS | u64::from(self.fields));
            self.written = self.place;
        }
    }
}

/// Makes a part.
#[derive(Default)]
pub struct Builder {
    entries: Vec<Entry>,
    /// All words, each once.
    text: Vec<u8>,
    words: Vec<Word>,
    /// Numbers of words by their hash, one more than each; 0 where there is none. Its length is a power of two, and half of it is empty.
    table: Vec<u32>,
    seed: u32,
}

impl Builder {
    /// One that has nothing yet. `seed`: a number that nobody who writes mail knows.
    pub fn new(seed: u32) -> Builder {
        Builder { seed, ..Builder::default() }
    }

    /// The next words are of this message.
    pub fn begin(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// A word of the message that was begun last.
    pub fn word(&mut self, word: &[u8], fields: u8) {
        let place = self.entries.len().saturating_sub(1);
        self.add(word, place, fields);
    }

    /// Takes over what is alive in another part.
    pub fn take(&mut self, segment: &Segment) {
        let places: Vec<Option<usize>> = (segment.entries.iter().zip(&segment.dead))
            .map(|(entry, dead)| {
                (!dead).then(|| {
                    self.entries.push(entry.clone());
                    self.entries.len() - 1
                })
            })
            .collect();
        segment.each_word(&mut |word, postings| {
            each_posting(postings, &mut |place, fields| {
                if let Some(Some(place)) = places.get(place) {
                    self.add(word, *place, fields);
                }
            });
        });
    }

    fn add(&mut self, word: &[u8], place: usize, fields: u8) {
        let number = self.number_of(word);
        if let Some(word) = self.words.get_mut(number) {
            if word.place != place {
                word.write();
                (word.place, word.fields) = (place, 0);
            }
            word.fields |= fields;
        }
    }

    fn number_of(&mut self, word: &[u8]) -> usize {
        if self.table.len() < 2 * (self.words.len() + 1) {
            self.grow();
        }
        let mut slot = slot_of(word, self.seed, self.table.len());
        while let Some(number) = self.table.get(slot).and_then(|number| number.checked_sub(1)) {
            if self.word_at(number as usize) == word {
                return number as usize;
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
        let number = self.words.len();
        let begin = self.text.len();
        self.text.extend_from_slice(word);
        self.words.push(Word { begin, length: word.len(), postings: Vec::new(), written: 0, place: 0, fields: 0 });
        if let Some(free) = self.table.get_mut(slot) {
            *free = number as u32 + 1;
        }
        number
    }

    /// Makes the table twice as long.
    fn grow(&mut self) {
        let length = (2 * self.table.len()).max(1024);
        let mut table = vec![0; length];
        for number in 0..self.words.len() {
            let mut slot = slot_of(self.word_at(number), self.seed, length);
            while table.get(slot).is_some_and(|taken| *taken != 0) {
                slot = (slot + 1) & (length - 1);
            }
            if let Some(free) = table.get_mut(slot) {
                *free = number as u32 + 1;
            }
        }
        self.table = table;
    }

    fn word_at(&self, number: usize) -> &[u8] {
        let word = self.words.get(number);
        word.and_then(|word| self.text.get(word.begin..word.begin + word.length)).unwrap_or_default()
    }

    /// The part.
    pub fn build(self) -> Segment {
        let mut order: Vec<u32> = (0..self.words.len() as u32).collect();
        sort(&mut order, &|a, b| self.word_at(a as usize).cmp(self.word_at(b as usize)));
        let Builder { entries, text, mut words, .. } = self;
        let mut octets = vec![VERSION];
        push(&mut octets, entries.len() as u64);
        for Entry { id, whole, attachments, date, from, subject } in &entries {
            push(&mut octets, u64::from(*id));
            octets.push(u8::from(*whole) | u8::from(*attachments) << 1 | u8::from(date.is_some()) << 2);
            let date = date.unwrap_or_default();
            push(&mut octets, (date << 1 ^ date >> 63) as u64);
            for text in [from, subject] {
                push(&mut octets, text.len() as u64);
                octets.extend_from_slice(text.as_bytes());
            }
        }
        let mut blocks = Vec::new();
        let mut write = |block: &mut Vec<u8>| {
            if !block.is_empty() {
                push(&mut octets, block.len() as u64);
                blocks.push(octets.len());
                octets.append(block);
            }
        };
        let (mut block, mut in_block, mut before): (Vec<u8>, usize, &[u8]) = (Vec::new(), 0, &[]);
        for number in order {
            let Some(word) = words.get_mut(number as usize) else { continue };
            word.write();
            let this = text.get(word.begin..word.begin + word.length).unwrap_or_default();
            if in_block == BLOCK {
                write(&mut block);
                (in_block, before) = (0, &[]);
            }
            let shared = before.iter().zip(this).take_while(|(a, b)| a == b).count();
            let rest = this.get(shared..).unwrap_or_default();
            // A word has at most 40 octets.
            block.extend_from_slice(&[shared as u8, rest.len() as u8]);
            block.extend_from_slice(rest);
            push(&mut block, word.postings.len() as u64);
            block.append(&mut word.postings);
            (in_block, before) = (in_block + 1, this);
        }
        write(&mut block);
        Segment { dead: vec![false; entries.len()], entries, octets, blocks }
    }
}

/// Where the search for a word begins: FNV-1a (draft-eastlake-fnv) from a seed, so that nobody can write words that all begin in one place, and
/// hold up whoever reads them.
fn slot_of(word: &[u8], seed: u32, length: usize) -> usize {
    let hash =
        word.iter().fold(0x811c_9dc5_u32 ^ seed, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
    (hash ^ hash >> 15) as usize & (length - 1)
}

fn push(octets: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        octets.push(number as u8 | 0x80);
        number >>= 7;
    }
    octets.push(number as u8);
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        let octet = self.octets.get(self.at).copied();
        self.at += 1;
        octet
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.octets.get(self.at..end);
        self.at = end;
        taken
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        self.take(length).and_then(|octets| String::from_utf8(octets.to_vec()).ok())
    }

    /// How much a word shares with the one before, and the rest of it.
    fn word(&mut self) -> Option<(usize, &'a [u8])> {
        let (shared, length) = (self.octet()?, self.octet()?);
        Some((usize::from(shared), self.take(usize::from(length))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: Id) -> Entry {
        Entry {
            id,
            whole: true,
            date: Some(-5),
            from: "ann".into(),
            subject: "\u{e9}t\u{e9}".into(),
            ..Entry::default()
        }
    }

    fn built() -> Segment {
        let mut builder = Builder::default();
        for id in 0..100_u32 {
            builder.begin(entry(id));
            for number in 0..id {
                builder.word(
                    format!("word{number}").as_bytes(),
                    if number % 2 == 0 { field::TEXT } else { field::SUBJECT },
                );
            }
            builder.word(b"word0", field::FROM);
        }
        builder.build()
    }

    fn found(segment: &Segment, prefix: &str) -> Vec<(usize, u8)> {
        let mut found = Vec::new();
        segment.postings(prefix.as_bytes(), &mut |place, fields| found.push((place, fields)));
        found.sort_unstable();
        found
    }

    #[test]
    fn a_word_is_found_by_its_beginning_in_the_fields_where_it_is() {
        let segment = built();
        assert_eq!(found(&segment, "word97"), [(98, field::SUBJECT), (99, field::SUBJECT)]);
        assert_eq!(found(&segment, "word0").len(), 100);
        assert_eq!(found(&segment, "word0").last(), Some(&(99, field::TEXT | field::FROM)));
        assert_eq!(found(&segment, "word9").len(), 90 + (1..10).sum::<usize>());
        for absent in ["", "wore", "word100", "a", "x"] {
            assert_eq!(
                found(&segment, absent).len(),
                if absent.is_empty() { found(&segment, "word").len() } else { 0 }
            );
        }
    }

    #[test]
    fn it_reads_back_as_it_was_written_and_never_where_it_was_cut() {
        let segment = built();
        let again = Segment::from_octets(segment.octets().to_vec()).unwrap();
        assert_eq!((&again.entries, &again.blocks), (&segment.entries, &segment.blocks));
        assert_eq!(found(&again, "word"), found(&segment, "word"));
        for end in (0..segment.octets().len()).step_by(7) {
            if let Some(cut) = Segment::from_octets(segment.octets()[..end].to_vec()) {
                found(&cut, "word");
            }
        }
        assert!(Segment::from_octets(vec![VERSION + 1, 0]).is_none());
    }

    #[test]
    fn what_is_dead_is_not_taken_over() {
        let mut segment = built();
        for place in 0..50 {
            segment.dead[place] = true;
        }
        let mut builder = Builder::default();
        builder.take(&segment);
        let taken = builder.build();
        assert_eq!(taken.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), (50..100).collect::<Vec<_>>());
        assert_eq!(found(&taken, "word97"), [(48, field::SUBJECT), (49, field::SUBJECT)]);
    }
}

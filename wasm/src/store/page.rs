//! How the UID table lies in the database: records in pages of [`PER_PAGE`], each page one binary value.
//!
//! A maildrop of 100,000 messages opens as 800 values instead of 100,000 objects; a change rewrites one page of a few kB.
//! The layout is a version byte, then each record's fields in the order of [`Record`], numbers and flags as LEB128; its stamp last.

use super::record::{Deletion, Id, Record};

/// Records in a page.
pub const PER_PAGE: u32 = 128;

/// The layout below.
const VERSION: u8 = 2;
/// The one before, which had no stamps.
const UNSEALED: u8 = 1;

/// The page that holds `id`.
pub fn page_of(id: Id) -> u32 {
    id / PER_PAGE
}

/// Writes a page.
pub fn encode<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    let mut out = vec![VERSION];
    for record in records {
        let uid = record.uid.as_bytes();
        number(&mut out, u64::from(record.id));
        number(&mut out, uid.len() as u64);
        out.extend_from_slice(uid);
        number(&mut out, u64::from(record.ordinal));
        number(&mut out, record.size);
        number(&mut out, record.first_seen);
        // 1970 itself is no moment of retrieval, so 0 can stand for never.
        number(&mut out, record.retrieved.unwrap_or(0));
        number(&mut out, record.octets);
        number(&mut out, u64::from(record.chunks));
        number(&mut out, u64::from(flags(record)));
        number(&mut out, u64::from(record.stamp));
    }
    out
}

/// Reads a page. `None` where it is not one that this version wrote.
pub fn decode(page: &[u8]) -> Option<Vec<Record>> {
    let (version, mut input) = page.split_first()?;
    if ![VERSION, UNSEALED].contains(version) {
        return None;
    }
    let mut records = Vec::new();
    while !input.is_empty() {
        let id = small(&mut input)?;
        let length = usize::try_from(take_number(&mut input)?).ok()?;
        let (uid, rest) = input.split_at_checked(length)?;
        input = rest;
        let mut record = Record {
            id,
            uid: String::from_utf8(uid.to_vec()).ok()?,
            ordinal: small(&mut input)?,
            size: take_number(&mut input)?,
            first_seen: take_number(&mut input)?,
            retrieved: Some(take_number(&mut input)?).filter(|at| *at != 0),
            octets: take_number(&mut input)?,
            chunks: small(&mut input)?,
            ..Record::default()
        };
        set_flags(&mut record, small(&mut input)?)?;
        if *version == VERSION {
            record.stamp = small(&mut input)?;
        }
        records.push(record);
    }
    Some(records)
}

/// Where the two bits of [`Deletion`] stand among the flags.
const DELETION_SHIFT: u32 = 4;

/// The flags of a record, for `host.js` to read as well.
pub fn flags(record: &Record) -> u32 {
    let deletion = match record.deletion {
        Deletion::None => 0,
        Deletion::Wanted => 1,
        Deletion::Sent => 2,
        Deletion::Confirmed => 3,
    };
    let Record { unconfirmed, read, on_server, headers, .. } = *record;
    let Record { imported, matched, by_policy, kept, unsure, .. } = *record;
    let bits = |all: &[bool]| all.iter().rev().fold(0, |bits, bit| bits << 1 | u32::from(*bit));
    bits(&[unconfirmed, read, on_server, headers])
        | deletion << DELETION_SHIFT
        | bits(&[imported, matched, by_policy, kept, unsure]) << (DELETION_SHIFT + 2)
}

/// `None` where a later version has set more.
fn set_flags(record: &mut Record, bits: u32) -> Option<()> {
    let bit = |place: u32| bits >> place & 1 != 0;
    [record.unconfirmed, record.read, record.on_server, record.headers] = [0, 1, 2, 3].map(bit);
    record.deletion = match bits >> DELETION_SHIFT & 3 {
        0 => Deletion::None,
        1 => Deletion::Wanted,
        2 => Deletion::Sent,
        _ => Deletion::Confirmed,
    };
    [record.imported, record.matched, record.by_policy, record.kept, record.unsure] = [6, 7, 8, 9, 10].map(bit);
    (bits >> 11 == 0).then_some(())
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_number(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn small(input: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_number(input)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Record> {
        let full = Record {
            id: 4_000_000_000,
            uid: "6866N \u{e9}".into(),
            ordinal: 300,
            size: (1 << 53) - 1,
            first_seen: 1_800_000_000_000,
            retrieved: Some(1_800_000_000_001),
            octets: 127,
            chunks: 128,
            unconfirmed: true,
            read: true,
            on_server: true,
            headers: true,
            deletion: Deletion::Sent,
            by_policy: true,
            kept: true,
            imported: true,
            matched: true,
            unsure: true,
            stamp: u32::MAX,
        };
        let states = [Deletion::None, Deletion::Wanted, Deletion::Confirmed];
        states.map(|deletion| Record { deletion, ..Record::default() }).into_iter().chain([full]).collect()
    }

    #[test]
    fn a_page_reads_back_as_written() {
        assert_eq!(decode(&encode(&some())), Some(some()));
        assert_eq!(decode(&encode(&[])), Some(vec![]));
    }

    #[test]
    fn a_page_that_was_cut_or_is_of_another_version_is_refused() {
        let page = encode(&some());
        let borders: Vec<usize> = (0..=some().len()).map(|n| encode(&some()[..n]).len()).collect();
        for end in 0..page.len() {
            assert_eq!(decode(&page[..end]).is_some(), borders.contains(&end), "cut at {end}");
        }
        let mut other = page;
        other[0] = VERSION + 1;
        assert_eq!(decode(&other), None);
    }
}

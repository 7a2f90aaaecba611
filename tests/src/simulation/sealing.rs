//! What must hold of what is sealed, and of the key beside it.

use poplar_client::store::Id;

use super::check::Verdict;
use super::cipher::{ReadKey, key_of};
use super::kept::{Kept, Value};

/// What is about to be written was sealed with the key that is durable.
pub(super) fn sealed_by_durable<'a>(key: Option<ReadKey>, mut values: impl Iterator<Item = &'a Value>) -> Verdict {
    match values.find(|value| key.is_none_or(|key| key_of(value) != Some(key.id))) {
        Some(value) => Err(format!("sealed with {:?}, and the key that is durable is {key:?}", key_of(value))),
        None => Ok(()),
    }
}

/// A key that has sealed something stays, whatever it is wrapped by.
pub(super) fn key_stays(before: Option<ReadKey>, after: Option<ReadKey>, kept: &Kept) -> Verdict {
    let same = before.map(|key| key.id) == after.map(|key| key.id);
    if after.is_some() && (same || !kept.is_sealed()) {
        return Ok(());
    }
    Err(format!("a key takes the place of one that has sealed something: {before:?}, {after:?}"))
}

/// After a session, what is kept opens with the password that it signed in with.
pub(super) fn opens_with(key: Option<ReadKey>, password: u32) -> Verdict {
    match key {
        Some(key) if key.password == password => Ok(()),
        key => Err(format!("signed in with password {password}, and what opens with it is {key:?}")),
    }
}

/// What somebody changed who has no key is not taken for what was put there.
pub(super) fn refuses(what: &str, id: Id, kept: &Kept) -> Verdict {
    let reader = kept.reader();
    let opens = match (what.ends_with("headers"), kept.rows.get(id)) {
        (false, Some(row)) if !what.starts_with("headers") => reader.body(row).is_some(),
        _ => matches!(reader.envelope(id), Some(Ok(_))),
    };
    if opens { Err(format!("{what} is taken for what was put there: row {id}")) } else { Ok(()) }
}

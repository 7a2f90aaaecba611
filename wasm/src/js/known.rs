//! What this page has learnt of each upstream, for its next session with it, and how that is kept with an account.

use std::cell::RefCell;

use crate::browser::time;
use crate::pop3::Behaviour;
use crate::store::Timestamp;

/// After so long everything is tried anew: servers are replaced and mended.
const VALID: Timestamp = 7 * 24 * 3600 * 1000;

#[derive(Clone, Copy, Default)]
struct Known {
    behaviour: Behaviour,
    since: Timestamp,
}

thread_local! {
    static KNOWN: RefCell<Vec<(String, Known)>> = const { RefCell::new(Vec::new()) };
}

/// What is known of the server behind the tunnel `url`.
pub(super) fn of(url: &str) -> Behaviour {
    find(url).filter(|known| known.is_valid(time::now())).unwrap_or_default().behaviour
}

/// Takes in what was learnt; how it is kept, where it is new.
pub(super) fn learn(url: &str, behaviour: Behaviour) -> Option<Vec<u8>> {
    let now = time::now();
    if find(url).is_some_and(|known| known.behaviour == behaviour && known.is_valid(now)) {
        return None;
    }
    put(url, Known { behaviour, since: now });
    Some([behaviour.to_bytes().as_slice(), &now.to_le_bytes()].concat())
}

/// Takes up what was kept, unless this page knows more.
pub(super) fn recall(url: &str, kept: &[u8], now: Timestamp) {
    let known = kept.split_first_chunk().and_then(|(behaviour, since)| {
        let since = Timestamp::from_le_bytes(since.try_into().ok()?);
        Some(Known { behaviour: Behaviour::from_bytes(behaviour)?, since })
    });
    if let Some(known) = known.filter(|known| known.is_valid(now) && find(url).is_none()) {
        put(url, known);
    }
}

impl Known {
    /// A clock that was set back makes it unknown as well.
    fn is_valid(&self, now: Timestamp) -> bool {
        (self.since..self.since.saturating_add(VALID)).contains(&now)
    }
}

fn find(url: &str) -> Option<Known> {
    KNOWN.with_borrow(|all| all.iter().find(|(of, _)| of == url).map(|(_, known)| *known))
}

fn put(url: &str, known: Known) {
    KNOWN.with_borrow_mut(|all| {
        all.retain(|(of, _)| of != url);
        all.push((url.to_owned(), known));
    });
}

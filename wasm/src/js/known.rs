//! What this page has learnt of each upstream, for its next session with it.

use std::cell::RefCell;

use crate::pop3::Behaviour;

thread_local! {
    static KNOWN: RefCell<Vec<(String, Behaviour)>> = const { RefCell::new(Vec::new()) };
}

/// What is known of the server behind the tunnel `url`.
pub(super) fn of(url: &str) -> Behaviour {
    let found = |known: &Vec<(String, Behaviour)>| known.iter().find(|(of, _)| of == url).map(|(_, known)| *known);
    KNOWN.with_borrow(found).unwrap_or_default()
}

/// Keeps what was learnt.
pub(super) fn learn(url: &str, behaviour: Behaviour) {
    KNOWN.with_borrow_mut(|known| match known.iter_mut().find(|(of, _)| of == url) {
        Some((_, known)) => *known = behaviour,
        None => known.push((url.to_owned(), behaviour)),
    });
}

//! How many may be here at once, in all and from one address.

use crate::address::subscriber;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts places in use. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    total: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// By subscriber. Entries at zero are removed, so that the table is never larger than `total`.
    by_address: HashMap<IpAddr, usize>,
}

/// A place in use, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    limits: Limits,
    address: IpAddr,
}

/// Why there was no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Everybody together has reached the limit.
    Total,
    /// This address (or its /64) has.
    Address,
}

impl Limits {
    pub(crate) fn new(total: usize, per_address: usize) -> Limits {
        Limits { total, per_address, taken: Arc::default() }
    }

    /// Takes a place for a client, if there is one.
    pub(crate) fn take(&self, client: IpAddr) -> Result<Place, Full> {
        let address = subscriber(client);
        let mut taken = self.lock();
        if taken.total >= self.total {
            return Err(Full::Total);
        }
        let here = taken.by_address.entry(address).or_default();
        if *here >= self.per_address {
            if *here == 0 {
                taken.by_address.remove(&address);
            }
            return Err(Full::Address);
        }
        *here += 1;
        taken.total += 1;
        Ok(Place { limits: self.clone(), address })
    }

    /// Places in use now.
    pub(crate) fn in_use(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while the lock is held, and counts are sound even then.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.limits.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let limits = Limits::new(3, 2);
        let first = limits.take(address("192.0.2.1")).unwrap();
        let _second = limits.take(address("192.0.2.1")).unwrap();
        assert_eq!(limits.take(address("192.0.2.1")).unwrap_err(), Full::Address);
        let _third = limits.take(address("192.0.2.2")).unwrap();
        assert_eq!(limits.take(address("192.0.2.3")).unwrap_err(), Full::Total);
        drop(first);
        assert!(limits.take(address("192.0.2.1")).is_ok());
        assert_eq!(limits.in_use(), 2);
    }

    #[test]
    fn one_ipv6_network_counts_as_one_address() {
        let limits = Limits::new(10, 1);
        let _place = limits.take(address("2001:db8:0:1::1")).unwrap();
        assert_eq!(limits.take(address("2001:db8:0:1::2")).unwrap_err(), Full::Address);
        assert!(limits.take(address("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_who_left_or_was_refused() {
        let limits = Limits::new(10, 0);
        assert_eq!(limits.take(address("192.0.2.1")).unwrap_err(), Full::Address);
        assert!(limits.lock().by_address.is_empty());
        let limits = Limits::new(10, 1);
        drop(limits.take(address("192.0.2.1")));
        assert!(limits.lock().by_address.is_empty());
    }
}

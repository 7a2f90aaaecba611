//! How many may be here at once (in all, from one address, to one upstream), and how often one address may come.

use crate::address::subscriber;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
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
        self.take_one_of(client, self.per_address)
    }

    /// The same for an address that comes for many clients, and may take all places.
    pub(crate) fn take_for_many(&self, address: IpAddr) -> Result<Place, Full> {
        self.take_one_of(address, self.total)
    }

    fn take_one_of(&self, client: IpAddr, per_address: usize) -> Result<Place, Full> {
        let address = subscriber(client);
        let mut taken = self.lock();
        if taken.total >= self.total {
            return Err(Full::Total);
        }
        let here = taken.by_address.entry(address).or_default();
        if *here >= per_address {
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

/// The tunnels that one upstream may have at once. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// A tunnel to an upstream, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Seats {
    pub(crate) fn new(most: usize) -> Seats {
        Seats { most, taken: Arc::default() }
    }

    /// Takes a seat, if there is one.
    pub(crate) fn take(&self) -> Option<Seat> {
        let one_more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Relaxed, Relaxed, one_more).ok().map(|_| Seat(self.taken.clone()))
    }

    /// Seats in use now.
    pub(crate) fn in_use(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// After how many questions a [`Rate`] forgets those whom it would let in again anyhow. One that came once is forgotten after the
/// time of one in its quota, so that what is remembered follows what comes in, and not from how many addresses.
const FORGET_EVERY: usize = 1024;

/// How often one address may come in a minute.
#[derive(Debug)]
pub(crate) struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    asked: AtomicUsize,
}

impl Rate {
    /// `per_minute` on average, and a fifth of that at once: a clinic's morning, behind one address.
    pub(crate) fn new(per_minute: NonZeroU32) -> Rate {
        let burst = NonZeroU32::new(per_minute.get() / 5).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        Rate { limiter: RateLimiter::keyed(quota), asked: AtomicUsize::new(1) }
    }

    /// Whether this one may come in, which counts.
    pub(crate) fn admits(&self, client: IpAddr) -> bool {
        if self.asked.fetch_add(1, Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(&subscriber(client)).is_ok()
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

    #[test]
    fn an_upstream_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::new(2);
        let first = seats.take().unwrap();
        let _second = seats.clone().take().unwrap();
        assert!(seats.take().is_none());
        drop(first);
        assert!(seats.take().is_some());
        assert_eq!(seats.in_use(), 1);
    }

    #[test]
    fn one_subscriber_may_come_so_often_and_others_still_may() {
        let rate = Rate::new(NonZeroU32::new(10).unwrap());
        let burst = (0..100).take_while(|_| rate.admits(address("2001:db8:0:1::1"))).count();
        assert_eq!(burst, 2);
        assert!(!rate.admits(address("2001:db8:0:1:ffff::1")), "the same /64");
        assert!(rate.admits(address("2001:db8:0:2::1")) && rate.admits(address("192.0.2.1")));
    }

    #[test]
    fn who_came_once_is_not_remembered_for_long() {
        let rate = Rate::new(NonZeroU32::new(u32::MAX).unwrap());
        for subscriber in 0..20_000_u128 {
            rate.admits(std::net::Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + (subscriber << 64)).into());
        }
        assert!(rate.limiter.len() <= 2 * FORGET_EVERY, "{}", rate.limiter.len());
    }
}

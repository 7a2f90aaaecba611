//! Wrong secrets are slowed down: when they were tried is kept, and the next one waits.
//!
//! Against a person at this keyboard. Who has the disk tries elsewhere, and there the derivation is what slows it down.

use super::Timestamp;

/// So many may go wrong in a row before any waits: a slip, and another layout of the keyboard.
const FREE: usize = 3;
/// The first wait, doubled with every further failure …
const FIRST: Timestamp = 2_000;
/// … up to this.
const LONGEST: Timestamp = 5 * 60_000;
/// As many are remembered, for the log.
const MOST: usize = 100;

/// When wrong secrets were tried since the last right one, in milliseconds since 1970, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts(Vec<Timestamp>);

impl Attempts {
    /// Read back from [`Attempts::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Attempts {
        Attempts(bytes.as_chunks().0.iter().map(|at| Timestamp::from_le_bytes(*at)).collect())
    }

    /// As they are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|at| at.to_le_bytes()).collect()
    }

    /// One went wrong.
    pub fn failed(&mut self, now: Timestamp) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(now);
    }

    /// When they were.
    pub fn times(&self) -> &[Timestamp] {
        &self.0
    }

    /// How long the next one has to wait, in milliseconds. A clock that was set back makes nobody wait longer.
    pub fn wait(&self, now: Timestamp) -> Timestamp {
        let Some((last, doublings)) = self.0.last().zip(self.0.len().checked_sub(FREE)) else { return 0 };
        let pause = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        last.saturating_add(pause).saturating_sub(now).min(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: usize) -> Attempts {
        let mut attempts = Attempts::default();
        (0..failures).for_each(|_| attempts.failed(1_000_000));
        attempts
    }

    #[test]
    fn the_wait_doubles_and_has_an_end() {
        let waits: Vec<Timestamp> = (0..7).map(|failures| after(failures).wait(1_000_000)).collect();
        assert_eq!(waits, [0, 0, 0, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(after(90).wait(1_000_000), LONGEST);
        assert_eq!(after(4).wait(1_003_999), 1);
        assert_eq!(after(4).wait(1_004_000), 0);
        assert_eq!(after(4).wait(0), 4_000, "the clock was set back");
    }

    #[test]
    fn they_read_back_as_kept_and_the_oldest_goes() {
        let mut attempts = after(2);
        assert_eq!(Attempts::from_bytes(&attempts.to_bytes()), attempts);
        (0..200).for_each(|at| attempts.failed(at));
        assert_eq!((attempts.times().len(), attempts.times().first()), (MOST, Some(&100)));
    }
}

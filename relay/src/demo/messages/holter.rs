//! The large attachment: one line for every heart beat of a day.

use std::fmt::Write as _;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A table of about 110,000 beats and a little over 5 MB, the same every time.
pub(super) fn beats() -> String {
    let mut table = String::with_capacity(6 << 20);
    table.push_str("beat,time,rr_ms,rate_per_min,kind,st_level_mv,lead_ii_mv,lead_v5_mv\n");
    let mut random = Random(0x6866);
    let (mut time, mut beat) = (0, 0);
    while time < DAY {
        beat += 1;
        // A slow night, a quicker noon, breathing on top, and chance.
        let noon = 100 - time.abs_diff(DAY / 2) * 200 / DAY;
        let breath = (beat % 5) * 6;
        let early = random.below(900) == 0;
        let rr = if early { 480 } else { 860 - noon * 2 + breath + random.below(40) };
        let kind = if early { 'V' } else { 'N' };
        let (second, minute, hour) = (time / 1000 % 60, time / 60_000 % 60, time / 3_600_000);
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{beat:06},{hour:02}:{minute:02}:{second:02}.{:03},{rr:04},{:03},{kind},-0.{:02},1.{:02},0.{:02}",
            time % 1000,
            60_000 / rr,
            random.below(9),
            10 + random.below(25),
            80 + random.below(19),
        );
        time += rr;
    }
    table
}

/// A linear congruential generator (Knuth, MMIX): chance that is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_beats_is_five_megabytes_and_the_same_every_time() {
        let table = beats();
        assert!((5_000_000..6_000_000).contains(&table.len()), "{}", table.len());
        assert_eq!(table.lines().last().and_then(|line| line.split(',').nth(1)).map(|time| &time[..5]), Some("23:59"));
        let columns = |line: &str| line.split(',').count();
        assert!(table.lines().all(|line| columns(line) == 8));
        assert_eq!(table, beats());
    }
}

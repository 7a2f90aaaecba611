//! When sample messages were written: dates that look recent and yet stay with their message.
//!
//! Architecture invariant: no clock. Times are seconds since 1970 and come in as arguments.

const DAY: u64 = 24 * 60 * 60;

/// The clinic's clock: five hours behind UTC, all year.
const CLINIC_BEHIND_UTC: u64 = 5 * 60 * 60;

/// How often a sample is written anew. Between two occurrences neither its date nor its UID changes, however often the
/// demo is started: a browser that has retrieved the message knows it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Every {
    Minute,
    Hour,
    Day,
    Week,
    /// 28 days, and like them the longer ones: whole weeks, so that working days stay working days.
    Month,
    Quarter,
}

impl Every {
    /// Seconds between two occurrences.
    const fn period(self) -> u64 {
        match self {
            Every::Minute => 60,
            Every::Hour => 60 * 60,
            Every::Day => DAY,
            Every::Week => 7 * DAY,
            Every::Month => 28 * DAY,
            Every::Quarter => 84 * DAY,
        }
    }

    /// The last occurrence at or before `now` of a sample that is written `minutes` after each period's start, and which
    /// occurrence it is, counted from 1970. Periods of days start at midnight at the clinic, those of weeks on a Monday.
    pub(super) fn last(self, minutes: u64, now: u64) -> (u64, u64) {
        // 1970 began on a Thursday: four days before the first Monday.
        let start = CLINIC_BEHIND_UTC + if self.period() > DAY { 4 * DAY } else { 0 } + minutes * 60;
        let occurrence = now.saturating_sub(start) / self.period();
        (start + occurrence * self.period(), occurrence)
    }
}

/// A moment, as the clinic's calendar and clock show it.
pub(super) struct Moment {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    weekday: usize,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    /// The moment `days` after, or before, `seconds` since 1970.
    pub(super) fn at(seconds: u64, days: i64) -> Moment {
        let local = seconds.saturating_sub(CLINIC_BEHIND_UTC).saturating_add_signed(days * DAY as i64);
        let (days, rest) = (local / DAY, local % DAY);
        // Years counted from March, so that a leap day comes last (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Moment {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            weekday: (days % 7) as usize,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// As a `Date` field has it (RFC 5322 §3.3).
    pub(super) fn rfc5322(&self) -> String {
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = WEEKDAYS.get(self.weekday).copied().unwrap_or_default();
        let month = MONTHS.get(self.month as usize - 1).copied().unwrap_or_default();
        let Moment { year, day, hour, minute, second, .. } = self;
        format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} -0500")
    }

    /// `2025-03-31`.
    pub(super) fn iso(&self) -> String {
        format!("{}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `03/31/2025`.
    pub(super) fn us(&self) -> String {
        format!("{:02}/{:02}/{}", self.month, self.day, self.year)
    }

    /// `20250331`, as HL7 and iCalendar have it.
    pub(super) fn compact(&self) -> String {
        format!("{}{:02}{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-22 01:00:00 UTC, a Friday evening at the clinic.
    const NOW: u64 = 1_763_773_200;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, days, expected) in [
            (NOW, 0, "Fri, 21 Nov 2025 20:00:00 -0500"),
            (CLINIC_BEHIND_UTC, 0, "Thu, 1 Jan 1970 00:00:00 -0500"),
            (951_800_399, 0, "Mon, 28 Feb 2000 23:59:59 -0500"),
            (951_800_400, 0, "Tue, 29 Feb 2000 00:00:00 -0500"),
            (951_800_400, 1, "Wed, 1 Mar 2000 00:00:00 -0500"),
            (4_107_560_400, 0, "Mon, 1 Mar 2100 00:00:00 -0500"),
            (NOW, -21, "Fri, 31 Oct 2025 20:00:00 -0500"),
            (NOW, 40, "Wed, 31 Dec 2025 20:00:00 -0500"),
        ] {
            assert_eq!(Moment::at(seconds, days).rfc5322(), expected);
        }
        let moment = Moment::at(NOW, 0);
        assert_eq!(
            (moment.iso(), moment.us(), moment.compact()),
            ("2025-11-21".into(), "11/21/2025".into(), "20251121".into())
        );
    }

    #[test]
    fn an_occurrence_is_recent_and_stays_until_the_next() {
        for every in [Every::Minute, Every::Hour, Every::Day, Every::Week, Every::Month, Every::Quarter] {
            for now in (NOW..NOW + 90 * DAY).step_by(7919) {
                let (written, occurrence) = every.last(0, now);
                assert!(written <= now && now - written < every.period(), "{every:?}");
                assert_eq!(every.last(0, written), (written, occurrence), "{every:?}");
                assert_eq!(every.last(0, written + every.period() - 1), (written, occurrence), "{every:?}");
                assert_eq!(
                    every.last(0, written + every.period()),
                    (written + every.period(), occurrence + 1),
                    "{every:?}"
                );
            }
        }
    }

    #[test]
    fn minutes_count_from_midnight_and_from_monday() {
        assert_eq!(Moment::at(Every::Day.last(9 * 60 + 41, NOW).0, 0).rfc5322(), "Fri, 21 Nov 2025 09:41:00 -0500");
        let tuesday = Every::Month.last((24 + 8) * 60, NOW).0;
        assert!(Moment::at(tuesday, 0).rfc5322().starts_with("Tue, "));
    }
}

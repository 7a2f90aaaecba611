//! Dates as mail has them (RFC 5322 §3.3 and §4.3), and as programs write them that never read it.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Names of zones, and minutes east of Greenwich (RFC 5322 §4.3). Any other name says nothing.
const ZONES: [(&str, i64); 8] = [
    ("edt", -240),
    ("est", -300),
    ("cdt", -300),
    ("cst", -360),
    ("mdt", -360),
    ("mst", -420),
    ("pdt", -420),
    ("pst", -480),
];

/// Milliseconds since 1970; `None` where it is no date.
pub(super) fn date(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let (mut day, mut month, mut year, mut time, mut zone) = (None, None, None, None, 0);
    // A comment ends it: it names the zone once more. `2-Nov-2026` is written as well.
    let words = text.split('(').next()?.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    let words = words.flat_map(|word| {
        let joined = word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(':');
        word.split(move |c| joined && c == '-')
    });
    for word in words {
        if word.contains(':') {
            let (clock, behind) = word.split_at(word.find(['+', '-']).unwrap_or(word.len()));
            time = time.or(seconds(clock));
            zone = offset(behind).unwrap_or(zone);
        } else if let Some(minutes) = offset(word) {
            zone = minutes;
        } else if let Ok(number) = word.parse::<i64>() {
            match day {
                None if number <= 31 => day = Some(number),
                _ => year = year.or(Some(number)),
            }
        } else if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == word) {
            zone = *minutes;
        } else if let Some(name) = word.get(..3) {
            month = month.or(MONTHS.iter().zip(1..).find(|(month, _)| **month == name).map(|(_, number)| number));
        }
    }
    let (day, month) = (day.filter(|day| *day >= 1)?, month?);
    // RFC 5322 §4.3: two digits, and three since 2000.
    let year = match year? {
        year @ 0..50 => year + 2000,
        year @ 50..1000 => year + 1900,
        year @ ..10_000 if year > 0 => year,
        _ => return None,
    };
    Some((days(year, month, day) * 86_400 + time.unwrap_or(0) - zone * 60) * 1000)
}

/// `10:00` or `10:00:00`, in seconds.
fn seconds(clock: &str) -> Option<i64> {
    let mut numbers = clock.split([':', '.']).map(str::parse::<i64>);
    let (hours, minutes) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let seconds = numbers.next().and_then(Result::ok).unwrap_or(0);
    let valid = (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    valid.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// `+0100`, in minutes.
fn offset(word: &str) -> Option<i64> {
    let sign = match word.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = word.get(1..)?.replace(':', "");
    let number: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    (number < 2400).then_some(sign * (number / 100 * 60 + number % 100))
}

/// Days since 1970 in the Gregorian calendar, from a year that begins in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day
        - 1
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_they_are_written() {
        for (text, expected) in [
            ("Mon, 2 Nov 2026 10:00:00 +0000", Some(1_793_613_600_000)),
            ("2 Nov 2026 10:00 GMT", Some(1_793_613_600_000)),
            ("Mon, 02 Nov 2026 05:00:00 -0500 (EST)", Some(1_793_613_600_000)),
            ("Mon, 2 Nov 26 05:00:00 EST", Some(1_793_613_600_000)),
            ("2-Nov-2026 11:00:00+01:00", Some(1_793_613_600_000)),
            ("Mon Nov  2 10:00:00 2026", Some(1_793_613_600_000)),
            ("Thu, 29 Feb 2024 23:59:60 +0000", Some(1_709_251_200_000)),
            ("1 Jan 1970 00:00:00 +0000", Some(0)),
            ("31 Dec 69 00:00:00 +0000", Some(-86_400_000)),
            ("1 Mar 2000 00:00", Some(951_868_800_000)),
            ("", None),
            ("yesterday", None),
            ("99 Nov 2026", None),
            ("2 Nov 99999999999999999999", None),
            ("- + : 2 Nov 9223372036854775807 -9223372036854775808", None),
            // No offsets: they count as not written.
            ("Mon, 2 Nov 2026 10:00:00 +9223372036854775807", Some(1_793_613_600_000)),
            ("Mon, 2 Nov 2026 10:00:00 --9223372036854775808", Some(1_793_613_600_000)),
            ("Mon, 2 Nov 2026 10:00:00 +-500", Some(1_793_613_600_000)),
        ] {
            assert_eq!(date(text), expected, "{text:?}");
        }
    }
}

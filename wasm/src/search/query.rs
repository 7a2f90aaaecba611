//! What a person types into the search box.
//!
//! Words, all of which must be there, each by its beginning; `"words in quotes"` likewise; `from:`, `to:` and `subject:` before a word that is
//! to be there; `-` before what is not to be found; `has:attachment`, `is:read`, `is:unread`; `before:` and `after:` a day, a month or a year.
//! What has just been begun (`from:`) asks for nothing yet.

use super::segment::field;
use super::words::{Fold, folded, words};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// One thing that must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// How a word begins.
    pub prefix: String,
    /// In which fields.
    pub fields: u8,
    /// Whether it must not be there.
    pub not: bool,
}

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words.
    pub words: Vec<Word>,
    /// Whether there is something to save beside the text.
    pub attachments: Option<bool>,
    /// Whether somebody has read it.
    pub read: Option<bool>,
    /// The first second that is late enough.
    pub from: Option<i64>,
    /// The first second that is too late.
    pub until: Option<i64>,
}

impl Query {
    /// Reads what was typed. `offset` is what is to be added to a time of the place where that was, to make it UTC, in seconds.
    pub fn read(text: &str, fold: Fold, offset: i64) -> Query {
        let mut query = Query::default();
        let text = folded(text, fold);
        for token in tokens(&text) {
            let (not, token) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
            let (name, value) = token.split_once(':').unwrap_or(("", token));
            let value = value.trim_matches('"');
            match name {
                "from" => query.all(value, field::FROM, not),
                "to" => query.all(value, field::TO, not),
                "subject" => query.all(value, field::SUBJECT, not),
                "has" if is_beginning(value, "attachments") => query.attachments = Some(!not),
                "is" if is_beginning(value, "read") => query.read = Some(!not),
                "is" if is_beginning(value, "unread") => query.read = Some(not),
                // Words that are not known yet may become one of these.
                "has" | "is" => {}
                "before" => query.until = day(value).map(|(begin, _)| begin * DAY + offset).or(query.until),
                "after" => query.from = day(value).map(|(_, end)| end * DAY + offset).or(query.from),
                _ => query.all(token, field::ANY, not),
            }
        }
        query
    }

    /// Whether everything is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Query::default()
    }

    fn all(&mut self, text: &str, fields: u8, not: bool) {
        words(text, &mut |word| self.words.push(Word { prefix: word.to_owned(), fields, not }));
    }
}

/// Whether somebody types the word.
fn is_beginning(typed: &str, word: &str) -> bool {
    !typed.is_empty() && word.starts_with(typed)
}

/// What stands between spaces; spaces in quotes are none.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let is_between = move |character: char| {
        quoted ^= character == '"';
        character.is_ascii_whitespace() && !quoted
    };
    text.split(is_between).filter(|token| !token.is_empty())
}

/// `2026`, `2026-3` or `2026-03-01`: its first day, and the first day after it, counted from 1970.
fn day(text: &str) -> Option<(i64, i64)> {
    let mut parts = text.split(['-', '/', '.']).map(|part| part.parse::<i64>().ok());
    let year = parts.next()?.filter(|year| (1..=9999).contains(year))?;
    let (month, day) = (parts.next().flatten(), parts.next().flatten());
    let valid = month.is_none_or(|month| (1..=12).contains(&month)) && day.is_none_or(|day| (1..=31).contains(&day));
    if !valid {
        return None;
    }
    Some(match (month, day) {
        (Some(month), Some(day)) => (days(year, month, day), days(year, month, day) + 1),
        (Some(month), None) => (days(year, month, 1), days(year, month + 1, 1)),
        _ => (days(year, 1, 1), days(year + 1, 1, 1)),
    })
}

/// Days from 1970 to a date of the Gregorian calendar; the thirteenth month is the next year's first.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let (year, month) = (year + (month - 3).div_euclid(12), (month - 3).rem_euclid(12));
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Query {
        Query::read(text, str::to_lowercase, 0)
    }

    fn word(prefix: &str, fields: u8) -> Word {
        Word { prefix: prefix.into(), fields, not: false }
    }

    #[test]
    fn words_and_where_they_are() {
        let query = read("Lab from:ann subject:\"blood test\" -spam ann@x.example");
        let any = ["ann", "x", "example"].map(|prefix| word(prefix, field::ANY));
        let mut wanted = vec![
            word("lab", field::ANY),
            word("ann", field::FROM),
            word("blood", field::SUBJECT),
            word("test", field::SUBJECT),
            Word { not: true, ..word("spam", field::ANY) },
        ];
        wanted.extend(any);
        assert_eq!(query.words, wanted);
    }

    #[test]
    fn what_is_being_typed_asks_for_nothing_yet() {
        for text in
            ["", " ", "from:", "has:", "is:", "is:x", "before:", "before:2", "before:2026-13", "-", "\"", "from:\""]
        {
            let query = read(text);
            let early = text == "before:2";
            assert_eq!(query.is_empty(), !early, "{text}: {query:?}");
        }
        assert_eq!(read("has:att").attachments, Some(true));
        assert_eq!(read("-has:attachment").attachments, Some(false));
        assert_eq!((read("is:unread").read, read("is:read").read), (Some(false), Some(true)));
    }

    #[test]
    fn days_months_and_years() {
        assert_eq!(read("before:1970-01-02").until, Some(DAY));
        assert_eq!(read("after:1970-01-02").from, Some(2 * DAY));
        assert_eq!(read("after:2024-02").from, Some(19_783 * DAY));
        assert_eq!((read("before:2026").until, read("after:2026").from), (Some(20_454 * DAY), Some(20_819 * DAY)));
        assert_eq!(Query::read("before:2026-03-01", str::to_lowercase, 3600).until, Some(20_513 * DAY + 3600));
        assert_eq!(days(2000, 2, 29) + 1, days(2000, 3, 1));
    }
}

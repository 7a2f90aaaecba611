//! What an invitation says (RFC 5545), where a message has no words beside it. Without labels: those would be in some language.

use super::header::line;

/// In the order of the reading.
const SHOWN: [&str; 5] = ["SUMMARY", "DTSTART", "DTEND", "LOCATION", "DESCRIPTION"];

/// A line for each of what is shown, of every event.
pub(super) fn words(text: &str) -> String {
    let mut out = String::new();
    let mut event: Vec<(usize, String)> = Vec::new();
    // A component within the event, an alarm, has the same names.
    let (mut within, mut inner) = (false, 0u32);
    for text in unfolded(text) {
        let Some((name, value)) = text.split_once(':') else { continue };
        let name = name.split(';').next().unwrap_or_default().to_ascii_uppercase();
        let component = value.trim().to_ascii_uppercase();
        let main = matches!(component.as_str(), "VEVENT" | "VTODO" | "VJOURNAL");
        match name.as_str() {
            "BEGIN" if main => within = true,
            "BEGIN" if within => inner += 1,
            "END" if main => {
                (within, inner) = (false, 0);
                event.sort();
                for (_, value) in event.drain(..) {
                    out.push_str(&value);
                    out.push('\n');
                }
                out.push('\n');
            }
            "END" => inner = inner.saturating_sub(1),
            _ if within && inner == 0 => {
                if let Some(place) = SHOWN.iter().position(|shown| *shown == name) {
                    let value = if name.starts_with("DT") { moment(value) } else { unescaped(value) };
                    event.push((place, value));
                }
            }
            _ => {}
        }
    }
    out.trim_end().to_owned()
}

fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (octets, next) = line(text.as_bytes(), at);
        let line = text.get(at..at + octets.len()).unwrap_or_default();
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
        at = next;
    }
    lines
}

/// `20261102T100000Z` as `2026-11-02 10:00 UTC`; what is no moment as it is.
fn moment(value: &str) -> String {
    let value = value.trim();
    let part =
        |from, to| value.get(from..to).filter(|digits: &&str| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(4, 6), part(6, 8)) else { return value.to_owned() };
    let zone = if value.ends_with('Z') { " UTC" } else { "" };
    match (part(9, 11), part(11, 13)) {
        (Some(hour), Some(minute)) => format!("{year}-{month}-{day} {hour}:{minute}{zone}"),
        _ => format!("{year}-{month}-{day}"),
    }
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                next => out.extend(next),
            },
            _ => out.push(c),
        }
    }
    out
}

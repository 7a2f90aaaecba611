//! What became of a message: reports of mail servers (RFC 3464) and of readers (RFC 8098).
//!
//! Notifications of Direct break RFC 8098 in every way, so that nothing is asked for but a field whose name is known.

use super::header;
use super::structure::Part;
use crate::mail::Report;

/// Most recipients of all reports of a message: Exchange has at most so many for one message.
const REPORTS: usize = 5_000;

/// As much of a part that does not say what it is is read in search of fields, in octets.
const GUESS: usize = 4096;

const ACTIONS: [&str; 5] = ["delivered", "delayed", "failed", "relayed", "expanded"];
const DISPOSITIONS: [&str; 5] = ["displayed", "deleted", "dispatched", "processed", "denied"];

/// Everything that the parts of a message report.
pub(super) fn reports(parts: &[Part<'_>]) -> Vec<Report> {
    let mut all = Vec::new();
    for part in parts.iter().filter(|part| reports_something(part, parts)) {
        let groups = header::groups(&part.contents());
        let of_reader = groups.iter().flatten().any(|(name, _)| name.eq_ignore_ascii_case("disposition"));
        if of_reader {
            // One notification, whatever empty lines are in it.
            let fields: Vec<_> = groups.into_iter().flatten().collect();
            all.extend(Fields(&fields).disposition());
        } else {
            let message = groups.iter().find_map(|fields| Fields(fields).original());
            all.extend(groups.iter().filter_map(|fields| Fields(fields).delivery(message.as_deref())));
        }
        all.truncate(REPORTS);
    }
    if all.iter().any(|report| report.original.is_none()) {
        let original = returned(parts);
        for report in &mut all {
            report.original = report.original.take().or_else(|| original.clone());
        }
    }
    all
}

/// Whether a part is for programs to read, or at least looks like it.
pub(super) fn reports_something(part: &Part<'_>, parts: &[Part<'_>]) -> bool {
    let kind = part.kind.word.strip_prefix("message/").unwrap_or_default();
    let kind = kind.strip_prefix("global-").unwrap_or(kind);
    if matches!(kind, "delivery-status" | "disposition-notification") {
        return true;
    }
    // Some say that it is text, or nothing.
    let around = part.parent.and_then(|parent| parts.get(parent));
    let report = around.is_some_and(|around| around.kind.word == "multipart/report");
    report && !part.multipart && matches!(part.kind.word.as_str(), "text/plain" | "application/octet-stream") && {
        let groups = header::groups(&part.encoding.beginning(part.body, GUESS));
        groups.first().is_some_and(|fields| {
            let fields = Fields(fields);
            ["disposition", "reporting-mta", "reporting-ua", "final-recipient"]
                .iter()
                .any(|name| fields.get(name).is_some())
        })
    }
}

/// The Message-ID of the message that is sent back, or of the one that is answered.
fn returned(parts: &[Part<'_>]) -> Option<String> {
    let sent_back = parts.iter().find_map(|part| {
        let whole = matches!(
            part.kind.word.as_str(),
            "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/global-headers"
        );
        let contents = whole.then(|| part.contents())?;
        let (header, _) = header::Header::read(&contents, 0, &|_| false);
        Some(header.text("message-id", "")).filter(|id| !id.is_empty())
    });
    sent_back.or_else(|| {
        let answered = parts.first()?.header.text("in-reply-to", "");
        answered.split_whitespace().next().map(str::to_owned)
    })
}

struct Fields<'a>(&'a [(String, String)]);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.find_map(|(_, value)| Some(value.as_str()).filter(|value| !value.is_empty()))
    }

    /// A value without the type in front: `rfc822; ann@example.org`.
    fn untyped(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.split_once(';').map_or(value, |(_, value)| value).trim())
    }

    fn recipient(&self) -> String {
        let address =
            self.untyped("final-recipient").or_else(|| self.untyped("original-recipient")).unwrap_or_default();
        address.trim_matches(['<', '>', '"', ' ']).to_owned()
    }

    fn original(&self) -> Option<String> {
        let id = self.get("original-message-id").or_else(|| self.get("x-original-message-id"))?;
        Some(id.to_owned())
    }

    /// What a server says of one recipient.
    fn delivery(&self, message: Option<&str>) -> Option<Report> {
        let action = self.get("action").map(str::to_ascii_lowercase);
        let status = self.get("status").and_then(|status| status.split_whitespace().next());
        let recipient = self.recipient();
        if action.is_none() && status.is_none() || recipient.is_empty() && action.is_none() {
            return None;
        }
        let word = action.as_deref().and_then(|action| ACTIONS.into_iter().find(|known| action.starts_with(known)));
        // RFC 3463 §2: the class of a status.
        let kind = word.or(match status.and_then(|status| status.bytes().next()) {
            Some(b'2') => Some("delivered"),
            Some(b'4') => Some("delayed"),
            Some(b'5') => Some("failed"),
            _ => None,
        });
        Some(Report {
            kind: kind.unwrap_or("unknown"),
            recipient,
            status: status.map(str::to_owned),
            words: self.untyped("diagnostic-code").unwrap_or_default().to_owned(),
            original: self.original().or_else(|| message.map(str::to_owned)),
        })
    }

    /// What a reader, or a service in its place, says.
    fn disposition(&self) -> Option<Report> {
        let disposition = self.get("disposition")?.to_ascii_lowercase();
        let says = |word: &&str| disposition.split(|c: char| !c.is_ascii_alphabetic()).any(|found| found == *word);
        // A modifier goes before what it modifies.
        let kind = match () {
            () if says(&"failed") => Some("failed"),
            () if says(&"error") || says(&"failure") => Some("error"),
            () => DISPOSITIONS.into_iter().find(says),
        };
        let words: Vec<&str> = ["failure", "error", "warning"].iter().filter_map(|name| self.get(name)).collect();
        Some(Report {
            kind: kind.unwrap_or("unknown"),
            recipient: self.recipient(),
            status: self.get("status").map(str::to_owned),
            words: words.join("\n"),
            original: self.original(),
        })
    }
}

//! What a transcript expects, what came of it, and whether they agree.

use serde::Deserialize;

use super::{Sync, text};

/// One `expect` line.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Where it stands.
    pub line: usize,
    /// What it says.
    pub what: Expected,
}

/// What an `expect` line says. Messages are named by their place in the table, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The sync succeeds.
    Ok,
    /// It fails with this code.
    Error(String),
    /// The server's words in that error, verbatim.
    ServerText(String),
    /// The table has so many rows.
    Messages(usize),
    /// Whether and how a message is stored, and its bytes.
    Message {
        /// Which.
        number: usize,
        /// How.
        kept: Kept,
        /// Byte for byte.
        body: Option<Vec<u8>>,
    },
    /// A message's UID, one character per byte.
    Uid(usize, String),
    /// A message's subject; empty where its headers are not known.
    Subject(usize, String),
    /// A message's size, as LIST said.
    Size(usize, u64),
    /// How far a message's deletion has come, in the words of the public API.
    Deletion(usize, String),
    /// A message is reported as skipped, with this code. What is skipped and not expected to be is a failure.
    Skipped(usize, String),
    /// The server saw a command so many times: a whole line, or its first word.
    Count(String, usize),
    /// The server saw so many connections.
    Connections(usize),
    /// Whether the client ran ahead of an answer.
    Pipelined(bool),
    /// What was lost because it was queued were commands that begin with one of these words, and no others.
    AtStake(Vec<String>),
}

/// Whether and how a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Whole.
    Stored,
    /// Its end could not be established.
    Unconfirmed,
    /// It is listed and not stored.
    Missing,
}

/// What came of one sync, as the client tells it. This is also the wire format in which a browser spec hands it over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// The error, where it failed.
    pub error: Option<Failure>,
    /// What the report says was skipped: place in the table, and code.
    pub skipped: Vec<(usize, String)>,
    /// The table.
    pub rows: Vec<Row>,
}

/// An error of the client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its code.
    pub code: String,
    /// The server's words.
    pub server_text: String,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// One character per byte.
    pub uid: String,
    /// Empty where it is not known.
    pub subject: String,
    /// As LIST said.
    pub size: u64,
    /// Its bytes are stored.
    pub stored: bool,
    /// Its end could not be established.
    pub unconfirmed: bool,
    /// `none`, `wanted`, `sent` or `confirmed`.
    pub deletion: String,
    /// Its bytes (base64 on the wire); empty where it is not stored.
    #[serde(deserialize_with = "base64_bytes")]
    pub body: Vec<u8>,
}

/// What the server saw during one sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The command lines, without the password.
    pub commands: Vec<String>,
    /// Commands that the transcript has no answer for.
    pub unscripted: Vec<String>,
    /// Connections.
    pub connections: usize,
    /// Whether there ever was a further command behind the one to be answered.
    pub queued: bool,
    /// Commands that were thrown away, refused or left unanswered because of that.
    pub at_stake: Vec<String>,
}

impl Sync {
    /// Everything in which `outcome` and `seen` are not as expected, each with its line.
    pub fn check(&self, outcome: &Outcome, seen: &Seen) -> Vec<String> {
        let mut failures = Vec::new();
        for Expectation { line, what } in &self.expectations {
            if let Err(is) = what.holds(outcome, seen) {
                failures.push(format!("line {line}: {is}"));
            }
        }
        for (number, code) in &outcome.skipped {
            if !self
                .expectations
                .iter()
                .any(|expectation| matches!(&expectation.what, Expected::Skipped(n, _) if n == number))
            {
                failures.push(format!("message {number} is skipped with {code}"));
            }
        }
        for command in &seen.unscripted {
            failures.push(format!("{command} is not scripted"));
        }
        failures
    }
}

impl Expected {
    /// Reads what stands behind `expect`.
    pub(super) fn read(rest: &str, literal: Vec<u8>) -> Result<Expected, String> {
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if word != "message" && !literal.is_empty() {
            return Err("only a message has a body".to_owned());
        }
        let numbered = || {
            let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            Ok::<_, String>((text::number(number)?, rest))
        };
        Ok(match word {
            "ok" => Expected::Ok,
            "error" => Expected::Error(code(rest)?),
            "server-text" => Expected::ServerText(text::words(&text::unescape(rest)?)),
            "messages" => Expected::Messages(text::number(rest)?),
            "message" => {
                let (number, rest) = numbered()?;
                let kept = match rest {
                    "stored" => Kept::Stored,
                    "unconfirmed" => Kept::Unconfirmed,
                    "missing" => Kept::Missing,
                    _ => return Err(format!("a message is stored, unconfirmed or missing, and not `{rest}`")),
                };
                Expected::Message { number, kept, body: Some(literal).filter(|body| !body.is_empty()) }
            }
            "uid" => numbered().and_then(|(number, rest)| Ok(Expected::Uid(number, text::quoted(rest)?)))?,
            "subject" => numbered().and_then(|(number, rest)| Ok(Expected::Subject(number, text::quoted(rest)?)))?,
            "size" => numbered().and_then(|(number, rest)| Ok(Expected::Size(number, text::number(rest)? as u64)))?,
            "skipped" => numbered().and_then(|(number, rest)| Ok(Expected::Skipped(number, code(rest)?)))?,
            "deleted" => Expected::Deletion(text::number(rest)?, "confirmed".to_owned()),
            "deletion" => match numbered()? {
                (number, state @ ("none" | "wanted" | "sent")) => Expected::Deletion(number, state.to_owned()),
                (_, state) => return Err(format!("a deletion is none, wanted or sent, and not `{state}`")),
            },
            "count" => {
                let (command, times) = rest.rsplit_once(' ').ok_or("`count` takes a command and a number")?;
                Expected::Count(command.to_owned(), text::number(times)?)
            }
            "connections" => Expected::Connections(text::number(rest)?),
            "at-stake" => Expected::AtStake(rest.split(' ').map(str::to_owned).collect()),
            "pipelined" => Expected::Pipelined(true),
            "not-pipelined" => Expected::Pipelined(false),
            _ => return Err(format!("nothing can be expected of `{word}`")),
        })
    }

    /// Whether it says how the sync ends.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Expected::Ok | Expected::Error(_))
    }

    /// What is instead, where it does not hold.
    fn holds(&self, outcome: &Outcome, seen: &Seen) -> Result<(), String> {
        let row = |number: &usize| {
            let row = number.checked_sub(1).and_then(|place| outcome.rows.get(place));
            row.ok_or_else(|| format!("there is no message {number}; there are {}", outcome.rows.len()))
        };
        match self {
            Expected::Ok => equal("the sync ends with", &None, &outcome.error.as_ref().map(|error| &error.code)),
            Expected::Error(code) => {
                equal("the sync ends with", &Some(code), &outcome.error.as_ref().map(|error| &error.code))
            }
            Expected::ServerText(text) => {
                equal("the server says", &Some(text), &outcome.error.as_ref().map(|error| &error.server_text))
            }
            Expected::Messages(count) => equal("the table has", count, &outcome.rows.len()),
            Expected::Message { number, kept, body } => {
                let row = row(number)?;
                let is = match (row.stored, row.unconfirmed) {
                    (true, false) => Kept::Stored,
                    (true, true) => Kept::Unconfirmed,
                    (false, _) => Kept::Missing,
                };
                equal(&format!("message {number} is"), kept, &is)?;
                body.as_ref().map_or(Ok(()), |body| same_bytes(*number, body, &row.body))
            }
            Expected::Uid(number, uid) => equal("its UID is", uid, &row(number)?.uid),
            Expected::Subject(number, subject) => equal("its subject is", subject, &row(number)?.subject),
            Expected::Size(number, size) => equal("its size is", size, &row(number)?.size),
            Expected::Deletion(number, state) => equal("its deletion is", state, &row(number)?.deletion),
            Expected::Skipped(number, code) => {
                let skipped = outcome.skipped.iter().find(|(other, _)| other == number).map(|(_, code)| code);
                equal(&format!("message {number} is skipped with"), &Some(code), &skipped)
            }
            Expected::Count(command, times) => {
                let named = |line: &&String| *line == command || line.split(' ').next() == Some(command);
                equal(&format!("{command} was seen"), times, &seen.commands.iter().filter(named).count())
            }
            Expected::Connections(count) => equal("connections", count, &seen.connections),
            Expected::AtStake(words) => {
                match seen.at_stake.iter().find(|line| !words.iter().any(|word| line.split(' ').next() == Some(word))) {
                    Some(line) => Err(format!("{line} was at stake, not only {}", words.join(" and "))),
                    None if seen.at_stake.is_empty() => Err("nothing was at stake".to_owned()),
                    None => Ok(()),
                }
            }
            Expected::Pipelined(ahead) => equal("the client ran ahead", ahead, &seen.queued),
        }
    }
}

/// The codes of the client that a server can bring about.
fn code(text: &str) -> Result<String, String> {
    let known =
        ["auth-failed", "in-use", "login-delay", "temporary", "permanent", "refused", "protocol", "timeout", "closed"];
    known.contains(&text).then(|| text.to_owned()).ok_or_else(|| format!("there is no error code `{text}`"))
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, is: &T) -> Result<(), String> {
    if expected == is { Ok(()) } else { Err(format!("{what} {is:?}, not {expected:?}")) }
}

fn same_bytes(number: usize, expected: &[u8], is: &[u8]) -> Result<(), String> {
    if expected == is {
        return Ok(());
    }
    let at = expected.iter().zip(is).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let piece: Vec<u8> = bytes.iter().copied().skip(at.saturating_sub(20)).take(60).collect();
        piece.escape_ascii().to_string()
    };
    Err(format!(
        "message {number} differs at octet {at} ({} octets, not {}): \"{}\", not \"{}\"",
        is.len(),
        expected.len(),
        around(is),
        around(expected)
    ))
}

fn base64_bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    use base64::Engine;
    let text = String::deserialize(deserializer)?;
    base64::engine::general_purpose::STANDARD.decode(text).map_err(serde::de::Error::custom)
}

//! What was tried and how it went, for a person and for a machine.

use anstyle::{AnsiColor, Effects, Style};
use serde::Serialize;
use std::fmt;
use tokio::time::Instant;

const GOOD: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
const BAD: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const WARNING: Style = AnsiColor::Yellow.on_default();
const QUIET: Style = Style::new().effects(Effects::DIMMED);
const STRONG: Style = Style::new().effects(Effects::BOLD);

/// What was tried, in order, up to the first step that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) upstream: String,
    pub(super) url: String,
    pub(super) ok: bool,
    pub(super) steps: Vec<Step>,
    /// What to do, where something failed.
    pub(super) advice: Option<&'static str>,
    /// Somebody did not want to wait for the rest.
    #[serde(skip)]
    pub(super) stopped: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) step: &'static str,
    pub(super) ok: bool,
    /// How long it took.
    pub(super) milliseconds: u64,
    pub(super) says: String,
    pub(super) details: Vec<String>,
    /// What works, and should be looked at all the same.
    pub(super) warnings: Vec<String>,
}

impl Step {
    pub(super) fn new(step: &'static str, ok: bool, start: Instant, says: impl Into<String>) -> Step {
        let milliseconds = start.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        Step { step, ok, milliseconds, says: says.into(), details: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn details(mut self, details: Vec<String>) -> Step {
        self.details = details;
        self
    }

    pub(super) fn warnings(mut self, warnings: Vec<String>) -> Step {
        self.warnings = warnings;
        self
    }
}

impl Report {
    pub(super) fn new(upstream: String, url: String) -> Report {
        Report { upstream, url, ok: false, steps: Vec::new(), advice: None, stopped: false }
    }

    /// What the program ends with: 0 where everything worked, 1 where something did not, 130 (128 and the number of SIGINT, as shells
    /// have it) where it was stopped.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Report { ok: true, .. } => 0,
            Report { stopped: true, .. } => 130,
            _ => 1,
        }
    }

    /// The report as one JSON object: `upstream`, `url`, `ok`, `steps` (`step`, `ok`, `milliseconds`, `says`, `details`, `warnings`),
    /// `advice`. A step is one of `name`, `addresses`, `tcp`, `starttls`, `tls`, `greeting`, `capa`; those that do not apply, and those
    /// behind one that failed, are left out.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// With colours, which whoever prints it takes out where they are not wanted.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{STRONG}{}{STRONG:#} ({})\n", self.upstream, self.url)?;
        for Step { step, ok, milliseconds, says, details, warnings } in &self.steps {
            let (style, mark) = if *ok { (GOOD, "ok  ") } else { (BAD, "FAIL") };
            writeln!(f, "  {style}{mark}{style:#}  {step:<10} {says} {QUIET}({milliseconds} ms){QUIET:#}")?;
            for detail in details {
                writeln!(f, "        {:<10} {QUIET}{detail}{QUIET:#}", "")?;
            }
            for warning in warnings {
                writeln!(f, "  {WARNING}note{WARNING:#}  {:<10} {WARNING}{warning}{WARNING:#}", "")?;
            }
        }
        match self.advice {
            Some(advice) => writeln!(f, "\n{advice}"),
            None if self.ok => writeln!(f, "\n{GOOD}The relay can use this mail server.{GOOD:#}"),
            None => Ok(()),
        }
    }
}

/// A server's words, safe to print: a terminal obeys control characters, so they are taken out.
pub(super) fn quote(words: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(words.as_ref())
        .trim()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

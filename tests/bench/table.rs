//! Figures into lines.

use std::time::Duration;

/// What a client took.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// Really.
    Measured(Duration),
    /// With fewer messages, on a straight line.
    Scaled(Duration),
}

/// One client at one round trip.
pub(crate) struct Row {
    name: &'static str,
    runs: Vec<Duration>,
    scaled: Option<Figure>,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Row {
        Row { name, runs: Vec::new(), scaled: None }
    }

    pub(crate) fn push(&mut self, run: Duration) {
        self.runs.push(run);
        self.runs.sort();
    }

    pub(crate) fn set(&mut self, figure: Figure) {
        self.scaled = Some(figure);
    }

    #[allow(dead_code, reason = "not in every bench is there a row without runs")]
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(crate) fn has_figure(&self) -> bool {
        self.figure().is_some()
    }

    fn figure(&self) -> Option<Figure> {
        self.runs.get(self.runs.len() / 2).copied().map(Figure::Measured).or(self.scaled)
    }

    fn seconds(&self) -> f64 {
        match self.figure() {
            Some(Figure::Measured(time) | Figure::Scaled(time)) => time.as_secs_f64(),
            None => f64::NAN,
        }
    }

    /// The fastest and the slowest run.
    fn spread(&self) -> String {
        match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => format!("{:.2}–{:.2}", first.as_secs_f64(), last.as_secs_f64()),
            _ => "scaled".to_owned(),
        }
    }
}

/// How many times another client's median ours may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) ours: &'static str,
    pub(crate) other: &'static str,
    pub(crate) most: f64,
}

/// A table, with the medians also as so many times those of the rows that `beside` names, and whether the targets are met.
pub(crate) fn print(title: &str, rows: &[Row], beside: &[&str], targets: &[Target]) {
    let seconds = |name: &str| rows.iter().find(|row| row.name == name).map_or(f64::NAN, Row::seconds);
    let columns: String =
        beside.iter().map(|name| format!(" / {} |", name.split(',').next().unwrap_or(name))).collect();
    println!("| {title} | median s | spread |{columns}");
    println!("|---|--:|--:|{}", "--:|".repeat(beside.len()));
    for row in rows {
        let (name, time, spread) = (row.name, row.seconds(), row.spread());
        let about = if matches!(row.figure(), Some(Figure::Scaled(_))) { "≈ " } else { "" };
        let ratios: String = beside.iter().map(|other| format!(" {:.2} |", time / seconds(other))).collect();
        println!("| {name} | {about}{time:.2} | {spread} |{ratios}");
    }
    for Target { ours, other, most } in targets {
        let ratio = seconds(ours) / seconds(other);
        let verdict = if ratio <= *most { "met" } else { "MISSED" };
        println!("target: {ours}, at most {most:.2} × {other}: {ratio:.2}, {verdict}");
    }
    println!();
}

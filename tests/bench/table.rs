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

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
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

/// Targets: how many times another client's median ours may be.
const AGAINST_MPOP: f64 = 1.0;
const AGAINST_BARE: f64 = 1.5;

/// The table of one round trip, and whether the targets are met.
pub(crate) fn print(delay: u64, rows: &[Row], ours: [&str; 2], mpop: &str, bare: &str) {
    let seconds = |name: &str| rows.iter().find(|row| row.name == name).map_or(f64::NAN, Row::seconds);
    let (mpop, bare) = (seconds(mpop), seconds(bare));
    let [first, _] = ours.map(seconds);
    println!("| round trip {delay} ms | median s | spread | / ours | / mpop | / bare |");
    println!("|---|--:|--:|--:|--:|--:|");
    for row in rows {
        let (name, time, spread) = (row.name, row.seconds(), row.spread());
        let about = if matches!(row.figure(), Some(Figure::Scaled(_))) { "≈ " } else { "" };
        println!(
            "| {name} | {about}{time:.2} | {spread} | {:.2} | {:.2} | {:.2} |",
            time / first,
            time / mpop,
            time / bare
        );
    }
    for name in ours {
        let time = seconds(name);
        for (what, ratio, target) in
            [("mpop", time / mpop, AGAINST_MPOP), ("the bare socket", time / bare, AGAINST_BARE)]
        {
            let verdict = if ratio <= target { "met" } else { "MISSED" };
            println!("target: {name}, at most {target:.1} × {what}: {ratio:.2}, {verdict}");
        }
    }
    println!();
}

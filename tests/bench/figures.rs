//! Figures of any unit into lines.

/// What one of those that are compared came to.
pub(crate) struct Row {
    name: &'static str,
    runs: Vec<f64>,
}

/// One thing that was measured of several.
pub(crate) struct Table {
    title: String,
    /// Digits behind the point.
    digits: usize,
    /// Whether more is better.
    more: bool,
    rows: Vec<Row>,
}

/// What a row is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// A figure.
    Figure(f64),
    /// So many times another row's median; at least that, where more is better.
    Times(f64, &'static str),
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, digits: usize, more: bool) -> Table {
        Table { title: title.into(), digits, more, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, name: &'static str, figure: f64) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => {
                row.runs.push(figure);
                row.runs.sort_by(f64::total_cmp);
            }
            None => self.rows.push(Row { name, runs: vec![figure] }),
        }
    }

    fn median(&self, name: &str) -> f64 {
        let row = self.rows.iter().find(|row| row.name == name);
        row.and_then(|row| row.runs.get(row.runs.len() / 2)).copied().unwrap_or(f64::NAN)
    }

    /// The table, with the medians also as so many times those of the rows that `beside` names, and whether `row` meets its targets.
    pub(crate) fn print(&self, order: &[&'static str], beside: &[&'static str], row: &str, targets: &[Target]) {
        let digits = self.digits;
        let heads: String = beside.iter().map(|name| format!(" / {} |", short(name))).collect();
        println!("| {} | median | spread |{heads}\n|---|--:|--:|{}", self.title, "--:|".repeat(beside.len()));
        for name in order {
            let Some(Row { runs, .. }) = self.rows.iter().find(|row| row.name == *name) else { continue };
            let median = self.median(name);
            let (least, most) = (runs.first().copied().unwrap_or(f64::NAN), runs.last().copied().unwrap_or(f64::NAN));
            let ratios: String = beside.iter().map(|other| format!(" {:.2} |", median / self.median(other))).collect();
            println!("| {name} | {median:.digits$} | {least:.digits$}–{most:.digits$} |{ratios}");
        }
        for target in targets {
            let ours = self.median(row);
            let (wanted, limit) = match target {
                Target::Figure(limit) => (format!("{limit:.digits$}"), *limit),
                Target::Times(times, other) => (format!("{times:.1} × {}", short(other)), times * self.median(other)),
            };
            let met = if self.more { ours >= limit } else { ours <= limit };
            let (least, verdict) = (if self.more { "at least" } else { "at most" }, if met { "met" } else { "MISSED" });
            let times = ours / limit;
            println!("target: {row}, {least} {wanted}: {ours:.digits$}, {times:.2} of that, {verdict}");
        }
        println!();
    }
}

/// A name without what is said about it.
fn short(name: &str) -> &str {
    name.split(',').next().unwrap_or(name)
}

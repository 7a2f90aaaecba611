//! What `check` is at, on a terminal, where it takes long.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What takes less is over before anybody has read that it is under way.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// Widest line. A longer one than the terminal is could not be taken back; 80 columns are what terminals begin with.
const WIDTH: usize = 79;

/// The step that is under way.
pub(super) struct Now {
    step: Cell<(&'static str, Instant)>,
    what: RefCell<String>,
    /// Columns of the line that stands there.
    shown: Cell<usize>,
}

impl Default for Now {
    fn default() -> Now {
        Now { step: Cell::new(("name", Instant::now())), what: RefCell::default(), shown: Cell::new(0) }
    }
}

impl Now {
    /// Begins a step; returns when that was.
    pub(super) fn begin(&self, step: &'static str, what: impl Into<String>) -> Instant {
        let start = Instant::now();
        self.step.set((step, start));
        self.what.replace(what.into());
        start
    }

    /// The step that is under way, and since when.
    pub(super) fn get(&self) -> (&'static str, Instant) {
        self.step.get()
    }

    /// Waits a little and then says what is under way. Nothing is said where nobody looks: a file wants no line that is taken back.
    pub(super) async fn show(&self) {
        sleep(SHOWN_AFTER).await;
        if !stderr().is_terminal() {
            return;
        }
        let (step, start) = self.step.get();
        let line = line(step, &self.what.borrow(), start.elapsed());
        self.hide();
        self.shown.set(line.chars().count());
        let _ = write!(stderr(), "{line}").and_then(|()| stderr().flush());
    }

    /// Takes back what stands there, without a control sequence: there are terminals that know none.
    pub(super) fn hide(&self) {
        let columns = self.shown.take();
        if columns > 0 {
            let _ = write!(stderr(), "\r{:columns$}\r", "").and_then(|()| stderr().flush());
        }
    }
}

fn line(step: &str, what: &str, elapsed: Duration) -> String {
    let time = format!(" ({} s)", elapsed.as_secs());
    let head: String = format!("  ...   {step:<10} {what}").chars().take(WIDTH.saturating_sub(time.len())).collect();
    head + &time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_since_when_and_fits() {
        assert_eq!(
            line("tcp", "connecting to 192.0.2.1", Duration::from_secs(3)),
            "  ...   tcp        connecting to 192.0.2.1 (3 s)"
        );
        let long = line("name", &"é".repeat(300), Duration::from_secs(12));
        assert_eq!(long.chars().count(), WIDTH);
        assert!(long.ends_with(" (12 s)"));
    }
}

//! A Chromium with a profile on disk, as a child: a bench's own program under Node, a line for each run.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The browser. It ends with its stdin.
pub(crate) struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

/// One sync to be run.
#[derive(Default, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) relay: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    /// Names the database.
    pub(crate) account: &'a str,
    /// Whether the library is to work in a worker.
    pub(crate) worker: bool,
    /// Whether the cipher leaves everything as it is.
    pub(crate) unsealed: bool,
    /// Whether what is kept is unlocked before the clock starts.
    pub(crate) unlocked: bool,
    /// In a new page, which knows nothing of the server.
    pub(crate) fresh: bool,
    /// Whether the database is left for the next run.
    pub(crate) keep: bool,
    /// Where it is not 0: so many messages are asked for by a page without the library, which keeps nothing.
    pub(crate) drain: u32,
}

/// What was seen of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Run {
    /// From the call to its end.
    ms: f64,
    pub(crate) retrieved: u32,
    /// The longest task of the page in milliseconds, as the browser tells it; 0 where none reached 50.
    pub(crate) task: f64,
    /// The longest time between two rings of a timer of 5 ms.
    pub(crate) gap: f64,
    /// Octets of the module's memory, at most.
    pub(crate) memory: f64,
    /// Whether it was in a worker.
    pub(crate) worker: bool,
}

impl Run {
    pub(crate) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.ms / 1000.0)
    }
}

impl Browser {
    /// Starts it for pages of this origin, run by a program beside this file.
    pub(crate) fn start(program: &str, origin: &str) -> Result<Browser> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(program);
        let mut command = Command::new("node");
        command.arg(program).arg(origin).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("no node to run the browser with")?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().context("node has no output")?);
        Ok(Browser { child, to, from })
    }

    /// Has one request answered.
    pub(crate) fn run<Answer: DeserializeOwned>(&mut self, request: &impl Serialize) -> Result<Answer> {
        let to = self.to.as_mut().context("the browser has ended")?;
        writeln!(to, "{}", serde_json::to_string(request)?)?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the browser says: {line}"))
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Result<()> {
        self.to.take();
        let status = self.child.wait()?;
        ensure!(status.success(), "the browser ended with {status}");
        Ok(())
    }
}

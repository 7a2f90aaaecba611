//! Log files as event sources: a test awaits a line instead of sleeping.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::PATIENCE;

/// A file that another process appends lines to.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
}

impl LogFile {
    /// The log at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> LogFile {
        LogFile { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in octets now: what is logged later lies beyond.
    pub fn mark(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Every whole line beyond `mark`. Bytes that are no UTF-8 are replaced.
    pub fn lines_since(&self, mark: u64) -> Result<Vec<String>> {
        let Ok(mut file) = fs::File::open(&self.path) else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(mark))?;
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(whole);
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }

    /// Waits until `found` makes something of the lines beyond `mark`. `what` names it in the error, which quotes the log's end.
    pub async fn until<T>(&self, mark: u64, what: &str, found: impl Fn(&[String]) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines_since(mark).with_context(|| format!("{} is unreadable", self.path.display()))?;
            if let Some(result) = found(&lines) {
                return Ok(result);
            }
            if Instant::now() > deadline {
                let last = lines.len().saturating_sub(20);
                let end = lines.get(last..).unwrap_or_default().join("\n");
                bail!("{what}: not in the log within {PATIENCE:?}. It ends with:\n{end}");
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn a_line_counts_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::new(dir.path().join("log"));
        assert_eq!(log.lines_since(0).unwrap(), Vec::<String>::new());
        let mut file = fs::File::create(log.path()).unwrap();
        write!(file, "one\ntwo\nthr").unwrap();
        assert_eq!(log.lines_since(0).unwrap(), ["one", "two"]);
        let mark = log.mark();
        writeln!(file, "ee").unwrap();
        assert_eq!(log.lines_since(mark).unwrap(), ["ee"]);
        assert_eq!(log.until(0, "three", |lines| lines.iter().position(|l| l == "three")).await.unwrap(), 2);
    }
}

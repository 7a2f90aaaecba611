//! Children that cannot outlive the tests.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::{Instant, sleep};

/// A child process that leads a group of its own. The group is killed when this is dropped, and also when the whole test process
/// dies without dropping anything.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    watchdog: Child,
}

impl Guarded {
    /// Starts `command` as the leader of a process group, with a watchdog beside it.
    pub fn spawn(command: &mut Command) -> Result<Guarded> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.process_group(0).spawn().with_context(|| format!("{program} could not be started"))?;
        let watchdog = watch(child.id());
        if watchdog.is_err() {
            let _ = child.kill();
        }
        Ok(Guarded { child, watchdog: watchdog? })
    }

    /// The child's process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the child itself, not its group, to end (`SIGTERM`).
    pub fn terminate(&self) -> Result<()> {
        kill_process(pid(&self.child)?, Signal::TERM).context("the child is gone already")
    }

    /// Waits until the child has ended by itself.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("process {} did not end within {within:?}", self.id());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills the whole group (`SIGKILL`) and collects the child.
    pub fn kill(&mut self) {
        if let Ok(group) = pid(&self.child) {
            // An error means that nobody is left in the group.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A shell that reads a pipe only this process can write to: end of file means that this process is gone.
fn watch(group: u32) -> Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r _; kill -s KILL -- \"-$0\"", &group.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("no shell to start the watchdog with")
}

fn pid(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a child without a process number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATIENCE;

    fn alive(group: u32) -> bool {
        kill_process_group(Pid::from_raw(group as i32).unwrap(), Signal::CONT).is_ok()
    }

    #[tokio::test]
    async fn dropping_ends_children_of_children() {
        let guarded = Guarded::spawn(Command::new("sh").args(["-c", "sleep 600 & sleep 600"])).unwrap();
        let group = guarded.id();
        assert!(alive(group));
        drop(guarded);
        gone(group).await;
    }

    #[tokio::test]
    async fn losing_the_pipe_ends_the_group() {
        let mut guarded = Guarded::spawn(Command::new("sleep").arg("600")).unwrap();
        drop(guarded.watchdog.stdin.take());
        assert!(!guarded.ended(PATIENCE).await.unwrap().success());
    }

    /// A killed process leaves its group only when its parent has collected it, which for a grandchild is up to init.
    async fn gone(group: u32) {
        let deadline = Instant::now() + PATIENCE;
        while alive(group) {
            assert!(Instant::now() < deadline, "group {group} is still there");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

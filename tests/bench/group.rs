//! What a process and all its children use, as Linux tells it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// In which /proc/PID/stat counts processor time. Linux has shown it so since it exists, whatever the kernel's own tick is.
const TICKS_PER_SECOND: u64 = 100;
/// Memory that has not moved by more than this for as long is at rest.
const STILL: i64 = 32 * 1024;
const STILL_FOR: Duration = Duration::from_millis(400);
/// The longest that is waited for it.
const RESTLESS: Duration = Duration::from_secs(10);

/// A process group, by the number of its leader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(pub(crate) u32);

impl Group {
    /// Memory in octets: each page counted in parts, by how many processes have it.
    pub(crate) fn memory(self) -> Result<u64> {
        let mut sum = 0;
        for (pid, _) in self.members()? {
            // One that has just ended has no memory.
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kib: u64 = line.and_then(|line| line.trim().strip_suffix(" kB")).unwrap_or("0").parse()?;
            sum += kib * 1024;
        }
        Ok(sum)
    }

    /// The same, when it does not move any more.
    pub(crate) fn memory_at_rest(self) -> Result<u64> {
        let start = Instant::now();
        let (mut memory, mut since) = (self.memory()?, Instant::now());
        while since.elapsed() < STILL_FOR && start.elapsed() < RESTLESS {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.memory()?;
            if (now as i64 - memory as i64).abs() > STILL {
                (memory, since) = (now, Instant::now());
            }
        }
        self.memory()
    }

    /// Processor time so far, in the kernel and outside it, and that of children that have ended and were collected.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let ticks: u64 = self.members()?.iter().map(|(_, ticks)| ticks).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }

    /// The processes in it, with the ticks that each has used.
    fn members(self) -> Result<Vec<(u32, u64)>> {
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            // The program's name is in brackets and may have anything in it. What follows begins with field 3 (proc(5)).
            let (_, fields) = stat.rsplit_once(')').context("a process without a name")?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            if number(5) == u64::from(self.0) {
                members.push((pid, (14..=17).map(number).sum()));
            }
        }
        Ok(members)
    }
}

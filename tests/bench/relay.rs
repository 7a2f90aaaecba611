//! What a relay costs and how quick it is, beside others before the same upstream: see `tests/bench/README.md`.

mod figures;
mod group;
mod relays;
mod upstream;
mod visitor;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use figures::{Table, Target};
use relays::Relay;
use upstream::Upstream;
use visitor::{Entry, Visitor};

/// Runs of which the median is taken; `POPLAR_BENCH_RUNS` names another number.
const RUNS: u64 = 5;
/// Where memory is measured they are at most so many: it hardly varies, and it takes long.
const MEMORY_RUNS: u64 = 3;
/// Tunnels that idle; `POPLAR_BENCH_TUNNELS`. A tenth of them is few.
const TUNNELS: u64 = 1000;
/// Megabytes that one client downloads; `POPLAR_BENCH_MEGABYTES`.
const MEGABYTES: u64 = 1000;
/// Round trips of a NOOP, after some that are not counted; `POPLAR_BENCH_NOOPS`.
const NOOPS: u64 = 20_000;
const WARM_UP: u64 = 200;
/// The longest that NOOPs are sent for: beside a download some relays answer a few in a second.
const NOOPS_FOR: Duration = Duration::from_secs(4);
/// Octets in a second that fill a network of a gigabit.
const GIGABIT: u64 = 125_000_000;
/// What a client that never reads is offered: 900 MB.
const OFFERED: u64 = 900_000_000;
/// An upstream that got rid of nothing for as long is held back.
const HELD_BACK: Duration = Duration::from_secs(2);
/// How long sessions are opened and ended, and by how many at a time.
const SESSIONS_FOR: Duration = Duration::from_secs(3);
const AT_A_TIME: usize = 8;

const PARTS: [&str; 5] = ["idle", "download", "noop", "slow", "sessions"];

const OURS: &str = "Poplar";

fn main() -> Result<()> {
    // Cargo says `--bench`, too.
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = only.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("there is no part {unknown}: {}", PARTS.join(", "));
    }
    let wants = |part: &str| only.is_empty() || only.iter().any(|only| only == part);
    let bench = Bench {
        upstream: Upstream::start()?,
        runs: number("POPLAR_BENCH_RUNS", RUNS)?,
        tunnels: usize::try_from(number("POPLAR_BENCH_TUNNELS", TUNNELS)?)?,
        megabytes: number("POPLAR_BENCH_MEGABYTES", MEGABYTES)?,
        noops: number("POPLAR_BENCH_NOOPS", NOOPS)?,
    };
    println!(
        "Medians of {} runs (of memory, of {}), relays in turn, every second time from the last to the first\n",
        bench.runs,
        bench.runs.min(MEMORY_RUNS),
    );
    if wants("idle") {
        bench.idle()?;
    }
    if wants("download") {
        bench.download()?;
    }
    if wants("noop") {
        bench.noop()?;
    }
    if wants("slow") {
        bench.slow()?;
    }
    if wants("sessions") {
        bench.sessions()?;
    }
    Ok(())
}

fn number(variable: &str, usual: u64) -> Result<u64> {
    let said = std::env::var(variable).ok();
    said.map_or(Ok(usual), |said| said.parse().with_context(|| format!("{variable} is no number")))
}

struct Bench {
    upstream: Upstream,
    runs: u64,
    tunnels: usize,
    megabytes: u64,
    noops: u64,
}

impl Bench {
    /// One run of every relay, in turn, `most` times or fewer; in every second round from the last to the first.
    fn rounds(&self, most: u64, mut run: impl FnMut(Relay) -> Result<()>) -> Result<()> {
        for round in 0..self.runs.min(most) {
            let mut order = Relay::ALL;
            if round % 2 == 1 {
                order.reverse();
            }
            for relay in order {
                run(relay).with_context(|| relay.name())?;
            }
        }
        Ok(())
    }

    /// Memory of a tunnel that waits, fresh and after it has carried a megabyte: the slope between few and many.
    fn idle(&self) -> Result<()> {
        let mut fresh = Table::new("idle tunnel, KiB", 1, false);
        let mut used = Table::new("… after 1 MB through it, KiB", 1, false);
        self.rounds(MEMORY_RUNS, |relay| {
            if relay == Relay::Nothing {
                return Ok(());
            }
            fresh.push(relay.name(), self.slope(relay, |_| Ok(()))?);
            let carry = |visitor: &mut Visitor| {
                visitor.download(1_000_000)?;
                visitor.rest();
                Ok(())
            };
            used.push(relay.name(), self.slope(relay, carry)?);
            Ok(())
        })?;
        let targets = [Target::Figure(20.0), at_most(1.0, Relay::Websockify), at_most(1.0, Relay::Websocat)];
        print(&fresh, &targets);
        print(&used, &targets[1..]);
        Ok(())
    }

    /// KiB that each tunnel costs, when `first` has been done with it.
    fn slope(&self, relay: Relay, first: impl Fn(&mut Visitor) -> Result<()>) -> Result<f64> {
        let running = relay.start(&self.upstream)?;
        let group = running.group()?;
        let counts = relay.few_and_many(self.tunnels);
        let mut held = Vec::new();
        let mut memory = [0.0; 2];
        for (count, memory) in counts.into_iter().zip(&mut memory) {
            while held.len() < count {
                let mut visitor = running.entry.open()?;
                first(&mut visitor)?;
                held.push(visitor);
            }
            *memory = group.memory_at_rest()? as f64;
        }
        Ok((memory[1] - memory[0]) / (counts[1] - counts[0]) as f64 / 1024.0)
    }

    /// Processor time for a gigabyte down, and how long it took.
    fn download(&self) -> Result<()> {
        let mut cpu = Table::new("processor for 1 GB down, s", 2, false);
        let mut rate = Table::new("a download alone, MB/s", 0, true);
        self.rounds(self.runs, |relay| {
            let running = relay.start(&self.upstream)?;
            let mut visitor = running.entry.open()?;
            let group = running.group().ok();
            let before = group.map(|group| group.cpu()).transpose()?;
            let start = Instant::now();
            visitor.download(self.megabytes * 1_000_000)?;
            rate.push(relay.name(), self.megabytes as f64 / start.elapsed().as_secs_f64());
            if let (Some(group), Some(before)) = (group, before) {
                let used = group.cpu()? - before;
                cpu.push(relay.name(), used.as_secs_f64() * 1000.0 / self.megabytes as f64);
            }
            Ok(())
        })?;
        let ahead = [at_most(0.9, Relay::Websocat), at_most(1.5, Relay::Haproxy), at_most(1.0, Relay::Websockify)];
        print(&cpu, &ahead);
        print(&rate, &AHEAD);
        Ok(())
    }

    /// The round trip of a NOOP: alone, beside a download that fills a network of a gigabit, and beside one that takes all it can get.
    fn noop(&self) -> Result<()> {
        let tables = |when: &str| ["p50", "p99"].map(|part| Table::new(format!("NOOP {when}, {part}, µs"), 0, false));
        let mut alone = tables("alone");
        let mut beside = tables("beside a download of 1 Gbit/s");
        let mut hard = tables("beside a download without a bound");
        self.rounds(self.runs, |relay| {
            let running = relay.start(&self.upstream)?;
            let mut visitor = running.entry.open()?;
            let downloads = [None, Some(Some(GIGABIT)), Some(None)];
            for (tables, download) in [&mut alone, &mut beside, &mut hard].into_iter().zip(downloads) {
                let figures = match download {
                    None => self.round_trips(&mut visitor)?,
                    Some(pace) => beside_download(&running.entry, pace, || self.round_trips(&mut visitor))?,
                };
                for (table, figure) in tables.iter_mut().zip(figures) {
                    table.push(relay.name(), figure);
                }
            }
            Ok(())
        })?;
        let targets = [at_most(1.5, Relay::Haproxy), at_most(1.0, Relay::Websockify), at_most(1.0, Relay::Websocat)];
        for table in alone.iter().chain(&beside).chain(&hard) {
            print(table, &targets);
        }
        Ok(())
    }

    /// The median and the 99th percentile, in microseconds.
    fn round_trips(&self, visitor: &mut Visitor) -> Result<[f64; 2]> {
        let mut times = Vec::new();
        let began = Instant::now();
        for number in 0..WARM_UP + self.noops {
            let start = Instant::now();
            visitor.command("NOOP\r\n")?;
            if number >= WARM_UP {
                times.push(start.elapsed());
            }
            if began.elapsed() > NOOPS_FOR && !times.is_empty() {
                break;
            }
        }
        times.sort();
        let at = |part: usize| times.get(times.len() * part / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
        Ok([at(50), at(99)])
    }

    /// The most that memory grows with a client that asks for 900 MB and never reads: from before it came, and from when its tunnel
    /// idled.
    fn slow(&self) -> Result<()> {
        let mut whole = Table::new("a client that never reads, KiB in all", 0, false);
        let mut growth = Table::new("… beyond its idle tunnel, KiB", 0, false);
        self.rounds(MEMORY_RUNS, |relay| {
            if relay == Relay::Nothing {
                return Ok(());
            }
            let running = relay.start(&self.upstream)?;
            let group = running.group()?;
            // Whatever a program sets up once is not this client's.
            let mut other = running.entry.open()?;
            other.download(1_000_000)?;
            let without = group.memory_at_rest()?;
            let mut visitor = running.entry.open()?;
            let (idle, sent) = (group.memory_at_rest()?, self.upstream.sent());
            visitor.send(&format!("SEND {OFFERED}\r\n"))?;
            let (mut most, mut moved) = (idle, (sent, Instant::now()));
            while moved.1.elapsed() < HELD_BACK {
                thread::sleep(Duration::from_millis(20));
                most = most.max(group.memory()?);
                if self.upstream.sent() != moved.0 {
                    moved = (self.upstream.sent(), Instant::now());
                }
            }
            for (table, before) in [(&mut whole, without), (&mut growth, idle)] {
                table.push(relay.name(), (most as f64 - before as f64) / 1024.0);
            }
            Ok(())
        })?;
        let targets = [Target::Figure(1000.0), at_most(1.0, Relay::Websockify), at_most(1.0, Relay::Websocat)];
        print(&whole, &targets);
        print(&growth, &targets);
        Ok(())
    }

    /// Sessions of greeting, NOOP and QUIT, several at a time, and what each costs.
    fn sessions(&self) -> Result<()> {
        let mut rate = Table::new("sessions in a second", 0, true);
        let mut cpu = Table::new("processor for a session, ms", 2, false);
        self.rounds(self.runs, |relay| {
            let running = relay.start(&self.upstream)?;
            let group = running.group().ok();
            let before = group.map(|group| group.cpu()).transpose()?;
            let (ended, start) = (AtomicU32::new(0), Instant::now());
            let session = || -> Result<()> {
                let mut visitor = running.entry.open()?;
                visitor.command("NOOP\r\n")?;
                visitor.quit()
            };
            thread::scope(|scope| {
                let open = |_| {
                    scope.spawn(|| -> Result<()> {
                        while start.elapsed() < SESSIONS_FOR {
                            session()?;
                            ended.fetch_add(1, Relaxed);
                        }
                        Ok(())
                    })
                };
                let threads: Vec<_> = (0..AT_A_TIME).map(open).collect();
                threads.into_iter().try_for_each(|thread| thread.join().ok().context("a session panicked")?)
            })?;
            let ended = f64::from(ended.load(Relaxed));
            rate.push(relay.name(), ended / start.elapsed().as_secs_f64());
            if let (Some(group), Some(before)) = (group, before) {
                cpu.push(relay.name(), (group.cpu()? - before).as_secs_f64() * 1000.0 / ended);
            }
            Ok(())
        })?;
        print(&rate, &AHEAD);
        print(&cpu, &AHEAD);
        Ok(())
    }
}

/// Measures while another tunnel downloads: so many octets in a second, or as many as it can get.
fn beside_download(entry: &Entry, pace: Option<u64>, measure: impl FnOnce() -> Result<[f64; 2]>) -> Result<[f64; 2]> {
    let over = AtomicBool::new(false);
    let mut bulk = entry.open()?;
    thread::scope(|scope| {
        let downloading = scope.spawn(|| -> Result<()> {
            let (start, mut asked) = (Instant::now(), 0);
            // Small enough to be spread over time, where that is wanted.
            let piece = if pace.is_some() { 250_000 } else { 10_000_000 };
            while !over.load(Relaxed) {
                bulk.download(piece)?;
                asked += piece;
                if let Some(pace) = pace {
                    let due = Duration::from_secs_f64(asked as f64 / pace as f64);
                    thread::sleep(due.saturating_sub(start.elapsed()));
                }
            }
            Ok(())
        });
        let figures = measure();
        over.store(true, Relaxed);
        downloading.join().ok().context("the download panicked")??;
        figures
    })
}

/// Ahead of those that do the same work.
const AHEAD: [Target; 2] = [Target::Times(1.0, "websockify, TLS 1.2"), Target::Times(1.0, "websocat")];

fn at_most(times: f64, relay: Relay) -> Target {
    Target::Times(times, relay.name())
}

fn print(table: &Table, targets: &[Target]) {
    let order = Relay::ALL.map(Relay::name);
    table.print(&order, &[Relay::Websocat.name(), Relay::Haproxy.name()], OURS, targets);
}

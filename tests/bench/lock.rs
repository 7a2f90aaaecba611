//! What sealing asks of a person's patience, in a real Chromium: unlock, the first page of rows, lock, erase. See `tests/bench/README.md`.

#[allow(dead_code, reason = "another bench uses the rest of it")]
mod browser;

use anyhow::{Result, ensure};
use browser::Browser;
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::messages;
use poplar_tests::relay::Relay;
use serde::{Deserialize, Serialize};

/// Runs of which the median is taken; `POPLAR_BENCH_RUNS` names another number.
const RUNS: usize = 5;

/// What a mailbox has in it.
struct Part {
    name: &'static str,
    title: &'static str,
    messages: u32,
    /// Octets of each; 0: two lines.
    octets: usize,
    /// Whether it is erased: it has to be filled again for each run.
    erase: bool,
}

const PARTS: [Part; 3] = [
    Part { name: "rows", title: "10,000 messages of two lines", messages: 10_000, octets: 0, erase: true },
    Part { name: "bodies", title: "8 messages of 25 MB", messages: 8, octets: 25_000_000, erase: true },
    Part { name: "many", title: "100,000 messages of two lines", messages: 100_000, octets: 0, erase: false },
];

/// What is timed, what it stands beside in the same run, and the most that it may take, in milliseconds.
struct Step {
    name: &'static str,
    beside: &'static str,
    most: f64,
    took: fn(&Run) -> Option<f64>,
    other: fn(&Run) -> Option<f64>,
}

const STEPS: [Step; 4] = [
    Step {
        name: "unlock",
        beside: "PBKDF2 alone, 600,000 iterations",
        most: 700.0,
        took: |run| Some(run.unlock),
        other: |run| Some(run.bare),
    },
    Step {
        name: "first page of 100 rows, unlocked",
        beside: "the same, unsealed",
        most: 100.0,
        took: |run| Some(run.page),
        other: |run| Some(run.unsealed),
    },
    Step { name: "lock, in both of two tabs", beside: "", most: 1000.0, took: |run| Some(run.lock), other: |_| None },
    Step {
        name: "erase",
        beside: "deleteDatabase() of a copy",
        most: 1000.0,
        took: |run| run.erase,
        other: |run| run.twin,
    },
];

/// One line to the browser.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    relay: &'a str,
    user: &'a str,
    password: &'a str,
    account: &'a str,
    /// The account that has the same, unsealed.
    plain: &'a str,
    fill: bool,
    unsealed: bool,
    worker: bool,
    erase: bool,
    /// Whether the database of nobody is deleted before ours.
    twin_first: bool,
}

/// What filling came to.
#[derive(Deserialize)]
struct Filled {
    retrieved: u32,
    /// What the browser counts for the whole origin, in octets.
    usage: f64,
}

/// What a run took, in milliseconds.
#[derive(Deserialize)]
struct Run {
    unlock: f64,
    bare: f64,
    page: f64,
    unsealed: f64,
    lock: f64,
    erase: Option<f64>,
    twin: Option<f64>,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let runs = std::env::var("POPLAR_BENCH_RUNS").map_or(Ok(RUNS), |runs| runs.parse())?;
    // Cargo says `--bench`, too.
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &&Part| only.is_empty() || only.iter().any(|only| only == part.name);
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    println!("Medians of {runs} runs, in the page and in a worker in turn\n");
    for part in PARTS.iter().filter(wanted) {
        deliver(&dovecot, part)?;
        // A browser of its own: what another mailbox has left in its tables is not asked about.
        let mut browser = Browser::start("lock.mjs", &relay.origin())?;
        let seen = turns(&mut browser, &relay.tunnel("mail"), part, runs)?;
        browser.end()?;
        print(part, &seen);
    }
    Ok(())
}

/// Fills both mailboxes, and runs everything so many times; whether each run was in a worker.
fn turns(browser: &mut Browser, relay: &str, part: &Part, runs: usize) -> Result<Vec<(bool, Run)>> {
    let request = Request {
        relay,
        user: part.name,
        password: PASSWORD,
        account: "sealed",
        plain: "unsealed",
        fill: false,
        unsealed: false,
        worker: false,
        erase: part.erase,
        twin_first: false,
    };
    for unsealed in [false, true] {
        let account = if unsealed { request.plain } else { request.account };
        let erase = part.erase && !unsealed;
        let filled: Filled = browser.run(&Request { fill: true, account, unsealed, erase, ..request })?;
        ensure!(filled.retrieved == part.messages, "{} of {} messages were retrieved", filled.retrieved, part.messages);
        if !unsealed {
            println!("{}: {:.0} MB by the browser's count", part.title, filled.usage / 1e6);
        }
    }
    let mut seen = Vec::new();
    for run in 0..runs {
        for worker in [false, true] {
            let twin_first = run % 2 == 1;
            seen.push((worker, browser.run(&Request { worker, twin_first, ..request })?));
        }
    }
    Ok(seen)
}

fn deliver(dovecot: &Dovecot, part: &Part) -> Result<()> {
    for number in 0..part.messages {
        let text = if part.octets == 0 {
            format!("From: desk@example.org\r\nSubject: {number}\r\n\r\nMessage {number}.\r\n").into_bytes()
        } else {
            messages::large(21, u64::from(number), part.octets).bytes
        };
        dovecot.deliver(part.name, &text)?;
    }
    Ok(())
}

fn print(part: &Part, seen: &[(bool, Run)]) {
    println!("| {} | median ms | spread | beside | median ms | ratio | target |", part.title);
    println!("|---|--:|--:|---|--:|--:|---|");
    for Step { name, beside, most, took, other } in STEPS {
        for in_worker in [false, true] {
            let runs = || seen.iter().filter(|(worker, _)| *worker == in_worker).map(|(_, run)| run);
            let Some((median, spread)) = figures(runs().filter_map(took)) else { continue };
            let place = if in_worker { "in a worker" } else { "in the page" };
            let peer = figures(runs().filter_map(other))
                .map_or(String::from(" | |"), |(peer, _)| format!("{beside} | {peer:.1} | {:.2}", median / peer));
            let verdict = if median < most { "met" } else { "MISSED" };
            println!("| {name}, {place} | {median:.1} | {spread} | {peer} | under {most:.0} ms: {verdict} |");
        }
    }
    println!();
}

/// The median, and the fastest and the slowest.
fn figures(runs: impl Iterator<Item = f64>) -> Option<(f64, String)> {
    let mut all: Vec<f64> = runs.collect();
    all.sort_by(f64::total_cmp);
    let (first, last, median) = (all.first()?, all.last()?, all.get(all.len() / 2)?);
    Some((*median, format!("{first:.1}–{last:.1}")))
}

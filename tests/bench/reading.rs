//! What a person waits for who reads, in a real Chromium: a message taken apart and opened, a list painted and scrolled. See
//! `tests/bench/README.md`.

#[allow(dead_code, reason = "another bench uses the rest of it")]
mod browser;
mod figures;

use std::fs;

use anyhow::{Result, ensure};
use browser::Browser;
use figures::{Table, Target};
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::messages;
use poplar_tests::relay::Relay;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Runs of which the median is taken; `POPLAR_BENCH_RUNS` names another number.
const RUNS: usize = 5;
/// What the largest messages of mail services come to.
const LARGE: usize = 25_000_000;
/// Messages of the long list.
const LIST: u32 = 100_000;
/// Messages that are searched.
const SEARCHED: u32 = 10_000;
/// Frames for which it is scrolled: five seconds.
const FRAMES: u32 = 300;

/// One line to the browser.
#[derive(Clone, Copy, Default, Serialize)]
struct Request<'a> {
    what: &'a str,
    relay: &'a str,
    user: &'a str,
    password: &'a str,
    file: &'a str,
    rows: u32,
    frames: u32,
    messages: u32,
}

/// What taking in and finding messages took, in milliseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Searched {
    index: f64,
    theirs: f64,
    find: f64,
    most: f64,
    their_find: f64,
    their_most: f64,
}

/// What a message took, in milliseconds.
#[derive(Deserialize)]
struct Parsed {
    octets: f64,
    parse: f64,
    decode: f64,
    peer: f64,
}

#[derive(Deserialize)]
struct Filled {
    retrieved: u32,
}

#[derive(Deserialize)]
struct Opened {
    ms: f64,
}

/// What a list took, in milliseconds; frames a second while it was scrolled, and the longest task of the page then, 0 where none
/// reached 50 ms.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    signed_in: f64,
    unlocked: f64,
    stretching: f64,
    fps: f64,
    task: f64,
}

/// The parts, in the order in which a message takes its way.
type Part = fn(&mut Bench) -> Result<()>;
const PARTS: [(&str, Part); 4] = [("parse", parse), ("search", search), ("open", open), ("list", list)];

struct Bench {
    browser: Browser,
    dovecot: Dovecot,
    relay: String,
    runs: usize,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let runs = std::env::var("POPLAR_BENCH_RUNS").map_or(Ok(RUNS), |runs| runs.parse())?;
    // Cargo says `--bench`, too.
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    println!("Medians of {runs} runs\n");
    let browser = Browser::start("reading.mjs", &relay.origin())?;
    let mut bench = Bench { browser, relay: relay.tunnel("mail"), dovecot, runs };
    for (name, part) in PARTS {
        if only.is_empty() || only.iter().any(|only| only == name) {
            part(&mut bench)?;
        }
    }
    bench.browser.end()
}

impl Bench {
    fn ask<Answer: DeserializeOwned>(&mut self, what: &str, user: &str) -> Result<Answer> {
        let Bench { browser, relay, .. } = self;
        browser.run(&Request {
            what,
            relay,
            user,
            password: PASSWORD,
            rows: LIST,
            frames: FRAMES,
            ..Request::default()
        })
    }

    /// Has a mailbox's messages on this computer.
    fn fill(&mut self, user: &str, messages: u32) -> Result<()> {
        let Filled { retrieved } = self.ask("fill", user)?;
        ensure!(retrieved == messages, "{retrieved} of {messages} messages were retrieved");
        Ok(())
    }
}

/// A message with one attachment, taken apart.
fn parse(bench: &mut Bench) -> Result<()> {
    const OURS: &str = "ours, down to each part's name, type and size";
    const DECODED: &str = "ours, with every attachment decoded";
    const PEER: &str = "postal-mime, which decodes";
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("message.eml");
    fs::write(&file, messages::large(21, 1, LARGE).bytes)?;
    let mut table = Table::new("a message of 25 MB taken apart, MB a second", 0, true);
    for _ in 0..bench.runs {
        let request = Request { what: "parse", file: &file.to_string_lossy(), ..Request::default() };
        let Parsed { octets, parse, decode, peer } = bench.browser.run(&request)?;
        for (name, ms) in [(OURS, parse), (DECODED, decode), (PEER, peer)] {
            table.push(name, octets / 1000.0 / ms);
        }
    }
    table.print(&[OURS, DECODED, PEER], &[PEER], DECODED, &[Target::Figure(200.0), Target::Times(3.0, PEER)]);
    Ok(())
}

/// 10,000 messages of some hundred words: taken in, and found with every letter that is typed.
fn search(bench: &mut Bench) -> Result<()> {
    const OURS: &str = "ours";
    const PEER: &str = "MiniSearch";
    let mut taken = Table::new("10,000 messages taken into the index, ms", 0, false);
    let mut usual = Table::new("a search among them, ms, the usual one", 2, false);
    let mut most = Table::new("the slowest", 1, false);
    for _ in 0..bench.runs {
        let request = Request { what: "search", messages: SEARCHED, ..Request::default() };
        let seen: Searched = bench.browser.run(&request)?;
        for (table, ours, theirs) in [
            (&mut taken, seen.index, seen.theirs),
            (&mut usual, seen.find, seen.their_find),
            (&mut most, seen.most, seen.their_most),
        ] {
            table.push(OURS, ours);
            table.push(PEER, theirs);
        }
    }
    taken.print(&[OURS, PEER], &[PEER], OURS, &[Target::Figure(1000.0)]);
    usual.print(&[OURS, PEER], &[PEER], OURS, &[Target::Figure(20.0)]);
    most.print(&[OURS, PEER], &[PEER], OURS, &[Target::Figure(20.0)]);
    Ok(())
}

/// A message of 25 MB, from the click on its row until its text is painted.
fn open(bench: &mut Bench) -> Result<()> {
    const OPEN: &str = "from the click on the row to the painted text";
    bench.dovecot.deliver("open", &messages::large(21, 1, LARGE).bytes)?;
    bench.fill("open", 1)?;
    let mut table = Table::new("a message of 25 MB opened in the page, ms", 0, false);
    for _ in 0..bench.runs {
        let Opened { ms } = bench.ask("open", "open")?;
        table.push(OPEN, ms);
    }
    table.print(&[OPEN], &[], OPEN, &[Target::Figure(300.0)]);
    Ok(())
}

/// A list of 100,000 messages: painted from a warm start, and scrolled.
fn list(bench: &mut Bench) -> Result<()> {
    const SIGNED_IN: &str = "from signing in, the server's answers included";
    const UNLOCKED: &str = "from unlocking";
    const STRETCHING: &str = "PBKDF2 alone, 600,000 iterations";
    const PAINT: &str = "unlocking less PBKDF2";
    const FPS: &str = "frames a second";
    const TASK: &str = "longest task, ms; 0 where none reaches 50";
    for number in 0..LIST {
        let text = format!("From: desk@example.org\r\nSubject: {number}\r\n\r\nMessage {number}.\r\n");
        bench.dovecot.deliver("list", text.as_bytes())?;
    }
    bench.fill("list", LIST)?;
    let mut paint = Table::new("first paint of a list of 100,000 messages, ms", 0, false);
    let mut frames = Table::new("the list scrolled by 10 rows a frame for 300 frames", 1, true);
    let mut tasks = Table::new("the same", 0, false);
    for _ in 0..bench.runs {
        let Listed { signed_in, unlocked, stretching, fps, task } = bench.ask("list", "list")?;
        for (name, ms) in
            [(SIGNED_IN, signed_in), (UNLOCKED, unlocked), (STRETCHING, stretching), (PAINT, unlocked - stretching)]
        {
            paint.push(name, ms);
        }
        frames.push(FPS, fps);
        tasks.push(TASK, task);
    }
    let rows = [SIGNED_IN, UNLOCKED, STRETCHING, PAINT];
    paint.print(&rows, &[STRETCHING], PAINT, &[Target::Figure(300.0)]);
    // A frame lost now and then is the machine's.
    frames.print(&[FPS], &[], FPS, &[Target::Figure(59.0)]);
    tasks.print(&[TASK], &[], TASK, &[Target::Figure(50.0)]);
    Ok(())
}

//! From one Dovecot over TLS into a database on disk, by the library in a real Chromium and by others: see `tests/bench/README.md`.

mod browser;
#[allow(dead_code, reason = "another bench uses the rest of it")]
mod peers;
#[allow(dead_code, reason = "another bench uses the rest of it")]
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use browser::{Browser, Request, Run};
use peers::{Onto, Peer, Place};
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::faults::{Plan, Proxy};
use poplar_tests::messages;
use poplar_tests::relay::{Relay, Upstream};
use table::{Figure, Row, Target};

/// Runs of which the median is taken; `POPLAR_BENCH_RUNS` names another number.
const RUNS: usize = 5;
/// A client that waits for every answer is measured with so many messages and so many, and the rest is a straight line.
const FEW: [u32; 2] = [20, 60];
/// Messages of the large maildrop, and how many new ones each run finds.
const KNOWN: u32 = 100_000;
const NEW: u32 = 10;
/// The most that the module's memory may be.
const MEMORY: f64 = 32.0 * 1024.0 * 1024.0;
/// What sealing may cost, as so many times what the same takes without.
const SEALED: f64 = 1.15;
/// The longest that the page may stand still, in milliseconds.
const TASK: f64 = 50.0;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let runs = std::env::var("POPLAR_BENCH_RUNS").map_or(Ok(RUNS), |runs| runs.parse())?;
    // Cargo says `--bench`, too.
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| only.is_empty() || only.iter().any(|only| only == part);
    let mut world = World::start().await?;
    println!("Medians of {runs} runs, clients in turn\n");
    if wants("small") {
        world.many_small(runs).await?;
    }
    if wants("large") {
        world.few_large(runs).await?;
    }
    if wants("known") {
        world.known(runs).await?;
    }
    world.browser.end()
}

/// Who retrieves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    /// The limit: signs in step by step, sends every RETR at once, and QUIT when everything has come; keeps nothing.
    Bare,
    /// The limit of a page: its WebSocket is read, and nothing is done with what comes.
    Drain,
    /// The library in a page, with a server that it meets for the first time …
    Page,
    /// … and with one that it knows from the run before.
    Known,
    /// The library in the page's worker, first meeting.
    Worker,
    /// In the page, first meeting, with a cipher that leaves everything as it is: what sealing costs, the key with it.
    Unsealed,
    /// In the page, unlocked, the second session of its account: the server is known and the key is there …
    Again,
    /// … and the same with that cipher: what sealing alone costs.
    AgainUnsealed,
    /// A program of somebody else's, into a Maildir.
    Peer(Peer, Onto),
}

impl Client {
    const ALL: [Client; 11] = [
        Client::Bare,
        Client::Drain,
        Client::Page,
        Client::Known,
        Client::Worker,
        Client::Unsealed,
        Client::Again,
        Client::AgainUnsealed,
        Client::Peer(Peer::Mpop, Onto::Disk),
        Client::Peer(Peer::Mpop, Onto::Memory),
        Client::Peer(Peer::Fetchmail, Onto::Disk),
    ];

    fn name(self) -> &'static str {
        match self {
            Client::Bare => "bare pipelined socket, keeps nothing",
            Client::Drain => "page with a WebSocket, keeps nothing",
            Client::Page => "Poplar in the page, first meeting",
            Client::Known => "Poplar in the page, known server",
            Client::Worker => "Poplar in a worker, first meeting",
            Client::Unsealed => "Poplar in the page, first meeting, unsealed",
            Client::Again => "Poplar in the page, server and key known",
            Client::AgainUnsealed => "Poplar in the page, the same, unsealed",
            Client::Peer(Peer::Mpop, Onto::Disk) => "mpop, Maildir on disk",
            Client::Peer(Peer::Mpop, Onto::Memory) => "mpop, Maildir in memory",
            Client::Peer(peer, _) => peer.name(),
        }
    }

    /// Whether its cipher leaves everything as it is.
    fn is_unsealed(self) -> bool {
        matches!(self, Client::Unsealed | Client::AgainUnsealed)
    }

    /// Whether what is measured is the second session of its account.
    fn is_second(self) -> bool {
        matches!(self, Client::Again | Client::AgainUnsealed)
    }

    /// Whether it asks for one message at a time, so that a round trip is paid for each.
    fn waits(self) -> bool {
        matches!(self, Client::Peer(Peer::Fetchmail | Peer::Poplib, _))
    }
}

/// Our rows in the order of the table.
const OURS: [Client; 4] = [Client::Page, Client::Known, Client::Worker, Client::Again];

/// Ours sealed, and the same unsealed.
const SEALED_BESIDE: [(Client, Client); 2] = [(Client::Page, Client::Unsealed), (Client::Again, Client::AgainUnsealed)];

/// One server, one relay, one browser, and the network between server and everybody.
struct World {
    dovecot: Dovecot,
    proxy: Proxy,
    relay: Relay,
    browser: Browser,
    /// Names the databases: each run has one of its own.
    accounts: u32,
    /// Numbers the messages of [`World::fill_tiny`].
    tiny: u32,
    /// The browser's runs since the last table.
    seen: Vec<(Client, Run)>,
}

impl World {
    async fn start() -> Result<World> {
        let dovecot = Dovecot::start().await?;
        let proxy = Proxy::start(dovecot.pop3s_address()).await?;
        let url = format!("pop3s://{}", proxy.address());
        let relay = Relay::start(&[Upstream::new("mail", url, dovecot.ca())], &[]).await?;
        let browser = Browser::start("sync.mjs", &relay.origin())?;
        let mut world = World { dovecot, proxy, relay, browser, accounts: 0, tiny: 0, seen: Vec::new() };
        // The page that is to know the server meets it, and the browser has started everything that it starts once.
        world.fill("first", 20, 10_000)?;
        world.run(Client::Known, "first", 20).await?;
        world.seen.clear();
        Ok(world)
    }

    /// 1000 messages of 10 kB, at no round trip and at one of 50 ms.
    async fn many_small(&mut self, runs: usize) -> Result<()> {
        for count in [1000].into_iter().chain(FEW) {
            self.fill(&small(count), count, 10_000)?;
        }
        for delay in [0, 50] {
            self.proxy.set(Plan { delay_ms: delay / 2, ..Plan::default() });
            let title = format!("1000 × 10 kB, {delay} ms");
            let rows = self.turns(&Client::ALL, runs, &small(1000), 1000, delay > 0).await?;
            let mpop = Client::Peer(Peer::Mpop, Onto::Disk).name();
            self.print(&title, &rows, mpop, &|ours| Target { ours, other: mpop, most: 1.0 });
        }
        self.proxy.set(Plan::default());
        Ok(())
    }

    /// 20 messages of 25 MB.
    async fn few_large(&mut self, runs: usize) -> Result<()> {
        self.fill("large", 20, 25_000_000)?;
        // Nobody's memory is what is asked about here, and 500 MB in it would be the machine's. A key is made in a small part of the time
        // that this takes, and a second session would need 500 MB more on the server for each run.
        let is_asked = |client: &Client| !client.is_second() && !matches!(client, Client::Peer(_, Onto::Memory));
        let all: Vec<Client> = Client::ALL.into_iter().filter(is_asked).collect();
        let rows = self.turns(&all, runs, "large", 20, false).await?;
        let bare = Client::Bare.name();
        let mpop = Client::Peer(Peer::Mpop, Onto::Disk).name();
        self.print("20 × 25 MB, 0 ms", &rows, mpop, &|ours| Target { ours, other: bare, most: 1.5 });
        Ok(())
    }

    /// 10 new messages in a maildrop of 100,000 that are stored already, each really retrieved once.
    async fn known(&mut self, runs: usize) -> Result<()> {
        let (user, account) = ("known", "known");
        self.fill_tiny(user, KNOWN)?;
        // The server puts its index in order at the first look, and that is not what is asked about.
        peers::listing(&self.place(user, Onto::Memory)).await?;
        let first = self.in_browser(Client::Page, user, account, true)?.context("a page is always there")?;
        ensure!(first.retrieved == KNOWN, "{} of {KNOWN} messages were retrieved", first.retrieved);
        println!("{KNOWN} messages for the first time, in the page: {:.1} s\n", first.took().as_secs_f64());
        self.seen.clear();

        let [session, answers] = ["bare socket, a session with UIDL and LIST", "of that, the two answers"];
        let ours = [Client::Page, Client::Worker];
        let mut rows: Vec<Row> = [session, answers].into_iter().chain(ours.map(Client::name)).map(Row::new).collect();
        for _ in 0..runs {
            for client in ours {
                self.fill_tiny(user, NEW)?;
                // Who comes first after a delivery finds the server with work to do, and that is us.
                let Some(run) = self.in_browser(client, user, account, true)? else { continue };
                ensure!(run.retrieved == NEW, "{} of {NEW} new messages were retrieved", run.retrieved);
                let (whole, alone) = peers::listing(&self.place(user, Onto::Memory)).await?;
                for (name, took) in [(client.name(), run.took()), (session, whole), (answers, alone)] {
                    rows.iter_mut().filter(|row| row.is(name)).for_each(|row| row.push(took));
                }
            }
        }
        rows.retain(Row::has_figure);
        self.print("100,000 known, 10 new", &rows, answers, &|ours| Target { ours, other: session, most: 2.0 });
        Ok(())
    }

    /// The table of what was measured, and what was seen in the browser meanwhile.
    fn print(&mut self, title: &str, rows: &[Row], beside: &'static str, target: &dyn Fn(&'static str) -> Target) {
        let ours = OURS.into_iter().map(Client::name).filter(|name| rows.iter().any(|row| row.is(name)));
        let mut targets: Vec<Target> = ours.map(target).collect();
        let beside_sealed = SEALED_BESIDE.map(|(sealed, unsealed)| (sealed.name(), unsealed.name()));
        for (ours, other) in beside_sealed.into_iter().filter(|(_, other)| rows.iter().any(|row| row.is(other))) {
            targets.push(Target { ours, other, most: SEALED });
        }
        let first = rows.first().map_or("", Row::name);
        table::print(title, rows, &[Client::Page.name(), beside, first], &targets);
        println!("| in the browser, most of all runs | longest task, ms | timer at most late, ms | wasm memory, MiB |");
        println!("|---|--:|--:|--:|");
        for client in OURS {
            let runs: Vec<&Run> = self.seen.iter().filter(|(whose, _)| *whose == client).map(|(_, run)| run).collect();
            let most = |of: fn(&Run) -> f64| runs.iter().map(|run| of(run)).fold(0.0, f64::max);
            if !runs.is_empty() {
                let (task, gap, memory) = (most(|run| run.task), most(|run| run.gap), most(|run| run.memory));
                let task_text = if task == 0.0 { "under 50".to_owned() } else { format!("{task:.0}") };
                println!("| {} | {task_text} | {gap:.0} | {:.1} |", client.name(), memory / 1_048_576.0);
            }
        }
        let verdict = |good| if good { "met" } else { "MISSED" };
        // An embedder may have the client in the page; the page of this repository has it in a worker.
        let in_worker = self.seen.iter().filter(|(client, _)| *client == Client::Worker);
        let blocked = in_worker.map(|(_, run)| run.task).fold(0.0, f64::max);
        let memory = self.seen.iter().map(|(_, run)| run.memory).fold(0.0, f64::max);
        println!("target: no task of {TASK} ms where the client is in a worker: {}", verdict(blocked < TASK));
        // How much a table of 100,000 rows takes is another question.
        if title.contains("MB") {
            println!("target: wasm memory under 32 MiB: {:.1}, {}", memory / 1_048_576.0, verdict(memory < MEMORY));
        }
        println!();
        self.seen.clear();
    }

    /// Delivers messages of one length.
    fn fill(&self, user: &str, count: u32, octets: usize) -> Result<()> {
        for number in 0..count {
            self.dovecot.deliver(user, &messages::large(21, u64::from(number), octets).bytes)?;
        }
        Ok(())
    }

    /// Delivers messages of two lines, each another.
    fn fill_tiny(&mut self, user: &str, count: u32) -> Result<()> {
        for _ in 0..count {
            self.tiny += 1;
            let text = format!("From: desk@example.org\r\nSubject: {0}\r\n\r\nMessage {0}.\r\n", self.tiny);
            self.dovecot.deliver(user, text.as_bytes())?;
        }
        Ok(())
    }

    /// Every client in turn, so many times. `scaled`: who waits for every answer is measured with fewer messages.
    async fn turns(&mut self, all: &[Client], runs: usize, user: &str, count: u32, scaled: bool) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = all.iter().map(|client| Row::new(client.name())).collect();
        for _ in 0..runs {
            for (client, row) in all.iter().zip(&mut rows) {
                if !(scaled && client.waits())
                    && let Some(took) = self.run(*client, user, count).await?
                {
                    row.push(took);
                }
            }
        }
        for (client, row) in all.iter().zip(&mut rows).filter(|(client, _)| scaled && client.waits()) {
            let [few, more] = FEW;
            let short = self.run(*client, &small(few), few).await?.unwrap_or_default();
            let long = self.run(*client, &small(more), more).await?.unwrap_or_default();
            row.set(Figure::Scaled(short + long.saturating_sub(short) / (more - few) * (count - few)));
        }
        rows.retain(Row::has_figure);
        Ok(rows)
    }

    /// One run; the server must have sent every message, once, and the client must have it. `None` where there is no such client.
    async fn run(&mut self, client: Client, user: &str, count: u32) -> Result<Option<Duration>> {
        self.accounts += 1;
        let account = format!("run {}", self.accounts);
        let own = if client.is_second() { Some(self.second(client, &account, count).await?) } else { None };
        let user = own.as_deref().unwrap_or(user);
        let before = self.dovecot.ended_sessions(user)?;
        let (took, got) = match client {
            Client::Bare => {
                let (place, start) = (self.place(user, Onto::Memory), Instant::now());
                let got = peers::bare(&place, count, false).await?;
                (start.elapsed(), got)
            }
            Client::Peer(peer, onto) => {
                let place = self.place(user, onto);
                tokio::task::spawn_blocking(move || peer.run(&place)).await??
            }
            Client::Page
            | Client::Known
            | Client::Worker
            | Client::Unsealed
            | Client::Again
            | Client::AgainUnsealed => {
                let Some(run) = self.in_browser(client, user, &account, false)? else { return Ok(None) };
                (run.took(), run.retrieved)
            }
            Client::Drain => {
                let relay = &self.relay.tunnel("mail");
                let run: Run = self.browser.run(&Request {
                    relay,
                    user,
                    password: PASSWORD,
                    fresh: true,
                    drain: count,
                    ..Request::default()
                })?;
                (run.took(), run.retrieved)
            }
        };
        ensure!(got == count, "{} has {got} messages of {count}", client.name());
        let sessions = self.dovecot.sessions(user, before + 1).await?;
        let sent = sessions.last().context("no session")?.retr;
        ensure!(sent == u64::from(count), "{}: the server sent {sent} messages of {count}", client.name());
        Ok(Some(took))
    }

    /// A maildrop of its own for a second session: one message was retrieved in a first, and so many are new; its user.
    async fn second(&mut self, client: Client, account: &str, count: u32) -> Result<String> {
        let user = format!("second-{account}").replace(' ', "-");
        self.fill(&user, 1, 9_000)?;
        let first = if client.is_unsealed() { Client::Unsealed } else { Client::Page };
        let run = self.in_browser(first, &user, account, true)?.context("a page is always there")?;
        self.seen.pop();
        ensure!(run.retrieved == 1, "{} messages were retrieved of one", run.retrieved);
        self.fill(&user, count, 10_000)?;
        // Nobody else comes first after a delivery, when the server has its index to put in order.
        peers::listing(&self.place(&user, Onto::Memory)).await?;
        self.dovecot.sessions(&user, 2).await?;
        Ok(user)
    }

    /// A sync in the browser; `None` where it was to be in a worker and there is none.
    fn in_browser(&mut self, client: Client, user: &str, account: &str, keep: bool) -> Result<Option<Run>> {
        let request = Request {
            relay: &self.relay.tunnel("mail"),
            user,
            password: PASSWORD,
            account,
            worker: client == Client::Worker,
            unsealed: client.is_unsealed(),
            unlocked: client.is_second(),
            fresh: client != Client::Known,
            keep,
            drain: 0,
        };
        let run: Run = self.browser.run(&request)?;
        if client == Client::Worker && !run.worker {
            return Ok(None);
        }
        self.seen.push((client, run.clone()));
        Ok(Some(run))
    }

    fn place(&self, user: &str, onto: Onto) -> Place {
        Place { address: self.proxy.address(), ca: self.dovecot.ca(), user: user.to_owned(), onto }
    }
}

/// The account that has so many small messages.
fn small(count: u32) -> String {
    format!("has-{count}")
}

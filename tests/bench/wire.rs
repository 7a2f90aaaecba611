//! 1000 messages of 10 kB from one Dovecot over TLS, by every client, at several round trips: see `tests/bench/README.md`.

#[allow(dead_code, reason = "another bench uses the rest of it")]
mod peers;
#[allow(dead_code, reason = "another bench uses the rest of it")]
mod table;

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use peers::{Onto, Peer, Place};
use poplar_client::pop3::{Behaviour, Capabilities};
use poplar_client::sync::{Job, Retrieve};
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::driver::{self, Driver};
use poplar_tests::faults::{Plan, Proxy};
use poplar_tests::messages;
use poplar_tests::relay::{Relay, Upstream};
use table::{Figure, Row, Target};

/// What the table is about.
const MESSAGES: u32 = 1000;
const OCTETS: usize = 10_000;
/// Added round trips, in milliseconds.
const ROUND_TRIPS: [u64; 4] = [0, 20, 50, 100];
/// Runs of which the median is taken; `POPLAR_BENCH_RUNS` names another number.
const RUNS: usize = 5;
/// A client that waits for every answer is measured with so many messages and so many, and the rest is a straight line.
const FEW: [u32; 2] = [20, 60];
/// Targets: how many times another client's median ours may be.
const AGAINST_MPOP: f64 = 1.0;
const AGAINST_BARE: f64 = 1.5;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let runs = std::env::var("POPLAR_BENCH_RUNS").map_or(Ok(RUNS), |runs| runs.parse())?;
    let world = World::start().await?;
    println!(
        "{MESSAGES} messages of {} kB from Dovecot over TLS; medians of {runs} runs, clients in turn\n",
        OCTETS / 1000
    );
    for delay in ROUND_TRIPS {
        world.proxy.set(Plan { delay_ms: delay / 2, ..Plan::default() });
        let mut rows: Vec<Row> = Client::ALL.iter().map(|client| Row::new(client.name())).collect();
        for _ in 0..runs {
            for (client, row) in Client::ALL.into_iter().zip(&mut rows) {
                if delay == 0 || !client.waits() {
                    row.push(world.run(client, MESSAGES).await?);
                }
            }
        }
        for (client, row) in Client::ALL.into_iter().zip(&mut rows) {
            if row.is_empty() {
                row.set(world.scaled(client).await?);
            }
        }
        let ours = [Client::Ours.name(), Client::Again.name()];
        let (mpop, bare) = (Client::Peer(Peer::Mpop).name(), Client::Bare.name());
        let [against_mpop, against_bare] = [(mpop, AGAINST_MPOP), (bare, AGAINST_BARE)]
            .map(|(other, most)| ours.map(|ours| Target { ours, other, most }));
        let targets = [against_mpop, against_bare].concat();
        table::print(&format!("round trip {delay} ms"), &rows, &[ours[0], mpop, bare], &targets);
    }
    Ok(())
}

/// Who retrieves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    /// The limit: signs in step by step, sends every RETR at once, and QUIT when everything has come.
    Bare,
    /// What waits for no answer at all: faster, and at the price of mail.
    Reckless,
    /// The engine through the relay, with a server that it meets for the first time …
    Ours,
    /// … and with one that it knows from a session before.
    Again,
    /// A program of somebody else's.
    Peer(Peer),
}

impl Client {
    const ALL: [Client; 7] = [
        Client::Bare,
        Client::Reckless,
        Client::Ours,
        Client::Again,
        Client::Peer(Peer::Mpop),
        Client::Peer(Peer::Fetchmail),
        Client::Peer(Peer::Poplib),
    ];

    fn name(self) -> &'static str {
        match self {
            Client::Bare => "bare pipelined socket",
            Client::Reckless => "the same, waiting for nothing",
            Client::Ours => "Poplar, first meeting",
            Client::Again => "Poplar, known server",
            Client::Peer(peer) => peer.name(),
        }
    }

    /// Whether it asks for one message at a time, so that a round trip is paid for each.
    fn waits(self) -> bool {
        matches!(self, Client::Peer(Peer::Fetchmail | Peer::Poplib))
    }
}

/// One server, one relay, and the network between them and everybody.
struct World {
    dovecot: Dovecot,
    proxy: Proxy,
    relay: Relay,
}

impl World {
    async fn start() -> Result<World> {
        let dovecot = Dovecot::start().await?;
        for count in [MESSAGES].into_iter().chain(FEW) {
            for number in 0..count {
                dovecot.deliver(&user(count), &messages::large(21, u64::from(number), OCTETS).bytes)?;
            }
        }
        let proxy = Proxy::start(dovecot.pop3s_address()).await?;
        let url = format!("pop3s://{}", proxy.address());
        let relay = Relay::start(&[Upstream::new("mail", url, dovecot.ca())], &[]).await?;
        Ok(World { dovecot, proxy, relay })
    }

    /// One run; the server must have sent every message, once, and the client must have it.
    async fn run(&self, client: Client, count: u32) -> Result<Duration> {
        let user = user(count);
        let before = self.dovecot.ended_sessions(&user)?;
        let place =
            Place { address: self.proxy.address(), ca: self.dovecot.ca(), user: user.clone(), onto: Onto::Memory };
        let (took, got) = match client {
            Client::Bare | Client::Reckless => bare(&place, count, client == Client::Reckless).await?,
            Client::Ours | Client::Again => {
                let driver = Driver::of(&self.relay, "mail", &user, PASSWORD);
                let known = Behaviour {
                    capabilities: Some(Capabilities { pipelining: true, user: true, ..Capabilities::default() }),
                    pipelining: Some(true),
                    ..Behaviour::default()
                };
                let known = if client == Client::Again { known } else { Behaviour::default() };
                tokio::task::spawn_blocking(move || ours(&driver, known)).await??
            }
            Client::Peer(peer) => tokio::task::spawn_blocking(move || peer.run(&place)).await??,
        };
        ensure!(got == count, "{} has {got} messages of {count}", client.name());
        let sessions = self.dovecot.sessions(&user, before + 1).await?;
        let sent = sessions.last().context("no session")?.retr;
        ensure!(sent == u64::from(count), "{}: the server sent {sent} messages of {count}", client.name());
        Ok(took)
    }

    /// What [`MESSAGES`] would take, from two runs with fewer.
    async fn scaled(&self, client: Client) -> Result<Figure> {
        let [few, more] = FEW;
        let short = self.run(client, few).await?;
        let long = self.run(client, more).await?;
        let each = long.saturating_sub(short) / (more - few);
        Ok(Figure::Scaled(short + each * (MESSAGES - few)))
    }
}

/// The bare socket, once more where the server lost the end. To a client that waits for nothing Dovecot 2.3.19 does over TLS, in 4 of
/// 1000 runs on a loaded machine, with or without the proxy between: it ends the session in order while the tail of the last message
/// is still unsent, because QUIT has been read.
async fn bare(place: &Place, count: u32, reckless: bool) -> Result<(Duration, u32)> {
    let mut got = 0;
    for _ in 0..3 {
        let start = Instant::now();
        got = peers::bare(place, count, reckless).await?;
        if got == count {
            return Ok((start.elapsed(), got));
        }
    }
    Ok((Duration::ZERO, got))
}

/// The account that has so many messages.
fn user(count: u32) -> String {
    format!("has-{count}")
}

/// The engine, from opening the tunnel to QUIT; how long that took, and how many messages are stored.
fn ours(driver: &Driver, known: Behaviour) -> Result<(Duration, u32)> {
    driver::run(async {
        let table = driver::table();
        let known = Cell::new(known);
        let start = Instant::now();
        let report = driver.run_knowing(&known, &table, Job::Sync(Retrieve::All.into())).await?;
        Ok((start.elapsed(), report.retrieved))
    })
}

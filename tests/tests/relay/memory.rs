//! What clients can make the relay hold: next to nothing. Measured as the process's proportional set size (proc_pid_smaps(5)), of
//! which only memory of its own counts: how much of the program's file is laid to its charge changes with every other relay that
//! starts or ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use poplar_tests::relay::{Relay, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::support::{
    BINARY, CLOSE, CONTINUATION, Connection, Duplex, FIN, PING, Peer, Trust, connect, frame, request, say, soon, tunnel,
};

/// What one tunnel may move the relay by, whatever its client does.
const PER_TUNNEL: u64 = 256 << 10;

/// What a client that reads nothing may, of that much that is offered to it.
const NOTHING: u64 = 1 << 20;
const OFFERED: u64 = 900_000_000;

/// Tunnels at once of each behaviour.
const TUNNELS: u64 = 50;

/// The largest message there may be.
const LARGEST: usize = 64 << 10;

/// What a client that reads nothing lets its system hold for it.
const RECEIVING: u32 = 4 << 10;

/// How often is looked, and for how many looks nothing may have moved before everything stands.
const LOOK: Duration = Duration::from_millis(20);
const STILL: u32 = 25;

#[tokio::test]
async fn a_client_that_never_reads_is_offered_900_mb_and_costs_nothing() -> Result<()> {
    for trust in [None, Some(Trust::new()?)] {
        let (sent, arguments) = (Counter::default(), trust.as_ref().map(Trust::flags).unwrap_or_default());
        let (offered, tunnels) = (sent.clone(), AtomicU64::new(0));
        let peer = Peer::start(trust.as_ref(), move |connection| {
            // The first is there for the relay to touch what it has, and not for what it would hold.
            let all = if tunnels.fetch_add(1, Relaxed) == 0 { LARGEST as u64 } else { OFFERED };
            flood(connection, offered.clone(), all)
        })?;
        let relay = peer.relay(&arguments).await?;
        drop(never_read(&relay, trust.as_ref(), &sent).await?);
        let before = pss(&relay)?;
        sent.0.store(0, Relaxed);
        let (_tunnel, most) = most_during(&relay, never_read(&relay, trust.as_ref(), &sent)).await?;
        let (taken, grown) = (sent.get(), most.saturating_sub(before));
        say(&format!("never reads: {grown} octets more, {taken} of {OFFERED} taken by all sockets on the way"));
        ensure!(grown < NOTHING, "the relay grew by {grown} octets");
        // Two sockets' buffers, at most 6 MiB each by Linux's defaults, and 32 where a system is tuned for more.
        ensure!((1..OFFERED / 8).contains(&taken), "the upstream was not held up: {taken} octets were taken");
    }
    Ok(())
}

#[tokio::test]
async fn a_frame_of_60_mb_is_refused_by_its_head_and_held_nowhere() -> Result<()> {
    for trust in [None, Some(Trust::new()?)] {
        let peer = Peer::start(trust.as_ref(), |connection| serve(Behaviour::Idle, connection, Counter::default()))?;
        let relay = peer.relay(&trust.as_ref().map(Trust::flags).unwrap_or_default()).await?;
        drop(tunnel(&relay, trust.as_ref(), None).await?);
        let before = pss(&relay)?;
        let sending = async {
            let (mut from, mut to) = tokio::io::split(tunnel(&relay, trust.as_ref(), None).await?);
            let frame = frame(FIN | BINARY, &[b'u'; 60_000_000]);
            // An honest client would stop where it is told to; this one goes on for as long as anybody takes it.
            let all = async {
                let _ = to.write_all(&frame).await;
            };
            let mut close = [0; 4];
            let ((), read) = tokio::join!(all, soon(from.read_exact(&mut close)));
            read??;
            anyhow::Ok(close)
        };
        let (close, most) = most_during(&relay, sending).await?;
        // A close frame, the length of its payload, and its code.
        ensure!(close[0] == FIN | CLOSE && close[2..] == 1009_u16.to_be_bytes(), "{close:?}");
        let grown = most.saturating_sub(before);
        say(&format!("60 MB in a frame: {grown} octets more"));
        ensure!(grown < NOTHING, "the relay grew by {grown} octets");
    }
    Ok(())
}

/// Opens a tunnel, reads nothing, and waits until nothing moves any more.
async fn never_read(relay: &Relay, trust: Option<&Trust>, sent: &Counter) -> Result<Box<dyn Duplex>> {
    let tunnel = tunnel(relay, trust, Some(RECEIVING)).await?;
    sent.still().await;
    Ok(tunnel)
}

/// What a client does to a relay, and its upstream beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    /// Nothing at all: what a tunnel costs that nobody abuses.
    Idle,
    /// Reads nothing of what an upstream sends without end.
    NeverReads,
    /// Sends the largest messages to an upstream that reads nothing.
    SendsToNobody,
    /// Sends a message in as many fragments as it has octets, but for the last.
    TinyFragments,
    /// Begins a message by a fragment without an octet, and goes on so.
    EmptyFragments,
    /// Sends pings and reads no pong.
    FloodsOfPings,
    /// Sends half of a largest frame.
    HalfAFrame,
    /// Sends a largest frame but for its last octet, in small pieces.
    AllButOneOctet,
    /// Sends what it can behind its handshake while the relay still dials.
    SendsWhileDialling,
    /// Reads nothing of an endless upstream that reads nothing either, and sends the largest messages, then pings.
    Everything,
}

const BEHAVIOURS: [Behaviour; 10] = [
    Behaviour::Idle,
    Behaviour::NeverReads,
    Behaviour::SendsToNobody,
    Behaviour::TinyFragments,
    Behaviour::EmptyFragments,
    Behaviour::FloodsOfPings,
    Behaviour::HalfAFrame,
    Behaviour::AllButOneOctet,
    Behaviour::SendsWhileDialling,
    Behaviour::Everything,
];

#[tokio::test]
async fn no_behaviour_moves_a_tunnel_above_256_kib() -> Result<()> {
    moved_by_each(None).await
}

#[tokio::test]
async fn no_behaviour_moves_a_tunnel_above_256_kib_under_tls() -> Result<()> {
    moved_by_each(Some(Trust::new()?)).await
}

async fn moved_by_each(trust: Option<Trust>) -> Result<()> {
    let trust = trust.map(Arc::new);
    let how = if trust.is_some() { "wss and an upstream over TLS" } else { "ws and an upstream in the clear" };
    let mut above = Vec::new();
    for behaviour in BEHAVIOURS {
        let moved = moved_by(behaviour, trust.clone()).await.with_context(|| format!("{behaviour:?}, {how}"))?;
        say(&format!("{:6.1} KiB a tunnel: {behaviour:?}, {how}", moved as f64 / 1024.0));
        if moved >= PER_TUNNEL {
            above.push((behaviour, moved));
        }
    }
    ensure!(above.is_empty(), "octets a tunnel: {above:?}");
    Ok(())
}

/// By how many octets a tunnel of that behaviour moves the relay, of many that do the same at once.
async fn moved_by(behaviour: Behaviour, trust: Option<Arc<Trust>>) -> Result<u64> {
    let moved = Counter::default();
    let progress = moved.clone();
    let peer = Peer::start(trust.as_deref(), move |connection| serve(behaviour, connection, progress.clone()))?;
    // Takes connections and says nothing: a handshake that does not come.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let dead = Upstream::new("dead", format!("pop3s://{}", silent.local_addr()?), None);
    let mut arguments = trust.as_deref().map(Trust::flags).unwrap_or_default();
    arguments.extend(["--dial-timeout", "600"].map(String::from));
    let relay =
        Relay::start(&[peer.upstream(), dead], &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    drop(tunnel(&relay, trust.as_deref(), None).await?);
    let before = pss(&relay)?;

    let mut clients = JoinSet::new();
    let all = async {
        for _ in 0..TUNNELS {
            let stream = match behaviour {
                Behaviour::SendsWhileDialling => {
                    let mut stream = connect(&relay, trust.as_deref(), Some(RECEIVING)).await?;
                    stream.write_all(request(&relay, "dead").as_bytes()).await?;
                    stream
                }
                _ => tunnel(&relay, trust.as_deref(), Some(RECEIVING)).await?,
            };
            clients.spawn(behave(behaviour, stream, moved.clone()));
        }
        moved.still().await;
        anyhow::Ok(())
    };
    let ((), most) = most_during(&relay, all).await?;
    ensure!(clients.try_join_next().is_none(), "a client was turned away");
    ensure!(behaviour == Behaviour::Idle || moved.get() >= TUNNELS, "nothing was done");
    Ok(most.saturating_sub(before) / TUNNELS)
}

/// The upstream's part.
async fn serve(behaviour: Behaviour, mut connection: Connection, moved: Counter) {
    match behaviour {
        Behaviour::NeverReads | Behaviour::Everything => flood(connection, moved, u64::MAX).await,
        Behaviour::SendsToNobody => {
            let _open = connection;
            std::future::pending().await
        }
        _ => {
            let mut scrap = [0; 4096];
            while connection.stream().read(&mut scrap).await.is_ok_and(|read| read > 0) {}
        }
    }
}

/// Sends until so much is sent or it is cut off, and counts; reads nothing.
async fn flood(mut connection: Connection, sent: Counter, all: u64) {
    let piece = [b'x'; 16 << 10];
    let mut left = all;
    while left > 0 && connection.send(&piece).await.is_ok() {
        sent.add(piece.len());
        left = left.saturating_sub(piece.len() as u64);
    }
}

/// The client's part. Comes to no end, unless the relay ends the tunnel.
async fn behave(behaviour: Behaviour, mut stream: Box<dyn Duplex>, moved: Counter) {
    let largest = frame(FIN | BINARY, &[b'y'; LARGEST]);
    let ping = frame(FIN | PING, &[b'z'; 125]);
    let first = frame(BINARY, b"w");
    let pieces: Vec<Vec<u8>> = match behaviour {
        Behaviour::Idle | Behaviour::NeverReads => Vec::new(),
        Behaviour::SendsToNobody => vec![largest; 1000],
        Behaviour::TinyFragments => {
            let more = frame(CONTINUATION, b"v").repeat(100);
            [vec![first], vec![more; LARGEST / 100]].concat()
        }
        Behaviour::EmptyFragments => [vec![first], vec![frame(CONTINUATION, b"").repeat(100); 300]].concat(),
        Behaviour::FloodsOfPings => vec![ping.repeat(100); 200],
        Behaviour::HalfAFrame => vec![largest[..LARGEST / 2].to_vec()],
        Behaviour::AllButOneOctet => largest[..largest.len() - 1].chunks(50).map(<[u8]>::to_vec).collect(),
        Behaviour::SendsWhileDialling => vec![largest; 100],
        Behaviour::Everything => [vec![largest; 1000], vec![ping.repeat(100); 200]].concat(),
    };
    for piece in pieces {
        if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        moved.add(piece.len());
    }
    std::future::pending::<()>().await;
}

/// Octets that were moved, by all who move some.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Counter {
    fn add(&self, octets: usize) {
        self.0.fetch_add(octets as u64, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Waits until nothing moves any more. That something does not happen is no event: so it is looked for a while.
    async fn still(&self) {
        let (mut last, mut looks) = (self.get(), 0);
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while looks < STILL {
            ticks.tick().await;
            let now = self.get();
            looks = if now == last { looks + 1 } else { 0 };
            last = now;
        }
    }
}

/// Does `work`, and looks all the while how large the relay is: the result and the most.
async fn most_during<T>(relay: &Relay, work: impl Future<Output = Result<T>>) -> Result<(T, u64)> {
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut most = 0;
    loop {
        tokio::select! {
            done = &mut work => return Ok((done?, most.max(pss(relay)?))),
            _ = ticks.tick() => most = most.max(pss(relay)?),
        }
    }
}

/// The relay's proportional set size without files, in octets.
fn pss(relay: &Relay) -> Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", relay.id()?))?;
    let line =
        rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:")).context("the system tells no Pss_Anon")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

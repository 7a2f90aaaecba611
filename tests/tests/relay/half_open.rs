//! Handshakes that are begun and not ended: closed when their time is over, while others are served.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::support::{Connection, Peer, Trust, connect, request, say, soon, tunnel};

/// Connections of each shape, of which there are five in the clear and five under TLS.
const EACH: usize = 40;

/// The beginning of a TLS ClientHello of 512 octets (RFC 8446 §4.1.2): the record's head, the message's, and a little of it.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half-a-random";

#[tokio::test]
async fn half_open_handshakes_are_closed_while_others_are_served() -> Result<()> {
    all_closed(None).await
}

#[tokio::test]
async fn half_open_tls_handshakes_are_closed_while_others_are_served() -> Result<()> {
    all_closed(Some(Trust::new()?)).await
}

async fn all_closed(trust: Option<Trust>) -> Result<()> {
    let trust = trust.map(Arc::new);
    let trust = trust.as_deref();
    // The relay's own limit of 10 s, which is under what anything is waited for here, or a shorter one.
    let limit = if std::env::var_os("POPLAR_LONG").is_some() { "10" } else { "2" };
    let peer = Peer::start(None, |mut connection: Connection| async move {
        let _ = connection.send(b"+OK ready\r\n").await;
        let _ = connection.finish(true).await;
    })?;
    let mut arguments = trust.map(Trust::flags).unwrap_or_default();
    arguments.extend(["--header-timeout", limit, "--max-per-address", "1000"].map(String::from));
    let relay = peer.relay(&arguments).await?;

    let whole = request(&relay, "peer");
    let head = |octets: usize| whole.as_bytes().get(..octets).unwrap_or_default().to_vec();
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: {}", relay.address(), "x".repeat(15_000));
    // Inside of TLS, where there is TLS.
    let inside: Vec<Vec<u8>> = vec![head(0), head(1), head(whole.len() / 2), head(whole.len() - 1), long.into_bytes()];
    // Before it is there.
    let before: &[&[u8]] = if trust.is_some() { &[b"", b"\x16", HALF_A_HELLO, b"\x16\x03\x01"] } else { &[] };

    let mut waiting = JoinSet::new();
    for _ in 0..EACH {
        for part in before {
            waiting.spawn(closed(connect(&relay, None, None).await?, part.to_vec()));
        }
        for part in &inside {
            waiting.spawn(closed(connect(&relay, trust, None).await?, part.clone()));
        }
    }
    say(&format!("{} half-open handshakes, closed in {limit} s", waiting.len()));
    // Others are served meanwhile.
    let mut served = tunnel(&relay, trust, None).await.context("nobody else is served")?;
    let mut greeting = [0; 13];
    soon(served.read_exact(&mut greeting)).await??;
    assert!(greeting.ends_with(b"+OK ready\r\n"), "{greeting:?}");
    while let Some(end) = waiting.join_next().await {
        end??;
    }
    Ok(())
}

/// Sends a part of a handshake and waits until the relay closes; what it says before that is no tunnel.
async fn closed(mut stream: Box<dyn crate::support::Duplex>, part: Vec<u8>) -> Result<()> {
    stream.write_all(&part).await?;
    stream.flush().await?;
    let mut said = Vec::new();
    // An end is an end, also by a reset.
    let _ = soon(stream.read_to_end(&mut said)).await.with_context(|| format!("{} octets hold a place", part.len()))?;
    ensure!(!said.starts_with(b"HTTP/1.1 1") && !said.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&said));
    Ok(())
}

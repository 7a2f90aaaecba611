//! The last bytes before an upstream's end reach a client that reads slowly: all of them, and then the code that says how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use tokio::task::{JoinSet, yield_now};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::support::{Connection, Peer, Trust, count, soon, tunnel};

/// Octets before the end, the number of the connection included: more than a slow reader and the relay hold between them.
const OCTETS: usize = 300_000;

/// What a reader takes from the system at a time, and what the system holds for it.
const PIECE: usize = 1024;
const RECEIVING: u32 = 16 << 10;

/// Tunnels at once.
const AT_ONCE: usize = 25;

/// A body that shows a lost, doubled or foreign piece: each connection has its own.
fn body(number: usize) -> Vec<u8> {
    let mut body = number.to_be_bytes().to_vec();
    body.extend((body.len()..OCTETS).map(|at| (at / 251 + at * 7 + number) as u8));
    body
}

#[tokio::test]
async fn after_a_fin_in_the_clear() -> Result<()> {
    slow_readers(None, true, 1000, "over TCP").await
}

#[tokio::test]
async fn after_a_close_notify() -> Result<()> {
    slow_readers(Some(Trust::new()?), true, 1000, "over TLS").await
}

#[tokio::test]
async fn after_a_fin_without_close_notify() -> Result<()> {
    slow_readers(Some(Trust::new()?), false, 4500, "over TLS without close_notify").await
}

async fn slow_readers(trust: Option<Trust>, notify: bool, code: u16, what: &str) -> Result<()> {
    let count = count(100, 10_000, &format!("times {OCTETS} octets to a slow reader, {what}"));
    let number = Arc::new(AtomicUsize::new(0));
    let peer = Peer::start(trust.as_ref(), move |mut connection: Connection| {
        let number = number.fetch_add(1, Relaxed);
        async move {
            if connection.send(&body(number)).await.is_ok() {
                let _ = connection.finish(notify).await;
            }
        }
    })?;
    let relay = Arc::new(peer.relay(&[]).await?);
    let (mut running, mut done) = (JoinSet::new(), 0);
    for number in 0..count {
        if running.len() == AT_ONCE {
            running.join_next().await.context("none is running")???;
            done += 1;
        }
        let relay = relay.clone();
        running.spawn(async move {
            let end = read_slowly(tunnel(&relay, None, Some(RECEIVING)).await?).await?;
            ensure!(end == code, "tunnel {number} ended with {end}");
            Ok(())
        });
    }
    while let Some(read) = running.join_next().await {
        read??;
        done += 1;
    }
    assert_eq!(done, count);
    Ok(())
}

/// Reads in small pieces, each in a turn of its own, up to the close; its code.
async fn read_slowly(stream: Box<dyn crate::support::Duplex>) -> Result<u16> {
    let config = WebSocketConfig::default().read_buffer_size(PIECE);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    let mut received = Vec::with_capacity(OCTETS);
    loop {
        match soon(socket.next()).await.with_context(|| format!("stalled after {} octets", received.len()))? {
            Some(Ok(Message::Binary(bytes))) => received.extend_from_slice(&bytes),
            Some(Ok(Message::Close(Some(frame)))) => {
                let number = received.get(..8).and_then(|first| first.try_into().ok()).map(usize::from_be_bytes);
                let expected = body(number.context("there is not even a number")?);
                ensure!(received == expected, "{} of {OCTETS} octets, or others", received.len());
                return Ok(frame.code.into());
            }
            Some(Ok(_)) => {}
            other => bail!("{other:?} after {} octets", received.len()),
        }
        yield_now().await;
    }
}

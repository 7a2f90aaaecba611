//! Thousands of tunnels in which nothing happens, held at once; then all of them answer.

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::support::{
    BINARY, Connection, Duplex, FIN, PING, Peer, Trust, count, frame, raise_file_limit, soon, tunnel,
};

/// Handshakes at once.
const AT_ONCE: usize = 100;

/// What the relay and a dialogue of its tests need beside tunnels.
const SPARE: u64 = 500;

#[tokio::test]
async fn thousands_of_idle_tunnels_still_answer() -> Result<()> {
    let files = raise_file_limit()?;
    let count = count(1_000, 5_000, "idle tunnels");
    // Both ends of all of them are here.
    ensure!(
        files >= 2 * count as u64 + SPARE,
        "{files} open files are too few for {count} tunnels: raise the hard limit"
    );
    let trust = Trust::new()?;
    let peer = Peer::start(Some(&trust), |connection: Connection| async move { drop(answer(connection).await) })?;
    // So many handshakes at once may take a busy machine longer than the relay gives a stranger.
    let arguments =
        ["--max-tunnels", "10000", "--max-per-address", "10000", "--header-timeout", "60", "--dial-timeout", "60"];
    let arguments = arguments.map(String::from);
    let relay = peer.relay(&arguments).await?;

    let open = |_| async {
        let mut tunnel = tunnel(&relay, None, None).await?;
        expect(&mut tunnel, b"+OK ready\r\n").await?;
        anyhow::Ok(tunnel)
    };
    let mut tunnels: Vec<_> = stream::iter(0..count).map(open).buffer_unordered(AT_ONCE).try_collect().await?;
    assert_eq!(tunnels.len(), count);
    for (number, tunnel) in tunnels.iter_mut().enumerate() {
        tunnel.write_all(&frame(FIN | BINARY, format!("NOOP {number}\r\n").as_bytes())).await?;
    }
    for (number, tunnel) in tunnels.iter_mut().enumerate() {
        expect(tunnel, format!("+OK {number}\r\n").as_bytes()).await.with_context(|| format!("tunnel {number}"))?;
    }
    Ok(())
}

/// A server that answers each NOOP with what stands behind it.
async fn answer(mut connection: Connection) -> Result<()> {
    connection.send(b"+OK ready\r\n").await?;
    let mut stream = BufReader::with_capacity(512, connection.stream());
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let answer = line.replace("NOOP", "+OK");
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        line.clear();
    }
    Ok(())
}

/// Reads one message, which must be this one. A tunnel that has been idle for long is pinged.
async fn expect(tunnel: &mut Box<dyn Duplex>, expected: &[u8]) -> Result<()> {
    loop {
        let mut head = [0; 2];
        soon(tunnel.read_exact(&mut head)).await??;
        let mut message = vec![0; usize::from(head[1])];
        soon(tunnel.read_exact(&mut message)).await??;
        if head[0] != FIN | PING {
            ensure!(head[0] == FIN | BINARY && message == expected, "{head:?} {}", String::from_utf8_lossy(&message));
            return Ok(());
        }
    }
}

//! A loopback TCP proxy that does to a connection what networks do: cut, reset, stall, delay, refuse.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::PATIENCE;
use crate::port::Port;

/// What happens to connections accepted from now on. The default passes everything through.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Plan {
    /// Added to each direction, in milliseconds: half of the added round trip, of which a new connection costs one. A delay line,
    /// not a throttle.
    pub delay_ms: u64,
    /// Octets from the server that pass before the fault; on a TLS connection these are octets of TLS.
    pub after: u64,
    /// The fault, where there is to be one.
    pub then: Option<Fault>,
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Both sides see an orderly end (FIN) in the middle of things.
    Cut,
    /// The client sees a reset.
    Reset,
    /// Nothing comes any more, and nothing ends, until [`Proxy::release`].
    Stall,
}

/// The proxy. Dropping it ends all it carries.
pub struct Proxy {
    port: Port,
    target: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    state: watch::Sender<State>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    accepted: usize,
    /// Connections that met their fault.
    faults: usize,
    /// Raised by [`Proxy::release`]: stalls of earlier generations go on.
    generation: usize,
}

impl Proxy {
    /// Listens on a free port and carries everything to `target`.
    pub async fn start(target: SocketAddr) -> Result<Proxy> {
        let port = Port::reserve()?;
        let (state, _) = watch::channel(State::default());
        let mut proxy = Proxy { port, target, plan: Arc::default(), state, accepting: None };
        proxy.up()?;
        Ok(proxy)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Sets what happens to connections accepted from now on.
    pub fn set(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Lets stalled connections go on.
    pub fn release(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Stops listening and ends every connection: a connect is refused from here on.
    pub async fn down(&mut self) -> Result<()> {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        // A child that another thread is just starting has a copy of every descriptor until its exec, the listener's too.
        let refused = async {
            while TcpStream::connect(self.address()).await.is_ok() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, refused).await.context("somebody else listens on the proxy's port")
    }

    /// Listens again, on the same port.
    pub fn up(&mut self) -> Result<()> {
        ensure!(self.accepting.is_none(), "the proxy is up already");
        let listener = self.port.listen()?;
        self.accept(listener);
        Ok(())
    }

    /// How many connections were accepted until now.
    pub fn accepted(&self) -> usize {
        self.state.borrow().accepted
    }

    /// Waits until `count` connections have met their fault.
    pub async fn faults(&self, count: usize) -> Result<()> {
        let mut state = self.state.subscribe();
        let met = timeout(PATIENCE, state.wait_for(|state| state.faults >= count)).await;
        met.with_context(|| format!("{count} connections were to meet their fault, and did not"))??;
        Ok(())
    }

    fn accept(&mut self, listener: TcpListener) {
        let (plan, state, target) = (self.plan.clone(), self.state.clone(), self.target);
        self.accepting = Some(tokio::spawn(async move {
            // Dropped with this task, and with it every connection.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
                state.send_modify(|state| state.accepted += 1);
                connections.spawn(carry(client, target, plan, state.clone()));
            }
        }));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// One connection, until both directions have ended or the fault has struck.
async fn carry(client: TcpStream, target: SocketAddr, plan: Plan, state: watch::Sender<State>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let delay = Duration::from_millis(plan.delay_ms);
    // The client was let in at once; on a real network its handshake (SYN, SYN-ACK) takes a round trip before it may say anything.
    if !delay.is_zero() {
        sleep(2 * delay).await;
    }
    let limit = plan.then.map_or(u64::MAX, |_| plan.after);
    let mut up = JoinSet::new();
    up.spawn(direction(from_client, to_server, delay, u64::MAX));
    let End::Limit(from_server, to_client) = direction(from_server, to_client, delay, limit).await else {
        // The server has said all it will; the client may have more to say.
        up.join_next().await;
        return;
    };
    let generation = state.borrow().generation;
    state.send_modify(|state| state.faults += 1);
    match plan.then {
        Some(Fault::Stall) => {
            let mut released = state.subscribe();
            if released.wait_for(|state| state.generation > generation).await.is_ok() {
                direction(from_server, to_client, delay, u64::MAX).await;
            }
        }
        Some(Fault::Reset) => {
            let _ = to_client.as_ref().set_zero_linger();
            // Dropped in the usual way it would send an orderly end first.
            to_client.forget();
        }
        Some(Fault::Cut) | None => {}
    }
    up.shutdown().await;
}

/// How one direction ended.
enum End {
    /// End of file, or an error: the other end was told.
    Closed,
    /// The limit was reached, and both ends stand open.
    Limit(OwnedReadHalf, OwnedWriteHalf),
}

/// Carries up to `limit` octets one way, each `delay` later than it came.
async fn direction(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration, limit: u64) -> End {
    // As much as a long thick pipe holds: 16 MiB, so that the delay line does not become a throttle.
    let (line, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let reading = async move {
        let mut left = limit;
        while left > 0 {
            let mut chunk = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(16 * 1024)];
            let Ok(count @ 1..) = from.read(&mut chunk).await else { return None };
            chunk.truncate(count);
            left -= count as u64;
            if line.send((Instant::now() + delay, chunk)).await.is_err() {
                return None;
            }
        }
        Some(from)
    };
    let writing = async move {
        while let Some((at, chunk)) = due.recv().await {
            if !delay.is_zero() {
                sleep_until(at).await;
            }
            if to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        to
    };
    match tokio::join!(reading, writing) {
        (Some(from), to) => End::Limit(from, to),
        (None, mut to) => {
            let _ = to.shutdown().await;
            End::Closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says 100 octets, then echoes.
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(&[b'x'; 100]).await.unwrap();
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn everything(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    #[tokio::test]
    async fn without_a_plan_everything_passes_and_half_close_works() {
        let proxy = Proxy::start(server().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let bytes = everything(&mut stream).await.unwrap();
        assert_eq!(bytes.len(), 105);
        assert!(bytes.ends_with(b"hello"));
    }

    #[tokio::test]
    async fn cuts_and_resets_after_exactly_n_octets() {
        let proxy = Proxy::start(server().await).await.unwrap();
        proxy.set(Plan { after: 40, then: Some(Fault::Cut), ..Plan::default() });
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(everything(&mut stream).await.unwrap().len(), 40);
        proxy.set(Plan { after: 40, then: Some(Fault::Reset), ..Plan::default() });
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(everything(&mut stream).await.is_err());
        proxy.faults(2).await.unwrap();
    }

    #[tokio::test]
    async fn a_stall_ends_when_released() {
        let proxy = Proxy::start(server().await).await.unwrap();
        proxy.set(Plan { after: 40, then: Some(Fault::Stall), delay_ms: 1 });
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.faults(1).await.unwrap();
        let mut bytes = vec![0; 40];
        stream.read_exact(&mut bytes).await.unwrap();
        proxy.release();
        let mut rest = vec![0; 60];
        stream.read_exact(&mut rest).await.unwrap();
    }

    #[tokio::test]
    async fn down_refuses_and_up_serves_the_same_port() {
        let mut proxy = Proxy::start(server().await).await.unwrap();
        let mut open = TcpStream::connect(proxy.address()).await.unwrap();
        let mut greeting = [0; 100];
        open.read_exact(&mut greeting).await.unwrap();
        proxy.down().await.unwrap();
        assert!(matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)), "an open connection ends");
        assert!(TcpStream::connect(proxy.address()).await.is_err());
        proxy.up().unwrap();
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        again.read_exact(&mut greeting).await.unwrap();
    }
}

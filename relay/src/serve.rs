//! The relay as a running thing: listeners, the accept loop, one task per connection, and a clean end.

use crate::config::Config;
use crate::http::{self, Peer};
use crate::limits::{Limits, Place};
use crate::metrics::Metrics;
use crate::proxy;
use crate::tunnel::{self, End};
use crate::upstream::Upstream;
use crate::wire::{Prefixed, Wire};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections taken beside those of tunnels: pages being loaded, handshakes, health checks.
const SPARE_CONNECTIONS: usize = 512;

/// The same for one address. A browser opens at most six to one host (RFC 9112 §9.4 asks for few).
const SPARE_PER_ADDRESS: usize = 64;

/// Largest request head. Browsers send about 1 KiB; hyper's least is 8 KiB.
const MAX_HEAD: usize = 16 * 1024;

/// How long a connection may serve requests, and then finish the last: nobody holds a place by reading slowly. Tunnels, which
/// leave their connection when they are made, are not meant.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
const CONNECTION_FAREWELL: Duration = Duration::from_secs(60);

/// How long to wait when the system has no file left for a new connection: until others have ended.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(100);

/// How long tunnels get to say good-bye once their time to finish is over.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// How far the relay is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Open.
    Serving,
    /// Told to stop: not ready, no new tunnels, running ones may finish.
    Draining,
    /// Time is over: running tunnels are closed.
    Closing,
}

/// Everything that connections share.
pub(crate) struct Relay {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) tunnels: Limits,
    connections: Limits,
    sessions: AtomicU64,
    phase: watch::Sender<Phase>,
}

/// A relay that listens.
pub(crate) struct Server {
    relay: Arc<Relay>,
    listener: TcpListener,
    admin: Option<TcpListener>,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on: it is in use, not of this computer, or its port is reserved.
    pub(crate) async fn bind(config: Config) -> Result<Server, BindError> {
        let listener = bind(config.listen, "--listen").await?;
        let admin = match config.admin_listen {
            Some(address) => Some(bind(address, "--admin-listen").await?),
            None => None,
        };
        let (total, each) = (config.max_tunnels, config.max_per_address);
        let relay = Arc::new(Relay {
            metrics: Metrics::default(),
            tunnels: Limits::new(total, each),
            connections: Limits::new(
                total.saturating_add(SPARE_CONNECTIONS),
                if config.proxies.is_empty() { each.saturating_add(SPARE_PER_ADDRESS) } else { usize::MAX },
            ),
            sessions: AtomicU64::new(0),
            phase: watch::Sender::new(Phase::Serving),
            config,
        });
        Ok(Server { relay, listener, admin })
    }

    /// The address to open, with the port that was really taken.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.relay.config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", local_address(&self.listener, self.relay.config.listen))
    }

    /// Where metrics are, if they are served.
    pub(crate) fn admin_url(&self) -> Option<String> {
        let (listener, configured) = (self.admin.as_ref()?, self.relay.config.admin_listen?);
        Some(format!("http://{}/metrics", local_address(listener, configured)))
    }

    /// Serves until `stop` is done; then drains: running tunnels get the configured time to finish, and are closed after it.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let Server { relay, listener, admin } = self;
        let accepting = tokio::spawn(accept_all(relay.clone(), listener));
        let admin = admin.map(|listener| tokio::spawn(accept_admin(relay.clone(), listener)));
        stop.await;

        // The doors stay open while draining, so that balancers read "not ready" and browsers "draining" instead of nothing.
        relay.phase.send_replace(Phase::Draining);
        tracing::info!(tunnels = relay.tunnels.in_use(), "stopping: waiting for running tunnels");
        let all_gone = relay.phase.closed();
        if timeout(relay.config.timeouts.drain, all_gone).await.is_err() {
            relay.phase.send_replace(Phase::Closing);
            let _ = timeout(CLOSING_TIME, relay.phase.closed()).await;
        }
        accepting.abort();
        if let Some(admin) = admin {
            admin.abort();
        }
        tracing::info!("stopped");
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}. Choose another with {flag} ADDR, as in {flag} {}", another(.address))]
pub(crate) struct BindError {
    address: SocketAddr,
    flag: &'static str,
    error: io::Error,
}

impl Relay {
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Runs a tunnel to its end and accounts for it. The log has numbers, never who or what.
    pub(crate) async fn run_tunnel(
        &self,
        browser: tokio_tungstenite::WebSocketStream<Wire>,
        upstream: &Upstream,
        place: Place,
    ) {
        let session = self.sessions.fetch_add(1, Relaxed) + 1;
        let name = &upstream.name;
        tracing::info!(session, upstream = %name, "tunnel opened");
        self.metrics.opened.fetch_add(1, Relaxed);
        let started = Instant::now();

        let mut phase = self.phase.subscribe();
        let closing = async {
            // The sender lives as long as the relay.
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
        };
        let report = tunnel::run(browser, upstream, self.config.timeouts, closing).await;
        drop(place);

        self.metrics.to_browsers.fetch_add(report.to_browser, Relaxed);
        self.metrics.to_upstreams.fetch_add(report.to_upstream, Relaxed);
        let (close, reason) = match &report.end {
            End::Ours(close, reason) => (Some(*close), reason.as_ref()),
            End::Browser => (None, "the browser left"),
        };
        self.metrics.ended(close);
        tracing::info!(
            session,
            upstream = %name,
            close = close.map(|close| close.code()),
            reason,
            to_browser = report.to_browser,
            to_upstream = report.to_upstream,
            seconds = started.elapsed().as_secs(),
            "tunnel ended",
        );
    }
}

async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { address, flag, error })
}

/// An address that is likely to be free.
fn another(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8110))
}

fn local_address(listener: &TcpListener, configured: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(configured)
}

/// Accepts connections and gives each a task and a place.
async fn accept_all(relay: Arc<Relay>, listener: TcpListener) {
    loop {
        let (tcp, socket) = accept(&listener).await;
        match relay.connections.take(socket.ip()) {
            Ok(place) => {
                tokio::spawn(connection(relay.clone(), tcp, socket, place));
            }
            Err(full) => {
                relay.metrics.refused_connections.fetch_add(1, Relaxed);
                tracing::debug!(?full, "connection refused");
            }
        }
    }
}

/// The same for the admin address. Few are expected there; they are not counted against anybody.
async fn accept_admin(relay: Arc<Relay>, listener: TcpListener) {
    loop {
        let (tcp, _) = accept(&listener).await;
        let relay = relay.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let relay = relay.clone();
                async move { Ok::<_, Infallible>(http::answer_admin(relay, request).await) }
            });
            let _ = http1(&relay).serve_connection(TokioIo::new(tcp), service).await;
        });
    }
}

/// Waits for a connection, whatever happens to others before it.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(OUT_OF_FILES_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection: what a proxy announces, TLS, requests, and at last perhaps a tunnel, which gets a task of its own.
async fn connection(relay: Arc<Relay>, tcp: TcpStream, socket: SocketAddr, place: Place) {
    // Without it the last small frame of a reply waits for an acknowledgement; a socket that refuses still works.
    let _ = tcp.set_nodelay(true);
    let Ok(local) = tcp.local_addr() else { return };
    let opened = timeout(relay.config.timeouts.header, open(&relay, tcp, socket, place)).await;
    let Ok(Ok((wire, announced))) = opened else {
        tracing::debug!("a connection ended before its first request");
        return;
    };
    // A listener for both families shows IPv4 addresses in their IPv6 form; no client writes them so.
    let local = SocketAddr::new(local.ip().to_canonical(), local.port());
    let peer = Peer { local, socket: socket.ip(), announced };
    let asked = AtomicBool::new(false);
    let service = service_fn(|request| {
        asked.store(true, Relaxed);
        let relay = relay.clone();
        async move { Ok::<_, Infallible>(http::answer(relay, peer, request).await) }
    });
    let connection = http1(&relay).serve_connection(TokioIo::new(wire), service).with_upgrades();
    let mut connection = pin!(connection);
    // Held to the end, so that a reply that is being written counts as running. Who comes later does not hold the relay back.
    let mut phase = (relay.phase() == Phase::Serving).then(|| relay.phase.subscribe());
    let stopping = async {
        match &mut phase {
            Some(phase) => drop(phase.wait_for(|phase| *phase != Phase::Serving).await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = &mut connection => return,
        () = stopping => {}
        () = tokio::time::sleep(CONNECTION_LIFE) => {}
    }
    match asked.load(Relaxed) {
        true => connection.as_mut().graceful_shutdown(),
        // This client is about to ask. It shall read that the relay is stopping, and not find the door shut in its face.
        false => phase = None,
    }
    let _ = timeout(CONNECTION_FAREWELL, connection).await;
    drop(phase);
}

/// What comes before the first request.
async fn open(
    relay: &Relay,
    mut tcp: TcpStream,
    socket: SocketAddr,
    place: Place,
) -> io::Result<(Wire, Option<std::net::IpAddr>)> {
    let (announced, prefix) = match proxy::is_listed(socket.ip(), &relay.config.proxies) {
        true => proxy::read_header(&mut tcp).await.map(|(client, rest)| (client, rest.freeze()))?,
        false => (None, Bytes::new()),
    };
    let stream = Prefixed::new(prefix, tcp);
    let wire = match &relay.config.tls {
        Some(tls) => Wire::tls(TlsAcceptor::from(tls.config.clone()).accept(stream).await?, place),
        None => Wire::plain(stream, place),
    };
    Ok((wire, announced))
}

/// HTTP/1.1 with every bound set.
fn http1(relay: &Relay) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(relay.config.timeouts.header).max_buf_size(MAX_HEAD);
    builder
}

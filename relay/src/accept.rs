//! The accept loops: every connection gets a place and a task, in which it is opened, asked and answered.

use crate::http::{self, Peer};
use crate::limits::{Place, Seats};
use crate::proxy;
use crate::serve::{Phase, Relay};
use crate::wire::{Prefixed, Wire};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Largest request head. Browsers send about 1 KiB; hyper's least is 8 KiB.
const MAX_HEAD: usize = 16 * 1024;

/// How long a connection may serve requests, and then finish the last: nobody holds a place by reading slowly. Tunnels, which
/// leave their connection when they are made, are not meant.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
const CONNECTION_FAREWELL: Duration = Duration::from_secs(60);

/// How long to wait when the system has no file left for a new connection: until others have ended.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(100);

/// Connections to the admin address: a Prometheus or two, probes, and somebody who looks.
const ADMIN_CONNECTIONS: usize = 64;

/// Accepts connections and gives each a task and a place.
pub(crate) async fn accept_all(relay: Arc<Relay>, listener: TcpListener) {
    loop {
        let (tcp, socket) = accept(&listener).await;
        match relay.place(socket.ip()) {
            Ok(place) if relay.comes_too_often(socket.ip()) => {
                relay.metrics.refused_connections.fetch_add(1, Relaxed);
                tracing::debug!("connection refused: its address opens too many");
                drop(place);
            }
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
pub(crate) async fn accept_admin(relay: Arc<Relay>, listener: TcpListener) {
    let seats = Seats::new(ADMIN_CONNECTIONS);
    loop {
        let (tcp, _) = accept(&listener).await;
        let Some(seat) = seats.take() else { continue };
        let relay = relay.clone();
        tokio::spawn(async move {
            let _seat = seat;
            let service = service_fn(|request| {
                let relay = relay.clone();
                async move { Ok::<_, Infallible>(http::answer_admin(relay, request).await) }
            });
            let _ = timeout(CONNECTION_LIFE, http1(&relay).serve_connection(TokioIo::new(tcp), service)).await;
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
) -> io::Result<(Wire, Option<IpAddr>)> {
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

/// For fuzz targets, which have bytes and no sockets.
#[cfg(feature = "fuzzing")]
impl crate::serve::Server {
    /// Serves what comes from `stream` as if `peer` had sent it, and shows each request and its reply, with the number of tunnels that
    /// are being opened. None of them is: they need a socket.
    pub(crate) async fn serve_stream<S, F>(&self, stream: S, peer: Peer, seen: F)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        F: Fn(::http::request::Parts, &http::Reply, usize),
    {
        let (relay, seen) = (&self.relay, &seen);
        let service = service_fn(|request: ::http::Request<hyper::body::Incoming>| {
            let relay = relay.clone();
            let mut asked = ::http::Request::new(()).into_parts().0;
            (asked.method, asked.uri, asked.version, asked.headers) =
                (request.method().clone(), request.uri().clone(), request.version(), request.headers().clone());
            async move {
                let reply = http::answer(relay.clone(), peer, request).await;
                seen(asked, &reply, relay.tunnels.in_use());
                Ok::<_, Infallible>(reply)
            }
        });
        let _ = http1(relay).serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    }
}

//! The door to the tunnels: the WebSocket handshake, and who may pass.
//!
//! A browser cannot read why a handshake was refused. So whoever speaks WebSocket properly, and from a page, gets one, and is
//! told by a close code; until all is decided, no upstream is dialled.

use crate::http::{Peer, Reply, plain};
use crate::limits::{Full, Place, Seat};
use crate::proxy;
use crate::serve::{Phase, Relay};
use crate::tunnel;
use crate::upstream::Upstream;
use data_encoding::BASE64;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use hyper::body::Incoming;
use ipnet::IpNet;
use poplar_wire::{Close, SUBPROTOCOL, name_in_path};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Longest origin that is a page's: a scheme, a name of 253 octets (RFC 1035 §2.3.4) and a port. The log shows no more of what is none.
const LONGEST_ORIGIN: usize = "https://".len() + 253 + ":65535".len();

/// Answers a request for a tunnel, and leaves a task behind that runs it. `allowed`: whether pages of `origin` may use the
/// relay.
pub(crate) fn answer(
    relay: &Arc<Relay>,
    peer: Peer,
    origin: Option<&str>,
    allowed: bool,
    request: &mut Request<Incoming>,
) -> Reply {
    let accept = match websocket_key(request) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(refusal) => return *refusal,
    };
    let Some(origin) = origin else {
        return plain(StatusCode::FORBIDDEN, "A tunnel is opened by a page: the request has no Origin.");
    };
    if !offered(request.headers()).any(|protocol| protocol == SUBPROTOCOL) {
        return plain(
            StatusCode::BAD_REQUEST,
            format!("The client has to offer the WebSocket subprotocol {SUBPROTOCOL}."),
        );
    }
    let verdict = judge(relay, peer, origin, allowed, request);
    let upgrade = hyper::upgrade::on(request);
    let relay = relay.clone();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Some(browser) = tunnel::accept(upgraded).await else { return };
        match verdict {
            Ok(pass) => relay.run_tunnel(browser, pass).await,
            Err((close, reason)) => {
                relay.metrics.refused(close);
                tunnel::refuse(browser, close, reason).await;
            }
        }
    });

    let mut reply = switching(accept);
    reply.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    reply
}

/// Answers a request for the route that only tests know: no Origin and no subprotocol is wanted, since their client sends neither.
#[cfg(feature = "echo-route")]
pub(crate) fn answer_echo(request: &mut Request<Incoming>) -> Reply {
    let accept = match websocket_key(request) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(refusal) => return *refusal,
    };
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Some(browser) = tunnel::accept(upgraded).await else { return };
        tunnel::echo::run(browser).await;
    });
    switching(accept)
}

/// The answer to a handshake (RFC 6455 §4.2.2).
fn switching(accept: String) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    reply
}

/// A client that may pass, and whereto.
pub(crate) struct Pass {
    pub(crate) upstream: Arc<Upstream>,
    /// Held from here on, so that a relay that stops waits for the tunnel even before it runs.
    pub(crate) phase: watch::Receiver<Phase>,
    /// Held for as long as the tunnel is there.
    _held: (Place, Seat),
}

/// Who may pass; or the code and reason of the refusal, which only a finished handshake can carry to a browser.
type Verdict = Result<Pass, (Close, Cow<'static, str>)>;

/// Decides who may pass, before anything is opened for them.
fn judge(relay: &Relay, peer: Peer, origin: &str, allowed: bool, request: &Request<Incoming>) -> Verdict {
    let refuse = |close, reason: &'static str| Err((close, Cow::Borrowed(reason)));
    let phase = relay.phase.subscribe();
    if *phase.borrow() != Phase::Serving {
        return refuse(Close::Draining, "the relay is shutting down");
    }
    if !allowed {
        let origin = origin.get(..origin.floor_char_boundary(LONGEST_ORIGIN));
        tracing::info!(origin, "a page of an origin that is not allowed asked for a tunnel");
        return refuse(
            Close::OriginRefused,
            "pages of this origin may not use the relay (its operator can --allow-origin)",
        );
    }
    let client = client(peer, request.headers(), &relay.config.proxies);
    // Before the token: who guesses is held to it too.
    if relay.tunnel_rate.as_ref().is_some_and(|rate| !relay.is_here(peer.socket) && !rate.admits(client)) {
        return refuse(Close::TooMany, "this address opens connections too often: wait a minute");
    }
    if relay.config.tokens.as_ref().is_some_and(|tokens| !tokens.admit(offered(request.headers()))) {
        return refuse(Close::TokenNeeded, "the relay wants an access token");
    }
    let upstream = name_in_path(request.uri().path()).and_then(|name| relay.config.upstream(name));
    let Some(upstream) = upstream else {
        return refuse(Close::UnknownUpstream, "this relay has no mail server of that name");
    };
    let place = match relay.tunnels.take(client) {
        Ok(place) => place,
        Err(Full::Total) => return refuse(Close::TooMany, "the relay has as many connections as it takes"),
        Err(Full::Address) => return refuse(Close::TooMany, "too many connections from this address"),
    };
    match upstream.seats.take() {
        Some(seat) => Ok(Pass { upstream: upstream.clone(), phase, _held: (place, seat) }),
        None => refuse(Close::TooMany, "the relay has as many connections to this mail server as it may"),
    }
}

/// Whom a request comes from. A proxy that announces its client speaks for that client and not for what the client writes: only one
/// that is announced by another, or announces nobody, is asked for `X-Forwarded-For`.
fn client(peer: Peer, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let speaker = peer.announced.unwrap_or(peer.socket);
    let forwarded = proxy::is_listed(speaker, proxies).then(|| proxy::forwarded_for(headers, proxies)).flatten();
    forwarded.unwrap_or(speaker)
}

/// The key of a WebSocket handshake (RFC 6455 §4.2.1), or what to answer to a request that is none.
fn websocket_key(request: &Request<Incoming>) -> Result<&str, Box<Reply>> {
    let headers = request.headers();
    let lists = |name: HeaderName, token: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    if request.method() != Method::GET || !lists(header::UPGRADE, "websocket") || !lists(header::CONNECTION, "upgrade")
    {
        let mut refusal = plain(StatusCode::UPGRADE_REQUIRED, "This path is for WebSockets.");
        refusal.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return Err(Box::new(refusal));
    }
    if request.version() != Version::HTTP_11 || !lists(header::SEC_WEBSOCKET_VERSION, "13") {
        let mut refusal = plain(StatusCode::UPGRADE_REQUIRED, "Only WebSocket version 13 is spoken here.");
        refusal.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(refusal));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).into_iter();
    let key = keys.next().filter(|_| keys.next().is_none()).and_then(|key| key.to_str().ok());
    // Sixteen octets in base64, once (RFC 6455 §11.3.1).
    key.filter(|key| BASE64.decode(key.as_bytes()).is_ok_and(|octets| octets.len() == 16))
        .ok_or_else(|| Box::new(plain(StatusCode::BAD_REQUEST, "The WebSocket handshake has no proper key.")))
}

/// The subprotocols that a client offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

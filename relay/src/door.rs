//! The door to the tunnels: the WebSocket handshake, and who may pass.
//!
//! A browser cannot read why a handshake was refused. So whoever speaks WebSocket properly, and from a page, gets one, and is
//! told by a close code; until all is decided, no upstream is dialled.

use crate::http::{Peer, Reply, plain};
use crate::limits::{Full, Place};
use crate::proxy;
use crate::serve::{Phase, Relay};
use crate::tunnel;
use crate::upstream::Upstream;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use hyper::body::Incoming;
use poplar_wire::{Close, SUBPROTOCOL, name_in_path};
use std::borrow::Cow;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

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
            Ok((upstream, place)) => relay.run_tunnel(browser, &upstream, place).await,
            Err((close, reason)) => {
                relay.metrics.ended(Some(close));
                tunnel::refuse(browser, close, reason).await;
            }
        }
    });

    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    reply
}

/// Who may pass, and whereto; or the code and reason of the refusal, which only a finished handshake can carry to a browser.
type Verdict = Result<(Arc<Upstream>, Place), (Close, Cow<'static, str>)>;

/// Decides who may pass, before anything is opened for them.
fn judge(relay: &Relay, peer: Peer, origin: &str, allowed: bool, request: &Request<Incoming>) -> Verdict {
    let refuse = |close, reason: &'static str| Err((close, Cow::Borrowed(reason)));
    if relay.phase() != Phase::Serving {
        return refuse(Close::Draining, "the relay is shutting down");
    }
    if !allowed {
        tracing::info!(?origin, "a page of an origin that is not allowed asked for a tunnel");
        return refuse(
            Close::OriginRefused,
            "pages of this origin may not use the relay (its operator can --allow-origin)",
        );
    }
    if relay.config.tokens.as_ref().is_some_and(|tokens| !tokens.admit(offered(request.headers()))) {
        return refuse(Close::TokenNeeded, "the relay wants an access token");
    }
    let upstream = name_in_path(request.uri().path()).and_then(|name| relay.config.upstream(name));
    let Some(upstream) = upstream else {
        return refuse(Close::UnknownUpstream, "this relay has no mail server of that name");
    };
    let proxies = &relay.config.proxies;
    let forwarded =
        proxy::is_listed(peer.socket, proxies).then(|| proxy::forwarded_for(request.headers(), proxies)).flatten();
    match relay.tunnels.take(forwarded.or(peer.announced).unwrap_or(peer.socket)) {
        Ok(place) => Ok((upstream.clone(), place)),
        Err(Full::Total) => refuse(Close::TooMany, "the relay has as many connections as it takes"),
        Err(Full::Address) => refuse(Close::TooMany, "too many connections from this address"),
    }
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
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    // Sixteen octets in base64.
    key.filter(|key| key.len() == 24 && key.ends_with("=="))
        .ok_or_else(|| Box::new(plain(StatusCode::BAD_REQUEST, "The WebSocket handshake has no proper key.")))
}

/// The subprotocols that a client offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

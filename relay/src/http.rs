//! The HTTP surface: page and library, `/relay.json`, health. What is behind `/pop3/` is asked for at the [`door`].

use crate::assets::{self, Asset};
use crate::door;
use crate::origin::{Host, Site};
use crate::serve::{Phase, Relay};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use poplar_wire::{PATH_PREFIX, SUBPROTOCOL};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) type Reply = Response<Full<Bytes>>;

/// What the page may do: run its own script and wasm, and load mail's images where a person allows it. The same policy goes
/// with scripts and workers, since a worker obeys the policy of its own response.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob: https:; connect-src 'self'; worker-src 'self'; \
    manifest-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types poplar";

/// Devices that no page of the relay ever needs.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// A year, as RFC 6797 §6.1.1 counts it.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=31536000";

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The address the client connected to.
    pub(crate) local: SocketAddr,
    /// The address of the client, or of the proxy before it.
    pub(crate) socket: IpAddr,
    /// The client, where a listed proxy named it by the PROXY protocol.
    pub(crate) announced: Option<IpAddr>,
}

/// Answers one request.
pub(crate) async fn answer(relay: Arc<Relay>, peer: Peer, mut request: Request<Incoming>) -> Reply {
    relay.metrics.requests.fetch_add(1, Relaxed);
    let site = Site { local: peer.local, tls: relay.config.tls.as_ref(), allowed: &relay.config.origins };
    let host = host_header(&request).map_or(Host::Wrong, |host| site.host(host));
    let origin = origin_header(request.headers());
    let allowed = origin.as_deref().filter(|origin| site.allows(&host, origin));

    let mut reply = respond(&relay, peer, &host, origin.as_deref(), allowed.is_some(), &mut request);
    secure(reply.headers_mut(), relay.config.tls.is_some());
    if is_shared(request.uri().path()) {
        share(reply.headers_mut(), allowed);
    }
    if relay.phase() != Phase::Serving && reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Answers one request on the admin address. There is nothing here but numbers, so nobody is asked who they are.
pub(crate) async fn answer_admin(relay: Arc<Relay>, request: Request<Incoming>) -> Reply {
    let mut reply = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let text = relay.metrics.render(relay.tunnels.in_use(), relay.phase() != Phase::Serving);
            let mut reply = plain(StatusCode::OK, text);
            let exposition = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            reply.headers_mut().insert(header::CONTENT_TYPE, exposition);
            reply
        }
        (&Method::GET | &Method::HEAD, path) => health(&relay, path).unwrap_or_else(not_found),
        _ => wrong_method(),
    };
    secure(reply.headers_mut(), false);
    reply
}

/// The one Origin of a request. Browsers send no second: who does is given none.
fn origin_header(headers: &HeaderMap) -> Option<String> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none())?;
    origin.to_str().ok().map(str::to_owned)
}

fn respond(
    relay: &Arc<Relay>,
    peer: Peer,
    host: &Host,
    origin: Option<&str>,
    allowed: bool,
    request: &mut Request<Incoming>,
) -> Reply {
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method();
    }
    // Balancers and clusters ask by whatever address they have; there is nothing to learn here.
    if let Some(reply) = health(relay, path) {
        return reply;
    }
    if *host == Host::Wrong {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "This relay does not answer to that host name. If it should, its operator can add it: --allow-origin https://NAME",
        );
    }
    if path.starts_with(PATH_PREFIX) {
        return door::answer(relay, peer, origin, allowed, request);
    }
    // A page elsewhere that loads the library from `localhost` is served as it asked: a redirect would turn its origin to null.
    if let Host::Localhost(canonical) = host
        && origin.is_none()
    {
        let rest = request.uri().path_and_query().map_or("/", |it| it.as_str());
        return redirect(&format!("{canonical}{rest}"));
    }
    match (path, assets::find(path)) {
        ("/relay.json", _) => relay_json(relay),
        (_, Some(asset)) => serve_asset(asset, request.headers()),
        (_, None) => not_found(),
    }
}

/// Whether a path is for pages of allowed origins too, not only for the relay's own.
fn is_shared(path: &str) -> bool {
    path == "/relay.json" || path.starts_with("/lib/")
}

/// `/healthz` and `/readyz`.
fn health(relay: &Relay, path: &str) -> Option<Reply> {
    match path {
        "/healthz" => Some(plain(StatusCode::OK, "ok\n")),
        "/readyz" => Some(match relay.phase() {
            Phase::Serving => plain(StatusCode::OK, "ready\n"),
            Phase::Draining | Phase::Closing => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }),
        _ => None,
    }
}

/// What a page needs to know of the relay.
fn relay_json(relay: &Relay) -> Reply {
    let upstreams = relay.config.upstreams.iter();
    let json = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "upstreams": upstreams.map(|it| serde_json::json!({ "name": it.name.as_str(), "label": it.label })).collect::<Vec<_>>(),
        "protocols": [SUBPROTOCOL],
        "maxTunnels": relay.config.max_tunnels,
    });
    reply(StatusCode::OK, "application/json", json.to_string())
}

/// An embedded file, in the smallest encoding the client takes; without its bytes where the client has them.
fn serve_asset(asset: &'static Asset, headers: &HeaderMap) -> Reply {
    let (encoding, bytes) = match Encoding::accepted(headers) {
        Encoding::Brotli => (Some("br"), asset.brotli),
        Encoding::Gzip => (Some("gzip"), asset.gzip),
        Encoding::Identity => (None, asset.identity),
    };
    let fresh = headers
        .get_all(header::IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || weakly(tag.trim()) == weakly(asset.etag));
    let (status, bytes) = if fresh { (StatusCode::NOT_MODIFIED, &[][..]) } else { (StatusCode::OK, bytes) };
    let mut reply = reply(status, asset.content_type, bytes);
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding
        && !fresh
    {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    reply
}

/// An entity tag as weak comparison sees it (RFC 9110 §8.8.3.2).
fn weakly(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The smallest of the encodings that `Accept-Encoding` names and does not forbid (RFC 9110 §12.5.3).
    fn accepted(headers: &HeaderMap) -> Encoding {
        let lists = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        let (mut brotli, mut gzip) = (false, false);
        for item in lists.flat_map(|list| list.split(',')) {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let taken = weight.is_ok_and(|weight| weight > 0.0);
            match coding.trim().to_ascii_lowercase().as_str() {
                "br" => brotli = taken,
                "gzip" => gzip = taken,
                _ => {}
            }
        }
        match (brotli, gzip) {
            (true, _) => Encoding::Brotli,
            (false, true) => Encoding::Gzip,
            (false, false) => Encoding::Identity,
        }
    }
}

/// The host a request is for: that of an absolute target (RFC 9112 §3.2.2), otherwise that of the one `Host` header.
fn host_header(request: &Request<Incoming>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// A reply of one type, which no cache keeps.
fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A reply in words.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", text)
}

fn not_found() -> Reply {
    plain(StatusCode::NOT_FOUND, "There is nothing here.")
}

fn wrong_method() -> Reply {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered here.");
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

fn redirect(to: &str) -> Reply {
    match HeaderValue::try_from(to) {
        Ok(location) => {
            let mut reply = plain(StatusCode::PERMANENT_REDIRECT, "");
            reply.headers_mut().insert(header::LOCATION, location);
            reply
        }
        Err(_) => plain(StatusCode::BAD_REQUEST, "This path cannot be redirected."),
    }
}

/// Sets the headers that every reply has.
fn secure(headers: &mut HeaderMap, tls: bool) {
    let always = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT_SECURITY));
    }
}

/// Opens a shared reply to an allowed origin, and tells caches that it depends on who asks.
fn share(headers: &mut HeaderMap, origin: Option<&str>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(Ok(origin)) = origin.map(HeaderValue::try_from) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let everywhere = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), everywhere);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_accepted_encoding_is_chosen() {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip;q=1.0, br;q=0", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("br;q=nonsense", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
            assert_eq!(Encoding::accepted(&headers), encoding, "{accept}");
        }
    }

    #[test]
    fn shared_paths_are_the_library_and_the_description() {
        assert!(is_shared("/lib/poplar-mail.js") && is_shared("/relay.json"));
        assert!(!is_shared("/") && !is_shared("/library") && !is_shared("/pop3/demo"));
    }
}

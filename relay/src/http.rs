//! The HTTP surface: page and library, `/relay.json`, health. What is behind `/pop3/` is asked for at the [`door`].

use crate::assets::{self, Asset, Place};
use crate::door;
use crate::headers::{secure, share};
use crate::origin::{Host, Site};
use crate::serve::{Phase, Relay};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use poplar_wire::{PATH_PREFIX, SUBPROTOCOL};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) type Reply = Response<Full<Bytes>>;

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
            let text = relay.metrics.render(relay.now());
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
    #[cfg(feature = "echo-route")]
    if path == crate::tunnel::echo::PATH {
        return door::answer_echo(request);
    }
    if path.starts_with(PATH_PREFIX) {
        return door::answer(relay, peer, origin, allowed, request);
    }
    // `*` and a bare authority are targets too (RFC 9112 §3.2), and have no place among the paths.
    if !path.starts_with('/') {
        return not_found();
    }
    // A page elsewhere that loads the library from `localhost` is served as it asked: a redirect would turn its origin to null.
    if let Host::Localhost(canonical) = host
        && origin.is_none()
    {
        // An absolute target may have a query and no path (RFC 9112 §3.2.2), which `path` fills in.
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        return redirect(&format!("{canonical}{path}{query}"));
    }
    if path == "/relay.json" {
        return relay_json(relay);
    }
    // A browser that is told so at this path forgets the page that it keeps: see `web/sw.js`.
    if path == SERVICE_WORKER && !relay.config.offline_page {
        return not_found();
    }
    match assets::find(path) {
        Some(Place::Plain(asset)) => serve_plain(asset, path, request.headers()),
        Some(Place::Lasting(asset)) => serve_asset(asset, LASTING, request.headers()),
        Some(Place::Moved(path)) => moved(&path),
        None => not_found(),
    }
}

/// Whether a path is for pages of allowed origins too, not only for the relay's own: the library wherever it lies, and also where
/// another build has it, so that a page can tell that this one has not.
fn is_shared(path: &str) -> bool {
    path == "/relay.json" || assets::plain(path).starts_with("/lib/")
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

/// What has a browser keep the page. At the top, since it may answer for nothing above its own path.
const SERVICE_WORKER: &str = "/sw.js";

/// For what another build may have otherwise: kept, and asked for each time.
const PLAIN: &str = "no-cache";
/// For what never changes where it lies: kept for a year, as if for ever, and not asked for again (RFC 8246).
const LASTING: &str = "public, max-age=31536000, immutable";

/// A file at its plain path. A browser that wants a script there is sent to the folder of this build, so that all that the script
/// imports by then or later is of the same build, and of one copy with what the page has from there: a module's relative imports
/// start from where its answer came from.
fn serve_plain(asset: &'static Asset, path: &str, headers: &HeaderMap) -> Reply {
    let for_script = HeaderValue::from_static("script");
    let mut reply = match headers.get("sec-fetch-dest") {
        Some(dest) if dest == for_script => moved(&assets::lasting(path)),
        _ => serve_asset(asset, PLAIN, headers),
    };
    reply.headers_mut().append(header::VARY, HeaderValue::from_static("Sec-Fetch-Dest"));
    reply
}

/// An embedded file, in the smallest encoding the client takes; without its bytes where the client has them.
fn serve_asset(asset: &'static Asset, kept: &'static str, headers: &HeaderMap) -> Reply {
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
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
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

/// The answer that lies elsewhere for good.
fn redirect(to: &str) -> Reply {
    redirect_with(StatusCode::PERMANENT_REDIRECT, to)
}

/// The answer that lies elsewhere at the moment; which nobody keeps.
fn moved(to: &str) -> Reply {
    redirect_with(StatusCode::TEMPORARY_REDIRECT, to)
}

fn redirect_with(status: StatusCode, to: &str) -> Reply {
    // An address is ASCII (RFC 3986 §2); what a browser was led to in other octets it has encoded.
    match HeaderValue::try_from(to) {
        Ok(location) if to.is_ascii() => {
            let mut reply = plain(status, "");
            reply.headers_mut().insert(header::LOCATION, location);
            reply
        }
        _ => plain(StatusCode::BAD_REQUEST, "This path cannot be redirected."),
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
        for path in ["/lib/poplar-mail.js", "/relay.json", "/v/0123456789abcdef/lib/poplar-mail.js"] {
            assert!(is_shared(path), "{path}");
        }
        for path in
            ["/", "/library", "/pop3/demo", "/page/page.js", "/v/0123456789abcdef/page/page.js", "/v/x/lib/y.js"]
        {
            assert!(!is_shared(path), "{path}");
        }
    }
}

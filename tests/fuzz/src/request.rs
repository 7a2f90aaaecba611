//! The relay, on what a client or a proxy sends before there is a tunnel.
//!
//! The octets go through hyper to the relay's own answer. What it answers is judged by another reading of the same request, which is
//! stricter than the relay's wherever nothing that is honest needs more.

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, Response, Version};
use ipnet::IpNet;
use poplar_relay::fuzzing::{Client, Relay, announced, forwarded_for};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// One relay as people run it at home, one as they run it behind a proxy, with tokens.
const HOME: &str = "
    listen = '127.0.0.1:0'
    allow-origin = ['https://clinic.example', 'http://other.example:8443']
    [upstream]
    a = { url = 'pop3s://mail.example.org' }
    b-2 = { url = 'pop3+starttls://10.0.0.7' }";
const SERVER: &str = "
    listen = '127.0.0.1:0'
    behind-proxy = ['10.0.0.0/8', 'fd00::/8']
    allow-origin = ['https://clinic.example', 'http://other.example:8443']
    token-file = 'TOKENS'
    rate-per-address = 0
    [upstream]
    a = { url = 'pop3s://mail.example.org' }
    b-2 = { url = 'pop3+starttls://10.0.0.7' }";

const ALLOWED: [&str; 2] = ["https://clinic.example", "http://other.example:8443"];
const PATHS: [&str; 2] = ["/pop3/a", "/pop3/b-2"];
const TOKENS: [&str; 2] = ["tr0ub4dor", "c0rrect"];

/// What the target keeps from one input to the next.
struct Bench {
    runtime: Runtime,
    home: Relay,
    server: Relay,
}

/// Sends one input: the first octet says to whom.
pub fn run(input: &[u8]) {
    thread_local!(static BENCH: Bench = Bench::new());
    let Some((to, said)) = input.split_first() else { return };
    BENCH.with(|bench| {
        bench.runtime.block_on(async {
            if to & 1 == 0 {
                let local = "127.0.0.1:8110".parse().expect("an address");
                let client = Client { local, socket: [127, 0, 0, 1].into(), announced: None };
                ask(&bench.home, client, said, false).await;
            } else {
                let (announced, rest) = match proxied(said).await {
                    Ok(read) => read,
                    Err(_) => return,
                };
                let local = "10.0.0.5:8110".parse().expect("an address");
                let client = Client { local, socket: [10, 0, 0, 1].into(), announced };
                ask(&bench.server, client, &rest, true).await;
            }
        });
    });
}

impl Bench {
    fn new() -> Bench {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tokens = std::env::temp_dir().join(format!("poplar-fuzz-tokens-{}", std::process::id()));
        std::fs::write(&tokens, TOKENS.join("\n")).expect("a token file");
        let relay = |configuration: &str| runtime.block_on(Relay::new(configuration)).expect("a relay");
        let home = relay(HOME);
        let server = relay(&SERVER.replace("TOKENS", &tokens.display().to_string()));
        std::fs::remove_file(tokens).expect("a token file");
        Bench { runtime, home, server }
    }
}

/// What a listed proxy announces. It is the same however the octets arrive.
async fn proxied(said: &[u8]) -> io::Result<(Option<IpAddr>, Vec<u8>)> {
    let (whole, drop_by_drop) = (announced(Pieces(said, 4096)).await, announced(Pieces(said, 1)).await);
    match (&whole, &drop_by_drop) {
        (Ok((client, rest)), Ok((other, less))) => {
            assert_eq!(client, other);
            assert!(said.ends_with(rest) || said.len() > 1024);
            // What was taken for the header is the same, too.
            let taken = said.len().min(1024).checked_sub(rest.len());
            assert!(less.is_empty() || taken == Some(0), "nothing is read ahead of a header in single octets");
        }
        (Err(_), Err(_)) => {}
        other => panic!("{other:?}"),
    }
    whole.map(|(client, rest)| {
        let header = said.len().min(1024) - rest.len();
        (client, said.get(header..).unwrap_or_default().to_vec())
    })
}

/// Sends what a client says to a relay, and judges every answer.
async fn ask(relay: &Relay, client: Client, said: &[u8], proxied: bool) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let gone = Rc::new(Cell::new(false));
    let (mut read, mut write) = tokio::io::split(near);
    let answering = relay.answer(far, client, |asked, reply, tunnels| {
        assert!(!gone.get(), "a request behind an upgrade");
        gone.set(reply.status() == 101);
        judge(&asked, &reply, tunnels, proxied);
    });
    let mut answer = Vec::new();
    let sending = async {
        let _ = write.write_all(said).await;
        let _ = write.shutdown().await;
    };
    let reading = async {
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::join!(answering, sending, reading);
    // The tasks of tunnels end: there is no socket for them.
    tokio::task::yield_now().await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
}

fn judge(asked: &Parts, reply: &Response<()>, tunnels: usize, proxied: bool) {
    let (status, path) = (reply.status().as_u16(), asked.uri.path());
    let said = |name: &str| reply.headers().get(name).map(|value| value.to_str().expect("text"));
    let health = matches!(path, "/healthz" | "/readyz");
    let reads = matches!(asked.method, Method::GET | Method::HEAD);
    let own = host(asked, proxied);
    let origin = only(&asked.headers, header::ORIGIN);
    // A page of the relay's own lives where it is on loopback.
    let home = !proxied && own == Some("127.0.0.1:8110") && origin == Some("http://127.0.0.1:8110");
    let allowed = origin.filter(|origin| home || ALLOWED.contains(origin));

    assert!(matches!(status, 101 | 200 | 304 | 308 | 400 | 403 | 404 | 405 | 421 | 426), "{status}");
    assert_eq!(said("x-content-type-options"), Some("nosniff"));
    assert!(said("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert!(said("server").is_none() && said("set-cookie").is_none());
    // A redirect repeats the target; nothing repeats anything else.
    for (name, value) in reply.headers().iter().filter(|(name, _)| *name != header::LOCATION) {
        let value = String::from_utf8_lossy(value.as_bytes());
        assert!(!TOKENS.iter().any(|token| value.contains(token)), "a token is repeated in {name}");
    }
    assert_eq!(status == 405, !reads);
    assert_eq!(status == 421, reads && !health && own.is_none(), "{:?} for {:?}", reply, asked);
    if let Some(opened) = said("access-control-allow-origin") {
        assert!(path == "/relay.json" || path.starts_with("/lib/"));
        assert_eq!(Some(opened), allowed);
    }
    if let Some(location) = said("location") {
        assert!(location.starts_with("http://127.0.0.1:8110/") && !proxied, "{location}");
    }
    if matches!(status, 200 | 304) && !health {
        assert!(matches!(path, "/" | "/lib/poplar-mail.js" | "/relay.json"), "{path}");
    }
    if status == 200
        && let Some(encoding) = said("content-encoding")
    {
        let taken = list(&asked.headers, header::ACCEPT_ENCODING);
        assert!(taken.iter().any(|item| item.to_ascii_lowercase().starts_with(encoding)), "{encoding}");
    }
    if status == 304 {
        assert!(asked.headers.contains_key(header::IF_NONE_MATCH));
    }

    let offered = list(&asked.headers, header::SEC_WEBSOCKET_PROTOCOL);
    if status == 101 {
        assert!(path.starts_with("/pop3/") && asked.method == Method::GET && asked.version == Version::HTTP_11);
        assert!(origin.is_some() && offered.contains(&"poplar.pop3.v1"));
        assert!(list(&asked.headers, header::SEC_WEBSOCKET_VERSION).contains(&"13"));
        assert_eq!(said("sec-websocket-protocol"), Some("poplar.pop3.v1"));
        assert_eq!(said("sec-websocket-accept").map(str::len), Some(28));
        assert_eq!(said("sec-websocket-extensions"), None);
    }
    if tunnels > 0 {
        assert_eq!((status, tunnels), (101, 1));
        assert!(allowed.is_some() && own.is_some(), "{asked:?}");
        assert!(PATHS.contains(&path), "{path}");
        let token = |protocol: &&str| TOKENS.iter().any(|token| *protocol == format!("poplar.token.{token}"));
        assert!(!proxied || offered.iter().any(token));
    }
    forwarded(&asked.headers);
}

/// The name under which a relay is asked, where it is one of its own.
fn host(asked: &Parts, proxied: bool) -> Option<&'static str> {
    let said = match asked.uri.authority() {
        Some(authority) => authority.as_str(),
        None => only(&asked.headers, header::HOST)?,
    };
    let said = said.to_ascii_lowercase();
    // The usual port may be said.
    let said = said.strip_suffix(":80").filter(|name| !name.contains(':')).unwrap_or(&said);
    let mut names = vec!["clinic.example", "other.example:8443"];
    names.extend(if proxied { &["10.0.0.5:8110"][..] } else { &["127.0.0.1:8110", "localhost:8110"] });
    names.into_iter().find(|name| *name == said)
}

/// The last hop that is no proxy, as a plain reading of the list has it.
fn forwarded(headers: &HeaderMap) {
    let proxies: [IpNet; 2] = ["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")];
    let found = forwarded_for(headers, &proxies);
    let hops = list(headers, HeaderName::from_static("x-forwarded-for"));
    let client = hops.iter().rev().find(|hop| {
        let address = hop.parse::<IpAddr>().map(|address| address.to_canonical());
        !address.is_ok_and(|address| proxies.iter().any(|network| network.contains(&address)))
    });
    match (found, client) {
        (None, None) => {}
        (None, Some(hop)) => assert!(hop.parse::<IpAddr>().is_err(), "{hop} was not believed"),
        (Some(found), _) => {
            let text = hops.join(",");
            assert!(!proxies.iter().any(|network| network.contains(&found.to_canonical())), "{found} is a proxy");
            // With a port or in brackets it is the same address.
            if let Some(Ok(plain)) = client.map(|hop| hop.parse::<IpAddr>()) {
                assert_eq!(found, plain, "{text}");
            }
        }
    }
}

/// The items of all headers of a name.
fn list(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).collect()
}

/// The one header of a name.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let values: Vec<_> = headers.get_all(name).into_iter().collect();
    if let [value] = values.as_slice() { value.to_str().ok() } else { None }
}

/// Octets that arrive in pieces of some size.
struct Pieces<'a>(&'a [u8], usize);

impl AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (piece, rest) = self.0.split_at(self.0.len().min(self.1).min(buffer.remaining()));
        buffer.put_slice(piece);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

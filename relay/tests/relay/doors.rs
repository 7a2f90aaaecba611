//! Who may come in, and what the HTTP surface answers.

use crate::support::*;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::Request;

/// The status of a handshake that was refused before the upgrade.
async fn refused(relay: &Relay, change: impl FnOnce(&mut Request<()>)) -> u16 {
    match relay.tunnel_with("peer", change).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the handshake succeeded"),
    }
}

fn set(name: &'static str, value: &str) -> impl FnOnce(&mut Request<()>) {
    let value = value.parse().unwrap();
    move |request| {
        request.headers_mut().insert(name, value);
    }
}

#[tokio::test]
async fn only_the_relays_own_page_and_allowed_origins_get_a_tunnel() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer), "--allow-origin", "https://clinic.example:8443"]);
    let port = relay.address.port();
    for origin in [
        "null".to_owned(),
        "https://evil.example".to_owned(),
        "https://clinic.example".to_owned(),
        "http://clinic.example:8443".to_owned(),
        "https://clinic.example:8443.evil.example".to_owned(),
        "https://Clinic.example:8443".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://localhost:{port}"),
    ] {
        let mut tunnel = relay.tunnel_with("peer", set("Origin", &origin)).await.unwrap();
        assert_eq!(tunnel.refusal().await.0, 4403, "{origin}");
    }
    assert!(hears.try_recv().is_err(), "nothing was dialled for them");

    for origin in [relay.origin(), "https://clinic.example:8443".to_owned()] {
        let mut tunnel = relay.tunnel_with("peer", set("Origin", &origin)).await.unwrap();
        tunnel.send(b"NOOP\r\n").await;
        tunnel.0.close(None).await.unwrap();
        assert_eq!(heard(&mut hears).await, b"NOOP\r\n");
    }
}

#[tokio::test]
async fn the_log_shows_of_an_origin_what_can_be_one() {
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org"]);
    let origin = format!("https://{}", "x".repeat(9000));
    assert_eq!(relay.tunnel_with("peer", set("Origin", &origin)).await.unwrap().refusal().await.0, 4403);
    let log = relay.into_log();
    assert!(log.contains("https://xxx") && !log.contains(&origin[..300]), "{log}");
}

/// A handshake from no page.
const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
];

#[tokio::test]
async fn some_handshakes_are_refused_before_the_upgrade() {
    let (peer, _hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let without = |name: &'static str| {
        move |request: &mut Request<()>| {
            request.headers_mut().remove(name);
        }
    };
    assert_eq!(refused(&relay, without("Origin")).await, 403);
    assert_eq!(refused(&relay, without("Sec-WebSocket-Protocol")).await, 400);
    assert_eq!(refused(&relay, set("Sec-WebSocket-Protocol", "poplar.pop3.v2")).await, 400);
    assert_eq!(refused(&relay, set("Sec-WebSocket-Version", "8")).await, 426);
    for key in ["short", "AAAAAAAAAAAAAAAAAAAAAAAA", "!!!!!!!!!!!!!!!!!!!!!!=="] {
        assert_eq!(refused(&relay, set("Sec-WebSocket-Key", key)).await, 400, "{key}");
    }
    let mut twice = HANDSHAKE.to_vec();
    twice.push(("Sec-WebSocket-Key", "BBBBBBBBBBBBBBBBBBBBBA=="));
    assert_eq!(relay.http("GET /pop3/peer", &twice).await.status, 400);
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1"] {
        assert_eq!(refused(&relay, set("Host", host)).await, 421, "{host}");
    }
    assert_eq!(relay.http("GET /pop3/peer", &[("Origin", &relay.origin())]).await.status, 426);
}

#[tokio::test]
async fn a_protected_relay_wants_a_token() {
    let (peer, mut hears) = listen_and_tell().await;
    let tokens = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(tokens.path(), "# desk\nopen-sesame\n").unwrap();
    let relay =
        Relay::start(&["--upstream", &upstream("pop3", peer), "--token-file", &tokens.path().display().to_string()]);
    for offered in ["poplar.pop3.v1", "poplar.pop3.v1, poplar.token.wrong", "poplar.pop3.v1, open-sesame"] {
        let mut tunnel = relay.tunnel_with("peer", set("Sec-WebSocket-Protocol", offered)).await.unwrap();
        assert_eq!(tunnel.refusal().await.0, 4401, "{offered}");
    }
    let offered = "poplar.pop3.v1, poplar.token.open-sesame";
    let mut tunnel = relay.tunnel_with("peer", set("Sec-WebSocket-Protocol", offered)).await.unwrap();
    tunnel.send(b"NOOP\r\n").await;
    tunnel.0.close(None).await.unwrap();
    assert_eq!(heard(&mut hears).await, b"NOOP\r\n");
    assert!(!relay.into_log().contains("sesame"));
}

#[tokio::test]
async fn the_host_must_be_the_relays() {
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org"]);
    let port = relay.address.port();
    for host in ["evil.example", "127.0.0.1", "evil.example:80", "", &format!("evil.example:{port}")] {
        assert_eq!(relay.http("GET /", &[("Host", host)]).await.status, 421, "{host}");
    }
    assert_eq!(relay.http("GET http://evil.example/", &[]).await.status, 421, "the target's host wins over Host");
    let twice = [("Host", "127.0.0.1"), ("Host", "evil.example")];
    assert_eq!(relay.http("GET /", &twice).await.status, 421);

    let localhost = format!("localhost:{port}");
    let reply = relay.http("GET /lib/x.js?y=z", &[("Host", &localhost)]).await;
    assert_eq!((reply.status, reply.header("Location")), (308, format!("http://127.0.0.1:{port}/lib/x.js?y=z")));
    let reply = relay.http(&format!("GET http://{localhost}?y=z"), &[("Host", &localhost)]).await;
    assert_eq!((reply.status, reply.header("Location")), (308, format!("http://127.0.0.1:{port}/?y=z")));
    let reply = relay.http("GET /lib/ż.js", &[("Host", &localhost)]).await;
    assert_eq!((reply.status, reply.header("Location").as_str()), (400, ""), "an address is ASCII");
    let reply = relay.http("GET *", &[("Host", &localhost)]).await;
    assert_eq!((reply.status, reply.header("Location").as_str()), (404, ""), "no path is led anywhere");
}

/// The route that `tests/autobahn` builds for itself.
#[tokio::test]
async fn there_is_no_echo() {
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org"]);
    assert_eq!(relay.http("GET /echo", &HANDSHAKE).await.status, 404);
}

#[tokio::test]
async fn the_relay_describes_itself() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        config.path(),
        "max-tunnels = 12\n[upstream.b]\nurl = 'pop3s://b.example'\n[upstream.a]\nurl = 'pop3s://a.example'\nlabel = 'First \"A\"'",
    )
    .unwrap();
    let relay = Relay::start(&["--config", &config.path().display().to_string()]);
    let reply = relay.http("GET /relay.json", &[]).await;
    assert_eq!((reply.status, reply.header("Content-Type").as_str()), (200, "application/json"));
    let expected = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "upstreams": [{ "name": "a", "label": "First \"A\"" }, { "name": "b", "label": "b" }],
        "protocols": ["poplar.pop3.v1"],
        "maxTunnels": 12,
    });
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap(), expected);
    assert!(!reply.text().contains("example"), "host names are the operator's affair");
}

#[tokio::test]
async fn every_reply_has_the_headers_that_keep_a_page_safe() {
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org"]);
    let origin = relay.origin();
    for (line, headers) in [
        ("GET /", vec![]),
        ("GET /relay.json", vec![]),
        ("GET /nothing", vec![]),
        ("POST /", vec![]),
        ("GET /healthz", vec![]),
        ("GET /", vec![("Host", "evil.example")]),
        ("GET /pop3/peer", vec![("Origin", origin.as_str())]),
    ] {
        let reply = relay.http(line, &headers).await;
        let policy = reply.header("Content-Security-Policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "trusted-types poplar",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{line}: {policy}");
        }
        assert!(!policy.contains("'unsafe-eval'"), "{policy}");
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{line}");
        }
        assert!(reply.header("Permissions-Policy").contains("camera=()"));
        assert_eq!(reply.header("Strict-Transport-Security"), "", "there is no TLS");
    }
}

#[tokio::test]
async fn what_is_shared_is_shared_with_allowed_origins_only() {
    let allow = ["--upstream", "peer=pop3s://mail.example.org", "--allow-origin", "https://clinic.example"];
    let relay = Relay::start(&allow);
    for path in ["GET /relay.json", "GET /lib/nothing.js"] {
        let reply = relay.http(path, &[("Origin", "https://clinic.example")]).await;
        assert_eq!(reply.header("Access-Control-Allow-Origin"), "https://clinic.example");
        assert_eq!(reply.header("Cross-Origin-Resource-Policy"), "cross-origin");
        assert!(reply.header("Vary").contains("Origin"));
        for headers in [vec![("Origin", "https://evil.example")], vec![("Origin", "null")], vec![]] {
            let reply = relay.http(path, &headers).await;
            assert_eq!(reply.header("Access-Control-Allow-Origin"), "", "{headers:?}");
            assert_eq!(reply.header("Cross-Origin-Resource-Policy"), "same-origin");
            assert!(reply.header("Vary").contains("Origin"), "caches must tell askers apart");
        }
    }
    let reply = relay.http("GET /", &[("Origin", "https://clinic.example")]).await;
    assert_eq!(reply.header("Access-Control-Allow-Origin"), "", "the page itself is nobody else's");

    // A page on another local server that names the relay by `localhost` is served there.
    let relay =
        Relay::start(&["--upstream", "peer=pop3s://mail.example.org", "--allow-origin", "http://localhost:3000"]);
    let localhost = format!("localhost:{}", relay.address.port());
    let reply = relay.http("GET /relay.json", &[("Host", &localhost), ("Origin", "http://localhost:3000")]).await;
    assert_eq!((reply.status, reply.header("Access-Control-Allow-Origin").as_str()), (200, "http://localhost:3000"));
}

#[tokio::test]
async fn the_page_is_served_small_and_once() {
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org"]);
    let page = relay.http("GET /", &[]).await;
    assert_eq!((page.status, page.header("Cache-Control").as_str()), (200, "no-cache"));
    assert!(page.header("Content-Type").starts_with("text/html"));
    let tag = page.header("ETag");
    let again = relay.http("GET /", &[("If-None-Match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(relay.http("GET /", &[("If-None-Match", "\"other\"")]).await.status, 200);

    let head = relay.http("HEAD /", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("Content-Length"), page.body.len().to_string());

    for encoding in ["br", "gzip"] {
        let reply = relay.http("GET /", &[("Accept-Encoding", encoding)]).await;
        assert_eq!(reply.header("Content-Encoding"), encoding);
        assert!(reply.header("Vary").contains("Accept-Encoding"));
        assert!(reply.body.len() < page.body.len());
    }
    for line in ["POST /", "DELETE /", "OPTIONS /relay.json", "PUT /pop3/peer"] {
        let reply = relay.http(line, &[]).await;
        assert_eq!((reply.status, reply.header("Allow").as_str()), (405, "GET, HEAD"), "{line}");
    }
    for path in ["/index.html", "/lib", "/lib/../Cargo.toml", "/metrics", "/pop3", "//"] {
        assert_eq!(relay.http(&format!("GET {path}"), &[]).await.status, 404, "{path}");
    }
}

/// The folder of the build, as the page names it.
async fn build_of(relay: &Relay) -> String {
    let reply = relay.http("GET /", &[]).await;
    let (_, after) = reply.text().split_once("\"./v/").expect("the page names its files there");
    format!("/v/{}", after.split('/').next().unwrap())
}

/// Every file that is served, by its plain path, as an export writes it.
fn every_file() -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site");
    assert!(program().arg("web").arg(&site).output().unwrap().status.success());
    let (mut files, mut folders) = (Vec::new(), vec![site.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let plain = format!("/{}", path.strip_prefix(&site).unwrap().display());
            match path.is_dir() {
                true => folders.push(path),
                false if plain == "/index.html" || plain.starts_with("/.") => {}
                false => files.push((plain, std::fs::read(path).unwrap())),
            }
        }
    }
    assert!(files.len() > 20, "{}", files.len());
    files
}

#[tokio::test]
async fn every_file_is_the_same_at_both_its_places_and_has_every_header() {
    let allow = ["--upstream", "peer=pop3s://mail.example.org", "--allow-origin", "https://clinic.example"];
    let relay = Relay::start(&allow);
    let build = build_of(&relay).await;
    for (plain, bytes) in every_file() {
        let lasting = format!("{build}{plain}");
        for (path, kept) in [(&plain, "no-cache"), (&lasting, "public, max-age=31536000, immutable")] {
            let line = format!("GET {path}");
            let reply = relay.http(&line, &[]).await;
            assert_eq!((reply.status, reply.header("Cache-Control").as_str()), (200, kept), "{path}");
            assert!(reply.body == bytes, "{path}");
            let types = [
                ("js", "text/javascript"),
                ("wasm", "application/wasm"),
                ("css", "text/css"),
                ("svg", "image/svg+xml"),
            ];
            for (extension, content_type) in types {
                let is_of = path.ends_with(&format!(".{extension}"));
                assert!(!is_of || reply.header("Content-Type").starts_with(content_type), "{path}");
            }
            // Scripts, workers and wasm obey the policy of their own answers.
            assert_eq!(
                reply.header("Content-Security-Policy"),
                relay.http("GET /", &[]).await.header("Content-Security-Policy")
            );
            for (name, value) in [
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
            ] {
                assert_eq!(reply.header(name), value, "{path}");
            }
            assert!(!reply.header("Permissions-Policy").is_empty(), "{path}");
            let again = relay.http(&line, &[("If-None-Match", &reply.header("ETag"))]).await;
            assert_eq!((again.status, again.header("Cache-Control").as_str()), (304, kept), "{path}");

            let shared = relay.http(&line, &[("Origin", "https://clinic.example")]).await;
            let (allowed, policy) = match plain.starts_with("/lib/") {
                true => ("https://clinic.example", "cross-origin"),
                false => ("", "same-origin"),
            };
            assert_eq!(shared.header("Access-Control-Allow-Origin"), allowed, "{path}");
            assert_eq!(shared.header("Cross-Origin-Resource-Policy"), policy, "{path}");
            assert_eq!(shared.header("Vary").contains("Origin"), plain.starts_with("/lib/"), "{path}");
        }
    }
}

#[tokio::test]
async fn scripts_are_of_one_build() {
    let allow = ["--upstream", "peer=pop3s://mail.example.org", "--allow-origin", "https://clinic.example"];
    let relay = Relay::start(&allow);
    let build = build_of(&relay).await;
    // Who imports from the plain path goes on in the folder of the build …
    for (from, to) in [("/lib/poplar-mail.js", ".."), ("/lib/mail/host.js", "../..")] {
        let headers = [("Sec-Fetch-Dest", "script"), ("Origin", "https://clinic.example")];
        let reply = relay.http(&format!("GET {from}"), &headers).await;
        assert_eq!((reply.status, reply.header("Location")), (307, format!("{to}{build}{from}")));
        assert_eq!(reply.header("Cache-Control"), "no-store");
        assert_eq!(reply.header("Access-Control-Allow-Origin"), "https://clinic.example");
        for name in ["Sec-Fetch-Dest", "Origin"] {
            assert!(reply.header("Vary").contains(name), "{name}");
        }
        let reply = relay.http(&format!("GET {from}"), &[("Sec-Fetch-Dest", "empty")]).await;
        assert_eq!(reply.status, 200);
        assert!(reply.header("Vary").contains("Sec-Fetch-Dest"));
    }
    // … and who comes from another build is sent on with what a page begins with, and with nothing else.
    let other = "/v/0123456789abcdef";
    for named in ["/page/page.js", "/page/page.css", "/page/icon.svg"] {
        let reply = relay.http(&format!("GET {other}{named}"), &[]).await;
        assert_eq!((reply.status, reply.header("Location")), (307, format!("../../..{build}{named}")));
        assert_eq!(reply.header("Cache-Control"), "no-store");
    }
    for path in ["/lib/poplar-mailbox.js", "/lib/client_bg.wasm", "/lib/mail/worker.js", "/", "/nothing"] {
        let reply = relay.http(&format!("GET {other}{path}"), &[("Sec-Fetch-Dest", "script")]).await;
        assert_eq!((reply.status, reply.header("Cache-Control").as_str()), (404, "no-store"), "{path}");
    }
    // A page elsewhere may see that, and load itself again.
    let gone = relay.http(&format!("HEAD {other}/lib/mail/parts.js"), &[("Origin", "https://clinic.example")]).await;
    assert_eq!((gone.status, gone.header("Access-Control-Allow-Origin").as_str()), (404, "https://clinic.example"));
}

#[tokio::test]
async fn metrics_are_on_the_admin_address_alone() {
    let (peer, mut hears) = listen_and_tell().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer), "--admin-listen", &admin.to_string()]);
    let mut tunnel = relay.tunnel("peer").await;
    tunnel.send(b"NOOP\r\n").await;
    tunnel.0.close(None).await.unwrap();
    assert_eq!(heard(&mut hears).await, b"NOOP\r\n");

    let reply = http(admin, "GET /metrics", &[("Host", "metrics.cluster.local")]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("Content-Type").starts_with("text/plain; version=0.0.4"));
    assert!(reply.text().contains("\npoplar_tunnels_opened_total{upstream=\"peer\"} 1\n"), "{}", reply.text());
    assert_eq!(http(admin, "GET /readyz", &[]).await.status, 200);
    assert_eq!(http(admin, "GET /", &[]).await.status, 404);
    assert_eq!(http(admin, "GET /relay.json", &[]).await.status, 404);
}

#[tokio::test]
async fn half_a_handshake_is_not_held_for_ever() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let relay = Relay::start(&["--upstream", "peer=pop3s://mail.example.org", "--header-timeout", "0.2"]);
    let mut idlers = Vec::new();
    for part in [b"".as_slice(), b"GET / HTTP/1.1\r\nHost: x"] {
        let mut tcp = tokio::net::TcpStream::connect(relay.address).await.unwrap();
        tcp.write_all(part).await.unwrap();
        idlers.push(tcp);
    }
    assert_eq!(relay.http("GET /healthz", &[]).await.status, 200, "others are served meanwhile");
    for mut tcp in idlers {
        let mut rest = Vec::new();
        let _ = tcp.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"));
    }
}

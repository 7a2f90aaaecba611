//! TLS to upstreams, STARTTLS, and the relay's own TLS.

use crate::support::*;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const GREETING: &[u8] = b"+OK ready\r\n";

async fn peer(identity: &Identity) -> SocketAddr {
    listen_tls(identity, |tls| converse(tls, GREETING)).await
}

/// Whether a session works through a relay with these flags; otherwise the code and reason of the refusal.
async fn session(url: &str, flags: &[String]) -> Result<(), (u16, String)> {
    let mut args = vec!["--upstream", url];
    args.extend(flags.iter().map(String::as_str));
    let relay = Relay::start(&args);
    let mut tunnel = relay.tunnel("peer").await;
    // What a refused upstream must never see.
    tunnel.send(b"PASS SeCrEt\r\n").await;
    tunnel.send(b"QUIT\r\n").await;
    let (bytes, code, reason) = tunnel.end().await;
    match code {
        1000 => {
            assert_eq!(String::from_utf8_lossy(&bytes), "+OK ready\r\n+OK PASS SeCrEt\r\n+OK Bye-bye.\r\n");
            Ok(())
        }
        code => {
            assert!(bytes.is_empty());
            Err((code, reason))
        }
    }
}

fn flag(name: &str, value: impl std::fmt::Display) -> [String; 2] {
    [name.to_owned(), format!("peer={value}")]
}

/// The reason of a refusal for TLS.
async fn distrust(url: &str, flags: &[String]) -> String {
    match session(url, flags).await {
        Err((4525, reason)) => reason,
        other => panic!("{other:?} instead of 4525"),
    }
}

#[tokio::test]
async fn both_tls_versions_carry_a_session() {
    let authority = Authority::new();
    let ca = authority.pem_file();
    for version in [&TLS12, &TLS13] as [&'static SupportedProtocolVersion; 2] {
        let acceptor = authority.identity(|_| {}).acceptor(&[version]);
        let peer = listen(move |tcp| {
            let acceptor = acceptor.clone();
            async move { converse(acceptor.accept(tcp).await.unwrap(), GREETING).await }
        })
        .await;
        assert_eq!(session(&upstream("pop3s", peer), &flag("--upstream-ca", ca.path().display())).await, Ok(()));
    }
}

#[tokio::test]
async fn a_certificate_is_refused_for_a_reason() {
    let authority = Authority::new();
    let ca_file = authority.pem_file();
    let ca = flag("--upstream-ca", ca_file.path().display());
    let untrusted = upstream("pop3s", peer(&authority.identity(|_| {})).await);
    assert!(distrust(&untrusted, &[]).await.contains("authority"));
    assert_eq!(session(&untrusted, &ca).await, Ok(()));

    let year = rcgen::date_time_ymd;
    let expired = authority.identity(|params| params.not_after = year(2020, 1, 1));
    assert!(distrust(&upstream("pop3s", peer(&expired).await), &ca).await.contains("expired"));
    let early = authority.identity(|params| params.not_before = year(2090, 1, 1));
    assert!(distrust(&upstream("pop3s", peer(&early).await), &ca).await.contains("not valid yet"));
    let other = authority.identity(|params| params.subject_alt_names.truncate(0));
    assert!(distrust(&upstream("pop3s", peer(&other).await), &ca).await.contains("host name"));
    let plain = listen(|tcp| converse(tcp, GREETING)).await;
    assert!(distrust(&upstream("pop3s", plain), &ca).await.contains("does not speak TLS"));
}

#[tokio::test]
async fn a_pin_adds_to_a_chain_and_stands_for_a_self_signed_certificate() {
    let authority = Authority::new();
    let ca_file = authority.pem_file();
    let ca = flag("--upstream-ca", ca_file.path().display());
    let (signed, own) = (authority.identity(|_| {}), Identity::self_signed());
    let (right, wrong) = (flag("--upstream-pin", signed.pin()), flag("--upstream-pin", own.pin()));

    let url = upstream("pop3s", peer(&signed).await);
    assert_eq!(session(&url, &[ca.clone(), right.clone()].concat()).await, Ok(()));
    assert_eq!(
        session(&url, &[ca.clone(), wrong.clone(), right.clone()].concat()).await,
        Ok(()),
        "one of several pins"
    );
    assert!(distrust(&url, &[ca.clone(), wrong].concat()).await.contains("pinned"));
    assert!(distrust(&url, &right).await.contains("authority"), "a pin does not stand for a chain that is not there");

    let url = upstream("pop3s", peer(&own).await);
    assert!(distrust(&url, &[]).await.contains("self-signed"));
    assert!(distrust(&url, &right).await.contains("pinned"));
    assert_eq!(session(&url, &flag("--upstream-pin", own.pin())).await, Ok(()));
}

/// A STARTTLS server: what it says before STLS, what it answers to it, and then TLS.
async fn starttls_peer(identity: &Identity, greeting: &'static [u8], answer: &'static [u8]) -> SocketAddr {
    let acceptor = identity.acceptor(rustls::ALL_VERSIONS);
    listen(move |mut tcp| {
        let acceptor = acceptor.clone();
        async move {
            tcp.write_all(greeting).await.unwrap();
            if read_line(&mut tcp).await == "STLS\r\n" {
                tcp.write_all(answer).await.unwrap();
                if let Ok(tls) = acceptor.accept(tcp).await {
                    converse(tls, b"").await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn after_starttls_the_client_sees_the_greeting_and_nothing_else_from_before() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let ca_file = authority.pem_file();
    let ca = flag("--upstream-ca", ca_file.path().display());
    for (greeting, answer) in [
        (GREETING, b"+OK Begin TLS\r\n".as_slice()),
        // Somebody in between adds replies before the handshake, hoping that they are read after it.
        (b"+OK ready\r\n+OK injected\r\n", b"+OK Begin TLS\r\n"),
        (GREETING, b"+OK Begin TLS\r\n+OK injected\r\n-ERR injected\r\n"),
        (b"+ok ready\r\n", b"+ok\r\n"),
    ] {
        let peer = starttls_peer(&identity, greeting, answer).await;
        let relay = Relay::start(&["--upstream", &upstream("pop3+starttls", peer), &ca[0], &ca[1]]);
        let mut tunnel = relay.tunnel("peer").await;
        tunnel.send(b"QUIT\r\n").await;
        let (bytes, code, _) = tunnel.end().await;
        let seen = String::from_utf8(bytes).unwrap();
        assert_eq!((seen.to_lowercase().as_str(), code), ("+ok ready\r\n+ok bye-bye.\r\n", 1000));
    }
}

#[tokio::test]
async fn starttls_is_never_done_without() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let url = |peer| upstream("pop3+starttls", peer);
    let refuses = starttls_peer(&identity, GREETING, b"-ERR not today\r\n").await;
    assert!(distrust(&url(refuses), &[]).await.contains("STARTTLS"));
    let untrusted = starttls_peer(&identity, GREETING, b"+OK\r\n").await;
    assert!(distrust(&url(untrusted), &[]).await.contains("authority"));
    let ends = listen(|tcp| async move { drop(tcp) }).await;
    assert_eq!(session(&url(ends), &[]).await.unwrap_err().0, 4525);
    let busy = starttls_peer(&identity, b"-ERR too many connections\r\n", b"").await;
    assert_eq!(session(&url(busy), &[]).await.unwrap_err().0, 4502);
    let endless = listen(|mut tcp| async move { while tcp.write_all(&[b'x'; 1000]).await.is_ok() {} }).await;
    assert_eq!(session(&url(endless), &[]).await.unwrap_err().0, 4525);
}

#[tokio::test]
async fn the_relay_serves_https_and_wss() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let (cert, key) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(cert.path(), identity.certificate.pem()).unwrap();
    std::fs::write(key.path(), identity.key.serialize_pem()).unwrap();
    let plain = listen(|tcp| converse(tcp, GREETING)).await;
    let relay = Relay::start(&[
        "--upstream",
        &upstream("pop3", plain),
        "--tls-cert",
        &cert.path().display().to_string(),
        "--tls-key",
        &key.path().display().to_string(),
    ]);

    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(
        rustls::pki_types::pem::PemObject::pem_file_iter(authority.pem_file().path()).unwrap().flatten(),
    );
    let config =
        rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let connect = async || {
        let tcp = tokio::net::TcpStream::connect(relay.address).await.unwrap();
        connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap()
    };

    // The certificate names the host, whatever port it is reached by.
    let mut tls = connect().await;
    let request = "GET /relay.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    tls.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{reply}");

    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request("wss://localhost/pop3/peer")
            .unwrap();
    request.headers_mut().insert("Origin", "https://localhost".parse().unwrap());
    request.headers_mut().insert("Sec-WebSocket-Protocol", "poplar.pop3.v1".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, connect().await).await.unwrap();
    let message = soon(futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap();
    assert_eq!(&message.into_data()[..], GREETING);
}

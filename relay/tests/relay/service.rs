//! The relay as a service: configuration told, files read again, and what a service manager gives and hears.

use crate::support::*;

/// Runs the program to its end: exit code, standard output and standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = program().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_configuration_can_be_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, tokens) = (folder.path().join("relay.toml"), folder.path().join("tokens"));
    std::fs::write(&tokens, "SeCrEt-token\n").unwrap();
    std::fs::write(&file, "token-file = 'tokens'\n[upstream.direct]\nurl = 'pop3s://mail.example.org'\n").unwrap();
    let config = ["serve", "--config", file.to_str().unwrap()];

    let (code, said, _) = run(&[&config[..], &["--check-config"]].concat());
    assert_eq!(code, Some(0));
    assert!(said.contains("good") && said.contains("1 upstream.") && said.contains("Access tokens: 1."), "{said}");

    let (code, printed, _) = run(&[&config[..], &["--print-config", "--max-tunnels", "7"]].concat());
    assert_eq!(code, Some(0));
    for line in ["max-tunnels = 7", "idle-timeout = 900", "[upstream.direct]", "url = \"pop3s://mail.example.org:995\""]
    {
        assert!(printed.lines().any(|found| found == line), "{line}\n{printed}");
    }
    assert!(printed.contains(tokens.to_str().unwrap()), "the file of tokens is named");
    assert!(!printed.contains("SeCrEt"), "and not shown");

    std::fs::write(&tokens, "").unwrap();
    let (code, _, said) = run(&[&config[..], &["--check-config"]].concat());
    assert_eq!(code, Some(2));
    assert!(said.contains("no token"), "{said}");
    std::fs::write(&file, "listen = '0.0.0.0:8110'\nupstream = ['a=pop3s://x']\nlimit = 3").unwrap();
    let (code, _, said) = run(&[&config[..], &["--check-config"]].concat());
    assert_eq!(code, Some(2));
    assert!(said.contains("limit"), "{said}");
    assert_eq!(run(&["serve", "--check-config"]).0, Some(2), "there is no mail server");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use tokio::net::{TcpStream, UnixDatagram};
    use tokio_rustls::client::TlsStream;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    const GREETING: &[u8] = b"+OK ready\r\n";

    async fn greeter() -> String {
        upstream("pop3", listen(|tcp| converse(tcp, GREETING)).await)
    }

    /// A connection to a relay that serves TLS, and the certificate it was shown.
    async fn connect(relay: &Relay, authority: &Authority) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let pem = authority.pem_file();
        roots.add_parsable_certificates(CertificateDer::pem_file_iter(pem.path()).unwrap().flatten());
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(relay.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let tls = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
        let shown = tls.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        (tls, shown)
    }

    async fn tunnel(tls: TlsStream<TcpStream>) -> WebSocketStream<TlsStream<TcpStream>> {
        let mut request = "wss://localhost/pop3/peer".into_client_request().unwrap();
        request.headers_mut().insert("Origin", "https://localhost".parse().unwrap());
        request.headers_mut().insert("Sec-WebSocket-Protocol", "poplar.pop3.v1".parse().unwrap());
        tokio_tungstenite::client_async(request, tls).await.unwrap().0
    }

    async fn next(tunnel: &mut WebSocketStream<TlsStream<TcpStream>>) -> Message {
        soon(futures_util::StreamExt::next(tunnel)).await.unwrap().unwrap()
    }

    fn write(identity: &Identity, cert: &Path, key: &Path) {
        std::fs::write(cert, identity.certificate.pem()).unwrap();
        std::fs::write(key, identity.key.serialize_pem()).unwrap();
    }

    #[tokio::test]
    async fn a_renewed_certificate_drops_nobody() {
        let authority = Authority::new();
        let (old, new) = (authority.identity(|_| {}), authority.identity(|_| {}));
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        write(&old, &cert, &key);
        let url = greeter().await;
        let relay = Relay::start(&[
            "--upstream",
            &url,
            "--tls-cert",
            cert.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
        ]);
        let (tls, shown) = connect(&relay, &authority).await;
        assert_eq!(&shown, old.certificate.der());
        let mut before = tunnel(tls).await;
        assert_eq!(next(&mut before).await.into_data(), GREETING);

        // Half a renewal is none.
        std::fs::write(&cert, new.certificate.pem()).unwrap();
        relay.signal("HUP");
        relay.logs("the certificate stays as it was").await;
        assert_eq!(&connect(&relay, &authority).await.1, old.certificate.der());
        write(&new, &cert, &key);
        relay.signal("HUP");
        relay.logs("the certificate was read again and has changed").await;
        let (tls, shown) = connect(&relay, &authority).await;
        assert_eq!(&shown, new.certificate.der());
        let mut after = tunnel(tls).await;
        assert_eq!(next(&mut after).await.into_data(), GREETING);

        futures_util::SinkExt::send(&mut before, Message::binary(b"NOOP\r\n".to_vec())).await.unwrap();
        assert_eq!(next(&mut before).await.into_data(), b"+OK NOOP\r\n".as_slice());
    }

    #[tokio::test]
    async fn a_token_that_is_taken_back_lets_nobody_in() {
        let tokens = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(tokens.path(), "desk-one\ndesk-two\n").unwrap();
        let relay = Relay::start(&["--upstream", &greeter().await, "--token-file", tokens.path().to_str().unwrap()]);
        let tunnel = async |token: &str| {
            let offered = format!("poplar.pop3.v1, poplar.token.{token}").parse().unwrap();
            let insert = |request: &mut tokio_tungstenite::tungstenite::http::Request<()>| {
                request.headers_mut().insert("Sec-WebSocket-Protocol", offered);
            };
            relay.tunnel_with("peer", insert).await.unwrap()
        };
        let mut running = tunnel("desk-one").await;
        running.expect(GREETING).await;
        std::fs::write(tokens.path(), "desk-two\n").unwrap();
        relay.signal("HUP");
        relay.logs("the token file was read again").await;
        assert_eq!(tunnel("desk-one").await.refusal().await.0, 4401);
        tunnel("desk-two").await.expect(GREETING).await;
        running.send(b"NOOP\r\n").await;
        running.expect(b"+OK NOOP\r\n").await;
        assert!(!relay.into_log().contains("desk-"));
    }

    /// What the service manager is told next, other than that the relay is alive.
    async fn told(manager: &UnixDatagram) -> String {
        let mut text = [0; 512];
        loop {
            let length = soon(manager.recv(&mut text)).await.unwrap();
            let said = String::from_utf8(text[..length].to_vec()).unwrap();
            if !said.contains("WATCHDOG=1") {
                return said;
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_service_manager_hears_how_the_relay_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut command = program();
        command.args(["serve", "--upstream", &greeter().await, "--listen", "127.0.0.1:0", "--drain-timeout", "60"]);
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
        let mut relay = Relay::run(command);
        let mut running = relay.tunnel("peer").await;
        running.expect(GREETING).await;
        assert!(told(&manager).await.contains("READY=1"));
        for _ in 0..3 {
            let mut text = [0; 512];
            let length = soon(manager.recv(&mut text)).await.unwrap();
            assert_eq!(text[..length].trim_ascii(), b"WATCHDOG=1");
        }
        relay.signal("HUP");
        let said = told(&manager).await;
        assert!(said.contains("RELOADING=1") && said.contains("MONOTONIC_USEC="), "{said}");
        assert!(told(&manager).await.contains("READY=1"));
        relay.terminate();
        assert!(told(&manager).await.contains("STOPPING=1"));
        running.send(b"QUIT\r\n").await;
        assert_eq!(running.end().await.1, 1000);
        drop(running);
        assert!(relay.wait().success());
    }

    /// The relay with a listening socket handed over as descriptor 3, as sd_listen_fds(3) has it.
    fn activated(socket: &std::net::TcpListener, args: &[&str]) -> Command {
        let plain = program();
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve \"$@\""]);
        command.arg(plain.get_program()).args(args);
        command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
        command
    }

    #[tokio::test]
    async fn a_socket_that_is_handed_over_is_served() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // Before there is a relay, and while one takes the place of another, who connects only waits.
        let early = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let relay = Relay::run(activated(&socket, &["--upstream", &greeter().await]));
        assert_eq!(relay.address, socket.local_addr().unwrap());
        relay.tunnel_over(early, "peer", |_| {}).await.unwrap().expect(GREETING).await;
    }

    #[test]
    fn a_socket_for_strangers_needs_what_every_other_needs() {
        let socket = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let output = activated(&socket, &["--upstream", "peer=pop3s://mail.example.org"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--tls-cert"), "{said}");
    }

    #[test]
    fn a_second_socket_serves_metrics_only_where_that_was_asked_for() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = Command::new("sh");
        let script = "exec 3<&0 4<&0 0</dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve \"$@\"";
        command.args(["-c", script]).arg(program().get_program()).args(["--upstream", "peer=pop3s://mail.example.org"]);
        command.stdin(Stdio::from(OwnedFd::from(socket)));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--admin-listen"), "{said}");
    }
}

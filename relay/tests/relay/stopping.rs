//! Starting where it must not, and stopping as a service manager wants it.

use crate::support::*;

/// Runs the program to its end: exit code and standard error.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = program().args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn serve_without_an_upstream_says_where_to_look() {
    let (code, said) = refused(&["serve"]);
    assert_eq!(code, Some(2));
    for part in [
        "https://kb.datamotion.com/?ht_kb=pop3-smtp-settings-securemail",
        "https://kb.datamotion.com/?ht_kb=what-are-the-pop3smtp-settings-for-direct",
        "poplar-relay serve --upstream securemail=pop3s://",
        "poplar-relay demo",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn strangers_need_protection_and_bad_flags_are_named() {
    let upstream = ["serve", "--upstream", "peer=pop3s://mail.example.org"];
    for (more, word) in [
        (["--listen", "0.0.0.0:0"], "--tls-cert"),
        (["--listen", "nonsense"], "nonsense"),
        (["--upstream", "Peer=pop3s://x"], "Peer"),
        (["--upstream", "x=https://mail"], "https"),
        (["--allow-origin", "*"], "origin"),
        (["--behind-proxy", "everyone"], "everyone"),
    ] {
        let (code, said) = refused(&[&upstream[..], &more].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn a_taken_port_is_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in [&["serve", "--upstream", "peer=pop3s://x"][..], &["demo"]] {
        let (code, said) = refused(&[command, &["--listen", &address]].concat());
        assert_eq!(code, Some(1));
        assert!(said.contains(&address) && said.contains("--listen 127.0.0.1:"), "{said}");
    }
}

#[test]
fn variables_configure_too() {
    let output = program().arg("serve").env("POPLAR_UPSTREAM", "a=pop3s://x,b=pop3://y").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("--allow-plaintext b"), "{said}");
}

#[cfg(unix)]
mod signals {
    use super::*;

    async fn greeter() -> String {
        upstream("pop3", listen(|tcp| converse(tcp, b"+OK ready\r\n")).await)
    }

    /// Waits until the relay says that it is not ready.
    async fn draining(relay: &Relay) {
        soon(async { while relay.http("GET /readyz", &[]).await.status != 503 {} }).await;
    }

    #[tokio::test]
    async fn running_tunnels_may_finish() {
        let url = greeter().await;
        let mut relay = Relay::start(&["--upstream", &url, "--drain-timeout", "60"]);
        let mut running = relay.tunnel("peer").await;
        running.expect(b"+OK ready\r\n").await;
        relay.terminate();
        draining(&relay).await;
        assert_eq!(relay.http("GET /healthz", &[]).await.status, 200);
        assert_eq!(relay.tunnel("peer").await.refusal().await.0, 4503, "no new ones");
        running.send(b"NOOP\r\nQUIT\r\n").await;
        let (bytes, code, _) = running.end().await;
        assert_eq!((bytes.as_slice(), code), (b"+OK NOOP\r\n+OK Bye-bye.\r\n".as_slice(), 1000));
        drop(running);
        assert!(relay.wait().success());
    }

    #[tokio::test]
    async fn at_the_deadline_they_are_closed_with_4503() {
        let url = greeter().await;
        let mut relay = Relay::start(&["--upstream", &url, "--drain-timeout", "0.2"]);
        let mut running = relay.tunnel("peer").await;
        running.expect(b"+OK ready\r\n").await;
        relay.terminate();
        assert_eq!(running.refusal().await.0, 4503);
        drop(running);
        assert!(relay.wait().success());
    }

    #[tokio::test]
    async fn a_second_signal_ends_at_once() {
        let url = greeter().await;
        let mut relay = Relay::start(&["--upstream", &url, "--drain-timeout", "3600"]);
        let mut running = relay.tunnel("peer").await;
        running.expect(b"+OK ready\r\n").await;
        relay.terminate();
        draining(&relay).await;
        relay.terminate();
        assert_eq!(relay.wait().code(), Some(1));
    }
}

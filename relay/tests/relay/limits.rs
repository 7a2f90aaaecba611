//! How many may come in, and as whom they are counted.

use crate::support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Request;

/// Whether a tunnel is carried (its peer greets), as opposed to refused with 4429.
async fn carried(tunnel: &mut Tunnel) -> bool {
    use tokio_tungstenite::tungstenite::Message;
    match tunnel.next().await {
        Message::Binary(_) => true,
        Message::Close(Some(frame)) if u16::from(frame.code) == 4429 => false,
        other => panic!("{other:?}"),
    }
}

fn forwarded_for(address: &str) -> impl FnOnce(&mut Request<()>) {
    let value = address.parse().unwrap();
    move |request| {
        request.headers_mut().insert("X-Forwarded-For", value);
    }
}

async fn greeter() -> String {
    upstream("pop3", listen(|tcp| converse(tcp, b"+OK ready\r\n")).await)
}

#[tokio::test]
async fn a_full_relay_says_so_and_has_room_again() {
    let url = greeter().await;
    for limit in ["--max-tunnels", "--max-per-address"] {
        let relay = Relay::start(&["--upstream", &url, limit, "2"]);
        let mut first = relay.tunnel("peer").await;
        let mut second = relay.tunnel("peer").await;
        assert!(carried(&mut first).await && carried(&mut second).await);
        assert!(!carried(&mut relay.tunnel("peer").await).await, "{limit}");
        first.send(b"QUIT\r\n").await;
        assert_eq!(first.end().await.1, 1000);
        // The place is free once the relay has seen the end through, which is after the close handshake.
        drop(first);
        let mut third = relay.tunnel("peer").await;
        soon(async {
            while !carried(&mut third).await {
                third = relay.tunnel("peer").await;
            }
        })
        .await;
        drop(second);
    }
}

#[tokio::test]
async fn clients_behind_a_listed_proxy_are_counted_one_by_one() {
    let url = greeter().await;
    let relay = Relay::start(&["--upstream", &url, "--max-per-address", "1", "--behind-proxy", "127.0.0.0/8"]);
    let mut one = relay.tunnel_with("peer", forwarded_for("203.0.113.1")).await.unwrap();
    let mut two = relay.tunnel_with("peer", forwarded_for("198.51.100.9, 203.0.113.2")).await.unwrap();
    assert!(carried(&mut one).await && carried(&mut two).await);
    let mut again = relay.tunnel_with("peer", forwarded_for("203.0.113.250, 203.0.113.1")).await.unwrap();
    assert!(!carried(&mut again).await, "a client cannot choose its address by writing one first");

    for (header, room) in
        [("PROXY TCP4 203.0.113.3 127.0.0.1 1 2\r\n", true), ("PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n", false)]
    {
        let mut tcp = TcpStream::connect(relay.address).await.unwrap();
        tcp.write_all(header.as_bytes()).await.unwrap();
        let mut tunnel = relay.tunnel_over(tcp, "peer", |_| {}).await.unwrap();
        assert_eq!(carried(&mut tunnel).await, room, "{header}");
    }

    // A balancer that only carries bytes announces its client, and carries what that client wrote.
    let mut tcp = TcpStream::connect(relay.address).await.unwrap();
    tcp.write_all(b"PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n").await.unwrap();
    let mut tunnel = relay.tunnel_over(tcp, "peer", forwarded_for("203.0.113.77")).await.unwrap();
    assert!(!carried(&mut tunnel).await, "an announced client cannot choose its address");
    // One proxy behind another is asked for its client.
    let mut tcp = TcpStream::connect(relay.address).await.unwrap();
    tcp.write_all(b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n").await.unwrap();
    let mut tunnel = relay.tunnel_over(tcp, "peer", forwarded_for("203.0.113.78")).await.unwrap();
    assert!(carried(&mut tunnel).await);
}

#[tokio::test]
async fn nobody_else_can_say_who_they_are() {
    let url = greeter().await;
    let relay = Relay::start(&["--upstream", &url, "--max-per-address", "1", "--behind-proxy", "10.0.0.0/8"]);
    let mut one = relay.tunnel_with("peer", forwarded_for("203.0.113.1")).await.unwrap();
    assert!(carried(&mut one).await);
    let mut two = relay.tunnel_with("peer", forwarded_for("203.0.113.2")).await.unwrap();
    assert!(!carried(&mut two).await);
    let mut tcp = TcpStream::connect(relay.address).await.unwrap();
    tcp.write_all(b"PROXY TCP4 203.0.113.3 127.0.0.1 1 2\r\n").await.unwrap();
    assert!(relay.tunnel_over(tcp, "peer", |_| {}).await.is_err(), "for a stranger that is a malformed request");
}

#[tokio::test]
async fn one_address_takes_not_all_connections_unless_it_is_a_proxy() {
    let url = greeter().await;
    for (proxies, all) in [("10.0.0.0/8", false), ("127.0.0.0/8", true)] {
        let relay = Relay::start(&["--upstream", &url, "--max-per-address", "1", "--behind-proxy", proxies]);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(TcpStream::connect(relay.address).await.unwrap());
        }
        // 65 are for one address: as many tunnels as it may have, and 64 more.
        let mut last = TcpStream::connect(relay.address).await.unwrap();
        let _ = last.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let mut reply = Vec::new();
        let _ = soon(last.read_to_end(&mut reply)).await;
        assert_eq!(reply.starts_with(b"HTTP/1.1 200"), all, "{proxies}");
    }
}

#[tokio::test]
async fn a_mail_server_has_its_own_limit() {
    let (url, other) = (greeter().await, greeter().await.replace("peer=", "other="));
    let relay = Relay::start(&["--upstream", &url, "--upstream", &other, "--upstream-max-tunnels", "peer=1"]);
    let mut first = relay.tunnel("peer").await;
    assert!(carried(&mut first).await);
    let (code, reason) = relay.tunnel("peer").await.refusal().await;
    assert_eq!(code, 4429);
    assert!(reason.contains("mail server"), "{reason}");
    assert!(carried(&mut relay.tunnel("other").await).await, "others are not meant");
}

#[tokio::test]
async fn who_comes_too_often_is_told_to_wait_and_nobody_else_is() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&[
        "--upstream",
        &upstream("pop3", peer),
        "--rate-per-address",
        "10",
        "--behind-proxy",
        "127.0.0.0/8",
        "--max-per-address",
        "1000",
    ]);
    // A fifth of a minute's worth at once.
    for _ in 0..2 {
        let mut tunnel = relay.tunnel_with("peer", forwarded_for("2001:db8::1")).await.unwrap();
        tunnel.send(b"QUIT\r\n").await;
        tunnel.0.close(None).await.unwrap();
        assert_eq!(heard(&mut hears).await, b"QUIT\r\n");
    }
    let (code, reason) = relay.tunnel_with("peer", forwarded_for("2001:db8::2")).await.unwrap().refusal().await;
    assert_eq!(code, 4429);
    assert!(reason.contains("too often"), "{reason}");
    assert!(hears.try_recv().is_err(), "no mail server was bothered");
}

#[tokio::test]
async fn who_only_claims_to_be_this_computer_is_limited() {
    let url = greeter().await;
    let relay = Relay::start(&["--upstream", &url, "--rate-per-address", "10", "--behind-proxy", "127.0.0.0/8"]);
    let mut carried_so_many = 0;
    while carried(&mut relay.tunnel_with("peer", forwarded_for("::1")).await.unwrap()).await {
        carried_so_many += 1;
        assert!(carried_so_many <= 2, "a fifth of a minute's worth at once");
    }
}

#[tokio::test]
async fn this_computer_itself_is_not_limited() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer), "--rate-per-address", "1"]);
    for _ in 0..20 {
        let mut own = relay.tunnel("peer").await;
        own.send(b"QUIT\r\n").await;
        own.0.close(None).await.unwrap();
        assert_eq!(heard(&mut hears).await, b"QUIT\r\n");
    }
}

//! How many may come in, and as whom they are counted.

use crate::support::*;
use tokio::io::AsyncWriteExt;
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

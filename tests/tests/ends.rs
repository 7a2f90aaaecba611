//! How tunnels end, as the code of the close frame: the contract's table against a real server and a real network.

use std::fs;

use anyhow::Result;
use poplar_tests::PATIENCE;
use poplar_tests::dovecot::{Dovecot, Options, PASSWORD};
use poplar_tests::faults::{Fault, Plan, Proxy};
use poplar_tests::messages;
use poplar_tests::port::Port;
use poplar_tests::relay::{Relay, Upstream};
use poplar_tests::tunnel::{End, Tunnel};
use poplar_wire::Close;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

#[tokio::test]
async fn quit_ends_cleanly_and_the_last_bytes_come_before_the_close() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    let sent = messages::large(3, 0, 2_000_000).bytes;
    for upstream in ["mail", "starttls", "plain"] {
        dovecot.deliver(upstream, &sent)?;
        let mut tunnel = Tunnel::sign_in(&relay.tunnel(upstream), &relay.origin(), upstream, PASSWORD).await?;
        tunnel.send(b"RETR 1\r\nQUIT\r\n").await?;
        let End { rest, code, reason } = tunnel.end().await?;
        let body = rest.windows(2).position(|pair| pair == b"\r\n").map(|end| &rest[end + 2..]).unwrap_or_default();
        assert!(body.starts_with(&sent), "{upstream}: {} octets of {} came", body.len(), sent.len());
        assert!(body[sent.len()..].starts_with(b".\r\n+OK"), "{upstream}");
        assert_eq!(code, Some(Close::Normal.code()), "{upstream}: {reason}");
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_reached_or_trusted_says_so() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let stranger = Dovecot::start_with(&Options { names: vec!["mail.example".into()], ..Options::default() }).await?;
    let nobody = Port::reserve()?;
    let relay = Relay::start(
        &[
            Upstream::new("down", format!("pop3s://{}", nobody.address()), None),
            Upstream::new("untrusted", dovecot.pop3s(), None),
            Upstream::new("other-root", dovecot.pop3s(), stranger.ca()),
            Upstream::new("other-name", stranger.pop3s(), stranger.ca()),
            Upstream::new("no-tls", format!("pop3s://{}", dovecot.pop3_address()), dovecot.ca()),
        ],
        &[],
    )
    .await?;
    for (name, close) in [
        ("nobody-knows-me", Close::UnknownUpstream),
        ("down", Close::UpstreamUnreachable),
        ("untrusted", Close::UpstreamTls),
        ("other-root", Close::UpstreamTls),
        ("other-name", Close::UpstreamTls),
        ("no-tls", Close::UpstreamTls),
    ] {
        let end = Tunnel::open(&relay.tunnel(name), &relay.origin()).await?.end().await?;
        assert_eq!(end.code, Some(close.code()), "{name}: {}", end.reason);
        assert!(end.rest.is_empty() && !end.reason.is_empty(), "{name}: {end:?}");
    }
    assert_eq!(dovecot.log().lines_since(0)?.iter().filter(|line| line.contains("Login:")).count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_cut_in_mid_message_is_told_apart_from_an_end() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let sent = messages::large(4, 0, 400_000).bytes;
    dovecot.deliver("ann", &sent)?;
    let proxy = Proxy::start(dovecot.pop3s_address()).await?;
    let relay =
        Relay::start(&[Upstream::new("mail", format!("pop3s://{}", proxy.address()), dovecot.ca())], &[]).await?;
    for (count, then) in [Fault::Cut, Fault::Reset].into_iter().enumerate() {
        proxy.set(Plan { after: 200_000, then: Some(then), ..Plan::default() });
        let mut tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
        tunnel.send(b"RETR 1\r\n").await?;
        let end = tunnel.end().await?;
        assert_eq!(end.code, Some(Close::UpstreamCut.code()), "{then:?}: {}", end.reason);
        // A reset may throw away what the kernel had not handed over; an orderly end may not.
        if then == Fault::Cut {
            assert!(end.rest.len() > 150_000, "only {} octets arrived", end.rest.len());
        }
        proxy.faults(count + 1).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_dies_ends_the_tunnel() -> Result<()> {
    let mut dovecot = Dovecot::start().await?;
    dovecot.deliver("ann", &messages::message(1, 1).bytes)?;
    let relay = Relay::before(&dovecot).await?;
    let tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    dovecot.kill();
    assert_eq!(tunnel.end().await?.code, Some(Close::UpstreamCut.code()));
    Ok(())
}

#[tokio::test]
async fn draining_tells_the_tunnels_and_the_relay_comes_back() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    dovecot.deliver("ann", &messages::message(1, 1).bytes)?;
    let upstream = [Upstream::new("mail", dovecot.pop3s(), dovecot.ca())];
    let mut relay = Relay::start(&upstream, &["--drain-timeout", "0.2"]).await?;
    let mut tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    assert!(tunnel.command("DELE 1").await?.starts_with("+OK"));
    let (stopped, end) = tokio::join!(relay.stop(), tunnel.end());
    assert!(stopped?.success());
    assert_eq!(end?.code, Some(Close::Draining.code()));
    assert!(!dovecot.sessions("ann", 1).await?.remove(0).quit, "an ending relay must not say QUIT for anybody");
    assert_eq!(dovecot.stored("ann")?.len(), 1);

    relay.restart().await?;
    Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn strangers_and_crowds_are_refused_before_the_server_hears_of_them() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let dir = tempfile::tempdir()?;
    let tokens = dir.path().join("tokens");
    fs::write(&tokens, "a-long-enough-token-0123456789abcdef\n")?;
    let proxy = Proxy::start(dovecot.pop3s_address()).await?;
    let upstream = [Upstream::new("mail", format!("pop3s://{}", proxy.address()), dovecot.ca())];

    let relay = Relay::start(&upstream, &["--max-tunnels", "1"]).await?;
    for origin in ["https://evil.example", "http://127.0.0.1:1", "null"] {
        let end = Tunnel::open(&relay.tunnel("mail"), origin).await?.end().await?;
        assert_eq!(end.code, Some(Close::OriginRefused.code()), "{origin}");
    }
    assert_eq!(proxy.accepted(), 0);
    let mut first = Tunnel::open(&relay.tunnel("mail"), &relay.origin()).await?;
    first.line().await?;
    let second = Tunnel::open(&relay.tunnel("mail"), &relay.origin()).await?.end().await?;
    assert_eq!(second.code, Some(Close::TooMany.code()));
    assert_eq!(proxy.accepted(), 1);

    let guarded = Relay::start(&upstream, &["--token-file", &tokens.to_string_lossy()]).await?;
    let end = Tunnel::open(&guarded.tunnel("mail"), &guarded.origin()).await?.end().await?;
    assert_eq!(end.code, Some(Close::TokenNeeded.code()));
    assert_eq!(proxy.accepted(), 1);
    Ok(())
}

#[tokio::test]
async fn a_page_that_names_no_origin_or_another_host_gets_no_tunnel_at_all() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    let status = async |header: &'static str, value: Option<&'static str>| -> Result<u16> {
        let mut request = relay.tunnel("mail").into_client_request()?;
        request.headers_mut().insert("Origin", relay.origin().parse()?);
        request.headers_mut().insert("Sec-WebSocket-Protocol", poplar_wire::SUBPROTOCOL.parse()?);
        match value {
            Some(value) => request.headers_mut().insert(header, value.parse()?),
            None => request.headers_mut().remove(header),
        };
        match tokio::time::timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await? {
            Err(tungstenite::Error::Http(response)) => Ok(response.status().as_u16()),
            Ok(_) => Ok(101),
            Err(error) => Err(error.into()),
        }
    };
    assert_eq!(status("Origin", None).await?, 403);
    assert_eq!(status("Host", Some("poplar.example")).await?, 421);
    assert_eq!(status("User-Agent", Some("test")).await?, 101, "the same request with nothing wrong");
    Ok(())
}

#[tokio::test]
async fn frames_that_carry_no_pop3_end_the_tunnel() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    for (frame, close) in [
        (Message::text("NOOP\r\n"), Close::TextFrame),
        (Message::binary(vec![b'x'; poplar_wire::MAX_MESSAGE + 1]), Close::TooBig),
    ] {
        let mut tunnel = Tunnel::open(&relay.tunnel("mail"), &relay.origin()).await?;
        tunnel.line().await?;
        tunnel.send_frame(frame).await?;
        assert_eq!(tunnel.end().await?.code, Some(close.code()), "{close:?}");
    }
    Ok(())
}

//! The guide's sequences through the real relay to a real Dovecot, and what Dovecot says about them.

use anyhow::Result;
use poplar_tests::dovecot::{Dovecot, Options, PASSWORD};
use poplar_tests::faults::{Plan, Proxy};
use poplar_tests::messages::{self, Shape};
use poplar_tests::relay::{Relay, Upstream};
use poplar_tests::tunnel::Tunnel;

/// Establish, list, make the list of UIDs, retrieve, terminate: by every kind of upstream, each message byte for byte.
#[tokio::test]
async fn every_kind_of_upstream_carries_the_whole_guide() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    for upstream in ["mail", "starttls", "plain"] {
        let sent = fill(&dovecot, upstream, Shape::ALL.len() as u64)?;
        let mut tunnel = Tunnel::sign_in(&relay.tunnel(upstream), &relay.origin(), upstream, PASSWORD).await?;

        let octets: usize = sent.iter().map(|message| message.len()).sum();
        assert_eq!(tunnel.command("STAT").await?, format!("+OK {} {octets}", sent.len()));
        let list = String::from_utf8(tunnel.multiline("LIST").await?)?;
        let expected: Vec<_> =
            sent.iter().enumerate().map(|(at, bytes)| format!("{} {}", at + 1, bytes.len())).collect();
        assert_eq!(list.lines().collect::<Vec<_>>(), expected);
        let uids = String::from_utf8(tunnel.multiline("UIDL").await?)?;
        assert_eq!(uids.lines().count(), sent.len());

        for (at, bytes) in sent.iter().enumerate() {
            let retrieved = tunnel.multiline(&format!("RETR {}", at + 1)).await?;
            assert!(retrieved == *bytes, "message {} over {upstream} came back changed", at + 1);
        }
        assert_eq!(tunnel.command("NOOP").await?, "+OK");
        assert!(tunnel.command("QUIT").await?.starts_with("+OK"));
        let end = tunnel.end().await?;
        assert!(end.rest.is_empty());

        let session = dovecot.sessions(upstream, 1).await?.remove(0);
        assert!(session.quit);
        assert_eq!((session.retr, session.del, session.messages), (sent.len() as u64, 0, sent.len() as u64));
    }
    Ok(())
}

/// The name `localhost` may stand for `::1` as well, where nobody listens; the relay finds the server all the same.
#[tokio::test]
async fn an_upstream_by_name_is_found_behind_any_of_its_addresses() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    dovecot.deliver("ann", &messages::message(1, 1).bytes)?;
    let url = format!("pop3s://localhost:{}", dovecot.pop3s_address().port());
    let relay = Relay::start(&[Upstream::new("mail", url, dovecot.ca())], &[]).await?;
    let mut tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    assert!(tunnel.command("STAT").await?.starts_with("+OK 1 "));
    Ok(())
}

/// Deletions take effect at QUIT, and only then (guide, "Delete messages").
#[tokio::test]
async fn only_quit_deletes() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    fill(&dovecot, "ann", 4)?;
    let open = async || Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await;

    let mut tunnel = open().await?;
    assert!(tunnel.command("DELE 1").await?.starts_with("+OK"));
    tunnel.abandon();
    let mut tunnel = open().await?;
    assert!(tunnel.command("DELE 2").await?.starts_with("+OK"));
    tunnel.close().await?;
    let mut tunnel = open().await?;
    assert!(tunnel.command("DELE 3").await?.starts_with("+OK"));
    assert!(tunnel.command("RSET").await?.starts_with("+OK"));
    assert!(tunnel.command("QUIT").await?.starts_with("+OK"));
    let sessions = dovecot.sessions("ann", 3).await?;
    assert!(sessions.iter().all(|session| session.del == 0), "{sessions:?}");
    assert_eq!(dovecot.stored("ann")?.len(), 4);

    let mut tunnel = open().await?;
    assert!(tunnel.command("DELE 4").await?.starts_with("+OK"));
    assert!(tunnel.command("QUIT").await?.starts_with("+OK"));
    assert_eq!(dovecot.sessions("ann", 4).await?.last().map(|session| session.del), Some(1));
    assert_eq!(dovecot.stored("ann")?.len(), 3);
    Ok(())
}

/// Pipelined commands (RFC 2449 §6.6) in one frame, and one command cut over many frames: frame borders mean nothing.
#[tokio::test]
async fn frame_borders_mean_nothing() -> Result<()> {
    let dovecot = Dovecot::start().await?;
    let relay = Relay::before(&dovecot).await?;
    fill(&dovecot, "ann", 2)?;
    let mut tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    tunnel.send(b"NOOP\r\nSTAT\r\nNOOP\r\n").await?;
    assert_eq!(tunnel.line().await?, "+OK");
    assert!(tunnel.line().await?.starts_with("+OK 2 "));
    assert_eq!(tunnel.line().await?, "+OK");
    for byte in b"LIST 2\r\n" {
        tunnel.send(&[*byte]).await?;
    }
    assert!(tunnel.line().await?.starts_with("+OK 2 "));
    Ok(())
}

/// A session is the sum of its bytes, however slowly they come; and a megabyte over a long line is still one message.
#[tokio::test]
async fn a_long_line_and_a_long_way_change_nothing() -> Result<()> {
    let dovecot = Dovecot::start_with(&Options { uidl_format: "%g".into(), ..Options::default() }).await?;
    let large = messages::large(5, 0, 3_000_000).bytes;
    dovecot.deliver("ann", &large)?;
    let proxy = Proxy::start(dovecot.pop3s_address()).await?;
    proxy.set(Plan { delay_ms: 5, ..Plan::default() });
    let url = format!("pop3s://{}", proxy.address());
    let relay = Relay::start(&[Upstream::new("mail", url, dovecot.ca())], &[]).await?;
    let mut tunnel = Tunnel::sign_in(&relay.tunnel("mail"), &relay.origin(), "ann", PASSWORD).await?;
    assert!(tunnel.multiline("RETR 1").await? == large, "the large message came back changed");
    Ok(())
}

/// Delivers the first messages of a series, half of them with LF line ends as a Maildir usually has them, and returns them
/// as they must come back.
fn fill(dovecot: &Dovecot, user: &str, count: u64) -> Result<Vec<Vec<u8>>> {
    (0..count)
        .map(|number| {
            let sent = messages::message(11, number).bytes;
            let mut kept = sent.clone();
            if number % 2 == 0 {
                kept.retain(|&byte| byte != b'\r');
            }
            dovecot.deliver(user, &kept)?;
            Ok(sent)
        })
        .collect()
}

//! How tunnels end: every code, and no byte lost before it.

use crate::support::*;
use futures_util::{SinkExt, StreamExt};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// The pattern that bodies are made of, so that a lost or doubled piece shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 251 + i) as u8).collect()
}

#[tokio::test]
async fn a_dialogue_over_tls_ends_with_1000() {
    let authority = Authority::new();
    let peer = listen_tls(&authority.identity(|_| {}), |tls| converse(tls, b"+OK ready\r\n")).await;
    let ca = format!("peer={}", authority.pem_file().into_temp_path().keep().unwrap().display());
    let relay = Relay::start(&["--upstream", &upstream("pop3s", peer), "--upstream-ca", &ca]);
    let mut tunnel = relay.tunnel("peer").await;
    tunnel.expect(b"+OK ready\r\n").await;
    for command in [b"USER Stan\r\n".as_slice(), b"NOOP\r\nNOOP\r\n"] {
        tunnel.send(command).await;
    }
    tunnel.expect(b"+OK USER Stan\r\n+OK NOOP\r\n+OK NOOP\r\n").await;
    tunnel.send(b"QUIT\r\n").await;
    let (bytes, code, _) = tunnel.end().await;
    assert_eq!((bytes.as_slice(), code), (b"+OK Bye-bye.\r\n".as_slice(), 1000));
}

#[tokio::test]
async fn the_last_bytes_come_before_the_close() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let turn = AtomicUsize::new(0);
    // In turn: a clean end, and a FIN without close_notify.
    let tls = listen_tls(&identity, move |mut tls| {
        let clean = turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        async move {
            tls.write_all(&pattern(300_000)).await.unwrap();
            tls.flush().await.unwrap();
            match clean {
                true => tls.shutdown().await.unwrap(),
                false => tls.get_mut().0.shutdown().await.unwrap(),
            }
            let _ = tls.read_u8().await;
        }
    })
    .await;
    let ca = authority.pem_file();
    let ca = format!("peer={}", ca.path().display());
    let relay = Relay::start(&["--upstream", &upstream("pop3s", tls), "--upstream-ca", &ca]);
    for expected in [1000, 4500, 1000, 4500, 1000, 4500] {
        let mut tunnel = relay.tunnel("peer").await;
        // Commands that nobody will read any more must not cost what is on its way here.
        tunnel.send(b"NOOP\r\n").await;
        let (bytes, code, _) = tunnel.end().await;
        assert_eq!(code, expected);
        assert!(bytes == pattern(300_000), "{} of 300000 octets", bytes.len());
    }
}

#[tokio::test]
async fn without_tls_a_fin_is_a_clean_end_and_a_reset_is_not() {
    for (reset, expected) in [(false, 1000), (true, 4500)] {
        let peer = listen(move |mut tcp| async move {
            tcp.write_all(b"+OK ready\r\n").await.unwrap();
            read_line(&mut tcp).await;
            if reset {
                tcp.set_zero_linger().unwrap();
            }
        })
        .await;
        let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
        let mut tunnel = relay.tunnel("peer").await;
        tunnel.expect(b"+OK ready\r\n").await;
        tunnel.send(b"NOOP\r\n").await;
        assert_eq!(tunnel.refusal().await.0, expected);
    }
}

#[tokio::test]
async fn a_text_frame_is_4400_and_not_forwarded() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let mut tunnel = relay.tunnel("peer").await;
    tunnel.send(b"NOOP\r\n").await;
    tunnel.0.send(Message::text("USER Stan\r\n")).await.unwrap();
    assert_eq!(tunnel.refusal().await.0, 4400);
    assert_eq!(heard(&mut hears).await, b"NOOP\r\n");
}

#[tokio::test]
async fn what_is_too_big_is_1009_and_what_just_fits_is_carried() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let mut tunnel = relay.tunnel("peer").await;
    tunnel.send(&pattern(64 * 1024)).await;
    tunnel.0.close(None).await.unwrap();
    assert!(heard(&mut hears).await == pattern(64 * 1024));

    let mut tunnel = relay.tunnel("peer").await;
    tunnel.send(&pattern(64 * 1024 + 1)).await;
    assert_eq!(tunnel.refusal().await.0, 1009);

    // Sixty megabytes are refused by what the frame's head says, before a byte of them is sent.
    let mut raw = relay.raw_tunnel("peer").await;
    raw.write_all(&[&[0x82, 0xff][..], &60_000_000_u64.to_be_bytes(), &[1, 2, 3, 4]].concat()).await.unwrap();
    assert_eq!(raw_close_code(&mut raw).await, 1009);

    // The same in small fragments.
    let mut raw = relay.raw_tunnel("peer").await;
    for fragment in 0..3 {
        let opcode = if fragment == 0 { 0x02 } else { 0x00 };
        let head = [&[opcode, 0xff][..], &30_000_u64.to_be_bytes(), &[0, 0, 0, 0]].concat();
        raw.write_all(&[head, pattern(30_000)].concat()).await.unwrap();
    }
    assert_eq!(raw_close_code(&mut raw).await, 1009);
}

#[tokio::test]
async fn malformed_frames_are_1002() {
    let (peer, _hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    for frame in [
        b"\x82\x06NOOP\r\n".as_slice(), // unmasked
        b"\xc2\x80\0\0\0\0",            // a reserved bit
        b"\x83\x80\0\0\0\0",            // a reserved opcode
        b"\x80\x80\0\0\0\0",            // a continuation of nothing
        b"\x09\x80\0\0\0\0",            // a fragmented ping
    ] {
        let mut raw = relay.raw_tunnel("peer").await;
        raw.write_all(frame).await.unwrap();
        assert_eq!(raw_close_code(&mut raw).await, 1002, "{frame:?}");
    }
}

#[tokio::test]
async fn silence_and_age_are_4408() {
    for limit in ["--idle-timeout", "--total-timeout"] {
        let (peer, mut hears) = listen_and_tell().await;
        let relay = Relay::start(&["--upstream", &upstream("pop3", peer), limit, "0.2"]);
        let mut tunnel = relay.tunnel("peer").await;
        assert_eq!(tunnel.refusal().await.0, 4408);
        assert!(heard(&mut hears).await.is_empty());
    }
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_says_how() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let relay = Relay::start(&["--upstream", &upstream("pop3s", gone)]);
    assert_eq!(relay.tunnel("peer").await.refusal().await.0, 4502);

    let silent = listen(|mut tcp| async move { while tcp.read_u8().await.is_ok() {} }).await;
    let relay = Relay::start(&["--upstream", &upstream("pop3s", silent), "--dial-timeout", "0.2"]);
    assert_eq!(relay.tunnel("peer").await.refusal().await.0, 4504);
}

#[tokio::test]
async fn unknown_upstreams_are_4404_and_nothing_is_dialled() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let there = peer.to_string();
    for name in ["other", "PEER", "peer/", &there, "localhost:995", ""] {
        assert_eq!(relay.tunnel(name).await.refusal().await.0, 4404, "{name}");
    }
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn what_a_leaving_browser_sent_is_delivered() {
    let authority = Authority::new();
    let ca = authority.pem_file();
    let (peer, mut hears) = listen_and_tell_tls(&authority.identity(|_| {})).await;
    let flag = format!("peer={}", ca.path().display());
    let relay = Relay::start(&["--upstream", &upstream("pop3s", peer), "--upstream-ca", &flag]);
    // With a word, and without one.
    for says_goodbye in [true, false] {
        let mut tunnel = relay.tunnel("peer").await;
        tunnel.send(&pattern(60_000)).await;
        tunnel.send(b"QUIT\r\n").await;
        match says_goodbye {
            true => {
                tunnel.0.close(None).await.unwrap();
                while let Some(Ok(_)) = tunnel.0.next().await {}
            }
            false => drop(tunnel),
        }
        assert!(heard(&mut hears).await == [&pattern(60_000)[..], b"QUIT\r\n"].concat());
    }
}

#[tokio::test]
async fn what_is_sent_while_dialling_is_delivered() {
    let (peer, mut hears) = listen_and_tell().await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let mut raw = relay.raw_tunnel("peer").await;
    raw.write_all(b"\x82\x86\0\0\0\0NOOP\r\n\x82\x86\0\0\0\0QUIT\r\n\x88\x80\0\0\0\0").await.unwrap();
    assert_eq!(heard(&mut hears).await, b"NOOP\r\nQUIT\r\n");
}

#[tokio::test]
async fn large_transfers_pass_both_ways_at_once() {
    let authority = Authority::new();
    let ca = authority.pem_file();
    let echo = |stream| async move {
        let (mut from, mut to) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut from, &mut to).await;
    };
    let tls = listen_tls(&authority.identity(|_| {}), echo).await;
    let plain = listen(|stream| async move {
        let (mut from, mut to) = stream.into_split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await;
    let flag = format!("peer={}", ca.path().display());
    for url in [upstream("pop3s", tls), upstream("pop3", plain)] {
        let relay = Relay::start(&["--upstream", &url, "--upstream-ca", &flag]);
        let (mut sink, mut stream) = relay.tunnel("peer").await.0.split();
        let sent = pattern(20_000_000);
        let messages: Vec<_> = sent.chunks(50_000).map(|chunk| Message::binary(chunk.to_vec())).collect();
        let sending = tokio::spawn(async move {
            for message in messages {
                sink.send(message).await.unwrap();
            }
            sink
        });
        let mut received = Vec::with_capacity(sent.len());
        while received.len() < sent.len() {
            let message = soon(stream.next()).await.unwrap().unwrap();
            assert!(message.len() <= 16 * 1024, "one record at a time");
            received.extend_from_slice(&message.into_data());
        }
        assert!(received == sent);
        drop(sending.await.unwrap());
    }
}

#[tokio::test]
async fn a_browser_that_does_not_read_holds_up_its_upstream() {
    const OFFERED: usize = 256 << 20;
    let (told, mut taken) = tokio::sync::mpsc::unbounded_channel();
    let peer = listen(move |mut tcp| {
        let told = told.clone();
        async move {
            let (chunk, mut sent) = (vec![0; 1 << 16], 0);
            while sent < OFFERED && tcp.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
            }
            told.send(sent).unwrap();
        }
    })
    .await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer), "--idle-timeout", "0.3"]);
    let _tunnel = relay.tunnel("peer").await;
    // What was taken before the stalled tunnel timed out is in the buffers of two sockets, 6 MiB each way at most on Linux.
    let sent = soon(taken.recv()).await.unwrap();
    assert!(sent < OFFERED / 4, "{sent} octets were taken for somebody who reads nothing");
}

#[tokio::test]
async fn the_log_has_numbers_and_nothing_of_a_session() {
    let peer = listen(|tcp| converse(tcp, b"+OK ready\r\n")).await;
    let relay = Relay::start(&["--upstream", &upstream("pop3", peer)]);
    let mut tunnel = relay.tunnel("peer").await;
    tunnel.expect(b"+OK ready\r\n").await;
    tunnel.send(b"USER Stan-the-user\r\nPASS SeCrEt\r\nQUIT\r\n").await;
    let (bytes, code, _) = tunnel.end().await;
    assert_eq!(code, 1000);
    let down = b"+OK ready\r\n".len() + bytes.len();
    drop(tunnel);
    let log = relay.into_log();
    for needle in ["session=\"", "-1\" upstream=peer", "close=1000", &format!("to_browser={down}"), "to_upstream=39"] {
        assert!(log.contains(needle), "{needle} in {log}");
    }
    for secret in ["Stan", "SeCrEt", "PASS", "ready", "127.0.0.1:"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// Reads frames until a close, and returns its code.
async fn raw_close_code(raw: &mut TcpStream) -> u16 {
    loop {
        let (head, length) = (soon(raw.read_u8()).await.unwrap(), soon(raw.read_u8()).await.unwrap());
        let mut payload = vec![0; usize::from(length)];
        raw.read_exact(&mut payload).await.unwrap();
        if head == 0x88 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

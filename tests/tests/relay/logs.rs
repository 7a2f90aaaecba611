//! No log at any level, in either format, has a password, a token or a word of mail, whichever way a session goes.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::relay::{Relay, Upstream};
use poplar_wire::{SUBPROTOCOL, TOKEN_PREFIX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::{BINARY, CLOSE, CONTINUATION, Duplex, FIN, PING, Trust, connect, frame, request, soon};

/// Words that no log could have by accident.
const USER: &str = "unlikely.user-5b1d@example.org";
const SUBJECT: &str = "Unlikely-subject-0c4f";
const BODY: &str = "unlikely-words-of-the-body-9a72";
const TOKEN: &str = "unlikely-token-e6d3";
const WRONG_TOKEN: &str = "unlikely-wrong-token-18fa";
const WRONG: &str = "unlikely-wrong-password-77c0";
const IN_URL: &str = "unlikely-words-of-the-url-d20b";

#[tokio::test]
async fn people_read_nothing_of_a_session() -> Result<()> {
    planted("human", None).await
}

#[tokio::test]
async fn programs_read_nothing_of_a_session() -> Result<()> {
    planted("json", Some(&Trust::new()?)).await
}

/// Plants the words in everything that a session can be made of, and looks for them in all that the relay said.
async fn planted(format: &str, trust: Option<&Trust>) -> Result<()> {
    let dovecot = Dovecot::start().await?;
    dovecot.deliver(USER, format!("Subject: {SUBJECT}\r\n\r\n{BODY}\r\n").as_bytes())?;
    let upstreams = [
        Upstream::new("peer", dovecot.pop3s(), dovecot.ca()),
        Upstream::new("starttls", dovecot.starttls(), dovecot.ca()),
        Upstream::new("untrusted", dovecot.pop3s(), None),
        Upstream::new("silent", "pop3s://192.0.2.1", None),
    ];
    let tokens = tempfile::NamedTempFile::new()?;
    std::fs::write(tokens.path(), format!("{TOKEN}\n"))?;
    let mut arguments = trust.map(Trust::flags).unwrap_or_default();
    let tokens = tokens.path().display().to_string();
    arguments.extend(["--log", "trace", "--log-format", format, "--token-file", &tokens].map(String::from));
    // The harness sets RUST_LOG=trace.
    let relay = Relay::start(&upstreams, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await?;

    let sign_in = format!("USER {USER}\r\nPASS {PASSWORD}\r\nRETR 1\r\nQUIT\r\n").into_bytes();
    let refused = format!("USER {USER}\r\nPASS {WRONG}\r\nQUIT\r\n").into_bytes();
    let [message, wrong] = [&sign_in, &refused].map(|bytes| frame(FIN | BINARY, bytes));
    let text = frame(FIN | 0x1, &sign_in);
    let broken_up = [
        frame(BINARY, &sign_in[..20]),
        frame(FIN | PING, PASSWORD.as_bytes()),
        frame(FIN | CONTINUATION, &sign_in[20..]),
    ]
    .concat();
    let unmasked = [&[FIN | BINARY, sign_in.len() as u8], &sign_in[..]].concat();
    let reserved = frame(FIN | 0x40 | BINARY, &sign_in);
    let too_big = [&frame(BINARY, &sign_in)[..], &frame(FIN | CONTINUATION, &[b'x'; 65_536])].concat();
    // A close frame's reason is a client's own words.
    let leaves =
        [frame(FIN | BINARY, &sign_in[..30]), frame(FIN | CLOSE, &[&1000_u16.to_be_bytes(), BODY.as_bytes()].concat())]
            .concat();

    let with = |name: &str, token: &str| {
        request(&relay, name).replace(SUBPROTOCOL, &format!("{SUBPROTOCOL}, {TOKEN_PREFIX}{token}"))
    };
    let mut seen = Vec::new();
    for (head, frames) in [
        (with("peer", TOKEN), &message),
        (with("starttls", TOKEN), &message),
        (with("peer", TOKEN), &wrong),
        (with("peer", TOKEN), &broken_up),
        (with("peer", TOKEN), &text),
        (with("peer", TOKEN), &unmasked),
        (with("peer", TOKEN), &reserved),
        (with("peer", TOKEN), &too_big),
        (with("peer", TOKEN), &leaves),
        (with("untrusted", TOKEN), &message),
        (with(IN_URL, TOKEN), &message),
        (with("peer", WRONG_TOKEN), &message),
        (request(&relay, "peer"), &message),
        (with("peer", TOKEN).replace(&relay.origin(), "https://elsewhere.example"), &message),
        (with("peer", TOKEN).replace("HTTP/1.1", &format!("{IN_URL} HTTP/1.1")), &message),
        (with("peer", TOKEN).replace("/pop3/peer", &format!("/pop3/peer?{IN_URL}")), &message),
        (with("peer", TOKEN).replace("Host: ", &format!("Host: {IN_URL}.")), &message),
    ] {
        seen.extend(all_said(connect(&relay, trust, None).await?, &head, frames).await?);
    }
    // And one that leaves while the relay still dials.
    let mut stream = connect(&relay, trust, None).await?;
    stream.write_all(&[with("silent", TOKEN).as_bytes(), &message].concat()).await?;
    drop(stream);

    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(seen.contains(SUBJECT) && seen.contains(BODY), "nothing was retrieved");
    assert!(seen.contains("-ERR"), "no password was refused");
    let ended = |lines: &[String]| lines.iter().filter(|line| line.contains("tunnel ended")).count() >= 10;
    let log = relay.log().until(0, "the ends of the tunnels", |lines| ended(lines).then(|| lines.join("\n"))).await?;
    assert_eq!(log.lines().any(|line| line.starts_with('{')), format == "json", "{log}");
    for secret in [PASSWORD, USER, SUBJECT, BODY, TOKEN, WRONG_TOKEN, WRONG, IN_URL] {
        let list = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        for shape in [secret.to_owned(), STANDARD.encode(secret), list, hex] {
            assert!(!log.contains(&shape), "the log has {shape}:\n{log}");
        }
    }
    Ok(())
}

/// Sends a request for a tunnel and frames, and returns all that comes of it until the end; a close is answered.
async fn all_said(mut stream: Box<dyn Duplex>, head: &str, frames: &[u8]) -> Result<Vec<u8>> {
    stream.write_all(&[head.as_bytes(), frames].concat()).await?;
    stream.flush().await?;
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        match soon(stream.read_u8()).await? {
            Ok(byte) => said.push(byte),
            Err(_) => return Ok(said),
        }
    }
    if said.starts_with(b"HTTP/1.1 101") {
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        while let Some(Ok(message)) = soon(futures_util::StreamExt::next(&mut socket)).await? {
            said.extend_from_slice(&message.into_data());
        }
    }
    Ok(said)
}

//! A pump between narrow sockets, and with a clock that the test winds on.

use super::*;
use crate::limits::Limits;
use crate::tls::{Pin, UpstreamTls};
use crate::wire::{Prefixed, Wire};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{advance, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// What tokio's clock may be late by.
const TICK: Duration = Duration::from_millis(10);

/// Two ends of a connection whose sending buffer holds next to nothing.
pub(crate) async fn narrow() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    let near = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

pub(crate) async fn browser(accepted: TcpStream) -> Browser {
    let place = Limits::new(1, 1).take(accepted.peer_addr().unwrap().ip()).unwrap();
    let wire = Wire::plain(Prefixed::new(Bytes::new(), accepted), place);
    Browser::new(wire, Vec::new()).await
}

/// Runs a test whose clock stands still until the test winds it on. With a blocking task about, tokio does not do so by itself;
/// and it looks at sockets after every task, so that a few turns are enough for all that is on its way on this computer.
fn with_stopped_clock(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(1).start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (held, gone) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || gone.recv());
        test.await;
        drop(held);
    });
}

async fn wind_on(span: Duration) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    advance(span).await;
}

#[test]
fn a_silent_browser_is_pinged_and_lives_as_long_as_it_answers() {
    with_stopped_clock(async {
        let ((page, accepted), (near, mut far)) = (narrow().await, narrow().await);
        let mut pump = Pump::new(browser(accepted).await, Stream::Plain(near), Bytes::new(), DAY, DAY);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        for _ in 0..10 {
            wind_on(PING_AFTER + TICK).await;
            assert_eq!(page.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));
            page.flush().await.unwrap();
        }
        // Anything that is received counts, and puts the next ping off.
        page.send(Message::binary(b"NOOP\r\n".to_vec())).await.unwrap();
        let mut command = [0; 6];
        far.read_exact(&mut command).await.unwrap();
        wind_on(PING_AFTER - Duration::from_secs(1)).await;
        far.write_all(b"+OK\r\n").await.unwrap();
        assert_eq!(page.next().await.unwrap().unwrap().into_data(), b"+OK\r\n".as_slice());
        assert!(!carrying.is_finished());
        carrying.abort();
    });
}

#[test]
fn a_browser_that_answers_nothing_is_taken_for_gone() {
    with_stopped_clock(async {
        let ((_page, accepted), (near, _far)) = (narrow().await, narrow().await);
        let mut pump = Pump::new(browser(accepted).await, Stream::Plain(near), Bytes::new(), DAY, DAY);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
        let mut waited = Duration::ZERO;
        while waited < GONE_AFTER {
            assert!(!carrying.is_finished(), "gone after {waited:?}");
            wind_on(PING_AFTER + TICK).await;
            waited += PING_AFTER;
        }
        let End::Ours(close, reason) = carrying.await.unwrap() else { panic!("nobody left") };
        assert_eq!(close, Close::Timeout);
        assert!(reason.contains("stopped answering"), "{reason}");
    });
}

/// An upstream with TLS over a narrow connection, and its other end.
async fn secured() -> (Stream, tokio_rustls::server::TlsStream<TcpStream>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let server = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let trust = UpstreamTls::new(rustls::RootCertStore::empty(), vec![Pin::of(made.cert.der()).unwrap()]);
    let (near, far) = narrow().await;
    let (connector, acceptor) =
        (tokio_rustls::TlsConnector::from(trust.config), tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server)));
    let (near, far) = tokio::join!(connector.connect("localhost".try_into().unwrap(), near), acceptor.accept(far));
    (Stream::Tls(Box::new(near.unwrap())), far.unwrap())
}

#[tokio::test]
async fn what_tls_could_not_send_at_once_does_not_wait_for_more() {
    let (upstream, mut peer) = secured().await;
    let (page, accepted) = narrow().await;
    let browser = browser(accepted).await;
    let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;

    let mut pump = Pump::new(browser, upstream, Bytes::new(), DAY, DAY);
    let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
    let sent = vec![b'x'; 60_000];
    page.send(Message::binary(sent.clone())).await.unwrap();
    let mut received = vec![0; sent.len()];
    let reading = timeout(Duration::from_secs(60), peer.read_exact(&mut received));
    reading.await.expect("everything arrives without a further word").unwrap();
    assert!(received == sent);
    carrying.abort();
}

#[tokio::test]
async fn what_came_before_tls_broke_down_is_delivered() {
    let (upstream, mut peer) = secured().await;
    let (page, accepted) = narrow().await;
    let mut pump = Pump::new(browser(accepted).await, upstream, Bytes::new(), DAY, DAY);
    let carrying = tokio::spawn(async move {
        let end = pump.carry(Bytes::new()).await;
        super::super::part(&mut pump.browser, &end, DAY).await;
    });
    // The last words, and in the same segment what is no record of this session.
    let (tcp, session) = peer.get_mut();
    session.writer().write_all(b"+OK bye\r\n").unwrap();
    let mut sent = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut sent).unwrap();
    }
    sent.extend_from_slice(&[21, 3, 3, 0, 2, 2, 80]);
    tcp.write_all(&sent).await.unwrap();
    let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
    assert_eq!(page.next().await.unwrap().unwrap().into_data(), b"+OK bye\r\n".as_slice());
    let Message::Close(Some(frame)) = page.next().await.unwrap().unwrap() else { panic!("no reason") };
    assert_eq!(u16::from(frame.code), Close::UpstreamCut.code());
    carrying.abort();
}

#[test]
fn an_upstream_that_takes_nothing_is_not_the_browsers_silence() {
    with_stopped_clock(async {
        let ((page, accepted), (near, _far)) = (narrow().await, narrow().await);
        let idle = GONE_AFTER * 2;
        let mut pump = Pump::new(browser(accepted).await, Stream::Plain(near), Bytes::new(), idle, DAY);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        let sending =
            tokio::spawn(async move { while page.send(Message::binary(vec![b'x'; 60_000])).await.is_ok() {} });
        while !carrying.is_finished() {
            wind_on(PING_AFTER + TICK).await;
        }
        let End::Ours(close, reason) = carrying.await.unwrap() else { panic!("nobody left") };
        assert_eq!(close, Close::Timeout);
        assert!(reason.contains("either way"), "{reason}");
        sending.abort();
    });
}

#[test]
fn a_slow_download_is_no_silence() {
    const OCTETS: usize = 3_000_000;
    with_stopped_clock(async {
        let ((mut page, accepted), (near, mut far)) = (narrow().await, narrow().await);
        let mut pump = Pump::new(browser(accepted).await, Stream::Plain(near), Bytes::new(), DAY, DAY);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
        let sending = tokio::spawn(async move { far.write_all(&vec![b'x'; OCTETS]).await.map(|()| far) });
        // 20 kB a second, and no word but that: the answer to a ping stands behind all that is still on its way.
        let (mut taken, mut chunk) = (0, vec![0; 20_000]);
        while taken < OCTETS {
            page.read_exact(&mut chunk).await.unwrap();
            taken += chunk.len();
            wind_on(Duration::from_secs(1)).await;
            assert!(!carrying.is_finished(), "taken for gone after {taken} octets");
        }
        carrying.abort();
        sending.abort();
    });
}

//! One tunnel: a browser's WebSocket on one side, an upstream on the other, one task between them.
//!
//! Both directions are polled by the same task, each reading only what the other side has room for, so that a slow reader
//! slows its own upstream and nothing else. Everything is flushed before the task sleeps. Whatever ends a tunnel, bytes that
//! were received are delivered first, and the browser is told why by a close code.

use crate::config::Timeouts;
use crate::dial::{self, Stream};
use crate::upstream::Upstream;
use crate::wire::Wire;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use poplar_wire::{Close, MAX_MESSAGE};
use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Octets read at a time from a browser. Commands are short; the default of 128 KiB is memory per idle tunnel.
const READ_BUFFER: usize = 4 * 1024;

/// Octets sent to a browser in one message: one full TLS record (RFC 8446 §5.1), where larger ones gain nothing.
const RECORD: usize = 16 * 1024;

/// Silence after which a browser is pinged. Under the 30 s after which the most impatient proxies drop a connection.
const PING_AFTER: Duration = Duration::from_secs(25);

/// Silence after which a browser is taken for gone: it has not answered four pings, and has not taken a byte either.
const GONE_AFTER: Duration = Duration::from_secs(100);

/// How long a browser may take to answer a close, and what it sends meanwhile is thrown away. Closing the socket at once would
/// reset it, and with it what is still on its way (RFC 9293 §3.10.7.1).
const LINGER: Duration = Duration::from_secs(30);

/// The same for a browser that broke the protocol or was turned away: it is owed the close frame and no more.
const LINGER_BRIEFLY: Duration = Duration::from_secs(2);

/// How long an upstream may take to accept what the browser sent before it left, and to close in its turn.
const UPSTREAM_FAREWELL: Duration = Duration::from_secs(5);

/// Octets that an upstream may still send after that. Enough for the reply to a QUIT and for what was on its way, so that closing
/// resets nothing it has yet to read; a large message that nobody wants any more is not worth its transport.
const UPSTREAM_SCRAP: u64 = 1024 * 1024;

/// Longest reason in a close frame, in octets (RFC 6455 §5.5: 125 less the code).
const MAX_REASON: usize = 123;

/// Why a tunnel ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The relay or the upstream ended it: the code and reason the browser is told.
    Ours(Close, Cow<'static, str>),
    /// The browser left, with or without a word.
    Browser,
}

impl End {
    fn ours(close: Close, reason: &'static str) -> End {
        End::Ours(close, Cow::Borrowed(reason))
    }
}

/// What a tunnel did, for log and metrics.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) end: End,
    /// Octets from the browser to the upstream.
    pub(crate) to_upstream: u64,
    /// Octets from the upstream to the browser.
    pub(crate) to_browser: u64,
}

/// The browser's side of a tunnel.
type Browser = WebSocketStream<Wire>;

/// Takes over the socket of an upgraded request. `None` where it is not one of the relay's own.
pub(crate) async fn accept(upgraded: Upgraded) -> Option<Browser> {
    let parts = upgraded.downcast::<TokioIo<Wire>>().ok()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let wire = parts.io.into_inner();
    Some(WebSocketStream::from_partially_read(wire, parts.read_buf.to_vec(), Role::Server, Some(config)).await)
}

/// Tells a browser why it may not come in. A refused handshake it could not read.
pub(crate) async fn refuse(mut browser: Browser, close: Close, reason: Cow<'static, str>) {
    farewell(&mut browser, close, &reason, LINGER_BRIEFLY, LINGER_BRIEFLY).await;
}

/// Dials the upstream and carries bytes until one side ends, or until `closing` is done.
pub(crate) async fn run(
    mut browser: Browser,
    upstream: &Upstream,
    timeouts: Timeouts,
    closing: impl Future<Output = ()>,
) -> Report {
    let mut closing = pin!(closing);
    let (early, dialled) = tokio::select! {
        dialled = dial_while_listening(&mut browser, upstream, timeouts.dial) => match dialled {
            Ok(dialled) => dialled,
            Err(end) => {
                part(&mut browser, &end, timeouts).await;
                return Report { end, to_upstream: 0, to_browser: 0 };
            }
        },
        () = &mut closing => {
            let end = draining();
            part(&mut browser, &end, timeouts).await;
            return Report { end, to_upstream: 0, to_browser: 0 };
        }
    };
    let mut pump = Pump::new(browser, dialled.stream, early, timeouts);
    let end = tokio::select! {
        end = pump.carry(dialled.greeting) => end,
        () = closing => draining(),
    };
    let Pump { mut browser, mut upstream, carried_up, carried_down, .. } = pump;
    tokio::join!(part(&mut browser, &end, timeouts), leave(&mut upstream));
    Report { end, to_upstream: carried_up, to_browser: carried_down }
}

fn draining() -> End {
    End::ours(Close::Draining, "the relay is shutting down")
}

/// Dials, and meanwhile notices a browser that leaves or misbehaves. Returns what it sent early, at most one message.
async fn dial_while_listening(
    browser: &mut Browser,
    upstream: &Upstream,
    limit: Duration,
) -> Result<(Bytes, dial::Dialled), End> {
    let mut early = Bytes::new();
    // Boxed, since a handshake's state is large and a tunnel lives long.
    let mut dialling = Box::pin(dial::dial(upstream, limit));
    loop {
        tokio::select! {
            dialled = &mut dialling => {
                let dialled = dialled.map_err(|error| End::Ours(error.close(), error.to_string().into()))?;
                return Ok((early, dialled));
            }
            message = browser.next(), if early.is_empty() => early = pop3_bytes(message)?,
        }
    }
}

/// The POP3 bytes in what a browser sent; none in pings and pongs. Everything else ends the tunnel.
fn pop3_bytes(message: Option<Result<Message, Error>>) -> Result<Bytes, End> {
    match message {
        Some(Ok(Message::Binary(bytes))) => Ok(bytes),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Bytes::new()),
        Some(Ok(Message::Text(_)) | Err(Error::Utf8(_))) => {
            Err(End::ours(Close::TextFrame, "text frame: POP3 bytes travel in binary frames"))
        }
        Some(Err(Error::Capacity(_))) => Err(End::ours(Close::TooBig, "a message may have at most 64 KiB")),
        Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Err(End::Browser),
        Some(Err(Error::Protocol(_))) => Err(End::ours(Close::ProtocolError, "malformed or unmasked WebSocket frame")),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Browser),
    }
}

/// Parts from the browser: says why, or lets it hear that its own close was heard.
async fn part(browser: &mut Browser, end: &End, timeouts: Timeouts) {
    match end {
        End::Ours(close, reason) => {
            let (deliver, linger) = match close {
                // The upstream's last bytes may have to wait for a slow reader.
                Close::Normal | Close::UpstreamCut => (timeouts.idle, LINGER),
                _ => (LINGER_BRIEFLY, LINGER_BRIEFLY),
            };
            farewell(browser, *close, reason, deliver, linger).await;
        }
        End::Browser => {
            let _ = timeout(LINGER_BRIEFLY, async {
                let _ = browser.flush().await;
                let _ = browser.get_mut().shutdown().await;
            })
            .await;
        }
    }
}

/// Delivers what is queued and then a close frame, within `deliver`; then throws away what the browser still sends, until it
/// closes or `linger` is over.
async fn farewell(browser: &mut Browser, close: Close, reason: &str, deliver: Duration, linger: Duration) {
    let reason = reason.get(..reason.floor_char_boundary(MAX_REASON)).unwrap_or_default();
    let frame = CloseFrame { code: CloseCode::from(close.code()), reason: reason.into() };
    let delivered = timeout(deliver, browser.send(Message::Close(Some(frame)))).await;
    if !matches!(delivered, Ok(Ok(()))) {
        return;
    }
    let _ = timeout(linger, async {
        while let Some(Ok(_)) = browser.next().await {}
        // After a malformed frame there is no message to wait for any more, only bytes.
        let wire = browser.get_mut();
        let _ = wire.shutdown().await;
        let mut scrap = [0; 512];
        while wire.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}

/// Parts from the upstream: flushes what the browser sent before it left, and closes in order. A message that the upstream has
/// taken only half of stays half: a command without its end is none.
async fn leave(upstream: &mut Stream) {
    let _ = timeout(UPSTREAM_FAREWELL, async {
        upstream.shutdown().await?;
        copy(&mut upstream.take(UPSTREAM_SCRAP), &mut sink()).await
    })
    .await;
}

/// What one poll moved.
enum Moved {
    Something,
    Nothing,
}

/// Carries bytes between two connections.
struct Pump {
    browser: Browser,
    upstream: Stream,
    /// Bytes from the browser that the upstream has not taken yet: the rest of one message.
    to_upstream: Bytes,
    /// Whether bytes were written to the upstream since its last flush.
    unflushed: bool,
    /// Cleared when the upstream takes no more bytes; what it still has to say is read to its end.
    upstream_listens: bool,
    carried_up: u64,
    carried_down: u64,
    clock: Clock,
}

/// The times that a tunnel is measured against.
struct Clock {
    /// When a tunnel ends in any case.
    end: Instant,
    idle: Duration,
    /// When bytes of POP3 last moved.
    moved: Instant,
    /// When the browser last gave a sign of life: any received byte, or bytes taken.
    alive: Instant,
    pinged: Instant,
    /// Octets received from the browser at that time.
    received: u64,
    /// Goes off at or before the next time that matters. Boxed: reset in place, allocated once.
    alarm: Pin<Box<Sleep>>,
}

impl Pump {
    fn new(browser: Browser, upstream: Stream, early: Bytes, timeouts: Timeouts) -> Pump {
        let now = Instant::now();
        let first = now + PING_AFTER.min(timeouts.idle).min(timeouts.total);
        let clock = Clock {
            end: now + timeouts.total,
            idle: timeouts.idle,
            moved: now,
            alive: now,
            pinged: now,
            received: browser.get_ref().received(),
            alarm: Box::pin(sleep_until(first)),
        };
        Pump {
            browser,
            upstream,
            to_upstream: early,
            unflushed: false,
            upstream_listens: true,
            carried_up: 0,
            carried_down: 0,
            clock,
        }
    }

    /// Shows the browser the greeting, if there is one to be shown, and carries bytes until the tunnel ends. May be dropped
    /// at any point: what is carried is in `self`.
    async fn carry(&mut self, greeting: Bytes) -> End {
        if !greeting.is_empty() {
            self.carried_down += greeting.len() as u64;
            if self.browser.feed(Message::Binary(greeting)).await.is_err() {
                return End::Browser;
            }
        }
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match self.try_poll(cx) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Moves what can be moved. Returns when nothing more can be, with everything flushed and every waker set.
    fn try_poll(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let carried = self.carried_up + self.carried_down;
        while let (Moved::Something, _) | (_, Moved::Something) = (self.poll_down(cx)?, self.poll_up(cx)?) {}
        let moved = self.carried_up + self.carried_down != carried;
        if self.unflushed && Pin::new(&mut self.upstream).poll_flush(cx).is_ready() {
            self.unflushed = false;
        }
        self.poll_clock(cx, moved)?;
        match self.browser.poll_flush_unpin(cx) {
            Poll::Ready(Err(_)) => Err(End::Browser),
            _ => Ok(()),
        }
    }

    /// Upstream to browser: at most one record, and only when the browser has taken the one before.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Result<Moved, End> {
        match self.browser.poll_ready_unpin(cx) {
            Poll::Pending => return Ok(Moved::Nothing),
            Poll::Ready(Err(_)) => return Err(End::Browser),
            Poll::Ready(Ok(())) => {}
        }
        // Allocated when polled and given back when there was nothing: an idle tunnel holds no buffer.
        let mut record = BytesMut::with_capacity(RECORD);
        let mut end = None;
        while record.len() < RECORD && end.is_none() {
            match pin!(self.upstream.read_buf(&mut record)).poll(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => end = Some(End::ours(Close::Normal, "the mail server closed the connection")),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => {
                    end = Some(End::ours(Close::UpstreamCut, "the mail server's connection was cut"))
                }
            }
        }
        let moved = match record.is_empty() {
            true => Moved::Nothing,
            false => {
                self.carried_down += record.len() as u64;
                self.browser.start_send_unpin(Message::Binary(record.freeze())).map_err(|_| End::Browser)?;
                Moved::Something
            }
        };
        end.map_or(Ok(moved), Err)
    }

    /// Browser to upstream: the rest of one message, then the next.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Result<Moved, End> {
        if !self.to_upstream.is_empty() {
            return Ok(match Pin::new(&mut self.upstream).poll_write(cx, &self.to_upstream) {
                Poll::Pending => Moved::Nothing,
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.to_upstream.advance(written);
                    self.carried_up += written as u64;
                    self.unflushed = true;
                    Moved::Something
                }
                Poll::Ready(_) => {
                    self.upstream_listens = false;
                    self.to_upstream = Bytes::new();
                    Moved::Something
                }
            });
        }
        match self.browser.poll_next_unpin(cx) {
            Poll::Pending => Ok(Moved::Nothing),
            Poll::Ready(message) => {
                let bytes = pop3_bytes(message)?;
                if self.upstream_listens {
                    self.to_upstream = bytes;
                }
                Ok(Moved::Something)
            }
        }
    }

    /// Ends a tunnel whose time is over, and pings a browser that is silent.
    fn poll_clock(&mut self, cx: &mut Context<'_>, moved: bool) -> Result<(), End> {
        let now = Instant::now();
        let clock = &mut self.clock;
        let received = self.browser.get_ref().received();
        if moved {
            clock.moved = now;
        }
        if moved || received != clock.received {
            clock.received = received;
            clock.alive = now;
        }
        while clock.alarm.as_mut().poll(cx).is_ready() {
            if now >= clock.end {
                return Err(End::ours(Close::Timeout, "the tunnel reached its total time"));
            }
            if now >= clock.moved + clock.idle {
                return Err(End::ours(Close::Timeout, "nothing was sent either way for too long"));
            }
            if now >= clock.alive + GONE_AFTER {
                return Err(End::ours(Close::Timeout, "the browser stopped answering"));
            }
            let quiet_since = clock.alive.max(clock.pinged);
            if now >= quiet_since + PING_AFTER {
                clock.pinged = now;
                // A browser with bytes still to take hears of the relay by those.
                if self.browser.poll_ready_unpin(cx).is_ready() {
                    self.browser.start_send_unpin(Message::Ping(Bytes::new())).map_err(|_| End::Browser)?;
                }
            }
            let next = (clock.alive.max(clock.pinged) + PING_AFTER)
                .min(clock.alive + GONE_AFTER)
                .min(clock.moved + clock.idle)
                .min(clock.end);
            clock.alarm.as_mut().reset(next);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::tls::{Pin, UpstreamTls};
    use crate::wire::Prefixed;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    /// Two ends of a connection whose sending buffer holds next to nothing.
    async fn narrow() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        let near = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn what_tls_could_not_send_at_once_does_not_wait_for_more() {
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
        let (connector, acceptor) = (
            tokio_rustls::TlsConnector::from(trust.config),
            tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server)),
        );
        let (near, far) = tokio::join!(connector.connect("localhost".try_into().unwrap(), near), acceptor.accept(far));
        let (upstream, mut peer) = (Stream::Tls(Box::new(near.unwrap())), far.unwrap());

        let (page, accepted) = narrow().await;
        let place = Limits::new(1, 1).take(accepted.peer_addr().unwrap().ip()).unwrap();
        let wire = Wire::plain(Prefixed::new(Bytes::new(), accepted), place);
        let browser = WebSocketStream::from_raw_socket(wire, Role::Server, None).await;
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;

        let day = Duration::from_secs(86_400);
        let timeouts = Timeouts { header: day, dial: day, idle: day, total: day, drain: day };
        let mut pump = Pump::new(browser, upstream, Bytes::new(), timeouts);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::new()).await });
        let sent = vec![b'x'; 60_000];
        page.send(Message::binary(sent.clone())).await.unwrap();
        let mut received = vec![0; sent.len()];
        let reading = timeout(Duration::from_secs(60), peer.read_exact(&mut received));
        reading.await.expect("everything arrives without a further word").unwrap();
        assert!(received == sent);
        carrying.abort();
    }
}

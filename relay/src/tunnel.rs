//! One tunnel: a browser's WebSocket on one side, an upstream on the other, one task between them.
//!
//! Both directions are polled by the same task, each reading only what the other side has room for, so that a slow reader
//! slows its own upstream and nothing else. Everything is flushed before the task sleeps. Whatever ends a tunnel, bytes that
//! were received are delivered first, and the browser is told why by a close code.

use crate::dial::{self, Stream};
use crate::upstream::Upstream;
use crate::wire::Wire;
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use poplar_wire::Close;
use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

mod browser;
#[cfg(feature = "echo-route")]
pub(crate) mod echo;
mod pump;

pub(crate) use browser::Browser;
use pump::Pump;

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
    /// How long it took to reach the upstream, where it was reached.
    pub(crate) dialled: Option<Duration>,
    /// Octets from the browser to the upstream.
    pub(crate) to_upstream: u64,
    /// Octets from the upstream to the browser.
    pub(crate) to_browser: u64,
}

/// Takes over the socket of an upgraded request. `None` where it is not one of the relay's own.
pub(crate) async fn accept(upgraded: Upgraded) -> Option<Browser> {
    let parts = upgraded.downcast::<TokioIo<Wire>>().ok()?;
    Some(Browser::new(parts.io.into_inner(), parts.read_buf.to_vec()).await)
}

/// Tells a browser why it may not come in. A refused handshake it could not read.
pub(crate) async fn refuse(mut browser: Browser, close: Close, reason: Cow<'static, str>) {
    farewell(&mut browser, close.code(), &reason, LINGER_BRIEFLY, LINGER_BRIEFLY).await;
}

/// Dials the upstream and carries bytes until one side ends, or until `closing` is done.
pub(crate) async fn run(
    mut browser: Browser,
    upstream: &Upstream,
    total: Duration,
    closing: impl Future<Output = ()>,
) -> Report {
    // Nobody is waited for longer than a whole tunnel may last.
    let idle = upstream.idle_timeout.min(total);
    let mut closing = pin!(closing);
    let started = Instant::now();
    let (early, dialled) = tokio::select! {
        dialled = dial_while_listening(&mut browser, upstream) => match dialled {
            Ok(dialled) => dialled,
            Err(end) => {
                part(&mut browser, &end, idle).await;
                return Report { end, dialled: None, to_upstream: 0, to_browser: 0 };
            }
        },
        () = &mut closing => {
            let end = draining();
            part(&mut browser, &end, idle).await;
            return Report { end, dialled: None, to_upstream: 0, to_browser: 0 };
        }
    };
    let dial_time = started.elapsed();
    let mut pump = Pump::new(browser, dialled.stream, early, idle, total);
    let end = tokio::select! {
        end = pump.carry(dialled.greeting) => end,
        () = closing => draining(),
    };
    let Pump { mut browser, mut upstream, carried_up, carried_down, .. } = pump;
    tokio::join!(part(&mut browser, &end, idle), leave(&mut upstream));
    Report { end, dialled: Some(dial_time), to_upstream: carried_up, to_browser: carried_down }
}

fn draining() -> End {
    End::ours(Close::Draining, "the relay is shutting down")
}

/// Dials, and meanwhile notices a browser that leaves or misbehaves. Returns what it sent early, at most one message.
async fn dial_while_listening(browser: &mut Browser, upstream: &Upstream) -> Result<(Bytes, dial::Dialled), End> {
    let mut early = Bytes::new();
    // Boxed, since a handshake's state is large and a tunnel lives long.
    let mut dialling = Box::pin(dial::dial(upstream));
    loop {
        tokio::select! {
            dialled = &mut dialling => {
                let dialled = dialled.map_err(|error| End::Ours(error.close(), error.to_string().into()))?;
                return Ok((early, dialled));
            }
            bytes = browser.next(), if early.is_empty() => early = bytes?,
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
async fn part(browser: &mut Browser, end: &End, idle: Duration) {
    match end {
        End::Ours(close, reason) => {
            let (deliver, linger) = match close {
                // The upstream's last bytes may have to wait for a slow reader.
                Close::Normal | Close::UpstreamCut => (idle, LINGER),
                _ => (LINGER_BRIEFLY, LINGER_BRIEFLY),
            };
            farewell(browser, close.code(), reason, deliver, linger).await;
        }
        End::Browser => {
            let _ = timeout(LINGER_BRIEFLY, browser.see_off()).await;
        }
    }
}

/// Delivers what is queued and then a close frame, within `deliver`; then throws away what the browser still sends, until it
/// closes or `linger` is over.
async fn farewell(browser: &mut Browser, code: u16, reason: &str, deliver: Duration, linger: Duration) {
    if matches!(timeout(deliver, browser.close(code, reason)).await, Ok(Ok(()))) {
        let _ = timeout(linger, browser.drain()).await;
    }
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

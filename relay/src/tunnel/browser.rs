//! The browser's end of a tunnel: its messages come in through tungstenite, and what goes out to it is framed here.
//!
//! A frame to a browser is a head of at most four octets (RFC 6455 §5.2) and the bytes themselves, unmasked. So the upstream's bytes
//! are read to where they are sent from, several records are handed to the socket at once, and nothing of it is held when all
//! is sent. Pings, pongs and closes are tungstenite's. A frame that is half sent must not be cut by one of them: while any of ours
//! is on its way, [`Wire`] takes nothing from tungstenite, and none of ours begins before all of tungstenite's is sent.

use super::{End, pop3_bytes};
use crate::dial::Stream;
use crate::wire::Wire;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Sink, SinkExt, StreamExt};
use poplar_wire::{Close, MAX_MESSAGE};
use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Octets read at a time from a browser. Commands are short; the default of 128 KiB is memory per idle tunnel.
const READ_BUFFER: usize = 4 * 1024;

/// Most octets of POP3 in one frame: one full TLS record (RFC 8446 §5.1), where larger ones gain nothing.
pub(super) const RECORD: usize = 16 * 1024;

/// Records that are sent at once where so many are there. Each alone costs the relay a third more of a processor; a fourth gains
/// nothing that can be measured.
const RECORDS: usize = 3;

/// Octets of tungstenite's own that wait for a browser to take them: answers to its pings.
const UNSENT: usize = 2 * RECORD;

/// Longest reason in a close frame, in octets (RFC 6455 §5.5: 125 less the code).
const MAX_REASON: usize = 123;

/// Head of a whole binary frame without a mask: its first octet (FIN and opcode 2), and the octets of the longest that is needed.
const BINARY: u8 = 0x82;
const HEAD: usize = 4;

/// Payloads from here on have their length in two octets of their own, which this says.
const LONG: u8 = 126;

/// A browser's WebSocket.
pub(crate) struct Browser {
    socket: WebSocketStream<Wire>,
    /// Frames of ours that are not all sent yet. Allocated when there are any.
    frames: BytesMut,
    /// Octets of them that were sent.
    sent: u64,
}

/// What was read from an upstream.
pub(super) struct Filled {
    /// Octets of POP3.
    pub(super) octets: usize,
    /// How it ended, where it did.
    pub(super) end: Option<io::Result<()>>,
}

impl Browser {
    /// A browser whose handshake is done; `read` came behind it.
    pub(super) async fn new(wire: Wire, read: Vec<u8>) -> Browser {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(UNSENT)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let socket = WebSocketStream::from_partially_read(wire, read, Role::Server, Some(config)).await;
        Browser { socket, frames: BytesMut::new(), sent: 0 }
    }

    /// Octets received so far.
    pub(super) fn received(&self) -> u64 {
        self.socket.get_ref().received()
    }

    /// Octets of frames that were handed to its socket so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The next bytes that the browser sends; none, where it was something else that needs nothing.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, End>> {
        self.socket.poll_next_unpin(cx).map(pop3_bytes)
    }

    /// The same to be awaited. May be dropped.
    pub(super) async fn next(&mut self) -> Result<Bytes, End> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Sends what is to be sent. Ready when all of it is, and more can be given.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_frames(cx))?;
        self.socket.poll_flush_unpin(cx)
    }

    /// Reads what an upstream has, up to so many records, into frames that are sent by the next flush. Only after one that was
    /// ready. Where nothing was read, the upstream wakes the task when there is more.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>, upstream: &mut Stream) -> Filled {
        self.frames.reserve(RECORDS * (HEAD + RECORD));
        let mut filled = Filled { octets: 0, end: None };
        // A TLS session that breaks down says so before it has handed out all that it had opened.
        let mut broken = None;
        let mut records = 0;
        while filled.end.is_none() && (records < RECORDS || broken.is_some()) {
            records += 1;
            let head = self.frames.len();
            self.frames.put_bytes(0, HEAD);
            let mut room = (&mut self.frames).limit(RECORD);
            while filled.end.is_none() && room.has_remaining_mut() {
                match pin!(upstream.read_buf(&mut room)).poll(cx) {
                    Poll::Ready(Ok(octets)) if octets > 0 => {}
                    Poll::Ready(Err(error)) if broken.is_none() => broken = Some(error),
                    ended => match (broken.take(), ended) {
                        (Some(error), _) | (None, Poll::Ready(Err(error))) => filled.end = Some(Err(error)),
                        (None, Poll::Ready(Ok(_))) => filled.end = Some(Ok(())),
                        (None, Poll::Pending) => break,
                    },
                }
            }
            let full = !room.has_remaining_mut();
            filled.octets += self.seal(head);
            if !full {
                break;
            }
        }
        self.hold();
        filled
    }

    /// Frames bytes that come from nowhere else, to be sent by the next flush. Only after one that was ready.
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        for record in bytes.chunks(RECORD) {
            let head = self.frames.len();
            self.frames.put_bytes(0, HEAD);
            self.frames.extend_from_slice(record);
            self.seal(head);
        }
        self.hold();
    }

    /// Sends a ping with the next flush, if nothing else is on its way: a browser with bytes still to take hears of the relay by
    /// those.
    pub(super) fn ping(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.poll_flush(cx).is_ready() {
            true => Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new())),
            false => Ok(()),
        }
    }

    /// Sends what is still to be sent, and then why the tunnel ends.
    pub(super) async fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        let reason = reason.get(..reason.floor_char_boundary(MAX_REASON)).unwrap_or_default();
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        poll_fn(|cx| self.poll_flush(cx)).await?;
        self.socket.send(Message::Close(Some(frame))).await
    }

    /// Throws away what the browser still sends, until it has closed its side.
    pub(super) async fn drain(&mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
        // After a malformed frame there is no message to wait for any more, only bytes.
        let wire = self.socket.get_mut();
        let _ = wire.shutdown().await;
        let mut scrap = [0; 512];
        while wire.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
    }

    /// Lets a browser that has left hear that its close was heard.
    pub(super) async fn see_off(&mut self) {
        let _ = poll_fn(|cx| self.poll_flush(cx)).await;
        let _ = self.socket.get_mut().shutdown().await;
    }

    /// What tungstenite does with a browser, for the one route that is no tunnel.
    #[cfg(feature = "echo-route")]
    pub(super) fn socket(&mut self) -> &mut WebSocketStream<Wire> {
        &mut self.socket
    }

    fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.frames.has_remaining() {
            match ready!(self.socket.get_mut().poll_write_frames(cx, &self.frames))? {
                0 => return Poll::Ready(Err(Error::ConnectionClosed)),
                sent => {
                    self.frames.advance(sent);
                    self.sent += sent as u64;
                }
            }
            self.hold();
        }
        Poll::Ready(Ok(()))
    }

    /// Completes the frame whose head is at that place, or takes the head away again where nothing came behind it. Returns the
    /// octets behind it.
    fn seal(&mut self, at: usize) -> usize {
        let payload = self.frames.len().saturating_sub(at + HEAD);
        let short = u8::try_from(payload).ok().filter(|length| *length < LONG);
        match short {
            Some(0) => self.frames.truncate(at),
            // The shortest form of a length is the only one (RFC 6455 §5.2), so what follows moves up.
            Some(length) => {
                self.frames.copy_within(at + HEAD.., at + HEAD - 2);
                self.frames.truncate(at + HEAD - 2 + payload);
                self.write(at, &[BINARY, length]);
            }
            None => {
                let [high, low] = (payload as u16).to_be_bytes();
                self.write(at, &[BINARY, LONG, high, low]);
            }
        }
        payload
    }

    fn write(&mut self, at: usize, head: &[u8]) {
        if let Some(place) = self.frames.get_mut(at..at + head.len()) {
            place.copy_from_slice(head);
        }
    }

    /// Keeps tungstenite from writing while a frame of ours is on its way, and keeps no memory when none is.
    fn hold(&mut self) {
        let waiting = self.frames.has_remaining();
        self.socket.get_mut().hold(waiting);
        if !waiting {
            self.frames = BytesMut::new();
        }
    }
}

/// Why a tunnel ends whose upstream ended so.
pub(super) fn upstream_end(end: io::Result<()>) -> End {
    match end {
        Ok(()) => End::Ours(Close::Normal, Cow::Borrowed("the mail server closed the connection")),
        Err(_) => End::Ours(Close::UpstreamCut, Cow::Borrowed("the mail server's connection was cut")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pump::Pump;
    use super::super::pump::tests::{DAY, browser, narrow};
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpSocket;

    /// What a peer sends of a kind that has every length near the borders of a head, and some that fill several records.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..300).chain([RECORD - 1, RECORD, RECORD + 1, 2 * RECORD, RECORDS * RECORD, RECORDS * RECORD + 1, 100_000])
    }

    fn pattern(from: usize, length: usize) -> Vec<u8> {
        (from..from + length).map(|i| (i / 251 + i) as u8).collect()
    }

    #[tokio::test]
    async fn every_length_has_its_shortest_head() {
        let (page, accepted) = narrow().await;
        let mut ours = browser(accepted).await;
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        for length in lengths() {
            ours.queue(&pattern(0, length));
            let sending = poll_fn(|cx| ours.poll_flush(cx));
            let receiving = async {
                let mut received = Vec::new();
                while received.len() < length {
                    let frame = page.next().await.unwrap().unwrap().into_data();
                    assert!((1..=RECORD).contains(&frame.len()));
                    received.extend_from_slice(&frame);
                }
                received
            };
            let (sent, received) = tokio::join!(sending, receiving);
            sent.unwrap();
            assert!(received == pattern(0, length), "{length}");
            assert_eq!(ours.frames.capacity(), 0, "nothing is held when nothing is to be sent");
        }
    }

    #[tokio::test]
    async fn a_greeting_comes_not_into_the_middle_of_a_pong() {
        const PINGS: u64 = 2000;
        let ping = [[0x89, 0x80 | 125, 0, 0, 0, 0].as_slice(), &[b'p'; 125]].concat();
        // Both buffers are small, so that the answers to pings stand in line.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let page = TcpSocket::new_v4().unwrap();
        page.set_recv_buffer_size(4096).unwrap();
        let mut page = page.connect(listener.local_addr().unwrap()).await.unwrap();
        let mut ours = browser(listener.accept().await.unwrap().0).await;
        let expected = PINGS * ping.len() as u64;
        let pinging = async { page.write_all(&ping.repeat(PINGS as usize)).await.unwrap() };
        let dialling = async {
            while ours.received() < expected {
                ours.next().await.unwrap();
            }
        };
        tokio::join!(pinging, dialling);

        let (near, _far) = narrow().await;
        let mut pump = Pump::new(ours, Stream::Plain(near), Bytes::new(), DAY, DAY);
        let carrying = tokio::spawn(async move { pump.carry(Bytes::from_static(b"+OK ready\r\n")).await });
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        loop {
            match page.next().await.unwrap().unwrap() {
                Message::Pong(_) => {}
                other => break assert_eq!(other.into_data(), b"+OK ready\r\n".as_slice()),
            }
        }
        carrying.abort();
    }

    #[tokio::test]
    async fn no_pong_comes_into_the_middle_of_a_frame() {
        const OCTETS: usize = 3_000_000;
        let ((page, accepted), (near, mut far)) = (narrow().await, narrow().await);
        let mut pump = Pump::new(browser(accepted).await, Stream::Plain(near), Bytes::new(), DAY, DAY);
        let carrying = tokio::spawn(async move { (pump.carry(Bytes::new()).await, pump) });
        let sending = tokio::spawn(async move {
            far.write_all(&pattern(0, OCTETS)).await.unwrap();
            far
        });
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        let (mut received, mut pongs) = (Vec::new(), 0);
        while received.len() < OCTETS {
            page.send(Message::Ping(Bytes::from(vec![b'p'; 125]))).await.unwrap();
            match page.next().await.unwrap().unwrap() {
                Message::Binary(bytes) => received.extend_from_slice(&bytes),
                Message::Pong(payload) => {
                    assert_eq!(payload, vec![b'p'; 125]);
                    pongs += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(received == pattern(0, OCTETS));
        assert!(pongs > 0);
        drop(sending.await.unwrap());
        let (end, mut pump) = carrying.await.unwrap();
        assert!(matches!(end, End::Ours(Close::Normal, _)), "{end:?}");
        // The close comes behind all that is still to be sent.
        pump.browser.queue(&pattern(7, 50_000));
        let closing = pump.browser.close(1000, "done");
        let reading = async {
            let mut last = Vec::new();
            loop {
                match page.next().await.unwrap().unwrap() {
                    Message::Binary(bytes) => last.extend_from_slice(&bytes),
                    Message::Close(Some(frame)) => return (last, frame.reason.to_string()),
                    Message::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        let (closed, (last, reason)) = tokio::join!(closing, reading);
        closed.unwrap();
        assert!(last == pattern(7, 50_000) && reason == "done");
    }
}

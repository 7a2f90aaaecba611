//! One accepted socket: plain or TLS, with the bytes that were read ahead of it.

use crate::limits::Place;
use crate::tls;
use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A client's socket. Counts what was received, since any received byte is a sign of life, and holds the client's place for
/// as long as it is open, whatever the connection is used for.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    received: u64,
    /// Set while frames are sent past tungstenite.
    held: bool,
    _place: Place,
}

#[derive(Debug)]
enum Stream {
    Plain(Prefixed),
    Tls(Box<TlsStream<Prefixed>>),
}

impl Wire {
    pub(crate) fn plain(stream: Prefixed, place: Place) -> Wire {
        Wire { stream: Stream::Plain(stream), received: 0, held: false, _place: place }
    }

    pub(crate) fn tls(mut stream: TlsStream<Prefixed>, place: Place) -> Wire {
        stream.get_mut().1.set_buffer_limit(Some(tls::SENDING));
        Wire { stream: Stream::Tls(Box::new(stream)), received: 0, held: false, _place: place }
    }

    /// Octets received so far, inside TLS where there is TLS.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether what is written in the ordinary way has to wait. Nobody is woken when that is over: who holds also goes on.
    pub(crate) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Writes whether it is held or not.
    pub(crate) fn poll_write_frames(&mut self, cx: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, frames),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, frames),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        })?;
        self.received += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.held {
            return Poll::Pending;
        }
        self.poll_write_frames(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A TCP stream of which the first bytes were read already, to see whether a proxy announces its client.
#[derive(Debug)]
pub(crate) struct Prefixed {
    prefix: Bytes,
    tcp: TcpStream,
}

impl Prefixed {
    pub(crate) fn new(prefix: Bytes, tcp: TcpStream) -> Prefixed {
        Prefixed { prefix, tcp }
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let taken = self.prefix.len().min(buf.remaining());
        buf.put_slice(self.prefix.get(..taken).unwrap_or_default());
        self.prefix.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

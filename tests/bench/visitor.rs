//! The client of the relay bench: plain sockets that block, and as much of WebSocket as it takes, so that what is measured is the relay.
//! Where there is none it speaks POP3 at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use poplar_tests::PATIENCE;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Buffer of a tunnel that only waits.
const SMALL: usize = 1024;
/// Buffer of one through which much comes: several records in one system call.
const LARGE: usize = 256 * 1024;
/// Masks what the client sends (RFC 6455 §5.3). It protects proxies from browsers, not us from anybody.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How a relay is spoken to.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) address: SocketAddr,
    /// Around everything.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// The path, where it speaks WebSocket.
    pub(crate) websocket: Option<String>,
}

/// A tunnel, from the page's side.
pub(crate) struct Visitor {
    stream: Stream,
    framed: bool,
    /// Octets of the frame that is being read which have not come out yet.
    left: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Entry {
    /// Opens a tunnel and hears the greeting.
    pub(crate) fn open(&self) -> Result<Visitor> {
        let socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let stream = match &self.tls {
            Some(config) => {
                let session = ClientConnection::new(config.clone(), "localhost".try_into()?)?;
                Stream::Tls(Box::new(StreamOwned::new(session, socket)))
            }
            None => Stream::Plain(socket),
        };
        let framed = self.websocket.is_some();
        let mut visitor = Visitor { stream, framed, left: 0, buffer: vec![0; SMALL], start: 0, end: 0 };
        if let Some(path) = &self.websocket {
            visitor.shake_hands(self, path)?;
        }
        let greeting = visitor.line()?;
        ensure!(greeting.starts_with("+OK"), "greeted with {greeting}");
        Ok(visitor)
    }
}

impl Visitor {
    fn shake_hands(&mut self, entry: &Entry, path: &str) -> Result<()> {
        let (scheme, address) = (if entry.tls.is_some() { "https" } else { "http" }, entry.address);
        let ours = path.starts_with(poplar_wire::PATH_PREFIX);
        let protocol =
            if ours { format!("Sec-WebSocket-Protocol: {}\r\n", poplar_wire::SUBPROTOCOL) } else { String::new() };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {scheme}://{address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        loop {
            let head = self.held();
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                ensure!(
                    head.starts_with(b"HTTP/1.1 101"),
                    "the handshake was answered {}",
                    String::from_utf8_lossy(head)
                );
                self.start += end + 4;
                return Ok(());
            }
            ensure!(self.receive()?, "the connection ended in the handshake");
        }
    }

    /// Sends a command, as one frame where there are frames.
    pub(crate) fn send(&mut self, command: &str) -> Result<()> {
        let mut bytes = Vec::with_capacity(128);
        if self.framed {
            let length = u8::try_from(command.len()).ok().filter(|length| *length < 126).context("a long command")?;
            bytes.extend([0x82, 0x80 | length]);
            bytes.extend(MASK);
        }
        let mask = if self.framed { MASK } else { [0; 4] };
        bytes.extend(command.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&bytes)?;
        Ok(())
    }

    /// One line of what comes.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            let piece = self.payload()?;
            ensure!(!piece.is_empty(), "the tunnel ended in a line");
            let part = piece.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            line.extend(part);
            let taken = part.len();
            self.take(taken);
            if line.ends_with(b"\n") {
                return Ok(String::from_utf8(line)?);
            }
        }
    }

    /// A command that is answered by a line that says yes.
    pub(crate) fn command(&mut self, command: &str) -> Result<()> {
        self.send(command)?;
        let answer = self.line()?;
        ensure!(answer.starts_with("+OK"), "{} was answered {answer}", command.trim_end());
        Ok(())
    }

    /// Asks for so many octets, reads them and throws them away.
    pub(crate) fn download(&mut self, octets: u64) -> Result<()> {
        self.buffer.resize(LARGE, 0);
        self.send(&format!("SEND {octets}\r\n"))?;
        let mut missing = octets;
        while missing > 0 {
            let piece = self.payload()?.len();
            ensure!(piece > 0, "the tunnel ended {missing} octets early");
            ensure!(piece as u64 <= missing, "more came than was asked for");
            self.take(piece);
            missing -= piece as u64;
        }
        Ok(())
    }

    /// Gives back the buffer of a download.
    pub(crate) fn rest(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.buffer.truncate(SMALL);
            self.buffer.shrink_to_fit();
        }
    }

    /// QUIT, its answer, and the end.
    pub(crate) fn quit(mut self) -> Result<()> {
        self.command("QUIT\r\n")?;
        // A close frame is answered by the end of the connection; what a relay does after that nobody waits for in a browser.
        while self.payload().is_ok_and(|rest| !rest.is_empty()) {
            self.take(self.end - self.start);
        }
        Ok(())
    }

    /// Octets that are there to be read, at least one; none after the end.
    fn payload(&mut self) -> Result<&[u8]> {
        loop {
            let there = self.end - self.start;
            if !self.framed || self.left > 0 {
                if there == 0 && !self.receive()? {
                    return Ok(&[]);
                }
                let most = if self.framed { usize::try_from(self.left)? } else { usize::MAX };
                let held = self.held();
                return Ok(held.get(..most).unwrap_or(held));
            }
            match self.header()? {
                Some((kind, length, octets)) => {
                    self.start += octets;
                    match kind {
                        0 | 2 => self.left = length,
                        8 => return Ok(&[]),
                        _ if length == 0 => {}
                        _ => bail!("a frame of kind {kind}"),
                    }
                }
                None if self.receive()? => {}
                None => return Ok(&[]),
            }
        }
    }

    /// Kind, length of the payload and length of the header of the frame that begins here, if its header is here.
    fn header(&self) -> Result<Option<(u8, u64, usize)>> {
        let [kind, short, rest @ ..] = self.held() else { return Ok(None) };
        let extended = match short {
            126 => 2,
            127 => 8,
            short => return Ok(Some((kind & 0x0f, u64::from(*short), 2))),
        };
        ensure!(*short < 128, "a masked frame from a server");
        let Some(length) = rest.get(..extended) else { return Ok(None) };
        let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        Ok(Some((kind & 0x0f, length, 2 + extended)))
    }

    /// What was received and has not come out yet.
    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn take(&mut self, octets: usize) {
        self.start += octets;
        if self.framed {
            self.left = self.left.saturating_sub(octets as u64);
        }
    }

    /// Waits for more; whether any came.
    fn receive(&mut self) -> Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let room = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()).context("no room for what comes")?;
        let read = self.stream.read(room)?;
        self.end += read;
        Ok(read > 0)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

/// How a client that trusts one root speaks TLS.
pub(crate) fn trusting(ca: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

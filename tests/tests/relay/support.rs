//! Upstreams that do as they are told, and clients that write their frames by hand.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use poplar_tests::PATIENCE;
use poplar_tests::certificates::Authority;
use poplar_tests::relay::{Relay, Upstream};
use poplar_wire::SUBPROTOCOL;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What an upstream keeps in its own sending buffer, so that what it could send was taken by the relay.
const SENDING: u32 = 64 << 10;

/// A count: `few` by default, `all` with `POPLAR_LONG`; said past the test runner's capture.
pub(crate) fn count(few: usize, all: usize, what: &str) -> usize {
    let count = if std::env::var_os("POPLAR_LONG").is_some() { all } else { few };
    say(&format!("{count} {what}"));
    count
}

/// Says a line past the test runner's capture.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Lets this process, and the relays that it starts, open as many files as the system grants; how many that is.
pub(crate) fn raise_file_limit() -> Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// Waits for what must come.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> Result<T> {
    Ok(timeout(PATIENCE, event).await?)
}

/// A stream both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// An authority with one certificate for this machine, and both ends of TLS under it.
pub(crate) struct Trust {
    dir: TempDir,
    pub(crate) acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Trust {
    pub(crate) fn new() -> Result<Trust> {
        let authority = Authority::new()?;
        let identity = authority.issue(&["localhost", "127.0.0.1"])?;
        let dir = tempfile::tempdir()?;
        std::fs::write(dir.path().join("ca.pem"), authority.pem())?;
        std::fs::write(dir.path().join("certificate.pem"), &identity.certificate)?;
        std::fs::write(dir.path().join("key.pem"), &identity.key)?;

        let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust { dir, acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Flags with which a relay serves https and wss.
    pub(crate) fn flags(&self) -> Vec<String> {
        let path = |name: &str| self.file(name).display().to_string();
        vec!["--tls-cert".into(), path("certificate.pem"), "--tls-key".into(), path("key.pem")]
    }
}

/// An upstream's end of a connection.
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(crate) fn stream(&mut self) -> &mut dyn Duplex {
        match self {
            Connection::Plain(stream) => stream,
            Connection::Tls(stream) => stream.as_mut(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes).await?;
        self.stream().flush().await
    }

    /// Sends FIN, under TLS with or without the close_notify that belongs before it, and waits for the other side's.
    pub(crate) async fn finish(mut self, notify: bool) -> io::Result<()> {
        match &mut self {
            Connection::Tls(stream) if !notify => stream.get_mut().0.shutdown().await?,
            other => other.stream().shutdown().await?,
        }
        // However the other side ends, in order or not.
        let _ = copy(&mut self.stream(), &mut sink()).await;
        Ok(())
    }
}

/// A server whose connections are handled by the test. Ends with the value.
pub(crate) struct Peer {
    address: SocketAddr,
    ca: Option<PathBuf>,
    accepting: JoinHandle<()>,
}

impl Peer {
    /// Listens, with TLS where there is a `trust`.
    pub(crate) fn start<F>(trust: Option<&Trust>, handle: impl Fn(Connection) -> F + Send + 'static) -> Result<Peer>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(SENDING)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(4096)?;
        let (address, ca) = (listener.local_addr()?, trust.map(|trust| trust.file("ca.pem")));
        let acceptor = trust.map(|trust| trust.acceptor.clone());
        let handle = Arc::new(std::sync::Mutex::new(handle));
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, handle) = (acceptor.clone(), handle.clone());
                tokio::spawn(async move {
                    let connection = match acceptor {
                        None => Connection::Plain(tcp),
                        Some(acceptor) => match acceptor.accept(tcp).await {
                            Ok(stream) => Connection::Tls(Box::new(stream)),
                            Err(_) => return,
                        },
                    };
                    let handling = match handle.lock() {
                        Ok(handle) => handle(connection),
                        Err(_) => return,
                    };
                    handling.await;
                });
            }
        });
        Ok(Peer { address, ca, accepting })
    }

    /// The same as an upstream of the name `peer`.
    pub(crate) fn upstream(&self) -> Upstream {
        let scheme = if self.ca.is_some() { "pop3s" } else { "pop3" };
        Upstream::new("peer", format!("{scheme}://{}", self.address), self.ca.clone())
    }

    /// A relay before it, with further arguments.
    pub(crate) async fn relay(&self, arguments: &[String]) -> Result<Relay> {
        Relay::start(&[self.upstream()], &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A connection to a relay: TCP with a receive buffer of that size, and TLS where there is a `trust`.
pub(crate) async fn connect(relay: &Relay, trust: Option<&Trust>, buffer: Option<u32>) -> Result<Box<dyn Duplex>> {
    let socket = TcpSocket::new_v4()?;
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer)?;
    }
    let tcp = soon(socket.connect(relay.address())).await??;
    tcp.set_nodelay(true)?;
    Ok(match trust {
        None => Box::new(tcp),
        Some(trust) => Box::new(soon(trust.connector.connect("127.0.0.1".try_into()?, tcp)).await??),
    })
}

/// The head of a request for a tunnel, as the relay's own page would send it.
pub(crate) fn request(relay: &Relay, name: &str) -> String {
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
        poplar_wire::path(name),
        relay.address(),
        relay.origin(),
    )
}

/// A tunnel to `peer` right behind its handshake.
pub(crate) async fn tunnel(relay: &Relay, trust: Option<&Trust>, buffer: Option<u32>) -> Result<Box<dyn Duplex>> {
    let mut stream = connect(relay, trust, buffer).await?;
    stream.write_all(request(relay, "peer").as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await??);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// The first bit of a frame that ends a message.
pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;

/// A frame as a client sends it (RFC 6455 §5.2), masked by zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

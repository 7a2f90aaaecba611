//! The upstream of the relay bench: says `+OK` to whatever it is told, and sends as many octets as it is asked for. A thread for each
//! connection, and nothing else to do, so that it is no bottleneck and the same for everybody.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use anyhow::Result;
use poplar_tests::certificates::Authority;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// Octets written at a time: four TLS records in one system call.
const CHUNK: usize = 64 * 1024;
/// A connection's thread needs no more stack, and there are thousands.
const STACK: usize = 256 * 1024;

/// One server behind two ports, and an authority that vouches for it.
pub(crate) struct Upstream {
    /// Where it speaks TLS 1.3, with session tickets.
    pub(crate) tls13: SocketAddr,
    /// Where it speaks TLS 1.2 only.
    pub(crate) tls12: SocketAddr,
    dir: TempDir,
    sent: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) fn start() -> Result<Upstream> {
        let dir = tempfile::Builder::new().prefix("poplar-bench-").tempdir()?;
        let authority = Authority::new()?;
        std::fs::write(dir.path().join("ca.pem"), authority.pem())?;
        let identity = authority.issue(&["localhost", "127.0.0.1"])?;
        std::fs::write(dir.path().join("cert.pem"), &identity.certificate)?;
        std::fs::write(dir.path().join("key.pem"), &identity.key)?;
        let sent = Arc::new(AtomicU64::new(0));
        let listen = |version: &'static SupportedProtocolVersion| -> Result<SocketAddr> {
            let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])?
                .with_no_client_auth()
                .with_single_cert(
                    vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes())?],
                    PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?,
                )?;
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            let (config, sent) = (Arc::new(config), sent.clone());
            thread::spawn(move || accept(&listener, &config, &sent));
            Ok(address)
        };
        Ok(Upstream { tls13: listen(&TLS13)?, tls12: listen(&TLS12)?, dir, sent })
    }

    /// The root to trust for it.
    pub(crate) fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A file beside it: `cert.pem` and `key.pem` are its own, and good for any server on loopback.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Octets of mail that all connections together got rid of so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }
}

fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, sent: &Arc<AtomicU64>) {
    for socket in listener.incoming().flatten() {
        let (config, sent) = (config.clone(), sent.clone());
        let serving = move || {
            // Whoever leaves in the middle, as a relay that is killed does, is no concern of ours.
            let _ = serve(socket, config, &sent);
        };
        let _ = thread::Builder::new().stack_size(STACK).spawn(serving);
    }
}

/// `SEND n` is answered with so many octets, QUIT with the end, everything else with `+OK`.
fn serve(socket: TcpStream, config: Arc<ServerConfig>, sent: &AtomicU64) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, socket));
    stream.get_mut().write_all(b"+OK ready\r\n")?;
    let chunk = vec![b'x'; CHUNK];
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let to = stream.get_mut();
        match line.trim_end().split_once(' ') {
            Some(("SEND", count)) => {
                let mut left: usize = count.parse()?;
                while left > 0 {
                    let piece = chunk.get(..left).unwrap_or(&chunk);
                    to.write_all(piece)?;
                    sent.fetch_add(piece.len() as u64, Relaxed);
                    left -= piece.len();
                }
            }
            _ => to.write_all(b"+OK\r\n")?,
        }
        if line.starts_with("QUIT") {
            to.conn.send_close_notify();
            to.flush()?;
            to.sock.shutdown(std::net::Shutdown::Write)?;
            // What is still on its way is read, since a socket that is closed before that is reset.
            while to.read(&mut [0; 512])? > 0 {}
            return Ok(());
        }
    }
}

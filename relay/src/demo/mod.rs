//! A POP3S mailbox to try Poplar with: `poplar-relay demo`.
//!
//! It answers as the guide says DataMotion's servers do, on a free loopback port, behind a certificate of its own that the
//! relay verifies like any other upstream's. In the order things flow:
//!
//! - `certificate`: the authority and the certificate, made at start
//! - `wire`: a connection; lines in, replies out
//! - `session`: a command line in, a reply out
//! - `maildrop`: what is in the mailbox, and what one session sees of it
//! - `messages`: the samples; `calendar`: when they were written
//!
//! Architecture invariant: the maildrop lives in memory and begins anew at each start, but a UID stands for the same bytes
//! at every start.

mod calendar;
mod certificate;
mod maildrop;
mod messages;
mod session;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use maildrop::Maildrop;

/// The only user.
pub(crate) const USER: &str = "demo";

/// The only user's password.
pub(crate) const PASSWORD: &str = "demo";

/// How long after the start one more message arrives: long enough to have looked around, short enough to wait for.
pub(crate) const NEW_MAIL_AFTER: Duration = Duration::from_secs(120);

/// Connections served at once; as many as one address may have tunnels by default. Further ones wait to be accepted.
const CONNECTIONS: usize = 64;

/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The running mailbox. It ends when dropped.
pub(crate) struct Demo {
    address: SocketAddr,
    ca_pem: String,
    accepting: JoinHandle<()>,
}

impl Demo {
    /// Starts the mailbox on a free loopback port.
    ///
    /// # Errors
    ///
    /// What the system says where no port can be had or no key be made.
    pub(crate) async fn start() -> io::Result<Demo> {
        let now = wire::now();
        let (config, ca_pem) = certificate::issue(now)?;
        let maildrop = Maildrop::new(messages::samples(now, NEW_MAIL_AFTER.as_secs()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(config), maildrop));
        Ok(Demo { address, ca_pem, accepting })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that vouches for it, for `localhost`, `127.0.0.1` and `::1`.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, maildrop: Maildrop) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    // Nobody closes the semaphore.
    while let Ok(permit) = permits.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, as a rule: others end meanwhile.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (acceptor, maildrop) = (acceptor.clone(), maildrop.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let _ = stream.set_nodelay(true);
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await {
                // A connection that breaks concerns its client, who sees it.
                let _ = wire::talk(stream, maildrop).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;

    /// A client that trusts the demo's authority and nobody else.
    async fn connect(
        demo: &Demo,
        name: &'static str,
        version: &'static SupportedProtocolVersion,
    ) -> BufReader<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(demo.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(demo.address()).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let mut stream = BufReader::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap());
        assert!(line(&mut stream).await.starts_with("+OK "));
        stream
    }

    async fn line(stream: &mut BufReader<TlsStream<TcpStream>>) -> String {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        line
    }

    async fn ask(stream: &mut BufReader<TlsStream<TcpStream>>, command: &str) -> String {
        stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        line(stream).await
    }

    async fn sign_in(demo: &Demo) -> BufReader<TlsStream<TcpStream>> {
        let mut stream = connect(demo, "localhost", &version::TLS13).await;
        ask(&mut stream, "USER demo").await;
        assert_eq!(ask(&mut stream, "PASS demo").await, "+OK valid logon\r\n");
        stream
    }

    #[tokio::test]
    async fn both_versions_of_tls_and_every_name_of_loopback_are_verified() {
        let demo = Demo::start().await.unwrap();
        for name in ["localhost", "127.0.0.1", "::1"] {
            for version in [&version::TLS12, &version::TLS13] {
                let mut stream = connect(&demo, name, version).await;
                assert_eq!(ask(&mut stream, "QUIT").await, "+OK Bye-bye.\r\n");
                let mut rest = Vec::new();
                // Fails unless the server says by close_notify that this is all.
                stream.read_to_end(&mut rest).await.unwrap();
                assert!(rest.is_empty());
            }
        }
    }

    #[tokio::test]
    async fn the_whole_mailbox_arrives_byte_for_byte_in_one_pipelined_flow() {
        let demo = Demo::start().await.unwrap();
        let mut stream = sign_in(&demo).await;
        let status = ask(&mut stream, "STAT").await;
        let count: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(count >= 30, "{status}");

        let commands: String = (1..=count).map(|number| format!("LIST {number}\r\nRETR {number}\r\n")).collect();
        stream.write_all(commands.as_bytes()).await.unwrap();
        let mut largest = 0;
        for number in 1..=count {
            let listed = line(&mut stream).await;
            let octets: usize = listed.trim().strip_prefix(&format!("+OK {number} ")).unwrap().parse().unwrap();
            assert_eq!(line(&mut stream).await, format!("+OK {octets} octets follow.\r\n"));
            let mut received = 0;
            loop {
                let mut line = Vec::new();
                stream.read_until(b'\n', &mut line).await.unwrap();
                if line == b".\r\n" {
                    break;
                }
                received += line.len() - usize::from(line.starts_with(b"."));
            }
            assert_eq!(received, octets, "message {number}");
            largest = largest.max(octets);
        }
        assert!(largest > 5_000_000);
    }

    #[tokio::test]
    async fn only_quit_deletes_and_a_lost_connection_unlocks() {
        let demo = Demo::start().await.unwrap();
        let mut stream = sign_in(&demo).await;
        let before = ask(&mut stream, "STAT").await;
        assert_eq!(ask(&mut stream, "DELE 1").await, "+OK message deleted\r\n");
        let mut second = connect(&demo, "localhost", &version::TLS13).await;
        ask(&mut second, "USER demo").await;
        assert!(ask(&mut second, "PASS demo").await.starts_with("-ERR [IN-USE] "));
        drop(stream);
        // The server learns of the loss when it reads; until then the mailbox is in use.
        while ask(&mut second, "USER demo").await.starts_with("+OK") {
            if ask(&mut second, "PASS demo").await.starts_with("+OK") {
                break;
            }
        }
        assert_eq!(ask(&mut second, "STAT").await, before);
        assert_eq!(ask(&mut second, "DELE 1").await, "+OK message deleted\r\n");
        assert_eq!(ask(&mut second, "QUIT").await, "+OK Bye-bye.\r\n");
        assert_ne!(ask(&mut sign_in(&demo).await, "STAT").await, before);
    }

    #[tokio::test]
    async fn a_dropped_demo_accepts_nobody() {
        let demo = Demo::start().await.unwrap();
        let (address, ended) = (demo.address(), demo.accepting.abort_handle());
        drop(demo);
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(TcpStream::connect(address).await.is_err());
    }
}

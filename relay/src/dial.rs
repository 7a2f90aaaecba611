//! Reaching an upstream: name, address, TCP, and TLS at once or after STARTTLS.
//!
//! Each step is a function of its own, so that `check` can take them one by one. The address that was checked is the address
//! that is dialled. Nothing that came before the TLS handshake is believed after it (RFC 3207 §4.2, CVE-2011-0411).

use crate::address::is_public;
use crate::tls::{self, TlsProblem};
use crate::upstream::{Host, Transport, Upstream};
use bytes::{Bytes, BytesMut};
use poplar_wire::Close;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest status line read before TLS. RFC 2449 §4 has 512 octets; some greetings are chattier.
const MAX_LINE: usize = 2048;

/// A connection to an upstream.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// An upstream that was reached.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    /// What the client must be shown first. After STLS a server does not greet again (RFC 2595 §4), so this is the greeting
    /// that came before it; otherwise empty.
    pub(crate) greeting: Bytes,
}

/// Why an upstream was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the mail server's name cannot be resolved")]
    Unresolved,
    #[error("the mail server's name leads to a private address, which is not allowed for it")]
    NotPublic,
    #[error("the mail server refuses connections")]
    Refused,
    #[error("the mail server cannot be reached")]
    Unreachable,
    #[error("the mail server did not answer in time")]
    TimedOut,
    #[error("the mail server turned the connection away before STARTTLS")]
    TurnedAway,
    #[error(transparent)]
    Tls(#[from] TlsProblem),
}

impl DialError {
    /// The close code that tells a browser.
    pub(crate) fn close(self) -> Close {
        match self {
            DialError::TimedOut => Close::UpstreamTimeout,
            DialError::Tls(_) => Close::UpstreamTls,
            _ => Close::UpstreamUnreachable,
        }
    }

    /// What a person who runs the relay can do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            DialError::Unresolved => "Check the spelling of the host name, and that this computer can resolve names.",
            DialError::NotPublic => {
                "If that server is meant to be on a private network, say so with --upstream-private NAME."
            }
            DialError::Refused => {
                "Check the port (995 for pop3s, 110 for pop3+starttls), and that the server is running."
            }
            DialError::Unreachable => "Check this computer's network, and firewalls on the way.",
            DialError::TimedOut => "Check the host and port; a firewall that drops packets looks like this too.",
            DialError::TurnedAway => "The server may be busy or limit connections: try again later.",
            DialError::Tls(problem) => problem.advice(),
        }
    }
}

/// Reaches an upstream within its time.
///
/// # Errors
///
/// See [`DialError`]; nothing is left open.
pub(crate) async fn dial(upstream: &Upstream) -> Result<Dialled, DialError> {
    let deadline = Instant::now() + upstream.dial_timeout;
    let dialled = async {
        let addresses = resolve(upstream).await?;
        let tcp = connect(&addresses, deadline).await?;
        secure(upstream, &upstream.tls.config, tcp).await
    };
    timeout_at(deadline, dialled).await.unwrap_or(Err(DialError::TimedOut))
}

/// The addresses that may be dialled for an upstream; never none.
///
/// A literal address in the URL is its operator's own word. `localhost` may be this computer. Any other name must lead to
/// public addresses unless private ones were allowed for it: a name's owner is not the one who configured it.
pub(crate) async fn resolve(upstream: &Upstream) -> Result<Vec<SocketAddr>, DialError> {
    let port = upstream.url.port;
    match &upstream.url.host {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, port)]),
        Host::Name(name) => allowed(upstream, look_up(name, port).await?),
    }
}

/// The addresses that a name leads to; never none.
pub(crate) async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let found = tokio::net::lookup_host((name, port)).await.map_err(|_| DialError::Unresolved)?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(DialError::Unresolved) } else { Ok(found) }
}

/// Those of the addresses of a name that may be dialled.
pub(crate) fn allowed(upstream: &Upstream, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, DialError> {
    let loopback_meant = upstream.url.is_loopback();
    let may_dial = |address: &SocketAddr| {
        let ip = address.ip().to_canonical();
        upstream.private || is_public(ip) || (loopback_meant && ip.is_loopback())
    };
    let allowed: Vec<SocketAddr> = found.into_iter().filter(may_dial).collect();
    match allowed.is_empty() {
        true => Err(DialError::NotPublic),
        false => Ok(allowed),
    }
}

/// Connects to the first address that answers. Each gets its share of the time that is left, so that one black hole does not
/// use it all.
pub(crate) async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, DialError> {
    connect_telling(addresses, deadline, |_, _| {}).await
}

/// The same, and tells of each address that did not answer.
pub(crate) async fn connect_telling(
    addresses: &[SocketAddr],
    deadline: Instant,
    mut tell: impl FnMut(SocketAddr, DialError),
) -> Result<TcpStream, DialError> {
    let mut problem = DialError::Unreachable;
    for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // POP3 is a dialogue of small lines. A socket that refuses the option still works, only later.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Ok(Err(error)) => problem = connect_problem(&error),
            Err(_) => problem = DialError::TimedOut,
        }
        tell(*address, problem);
    }
    Err(problem)
}

/// Does what the upstream's transport asks for between TCP and POP3.
pub(crate) async fn secure(
    upstream: &Upstream,
    config: &Arc<ClientConfig>,
    tcp: TcpStream,
) -> Result<Dialled, DialError> {
    match upstream.url.transport {
        Transport::Plain => Ok(Dialled { stream: Stream::Plain(tcp), greeting: Bytes::new() }),
        Transport::Tls => {
            let stream = handshake(upstream, config, tcp).await?;
            Ok(Dialled { stream, greeting: Bytes::new() })
        }
        Transport::StartTls => {
            let (tcp, greeting) = start_tls(tcp).await?;
            let stream = handshake(upstream, config, tcp).await?;
            Ok(Dialled { stream, greeting })
        }
    }
}

/// The TLS handshake, with the name in the upstream's URL.
pub(crate) async fn handshake(
    upstream: &Upstream,
    config: &Arc<ClientConfig>,
    tcp: TcpStream,
) -> Result<Stream, DialError> {
    let name = match &upstream.url.host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| TlsProblem::WrongName)?,
    };
    match TlsConnector::from(config.clone()).connect(name, tcp).await {
        Ok(mut stream) => {
            stream.get_mut().1.set_buffer_limit(Some(tls::SENDING));
            Ok(Stream::Tls(Box::new(stream)))
        }
        Err(error) => Err(TlsProblem::of(&error).into()),
    }
}

/// Reads the greeting, asks for TLS and gets it: the stream, right at the handshake, and the greeting.
async fn start_tls(mut tcp: TcpStream) -> Result<(TcpStream, Bytes), DialError> {
    let greeting = read_line(&mut tcp).await?;
    if !is_ok(&greeting) {
        return Err(DialError::TurnedAway);
    }
    match is_ok(&ask_for_tls(&mut tcp).await?) {
        true => Ok((tcp, greeting)),
        false => Err(TlsProblem::StartTlsRefused.into()),
    }
}

/// Asks for TLS: the answer, whatever it says.
pub(crate) async fn ask_for_tls(tcp: &mut TcpStream) -> Result<Bytes, DialError> {
    tcp.write_all(b"STLS\r\n").await.map_err(|_| TlsProblem::Cut)?;
    read_line(tcp).await
}

/// Reads one line, with its end. What arrived together with it is thrown away: before TLS anybody can have written it.
pub(crate) async fn read_line(tcp: &mut TcpStream) -> Result<Bytes, DialError> {
    let mut read = BytesMut::with_capacity(MAX_LINE);
    loop {
        match tcp.read_buf(&mut read).await {
            Ok(0) | Err(_) => return Err(TlsProblem::Cut.into()),
            Ok(_) => {}
        }
        if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            return Ok(read.split_to(end + 1).freeze());
        }
        if read.len() >= MAX_LINE {
            return Err(TlsProblem::StartTlsRefused.into());
        }
    }
}

/// Whether a status line says yes. Some servers write it in lower case.
pub(crate) fn is_ok(line: &[u8]) -> bool {
    line.get(..3).is_some_and(|status| status.eq_ignore_ascii_case(b"+OK"))
}

fn connect_problem(error: &io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => DialError::Refused,
        io::ErrorKind::TimedOut => DialError::TimedOut,
        _ => DialError::Unreachable,
    }
}

impl Stream {
    /// The TLS session, where there is one.
    pub(crate) fn tls(&self) -> Option<&rustls::ClientConnection> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(stream.get_ref().1),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Seats;
    use crate::tls::UpstreamTls;
    use rustls::RootCertStore;
    use std::time::Duration;

    fn upstream(url: &str, private: bool) -> Upstream {
        let tls = Arc::new(UpstreamTls::new(RootCertStore::empty(), Vec::new()));
        Upstream {
            name: "peer".parse().unwrap(),
            label: String::new(),
            url: url.parse().unwrap(),
            private,
            tls,
            dial_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            seats: Seats::new(1),
        }
    }

    fn dialled(url: &str, private: bool, found: &[&str]) -> Result<Vec<String>, DialError> {
        let found = found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 995)).collect();
        Ok(allowed(&upstream(url, private), found)?.iter().map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn a_name_may_lead_to_public_addresses_only_unless_allowed() {
        let url = "pop3s://mail.example.org";
        assert_eq!(dialled(url, false, &["10.0.0.1", "8.8.8.8", "::1"]).unwrap(), ["8.8.8.8"]);
        assert_eq!(dialled(url, false, &["127.0.0.1"]), Err(DialError::NotPublic));
        assert_eq!(dialled(url, false, &["::ffff:10.0.0.1"]), Err(DialError::NotPublic));
        assert_eq!(dialled(url, true, &["127.0.0.1"]).unwrap(), ["127.0.0.1"]);
    }

    #[test]
    fn localhost_is_this_computer_and_no_other_private_one() {
        assert_eq!(dialled("pop3s://localhost", false, &["::1", "10.0.0.1"]).unwrap(), ["::1"]);
    }

    #[tokio::test]
    async fn a_literal_address_is_its_own_consent() {
        let found = resolve(&upstream("pop3s://10.0.0.1:1995", false)).await.unwrap();
        assert_eq!(found, ["10.0.0.1:1995".parse().unwrap()]);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_and_what_became_of_the_others_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let mut told = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        let tcp = connect_telling(&[dead, alive], deadline, |address, problem| told.push((address, problem))).await;
        assert_eq!(tcp.unwrap().peer_addr().unwrap(), alive);
        assert_eq!(told, [(dead, DialError::Refused)]);
    }

    #[test]
    fn every_reason_fits_a_close_frame() {
        for error in [
            DialError::Unresolved,
            DialError::NotPublic,
            DialError::Refused,
            DialError::Unreachable,
            DialError::TimedOut,
            DialError::TurnedAway,
        ] {
            assert!(error.to_string().len() <= 123, "{error}: RFC 6455 §5.5 leaves 123 octets for a reason");
        }
    }
}

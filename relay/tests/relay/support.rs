//! A relay process, certificates, peers to be its upstreams, and clients to be its browsers.

use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Waits for what must happen, but not for ever: a test that hangs names nothing.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), event).await.expect("this happens within a minute")
}

/// The program under test, with nothing configured from outside.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poplar-relay"));
    // As a service has it: to a program in a terminal some signals mean something else.
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POPLAR_")) {
        command.env_remove(name);
    }
    command
}

/// A relay of its own port, ended with the value.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    log_grows: watch::Receiver<()>,
    logging: Option<std::thread::JoinHandle<()>>,
}

impl Relay {
    /// Starts `serve` on a free port with these further arguments, and waits until it listens. Logs all it can.
    pub(crate) fn start(args: &[&str]) -> Relay {
        let mut command = program();
        command.args(["serve", "--log", "debug"]).args(args);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Relay::run(command)
    }

    /// The same from a command that is ready to be run.
    pub(crate) fn run(mut command: Command) -> Relay {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (sink, mut stderr) = (log.clone(), child.stderr.take().unwrap());
        let (grows, log_grows) = watch::channel(());
        let logging = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut chunk) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
                let _ = grows.send(());
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_once("://").and_then(|(_, rest)| rest.trim().trim_end_matches('/').parse().ok());
        let Some(address) = address else { panic!("the relay did not start: {line}{}", log.lock().unwrap()) };
        Relay { child, address, log, log_grows, logging: Some(logging) }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A tunnel as the relay's own page opens it.
    pub(crate) async fn tunnel(&self, name: &str) -> Tunnel {
        self.tunnel_with(name, |_| {}).await.expect("the handshake succeeds")
    }

    /// A tunnel whose request is first changed.
    pub(crate) async fn tunnel_with(&self, name: &str, change: impl FnOnce(&mut Request<()>)) -> Result<Tunnel, Error> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        self.tunnel_over(tcp, name, change).await
    }

    /// The same over a connection that was made before.
    pub(crate) async fn tunnel_over(
        &self,
        tcp: TcpStream,
        name: &str,
        change: impl FnOnce(&mut Request<()>),
    ) -> Result<Tunnel, Error> {
        let mut request = format!("ws://{}/pop3/{name}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("Origin", self.origin().parse().unwrap());
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("poplar.pop3.v1"));
        change(&mut request);
        let (socket, response) = tokio_tungstenite::client_async(request, tcp).await?;
        assert_eq!(response.headers()["sec-websocket-protocol"], "poplar.pop3.v1", "a token is never echoed");
        Ok(Tunnel(socket))
    }

    /// A tunnel whose frames are written by hand.
    pub(crate) async fn raw_tunnel(&self, name: &str) -> TcpStream {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        let (address, origin) = (self.address, self.origin());
        let request = format!(
            "GET /pop3/{name} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: poplar.pop3.v1\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let head = read_head(&mut tcp).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        tcp
    }

    /// Sends one request and returns the whole reply: status, head and body.
    pub(crate) async fn http(&self, request_line: &str, headers: &[(&str, &str)]) -> Reply {
        http(self.address, request_line, headers).await
    }

    /// Asks the relay to stop, as a service manager does.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits until the log has this.
    pub(crate) async fn logs(&self, words: &str) {
        let mut grown = self.log_grows.clone();
        soon(async {
            while !self.log.lock().unwrap().contains(words) {
                grown.changed().await.expect("the relay logs on");
            }
        })
        .await;
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends the relay, in order where the system has a way to ask, and returns all that it logged.
    pub(crate) fn into_log(mut self) -> String {
        #[cfg(unix)]
        self.terminate();
        #[cfg(not(unix))]
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.logging.take().unwrap().join().unwrap();
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reply to an HTTP request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// All values of a header, joined.
    pub(crate) fn header(&self, name: &str) -> String {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends one request to `address`. `Host` is that address unless given.
pub(crate) async fn http(address: SocketAddr, request_line: &str, headers: &[(&str, &str)]) -> Reply {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let mut request = format!("{request_line} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    tcp.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let head = read_head(&mut tcp).await;
    let mut body = Vec::new();
    if !head.starts_with("HTTP/1.1 101") {
        soon(tcp.read_to_end(&mut body)).await.unwrap();
    }
    let status =
        head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status in {head:?}"));
    Reply { status, head, body }
}

/// Reads up to the blank line, and not a byte more.
async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match soon(tcp.read_u8()).await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A browser's end of a tunnel.
pub(crate) struct Tunnel(pub(crate) WebSocketStream<TcpStream>);

impl Tunnel {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// Reads exactly what is expected next.
    pub(crate) async fn expect(&mut self, expected: &[u8]) {
        let mut read = Vec::new();
        while read.len() < expected.len() {
            match self.next().await {
                Message::Binary(bytes) => read.extend_from_slice(&bytes),
                other => panic!("{other:?} instead of {:?}", String::from_utf8_lossy(expected)),
            }
        }
        assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(expected));
    }

    /// Reads everything up to the close frame: the bytes, the code and the reason.
    pub(crate) async fn end(&mut self) -> (Vec<u8>, u16, String) {
        let mut read = Vec::new();
        loop {
            match self.next().await {
                Message::Binary(bytes) => read.extend_from_slice(&bytes),
                Message::Close(Some(frame)) => return (read, frame.code.into(), frame.reason.to_string()),
                other => panic!("{other:?} instead of a close frame, after {} octets", read.len()),
            }
        }
    }

    /// The next message that is no ping.
    pub(crate) async fn next(&mut self) -> Message {
        let message = async {
            loop {
                match self.0.next().await.expect("the tunnel is open").unwrap() {
                    Message::Ping(_) => {}
                    other => return other,
                }
            }
        };
        soon(message).await
    }

    /// Reads up to the close frame, which must come without any bytes: the code and the reason.
    pub(crate) async fn refusal(&mut self) -> (u16, String) {
        let (bytes, code, reason) = self.end().await;
        assert!(bytes.is_empty(), "a refused tunnel carries nothing");
        (code, reason)
    }
}

/// An authority that only this test trusts.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem_file(&self) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.0.pem()).unwrap();
        file
    }

    /// A certificate for localhost, with `change` applied.
    pub(crate) fn identity(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate, key }
    }
}

/// A server's certificate and key.
pub(crate) struct Identity {
    pub(crate) certificate: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Identity {
    pub(crate) fn self_signed() -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["elsewhere.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        Identity { certificate, key }
    }

    /// The pin of the key, made from the key itself and not by way of the certificate.
    pub(crate) fn pin(&self) -> String {
        use sha2::Digest;
        let spki = rcgen::PublicKeyData::subject_public_key_info(&self.key);
        let hex: String = sha2::Sha256::digest(spki).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }

    pub(crate) fn acceptor(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Listens on loopback and gives every connection to `handle`. Ends with the test's runtime.
pub(crate) async fn listen<F>(handle: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(handle(tcp));
        }
    });
    address
}

/// A TLS peer whose sessions are handled by `handle`.
pub(crate) async fn listen_tls<F>(
    identity: &Identity,
    handle: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = identity.acceptor(rustls::ALL_VERSIONS);
    let handle = Arc::new(handle);
    listen(move |tcp| {
        let (acceptor, handle) = (acceptor.clone(), handle.clone());
        async move {
            if let Ok(tls) = acceptor.accept(tcp).await {
                handle(tls).await;
            }
        }
    })
    .await
}

/// A plain peer that tells what it receives, and how its connection ended: an empty chunk is a clean end.
pub(crate) async fn listen_and_tell() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (told, hears) = mpsc::unbounded_channel();
    (listen(move |tcp| tell(tcp, told.clone())).await, hears)
}

/// The same over TLS, where an end without close_notify is no clean one.
pub(crate) async fn listen_and_tell_tls(identity: &Identity) -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (told, hears) = mpsc::unbounded_channel();
    (listen_tls(identity, move |tls| tell(tls, told.clone())).await, hears)
}

async fn tell(mut stream: impl AsyncReadExt + Unpin, told: mpsc::UnboundedSender<Vec<u8>>) {
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.expect("the connection ends cleanly");
        let _ = told.send(chunk[..read].to_vec());
        if read == 0 {
            return;
        }
    }
}

/// Everything a peer was sent until the clean end.
pub(crate) async fn heard(hears: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match soon(hears.recv()).await.expect("the peer is there") {
            chunk if chunk.is_empty() => return all,
            chunk => all.extend(chunk),
        }
    }
}

/// Reads one line from a client.
pub(crate) async fn read_line(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap()
}

/// A POP3 server's part of a short dialogue: greeting, an echo of every command, QUIT.
pub(crate) async fn converse(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, greeting: &[u8]) {
    let _ = stream.write_all(greeting).await;
    loop {
        let _ = stream.flush().await;
        let line = read_line(&mut stream).await;
        let reply = match line.as_str() {
            "" => return,
            "QUIT\r\n" => "+OK Bye-bye.\r\n".to_owned(),
            "CAPA\r\n" => "+OK\r\nTOP\r\nUIDL\r\n.\r\n".to_owned(),
            other => format!("+OK {other}"),
        };
        let _ = stream.write_all(reply.as_bytes()).await;
        if line == "QUIT\r\n" {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// `NAME=pop3://ADDRESS`, and so on.
pub(crate) fn upstream(scheme: &str, address: SocketAddr) -> String {
    match scheme {
        "pop3" => format!("peer=pop3://{address}"),
        _ => format!("peer={scheme}://localhost:{}", address.port()),
    }
}

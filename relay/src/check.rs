//! `check`: reaches an upstream step by step, and says in words what works and what to do about what does not.

use crate::address::is_public;
use crate::config::Options;
use crate::dial::{self, DialError, Stream};
use crate::tls::{Pin, Verifier, client_config};
use crate::upstream::{Transport, Upstream, UpstreamEntry, UpstreamUrl};
use bytes::{Bytes, BytesMut};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Longest reply that is read: RFC 2449 §4 has 512 octets a line, and nobody has more than a few dozen capabilities.
const MAX_REPLY: usize = 16 * 1024;

/// What was tried, in order, up to the first step that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    upstream: String,
    url: String,
    ok: bool,
    steps: Vec<Step>,
    /// What to do, where something failed.
    advice: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    ok: bool,
    /// How long it took.
    milliseconds: u64,
    says: String,
    details: Vec<String>,
}

impl Report {
    /// Whether everything worked.
    pub(crate) fn is_good(&self) -> bool {
        self.ok
    }

    /// The report as one JSON object: `upstream`, `url`, `ok`, `steps` (`step`, `ok`, `milliseconds`, `says`, `details`), `advice`.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})\n", self.upstream, self.url)?;
        for Step { step, ok, milliseconds, says, details } in &self.steps {
            let mark = if *ok { "ok  " } else { "FAIL" };
            writeln!(f, "  {mark}  {step:<10} {says} ({milliseconds} ms)")?;
            for detail in details {
                writeln!(f, "        {:<10} {detail}", "")?;
            }
        }
        match self.advice {
            Some(advice) => writeln!(f, "\n{advice}"),
            None => writeln!(f, "\nThe relay can use this mail server."),
        }
    }
}

/// The upstream that a command line means: one of the configuration by its name, or any by its URL. Who types a URL at a
/// prompt consents to where it leads.
///
/// # Errors
///
/// A sentence, where there is no such upstream or the configuration cannot be used.
pub(crate) fn target(target: &str, options: &Options) -> Result<Arc<Upstream>, String> {
    let mut options = options.clone();
    let name = match target.contains("://") {
        true => {
            let url: UpstreamUrl = target.parse()?;
            let name = "check";
            options.upstream.retain(|entry| entry.name.as_str() != name);
            let entry = UpstreamEntry::new(name.parse()?, url);
            options.upstream.push(UpstreamEntry { private: true, plaintext: true, ..entry });
            name
        }
        false => target,
    };
    let upstreams = options.upstreams().map_err(|e| e.to_string())?;
    upstreams.into_iter().find(|upstream| upstream.name.as_str() == name).ok_or_else(|| {
        format!("there is no upstream `{name}`: pass it with --upstream {name}=pop3s://host, or give a URL instead of a name")
    })
}

/// Reaches an upstream, as the relay would.
pub(crate) async fn check(upstream: &Upstream, limit: Duration) -> Report {
    let label = if upstream.label == "check" { "mail server".to_owned() } else { upstream.name.to_string() };
    let mut report =
        Report { upstream: label, url: upstream.url.to_string(), ok: false, steps: Vec::new(), advice: None };
    match steps(upstream, limit, &mut report.steps).await {
        Ok(()) => report.ok = true,
        Err(advice) => report.advice = Some(advice),
    }
    report
}

/// Takes the steps; at the first that fails, says what to do.
async fn steps(upstream: &Upstream, limit: Duration, steps: &mut Vec<Step>) -> Result<(), &'static str> {
    let start = Instant::now();
    let addresses = within(limit, dial::resolve(upstream)).await;
    let found = record(steps, "addresses", start, addresses, |found| (list(found), notes_on(upstream, found)))?;

    let start = Instant::now();
    let connected = dial::connect(&found, start + limit).await;
    let tcp = record(steps, "tcp", start, connected, |tcp| {
        (
            tcp.peer_addr().map_or_else(|_| "connected".to_owned(), |address| format!("connected to {address}")),
            Vec::new(),
        )
    })?;

    let start = Instant::now();
    let recorder = Arc::new(Recorder { inner: upstream.tls.verifier.clone(), chain: Mutex::default() });
    let secured = within(limit, dial::secure(upstream, &client_config(recorder.clone()), tcp)).await;
    let dialled = match upstream.url.transport {
        Transport::Plain => secured.map_err(DialError::advice)?,
        _ => {
            let outcome = record(steps, "tls", start, secured, |dialled| (session(&dialled.stream), Vec::new()));
            if let Some(step) = steps.last_mut() {
                step.details = recorder.describe();
            }
            outcome?
        }
    };

    let mut stream = dialled.stream;
    let start = Instant::now();
    let greeting = match dialled.greeting.is_empty() {
        true => reply(&mut stream, limit, false).await,
        false => Ok(dialled.greeting),
    };
    let greeting =
        greeting.and_then(|line| if line.starts_with(b"+") { Ok(line) } else { Err(Silence::Refused(line)) });
    record(steps, "greeting", start, greeting, |line| (quote(line), Vec::new()))?;

    let start = Instant::now();
    let capa = match stream.write_all(b"CAPA\r\n").await {
        Ok(()) => reply(&mut stream, limit, true).await,
        Err(_) => Err(Silence::Ended),
    };
    record(steps, "capa", start, capa, |text| match text.starts_with(b"+") {
        true => (
            "before login it says it can".to_owned(),
            text.split(|b| *b == b'\n').skip(1).map(quote).filter(|line| line != ".").collect(),
        ),
        false => ("it does not say what it can, which is allowed".to_owned(), Vec::new()),
    })?;
    let _ = stream.write_all(b"QUIT\r\n").await;
    let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
    Ok(())
}

/// Why there was no reply.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("it did not answer in time")]
    Late,
    #[error("it ended the connection")]
    Ended,
    #[error("it sent more than any server should")]
    Endless,
    #[error("it turned the connection away: {}", quote(.0))]
    Refused(Bytes),
}

/// What went wrong in a step, and what to do about it.
trait Problem: fmt::Display {
    fn advice(&self) -> &'static str;
}

impl Problem for DialError {
    fn advice(&self) -> &'static str {
        DialError::advice(*self)
    }
}

impl Problem for Silence {
    fn advice(&self) -> &'static str {
        match self {
            Silence::Refused(_) => "The server's own words are above; it may be busy or limit connections.",
            Silence::Late | Silence::Ended | Silence::Endless => {
                "Check that a POP3 server is behind that port: 995 for pop3s, 110 for pop3+starttls and pop3."
            }
        }
    }
}

/// Notes how a step went, and hands on what it brought.
fn record<T, E: Problem>(
    steps: &mut Vec<Step>,
    step: &'static str,
    start: Instant,
    outcome: Result<T, E>,
    describe: impl FnOnce(&T) -> (String, Vec<String>),
) -> Result<T, &'static str> {
    let milliseconds = start.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    let (ok, (says, details)) = match &outcome {
        Ok(value) => (true, describe(value)),
        Err(problem) => (false, (problem.to_string(), Vec::new())),
    };
    steps.push(Step { step, ok, milliseconds, says, details });
    outcome.map_err(|problem| problem.advice())
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, DialError>>) -> Result<T, DialError> {
    timeout(limit, step).await.unwrap_or(Err(DialError::TimedOut))
}

/// Reads a status line, and the lines below it where it says yes and `multi_line` is asked for.
async fn reply(stream: &mut Stream, limit: Duration, multi_line: bool) -> Result<Bytes, Silence> {
    let mut read = BytesMut::new();
    let reading = async {
        loop {
            let complete = match multi_line && read.starts_with(b"+") {
                true => read.ends_with(b"\n.\r\n"),
                false => read.ends_with(b"\n"),
            };
            if complete {
                return Ok(());
            }
            if read.len() > MAX_REPLY {
                return Err(Silence::Endless);
            }
            if !stream.read_buf(&mut read).await.is_ok_and(|octets| octets > 0) {
                return Err(Silence::Ended);
            }
        }
    };
    timeout(limit, reading).await.unwrap_or(Err(Silence::Late))?;
    Ok(read.freeze())
}

/// A server's words, safe to print: a terminal obeys control characters, so they are taken out.
fn quote(words: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(words.as_ref())
        .trim()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
}

/// What `serve` would ask for, though `check` by URL does not.
fn notes_on(upstream: &Upstream, addresses: &[SocketAddr]) -> Vec<String> {
    let mut notes = Vec::new();
    let named = matches!(upstream.url.host, crate::upstream::Host::Name(_)) && !upstream.url.is_loopback();
    if named && addresses.iter().any(|address| !is_public(address.ip())) {
        notes.push("a private address: serve dials it with --upstream-private NAME only".to_owned());
    }
    if upstream.url.transport == Transport::Plain && !upstream.url.is_loopback() {
        notes.push("no TLS: serve dials it with --allow-plaintext NAME only".to_owned());
    }
    notes
}

/// The TLS version and cipher of a session.
fn session(stream: &Stream) -> String {
    let Some(tls) = stream.tls() else { return "no TLS".to_owned() };
    let version = match tls.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    match tls.negotiated_cipher_suite() {
        Some(suite) => format!("{version}, {:?}, certificate verified", suite.suite()),
        None => version.to_owned(),
    }
}

/// Verifies as the upstream's own verifier does, and remembers what was presented: a refused chain is what one wants to see.
#[derive(Debug)]
struct Recorder {
    inner: Arc<Verifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    /// The chain in words, the server's own certificate first, and the pin of its key.
    fn describe(&self) -> Vec<String> {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let pin = chain.first().and_then(Pin::of).map(|pin| format!("key: {pin}"));
        chain.iter().map(describe_certificate).chain(pin).collect()
    }
}

fn describe_certificate(certificate: &CertificateDer<'_>) -> String {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return "a certificate that cannot be read".to_owned();
    };
    let until = parsed.validity().not_after;
    let left = (until.timestamp() - x509_parser::time::ASN1Time::now().timestamp()) / 86_400;
    let expiry = match left {
        0.. => format!("until {until} ({left} days)"),
        _ => format!("EXPIRED {until}"),
    };
    quote(format!("{}, issued by {}, {expiry}", parsed.subject(), parsed.issuer()))
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = std::iter::once(end_entity).chain(intermediates).map(|it| it.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = presented;
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

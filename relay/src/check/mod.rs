//! `check`: reaches an upstream step by step, and says in words what works and what to do about what does not.
//!
//! - [`progress`]: what is under way, for whoever waits
//! - [`certificate`], [`capabilities`]: what the server shows of itself
//! - [`report`]: what came of it, for a person and for a machine

mod capabilities;
mod certificate;
mod progress;
mod report;

use crate::address::is_public;
use crate::config::Options;
use crate::dial::{self, DialError, Stream};
use crate::tls::{TlsProblem, client_config};
use crate::upstream::{Host, Transport, Upstream, UpstreamEntry, UpstreamUrl};
use bytes::{Bytes, BytesMut};
use certificate::Recorder;
use progress::Now;
use report::{Report, Step, quote};
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Longest reply that is read: RFC 2449 §4 has 512 octets a line, and nobody has more than a few dozen capabilities.
const MAX_REPLY: usize = 16 * 1024;

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

/// Reaches an upstream, as the relay would. Ctrl-C ends it, with what was found until then.
pub(crate) async fn check(upstream: &Upstream) -> Report {
    let label = if upstream.label == "check" { "mail server".to_owned() } else { upstream.name.to_string() };
    let mut report = Report::new(label, upstream.url.to_string());
    let now = Now::default();
    let outcome = {
        let mut attempt = Attempt { upstream, limit: upstream.dial_timeout, now: &now, steps: &mut report.steps };
        let mut steps = pin!(attempt.go());
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                // Asked for first, so that it is heard before the first step is taken.
                biased;
                Ok(()) = &mut interrupt => break None,
                outcome = &mut steps => break Some(outcome),
                () = now.show() => {}
            }
        }
    };
    now.hide();
    match outcome {
        Some(Ok(())) => report.ok = true,
        Some(Err(advice)) => report.advice = Some(advice),
        None => {
            let (step, start) = now.get();
            report.steps.push(Step::new(step, false, start, "stopped by Ctrl-C"));
            report.stopped = true;
        }
    }
    report
}

/// The steps to an upstream, as they are taken. Each that fails returns what to do.
struct Attempt<'a> {
    upstream: &'a Upstream,
    /// Longest time for each step.
    limit: Duration,
    now: &'a Now,
    steps: &'a mut Vec<Step>,
}

impl Attempt<'_> {
    async fn go(&mut self) -> Result<(), &'static str> {
        let found = self.resolve().await?;
        let mut tcp = self.connect(&found).await?;
        let mut stream = match self.upstream.url.transport {
            Transport::Plain => Stream::Plain(tcp),
            Transport::Tls => self.handshake(tcp).await?,
            Transport::StartTls => {
                self.start_tls(&mut tcp).await?;
                self.handshake(tcp).await?
            }
        };
        if self.upstream.url.transport != Transport::StartTls {
            let start = self.now.begin("greeting", "waiting for the server to greet");
            let greeting = reply(&mut stream, self.limit, false).await.and_then(yes);
            self.note("greeting", start, greeting, |step, line| Step { says: quote(line), ..step })?;
        }
        self.ask_capabilities(&mut stream).await?;
        let _ = stream.write_all(b"QUIT\r\n").await;
        let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
        Ok(())
    }

    /// The addresses that may be dialled: those that a name leads to, or the one that was given.
    async fn resolve(&mut self) -> Result<Vec<SocketAddr>, &'static str> {
        let upstream = self.upstream;
        let port = upstream.url.port;
        let found = match &upstream.url.host {
            Host::Address(address) => vec![SocketAddr::new(*address, port)],
            Host::Name(name) => {
                let start = self.now.begin("name", format!("asking where {name} is"));
                let found = within(self.limit, dial::look_up(name, port)).await;
                self.note("name", start, found, |step, found| {
                    let addresses = if found.len() == 1 { "1 address" } else { &format!("{} addresses", found.len()) };
                    Step { says: format!("{name} has {addresses}"), ..step }
                })?
            }
        };
        let start = self.now.begin("addresses", "");
        let said = list(&found);
        let allowed = match &upstream.url.host {
            Host::Address(_) => Ok(found),
            Host::Name(_) => dial::allowed(upstream, found),
        };
        let allowed = self.note("addresses", start, allowed, |step, allowed| {
            Step { says: list(allowed), ..step }.warnings(notes_on(upstream, allowed))
        });
        if allowed.is_err()
            && let Some(step) = self.steps.last_mut()
        {
            step.details = vec![said];
        }
        allowed
    }

    async fn connect(&mut self, addresses: &[SocketAddr]) -> Result<TcpStream, &'static str> {
        let start = self.now.begin("tcp", format!("connecting to {}", list(addresses)));
        let mut failed = Vec::new();
        let mut since = start;
        let connected = dial::connect_telling(addresses, start + self.limit, |address, problem| {
            failed.push(format!("{address}: {problem} ({} ms)", since.elapsed().as_millis()));
            since = Instant::now();
        })
        .await;
        let connected = self.note("tcp", start, connected, |step, tcp| {
            let says =
                tcp.peer_addr().map_or_else(|_| "connected".to_owned(), |address| format!("connected to {address}"));
            Step { says, ..step }
        });
        // One alone has said it already.
        if let Some(step) = self.steps.last_mut().filter(|step| step.ok || addresses.len() > 1) {
            step.details = failed;
        }
        connected
    }

    /// The greeting, and the request for TLS. Nothing of it is believed later: before TLS, anybody on the way can have written it.
    async fn start_tls(&mut self, tcp: &mut TcpStream) -> Result<(), &'static str> {
        let start = self.now.begin("greeting", "waiting for the server to greet");
        let greeting = before_tls(self.limit, dial::read_line(tcp)).await.and_then(yes);
        self.note("greeting", start, greeting, |step, line| {
            Step { says: quote(line), ..step }
                .details(vec!["said before TLS, where anybody on the way could have written it".to_owned()])
        })?;
        let start = self.now.begin("starttls", "asking for TLS");
        let answer = before_tls(self.limit, dial::ask_for_tls(tcp)).await;
        let answer = answer.and_then(|line| if dial::is_ok(&line) { Ok(line) } else { Err(Silence::NoTls(line)) });
        self.note("starttls", start, answer, |step, line| Step { says: quote(line), ..step })?;
        Ok(())
    }

    async fn handshake(&mut self, tcp: TcpStream) -> Result<Stream, &'static str> {
        let start = self.now.begin("tls", "agreeing on TLS");
        let recorder = Arc::new(Recorder::new(self.upstream.tls.verifier.clone()));
        let secured = within(self.limit, dial::handshake(self.upstream, &client_config(recorder.clone()), tcp)).await;
        let secured = self.note("tls", start, secured, |step, stream| Step { says: session(stream), ..step });
        if let Some(step) = self.steps.last_mut() {
            step.details = recorder.describe();
            step.warnings = recorder.warnings();
        }
        secured
    }

    async fn ask_capabilities(&mut self, stream: &mut Stream) -> Result<(), &'static str> {
        let start = self.now.begin("capa", "asking what the server can");
        let capa = match stream.write_all(b"CAPA\r\n").await {
            Ok(()) => reply(stream, self.limit, true).await,
            Err(_) => Err(Silence::Ended),
        };
        let transport = self.upstream.url.transport;
        self.note("capa", start, capa, |step, text| match dial::is_ok(text) {
            true => Step { says: "before sign-in it says it can".to_owned(), ..step }
                .details([capabilities::describe(text), capabilities::missing(text, transport)].concat()),
            false => {
                Step { says: "it does not say what it can, which is allowed: Poplar finds out".to_owned(), ..step }
            }
        })?;
        Ok(())
    }

    /// Notes how a step went, and hands on what it brought.
    fn note<T, E: Problem>(
        &mut self,
        step: &'static str,
        start: Instant,
        outcome: Result<T, E>,
        describe: impl FnOnce(Step, &T) -> Step,
    ) -> Result<T, &'static str> {
        self.steps.push(match &outcome {
            Ok(value) => describe(Step::new(step, true, start, ""), value),
            Err(problem) => Step::new(step, false, start, problem.to_string()),
        });
        outcome.map_err(|problem| problem.advice())
    }
}

/// A status line that says yes.
fn yes(line: Bytes) -> Result<Bytes, Silence> {
    if dial::is_ok(&line) { Ok(line) } else { Err(Silence::Refused(line)) }
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
    #[error("it does not change to TLS: {}", quote(.0))]
    NoTls(Bytes),
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
            Silence::NoTls(_) => TlsProblem::StartTlsRefused.advice(),
            Silence::Late | Silence::Ended | Silence::Endless => {
                "Check that a POP3 server is behind that port: 995 for pop3s, 110 for pop3+starttls and pop3."
            }
        }
    }
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
                // Some servers end lines with LF alone.
                true => read.ends_with(b"\n.\r\n") || read.ends_with(b"\n.\n"),
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

/// A line from before TLS.
async fn before_tls(limit: Duration, line: impl Future<Output = Result<Bytes, DialError>>) -> Result<Bytes, Silence> {
    match timeout(limit, line).await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(_)) => Err(Silence::Ended),
        Err(_) => Err(Silence::Late),
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
}

/// What `serve` would ask for, though `check` by URL does not.
fn notes_on(upstream: &Upstream, addresses: &[SocketAddr]) -> Vec<String> {
    let mut notes = Vec::new();
    let named = matches!(upstream.url.host, Host::Name(_)) && !upstream.url.is_loopback();
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

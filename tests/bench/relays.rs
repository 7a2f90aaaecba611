//! Whom the relay bench compares, and how each is started.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use poplar_tests::PATIENCE;
use poplar_tests::port::Port;
use poplar_tests::process::Guarded;

use crate::group::Group;
use crate::upstream::Upstream;
use crate::visitor::{Entry, trusting};

/// A program between a client and an upstream that speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    /// WebSocket, as a page speaks to it on loopback.
    Ours,
    /// The same under TLS, as a page on a server does.
    OursTls,
    Websockify,
    Websocat,
    /// No WebSocket: it takes TCP.
    Stunnel,
    Haproxy,
    /// The client speaks TLS with the upstream itself: what the bench itself costs.
    Nothing,
}

impl Relay {
    /// In the order of the tables.
    pub(crate) const ALL: [Relay; 7] = [
        Relay::Ours,
        Relay::OursTls,
        Relay::Websockify,
        Relay::Websocat,
        Relay::Stunnel,
        Relay::Haproxy,
        Relay::Nothing,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Relay::Ours => "Poplar",
            Relay::OursTls => "Poplar, wss",
            Relay::Websockify => "websockify, TLS 1.2",
            Relay::Websocat => "websocat",
            Relay::Stunnel => "stunnel, no WebSocket",
            Relay::Haproxy => "HAProxy, no WebSocket",
            Relay::Nothing => "nothing between",
        }
    }

    /// Tunnels between whose few and many the slope of memory is taken. One of them has a process for each.
    pub(crate) fn few_and_many(self, many: usize) -> [usize; 2] {
        match self {
            Relay::Websockify => [(many / 200).max(1), (many / 40).max(2)],
            _ => [(many / 10).max(1), many],
        }
    }

    /// Starts it between `upstream` and a port of its own.
    pub(crate) fn start(self, upstream: &Upstream) -> Result<Running> {
        let port = Port::reserve()?;
        let (listen, ca) = (port.address(), upstream.ca());
        let to = if self == Relay::Websockify { upstream.tls12 } else { upstream.tls13 };
        let mut entry = Entry { address: listen, tls: None, websocket: None };
        let mut command = match self {
            Relay::Nothing => {
                entry = Entry { address: to, tls: Some(trusting(&ca)?), websocket: None };
                return Ok(Running { entry, _port: port, process: None });
            }
            Relay::Ours | Relay::OursTls => {
                let mut command = Command::new(program("POPLAR")?);
                command.args(["serve", "--listen", &listen.to_string()]);
                command.args([
                    "--upstream",
                    &format!("mail=pop3s://{to}"),
                    "--upstream-ca",
                    &format!("mail={}", ca.display()),
                ]);
                command.args(["--max-tunnels", "20000", "--max-per-address", "20000"]);
                if self == Relay::OursTls {
                    command.arg("--tls-cert").arg(upstream.file("cert.pem"));
                    command.arg("--tls-key").arg(upstream.file("key.pem"));
                    entry.tls = Some(trusting(&ca)?);
                }
                entry.websocket = Some(poplar_wire::path("mail"));
                command
            }
            Relay::Websockify => {
                let mut command = Command::new(program("WEBSOCKIFY")?);
                command.args(["--ssl-target", &listen.to_string(), &to.to_string()]).env("SSL_CERT_FILE", &ca);
                entry.websocket = Some("/".to_owned());
                command
            }
            Relay::Websocat => {
                let mut command = Command::new(program("WEBSOCAT")?);
                command.args(["--binary", "--exit-on-eof", "--tls-domain", "localhost"]).env("SSL_CERT_FILE", &ca);
                command.args([format!("ws-l:{listen}"), format!("ssl-connect:tcp:{to}")]);
                entry.websocket = Some("/".to_owned());
                command
            }
            Relay::Stunnel => {
                let text = format!(
                    "foreground = yes\npid =\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n[mail]\nclient = yes\n\
                     accept = {listen}\nconnect = {to}\nverifyChain = yes\nCAfile = {}\ncheckHost = localhost\n",
                    ca.display()
                );
                let mut command = Command::new("stunnel4");
                command.arg(written(upstream.dir(), "stunnel.conf", &text)?);
                command
            }
            Relay::Haproxy => {
                let text = format!(
                    "global\n maxconn 5000\ndefaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n timeout server 1h\n\
                     listen mail\n bind {listen}\n server mail {to} ssl verify required ca-file {} sni str(localhost) \
                     verifyhost localhost\n",
                    ca.display()
                );
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(written(upstream.dir(), "haproxy.cfg", &text)?);
                command
            }
        };
        let log = upstream.file("log");
        let said = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let process = Guarded::spawn(&mut command)?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(listen).is_err() {
            if Instant::now() > deadline {
                bail!("{} does not listen. It says:\n{}", self.name(), fs::read_to_string(log)?);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Running { entry, _port: port, process: Some(process) })
    }
}

/// A relay that listens. Dropped, it and its children are killed.
pub(crate) struct Running {
    pub(crate) entry: Entry,
    _port: Port,
    process: Option<Guarded>,
}

impl Running {
    /// Its processes, where there is one.
    pub(crate) fn group(&self) -> Result<Group> {
        Ok(Group(self.process.as_ref().context("nothing runs")?.id()))
    }
}

/// The program that a variable names; the script beside this file sets them.
fn program(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable);
    path.map(PathBuf::from).with_context(|| format!("{variable} names no program: start this by tests/bench/relay"))
}

fn written(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

//! Relays behind a real HAProxy, by the configuration that is there for operators: only addresses and accounts are others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::PATIENCE;
use crate::certificates::Authority;
use crate::port::Port;
use crate::process::Guarded;
use crate::relay::{Relay, Upstream};

/// What operators are given.
const CONFIGURATION: &str = "../relay/deploy/haproxy/haproxy.cfg";

/// HAProxy, and the relays behind it.
pub struct Balancer {
    port: Port,
    relays: Vec<Relay>,
    _process: Guarded,
    _dir: TempDir,
}

impl Balancer {
    /// Two relays with these upstreams and further arguments, and HAProxy before them; waits until it listens.
    pub async fn start(upstreams: &[Upstream], arguments: &[&str]) -> Result<Balancer> {
        let dir = tempfile::Builder::new().prefix("poplar-haproxy-").tempdir()?;
        let (port, plain, metrics) = (Port::reserve()?, Port::reserve()?, Port::reserve()?);
        let origin = format!("https://{}", port.address());
        let arguments = [&["--behind-proxy", "127.0.0.1/32", "--allow-origin", &origin], arguments].concat();
        let relays = vec![Relay::start(upstreams, &arguments).await?, Relay::start(upstreams, &arguments).await?];

        let identity = Authority::new()?.issue(&["127.0.0.1"])?;
        let certificate = dir.path().join("certificate.pem");
        fs::write(&certificate, identity.certificate + &identity.key)?;
        let file = dir.path().join("haproxy.cfg");
        fs::write(
            &file,
            configuration(&Places {
                port: &port,
                plain: &plain,
                metrics: &metrics,
                certificate: &certificate,
                relays: &relays,
            })?,
        )?;

        let log = fs::File::create(dir.path().join("log"))?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut process = Guarded::spawn(&mut command).context("is haproxy installed? tests/run installs it")?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(port.address()).await.is_err() {
            if process.ended(Duration::ZERO).await.is_ok() || Instant::now() > deadline {
                bail!("HAProxy does not listen. It says:\n{}", fs::read_to_string(dir.path().join("log"))?);
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Balancer { port, relays, _process: process, _dir: dir })
    }

    /// The origin of the page, whichever relay it comes from. Nobody trusts the certificate.
    pub fn origin(&self) -> String {
        format!("https://{}", self.port.address())
    }

    /// What the relays log, each into a file of its own.
    pub fn logs(&self) -> Vec<PathBuf> {
        self.relays.iter().map(|relay| relay.log().path().to_owned()).collect()
    }

    /// One of the relays.
    pub fn relay(&mut self, index: usize) -> Result<&mut Relay> {
        self.relays.get_mut(index).context("there are two relays")
    }
}

/// What a configuration names.
struct Places<'a> {
    port: &'a Port,
    plain: &'a Port,
    metrics: &'a Port,
    certificate: &'a Path,
    relays: &'a [Relay],
}

/// The operators' configuration, with the places of a test.
fn configuration(places: &Places<'_>) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CONFIGURATION);
    let given = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut relays = places.relays.iter();
    let mut lines = Vec::new();
    for line in given.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            // A test has no account, no system log and not so many files.
            ["log", "/dev/log", ..] => lines.push("    log stderr format raw local0".to_owned()),
            ["user" | "group" | "chroot", ..] => {}
            ["maxconn", _] => lines.push("    maxconn 1000".to_owned()),
            ["bind", "[::]:80", ..] => lines.push(format!("    bind {}", places.plain.address())),
            ["bind", "[::]:443", "v4v6", "ssl", "crt", _, ref rest @ ..] => {
                let (address, certificate) = (places.port.address(), places.certificate.display());
                lines.push(format!("    bind {address} ssl crt {certificate} {}", rest.join(" ")));
            }
            ["bind", ..] => lines.push(format!("    bind {}", places.metrics.address())),
            ["server", name, _, ref rest @ ..] => {
                let address = relays.next().context("it has more servers than there are relays")?.address();
                lines.push(format!("    server {name} {address} {}", rest.join(" ")));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    ensure!(relays.next().is_none(), "it has fewer servers than there are relays");
    Ok(lines.join("\n") + "\n")
}

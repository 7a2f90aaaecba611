//! The relay as a child process: the real binary, with everything it can log kept in a file.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::PATIENCE;
use crate::dovecot::Dovecot;
use crate::log::LogFile;
use crate::port::Port;
use crate::process::Guarded;

/// An upstream to configure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// What the browser calls it.
    pub name: String,
    /// `pop3s://…`, `pop3+starttls://…` or `pop3://…`.
    pub url: String,
    /// A root to trust for it; without one the system's decide.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl Upstream {
    /// An upstream whose certificate the tests' own authority signed.
    pub fn new(name: &str, url: impl Into<String>, ca: impl Into<Option<PathBuf>>) -> Upstream {
        Upstream { name: name.into(), url: url.into(), ca: ca.into() }
    }
}

/// A relay that serves one port for as long as this lives, through any number of restarts.
pub struct Relay {
    program: PathBuf,
    arguments: Vec<String>,
    port: Port,
    log: LogFile,
    process: Option<Guarded>,
    _dir: TempDir,
}

impl Relay {
    /// `poplar-relay serve` on a free loopback port with these upstreams and further arguments; waits until it listens.
    pub async fn start(upstreams: &[Upstream], arguments: &[&str]) -> Result<Relay> {
        let mut all = Vec::new();
        for Upstream { name, url, ca } in upstreams {
            all.extend(["--upstream".into(), format!("{name}={url}")]);
            if let Some(ca) = ca {
                all.extend(["--upstream-ca".into(), format!("{name}={}", ca.display())]);
            }
        }
        all.extend(arguments.iter().map(|argument| argument.to_string()));
        Relay::run("serve", all).await
    }

    /// `poplar-relay demo`: the relay with its built-in mailbox as upstream `demo`.
    pub async fn demo() -> Result<Relay> {
        Relay::run("demo", Vec::new()).await
    }

    async fn run(subcommand: &str, mut arguments: Vec<String>) -> Result<Relay> {
        let port = Port::reserve()?;
        arguments.splice(0..0, [subcommand.to_owned(), "--listen".into(), port.address().to_string()]);
        let dir = tempfile::Builder::new().prefix("poplar-relay-").tempdir()?;
        let log = LogFile::new(dir.path().join("log"));
        let program = program().await?.to_owned();
        let mut relay = Relay { program, arguments, port, log, process: None, _dir: dir };
        relay.restart().await?;
        Ok(relay)
    }

    /// A relay before one Dovecot, with an upstream for each way to reach it: `mail` (TLS), `starttls` and `plain`, and one that
    /// is the same server without a root to trust: `untrusted`.
    pub async fn before(dovecot: &Dovecot) -> Result<Relay> {
        let upstreams = [
            Upstream::new("mail", dovecot.pop3s(), dovecot.ca()),
            Upstream::new("starttls", dovecot.starttls(), dovecot.ca()),
            Upstream::new("plain", dovecot.plain(), None),
            Upstream::new("untrusted", dovecot.pop3s(), None),
        ];
        Relay::start(&upstreams, &[]).await
    }

    /// The origin of its page.
    pub fn origin(&self) -> String {
        let scheme = if self.has_tls() { "https" } else { "http" };
        format!("{scheme}://{}", self.port.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its process number, while it runs.
    pub fn id(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("the relay is not running")?.id())
    }

    /// The tunnel to an upstream.
    pub fn tunnel(&self, name: &str) -> String {
        let scheme = if self.has_tls() { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.port.address(), poplar_wire::path(name))
    }

    /// Whether it was given a certificate of its own.
    fn has_tls(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "--tls-cert")
    }

    /// Everything it ever logged or printed, at the most verbose level there is.
    pub fn log(&self) -> &LogFile {
        &self.log
    }

    /// Ends it at once, as a crash would (`SIGKILL`).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks it to end (`SIGTERM`) and waits until it has.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the relay is not running")?;
        process.terminate()?;
        process.ended(PATIENCE).await
    }

    /// Starts it again on the same port, and waits until it listens.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(self.log.path())?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs([("POPLAR_LOG", "debug"), ("RUST_LOG", "trace")]).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let mut process = Guarded::spawn(&mut command)?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.port.address()).await.is_err() {
            if process.ended(std::time::Duration::ZERO).await.is_ok() || Instant::now() > deadline {
                bail!("the relay does not listen. It says:\n{}", self.log.lines_since(0)?.join("\n"));
            }
            sleep(std::time::Duration::from_millis(5)).await;
        }
        self.process = Some(process);
        Ok(())
    }
}

/// Writes the page into a folder, for another server to serve: `poplar-relay web`. It uses the relay at `relay`.
pub async fn export(folder: &Path, relay: &str) -> Result<()> {
    let status = Command::new(program().await?)
        .arg("web")
        .arg(folder)
        .args(["--relay", relay])
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "the page was not written");
    Ok(())
}

/// The relay's binary: the one `POPLAR` names, otherwise the one cargo builds now.
pub async fn program() -> Result<&'static Path> {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let program = PROGRAM.get_or_try_init(|| async {
        match std::env::var_os("POPLAR") {
            Some(path) => Ok(PathBuf::from(path)),
            None => tokio::task::spawn_blocking(build).await?,
        }
    });
    Ok(program.await?.as_path())
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "poplar-relay", "--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .context("no cargo to build the relay with; set POPLAR to its binary")?;
    ensure!(output.status.success(), "the relay does not build");
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
    let executable = |message: serde_json::Value| {
        let of_relay = message.get("target")?.get("name")? == "poplar-relay";
        let path = message.get("executable")?.as_str()?;
        of_relay.then(|| PathBuf::from(path))
    };
    messages.flatten().find_map(executable).context("cargo names no binary of the relay")
}

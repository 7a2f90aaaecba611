//! The other clients: three programs, and a socket that asks for everything at once.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use poplar_tests::dovecot::PASSWORD;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The server, as a client sees it, and where a program puts the mail.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) ca: PathBuf,
    pub(crate) user: String,
    pub(crate) onto: Onto,
}

/// Where mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    /// Into memory, in the way that is kindest to each program.
    Memory,
    /// Into a Maildir on disk.
    Disk,
}

/// A program that retrieves mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Pipelines; each message into a Maildir, and to disk before the next.
    Mpop,
    /// Waits for every answer; all messages into one file, or a shell for each that puts it into a Maildir.
    Fetchmail,
    /// Waits for every answer; into memory.
    Poplib,
}

/// What a whole retrieval with Python's own library takes.
const POPLIB: &str = r#"
import poplib, ssl, sys
host, port, ca, user, password = sys.argv[1:]
server = poplib.POP3_SSL(host, int(port), context=ssl.create_default_context(cafile=ca))
server.user(user)
server.pass_(password)
server.uidl()
numbers = [line.split()[0].decode() for line in server.list()[1]]
messages = [b"\r\n".join(server.retr(number)[1]) for number in numbers]
server.quit()
print(len(messages))
"#;

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Mpop => "mpop, pipelining",
            Peer::Fetchmail => "fetchmail",
            Peer::Poplib => "Python poplib",
        }
    }

    /// From its start to its end, with a folder of its own; how many messages it has then.
    pub(crate) fn run(self, place: &Place) -> Result<(Duration, u32)> {
        let memory = Path::new("/dev/shm");
        let dir =
            if place.onto == Onto::Memory && memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? };
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(dir.path().join("mail").join(folder))?;
        }
        let mut command = match self {
            Peer::Mpop => mpop(place, dir.path())?,
            Peer::Fetchmail => fetchmail(place, dir.path())?,
            Peer::Poplib => {
                let mut command = Command::new("python3");
                command.args(["-c", POPLIB, "localhost", &place.address.port().to_string()]);
                command.arg(&place.ca).args([&place.user, PASSWORD]);
                command
            }
        };
        command.env("HOME", dir.path()).stdin(Stdio::null());
        let start = Instant::now();
        let output = command.output().with_context(|| format!("{} is not installed", self.name()))?;
        let took = start.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{}: {said}{}", self.name(), String::from_utf8_lossy(&output.stderr));
        let got = match self {
            Peer::Fetchmail if place.onto == Onto::Memory => {
                let batch = fs::read(dir.path().join("batch"))?;
                batch.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"MAIL FROM:")).count()
            }
            Peer::Mpop | Peer::Fetchmail => fs::read_dir(dir.path().join("mail/new"))?.count(),
            Peer::Poplib => said.trim().parse()?,
        };
        Ok((took, u32::try_from(got)?))
    }
}

fn mpop(place: &Place, dir: &Path) -> Result<Command> {
    let text = format!(
        "account default\nhost localhost\nport {}\nuser {}\npassword {PASSWORD}\nauth user\ntls on\ntls_starttls off\n\
         tls_trust_file {}\npipelining on\nkeep on\nonly_new off\nuidls_file {dir}/uidls\ndelivery maildir {dir}/mail\n",
        place.address.port(),
        place.user,
        place.ca.display(),
        dir = dir.display(),
    );
    let mut command = Command::new("mpop");
    command.arg("--quiet").arg(format!("--file={}", private(dir, "mpoprc", &text)?.display()));
    Ok(command)
}

fn fetchmail(place: &Place, dir: &Path) -> Result<Command> {
    let delivery = match place.onto {
        Onto::Memory => format!("bsmtp \"{}/batch\"", dir.display()),
        Onto::Disk => format!("mda \"cd {}/mail && cat >tmp/$$ && mv tmp/$$ new/\"", dir.display()),
    };
    let text = format!(
        "poll localhost service {} protocol pop3 user \"{}\" password \"{PASSWORD}\" ssl sslcertck sslcertfile \"{}\" \
         keep fetchall {delivery}\n",
        place.address.port(),
        place.user,
        place.ca.display(),
    );
    let mut command = Command::new("fetchmail");
    command.args(["--silent", "--nosyslog", "--fetchmailrc"]).arg(private(dir, "fetchmailrc", &text)?);
    command.arg("--idfile").arg(dir.join("ids")).arg("--pidfile").arg(dir.join("pid")).env("FETCHMAILHOME", dir);
    Ok(command)
}

/// A file that nobody else may read: it has a password in it, and both programs insist.
fn private(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

/// The limit: signs in, asks for every message in one write, and quits when all have come; how many came. `reckless`: waits for no
/// answer at all.
pub(crate) async fn bare(place: &Place, count: u32, reckless: bool) -> Result<u32> {
    let (mut lines, mut to) = connect(place).await?;
    let mut line = Vec::new();
    if reckless {
        to.write_all(sign_in(place).concat().as_bytes()).await?;
    }
    signed_in(place, &mut lines, &mut to, reckless).await?;
    let mut everything: String = (1..=count).map(|number| format!("RETR {number}\r\n")).collect();
    if reckless {
        everything.push_str("QUIT\r\n");
    }
    let (all_came, when_all_came) = tokio::sync::oneshot::channel();
    let asking = async {
        to.write_all(everything.as_bytes()).await?;
        if !reckless && when_all_came.await.is_ok() {
            to.write_all(b"QUIT\r\n").await?;
        }
        anyhow::Ok(())
    };
    let reading = async {
        let (mut got, mut all_came) = (0, Some(all_came));
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).await? == 0 {
                return anyhow::Ok(got);
            }
            got += u32::from(line == b".\r\n");
            if got == count
                && let Some(tell) = all_came.take()
            {
                let _ = tell.send(());
            }
        }
    };
    Ok(tokio::try_join!(asking, reading)?.1)
}

/// A session that asks for UIDL and LIST at once and for nothing else: from its beginning to its end, and the two answers alone.
pub(crate) async fn listing(place: &Place) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    let (mut lines, mut to) = connect(place).await?;
    signed_in(place, &mut lines, &mut to, false).await?;
    let asked = Instant::now();
    to.write_all(b"UIDL\r\nLIST\r\n").await?;
    let (mut line, mut got) = (Vec::new(), 0);
    while got < 2 {
        line.clear();
        ensure!(lines.read_until(b'\n', &mut line).await? > 0, "the session ended within a listing");
        got += u32::from(line == b".\r\n");
    }
    let answered = asked.elapsed();
    to.write_all(b"QUIT\r\n").await?;
    while lines.read_until(b'\n', &mut line).await? > 0 {}
    Ok((start.elapsed(), answered))
}

type Lines = BufReader<ReadHalf<TlsStream<TcpStream>>>;
type To = WriteHalf<TlsStream<TcpStream>>;

async fn connect(place: &Place) -> Result<(Lines, To)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&place.ca)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(place.address).await?;
    socket.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, socket).await?;
    let (from, to) = tokio::io::split(stream);
    Ok((BufReader::with_capacity(64 * 1024, from), to))
}

fn sign_in(place: &Place) -> [String; 2] {
    [format!("USER {}\r\n", place.user), format!("PASS {PASSWORD}\r\n")]
}

/// Hears the greeting and signs in; where that was sent already (`asked`), hears the answers.
async fn signed_in(place: &Place, lines: &mut Lines, to: &mut To, asked: bool) -> Result<()> {
    let (sign_in, mut line) = (sign_in(place), Vec::new());
    for (what, next) in [("greeting", Some(&sign_in[0])), ("USER", Some(&sign_in[1])), ("PASS", None)] {
        line.clear();
        lines.read_until(b'\n', &mut line).await?;
        ensure!(line.starts_with(b"+OK"), "{what} was answered {}", String::from_utf8_lossy(&line));
        if let Some(next) = next.filter(|_| !asked) {
            to.write_all(next.as_bytes()).await?;
        }
    }
    Ok(())
}

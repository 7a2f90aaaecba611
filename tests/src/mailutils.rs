//! A private GNU mailutils pop3d: its own directories, ports, certificate and log; no word of the system's configuration.
//!
//! What it does that Dovecot does not, and that clients must bear: it puts an `X-UIDL` field behind the header of every message,
//! which LIST counts only once UIDL has been asked; it leaves Nagle's delay on, which costs a client that asks one message at a
//! time 40 ms for each; it says `EXPIRENEVER`.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::account::{Account, Delivery, is_plain};
use crate::certificates::Authority;
use crate::log::LogFile;
use crate::port::Port;
use crate::process::Guarded;

/// The password of every user.
pub const PASSWORD: &str = crate::dovecot::PASSWORD;
/// The domain of every user: who signs in as `ann` says `ann@poplar.test`.
pub const DOMAIN: &str = "poplar.test";

/// [`PASSWORD`] as crypt(3) keeps it: `openssl passwd -6 -salt poplar`.
const PASSWORD_HASH: &str =
    "$6$poplar$WXtoxdY.u2JBIgAHqXNamxmKIs7GbUdEm90ll2D8bQblSlaZV.H2OYrRX1URo3n/7kd/48F8nYJyMTBeNsqaG/";
/// It gives up its rights for this group's (`setgid`, in its `main`), and ends where it may not.
const MAIL_GROUP: &str = "mail";

/// A running server. A user exists as soon as something was delivered.
pub struct Mailutils {
    pop3s: Port,
    pop3: Port,
    _process: Guarded,
    log: LogFile,
    delivery: Delivery,
    users: Mutex<()>,
    dir: TempDir,
    account: Account,
}

impl Mailutils {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Result<Mailutils> {
        let dir = tempfile::Builder::new().prefix("poplar-mailutils-").tempdir_in("/tmp")?;
        let (pop3s, pop3) = (Port::reserve()?, Port::reserve()?);
        let account = Account::find()?;
        let authority = Authority::new()?;
        let identity = authority.issue(&["localhost", "127.0.0.1"])?;
        fs::write(dir.path().join("ca.pem"), authority.pem())?;
        for (name, text) in [("certificate.pem", identity.certificate), ("key.pem", identity.key)] {
            fs::write(dir.path().join(name), text)?;
            // It takes neither where others may read or write them.
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o600))?;
        }
        for folder in ["domains", "locks", "mail"] {
            fs::create_dir(dir.path().join(folder))?;
        }
        let configuration = dir.path().join("pop3d.conf");
        fs::write(&configuration, text(&dir, &pop3s, &pop3))?;
        account.give(dir.path())?;

        let log = LogFile::new(dir.path().join("log"));
        let file = fs::File::create(log.path())?;
        let mut command = command(&account)?;
        command.arg(format!("--config-file={}", configuration.display()));
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = Guarded::spawn(&mut command).context("is mailutils-pop3d installed? tests/run installs it")?;
        log.until(0, "pop3d's start", |lines| lines.iter().any(|line| line.contains("started")).then_some(())).await?;
        Ok(Mailutils {
            pop3s,
            pop3,
            _process: process,
            log,
            delivery: Delivery::default(),
            users: Mutex::default(),
            dir,
            account,
        })
    }

    /// Where POP3 in the clear listens.
    pub fn pop3_address(&self) -> SocketAddr {
        self.pop3.address()
    }

    /// The upstream URL of POP3 over TLS, by address.
    pub fn pop3s(&self) -> String {
        format!("pop3s://{}", self.pop3s.address())
    }

    /// The root that signed the server's certificate.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What it logs: every command and every status line. The password is three stars there.
    pub fn log(&self) -> &LogFile {
        &self.log
    }

    /// Puts a message into the maildrop of `user`, given without the domain; its file's name. On disk its lines end with LF, as
    /// this server wants them.
    pub fn deliver(&self, user: &str, bytes: &[u8]) -> Result<String> {
        ensure!(is_plain(user), "{user:?} is no plain user name");
        let home = self.dir.path().join("mail").join(user);
        // A virtual user's mailbox is INBOX in the home, of the usual kind.
        let name = self.delivery.deliver(&self.account, &home.join("INBOX"), &with_lf(bytes))?;
        let _one_at_a_time = self.users.lock();
        let listed = self.dir.path().join("domains").join(DOMAIN);
        let known = fs::read_to_string(&listed).unwrap_or_default();
        if !known.lines().any(|line| line.split(':').next() == Some(user)) {
            let (uid, gid) = self.account.numbers;
            let mut file = fs::File::options().create(true).append(true).open(&listed)?;
            writeln!(file, "{user}:{PASSWORD_HASH}:{uid}:{gid}::{}:/bin/false", home.display())?;
            self.account.give(&listed)?;
        }
        Ok(name)
    }

    /// How many RETR commands came since `mark` in the log, once as many sessions have ended since then.
    pub async fn retrievals(&self, mark: u64, sessions: usize) -> Result<usize> {
        let count = |lines: &[String], what: &str| lines.iter().filter(|line| line.contains(what)).count();
        let over =
            |lines: &[String]| (count(lines, "session ended for user") >= sessions).then(|| count(lines, ": C: RETR "));
        self.log.until(mark, "the end of the session", over).await
    }
}

/// A message as this server sends it: `uid` in a field behind its header.
pub fn as_sent(message: &[u8], uid: &str) -> Vec<u8> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").map_or(message.len(), |end| end + 2);
    let (header, body) = message.split_at(end);
    [header, format!("X-UIDL: {uid}\r\n").as_bytes(), body].concat()
}

fn with_lf(bytes: &[u8]) -> Vec<u8> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut text = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        text.push(b'\n');
        text.extend_from_slice(line);
    }
    text
}

/// The server in the mail group: as root it is simply put there; others are in it in a name space of their own.
fn command(account: &Account) -> Result<Command> {
    let groups = fs::read_to_string("/etc/group").context("no /etc/group")?;
    let mail = groups.lines().find_map(|line| line.strip_prefix(MAIL_GROUP)?.strip_prefix(':')?.split(':').nth(1));
    let mail: u32 = mail.with_context(|| format!("no group {MAIL_GROUP}"))?.parse()?;
    let (uid, _) = account.numbers;
    if account.other {
        let mut command = Command::new("pop3d");
        command.uid(uid).gid(mail);
        return Ok(command);
    }
    let mut command = Command::new("unshare");
    command.args(["--user", &format!("--map-user={uid}"), &format!("--map-group={mail}"), "pop3d"]);
    Ok(command)
}

/// What the server is told. `--config-file` leaves the system's file unread.
fn text(dir: &TempDir, pop3s: &Port, pop3: &Port) -> String {
    let dir = dir.path().display();
    format!(
        r#"mode daemon;
foreground yes;
pidfile {dir}/pid;
max-children 20;
logging {{ syslog no; }};
tcp-wrappers {{ enable no; }};
auth {{
  authentication clear;
  authentication generic;
  authorization clear;
  authorization virtdomain;
}};
virtdomain {{ passwd-dir {dir}/domains; }};
mailbox {{ mailbox-type maildir; }};
mandatory-locking {{ enable yes; lock-directory {dir}/locks; }};
transcript yes;
server {pop3} {{ tls-mode no; transcript yes; }};
server {pop3s} {{
  tls-mode connection;
  transcript yes;
  tls {{
    ssl-certificate-file {dir}/certificate.pem;
    ssl-key-file {dir}/key.pem;
  }};
}};
"#,
        pop3 = pop3.address(),
        pop3s = pop3s.address(),
    )
}

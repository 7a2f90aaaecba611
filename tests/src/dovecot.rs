//! A private Dovecot: its own directories, ports, certificate and log; no word of the system's configuration.

mod configuration;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::PATIENCE;
use crate::account::{Account, Delivery, command_output, is_plain};
use crate::certificates::Authority;
use crate::log::LogFile;
use crate::port::Port;
use crate::process::Guarded;
use configuration::Configuration;

/// The password of every user. Not a word that any log could hold by accident, so that a search for it proves something.
pub const PASSWORD: &str = "Zx-unlikely-7f3a91-pass";

/// The file that holds it, which Dovecot reads again when it has changed, and the one line in it, which is looked up for any user.
const PASSWORDS: &str = "passwords";
const EVERYBODY: &str = "everybody";

/// Until it is asked again whether Dovecot has read that file.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a test may want otherwise.
#[derive(Clone, Debug)]
pub struct Options {
    /// `pop3_uidl_format`; Dovecot's own default is `%08Xu%08Xv`.
    pub uidl_format: String,
    /// Whether every byte of every session is kept, see [`Dovecot::rawlogs`].
    pub rawlog: bool,
    /// Names in the server's certificate.
    pub names: Vec<String>,
    /// More lines of configuration, after all others.
    pub extra: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            uidl_format: "%08Xu%08Xv".into(),
            rawlog: false,
            names: vec!["localhost".into(), "127.0.0.1".into()],
            extra: String::new(),
        }
    }
}

/// A running server. Any user name signs in with [`PASSWORD`]; a maildrop exists as soon as something was delivered into it.
pub struct Dovecot {
    pop3s: Port,
    pop3: Port,
    process: Guarded,
    log: LogFile,
    delivery: Delivery,
    dir: TempDir,
    account: Account,
}

/// One session as Dovecot's log line tells it when it is over: the oracle for "exactly once".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Who it was.
    pub user: String,
    /// Whether it ended with QUIT. What was deleted took effect then, and only then.
    pub quit: bool,
    /// Messages sent by TOP.
    pub top: u64,
    /// Messages sent by RETR.
    pub retr: u64,
    /// Messages really deleted.
    pub del: u64,
    /// Messages in the maildrop when it began.
    pub messages: u64,
}

/// A file in a maildrop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stored {
    /// The part of its name that never changes.
    pub name: String,
    /// Where it lies now.
    pub path: PathBuf,
}

impl Dovecot {
    /// A server with the usual options.
    pub async fn start() -> Result<Dovecot> {
        Dovecot::start_with(&Options::default()).await
    }

    /// Starts a server and waits until it answers.
    pub async fn start_with(options: &Options) -> Result<Dovecot> {
        // Sockets lie in here, and their paths may have 107 characters at most (unix(7)): so not under a long TMPDIR.
        let dir = tempfile::Builder::new().prefix("poplar-dovecot-").tempdir_in("/tmp")?;
        let (pop3s, pop3) = (Port::reserve()?, Port::reserve()?);
        let account = Account::find()?;

        let authority = Authority::new()?;
        let names = options.names.iter().map(String::as_str).collect::<Vec<_>>();
        let identity = authority.issue(&names)?;
        fs::write(dir.path().join("ca.pem"), authority.pem())?;
        fs::write(dir.path().join("certificate.pem"), identity.certificate)?;
        fs::write(dir.path().join("key.pem"), identity.key)?;
        for folder in ["run", "state", "mail", "rawlog"] {
            fs::create_dir(dir.path().join(folder))?;
        }
        let configuration = dir.path().join("dovecot.conf");
        fs::write(
            &configuration,
            Configuration { dir: dir.path(), account: &account, pop3s: &pop3s, pop3: &pop3, options }.text(),
        )?;
        set_password(dir.path(), PASSWORD)?;
        account.give(dir.path())?;

        let mut command = Command::new("dovecot");
        command
            .arg("-F")
            .arg("-c")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if account.other {
            command.uid(account.numbers.0).gid(account.numbers.1);
        }
        let process = Guarded::spawn(&mut command).context("is dovecot-pop3d installed? tests/run installs it")?;
        let log = LogFile::new(dir.path().join("log"));
        // The listeners are open before this line is written.
        log.until(0, "Dovecot's start", |lines| lines.iter().any(|l| l.contains("starting up for pop3")).then_some(()))
            .await?;
        Ok(Dovecot { pop3s, pop3, process, log, delivery: Delivery::default(), dir, account })
    }

    /// Where POP3 over TLS listens.
    pub fn pop3s_address(&self) -> SocketAddr {
        self.pop3s.address()
    }

    /// Where POP3 in the clear listens, which also takes STLS.
    pub fn pop3_address(&self) -> SocketAddr {
        self.pop3.address()
    }

    /// The upstream URL of POP3 over TLS, by address.
    pub fn pop3s(&self) -> String {
        format!("pop3s://{}", self.pop3s.address())
    }

    /// The upstream URL of POP3 with STARTTLS, by address.
    pub fn starttls(&self) -> String {
        format!("pop3+starttls://{}", self.pop3.address())
    }

    /// The upstream URL of POP3 in the clear.
    pub fn plain(&self) -> String {
        format!("pop3://{}", self.pop3.address())
    }

    /// The root that signed the server's certificate.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What it logs.
    pub fn log(&self) -> &LogFile {
        &self.log
    }

    /// Puts a message into a maildrop, as a delivery agent does: written aside, then renamed. Returns its name.
    pub fn deliver(&self, user: &str, bytes: &[u8]) -> Result<String> {
        ensure!(is_plain(user), "{user:?} is no plain user name");
        self.delivery.deliver(&self.account, &self.maildir(user), bytes)
    }

    /// Removes a message behind the server's back, as another client or an expiry would.
    pub fn remove(&self, user: &str, name: &str) -> Result<()> {
        let stored = self.stored(user)?;
        let stored =
            stored.iter().find(|stored| stored.name == name).with_context(|| format!("{name} is not there"))?;
        Ok(fs::remove_file(&stored.path)?)
    }

    /// Every message in a maildrop, oldest first.
    pub fn stored(&self, user: &str) -> Result<Vec<Stored>> {
        let mut all = Vec::new();
        for folder in ["new", "cur"] {
            let folder = self.maildir(user).join(folder);
            for entry in fs::read_dir(&folder).with_context(|| format!("{user} has no maildrop"))? {
                let path = entry?.path();
                let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let name = file.split([':', ',']).next().unwrap_or_default().to_owned();
                all.push(Stored { name, path });
            }
        }
        all.sort();
        Ok(all)
    }

    /// The first `count` finished sessions of a user, in the order they ended; waits until there are as many.
    pub async fn sessions(&self, user: &str, count: usize) -> Result<Vec<Session>> {
        let what = format!("the end of session {count} of {user}");
        let ended = |lines: &[String]| {
            let sessions: Vec<Session> = lines.iter().filter_map(|line| Session::parse(line)).collect();
            let mut own: Vec<Session> = sessions.into_iter().filter(|session| session.user == user).collect();
            (own.len() >= count).then(|| {
                own.truncate(count);
                own
            })
        };
        self.log.until(0, &what, ended).await
    }

    /// How many sessions of a user have ended until now.
    pub fn ended_sessions(&self, user: &str) -> Result<usize> {
        let lines = self.log.lines_since(0)?;
        Ok(lines.iter().filter_map(|line| Session::parse(line)).filter(|session| session.user == user).count())
    }

    /// Another password for every user. Dovecot looks whether the file has changed once in a second.
    pub async fn set_password(&self, password: &str) -> Result<()> {
        set_password(self.dir.path(), password)?;
        let taken = async {
            while self.doveadm(&["auth", "test", "anybody", password]).is_err() {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(PATIENCE, taken).await.context("Dovecot does not take the new password")
    }

    /// Ends the sessions of a user that are still open, as an administrator does.
    pub fn kick(&self, user: &str) -> Result<()> {
        self.doveadm(&["kick", user])
    }

    fn doveadm(&self, words: &[&str]) -> Result<()> {
        let configuration = self.dir.path().join("dovecot.conf");
        let configured = ["-c", &configuration.to_string_lossy()];
        command_output("doveadm", &[&configured, words].concat()).map(drop)
    }

    /// What clients sent, a file for each session, where [`Options::rawlog`] asked for it; oldest first.
    pub fn rawlogs(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.dir.path().join("rawlog"))? {
            files.push(entry?.path());
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
        files.sort();
        Ok(files)
    }

    /// The UIDs that each session asked for with RETR, as its own UIDL had numbered them, where [`Options::rawlog`] asked for it; by
    /// the name of its file.
    pub fn retrieved(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let name = |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let read = |said: &PathBuf| Ok((name(said), retrieved(said, &said.with_extension("out"))?));
        self.rawlogs()?.iter().map(read).collect()
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    fn maildir(&self, user: &str) -> PathBuf {
        self.dir.path().join("mail").join(user).join("Maildir")
    }
}

fn set_password(dir: &Path, password: &str) -> Result<()> {
    Ok(fs::write(dir.join(PASSWORDS), format!("{EVERYBODY}:{{PLAIN}}{password}\n"))?)
}

/// The UIDs that stand behind the RETRs of a session: what the client said, and what the server answered, each line after its time.
fn retrieved(said: &Path, answered: &Path) -> Result<Vec<String>> {
    let mut uids = HashMap::new();
    for line in BufReader::new(File::open(answered)?).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            // As the usual options have UIDs: sixteen digits. LIST's sizes are shorter.
            [_, number, uid] if uid.len() == 16 => drop(uids.insert(number.to_owned(), uid.to_owned())),
            // What follows is longer, and no listing.
            [_, "."] if !uids.is_empty() => break,
            _ => {}
        }
    }
    let said = fs::read(said)?;
    let said = String::from_utf8_lossy(&said);
    let numbers = said.lines().filter_map(|line| line.split_once(" RETR ")).map(|(_, number)| number.trim());
    numbers.map(|number| uids.get(number).cloned().with_context(|| format!("RETR {number} is in no UIDL"))).collect()
}

impl Session {
    /// Reads a line such as
    /// `… pop3(ann)<1><x>: Info: Disconnected: Logged out top=0/0, retr=1/43, del=0/1, size=27`.
    fn parse(line: &str) -> Option<Session> {
        let (_, rest) = line.split_once("pop3(")?;
        let (user, rest) = rest.split_once(")<")?;
        let (reason, counts) = rest.split_once(" top=")?;
        let mut fields = counts.split(", ").map(|field| field.split_once('=').map_or(field, |(_, value)| value));
        let mut pair = || {
            let (count, of) = fields.next()?.split_once('/')?;
            Some((count.parse::<u64>().ok()?, of.parse::<u64>().ok()?))
        };
        let ((top, _), (retr, _), (del, messages)) = (pair()?, pair()?, pair()?);
        Some(Session { user: user.into(), quit: reason.ends_with("Logged out"), top, retr, del, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_session_are_read() {
        let quit = "2026-11-22 20:08:44 pop3(ann@example.org)<12961><gkN>: Info: Disconnected: Logged out top=1/9, retr=2/43, del=3/4, size=27";
        let expected = Session { user: "ann@example.org".into(), quit: true, top: 1, retr: 2, del: 3, messages: 4 };
        assert_eq!(Session::parse(quit), Some(expected.clone()));
        let cut = quit.replace("Logged out", "Connection closed");
        assert_eq!(Session::parse(&cut), Some(Session { quit: false, ..expected }));
        assert_eq!(Session::parse("pop3-login: Info: Login: user=<ann>, method=PLAIN"), None);
    }

    #[tokio::test]
    async fn a_private_server_serves_what_was_delivered_and_logs_what_was_done() {
        let server = Dovecot::start_with(&Options { rawlog: true, ..Options::default() }).await.unwrap();
        let first = server.deliver("ann", b"Subject: one\r\n\r\n.dot\r\n").unwrap();
        let second = server.deliver("ann", b"Subject: two\n\n").unwrap();
        let sign_in = ["USER ann", &format!("PASS {PASSWORD}"), "UIDL", "RETR 1"];
        let said = dialogue(server.pop3_address(), &[&sign_in[..], &["DELE 1", "QUIT"]].concat()).await;
        assert!(said.contains("Subject: one\r\n\r\n..dot\r\n.\r\n"), "{said}");
        let session = Session { user: "ann".into(), quit: true, top: 0, retr: 1, del: 1, messages: 2 };
        assert_eq!(server.sessions("ann", 1).await.unwrap(), [session]);
        assert_eq!(server.stored("ann").unwrap().iter().map(|stored| &stored.name).collect::<Vec<_>>(), [&second]);
        let rawlog = fs::read_to_string(&server.rawlogs().unwrap()[0]).unwrap();
        assert!(rawlog.contains("RETR 1") && !rawlog.contains(PASSWORD), "{rawlog}");
        dialogue(server.pop3_address(), &[&sign_in[..], &["QUIT"]].concat()).await;
        let retrieved: Vec<_> = server.retrieved().unwrap().into_values().collect();
        assert!(matches!(&retrieved[..], [first, second] if first.len() == 1 && second.len() == 1 && first != second));
        server.remove("ann", &second).unwrap();
        assert!(server.remove("ann", &first).is_err(), "it was deleted");
    }

    #[tokio::test]
    async fn a_session_that_stays_open_can_be_ended() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let server = Dovecot::start().await.unwrap();
        server.deliver("ann", b"Subject: one\n\n").unwrap();
        let mut stream = tokio::net::TcpStream::connect(server.pop3_address()).await.unwrap();
        stream.write_all(format!("USER ann\r\nPASS {PASSWORD}\r\nSTAT\r\n").as_bytes()).await.unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"+OK 1 16\r\n") {
            assert_ne!(stream.read_buf(&mut said).await.unwrap(), 0, "it ended by itself");
        }
        server.kick("ann").unwrap();
        assert!(!server.sessions("ann", 1).await.unwrap()[0].quit);
    }

    async fn dialogue(address: SocketAddr, commands: &[&str]) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{}\r\n", commands.join("\r\n")).as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        said
    }
}

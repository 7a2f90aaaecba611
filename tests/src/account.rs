//! Whose files a private server's are, and how mail gets into them.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};

/// The account a server runs as: the tester's own, or `nobody` where that is root, because mail servers serve no mail of root's.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub user: String,
    /// The name of its group.
    pub group: String,
    /// User and group number.
    pub numbers: (u32, u32),
    /// Whether it is not the tester's own, so that files must be given to it.
    pub other: bool,
}

impl Account {
    /// Finds it.
    pub fn find() -> Result<Account> {
        let other = command_output("id", &["-u"])? == "0";
        let whose: &[&str] = if other { &["nobody"] } else { &[] };
        let of = |flag| command_output("id", &[&[flag], whose].concat());
        let numbers = (of("-u")?.parse()?, of("-g")?.parse()?);
        Ok(Account { user: of("-un")?, group: of("-gn")?, numbers, other })
    }

    /// Gives a path, and all that lies under it, to the account.
    pub fn give(&self, path: &Path) -> Result<()> {
        if !self.other {
            return Ok(());
        }
        chown(path, Some(self.numbers.0), Some(self.numbers.1))?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give(&entry?.path())?;
            }
        }
        Ok(())
    }
}

/// Puts messages into Maildirs, as a delivery agent does: written aside, then renamed.
#[derive(Debug, Default)]
pub struct Delivery(AtomicU64);

impl Delivery {
    /// Delivers one message; its file's name. `maildir`'s parent is the user's home, made with it where it is missing.
    pub fn deliver(&self, account: &Account, maildir: &Path, bytes: &[u8]) -> Result<String> {
        if !maildir.exists() {
            for folder in ["tmp", "new", "cur"] {
                fs::create_dir_all(maildir.join(folder))?;
            }
            account.give(maildir.parent().unwrap_or(maildir))?;
        }
        // Servers number new files in the order of their time stamps: second, then the microseconds after "M".
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.M{:06}P1.poplar", 1_700_000_000 + number / 1_000_000, number % 1_000_000);
        let (aside, place) = (maildir.join("tmp").join(&name), maildir.join("new").join(&name));
        fs::write(&aside, bytes)?;
        account.give(&aside)?;
        fs::rename(aside, place)?;
        Ok(name)
    }
}

/// Whether a name can stand in a path, a configuration and a command as it is.
pub fn is_plain(user: &str) -> bool {
    user.chars().all(|c| c.is_ascii_alphanumeric() || "@.-".contains(c))
}

/// What a program prints.
///
/// # Errors
/// Where there is no such program, or it fails: with what it says of that.
pub(crate) fn command_output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("no {program} to run"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {} failed: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

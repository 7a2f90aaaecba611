//! Transcript files: what a server does differently, as a script that a server plays, and what must come of it.
//!
//! The format is described in `tests/transcripts/README.md`. [`expected`] holds what a file expects, and compares it with what came.

pub mod expected;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

pub use expected::{Expectation, Expected};

/// One file.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Its name without folder and ending.
    pub name: String,
    /// What the client is asked to do.
    pub options: Options,
    /// What the server does with input that is queued behind the command it answers.
    pub queued: Queued,
    /// One for each time that the mailbox is brought up to date.
    pub syncs: Vec<Sync>,
}

/// What the client is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether it may run ahead of the answers.
    pub pipelining: Pipelining,
    /// The longest silence while an answer is due.
    pub timeout_ms: u64,
    /// What it retrieves.
    pub retrieve: Retrieve,
    /// Who signs in.
    pub user: String,
    /// How, in the words of the public API.
    pub sign_in: String,
    /// With a token instead of the password.
    pub token: bool,
}

/// Whether the client may run ahead of the answers, in the words of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// Where CAPA says PIPELINING.
    Auto,
    /// Where a trial shows that it works.
    Probe,
    /// Never.
    Off,
}

/// What a sync retrieves, in the words of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieve {
    /// Messages, whole.
    All,
    /// Headers and the first lines.
    Headers,
}

/// What the server does with input that is queued behind the command it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// Answers it in order, as RFC 2449 §6.6 has it.
    Answers,
    /// Throws it away.
    Discards,
    /// Refuses each of its commands.
    Refuses,
    /// Ends the connection without a word.
    Drops,
}

/// One sync: what a person does before it, the connections it meets, and what must come of it.
#[derive(Clone, Debug, Default)]
pub struct Sync {
    /// Messages that a person deletes before it, by their place in the table, from 1.
    pub delete: Vec<usize>,
    /// One for each connection; the last serves all further ones.
    pub sessions: Vec<Session>,
    /// What must come of it.
    pub expectations: Vec<Expectation>,
}

/// What the server says on one connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Said before anything is asked.
    pub greeting: Vec<Step>,
    /// In the order of the file.
    pub rules: Vec<Rule>,
}

/// What the server says when it is asked something.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The command line; a `*` at its end stands for anything.
    pub command: String,
    /// Holds once a command that begins with this word was answered.
    pub after: Option<String>,
    /// What it does.
    pub answer: Vec<Step>,
}

/// One thing that a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Ends the connection.
    Close,
}

/// What is wrong with a file, and where.
#[derive(Debug)]
pub struct Problem {
    file: PathBuf,
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

impl std::error::Error for Problem {}

/// The folder of this repository's transcripts.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// The transcript files of [`folder`], by name.
///
/// # Errors
/// Where the folder cannot be read.
pub fn files() -> std::io::Result<Vec<PathBuf>> {
    let all: std::io::Result<Vec<_>> = std::fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect();
    let mut all = all?;
    all.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    all.sort();
    Ok(all)
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Transcript, Problem> {
        let problem = |line, what| Problem { file: path.to_owned(), line, what };
        let text = std::fs::read_to_string(path).map_err(|error| problem(0, error.to_string()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Transcript::parse(&name, &text).map_err(|(line, what)| problem(line, what))
    }

    /// One that expects nothing, to be filled in.
    #[cfg(test)]
    pub(crate) fn example() -> Transcript {
        Parser::new("example").transcript
    }

    fn parse(name: &str, text: &str) -> Result<Transcript, (usize, String)> {
        let mut parser = Parser::new(name);
        let mut lines = text.lines().enumerate().peekable();
        while let Some((place, line)) = lines.next() {
            let number = place + 1;
            let mut literal = Vec::new();
            if line.starts_with("expect ") {
                // An empty line belongs to the literal only where more of it follows.
                let mut empty = 0;
                while let Some((_, next)) = lines.next_if(|(_, next)| next.starts_with("    ") || next.is_empty()) {
                    if next.is_empty() {
                        empty += 1;
                        continue;
                    }
                    literal.extend(b"\r\n".repeat(std::mem::take(&mut empty)));
                    literal.extend(text::literal(&next[4..]).map_err(|what| (number, what))?);
                }
            }
            parser.line(number, line, literal).map_err(|what| (number, what))?;
        }
        parser.finish().map_err(|what| (text.lines().count(), what))
    }
}

/// What has been read so far.
struct Parser {
    transcript: Transcript,
    /// What holds for every session: what stands before the first `session`.
    common: Session,
    /// The session that is being read, and the sync it belongs to; none while the common part is.
    open: Option<(Session, Sync)>,
    after: Option<String>,
}

impl Parser {
    fn new(name: &str) -> Parser {
        let options = Options {
            pipelining: Pipelining::Auto,
            timeout_ms: 20_000,
            retrieve: Retrieve::All,
            user: "ann".to_owned(),
            sign_in: "auto".to_owned(),
            token: false,
        };
        let transcript = Transcript { name: name.to_owned(), options, queued: Queued::Answers, syncs: Vec::new() };
        Parser { transcript, common: Session::default(), open: None, after: None }
    }

    fn line(&mut self, number: usize, line: &str, literal: Vec<u8>) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let expected_before = self.open.as_ref().is_some_and(|(_, sync)| !sync.expectations.is_empty());
        if expected_before && !line.is_empty() && !line.starts_with('#') && !["expect", "session"].contains(&word) {
            return Err("behind `expect` comes another, or `session`".to_owned());
        }
        match word {
            "" => Ok(()),
            _ if word.starts_with('#') => Ok(()),
            "option" => self.option(rest),
            "session" => {
                let sync = self.close_session();
                self.open = Some((Session::default(), sync));
                Ok(())
            }
            "delete" => {
                let (_, sync) = self.open.as_mut().ok_or("`delete` stands under a `session`")?;
                sync.delete.push(text::number(rest)?);
                Ok(())
            }
            "after" => {
                self.after = Some(rest.to_owned());
                Ok(())
            }
            "C:" => {
                let rule = Rule { command: rest.to_owned(), after: self.after.clone(), answer: Vec::new() };
                self.session().rules.push(rule);
                Ok(())
            }
            "S:" => self.step(Step::Send([text::unescape(rest)?.as_slice(), b"\r\n"].concat())),
            "S|" => self.step(Step::Send(text::unescape(rest)?)),
            "S*" => self.step(Step::Send(text::repeated(rest)?)),
            "close" => self.step(Step::Close),
            "expect" => {
                if self.open.is_none() {
                    self.open = Some((Session::default(), Sync::default()));
                }
                let expectation = Expectation { line: number, what: Expected::read(rest, literal)? };
                self.open.iter_mut().for_each(|(_, sync)| sync.expectations.push(expectation.clone()));
                Ok(())
            }
            _ => Err(format!("what is `{word}`?")),
        }
    }

    fn option(&mut self, rest: &str) -> Result<(), String> {
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let options = &mut self.transcript.options;
        match (name, value) {
            ("pipelining", "auto") => options.pipelining = Pipelining::Auto,
            ("pipelining", "probe") => options.pipelining = Pipelining::Probe,
            ("pipelining", "off") => options.pipelining = Pipelining::Off,
            ("retrieve", "all") => options.retrieve = Retrieve::All,
            ("retrieve", "headers") => options.retrieve = Retrieve::Headers,
            ("timeout", _) => options.timeout_ms = text::number(value)? as u64,
            ("sign-in", "auto" | "user" | "apop" | "plain" | "login" | "xoauth2" | "oauthbearer") => {
                options.sign_in = value.to_owned();
            }
            ("token", "") => options.token = true,
            ("user", _) if !value.is_empty() => options.user = value.to_owned(),
            ("discards-queued", "") => self.transcript.queued = Queued::Discards,
            ("refuses-queued", "") => self.transcript.queued = Queued::Refuses,
            ("drops-on-queued", "") => self.transcript.queued = Queued::Drops,
            _ => return Err(format!("there is no option `{rest}`")),
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let session = self.session();
        match session.rules.last_mut() {
            Some(rule) => rule.answer.push(step),
            None => session.greeting.push(step),
        }
        Ok(())
    }

    fn session(&mut self) -> &mut Session {
        match &mut self.open {
            Some((session, _)) => session,
            None => &mut self.common,
        }
    }

    /// Ends the session that is being read. Gives the sync to which the next one belongs: the same, where nothing was expected yet.
    fn close_session(&mut self) -> Sync {
        self.after = None;
        let Some((session, mut sync)) = self.open.take() else { return Sync::default() };
        sync.sessions.push(session.over(&self.common));
        if sync.expectations.is_empty() {
            return sync;
        }
        self.transcript.syncs.push(sync);
        Sync::default()
    }

    fn finish(mut self) -> Result<Transcript, String> {
        let left = self.close_session();
        if !left.sessions.is_empty() || self.transcript.syncs.is_empty() {
            return Err("the file ends without saying what to expect".to_owned());
        }
        for sync in &self.transcript.syncs {
            if sync.sessions.iter().any(|session| session.greeting.is_empty()) {
                return Err("a session has no greeting".to_owned());
            }
            let ends = sync.expectations.iter().filter(|expectation| expectation.what.is_end()).count();
            if ends != 1 {
                return Err("each sync expects either `ok` or one `error`".to_owned());
            }
        }
        Ok(self.transcript)
    }
}

impl Session {
    /// What is scripted here, and what is scripted for every session where nothing is here.
    fn over(mut self, common: &Session) -> Session {
        if self.greeting.is_empty() {
            self.greeting = common.greeting.clone();
        }
        let own = |rule: &Rule| self.rules.iter().any(|mine| mine.command == rule.command && mine.after == rule.after);
        let inherited: Vec<Rule> = common.rules.iter().filter(|rule| !own(rule)).cloned().collect();
        self.rules.extend(inherited);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Transcript, (usize, String)> {
        Transcript::parse("test", text)
    }

    #[test]
    fn a_file_is_read_as_its_manual_says() {
        let text = "# Comment\noption pipelining off\noption drops-on-queued\nS: +OK hi\nC: STAT\nS: +OK 1 2\nC: RETR 1\nS| a\\r\\n\nS* 3 x\nclose\n\
                    session\nexpect ok\nexpect message 1 stored\n    a\n\n    | b\n\nsession\nS: +OK other\nC: STAT\nS: -ERR\nsession\ndelete 1\nexpect error closed\n";
        let transcript = parse(text).unwrap();
        assert_eq!((transcript.options.pipelining, transcript.queued), (Pipelining::Off, Queued::Drops));
        let [first, second] = transcript.syncs.as_slice() else { panic!("{transcript:?}") };
        let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
        assert_eq!(first.sessions[0].greeting, [send(b"+OK hi\r\n")]);
        assert_eq!(first.sessions[0].rules[1].answer, [send(b"a\r\n"), send(b"xxx"), Step::Close]);
        let body = Some(b"a\r\n\r\nb".to_vec());
        assert!(matches!(&first.expectations[1].what, Expected::Message { body: is, .. } if *is == body));
        // Without an expectation a session is another connection of the same sync; common rules show through.
        assert_eq!((second.sessions.len(), second.delete.as_slice()), (2, [1].as_slice()));
        assert_eq!(second.sessions[0].greeting, [send(b"+OK other\r\n")]);
        assert_eq!(second.sessions[0].rules[0].answer, [send(b"-ERR\r\n")]);
        assert_eq!(second.sessions[1].rules[0].answer, [send(b"+OK 1 2\r\n")]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, words) in [
            ("S: +OK\nD: what\n", 2, "what is `D:`"),
            ("S: a\\q\nexpect ok\n", 1, "escape"),
            ("S: +OK\nexpect ok\nC: STAT\n", 3, "behind `expect`"),
            ("S: +OK\nC: STAT\nS: +OK\n", 3, "without saying what to expect"),
            ("S: +OK\nexpect message 1 stored\n", 2, "either `ok`"),
            ("expect ok\n", 1, "no greeting"),
            ("option pipelining maybe\n", 1, "no option"),
            ("S: +OK\nexpect message one stored\n", 2, "number"),
            ("S: +OK\nexpect error no-such-code\n", 2, "no error code"),
        ] {
            let (at, what) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text:?}: {what}");
            assert!(what.contains(words), "{text:?}: {what}");
        }
    }
}

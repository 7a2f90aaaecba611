//! A POP3 server that plays a [`Transcript`]: for what real servers do, and ours cannot be made to.
//!
//! [`Connection`] is the server without a socket: bytes in, bytes out. [`lockstep`] puts the client on it in memory and in virtual
//! time; [`tcp`] puts it on a port.

pub mod lockstep;
pub mod tcp;

use std::collections::HashMap;
use std::sync::Arc;

use crate::transcript::expected::Seen;
use crate::transcript::{Queued, Rule, Session, Step, Transcript};

/// The password of every transcript; nothing depends on it.
pub const PASSWORD: &str = "correct horse";

/// A transcript being played: which sync and connection it has come to, and what was asked.
#[derive(Debug)]
pub struct Player {
    transcript: Arc<Transcript>,
    sync: usize,
    seen: Seen,
}

impl Player {
    /// At the beginning of the transcript.
    pub fn new(transcript: Arc<Transcript>) -> Player {
        Player { transcript, sync: 0, seen: Seen::default() }
    }

    /// What is played.
    pub fn transcript(&self) -> &Arc<Transcript> {
        &self.transcript
    }

    /// Goes on to a sync, counted from 0: its sessions serve the next connections.
    pub fn begin(&mut self, sync: usize) {
        self.sync = sync;
        self.seen = Seen::default();
    }

    /// What was seen since [`Player::begin`].
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// A client connects.
    pub fn connect(&mut self) -> Connection {
        let sessions = self.transcript.syncs.get(self.sync).map(|sync| sync.sessions.as_slice()).unwrap_or_default();
        let session = sessions.get(self.seen.connections).or(sessions.last()).cloned().unwrap_or_default();
        self.seen.connections += 1;
        Connection {
            session,
            queued: self.transcript.queued,
            input: Vec::new(),
            used: HashMap::new(),
            answered: Vec::new(),
        }
    }
}

/// What the server says at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// It ends the connection behind them.
    pub close: bool,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    session: Session,
    queued: Queued,
    input: Vec<u8>,
    /// How often each rule's command was asked under its condition.
    used: HashMap<(String, Option<String>), usize>,
    /// First words of the commands that were answered.
    answered: Vec<String>,
}

impl Connection {
    /// What is said before anything is asked.
    pub fn greet(&self) -> Said {
        said(&self.session.greeting)
    }

    /// Takes all that there is to read and says what is to be said, an item for each command. Nothing is said behind a close.
    pub fn hear(&mut self, bytes: &[u8], seen: &mut Seen) -> Vec<Said> {
        self.input.extend_from_slice(bytes);
        let mut all = Vec::new();
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            let more = !self.input.is_empty();
            seen.queued |= more;
            let verb = line.split(' ').next().unwrap_or_default().to_owned();
            seen.commands.push(if verb == "PASS" { verb.clone() } else { line.clone() });
            match self.queued {
                Queued::Drops if more => {
                    seen.at_stake.push(line);
                    seen.at_stake.extend(self.take_input());
                    all.push(Said { bytes: Vec::new(), close: true });
                    return all;
                }
                Queued::Refuses if !all.is_empty() => {
                    seen.at_stake.push(line);
                    all.push(Said { bytes: b"-ERR one at a time\r\n".to_vec(), close: false });
                    continue;
                }
                Queued::Discards => seen.at_stake.extend(self.take_input()),
                _ => {}
            }
            let said = self.answer(&line, &verb, seen);
            self.answered.push(verb);
            let close = said.close;
            all.push(said);
            if close {
                return all;
            }
        }
        all
    }

    /// What is queued, as lines, out of the queue.
    fn take_input(&mut self) -> Vec<String> {
        let input = std::mem::take(&mut self.input);
        String::from_utf8_lossy(&input).lines().map(str::to_owned).collect()
    }

    fn answer(&mut self, line: &str, verb: &str, seen: &mut Seen) -> Said {
        let Some((command, after)) = self.rule(line) else {
            let text: &[u8] = match verb {
                "USER" | "PASS" | "NOOP" | "RSET" | "QUIT" => b"+OK\r\n",
                "CAPA" => b"-ERR unknown command\r\n",
                _ => {
                    seen.unscripted.push(line.to_owned());
                    b"-ERR not scripted\r\n"
                }
            };
            return Said { bytes: text.to_vec(), close: verb == "QUIT" };
        };
        let place = self.used.entry((command.clone(), after.clone())).or_default();
        let same: Vec<&Rule> =
            self.session.rules.iter().filter(|rule| rule.command == command && rule.after == after).collect();
        let rule = same.get(*place).or(same.last());
        *place += 1;
        let mut said = rule.map(|rule| said(&rule.answer)).unwrap_or_default();
        said.close |= verb == "QUIT";
        said
    }

    /// The command and condition of the rules that answer a line: what came into force later goes before what was always so, and
    /// a whole line before one with a `*`.
    fn rule(&self, line: &str) -> Option<(String, Option<String>)> {
        let fits = |rule: &&Rule| match rule.command.strip_suffix('*') {
            Some(start) => line.starts_with(start),
            None => rule.command == line,
        };
        let in_force = |rule: &&Rule| rule.after.as_ref().is_none_or(|verb| self.answered.contains(verb));
        let best = self.session.rules.iter().filter(fits).filter(in_force).max_by_key(|rule| {
            let literal = rule.command.len() * 2 + usize::from(!rule.command.ends_with('*'));
            (rule.after.is_some(), literal)
        });
        best.map(|rule| (rule.command.clone(), rule.after.clone()))
    }
}

fn said(steps: &[Step]) -> Said {
    let mut said = Said::default();
    for step in steps {
        match step {
            Step::Send(bytes) => said.bytes.extend_from_slice(bytes),
            Step::Close => said.close = true,
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Sync;

    fn transcript(queued: Queued, rules: &[(&str, Option<&str>, &str)]) -> Arc<Transcript> {
        let rule = |(command, after, answer): &(&str, Option<&str>, &str)| Rule {
            command: (*command).to_owned(),
            after: after.map(str::to_owned),
            answer: vec![Step::Send(format!("{answer}\r\n").into_bytes())],
        };
        let session = Session { greeting: Vec::new(), rules: rules.iter().map(rule).collect() };
        let mut transcript = Transcript::example();
        transcript.queued = queued;
        transcript.syncs = vec![Sync { sessions: vec![session], ..Sync::default() }];
        Arc::new(transcript)
    }

    fn hear(queued: Queued, rules: &[(&str, Option<&str>, &str)], reads: &[&str]) -> (Vec<String>, Seen) {
        let mut player = Player::new(transcript(queued, rules));
        let mut connection = player.connect();
        let mut all = Vec::new();
        for read in reads {
            let said = connection.hear(read.as_bytes(), &mut player.seen);
            all.extend(said.iter().map(|said| String::from_utf8(said.bytes.clone()).unwrap().trim_end().to_owned()));
        }
        (all, player.seen)
    }

    #[test]
    fn rules_in_order_the_last_stays_and_the_nearest_goes_first() {
        let rules = [
            ("STAT", None, "a"),
            ("STAT", None, "b"),
            ("UIDL *", None, "c"),
            ("UIDL 2", None, "d"),
            ("STAT", Some("PASS"), "e"),
        ];
        let (said, seen) = hear(
            Queued::Answers,
            &rules,
            &["STAT\r\nSTAT\r\nST", "AT\r\nUIDL 1\r\nUIDL 2\r\n", "PASS x\r\nSTAT\r\nTOP 1 0\r\n"],
        );
        assert_eq!(said, ["a", "b", "b", "c", "d", "+OK", "e", "-ERR not scripted"]);
        assert_eq!(seen.unscripted, ["TOP 1 0"]);
        assert_eq!(seen.commands[5], "PASS", "without the password");
        assert!(seen.queued);
    }

    #[test]
    fn what_is_queued_is_thrown_away_refused_or_answered_by_the_end() {
        let reads = ["STAT\r\nNOOP\r\nNOOP\r\n", "STAT\r\n"];
        let rules = [("STAT", None, "a")];
        let (said, seen) = hear(Queued::Discards, &rules, &reads);
        assert_eq!((said, seen.at_stake), (vec!["a".to_owned(); 2], vec!["NOOP".to_owned(); 2]));
        let (said, seen) = hear(Queued::Refuses, &rules, &reads);
        assert_eq!(said, ["a", "-ERR one at a time", "-ERR one at a time", "a"]);
        assert_eq!(seen.at_stake, ["NOOP", "NOOP"]);
        let (said, seen) = hear(Queued::Drops, &rules, &reads[..1]);
        assert_eq!((said, seen.commands), (vec![String::new()], vec!["STAT".to_owned()]));
        assert_eq!(seen.at_stake, ["STAT", "NOOP", "NOOP"]);
    }
}

//! The model server: a maildrop, and the one session on it.
//!
//! A session sees a snapshot; deletions take effect at QUIT and only then. Commands wait to be read and answers wait to be heard, so
//! that everything between a question and the last octet of its answer is a moment at which something can happen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use poplar_client::pop3::Millis;
use poplar_client::pop3::client::WeakClient;

use super::Serial;
use super::faults::Kind;
use super::mail::{Mail, stuffed, top};

/// What this server does differently from RFC 1939, always.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    /// Says PIPELINING in CAPA.
    pub(super) pipelining: bool,
    /// Throws away what was queued behind the command that it answers.
    pub(super) throws_away: bool,
    pub(super) no_bare_uidl: bool,
    /// Has no UIDL.
    pub(super) no_uidl: bool,
    /// Goes on listing a message that is marked for deletion, as the guide says.
    pub(super) lists_deleted: bool,
    pub(super) numbers_with_gaps: bool,
    /// Sends a lone dot of a message as it is.
    pub(super) stuffs_nothing: bool,
}

/// What it does differently in one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mood {
    pub(super) refuses_greeting: bool,
    pub(super) stat_zero: bool,
    /// UIDL ends after so many lines.
    pub(super) short: Option<usize>,
    /// So many messages are all that this session has.
    pub(super) window: Option<usize>,
    /// The so-manieth command of this verb is refused.
    pub(super) refuses: Vec<(&'static str, u32)>,
    /// So many commands after the sign-in, an answer is left out.
    pub(super) leaves_out: Option<u32>,
    /// No command after so many is answered.
    pub(super) silent_after: Option<u32>,
    /// The connection is cut after so many octets.
    pub(super) drops_after: Option<usize>,
    /// QUIT is refused; `true`: and some of the deletions are carried out.
    pub(super) refuses_quit: Option<bool>,
}

/// A maildrop and the session on it.
pub(super) struct Server {
    pub(super) habits: Habits,
    pub(super) mood: Mood,
    /// Everything that was ever in the maildrop, by serial number.
    pub(super) mails: Vec<Mail>,
    /// What is in it, in its order.
    pub(super) maildrop: Vec<Serial>,
    pub(super) line: Option<Line>,
    /// How often all UIDs were changed.
    renamed: u8,
    /// What the latest session listed, less what its QUIT deleted.
    pub(super) listed: Vec<Serial>,
}

/// One connection.
pub(super) struct Line {
    pub(super) client: WeakClient,
    /// What this session has: number and message.
    pub(super) snapshot: Vec<(u32, Serial)>,
    pub(super) deleted: BTreeSet<Serial>,
    pub(super) inbox: VecDeque<String>,
    /// Of the inbox, how many at its end nobody has looked at.
    pub(super) unseen: usize,
    pub(super) outbox: Vec<u8>,
    /// Octets of the outbox that the client has heard.
    pub(super) heard: usize,
    /// Octets heard in the whole session.
    pub(super) octets: usize,
    /// DELEs sent.
    pub(super) deles: u32,
    /// The client has closed its end.
    pub(super) closed: bool,
    pub(super) deadline: Millis,
    /// QUIT was sent, and its answer is not heard.
    pub(super) quit_pending: bool,
    /// It was to delete something.
    pub(super) at_stake: bool,
    /// QUIT was read.
    pub(super) quit_read: bool,
    /// RETR was answered to the end.
    pub(super) retrieved: BTreeSet<Serial>,
    /// The commands read so far, by verb.
    counts: BTreeMap<String, u32>,
    after_sign_in: u32,
    silent: bool,
}

/// What came of reading a command.
#[derive(Default)]
pub(super) struct Read {
    pub(super) command: String,
    /// What was odd about it.
    pub(super) met: Vec<Kind>,
    /// QUIT was carried out: these left the maildrop.
    pub(super) removed: Vec<Serial>,
}

impl Server {
    pub(super) fn new(habits: Habits) -> Server {
        Server {
            habits,
            mood: Mood::default(),
            mails: Vec::new(),
            maildrop: Vec::new(),
            line: None,
            renamed: 0,
            listed: Vec::new(),
        }
    }

    pub(super) fn mail(&self, serial: Serial) -> &Mail {
        &self.mails[serial as usize]
    }

    pub(super) fn deliver(&mut self, mail: Mail) -> Serial {
        let serial = self.mails.len() as Serial;
        self.mails.push(mail);
        self.maildrop.push(serial);
        serial
    }

    /// Gives everything in the maildrop another UID: `6866N` becomes `6866A`, and that `6866B` the next time.
    pub(super) fn rename(&mut self) {
        let letter = char::from(b'A' + self.renamed);
        self.renamed += 1;
        for serial in &self.maildrop {
            let mail = &mut self.mails[*serial as usize];
            let other = mail.uid.replace(|letter: char| letter.is_ascii_alphabetic(), &letter.to_string());
            mail.former_uids.push(std::mem::replace(&mut mail.uid, other));
        }
    }

    /// A connection stands.
    pub(super) fn connect(&mut self, client: WeakClient, rng: &mut Rng) -> Vec<Kind> {
        let mut met = Vec::new();
        let mut number = 0;
        let mut snapshot: Vec<_> = self.maildrop.clone();
        if let Some(window) = self.mood.window.filter(|window| *window < snapshot.len()) {
            met.push(Kind::Window);
            snapshot.truncate(window);
        }
        if self.mood.stat_zero && !snapshot.is_empty() {
            met.push(Kind::StatZero);
            snapshot.clear();
        }
        let gaps = self.habits.numbers_with_gaps;
        let mut next = |serial| {
            number += if gaps { rng.u32(1..4) } else { 1 };
            (number, serial)
        };
        let snapshot: Vec<_> = snapshot.into_iter().map(&mut next).collect();
        if snapshot.last().is_some_and(|(number, _)| *number as usize > snapshot.len()) {
            met.push(Kind::NumbersWithGaps);
        }
        self.listed = snapshot.iter().map(|(_, serial)| *serial).collect();
        self.line = Some(Line {
            client,
            snapshot,
            deleted: BTreeSet::new(),
            inbox: VecDeque::from([String::new()]),
            unseen: 0,
            outbox: Vec::new(),
            heard: 0,
            octets: 0,
            deles: 0,
            closed: false,
            deadline: Millis::MAX,
            quit_pending: false,
            at_stake: false,
            quit_read: false,
            retrieved: BTreeSet::new(),
            counts: BTreeMap::new(),
            after_sign_in: 0,
            silent: false,
        });
        met
    }

    /// Reads the oldest command, and puts the answer into the outbox.
    pub(super) fn read(&mut self) -> Option<Read> {
        let Server { habits, mood, mails, maildrop, line, listed, .. } = self;
        let line = line.as_mut()?;
        let command = line.inbox.pop_front()?;
        line.unseen = line.unseen.min(line.inbox.len());
        let mut read = Read::default();
        let verb = command.split(' ').next().unwrap_or_default().to_owned();
        let count = line.counts.entry(verb.clone()).or_default();
        *count += 1;
        let refused = mood.refuses.contains(&(verb_of(&verb), *count));
        let signed_in = line.after_sign_in > 0 || verb == "PASS";
        line.after_sign_in += u32::from(signed_in);
        if habits.throws_away && signed_in && !line.inbox.is_empty() {
            read.met.push(Kind::QueuedThrownAway);
            line.inbox.clear();
            line.unseen = 0;
        }
        if line.silent || mood.silent_after.is_some_and(|after| line.after_sign_in > after) {
            if !line.silent {
                read.met.push(Kind::ServerSilent);
            }
            line.silent = true;
            read.command = command;
            return Some(read);
        }
        let left_out = mood.leaves_out.is_some_and(|at| line.after_sign_in == at + 1) && verb != "QUIT";
        let before = line.outbox.len();
        Answering { habits, mood, mails, maildrop, line, read: &mut read }.answer(&command, &verb, refused);
        listed.retain(|serial| !read.removed.contains(serial));
        if left_out {
            read.met.push(Kind::AnswerLeftOut);
            self.line.as_mut()?.outbox.truncate(before);
        }
        read.command = command;
        Some(read)
    }
}

/// One command and what it is answered from.
struct Answering<'a> {
    habits: &'a Habits,
    mood: &'a Mood,
    mails: &'a [Mail],
    maildrop: &'a mut Vec<Serial>,
    line: &'a mut Line,
    read: &'a mut Read,
}

impl Answering<'_> {
    fn answer(&mut self, command: &str, verb: &str, refused: bool) {
        if refused && let Some(kind) = refusal(verb) {
            self.read.met.push(kind);
            let words = if verb == "PASS" { "-ERR [IN-USE] maildrop is locked\r\n" } else { "-ERR not now\r\n" };
            return self.say(words);
        }
        let mut words = command.split(' ').skip(1);
        let argument = words.next().and_then(|word| word.parse::<u32>().ok());
        let lines = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        // Another client may have taken it away meanwhile.
        let named = self.listed().into_iter().find(|(number, _)| Some(*number) == argument).map(|(_, serial)| serial);
        let there = named.filter(|serial| self.maildrop.contains(serial));
        match (verb, argument, there) {
            ("", ..) if self.mood.refuses_greeting => {
                self.read.met.push(Kind::GreetingRefused);
                self.say("-ERR not today\r\n");
            }
            ("", ..) => self.say("+OK model\r\n"),
            ("USER" | "PASS" | "NOOP", ..) => self.say("+OK\r\n"),
            ("CAPA", ..) if self.habits.pipelining => self.say("+OK\r\nUIDL\r\nTOP\r\nUSER\r\nPIPELINING\r\n.\r\n"),
            ("CAPA", ..) => {
                self.read.met.push(Kind::NoPipelining);
                self.say("+OK\r\nUIDL\r\nTOP\r\nUSER\r\n.\r\n");
            }
            ("STAT", ..) => {
                let listed = self.listed();
                let octets: u64 = listed.iter().map(|(_, serial)| self.mail(*serial).size).sum();
                self.say(&format!("+OK {} {octets}\r\n", listed.len()));
            }
            ("LIST", None, _) => {
                if self
                    .listed()
                    .iter()
                    .any(|(_, serial)| self.mail(*serial).bytes.len() as u64 != self.mail(*serial).size)
                {
                    self.read.met.push(Kind::SizesWrong);
                }
                self.each(usize::MAX, &|mail| mail.size.to_string());
            }
            ("UIDL", ..) if self.habits.no_uidl => {
                self.read.met.push(Kind::NoUidl);
                self.say("-ERR unknown command\r\n");
            }
            ("UIDL", None, _) if self.habits.no_bare_uidl => {
                self.read.met.push(Kind::NoBareUidl);
                self.say("-ERR a number, please\r\n");
            }
            ("UIDL", None, _) => {
                let most = self.mood.short.unwrap_or(usize::MAX);
                if most < self.listed().len() {
                    self.read.met.push(Kind::ListShort);
                }
                self.each(most, &|mail| mail.uid.clone());
            }
            ("UIDL", Some(number), _) if named.is_some() => {
                let uid = named.map(|serial| self.mail(serial).uid.clone()).unwrap_or_default();
                self.say(&format!("+OK {number} {uid}\r\n"));
            }
            ("RETR", _, Some(serial)) => {
                self.say("+OK\r\n");
                let bytes = &self.mails[serial as usize].bytes;
                if self.habits.stuffs_nothing {
                    if bytes.windows(5).any(|window| window == b"\r\n.\r\n") {
                        self.read.met.push(Kind::DotsUnstuffed);
                    }
                    self.line.outbox.extend_from_slice(bytes);
                    self.line.outbox.extend_from_slice(b".\r\n");
                } else {
                    stuffed(&mut self.line.outbox, bytes);
                }
                self.line.retrieved.insert(serial);
            }
            ("TOP", _, Some(serial)) => {
                self.say("+OK\r\n");
                stuffed(&mut self.line.outbox, top(&self.mails[serial as usize].bytes, lines));
            }
            ("DELE", _, Some(serial)) => {
                self.line.deleted.insert(serial);
                if self.habits.lists_deleted {
                    self.read.met.push(Kind::ListsDeleted);
                }
                self.say("+OK message deleted\r\n");
            }
            ("RSET", ..) => {
                self.line.deleted.clear();
                self.say("+OK\r\n");
            }
            ("QUIT", ..) => self.quit(),
            _ => self.say("-ERR no such message\r\n"),
        }
    }

    fn quit(&mut self) {
        self.line.quit_read = true;
        let mut deleted = std::mem::take(&mut self.line.deleted);
        let refused = self.mood.refuses_quit.filter(|_| !deleted.is_empty());
        match refused {
            Some(false) => {
                self.read.met.push(Kind::QuitRefusedAll);
                deleted.clear();
            }
            Some(true) => {
                self.read.met.push(Kind::QuitRefusedSome);
                deleted.pop_last();
            }
            None => {}
        }
        self.maildrop.retain(|serial| !deleted.contains(serial));
        self.read.removed = deleted.into_iter().collect();
        self.say(if refused.is_some() { "-ERR some deleted messages not removed\r\n" } else { "+OK bye\r\n" });
    }

    /// What is listed now.
    fn listed(&self) -> Vec<(u32, Serial)> {
        let deleted = |serial| !self.habits.lists_deleted && self.line.deleted.contains(serial);
        self.line.snapshot.iter().filter(|(_, serial)| !deleted(serial)).copied().collect()
    }

    fn each(&mut self, most: usize, what: &dyn Fn(&Mail) -> String) {
        self.say("+OK\r\n");
        for (number, serial) in self.listed().into_iter().take(most) {
            let line = format!("{number} {}\r\n", what(self.mail(serial)));
            self.say(&line);
        }
        self.say(".\r\n");
    }

    fn mail(&self, serial: Serial) -> &Mail {
        &self.mails[serial as usize]
    }

    fn say(&mut self, words: &str) {
        self.line.outbox.extend_from_slice(words.as_bytes());
    }
}

/// What a refusal of this verb is called, and whether one may be.
fn refusal(verb: &str) -> Option<Kind> {
    Some(match verb {
        "PASS" => Kind::SignInRefused,
        "STAT" => Kind::StatRefused,
        "LIST" => Kind::ListRefused,
        "UIDL" => Kind::UidlRefused,
        "TOP" => Kind::TopRefused,
        "RETR" => Kind::RetrRefused,
        "DELE" => Kind::DeleRefused,
        _ => return None,
    })
}

/// The verbs that can be refused, as [`Mood::refuses`] names them.
pub(super) const REFUSED: [&str; 7] = ["PASS", "STAT", "LIST", "UIDL", "TOP", "RETR", "DELE"];

fn verb_of(verb: &str) -> &'static str {
    REFUSED.iter().find(|known| **known == verb).copied().unwrap_or("")
}

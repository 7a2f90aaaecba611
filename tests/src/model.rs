//! A model of a POP3 server, in memory and in step with the test: for what a real server does once in a thousand sessions.
//!
//! It keeps the maildrop's semantics (a session sees a snapshot; deletions take effect at QUIT and only then), answers one command at
//! a time when it is told to, and can be cut at any octet. The client under test runs on it through [`run`], without threads,
//! sockets or clocks, so that a test that fails once fails always.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a model that is driven wrongly fails its test loudly"
)]

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use poplar_client::error::{Code, Error};
use poplar_client::pop3::client::Greeting;
use poplar_client::pop3::{Behaviour, Client, Millis, Settings, Wire};

/// What this server does differently from RFC 1939.
#[derive(Clone, Debug, Default)]
pub struct Quirks {
    /// Says PIPELINING in CAPA.
    pub pipelining: bool,
    /// Refuses UIDL without a number.
    pub no_bare_uidl: bool,
    /// Refuses UIDL altogether.
    pub no_uidl: bool,
    /// Goes on listing a message that is marked for deletion, as the guide says.
    pub lists_deleted: bool,
    /// Refuses to RETR messages with these UIDs.
    pub unreadable: BTreeSet<String>,
    /// Sends bodies as they are: a lone dot in one looks like its end.
    pub stuffs_nothing: bool,
    /// Gives the first half of each message, and says that it is all.
    pub gives_half: bool,
    /// Answers its first RETR twice, and everything after it one command too late.
    pub repeats_an_answer: bool,
    /// Answers QUIT with `-ERR` and deletes nothing.
    pub refuses_quit: bool,
    /// Answers QUIT with `+OK` and deletes nothing.
    pub keeps_deleted: bool,
}

/// A maildrop and the one session on it.
#[derive(Clone, Default)]
pub struct Server(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    quirks: Quirks,
    maildrop: Vec<(String, Vec<u8>)>,
    session: Vec<(String, Vec<u8>)>,
    deleted: BTreeSet<usize>,
    commands: VecDeque<String>,
    /// The answer that is given a second time.
    repeated: Option<Vec<u8>>,
    log: Vec<String>,
    client: Option<Client>,
    /// Octets that still get through to the client.
    until_cut: Option<usize>,
    /// Octets delivered over all sessions.
    delivered: usize,
}

impl Server {
    /// A server with these messages: UID and content with CRLF line ends.
    pub fn new(quirks: Quirks, maildrop: impl IntoIterator<Item = (String, Vec<u8>)>) -> Server {
        let state = State { quirks, maildrop: maildrop.into_iter().collect(), ..State::default() };
        Server(Rc::new(RefCell::new(state)))
    }

    /// Begins a session: the client, and the greeting that it will be sent.
    pub fn connect(&self) -> (Client, Greeting) {
        self.connect_knowing(Behaviour::default())
    }

    /// The same with what an earlier session has learnt.
    pub fn connect_knowing(&self, behaviour: Behaviour) -> (Client, Greeting) {
        let settings = Settings { timeout: Millis::MAX, behaviour, ..Settings::default() };
        let (client, greeting) = Client::new(Line(self.clone()), settings);
        let mut state = self.0.borrow_mut();
        state.session = state.maildrop.clone();
        state.deleted.clear();
        state.repeated = None;
        state.commands = VecDeque::from(["".to_owned()]);
        state.client = Some(client.clone());
        (client, greeting)
    }

    /// Cuts the connection after so many more octets have reached the client.
    pub fn cut_after(&self, octets: usize) {
        self.0.borrow_mut().until_cut = Some(octets);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.0.borrow_mut().until_cut = None;
    }

    /// New mail, seen by the next session.
    pub fn deliver(&self, uid: &str, message: &[u8]) {
        self.0.borrow_mut().maildrop.push((uid.to_owned(), message.to_vec()));
    }

    /// Another client deletes a message.
    pub fn remove(&self, uid: &str) {
        self.0.borrow_mut().maildrop.retain(|(other, _)| other != uid);
    }

    /// Gives every message another UID.
    pub fn rename(&self, rename: impl Fn(&str) -> String) {
        self.0.borrow_mut().maildrop.iter_mut().for_each(|(uid, _)| *uid = rename(uid));
    }

    /// The UIDs that are left.
    pub fn uids(&self) -> Vec<String> {
        self.0.borrow().maildrop.iter().map(|(uid, _)| uid.clone()).collect()
    }

    /// The commands that came since the last call, PASS without its password.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().log)
    }

    /// Octets delivered to clients so far.
    pub fn delivered(&self) -> usize {
        self.0.borrow().delivered
    }

    /// Changes what it does.
    pub fn change(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.0.borrow_mut().quirks);
    }

    /// Answers the next command that waits. `false` where none does.
    pub fn step(&self) -> bool {
        let Some((client, mut answer, cut)) = self.0.borrow_mut().answer() else { return false };
        if let Some(left) = cut {
            answer.truncate(left);
        }
        client.receive(&answer);
        if cut.is_some() {
            client.end(Error::new(Code::Closed, "cut by the test"));
        }
        true
    }
}

impl State {
    /// The client, the answer to the oldest command, and where it is cut if it is.
    fn answer(&mut self) -> Option<(Client, Vec<u8>, Option<usize>)> {
        let command = self.commands.pop_front()?;
        let client = self.client.clone()?;
        let mut answer = self.reply(&command);
        if let Some(late) = &mut self.repeated {
            std::mem::swap(late, &mut answer);
        } else if self.quirks.repeats_an_answer && command.starts_with("RETR") {
            self.repeated = Some(answer.clone());
        }
        let cut = match &mut self.until_cut {
            Some(left) if answer.len() > *left => Some(*left),
            Some(left) => {
                *left -= answer.len();
                None
            }
            None => None,
        };
        self.delivered += cut.unwrap_or(answer.len());
        if cut.is_some() {
            self.commands.clear();
            self.client = None;
        }
        Some((client, answer, cut))
    }

    fn reply(&mut self, command: &str) -> Vec<u8> {
        let mut words = command.split(' ');
        let (verb, argument) =
            (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse::<usize>().ok()));
        let named = argument.and_then(|n| n.checked_sub(1)).filter(|place| {
            *place < self.session.len() && (self.quirks.lists_deleted || !self.deleted.contains(place))
        });
        if !verb.is_empty() {
            self.log.push(if verb == "PASS" { "PASS".to_owned() } else { command.to_owned() });
        }
        let listed: Vec<usize> = (0..self.session.len())
            .filter(|place| self.quirks.lists_deleted || !self.deleted.contains(place))
            .collect();
        match (verb, argument, named) {
            ("", ..) => b"+OK model\r\n".to_vec(),
            ("USER" | "PASS" | "NOOP", ..) => b"+OK\r\n".to_vec(),
            ("CAPA", ..) => {
                lines(if self.quirks.pipelining { &["UIDL", "TOP", "PIPELINING"] } else { &["UIDL", "TOP"] })
            }
            ("STAT", ..) => {
                let octets: usize = listed.iter().map(|place| self.session[*place].1.len()).sum();
                format!("+OK {} {octets}\r\n", listed.len()).into_bytes()
            }
            ("UIDL", ..) if self.quirks.no_uidl => b"-ERR unknown command\r\n".to_vec(),
            ("LIST", None, _) => lines(&self.each(&listed, |(_, message)| message.len().to_string())),
            ("UIDL", None, _) if self.quirks.no_bare_uidl => b"-ERR a number, please\r\n".to_vec(),
            ("UIDL", None, _) => lines(&self.each(&listed, |(uid, _)| uid.clone())),
            ("LIST", _, Some(place)) => format!("+OK {} {}\r\n", place + 1, self.session[place].1.len()).into_bytes(),
            ("UIDL", _, Some(place)) => format!("+OK {} {}\r\n", place + 1, self.session[place].0).into_bytes(),
            ("RETR", _, Some(place)) if self.quirks.stuffs_nothing => {
                [b"+OK\r\n", self.session[place].1.as_slice(), b".\r\n"].concat()
            }
            ("RETR", _, Some(place)) if self.quirks.gives_half => {
                let whole = &self.session[place].1;
                let lines = whole[..whole.len() / 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                stuffed(&whole[..lines])
            }
            ("RETR", _, Some(place)) if !self.quirks.unreadable.contains(&self.session[place].0) => {
                stuffed(&self.session[place].1)
            }
            ("TOP", _, Some(place)) => stuffed(head(&self.session[place].1)),
            ("DELE", _, Some(place)) => {
                self.deleted.insert(place);
                b"+OK message deleted\r\n".to_vec()
            }
            ("RSET", ..) => {
                self.deleted.clear();
                b"+OK\r\n".to_vec()
            }
            ("QUIT", ..) if self.quirks.refuses_quit => b"-ERR some deleted messages not removed\r\n".to_vec(),
            ("QUIT", ..) if self.quirks.keeps_deleted => b"+OK Bye-bye.\r\n".to_vec(),
            ("QUIT", ..) => {
                let gone: BTreeSet<&String> = self.deleted.iter().map(|place| &self.session[*place].0).collect();
                self.maildrop.retain(|(uid, _)| !gone.contains(uid));
                b"+OK Bye-bye.\r\n".to_vec()
            }
            _ => b"-ERR no such message\r\n".to_vec(),
        }
    }

    fn each(&self, places: &[usize], what: impl Fn(&(String, Vec<u8>)) -> String) -> Vec<String> {
        places.iter().map(|place| format!("{} {}", place + 1, what(&self.session[*place]))).collect()
    }
}

/// Runs `work` to its end, letting the server answer whenever the client waits.
///
/// # Panics
/// Where the client waits and the server has nothing to say.
pub fn run<T>(server: &Server, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
            return value;
        }
        // One part of the work may have woken another.
        if !woken.0.swap(false, Ordering::Relaxed) {
            assert!(server.step(), "the client waits for an answer that nobody owes");
        }
    }
}

/// Whether something has happened since the work was looked at.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A wire to nobody, for a client that is handed its answers: the commands are known, and nobody need read them.
pub struct Nowhere;

impl Wire for Nowhere {
    fn send(&mut self, _frame: Vec<u8>) {}

    fn now(&self) -> Millis {
        0
    }

    fn wake_at(&mut self, _deadline: Millis) {}

    fn close(&mut self) {}
}

/// The client's end of the line.
struct Line(Server);

impl Wire for Line {
    fn send(&mut self, frame: Vec<u8>) {
        let text = String::from_utf8(frame).expect("commands are text");
        let mut state = self.0.0.borrow_mut();
        state.commands.extend(text.split_terminator("\r\n").map(str::to_owned));
    }

    fn now(&self) -> Millis {
        0
    }

    fn wake_at(&mut self, _deadline: Millis) {}

    fn close(&mut self) {
        // What was sent before the close still arrives; whoever sent it hears no answer.
        let mut state = self.0.0.borrow_mut();
        while let Some(command) = state.commands.pop_front() {
            state.reply(&command);
        }
    }
}

fn lines(lines: &[impl AsRef<str>]) -> Vec<u8> {
    let body: String = lines.iter().map(|line| format!("{}\r\n", line.as_ref())).collect();
    stuffed(body.as_bytes())
}

fn stuffed(body: &[u8]) -> Vec<u8> {
    let mut out = b"+OK\r\n".to_vec();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

fn head(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    &message[..end]
}

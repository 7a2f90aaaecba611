//! The client on a scripted server, in memory, in step and in virtual time: no threads, no sockets, no waiting.
//!
//! The client runs until it waits. Then the server says the next thing it has to say; where it has nothing, it reads all that the
//! client has sent meanwhile; where there is nothing either, time jumps to the moment for which the client asked to be woken.
//!
//! This is the one place of these tests that knows how the client is driven.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use poplar_client::error::{Code, Error, Result};
use poplar_client::pop3::client::Greeting;
use poplar_client::pop3::{self, Behaviour, Client, Credential, Login, Method, Millis, Secret, Settings, Wire};
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Batch, Deletion, Edit, Id, Store};
use poplar_client::sync::{self, Attempt, Job, Report, Table};

use super::{Connection, PASSWORD, Player, Said};
use crate::transcript::expected::{Failure, Outcome, Row, Seen};
use crate::transcript::{Pipelining, Retrieve, Transcript};

/// Wakings after which a sync is taken to go round in circles.
const WAKINGS: usize = 1000;

/// How the server's bytes reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Each answer whole.
    Nowhere,
    /// Each byte by itself.
    Everywhere,
    /// Each answer whole, but for a cut behind so many octets of all that the server says.
    At(usize),
}

/// All that happened.
#[derive(Clone, Debug)]
pub struct Played {
    /// One for each sync.
    pub syncs: Vec<Trace>,
    /// Octets that the server said before the client left.
    pub octets: usize,
}

/// What happened in one sync: the same for every cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What came of it.
    pub outcome: Outcome,
    /// What the server saw.
    pub seen: Seen,
    /// Phase, messages done and to do, octets done, whenever one of the first three changed; the counts of the report.
    pub progress: Vec<String>,
}

/// Plays a transcript from beginning to end on one table.
pub fn play(transcript: &Arc<Transcript>, cut: Cut) -> Played {
    let server = Server::new(transcript, cut);
    let table = Table::new(MemoryStore::default(), |_| {});
    let known = Cell::new(Behaviour::default());
    let mut syncs = Vec::new();
    for (place, sync) in transcript.syncs.iter().enumerate() {
        for number in &sync.delete {
            let edits = vec![(*number as Id, Edit::Delete)];
            drop(now(table.apply(Batch { edits, ..Batch::default() })));
        }
        server.0.borrow_mut().player.begin(place);
        let progress = RefCell::new(Vec::new());
        let result = server.drive(one_sync(&server, &table, &known, &progress));
        let mut progress = progress.into_inner();
        progress.extend(result.as_ref().ok().map(|report| {
            let Report { retrieved, headers, deleted, bytes, remaining, .. } = report;
            format!(
                "{retrieved} retrieved, {headers} headers, {deleted} deleted, {bytes} octets, {remaining} remaining"
            )
        }));
        let outcome = outcome(&table, result);
        syncs.push(Trace { outcome, seen: server.0.borrow().player.seen().clone(), progress });
    }
    let octets = server.0.borrow().said;
    Played { syncs, octets }
}

/// One attempt, as the product makes it.
async fn one_sync(
    server: &Server,
    table: &Table<MemoryStore>,
    known: &Cell<Behaviour>,
    told: &RefCell<Vec<String>>,
) -> Result<Report> {
    let options = server.0.borrow().player.transcript().options.clone();
    let last = Cell::new(None);
    let progress = |progress: sync::Progress| {
        let is = (progress.phase, progress.done, progress.total);
        // Between messages it is told by octets, and those come as they are cut.
        if last.replace(Some(is)) != Some(is) {
            told.borrow_mut().push(format!("{is:?} {} octets", progress.bytes));
        }
    };
    let connect = async |behaviour| {
        let pipelining = match options.pipelining {
            Pipelining::Auto => pop3::Pipelining::Auto,
            Pipelining::Probe => pop3::Pipelining::Probe,
            Pipelining::Off => pop3::Pipelining::Off,
        };
        let settings = Settings { timeout: options.timeout_ms, pipelining, behaviour, ..Settings::default() };
        let (client, greeting) = server.connect(settings);
        greeting.wait().await.map(|_| client)
    };
    let secret = Secret::new(PASSWORD);
    let credential = if options.token { Credential::Token(secret) } else { Credential::Password(secret) };
    let method =
        Method::named(&options.sign_in).ok_or_else(|| Error::new(Code::Internal, "there is no such way to sign in"))?;
    let login = Login { user: &options.user, credential, method };
    let retrieve = match options.retrieve {
        Retrieve::All => sync::Retrieve::All,
        Retrieve::Headers => sync::Retrieve::Headers,
    };
    let attempt = Attempt { connect, known, table, login, now: &|| 1, progress: &progress };
    attempt.run(Job::Sync(retrieve.into())).await
}

fn outcome(table: &Table<MemoryStore>, result: Result<Report>) -> Outcome {
    let mut outcome = Outcome::default();
    let rows: Vec<_> = table.rows().values().cloned().collect();
    let place = |id: Id| rows.iter().position(|row| row.id == id).map_or(0, |place| place + 1);
    match result {
        Ok(report) => {
            let skipped = report.skipped.iter();
            outcome.skipped =
                skipped.map(|skipped| (place(skipped.id), skipped.error.code.as_str().to_owned())).collect();
        }
        Err(error) => {
            outcome.error =
                Some(Failure { code: error.code.as_str().to_owned(), server_text: error.server_text.clone() });
        }
    }
    for row in &rows {
        let envelope = table.store().envelope(row.id);
        let stored = row.retrieved.is_some();
        let mut body = Vec::new();
        for place in (0..row.chunks).filter(|_| stored) {
            body.extend(now(table.store().chunk(row.id, place)).unwrap_or_default());
        }
        let deletion = match row.deletion {
            _ if row.is_deleted() => "confirmed",
            Deletion::None => "none",
            Deletion::Wanted => "wanted",
            Deletion::Sent => "sent",
            Deletion::Confirmed => "confirmed",
        };
        outcome.rows.push(Row {
            uid: row.uid.clone(),
            subject: envelope.unwrap_or_default().subject,
            size: row.size,
            stored,
            unconfirmed: row.unconfirmed,
            deletion: deletion.to_owned(),
            body,
        });
    }
    outcome
}

/// What is ready at once, as everything in memory is.
fn now<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => Err(Error::new(Code::Internal, "memory does not wait")),
    }
}

/// The server, the line to it, and time.
#[derive(Clone)]
struct Server(Rc<RefCell<State>>);

struct State {
    player: Player,
    cut: Cut,
    /// Octets said on all connections.
    said: usize,
    now: Millis,
    /// The connection that stands. There is one at a time.
    line: Option<Line>,
}

struct Line {
    connection: Connection,
    client: Client,
    /// What the server has still to say.
    to_say: VecDeque<Said>,
    /// What it has not read yet.
    unread: Vec<u8>,
    wake: Option<Millis>,
}

impl Server {
    fn new(transcript: &Arc<Transcript>, cut: Cut) -> Server {
        let player = Player::new(transcript.clone());
        Server(Rc::new(RefCell::new(State { player, cut, said: 0, now: 0, line: None })))
    }

    fn connect(&self, settings: Settings) -> (Client, Greeting) {
        // The wire is asked for the time, and for a waking, before the client is there to be put on the line.
        let wake = Rc::new(Cell::new(None));
        let end = End { server: self.clone(), wake: wake.clone() };
        let (client, greeting) = Client::new(end, settings);
        let mut state = self.0.borrow_mut();
        state.hang_up();
        let connection = state.player.connect();
        let to_say = VecDeque::from([connection.greet()]);
        state.line = Some(Line { connection, client: client.clone(), to_say, unread: Vec::new(), wake: wake.get() });
        (client, greeting)
    }

    /// Runs `work` to its end. Work that waits for ever ends with `internal`, which no transcript expects.
    fn drive<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        let mut wakings = 0;
        loop {
            if let Poll::Ready(result) = work.as_mut().poll(&mut context) {
                self.0.borrow_mut().hang_up();
                return result;
            }
            if self.say() {
                continue;
            }
            wakings += 1;
            if wakings > WAKINGS || !self.wake() {
                self.0.borrow_mut().hang_up();
                return Err(Error::new(Code::Internal, "").with_server_text("the client waits for ever"));
            }
        }
    }

    /// Lets the server say something. `false` where it has nothing to say.
    fn say(&self) -> bool {
        let Some((client, pieces, close)) = self.0.borrow_mut().next() else { return false };
        if let [first, rest @ ..] = pieces.as_slice() {
            client.receive(first);
            if !rest.is_empty() {
                // The rest goes first next time, so that the client has its turn between the pieces.
                let mut state = self.0.borrow_mut();
                if let Some(line) = &mut state.line {
                    line.to_say.push_front(Said { bytes: rest.concat(), close });
                }
                return true;
            }
        }
        if close {
            self.0.borrow_mut().line = None;
            client.end(Error::new(Code::Closed, "the mail server ended the session"));
        }
        true
    }

    /// Jumps to the moment for which the client asked. `false` where it did not.
    fn wake(&self) -> bool {
        let mut state = self.0.borrow_mut();
        let Some(line) = &mut state.line else { return false };
        let (Some(at), client) = (line.wake.take(), line.client.clone()) else { return false };
        state.now = state.now.max(at);
        drop(state);
        client.tick();
        true
    }
}

impl State {
    /// What is said next: in how many pieces, and whether the connection ends behind it.
    fn next(&mut self) -> Option<(Client, Vec<Vec<u8>>, bool)> {
        let line = self.line.as_mut()?;
        while line.to_say.is_empty() && !line.unread.is_empty() {
            let read = std::mem::take(&mut line.unread);
            line.to_say.extend(line.connection.hear(&read, &mut self.player.seen));
        }
        let said = line.to_say.pop_front()?;
        let here = match self.cut {
            Cut::Nowhere => said.bytes.len(),
            Cut::Everywhere => 1,
            Cut::At(at) => at.checked_sub(self.said).filter(|at| *at > 0).unwrap_or(said.bytes.len()),
        };
        let (first, rest) = said.bytes.split_at(here.min(said.bytes.len()));
        self.said += first.len();
        let pieces = [first, rest].into_iter().filter(|piece| !piece.is_empty()).map(<[u8]>::to_vec).collect();
        Some((line.client.clone(), pieces, said.close))
    }

    /// The client has left. What it sent before still arrives; nobody hears the answers.
    fn hang_up(&mut self) {
        if let Some(mut line) = self.line.take() {
            line.connection.hear(&line.unread, &mut self.player.seen);
        }
    }
}

/// The client's end of the line.
struct End {
    server: Server,
    /// Before the line stands.
    wake: Rc<Cell<Option<Millis>>>,
}

impl Wire for End {
    fn send(&mut self, frame: Vec<u8>) {
        if let Some(line) = &mut self.server.0.borrow_mut().line {
            line.unread.extend(frame);
        }
    }

    fn now(&self) -> Millis {
        self.server.0.borrow().now
    }

    fn wake_at(&mut self, deadline: Millis) {
        self.wake.set(Some(deadline));
        if let Some(line) = &mut self.server.0.borrow_mut().line {
            line.wake = Some(deadline);
        }
    }

    fn close(&mut self) {
        self.server.0.borrow_mut().hang_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Session, Step, Sync};

    fn played(greeting: &[u8], cut: Cut) -> Played {
        let session = Session { greeting: vec![Step::Send(greeting.to_vec())], rules: Vec::new() };
        let mut transcript = Transcript::example();
        transcript.options.timeout_ms = 86_400_000;
        transcript.syncs = vec![Sync { sessions: vec![session], ..Sync::default() }];
        play(&Arc::new(transcript), cut)
    }

    #[test]
    fn a_day_of_silence_takes_no_time() {
        let played = played(b"+OK without end", Cut::Nowhere);
        let error = played.syncs[0].outcome.error.as_ref().unwrap();
        assert_eq!(error.code, "timeout");
        assert_eq!(played.octets, 15);
    }

    #[test]
    fn work_that_waits_for_nothing_ends() {
        let server = Server::new(&Arc::new(Transcript::example()), Cut::Nowhere);
        let error = server.drive(std::future::pending::<Result<()>>()).unwrap_err();
        assert_eq!(error.code, Code::Internal);
    }

    #[test]
    fn a_cut_is_where_it_is_asked_for() {
        let pieces = |cut| {
            let transcript = Arc::new(Transcript::example());
            let server = Server::new(&transcript, cut);
            let (client, _greeting) = server.connect(Settings::default());
            let mut state = server.0.borrow_mut();
            state.line.as_mut().unwrap().to_say =
                [b"abcd".to_vec(), b"efg".to_vec()].map(|bytes| Said { bytes, close: false }).into();
            let mut pieces = Vec::new();
            while let Some((_, parts, _)) = state.next() {
                pieces.push(String::from_utf8(parts[0].clone()).unwrap());
                let rest = parts[1..].concat();
                if !rest.is_empty() {
                    state.line.as_mut().unwrap().to_say.push_front(Said { bytes: rest, close: false });
                }
            }
            drop(state);
            drop(client);
            pieces.join(" ")
        };
        assert_eq!(pieces(Cut::Nowhere), "abcd efg");
        assert_eq!(pieces(Cut::Everywhere), "a b c d e f g");
        assert_eq!(pieces(Cut::At(3)), "abc d efg");
        assert_eq!(pieces(Cut::At(4)), "abcd efg");
        assert_eq!(pieces(Cut::At(5)), "abcd e fg");
    }
}

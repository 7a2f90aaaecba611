//! The async face of a session: one method a command, answers in order, any number of calls at once.
//!
//! A tunnel feeds bytes in ([`Client::receive`]), tells when it ended ([`Client::end`]) and lets time pass ([`Client::tick`]); what
//! is to be sent goes out through the [`Wire`] it gave. No task of its own runs here: whoever delivers bytes wakes who waits.

use core::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use futures_util::future::LocalBoxFuture;

use super::answer::{Answer, Part, Teller, answer};
use super::behaviour::Behaviour;
use super::capabilities::Capabilities;
use super::command::Command;
use super::listing;
use super::reply::{Status, text};
use super::session::{Event, Millis, Session, Settings, Ticket};
use super::transcript::Transcript;
use crate::error::{Error, Result};

/// What a tunnel gives a client: a way to send, a clock, and a way to end.
pub trait Wire {
    /// Sends whole commands in one frame.
    fn send(&mut self, frame: Vec<u8>);
    /// Milliseconds of a monotonic clock.
    fn now(&self) -> Millis;
    /// Asks to be [`Client::tick`]ed at `deadline`. The last call counts.
    fn wake_at(&mut self, deadline: Millis);
    /// Whether to give the client only a little of what comes for now, and the rest later; and nothing before this has returned.
    fn hold(&mut self, _held: bool) {}
    /// Closes the connection. Nothing is sent afterwards.
    fn close(&mut self);
}

/// A handle on one session. Clones share it; with the last one the wire is dropped.
#[derive(Clone)]
pub struct Client(Rc<RefCell<Shared>>);

/// A handle that does not keep the session alive, for the tunnel's own handlers.
#[derive(Clone)]
pub struct WeakClient(Weak<RefCell<Shared>>);

impl WeakClient {
    /// The client, if somebody still has it.
    pub fn upgrade(&self) -> Option<Client> {
        self.0.upgrade().map(Client)
    }
}

struct Shared {
    session: Session,
    wire: Box<dyn Wire>,
    waiters: Waiters,
    /// The greeting's text, once it has come.
    greeting: String,
    /// Where what is said is written down.
    transcript: Option<Rc<RefCell<Transcript>>>,
}

impl Client {
    /// A client on a fresh tunnel, and the greeting to come.
    pub fn new(wire: impl Wire + 'static, settings: Settings) -> (Client, Greeting) {
        Client::on(Box::new(wire), settings)
    }

    fn on(wire: Box<dyn Wire>, settings: Settings) -> (Client, Greeting) {
        let (tell, hear) = answer();
        let session = Session::new(settings, wire.now());
        let waiters = Waiters { greeting: Some(tell), ..Waiters::default() };
        let client =
            Client(Rc::new(RefCell::new(Shared { session, wire, waiters, greeting: String::new(), transcript: None })));
        client.0.borrow_mut().arm();
        (client, Greeting(hear))
    }

    /// Has what is said from now on written down.
    pub fn keep(&self, transcript: Rc<RefCell<Transcript>>) {
        self.0.borrow_mut().transcript = Some(transcript);
    }

    /// What is known of the server by now.
    pub fn behaviour(&self) -> Behaviour {
        self.0.borrow().session.behaviour()
    }

    /// Takes in what somebody learnt of the server.
    pub fn learn(&self, lesson: &dyn Fn(&mut Behaviour)) {
        let mut shared = self.0.borrow_mut();
        shared.session.learn(lesson);
        shared.flush();
    }

    /// Whether commands are sent before the answers to earlier ones.
    pub fn runs_ahead(&self) -> bool {
        self.0.borrow().session.runs_ahead()
    }

    /// The server's first words.
    pub fn greeting(&self) -> String {
        self.0.borrow().greeting.clone()
    }

    /// `CAPA`; empty where the server does not know it. What it says is [learnt](Client::learn).
    pub async fn capa(&self) -> Result<Vec<String>> {
        let asked = self.ask(Command::Capa);
        self.capa_from(asked).await
    }

    /// The same for a CAPA that was [sent](Client::send) already.
    pub async fn capa_from(&self, mut asked: Answer) -> Result<Vec<String>> {
        let lines = match self.in_bounds(asked.listing_or_refusal().await)? {
            Ok(body) => listing::lines(&body).map(text).collect(),
            Err(_) => Vec::new(),
        };
        let capabilities = Capabilities::read(&lines);
        self.learn(&|behaviour| behaviour.capabilities = Some(capabilities));
        Ok(lines)
    }

    /// The body of `LIST`, `UIDL` or another command that lists, dot-unstuffed.
    ///
    /// # Errors
    /// What its `-ERR` stands for; `protocol` for an answer that does not end, and with it the session.
    pub async fn listing(&self, command: Command) -> Result<Vec<u8>> {
        let mut asked = self.ask(command);
        self.in_bounds(asked.listing_or_refusal().await)?
    }

    /// `RETR n`, dot-unstuffed, whole; `promised`: the octets that LIST gave it, 0 where it was not asked. For what may be large, see
    /// [`Client::send`] and [`Answer::chunk`].
    pub async fn retr(&self, number: u32, promised: u64) -> Result<Vec<u8>> {
        let mut answer = self.send(Command::Retr(number), promised);
        let mut body = answer.body().await?;
        let rest = self.rest(&mut answer, body.len() as u64, promised).await?;
        body.extend_from_slice(&rest);
        Ok(body)
    }

    /// What is still to come of a message whose end has come after `octets` of the `promised`: of a server that does not stuff dots
    /// it may have been a lone dot of the message's own. A NOOP tells.
    pub async fn rest(&self, answer: &mut Answer, octets: u64, promised: u64) -> Result<Vec<u8>> {
        if octets >= promised {
            return Ok(Vec::new());
        }
        let told = self.exchange(Command::Noop).await;
        let rest = answer.rest().unwrap_or_default();
        // Where QUIT was asked for meanwhile, its answer has told as well.
        if self.0.borrow().session.is_end_told() { Ok(rest) } else { told.map(|_| rest) }
    }

    /// `RSET`: takes back every DELE of this session.
    pub async fn rset(&self) -> Result<()> {
        self.done(Command::Rset).await.map(drop)
    }

    /// `QUIT`. `Ok` means that the server said `+OK`; afterwards every call fails with `closed`.
    ///
    /// # Errors
    /// `refused` where the server said `-ERR`: the session is over all the same, and which deletions were made is unknown.
    pub async fn quit(&self) -> Result<()> {
        let result = self.done(Command::Quit).await.map(drop);
        self.hang_up(Error::closed());
        result
    }

    /// Ends the session without QUIT: deletions do not take effect, and whoever waits gets `error`. Twice is harmless.
    pub fn hang_up(&self, error: Error) {
        let mut shared = self.0.borrow_mut();
        let farewell = shared.session.farewell();
        if !farewell.is_empty() {
            shared.wire.send(farewell);
        }
        shared.end(error);
        shared.wire.close();
    }

    /// A handle that does not keep the session alive.
    pub fn downgrade(&self) -> WeakClient {
        WeakClient(Rc::downgrade(&self.0))
    }

    /// Queues a command at once, in the order of the calls; the answer can be awaited later or dropped.
    /// `promised`: the octets that the answer is expected to bring.
    pub fn send(&self, command: Command, promised: u64) -> Answer {
        let answer = self.queue(command, promised);
        self.flush();
        answer
    }

    /// The same, but nothing leaves before [`Client::flush`]: what is queued together travels together.
    pub fn queue(&self, command: Command, promised: u64) -> Answer {
        let (tell, hear) = answer();
        let mut shared = self.0.borrow_mut();
        let said = shared.transcript.is_some().then(|| command.shown());
        match shared.session.submit(command, promised) {
            Ok(ticket) => {
                if let (Some(transcript), Some(said)) = (&shared.transcript, said) {
                    transcript.borrow_mut().asked(ticket, said, shared.wire.now());
                }
                shared.waiters.add(ticket, tell);
            }
            Err(error) => tell.tell(Part::Failed(error)),
        }
        hear
    }

    /// Sends what was [queued](Client::queue), as far as the window lets it through.
    pub fn flush(&self) {
        self.0.borrow_mut().flush();
    }

    /// Keeps most of what comes out of the memory of this module for now, where the wire can: whoever takes it is busy.
    pub fn hold(&self, held: bool) {
        self.0.borrow_mut().wire.hold(held);
    }

    /// Bytes from the server, for the tunnel to call.
    pub fn receive(&self, bytes: &[u8]) {
        let mut shared = self.0.borrow_mut();
        let Shared { session, wire, waiters, greeting, transcript } = &mut *shared;
        let result = session.receive(bytes, wire.now(), |event| {
            match (&event, &transcript) {
                (Event::Greeting(status), _) => greeting.clone_from(&status.text),
                (Event::Status { ticket, status, .. }, Some(transcript)) => {
                    transcript.borrow_mut().answered(*ticket, status, wire.now());
                }
                _ => {}
            }
            waiters.hear(event);
        });
        shared.settle(result);
    }

    /// The tunnel is gone, for the tunnel to call. The first end counts.
    pub fn end(&self, error: Error) {
        self.0.borrow_mut().end(error);
    }

    /// Time has passed, for the tunnel to call.
    pub fn tick(&self) {
        let mut shared = self.0.borrow_mut();
        let Shared { session, wire, waiters, .. } = &mut *shared;
        let result = session.tick(wire.now(), |event| waiters.hear(event));
        shared.settle(result);
    }

    pub(super) fn ask(&self, command: Command) -> Answer {
        self.send(command, 0)
    }

    /// A command and its status line, whatever it says. Boxed, so that all who ask share one copy.
    pub(super) fn exchange(&self, command: Command) -> LocalBoxFuture<'static, Result<Status>> {
        let mut answer = self.ask(command);
        Box::pin(async move { answer.reply().await })
    }

    /// The same, with `-ERR` as an error.
    fn done(&self, command: Command) -> LocalBoxFuture<'static, Result<Status>> {
        let mut answer = self.ask(command);
        Box::pin(async move { answer.status().await })
    }

    /// Ends a session whose server does not stop talking.
    fn in_bounds<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| self.hang_up(error.clone()))
    }
}

impl Shared {
    fn flush(&mut self) {
        let frame = self.session.transmit(self.wire.now());
        if !frame.is_empty() {
            self.wire.send(frame);
        }
        self.arm();
    }

    fn settle(&mut self, result: Result<()>) {
        match result {
            Ok(()) => self.flush(),
            Err(error) => {
                self.end(error);
                self.wire.close();
            }
        }
    }

    fn arm(&mut self) {
        if let Some(deadline) = self.session.deadline() {
            self.wire.wake_at(deadline);
        }
    }

    fn end(&mut self, error: Error) {
        let error = self.session.end(error);
        self.waiters.fail(&error);
    }
}

/// Who waits for which answer.
#[derive(Default)]
struct Waiters {
    greeting: Option<Teller>,
    /// In the order of the commands, but for the parts of a sign-in, which overtake.
    queue: VecDeque<(Ticket, Teller)>,
    /// Whose answer has ended last: what seemed to be its end may have been none.
    last: Option<(Ticket, Teller)>,
}

impl Waiters {
    fn add(&mut self, ticket: Ticket, teller: Teller) {
        self.queue.push_back((ticket, teller));
    }

    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Greeting(status) => {
                if let Some(teller) = self.greeting.take() {
                    teller.tell(Part::Status(status));
                }
            }
            Event::Status { ticket, status, body } => {
                self.tell(ticket, Part::Status(status));
                if !body {
                    self.take(ticket);
                }
            }
            Event::Body(ticket, slice) => {
                if let Some(teller) = self.find(ticket) {
                    teller.tell_body(slice);
                }
            }
            Event::End { ticket, certain } => {
                self.tell(ticket, Part::End { certain });
                self.last = self.take(ticket).map(|teller| (ticket, teller)).or_else(|| self.last.take());
            }
            Event::Resumed(ticket) => self.tell(ticket, Part::Resumed),
        }
    }

    fn fail(&mut self, error: &Error) {
        self.last = None;
        for teller in self.greeting.take().into_iter().chain(self.queue.drain(..).map(|(_, teller)| teller)) {
            teller.tell(Part::Failed(error.clone()));
        }
    }

    fn tell(&self, ticket: Ticket, part: Part) {
        if let Some(teller) = self.find(ticket) {
            teller.tell(part);
        }
    }

    fn find(&self, ticket: Ticket) -> Option<&Teller> {
        let all = self.queue.iter().chain(&self.last);
        all.filter(|(asked, _)| *asked == ticket).map(|(_, teller)| teller).next()
    }

    fn take(&mut self, ticket: Ticket) -> Option<Teller> {
        let place = self.queue.iter().position(|(asked, _)| *asked == ticket)?;
        self.queue.remove(place).map(|(_, teller)| teller)
    }
}

/// The greeting to come.
pub struct Greeting(Answer);

impl Greeting {
    /// Waits for the greeting; its text.
    ///
    /// # Errors
    /// What ended the tunnel; what a `-ERR` greeting stands for.
    pub async fn wait(mut self) -> Result<String> {
        self.0.status().await.map(|status| status.text)
    }
}

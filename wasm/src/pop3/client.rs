//! The async face of a session: one method a command, answers in order, any number of calls at once.
//!
//! A tunnel feeds bytes in ([`Client::receive`]), tells when it ended ([`Client::end`]) and lets time pass ([`Client::tick`]); what
//! is to be sent goes out through the [`Wire`] it gave. No task of its own runs here: whoever delivers bytes wakes who waits.

use core::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;

use super::command::{Command, Secret};
use super::listing::{self, Named, Sized};
use super::reply::{Status, text};
use super::session::{Event, Millis, Session, Ticket, Window};
use crate::error::{Code, Error, Result};

/// What a tunnel gives a client: a way to send, a clock, and a way to end.
pub trait Wire {
    /// Sends whole commands in one frame.
    fn send(&mut self, frame: Vec<u8>);
    /// Milliseconds of a monotonic clock.
    fn now(&self) -> Millis;
    /// Asks to be [`Client::tick`]ed at `deadline`. The last call counts.
    fn wake_at(&mut self, deadline: Millis);
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
    greeting: Option<oneshot::Sender<Result<Status>>>,
    /// Who waits for which answer, in the order of the commands.
    waiters: VecDeque<(Ticket, mpsc::UnboundedSender<Part>)>,
}

/// A part of an answer on its way to who waits for it.
enum Part {
    Status(Status),
    Body(Vec<u8>),
    End,
    Failed(Error),
}

impl Client {
    /// A client on a fresh tunnel, and the greeting to come. `timeout`: the longest silence while a reply is due, in ms.
    pub fn new(wire: impl Wire + 'static, window: Window, timeout: Millis) -> (Client, Greeting) {
        let (tell, hear) = oneshot::channel();
        let session = Session::new(window, timeout, wire.now());
        let shared = Shared { session, wire: Box::new(wire), greeting: Some(tell), waiters: VecDeque::new() };
        let client = Client(Rc::new(RefCell::new(shared)));
        client.0.borrow_mut().arm();
        (client, Greeting(hear))
    }

    /// `CAPA`; empty where the server does not know it.
    pub async fn capa(&self) -> Result<Vec<String>> {
        match self.ask(Command::Capa).body().await {
            Ok(body) => Ok(listing::lines(&body).map(text).collect()),
            Err(error) if error.code == Code::Refused => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// `USER` and `PASS`, as the guide has it.
    ///
    /// # Errors
    /// `auth-failed` with the server's words where it refuses; `in-use`, `login-delay`, `temporary`, `permanent` where a response
    /// code says so. Nothing is sent again.
    pub async fn login(&self, user: &str, password: Secret) -> Result<()> {
        let (user, pass) = (Command::User(user.to_owned()), Command::Pass(password.clone()));
        // Both are checked before either is sent, and queued together, so that calls made behind this one come behind it.
        user.check()?;
        pass.check()?;
        for mut answer in [self.ask(user), self.ask(pass)] {
            let status = answer.reply().await?;
            if !status.ok {
                let refusal = status.sign_in_refusal();
                let words = password.struck_from(&refusal.server_text);
                return Err(refusal.with_server_text(words));
            }
        }
        Ok(())
    }

    /// `STAT`: messages and octets.
    pub async fn stat(&self) -> Result<(u32, u64)> {
        let status = self.ask(Command::Stat).status().await?;
        listing::stat(&status.text).ok_or_else(|| unreadable("STAT"))
    }

    /// `LIST`. Lines that cannot be read are left out.
    pub async fn list(&self) -> Result<Vec<Sized>> {
        let body = self.ask(Command::List).body().await?;
        Ok(listing::lines(&body).filter_map(listing::sized).collect())
    }

    /// `LIST n`.
    pub async fn list_one(&self, number: u32) -> Result<Sized> {
        let status = self.ask(Command::ListOne(number)).status().await?;
        listing::sized(status.text.as_bytes()).ok_or_else(|| unreadable("LIST"))
    }

    /// `UIDL`. Lines that cannot be read are left out.
    pub async fn uidl(&self) -> Result<Vec<Named>> {
        let body = self.ask(Command::Uidl).body().await?;
        Ok(listing::lines(&body).filter_map(listing::named).collect())
    }

    /// `UIDL n`.
    pub async fn uidl_one(&self, number: u32) -> Result<Named> {
        let status = self.ask(Command::UidlOne(number)).status().await?;
        listing::named(status.text.as_bytes()).ok_or_else(|| unreadable("UIDL"))
    }

    /// `TOP n lines`: headers and the first lines, dot-unstuffed.
    pub async fn top(&self, number: u32, lines: u32) -> Result<Vec<u8>> {
        self.ask(Command::Top(number, lines)).body().await
    }

    /// `RETR n`, dot-unstuffed, whole. For what may be large, see [`Client::send`] and [`Answer::chunk`].
    pub async fn retr(&self, number: u32) -> Result<Vec<u8>> {
        self.ask(Command::Retr(number)).body().await
    }

    /// `DELE n`. Takes effect at QUIT, and only then.
    pub async fn dele(&self, number: u32) -> Result<()> {
        self.ask(Command::Dele(number)).status().await.map(drop)
    }

    /// `RSET`: takes back every DELE of this session.
    pub async fn rset(&self) -> Result<()> {
        self.ask(Command::Rset).status().await.map(drop)
    }

    /// `NOOP`.
    pub async fn noop(&self) -> Result<()> {
        self.ask(Command::Noop).status().await.map(drop)
    }

    /// `QUIT`. `Ok` means that the server said `+OK`; afterwards every call fails with `closed`.
    ///
    /// # Errors
    /// `refused` where the server said `-ERR`: the session is over all the same, and which deletions were made is unknown.
    pub async fn quit(&self) -> Result<()> {
        let result = self.ask(Command::Quit).status().await.map(drop);
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

    /// Changes how far the client runs ahead of the answers.
    pub fn set_window(&self, window: Window) {
        let mut shared = self.0.borrow_mut();
        shared.session.set_window(window);
        shared.flush();
    }

    /// A handle that does not keep the session alive.
    pub fn downgrade(&self) -> WeakClient {
        WeakClient(Rc::downgrade(&self.0))
    }

    /// Queues a command at once, in the order of the calls; the answer can be awaited later or dropped.
    /// `promised`: the octets that the answer is expected to bring.
    pub fn send(&self, command: Command, promised: u64) -> Answer {
        let (tell, hear) = mpsc::unbounded();
        let mut shared = self.0.borrow_mut();
        match shared.session.submit(command, promised) {
            Ok(ticket) => shared.waiters.push_back((ticket, tell)),
            Err(error) => drop(tell.unbounded_send(Part::Failed(error))),
        }
        shared.flush();
        Answer { parts: hear, next: None }
    }

    /// Bytes from the server, for the tunnel to call.
    pub fn receive(&self, bytes: &[u8]) {
        let mut shared = self.0.borrow_mut();
        let shared = &mut *shared;
        let (now, waiters, greeting) = (shared.wire.now(), &mut shared.waiters, &mut shared.greeting);
        let result = shared.session.receive(bytes, now, |event| match event {
            Event::Greeting(status) => {
                if let Some(tell) = greeting.take() {
                    drop(tell.send(Ok(status)));
                }
            }
            Event::Status { ticket, status, body } => deliver(waiters, ticket, Part::Status(status), !body),
            Event::Body(ticket, slice) => deliver(waiters, ticket, Part::Body(slice.to_vec()), false),
            Event::End(ticket) => deliver(waiters, ticket, Part::End, true),
        });
        match result {
            Ok(()) => shared.flush(),
            Err(error) => {
                shared.end(error);
                shared.wire.close();
            }
        }
    }

    /// The tunnel is gone, for the tunnel to call. The first end counts.
    pub fn end(&self, error: Error) {
        self.0.borrow_mut().end(error);
    }

    /// Time has passed, for the tunnel to call.
    pub fn tick(&self) {
        let mut shared = self.0.borrow_mut();
        let now = shared.wire.now();
        match shared.session.tick(now) {
            Ok(()) => shared.arm(),
            Err(error) => {
                shared.end(error);
                shared.wire.close();
            }
        }
    }

    fn ask(&self, command: Command) -> Answer {
        self.send(command, 0)
    }
}

impl Shared {
    fn flush(&mut self) {
        let frame = self.session.transmit(self.wire.now());
        if !frame.is_empty() {
            self.wire.send(frame);
            self.arm();
        }
    }

    fn arm(&mut self) {
        if let Some(deadline) = self.session.deadline() {
            self.wire.wake_at(deadline);
        }
    }

    fn end(&mut self, error: Error) {
        let error = self.session.end(error);
        if let Some(tell) = self.greeting.take() {
            drop(tell.send(Err(error.clone())));
        }
        for (_, tell) in self.waiters.drain(..) {
            drop(tell.unbounded_send(Part::Failed(error.clone())));
        }
    }
}

/// Hands a part to who waits for it. Who stopped waiting has dropped the receiver: the part is dropped, and the session stays in step.
fn deliver(waiters: &mut VecDeque<(Ticket, mpsc::UnboundedSender<Part>)>, ticket: Ticket, part: Part, last: bool) {
    let Some((first, tell)) = waiters.front() else { return };
    if *first != ticket {
        return;
    }
    drop(tell.unbounded_send(part));
    if last {
        waiters.pop_front();
    }
}

/// The greeting to come.
pub struct Greeting(oneshot::Receiver<Result<Status>>);

impl Greeting {
    /// Waits for the greeting; its text.
    ///
    /// # Errors
    /// What ended the tunnel; what a `-ERR` greeting stands for.
    pub async fn wait(self) -> Result<String> {
        let status = self.0.await.map_err(|_| Error::closed())??;
        if status.ok { Ok(status.text) } else { Err(status.refusal()) }
    }
}

/// The answer to one command, as it comes in. Dropping it is harmless: the rest is read and thrown away.
pub struct Answer {
    parts: mpsc::UnboundedReceiver<Part>,
    /// A part that [`Answer::has_come`] took out to look.
    next: Option<Part>,
}

impl Answer {
    /// Whether something of the answer is here already, so that awaiting it would not wait.
    pub fn has_come(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.parts.try_recv().ok();
        }
        self.next.is_some()
    }

    async fn part(&mut self) -> Option<Part> {
        match self.next.take() {
            Some(part) => Some(part),
            None => self.parts.next().await,
        }
    }

    /// The status line, whatever it says.
    ///
    /// # Errors
    /// What ended the session.
    pub async fn reply(&mut self) -> Result<Status> {
        match self.part().await {
            Some(Part::Status(status)) => Ok(status),
            Some(Part::Failed(error)) => Err(error),
            Some(Part::Body(_) | Part::End) | None => Err(Error::closed()),
        }
    }

    /// The status line of a `+OK`.
    ///
    /// # Errors
    /// What `-ERR` stands for; what ended the session.
    pub async fn status(&mut self) -> Result<Status> {
        let status = self.reply().await?;
        if status.ok { Ok(status) } else { Err(status.refusal()) }
    }

    /// The next piece of the body, after [`Answer::status`]; `None` at its end.
    ///
    /// # Errors
    /// What ended the session before the body was whole.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        match self.part().await {
            Some(Part::Body(bytes)) => Ok(Some(bytes)),
            Some(Part::End) => Ok(None),
            Some(Part::Failed(error)) => Err(error),
            Some(Part::Status(_)) | None => Err(Error::closed()),
        }
    }

    /// The whole body of a multi-line answer, or what its `-ERR` stands for.
    ///
    /// # Errors
    /// What ended the session.
    pub async fn body_or_refusal(&mut self) -> Result<Result<Vec<u8>>> {
        let status = self.reply().await?;
        if !status.ok {
            return Ok(Err(status.refusal()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(Ok(body))
    }

    /// The whole body of a multi-line answer.
    ///
    /// # Errors
    /// As [`Answer::status`] and [`Answer::chunk`].
    pub async fn body(&mut self) -> Result<Vec<u8>> {
        self.body_or_refusal().await?
    }
}

fn unreadable(command: &str) -> Error {
    Error::new(Code::Protocol, format!("the mail server's answer to {command} could not be understood"))
}

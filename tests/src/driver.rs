//! The client's engine on this machine: the same code as in the browser, on a WebSocket of tokio's through the real relay.
//!
//! A client is not `Send`: what is in here runs inside a [`tokio::task::LocalSet`], see [`run`].

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use poplar_client::error::{Code, Error, Result};
use poplar_client::pop3::client::WeakClient;
use poplar_client::pop3::{Behaviour, Client, Credential, Login, Method, Millis, Secret, Settings, Wire};
use poplar_client::store::Store;
use poplar_client::store::memory::MemoryStore;
use poplar_client::sync::{Attempt, Job, Report, Table};
use poplar_wire::{Close, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::PATIENCE;
use crate::relay::Relay;

/// Where a session goes, and who signs in.
#[derive(Clone, Debug)]
pub struct Driver {
    /// The tunnel's address.
    pub url: String,
    /// The page that opens it.
    pub origin: String,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
    /// How.
    pub method: Method,
}

impl Driver {
    /// A user of an upstream of `relay`.
    pub fn of(relay: &Relay, upstream: &str, user: &str, password: &str) -> Driver {
        Driver {
            url: relay.tunnel(upstream),
            origin: relay.origin(),
            user: user.to_owned(),
            password: password.to_owned(),
            method: Method::Auto,
        }
    }

    /// Opens a tunnel to a server of which so much is known, and waits for its greeting; the client and the greeting's text.
    ///
    /// # Errors
    /// What the relay's close says; what a `-ERR` greeting stands for.
    pub async fn open(&self, behaviour: Behaviour) -> Result<(Client, String)> {
        let (sink, stream) = self.socket().await?.split();
        let (orders, told) = mpsc::unbounded_channel();
        let (alarm, due) = watch::channel(Millis::MAX);
        let start = Instant::now();
        let weak: Rc<OnceCell<WeakClient>> = Rc::default();
        let timeout = Millis::try_from(PATIENCE.as_millis()).unwrap_or(Millis::MAX);
        let settings = Settings { timeout, behaviour, ..Settings::default() };
        let (client, greeting) = Client::new(Line { start, orders, alarm }, settings);
        // The cell is new: this is the first and only time.
        let _ = weak.set(client.downgrade());
        tokio::task::spawn_local(write(sink, told));
        tokio::task::spawn_local(read(stream, Rc::clone(&weak)));
        tokio::task::spawn_local(ring(start, due, weak));
        let text = greeting.wait().await?;
        Ok((client, text))
    }

    /// One attempt of the engine at a server that it meets for the first time, from the tunnel's opening to QUIT.
    ///
    /// # Errors
    /// What ended it.
    pub async fn run<S: Store>(&self, table: &Table<S>, job: Job) -> Result<Report> {
        self.run_knowing(&Cell::default(), table, job).await
    }

    /// The same at a server of which something is `known`; what is learnt is put there.
    ///
    /// # Errors
    /// What ended it.
    pub async fn run_knowing<S: Store>(&self, known: &Cell<Behaviour>, table: &Table<S>, job: Job) -> Result<Report> {
        let connect = async |behaviour| self.open(behaviour).await.map(|(client, _)| client);
        let credential = Credential::Password(Secret::new(&*self.password));
        let login = Login { user: &self.user, credential, method: self.method };
        Attempt { connect, known, table, login, now: &now, progress: &|_| {} }.run(job).await
    }

    async fn socket(&self) -> Result<Socket> {
        let unusable = |_| Error::invalid("no address or origin that a request could be made of");
        let mut request =
            self.url.as_str().into_client_request().map_err(|_| Error::invalid("no address of a tunnel"))?;
        request.headers_mut().insert("Origin", self.origin.parse().map_err(unusable)?);
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse().map_err(unusable)?);
        // Without Nagle's delay, as browsers open theirs.
        match connect_async_with_config(request, None, true).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => Err(Error::new(Code::RelayUnreachable, error.to_string())),
        }
    }
}

/// Runs what drives clients, on a thread of its own.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    #[allow(clippy::expect_used, reason = "a harness without a runtime cannot go on")]
    tokio::task::LocalSet::new().block_on(&runtime.expect("tokio's runtime"), work)
}

/// An empty UID table in memory.
pub fn table() -> Table<MemoryStore> {
    Table::new(MemoryStore::default(), |_| {})
}

/// What a wire asks of the task that writes.
enum Order {
    Send(Vec<u8>),
    Close,
}

/// The sending end of a WebSocket, as the client sees it.
struct Line {
    start: Instant,
    orders: mpsc::UnboundedSender<Order>,
    alarm: watch::Sender<Millis>,
}

impl Wire for Line {
    fn send(&mut self, frame: Vec<u8>) {
        // Refused where the socket is gone: the reader has told the client, or is about to.
        let _ = self.orders.send(Order::Send(frame));
    }

    fn now(&self) -> Millis {
        millis(self.start.elapsed())
    }

    fn wake_at(&mut self, deadline: Millis) {
        self.alarm.send_replace(deadline);
    }

    fn close(&mut self) {
        let _ = self.orders.send(Order::Close);
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Sends what the client sends, until it closes or is dropped.
async fn write(mut sink: SplitSink<Socket, Message>, mut orders: mpsc::UnboundedReceiver<Order>) {
    while let Some(Order::Send(frame)) = orders.recv().await {
        if sink.send(Message::Binary(Bytes::from(frame))).await.is_err() {
            return;
        }
    }
    let _ = sink.send(Message::Close(None)).await;
}

/// Gives the client what comes, and the reason when nothing comes any more.
async fn read(mut stream: SplitStream<Socket>, weak: Rc<OnceCell<WeakClient>>) {
    let client = || weak.get().and_then(WeakClient::upgrade);
    let mut close = None;
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Binary(bytes) => {
                if let Some(client) = client() {
                    client.receive(&bytes);
                }
            }
            Message::Close(frame) => close = frame,
            _ => {}
        }
    }
    if let Some(client) = client() {
        client.end(ending(close));
    }
}

/// Ticks the client at the time it last asked for, until its wire is dropped.
async fn ring(start: Instant, mut due: watch::Receiver<Millis>, weak: Rc<OnceCell<WeakClient>>) {
    loop {
        let deadline = *due.borrow_and_update();
        // A day is longer than any test: a deadline beyond is none.
        let at = start + Duration::from_millis(deadline.min(86_400_000));
        tokio::select! {
            changed = due.changed() => if changed.is_err() { return },
            () = sleep_until(at) => {
                let Some(client) = weak.get().and_then(WeakClient::upgrade) else { return };
                client.tick();
                drop(client);
                if due.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The error that a close stands for, as the browser's tunnel has it; the words are the relay's.
fn ending(frame: Option<CloseFrame>) -> Error {
    let Some(frame) = frame else { return Error::new(Code::RelayUnreachable, "the tunnel broke") };
    let code = match Close::from_code(frame.code.into()) {
        Some(Close::Normal | Close::UpstreamCut) => Code::Closed,
        Some(Close::ProtocolError | Close::TooBig | Close::TextFrame) => Code::Protocol,
        Some(Close::TokenNeeded) => Code::TokenNeeded,
        Some(Close::OriginRefused) => Code::OriginRefused,
        Some(Close::UnknownUpstream) => Code::UnknownUpstream,
        Some(Close::Timeout) => Code::Timeout,
        Some(Close::TooMany) => Code::TooMany,
        Some(Close::UpstreamUnreachable) => Code::UpstreamUnreachable,
        Some(Close::Draining) => Code::RelayDraining,
        Some(Close::UpstreamTimeout) => Code::UpstreamTimeout,
        Some(Close::UpstreamTls) => Code::UpstreamTls,
        None => Code::RelayUnreachable,
    };
    Error::new(code, frame.reason.as_str())
}

fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

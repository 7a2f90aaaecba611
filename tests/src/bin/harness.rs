//! The harness for tests that are not written in Rust: one JSON request a line in, one JSON answer a line out.
//!
//! `{"id": 1, "call": "deliver", "user": "ann", "seed": 7, "count": 3}` is answered by
//! `{"id": 1, "result": …}` or `{"id": 1, "error": "a sentence"}`. Requests are carried out one after the other. When stdin
//! closes, everything that was started ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poplar_tests::dovecot::{Dovecot, Options, PASSWORD};
use poplar_tests::faults::{Plan, Proxy};
use poplar_tests::haproxy::Balancer;
use poplar_tests::messages;
use poplar_tests::relay::{self, Relay, Upstream};
use poplar_tests::scripted;
use poplar_tests::transcript::expected::Outcome;
use poplar_tests::transcript::{self, Pipelining, Retrieve, Transcript};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Deserialize)]
struct Request {
    id: u64,
    #[serde(flatten)]
    call: Call,
}

/// What can be asked for. Names and fields are the wire format.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Call {
    /// Starts Dovecot.
    Dovecot { uidl_format: Option<String>, rawlog: Option<bool>, extra: Option<String> },
    /// Gives every user another password.
    SetPassword { password: String },
    /// Delivers `count` messages of a series, starting with number `from`.
    Deliver { user: String, seed: u64, from: Option<u64>, count: u64 },
    /// Delivers one message with an attachment that makes it so long.
    DeliverLarge { user: String, seed: u64, octets: usize },
    /// Delivers these bytes (base64).
    DeliverBytes { user: String, bytes: String },
    /// Lists a maildrop's files.
    Stored { user: String },
    /// Removes a file from a maildrop.
    Remove { user: String, name: String },
    /// Waits for the end of so many sessions of a user, and returns those.
    Sessions { user: String, count: usize },
    /// The number of sessions of a user that have ended.
    EndedSessions { user: String },
    /// Ends the sessions of a user that are still open.
    Kick { user: String },
    /// What clients sent in each session, where Dovecot was asked for a rawlog.
    Rawlogs,
    /// The UIDs that each session retrieved, by a name for the session; likewise.
    Retrieved,
    /// Starts a fault proxy before a port.
    Proxy { port: u16 },
    /// Sets what happens to the proxy's next connections.
    Fault { proxy: usize, plan: Plan },
    /// Waits until so many of its connections met their fault.
    Faults { proxy: usize, count: usize },
    /// Lets its stalled connections go on.
    Release { proxy: usize },
    /// Makes it refuse, and ends what it carries.
    Down { proxy: usize },
    /// Makes it serve again.
    Up { proxy: usize },
    /// The number of connections it accepted.
    Accepted { proxy: usize },
    /// Starts the scripted server, or gives the one that runs another transcript to play: its name. Tells what it asks for.
    Scripted { transcript: String },
    /// Goes on to a sync of the transcript, from 0.
    ScriptedSync { sync: usize },
    /// The commands that the scripted server saw in this sync.
    ScriptedLog,
    /// What in the outcome of a sync is not as the transcript expects: sentences.
    ScriptedCheck { sync: usize, outcome: Outcome },
    /// Starts the relay.
    Relay { upstreams: Vec<Upstream>, arguments: Option<Vec<String>> },
    /// Starts the relay with its demo mailbox.
    Demo,
    /// Kills the relay.
    KillRelay,
    /// Ends the relay in order.
    StopRelay,
    /// Starts the relay again, on the same port.
    RestartRelay,
    /// Writes the page into a folder, for another server.
    Export { folder: PathBuf, relay: String },
    /// Starts two relays behind HAProxy.
    Balancer { upstreams: Vec<Upstream>, arguments: Option<Vec<String>> },
    /// Kills one of them.
    KillBalanced { relay: usize },
    /// Ends one of them in order.
    StopBalanced { relay: usize },
}

/// Everything that runs.
#[derive(Default)]
struct World {
    dovecot: Option<Dovecot>,
    proxies: Vec<Proxy>,
    relay: Option<Relay>,
    balancer: Option<Balancer>,
    scripted: Option<scripted::tcp::Server>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut world = World::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let request: Request = serde_json::from_str(&line).context("that is no request")?;
        let answer = match world.answer(request.call).await {
            Ok(result) => json!({ "id": request.id, "result": result }),
            Err(error) => json!({ "id": request.id, "error": format!("{error:#}") }),
        };
        println!("{answer}");
    }
    Ok(())
}

impl World {
    async fn answer(&mut self, call: Call) -> Result<Value> {
        match call {
            Call::Dovecot { uidl_format, rawlog, extra } => {
                let usual = Options::default();
                let options = Options {
                    uidl_format: uidl_format.unwrap_or(usual.uidl_format),
                    rawlog: rawlog.unwrap_or_default(),
                    extra: extra.unwrap_or_default(),
                    names: usual.names,
                };
                let dovecot = self.dovecot.insert(Dovecot::start_with(&options).await?);
                Ok(json!({
                    "pop3sPort": dovecot.pop3s_address().port(), "pop3Port": dovecot.pop3_address().port(),
                    "pop3s": dovecot.pop3s(), "starttls": dovecot.starttls(), "plain": dovecot.plain(),
                    "ca": dovecot.ca(), "password": PASSWORD,
                }))
            }
            Call::SetPassword { password } => {
                self.dovecot()?.set_password(&password).await?;
                Ok(Value::Null)
            }
            Call::Deliver { user, seed, from, count } => {
                let first = from.unwrap_or_default();
                let all = (first..first + count).map(|number| self.deliver(&user, &messages::message(seed, number)));
                Ok(all.collect::<Result<Vec<_>>>()?.into())
            }
            Call::DeliverLarge { user, seed, octets } => self.deliver(&user, &messages::large(seed, 0, octets)),
            Call::DeliverBytes { user, bytes } => Ok(self.dovecot()?.deliver(&user, &STANDARD.decode(bytes)?)?.into()),
            Call::Stored { user } => Ok(serde_json::to_value(self.dovecot()?.stored(&user)?)?),
            Call::Remove { user, name } => {
                self.dovecot()?.remove(&user, &name)?;
                Ok(Value::Null)
            }
            Call::Sessions { user, count } => Ok(serde_json::to_value(self.dovecot()?.sessions(&user, count).await?)?),
            Call::EndedSessions { user } => Ok(self.dovecot()?.ended_sessions(&user)?.into()),
            Call::Kick { user } => {
                self.dovecot()?.kick(&user)?;
                Ok(Value::Null)
            }
            Call::Rawlogs => {
                let read = |path| Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned());
                Ok(self.dovecot()?.rawlogs()?.into_iter().map(read).collect::<Result<Vec<_>>>()?.into())
            }
            Call::Retrieved => Ok(serde_json::to_value(self.dovecot()?.retrieved()?)?),
            Call::Proxy { port } => {
                let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
                let port = proxy.address().port();
                self.proxies.push(proxy);
                Ok(json!({ "proxy": self.proxies.len() - 1, "port": port }))
            }
            Call::Fault { proxy, plan } => {
                self.proxy(proxy)?.set(plan);
                Ok(Value::Null)
            }
            Call::Faults { proxy, count } => {
                self.proxy(proxy)?.faults(count).await?;
                Ok(Value::Null)
            }
            Call::Release { proxy } => {
                self.proxy(proxy)?.release();
                Ok(Value::Null)
            }
            Call::Down { proxy } => {
                self.proxy(proxy)?.down().await?;
                Ok(Value::Null)
            }
            Call::Up { proxy } => {
                self.proxy(proxy)?.up()?;
                Ok(Value::Null)
            }
            Call::Accepted { proxy } => Ok(self.proxy(proxy)?.accepted().into()),
            Call::Scripted { transcript } => self.play(&transcript),
            Call::ScriptedSync { sync } => {
                self.scripted()?.begin(sync);
                Ok(Value::Null)
            }
            Call::ScriptedLog => Ok(self.scripted()?.seen().commands.into()),
            Call::ScriptedCheck { sync, outcome } => {
                let server = self.scripted()?;
                let transcript = server.transcript();
                let sync = transcript.syncs.get(sync).context("the transcript has no such sync")?;
                Ok(sync.check(&outcome, &server.seen()).into())
            }
            Call::Relay { upstreams, arguments } => {
                let arguments = arguments.unwrap_or_default();
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                Ok(self.started(Relay::start(&upstreams, &arguments).await?))
            }
            Call::Demo => Ok(self.started(Relay::demo().await?)),
            Call::KillRelay => {
                self.relay()?.kill();
                Ok(Value::Null)
            }
            Call::StopRelay => Ok(self.relay()?.stop().await?.code().into()),
            Call::RestartRelay => {
                self.relay()?.restart().await?;
                Ok(Value::Null)
            }
            Call::Export { folder, relay } => {
                relay::export(&folder, &relay).await?;
                Ok(Value::Null)
            }
            Call::Balancer { upstreams, arguments } => {
                let arguments = arguments.unwrap_or_default();
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let balancer = self.balancer.insert(Balancer::start(&upstreams, &arguments).await?);
                Ok(json!({ "origin": balancer.origin(), "logs": balancer.logs() }))
            }
            Call::KillBalanced { relay } => {
                self.balancer()?.relay(relay)?.kill();
                Ok(Value::Null)
            }
            Call::StopBalanced { relay } => Ok(self.balancer()?.relay(relay)?.stop().await?.code().into()),
        }
    }

    fn started(&mut self, relay: Relay) -> Value {
        let relay = self.relay.insert(relay);
        json!({ "origin": relay.origin(), "log": relay.log().path() })
    }

    fn deliver(&self, user: &str, message: &messages::Message) -> Result<Value> {
        let name = self.dovecot()?.deliver(user, &message.bytes)?;
        let messages::Message { subject, from, bytes } = message;
        Ok(json!({ "name": name, "subject": subject, "from": from, "octets": bytes.len() }))
    }

    fn play(&mut self, name: &str) -> Result<Value> {
        let transcript = Arc::new(Transcript::read(&transcript::folder().join(format!("{name}.txt")))?);
        let server = match self.scripted.take() {
            Some(server) => {
                server.play(transcript.clone());
                server
            }
            None => scripted::tcp::Server::start(transcript.clone())?,
        };
        let port = self.scripted.insert(server).address().port();
        let transcript::Options { pipelining, timeout_ms, retrieve, user, sign_in, token } = &transcript.options;
        let pipelining = match pipelining {
            Pipelining::Auto => "auto",
            Pipelining::Probe => "probe",
            Pipelining::Off => "off",
        };
        let retrieve = match retrieve {
            Retrieve::All => "all",
            Retrieve::Headers => "headers",
        };
        let syncs: Vec<Value> = transcript.syncs.iter().map(|sync| json!({ "delete": sync.delete })).collect();
        Ok(json!({
            "port": port, "user": user, "password": scripted::PASSWORD, "signIn": sign_in, "token": token,
            "pipelining": pipelining, "timeoutMs": timeout_ms, "retrieve": retrieve, "syncs": syncs,
        }))
    }

    fn scripted(&self) -> Result<&scripted::tcp::Server> {
        self.scripted.as_ref().context("no scripted server was started")
    }

    fn dovecot(&self) -> Result<&Dovecot> {
        self.dovecot.as_ref().context("no Dovecot was started")
    }

    fn relay(&mut self) -> Result<&mut Relay> {
        self.relay.as_mut().context("no relay was started")
    }

    fn balancer(&mut self) -> Result<&mut Balancer> {
        self.balancer.as_mut().context("no balancer was started")
    }

    fn proxy(&mut self, index: usize) -> Result<&mut Proxy> {
        self.proxies.get_mut(index).context("no proxy of that number was started")
    }
}

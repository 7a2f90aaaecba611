//! The real client and planner, on a store that can lose what it has not made durable and a server with the semantics of a maildrop,
//! where at every step anything may be cut. Native, in step, without threads, sockets or clocks.
//!
//! One seed is one schedule: at least eight messages, three sessions and one fault. It ends with sessions in which nothing goes
//! wrong, and what must hold is held against it all the time (`check`) and at the end:
//!
//! - every message is stored once, byte for byte and under its own name, or is still on the server;
//! - none was deleted from the server before its bytes were durable here, unless another client did it, or a person wished it who had
//!   seen its headers only;
//! - what is marked as retrieved is never asked for again;
//! - DELE is sent only for what a person or the account's policy wished gone, and QUIT only while the table says the same; a policy
//!   wishes only what it is for, of what is stored, and nothing that a person took back;
//! - the key is durable before anything that it seals is, and opens with the password of the latest session; everything that is sealed here opens with it, and nothing that was changed,
//!   exchanged or put back does; what was dropped is not asked for again, and no policy deletes it;
//! - what the table says to be on the server is, after a session in which nothing went wrong, and nothing that STAT has counted is
//!   ever said to be gone.
//!
//! What cannot be told apart is not asked for: a message that took the UID of another before anybody could see that it was free may
//! stay on the server, or be stored twice. It is not deleted unseen.
//!
//! | module | what it is |
//! |---|---|
//! | `schedule` | what a seed makes of the world, and what goes wrong in it |
//! | `world` | the schedule carried out, session by session |
//! | `session` | one session, step by step |
//! | `line` | what lies between client and server |
//! | `server`, `mail` | the model server and its messages |
//! | `disk` | the way to the store, what is sealed on it, and what is cut there |
//! | `cipher` | what seals, and opens nothing but what it was told to |
//! | `kept` | what is durable |
//! | `check` | what must hold |
//! | `sealing` | … of what is sealed |
//! | [`faults`] | what can go wrong, and how often it did |
//!
//! Chance comes from `fastrand` (wyrand), seeded with the schedule's number and nothing else: a number plays the same everywhere.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a model that is driven wrongly fails its test loudly"
)]

mod check;
mod cipher;
mod disk;
pub mod faults;
mod kept;
mod line;
mod mail;
mod schedule;
mod sealing;
mod server;
mod session;
mod world;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use poplar_client::pop3::Millis;

use check::Ledger;
use disk::Disk;
use faults::{Histogram, Kind};
use schedule::Setting;
use server::Server;

/// Names a message for good, in the order of arrival.
type Serial = u32;

/// What came of one schedule.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What did not hold.
    pub violation: Option<String>,
    /// What went wrong in it.
    pub met: Histogram,
    /// Messages that were ever in the maildrop.
    pub messages: u64,
    /// Sessions.
    pub sessions: u64,
    /// Steps: a command read, a piece heard, an operation of the store carried out.
    pub steps: u64,
    /// What happened, line by line, where it was asked for.
    pub transcript: Vec<String>,
}

/// Plays the schedule of this number.
pub fn play(seed: u64, transcript: bool) -> Played {
    let scene = Rc::new(Scene::new(seed, transcript));
    let played = catch_unwind(AssertUnwindSafe(|| world::play(&scene)));
    let mut notes = scene.notes.borrow_mut();
    if played.is_err() {
        notes.played.violation = Some("a panic".to_owned());
    }
    notes.played.transcript = std::mem::take(&mut notes.lines);
    std::mem::take(&mut notes.played)
}

/// What came of many.
#[derive(Debug, Default)]
pub struct Summary {
    /// All of it together, without transcripts.
    pub played: Played,
    /// The first that failed, by number.
    pub failed: Option<u64>,
}

/// Plays the schedules `0..count` on all cores; after the first that fails, only those before it.
pub fn play_all(count: u64) -> Summary {
    let (next, end) = (AtomicU64::new(0), AtomicU64::new(count));
    let summary = Mutex::new(Summary::default());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut mine = Summary::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.load(Ordering::Relaxed) {
                        break;
                    }
                    let played = play(seed, false);
                    if played.violation.is_some() {
                        end.fetch_min(seed, Ordering::Relaxed);
                        mine.failed = Some(mine.failed.map_or(seed, |failed| failed.min(seed)));
                    }
                    mine.played.add(&played);
                }
                summary.lock().expect("no thread panics while it holds this").add(mine);
            });
        }
    });
    summary.into_inner().expect("no thread panics while it holds this")
}

impl Played {
    fn add(&mut self, other: &Played) {
        self.met.add(&other.met);
        self.messages += other.messages;
        self.sessions += other.sessions;
        self.steps += other.steps;
    }
}

impl Summary {
    fn add(&mut self, other: Summary) {
        self.played.add(&other.played);
        self.failed = self.failed.into_iter().chain(other.failed).min();
    }
}

/// Everything that a schedule has in one place: client, server and store reach each other through it.
struct Scene {
    rng: RefCell<Rng>,
    server: RefCell<Server>,
    disk: RefCell<Disk>,
    ledger: RefCell<Ledger>,
    notes: RefCell<Notes>,
    setting: Setting,
    now: Cell<Millis>,
    /// Which of its passwords the account has.
    password: Cell<u32>,
}

/// What is told of a schedule.
struct Notes {
    played: Played,
    tells: bool,
    lines: Vec<String>,
}

impl Scene {
    fn new(seed: u64, tells: bool) -> Scene {
        let mut rng = Rng::with_seed(seed);
        let setting = Setting::new(&mut rng);
        Scene {
            rng: RefCell::new(rng),
            server: RefCell::new(Server::new(setting.habits)),
            disk: RefCell::default(),
            ledger: RefCell::default(),
            notes: RefCell::new(Notes { played: Played::default(), tells, lines: Vec::new() }),
            setting,
            now: Cell::new(0),
            password: Cell::new(0),
        }
    }

    /// Something has gone wrong, as it was meant to.
    fn met(&self, kind: Kind) {
        self.notes.borrow_mut().played.met.met(kind);
        self.tell(|| format!("    ! {}", kind.text()));
    }

    fn met_all(&self, kinds: impl IntoIterator<Item = Kind>) {
        kinds.into_iter().for_each(|kind| self.met(kind));
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        let mut notes = self.notes.borrow_mut();
        if notes.tells {
            notes.lines.push(line());
        }
    }

    /// Holds a verdict. The first that fails ends the schedule.
    fn hold<T>(&self, verdict: Result<T, String>) -> Option<T> {
        match verdict {
            Ok(value) => Some(value),
            Err(violation) => {
                self.tell(|| format!("VIOLATION: {violation}"));
                self.notes.borrow_mut().played.violation.get_or_insert(violation);
                None
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.notes.borrow().played.violation.is_some()
    }
}

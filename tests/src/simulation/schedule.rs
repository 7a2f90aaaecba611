//! What a seed makes of the world: the server's habits, the mail, and for each session what is asked of it and what goes wrong.
//!
//! Nothing here is carried out. What cannot happen (a refusal of a command that is never sent) does not, and is not counted.

use fastrand::Rng;
use poplar_client::pop3::Pipelining;
use poplar_client::store::Id;
use poplar_client::sync::{Job, Leave, Order, Policy, Retrieve};

use super::mail::Shape;
use super::server::{Habits, Mood, REFUSED};

/// Messages at the beginning. More than fit into one batch would only be slower: batches end wherever the client waits.
const MESSAGES: std::ops::RangeInclusive<u32> = 8..=12;
/// Sessions in which something goes wrong; [`FAULTLESS`] follow.
const SESSIONS: std::ops::RangeInclusive<u32> = 2..=5;
/// Sessions without a fault at the end. After the first the table is right again; in the second there is no doubt left about what
/// had come back; the third has nothing to do.
pub(super) const FAULTLESS: u32 = 3;

/// What stays the same in all sessions.
pub(super) struct Setting {
    pub(super) habits: Habits,
    pub(super) pipelining: Pipelining,
    pub(super) messages: u32,
    pub(super) sessions: u32,
    /// Whether LIST counts line ends as one octet.
    pub(super) counts_lf: bool,
    /// One in so many messages has another's UID; 0: none.
    pub(super) twins: u32,
    /// One in so many messages has no UID; 0: none.
    pub(super) nameless: u32,
    /// Few lengths, so that many messages have the same.
    pub(super) alike: bool,
    /// The place of a message in several pieces.
    pub(super) large: Option<u32>,
    /// What the account asks for.
    pub(super) policy: Policy,
}

impl Setting {
    pub(super) fn new(rng: &mut Rng) -> Setting {
        let no_uidl = one_in(rng, 12);
        let habits = Habits {
            pipelining: rng.bool(),
            throws_away: one_in(rng, 20),
            no_bare_uidl: one_in(rng, 8),
            lists_deleted: rng.bool(),
            numbers_with_gaps: one_in(rng, 4),
            // What is unconfirmed is known by its UID alone.
            stuffs_nothing: !no_uidl && one_in(rng, 20),
            no_uidl,
        };
        let names = !no_uidl;
        let some = |rng: &mut Rng, chance| if one_in(rng, chance) { rng.u32(2..6) } else { 0 };
        Setting {
            habits,
            pipelining: [Pipelining::Auto, Pipelining::Auto, Pipelining::Probe, Pipelining::Off][rng.usize(..4)],
            messages: rng.u32(MESSAGES),
            sessions: rng.u32(SESSIONS),
            counts_lf: one_in(rng, 8),
            twins: if names { some(rng, 4) } else { 0 },
            nameless: if names { some(rng, 10) } else { 0 },
            alike: rng.bool(),
            large: one_in(rng, 500).then(|| rng.u32(0..8)),
            policy: policy(rng),
        }
    }

    /// The shape of the message at this place.
    pub(super) fn shape(&self, rng: &mut Rng, place: u32) -> Shape {
        let length = match self.large {
            Some(large) if large == place => rng.usize((1 << 20) - 2..(5 << 19)),
            _ if self.alike => [180, 240][rng.usize(..2)],
            _ => rng.usize(100..500),
        };
        // A server that stuffs nothing changes other lines that begin with a dot, and nobody could tell.
        let plain = self.habits.stuffs_nothing;
        Shape { length, plain, dotted: plain && one_in(rng, 3), counts_lf: self.counts_lf }
    }
}

/// What an account asks of a sync.
fn policy(rng: &mut Rng) -> Policy {
    let leave = match rng.u32(..8) {
        0 => Leave::Everything,
        1 | 2 => Leave::Nothing,
        3 => Leave::Days(rng.u32(..3)),
        _ => Leave::UntilDeleted,
    };
    let order = if rng.bool() { Order::Newest } else { Order::Oldest };
    Policy { retrieve: retrieve(rng), order, leave, minutes: 0 }
}

/// What an account retrieves.
fn retrieve(rng: &mut Rng) -> Retrieve {
    match rng.u32(..16) {
        0 => Retrieve::None,
        1..4 => Retrieve::Headers,
        4 => Retrieve::Under(rng.u64(100..500)),
        _ => Retrieve::All,
    }
}

/// One session.
pub(super) struct SessionPlan {
    pub(super) job: Job,
    pub(super) mood: Mood,
    /// The relay cannot be reached.
    pub(super) unreachable: bool,
    /// What happens, and when.
    pub(super) events: Vec<(When, Event)>,
    /// What becomes of the so-manieth operation of the store, and of those behind it where the disk is full.
    pub(super) disk: Option<(u32, DiskFault)>,
    pub(super) pieces: Pieces,
}

/// Something that happens in the middle of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    TabKilled,
    RelayGone,
    Aborted,
    Arrival,
    Removal,
    /// A person wishes a deletion, here or in another tab.
    Wish {
        here: bool,
    },
    Undo {
        here: bool,
    },
}

/// At the so-manieth of what?
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Step(u32),
    /// Commit that is under way.
    Commit(u32),
    /// Commit that has become durable.
    Durable(u32),
    Dele(u32),
    Quit,
    /// Something is sealed.
    Seal,
    /// A key is on its way to the disk.
    Key,
    /// It is durable.
    KeyDurable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskFault {
    Fails,
    /// It is durable, and is said to have failed.
    Denied,
    Full,
}

/// How much of what the server has said is heard at once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pieces {
    All,
    /// Up to so many octets.
    UpTo(usize),
}

impl SessionPlan {
    /// A session in which nothing goes wrong.
    pub(super) fn faultless(job: Job) -> SessionPlan {
        SessionPlan {
            job,
            mood: Mood::default(),
            unreachable: false,
            events: Vec::new(),
            disk: None,
            pieces: Pieces::All,
        }
    }

    /// A session with one thing that goes wrong, or two, or three. `ids`: rows that could be asked for one by one.
    pub(super) fn new(rng: &mut Rng, policy: Policy, ids: &[Id]) -> SessionPlan {
        let job = match rng.u32(..10) {
            0 if !ids.is_empty() => Job::Fetch(ids[rng.usize(..ids.len())]),
            1 | 2 => Job::Sync(policy.with(retrieve(rng))),
            _ => Job::Sync(policy),
        };
        let mut plan = SessionPlan::faultless(job);
        plan.pieces = match rng.u32(..8) {
            0 => Pieces::UpTo(3),
            1 | 2 => Pieces::UpTo(40),
            3 => Pieces::UpTo(600),
            _ => Pieces::All,
        };
        for _ in 0..rng.u32(1..=3) {
            plan.spoil(rng);
        }
        plan
    }

    /// One thing more that goes wrong.
    fn spoil(&mut self, rng: &mut Rng) {
        let mood = &mut self.mood;
        match rng.u32(..40) {
            0..8 => self.events.push((when(rng), Event::TabKilled)),
            8..11 => self.events.push((when(rng), Event::RelayGone)),
            11 => self.events.push((when(rng), Event::Aborted)),
            12..15 => {
                let most = if rng.bool() { 200 } else { 4000 };
                mood.drops_after = Some(rng.usize(..most));
            }
            15 => mood.silent_after = Some(rng.u32(..30)),
            16..18 => mood.leaves_out = Some(rng.u32(1..30)),
            18..20 => mood.refuses_quit = Some(rng.bool()),
            20 => match rng.u32(..4) {
                0 => mood.refuses_greeting = true,
                1 => self.unreachable = true,
                _ => mood.stat_zero = true,
            },
            21..24 => {
                let at = if rng.bool() { 1 } else { rng.u32(1..10) };
                mood.refuses.push((REFUSED[rng.usize(..REFUSED.len())], at));
            }
            24 => mood.short = Some(rng.usize(..8)),
            25 => mood.window = Some(rng.usize(..8)),
            26..30 => {
                let fault = [DiskFault::Fails, DiskFault::Denied, DiskFault::Full][rng.usize(..3)];
                self.disk = Some((rng.u32(..20), fault));
            }
            30 => self.events.push((when(rng), Event::Arrival)),
            31 => self.events.push((when(rng), Event::Removal)),
            32..34 => self.events.push((when(rng), Event::Wish { here: rng.bool() })),
            _ => self.events.push((when(rng), Event::Undo { here: rng.bool() })),
        }
    }
}

/// A moment: any, or one at which a lot hangs.
fn when(rng: &mut Rng) -> When {
    match rng.u32(..10) {
        0 => When::Commit(rng.u32(1..6)),
        1 => When::Durable(rng.u32(1..6)),
        2 => When::Dele(rng.u32(1..3)),
        3 | 4 => When::Quit,
        5 => When::Seal,
        6 => {
            if rng.bool() {
                When::Key
            } else {
                When::KeyDurable
            }
        }
        // Most sessions have no more steps than the larger of these, and many no more than the smaller.
        _ => {
            let most = if rng.bool() { 60 } else { 250 };
            When::Step(rng.u32(..most))
        }
    }
}

pub(super) fn one_in(rng: &mut Rng, chance: u32) -> bool {
    rng.u32(..chance) == 0
}

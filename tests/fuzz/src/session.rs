//! The session machine, on any octets in any pieces and a caller who asks, waits and leaves at any moment.
//!
//! The same input is played on three sessions that differ only in how the octets between two happenings are cut. All must tell the
//! same; what the first one tells is checked against what was asked.

use poplar_client::error::{Code, Error};
use poplar_client::pop3::reply::Status;
use poplar_client::pop3::session::{Event, Ticket};
use poplar_client::pop3::{Behaviour, Capabilities, Command, Mechanism, Millis, Pipelining, Secret};
use poplar_client::pop3::{Session, Settings, Window};

use crate::input::Input;

mod caller;
use caller::Caller;

/// In nothing that is printed. Holds an octet that is none of a server's, so that no server's words can quote it.
const PASSWORD: &str = "c0rrect-h\u{df}rse";

/// How the octets between two happenings are cut: into one piece, into single octets, into some that the input chooses.
const CUTS: usize = 3;

/// Plays one input.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let settings = settings(&mut input);
    let cut = usize::from(input.below(16)) + 2;
    let mut runs: [Run; CUTS] = core::array::from_fn(|_| Run { session: Session::new(settings, 0), told: Vec::new() });
    let mut caller = Caller::new(settings);
    let mut now: Millis = 0;
    while !input.is_empty() {
        let said = input.said();
        let pieces = [said.len().max(1), 1, cut];
        let results = each(&mut runs, |place, run| {
            said.chunks(pieces[place]).map(|piece| run.receive(piece, now)).fold(Ok(()), Result::and)
        });
        agree(&mut runs, &results, &mut caller);
        if !input.is_empty() {
            happen(&mut input, &mut runs, &mut caller, &mut now);
        }
    }
    for run in &runs {
        assert!(!format!("{:?}", run.session).contains(PASSWORD));
    }
}

fn settings(input: &mut Input<'_>) -> Settings {
    let bits = input.octet();
    let pipelining = [Pipelining::Off, Pipelining::Auto, Pipelining::Probe][usize::from(bits & 3) % 3];
    let said = Capabilities { pipelining: bits & 8 != 0, ..Capabilities::default() };
    let behaviour = Behaviour {
        capabilities: (bits & 4 != 0).then_some(said),
        pipelining: [None, Some(true), Some(false), Some(true)][usize::from(bits >> 4) & 3],
        unterminated: bits & 0x40 != 0,
        ..Behaviour::default()
    };
    let bits = input.octet();
    let window = Window { commands: usize::from(bits & 7), octets: u64::from(bits >> 3 & 7) * 100 };
    let timeout = [60_000, 1_000, 8, Millis::MAX][usize::from(bits >> 6)];
    Settings { timeout, window, pipelining, behaviour }
}

/// Something that is no octet from the server.
fn happen(input: &mut Input<'_>, runs: &mut [Run; CUTS], caller: &mut Caller, now: &mut Millis) {
    match input.octet() & 0x3f {
        0 => transmit(runs, caller, *now),
        1 => {
            // At the end of all time nothing happens.
            if let Some(deadline) = runs[0].session.deadline().filter(|deadline| *deadline < Millis::MAX) {
                *now = deadline.max(*now);
                tick(runs, caller, *now);
            }
        }
        2 => {
            *now += u64::from(input.octet()) * 64;
            tick(runs, caller, *now);
        }
        3 => {
            // What the engine learns: what CAPA says, and that this server must not be asked ahead.
            let bits = input.octet();
            each(runs, |_, run| {
                run.session.learn(&|behaviour: &mut Behaviour| {
                    let said = Capabilities { pipelining: bits & 1 != 0, ..Capabilities::default() };
                    behaviour.capabilities = Some(said);
                    if bits & 2 != 0 {
                        behaviour.pipelining = Some(false);
                    }
                })
            });
        }
        4 => {
            let error = if input.octet() & 1 == 0 { Error::closed() } else { Error::aborted() };
            each(runs, |_, run| run.session.end(error.clone()));
        }
        5 => {
            let farewells = each(runs, |_, run| run.session.farewell());
            assert!(farewells[0].is_empty() || farewells[0] == b"RSET\r\n");
            assert!(same(&farewells));
        }
        other => {
            let command = command(other, caller.next_ticket());
            let promised = u64::from(input.octet());
            let ended = runs[0].session.ended().cloned();
            let results = each(runs, |_, run| run.session.submit(command.clone(), promised));
            assert!(same(&results));
            match (&results[0], ended) {
                (Ok(ticket), None) => caller.asked(*ticket, command, promised),
                (Err(error), ended) => assert!(ended.is_some_and(|ended| ended.code == error.code)),
                (Ok(_), Some(_)) => panic!("a session that has ended takes a command"),
            }
        }
    }
    caller.check_pipelining(&runs[0].session);
}

/// Numbers and names tell the commands of one run apart.
fn command(kind: u8, ticket: Ticket) -> Command {
    let secret = || Secret::new(PASSWORD);
    match kind {
        10 => Command::Capa,
        11 => Command::User(format!("u{ticket}")),
        12 => Command::Pass(secret()),
        13 => Command::Apop(format!("u{ticket}"), secret()),
        14 => Command::Auth(Mechanism::Plain),
        15 => Command::Response(secret()),
        16 => Command::Utf8,
        17 => Command::Stat,
        18 => Command::List,
        19 => Command::ListOne(ticket),
        20 => Command::Uidl,
        21 => Command::UidlOne(ticket),
        22 => Command::Top(ticket, 1),
        23 => Command::Dele(ticket),
        24 => Command::Noop,
        25 => Command::Rset,
        26 => Command::Quit,
        _ => Command::Retr(ticket),
    }
}

fn transmit(runs: &mut [Run; CUTS], caller: &mut Caller, now: Millis) {
    let before = runs[0].session.runs_ahead();
    let frames = each(runs, |_, run| run.session.transmit(now));
    assert!(same(&frames), "{frames:?}");
    assert!(frames[0].is_empty() || runs[0].session.ended().is_none(), "a session that has ended sends");
    caller.sent(&frames[0], before);
    caller.check_deadline(&runs[0].session);
}

fn tick(runs: &mut [Run; CUTS], caller: &mut Caller, now: Millis) {
    let results = each(runs, |_, run| run.tick(now));
    agree(runs, &results, caller);
    assert!(runs[0].session.deadline().is_none_or(|deadline| deadline > now || deadline == Millis::MAX));
}

/// All tell the same, and it fits what was asked.
fn agree(runs: &mut [Run; CUTS], results: &[Result<(), Error>; CUTS], caller: &mut Caller) {
    let told = each(runs, |_, run| core::mem::take(&mut run.told));
    assert!(same(&told), "{told:#?}");
    assert!(same(results), "{results:?}");
    assert!(same(&each(runs, |_, run| run.session.deadline())));
    assert!(same(&each(runs, |_, run| run.session.behaviour())));
    let ended = each(runs, |_, run| run.session.ended().cloned());
    assert!(same(&ended), "{ended:?}");
    let [told, ..] = told;
    told.into_iter().for_each(|told| caller.hear(told));
    if let Err(error) = &results[0] {
        assert!(ended[0].as_ref().is_some_and(|ended| ended.code == error.code));
        assert!(!format!("{error:?}").contains(PASSWORD));
        assert!(matches!(error.code, Code::Closed | Code::Timeout | Code::Protocol | Code::Aborted));
    }
}

fn each<T>(runs: &mut [Run; CUTS], mut what: impl FnMut(usize, &mut Run) -> T) -> [T; CUTS] {
    core::array::from_fn(|place| what(place, &mut runs[place]))
}

fn same<T: PartialEq>(all: &[T; CUTS]) -> bool {
    all.iter().all(|one| *one == all[0])
}

/// A session, and what it has told since anybody looked.
struct Run {
    session: Session,
    told: Vec<Told>,
}

/// An [`Event`] that owns what it tells. Adjacent pieces of a body are one.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Greeting(Status),
    Status { ticket: Ticket, status: Status, body: bool },
    Body(Ticket, Vec<u8>),
    End { ticket: Ticket, certain: bool },
    Resumed(Ticket),
}

impl Run {
    fn receive(&mut self, piece: &[u8], now: Millis) -> Result<(), Error> {
        let Run { session, told } = self;
        session.receive(piece, now, |event| hear(told, event))
    }

    fn tick(&mut self, now: Millis) -> Result<(), Error> {
        let Run { session, told } = self;
        session.tick(now, |event| hear(told, event))
    }
}

fn hear(told: &mut Vec<Told>, event: Event<'_>) {
    let next = match event {
        Event::Greeting(status) => Told::Greeting(status),
        Event::Status { ticket, status, body } => Told::Status { ticket, status, body },
        Event::Body(ticket, slice) => match told.last_mut() {
            Some(Told::Body(last, joined)) if *last == ticket => return joined.extend_from_slice(slice),
            _ => Told::Body(ticket, slice.to_vec()),
        },
        Event::End { ticket, certain } => Told::End { ticket, certain },
        Event::Resumed(ticket) => Told::Resumed(ticket),
    };
    told.push(next);
}

//! Work for the client's core, the same natively and in wasm; and messages to be taken apart, in wasm (`reading`).
//!
//! A [`Work`] holds what a server sends, made beforehand; [`Work::run`] takes it through the session machine in the pieces in which a
//! tunnel delivers, and gives a number that depends on every part of it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a bench that is set up wrongly fails loudly")]

#[cfg(target_arch = "wasm32")]
mod reading;

use poplar_client::pop3::session::Event;
use poplar_client::pop3::{Behaviour, Command, Pipelining, Session, Settings, Window, listing};

/// Octets in which a tunnel delivers: the relay's frame, which is one TLS record.
const PIECE: usize = 16 * 1024;
/// Messages and octets of each: the mailbox of the wire bench.
const MESSAGES: u32 = 1000;
const OCTETS: usize = 10_000;
/// Lines of a listing.
const LINES: u32 = 100_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Messages of 76-column lines, one in twenty with a dot in front, as base64 and prose are.
    Mail,
    /// Messages of empty lines.
    Empty,
    /// Messages of one dot a line, which is the most that unstuffing can be given to do.
    Dots,
    /// UIDL of 100,000 messages, down to the names.
    Uidl,
    /// LIST of 100,000 messages, down to the sizes.
    List,
}

impl Kind {
    /// All of them, in the order of the numbers by which wasm is asked for them.
    pub const ALL: [Kind; 5] = [Kind::Mail, Kind::Empty, Kind::Dots, Kind::Uidl, Kind::List];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Mail => "mail",
            Kind::Empty => "empty",
            Kind::Dots => "dots",
            Kind::Uidl => "uidl",
            Kind::List => "list",
        }
    }
}

/// A stream, and the commands that it answers.
pub struct Work {
    kind: Kind,
    stream: Vec<u8>,
}

impl Work {
    /// Makes the stream.
    pub fn new(kind: Kind) -> Work {
        let mut stream = b"+OK ready\r\n".to_vec();
        match kind {
            Kind::Mail | Kind::Empty | Kind::Dots => {
                let line = |n: usize| match kind {
                    Kind::Empty => "\r\n".to_owned(),
                    Kind::Dots => "..\r\n".to_owned(),
                    _ if n % 20 == 7 => format!("..{}\r\n", "referral ".repeat(8)),
                    // Full stops inside lines count too: a search for dots meets them.
                    _ if n.is_multiple_of(2) => {
                        format!("Seen on {:02}.03. by Dr. Okafor; please see www.clinic.example/{n:024}.\r\n", n % 28)
                    }
                    _ => format!("{:076}\r\n", n * 7919),
                };
                let mut body = Vec::new();
                for text in (0..).map(line) {
                    body.extend(text.as_bytes());
                    if body.len() >= OCTETS {
                        break;
                    }
                }
                for _ in 0..MESSAGES {
                    stream.extend(b"+OK 10000 octets\r\n");
                    stream.extend(&body);
                    stream.extend(b".\r\n");
                }
            }
            Kind::Uidl | Kind::List => {
                stream.extend(b"+OK\r\n");
                for n in 1..=LINES {
                    let line = match kind {
                        Kind::Uidl => format!("{n} {:08x}{:08x}\r\n", n, 1_700_000_000),
                        _ => format!("{n} {}\r\n", 10_000 + n),
                    };
                    stream.extend(line.as_bytes());
                }
                stream.extend(b".\r\n");
            }
        }
        Work { kind, stream }
    }

    /// Octets of the stream.
    pub fn octets(&self) -> usize {
        self.stream.len()
    }

    /// One session on the stream: the octets of all bodies, or for listings a sum of what the lines say.
    pub fn run(&self) -> u64 {
        let (mut octets, mut body) = (0, Vec::new());
        match self.kind {
            Kind::Mail | Kind::Empty | Kind::Dots => {
                self.session((1..=MESSAGES).map(Command::Retr), |slice| octets += slice.len() as u64);
                octets
            }
            Kind::Uidl => {
                self.session([Command::Uidl], |slice| body.extend_from_slice(slice));
                let named: Vec<_> = listing::lines(&body).filter_map(listing::named).collect();
                assert_eq!(named.len(), LINES as usize);
                named.iter().map(|line| u64::from(line.number) + line.uid.len() as u64).sum()
            }
            Kind::List => {
                self.session([Command::List], |slice| body.extend_from_slice(slice));
                let sized: Vec<_> = listing::lines(&body).filter_map(listing::sized).collect();
                assert_eq!(sized.len(), LINES as usize);
                sized.iter().map(|line| u64::from(line.number) + line.octets).sum()
            }
        }
    }

    /// Takes the stream through a session that has asked `commands`.
    fn session(&self, commands: impl IntoIterator<Item = Command>, mut on_body: impl FnMut(&[u8])) {
        let window = Window { commands: usize::MAX, octets: u64::MAX };
        let behaviour = Behaviour { pipelining: Some(true), ..Behaviour::default() };
        let settings = Settings { window, pipelining: Pipelining::Probe, behaviour, ..Settings::default() };
        let mut session = Session::new(settings, 0);
        let mut due = 0;
        for command in commands {
            session.submit(command, 0).expect("a command that can be sent");
            due += 1;
        }
        let (greeting, answers) = self.stream.split_at(b"+OK ready\r\n".len());
        session.receive(greeting, 0, |_| {}).expect("a greeting");
        assert!(!session.transmit(0).is_empty());
        for piece in answers.chunks(PIECE) {
            let on_event = |event: Event<'_>| match event {
                Event::Body(_, slice) => on_body(slice),
                Event::End { .. } => due -= 1,
                Event::Greeting(_) | Event::Status { .. } | Event::Resumed(_) => {}
            };
            session.receive(piece, 0, on_event).expect("what a server sends");
        }
        assert_eq!(due, 0, "every answer is whole");
    }
}

/// What Node calls: numbers in, numbers out, so that nothing has to be shared but the module.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, unreachable_pub, reason = "exports without mangled names; nobody else has these names")]
mod exports {
    use core::cell::RefCell;

    use super::{Kind, Work};

    thread_local! {
        static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
    }

    /// Makes the work of [`Kind::ALL`]'s number `kind`; its octets.
    #[unsafe(no_mangle)]
    pub extern "C" fn bench_prepare(kind: u32) -> f64 {
        let work = Work::new(Kind::ALL[kind as usize]);
        let octets = work.octets();
        WORK.set(Some(work));
        octets as f64
    }

    /// Does it once; what [`Work::run`] gives.
    #[unsafe(no_mangle)]
    pub extern "C" fn bench_run() -> f64 {
        WORK.with_borrow(|work| work.as_ref().expect("prepared").run() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_is_done_to_its_end() {
        let sum = u64::from(LINES) * u64::from(LINES + 1) / 2;
        for kind in Kind::ALL {
            let work = Work::new(kind);
            let (done, all) = (work.run(), work.octets() as u64);
            match kind {
                Kind::Mail | Kind::Empty => assert!(done > all * 9 / 10 && done < all, "{kind:?}: {done} of {all}"),
                Kind::Dots => assert!(done > all * 7 / 10 && done < all * 8 / 10, "{kind:?}: {done} of {all}"),
                Kind::Uidl => assert_eq!(done, sum + 16 * u64::from(LINES)),
                Kind::List => assert_eq!(done, 2 * sum + 10_000 * u64::from(LINES)),
            }
        }
    }
}

//! A message of any length passes through in constant memory.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]
#![allow(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use poplar_client::pop3::session::Event;
use poplar_client::pop3::{Chunk, Client, Command, Session, Settings};
use poplar_tests::model::Nowhere;

/// Octets of a message on the wire.
const MESSAGE: usize = 200_000_000;
/// What the relay sends in one frame.
const FRAME: usize = 64 << 10;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(held, Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that `work` holds at once beside what was held before.
fn most(work: impl FnOnce()) -> usize {
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    work();
    MOST.load(Relaxed) - before
}

/// A message: a line that is sent again and again, and what comes of it.
struct Shape {
    name: &'static str,
    line: &'static [u8],
    read: usize,
}

const SHAPES: [Shape; 5] = [
    Shape { name: "common lines", line: b"............................................................\r\n", read: 61 },
    Shape { name: "one line without end", line: b"x", read: 1 },
    Shape { name: "a stuffed dot behind every few hundred octets", line: &STUFFED, read: STUFFED.len() - 1 },
    Shape { name: "dots, each a piece of its own", line: b"..\r\n", read: 3 },
    Shape { name: "carriage returns", line: b"\r", read: 1 },
];

const STUFFED: [u8; 300] = {
    let mut line = [b'y'; 300];
    (line[0], line[1], line[298], line[299]) = (b'.', b'.', b'\r', b'\n');
    line
};

/// The frames of such a message without its terminator, one and the same over and over; how often; what comes of all together.
fn frame(shape: &Shape) -> (Vec<u8>, usize, usize) {
    let lines = FRAME / shape.line.len();
    let times = MESSAGE / FRAME + 1;
    (shape.line.repeat(lines), times, lines * times * shape.read)
}

// One test: the allocator counts for the whole process.
#[test]
fn two_hundred_megabytes_are_held_nowhere() {
    for shape in &SHAPES {
        let (frame, times, expected) = frame(shape);
        let held = most(|| session(&frame, times, expected));
        // Nothing but the session itself: what comes out are slices of what went in.
        assert!(held < 4 << 10, "{}: the session held {held} octets", shape.name);
        let held = most(|| client(&frame, times, expected));
        // And what was not taken yet of one frame.
        assert!(held < 256 << 10, "{}: the client held {held} octets", shape.name);
    }
}

fn session(frame: &[u8], times: usize, expected: usize) {
    let mut session = Session::new(Settings::default(), 0);
    let (mut octets, mut ends) = (0, 0);
    let mut hear = |session: &mut Session, bytes: &[u8]| {
        let heard = session.receive(bytes, 0, |event| match event {
            Event::Body(_, slice) => octets += slice.len(),
            Event::End { certain, .. } => ends += usize::from(certain),
            _ => {}
        });
        heard.unwrap();
    };
    hear(&mut session, b"+OK\r\n");
    session.submit(Command::Retr(1), 0).unwrap();
    assert_eq!(session.transmit(0), b"RETR 1\r\n");
    hear(&mut session, b"+OK\r\n");
    (0..times).for_each(|_| hear(&mut session, frame));
    hear(&mut session, b"\r\n.\r\n");
    assert_eq!((octets, ends), (expected + 2, 1));
}

fn client(frame: &[u8], times: usize, expected: usize) {
    let (client, _greeting) = Client::new(Nowhere, Settings::default());
    client.receive(b"+OK\r\n");
    let mut answer = client.send(Command::Retr(1), 0);
    client.receive(b"+OK\r\n");
    let mut taken = pin!(async {
        let mut octets = 0;
        assert!(answer.status().await.unwrap().ok);
        loop {
            match answer.chunk().await.unwrap() {
                Chunk::Bytes(bytes) => octets += bytes.len(),
                Chunk::End { certain } => break certain.then_some(octets),
            }
        }
    });
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        client.receive(frame);
        assert!(taken.as_mut().poll(&mut context).is_pending());
    }
    client.receive(b"\r\n.\r\n");
    assert_eq!(taken.poll(&mut context), Poll::Ready(Some(expected + 2)));
}

//! What any message and any listing is on the wire, and that it is read back as it was.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use poplar_client::pop3::listing::{self, Named, Sized};
use poplar_client::pop3::session::Event;
use poplar_client::pop3::{Behaviour, Capabilities, Client, Command, Credential, Login, Method, Pipelining};
use poplar_client::pop3::{Secret, Session, Settings};
use poplar_tests::model::{Nowhere, Quirks, Server, run};
use proptest::collection::vec;
use proptest::prelude::*;

/// Four thousand of each under `tests/run --long`.
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("POPLAR_LONG").is_some() { 4096 } else { 256 };
    // What fails is printed, and belongs into a test of its own.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Byte for byte, whatever is behind it, and however it is cut.
    #[test]
    fn any_message_comes_back_as_it_was(
        message in message(),
        cuts in vec(1usize..9, 1..5),
        promise in 0u64..100,
        ahead: bool,
    ) {
        let mut session = Session::new(settings(ahead), 0);
        session.receive(b"+OK\r\n", 0, |_| {}).unwrap();
        session.submit(Command::Retr(1), promise).unwrap();
        session.submit(Command::Stat, 0).unwrap();
        let sent = session.transmit(0);
        let expected: &[u8] = if ahead { b"RETR 1\r\nSTAT\r\n" } else { b"RETR 1\r\n" };
        prop_assert_eq!(sent, expected);
        let (mut body, mut certain) = (Vec::new(), None);
        for piece in pieces(&[b"+OK\r\n".as_slice(), &on_the_wire(&message)].concat(), &cuts) {
            session.receive(piece, 0, |event| match event {
                Event::Body(1, slice) => body.extend_from_slice(slice),
                Event::End { ticket: 1, certain: so } => certain = Some(so),
                Event::Status { ticket: 1, .. } => {}
                other => panic!("{other:?}"),
            }).unwrap();
        }
        prop_assert_eq!(&body, &whole(&message));
        prop_assert_eq!(certain, Some(true));
        session.transmit(0);
        let mut next = None;
        session.receive(b"+OK 2 320\r\n", 0, |event| next = Some(format!("{event:?}"))).unwrap();
        prop_assert!(next.is_some_and(|next| next.contains("ticket: 2")));
    }

    /// Numbers with gaps, in whatever dress servers have been seen to give them.
    #[test]
    fn any_listing_comes_back_as_it_was(lines in vec((1u32..50, uid(), any::<u32>(), 0usize..DRESSES), 0..20), cuts in vec(1usize..9, 1..5)) {
        let (mut uidl, mut list) = (Vec::new(), Vec::new());
        let (mut named, mut sizes, mut number) = (Vec::new(), Vec::new(), 0);
        for (gap, uid, octets, dress) in lines {
            number += gap;
            uidl.extend(dressed(number, &uid, dress));
            let words: &[u8] = if dress == 1 { b" octets" } else { b"" };
            list.extend(dressed(number, &[octets.to_string().as_bytes(), words].concat(), dress));
            named.push(Named { number, uid: uid.iter().copied().map(char::from).collect() });
            sizes.push(Sized { number, octets: octets.into() });
        }
        let (client, _greeting) = Client::new(Nowhere, Settings::default());
        client.receive(b"+OK\r\n");
        let uidl = answered(&client, client.listing(Command::Uidl), &uidl, &cuts).unwrap();
        prop_assert_eq!(listing::lines(&uidl).filter_map(listing::named).collect::<Vec<_>>(), named);
        let list = answered(&client, client.listing(Command::List), &list, &cuts).unwrap();
        prop_assert_eq!(listing::lines(&list).filter_map(listing::sized).collect::<Vec<_>>(), sizes);
    }

    /// Running ahead changes when messages come, and nothing else.
    #[test]
    fn bodies_are_the_same_however_far_the_client_runs_ahead(messages in vec(message(), 0..8)) {
        let fetch = |pipelining: bool| {
            let quirks = Quirks { pipelining, ..Quirks::default() };
            let mails = messages.iter().enumerate().map(|(n, message)| (format!("{n}N"), whole(message)));
            let server = Server::new(quirks, mails);
            run(&server, async {
                let (client, greeting) = server.connect();
                greeting.wait().await.unwrap();
                client.capa().await.unwrap();
                let credential = Credential::Password(Secret::new("p"));
                client.sign_in(&Login { user: "u", credential, method: Method::Auto }).await.unwrap();
                let numbers = 1..=u32::try_from(messages.len()).unwrap();
                let answers: Vec<_> = numbers.map(|number| client.send(Command::Retr(number), 0)).collect();
                let mut bodies = Vec::new();
                for mut answer in answers {
                    bodies.push(answer.body().await.unwrap());
                }
                // The first is under way at once, and two more are needed to try it.
                assert!(bodies.len() < 3 || client.runs_ahead() == pipelining);
                bodies
            })
        };
        let all: Vec<_> = messages.iter().map(|message| whole(message)).collect();
        prop_assert_eq!(&fetch(false), &all);
        prop_assert_eq!(&fetch(true), &all);
    }
}

/// Octets, most of them those that matter.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        4 => Just(b'.'),
        3 => Just(b'\n'),
        3 => Just(b'\r'),
        2 => prop_oneof![Just(b'+'), Just(b'-'), Just(b'a')],
        1 => any::<u8>(),
    ];
    vec(octet, 0..60)
}

/// Not empty, and neither begins nor ends with white space, which belongs to the line.
fn uid() -> impl Strategy<Value = Vec<u8>> {
    let visible = || prop_oneof![0x21u8..0x7f, 0x80u8..=0xff];
    let inner = prop_oneof![8 => visible(), 1 => Just(b' ')];
    (visible(), vec(inner, 0..20), visible())
        .prop_map(|(first, inner, last)| [&[first], inner.as_slice(), &[last]].concat())
}

/// Kinds of [`dressed`].
const DRESSES: usize = 5;

fn dressed(number: u32, text: &[u8], dress: usize) -> Vec<u8> {
    let (head, end): (String, &[u8]) = match dress {
        0 | 1 => (format!("{number} "), b"\r\n"),
        2 => (format!("{number}   "), b"\r\n"),
        3 => (format!("+OK {number} "), b"\r\n"),
        _ => (format!(" {number}\t"), b" \n"),
    };
    [head.as_bytes(), text, end].concat()
}

/// As a server has it: its last line has an end.
fn whole(message: &[u8]) -> Vec<u8> {
    let mut whole = message.to_vec();
    if !whole.is_empty() && !whole.ends_with(b"\n") {
        whole.extend_from_slice(b"\r\n");
    }
    whole
}

/// RFC 1939 §3, a line being what ends in LF.
fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let text = whole(message);
    let mut lines: Vec<&[u8]> = text.split(|octet| *octet == b'\n').collect();
    // Behind the last end of a line there is none.
    lines.pop();
    let mut wire = Vec::new();
    for line in lines {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.push(b'\n');
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// `bytes` in pieces of these lengths, over and over.
fn pieces<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// What comes of a question whose answer has these lines.
fn answered<T>(client: &Client, question: impl Future<Output = T>, lines: &[u8], cuts: &[usize]) -> T {
    let mut question = pin!(question);
    let mut context = Context::from_waker(Waker::noop());
    assert!(question.as_mut().poll(&mut context).is_pending());
    for piece in pieces(&[b"+OK\r\n", lines, b".\r\n"].concat(), cuts) {
        client.receive(piece);
    }
    match question.poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the answer has no end"),
    }
}

/// For a server that is known to take pipelining, or not to.
fn settings(ahead: bool) -> Settings {
    let behaviour = Behaviour {
        capabilities: Some(Capabilities { pipelining: ahead, ..Capabilities::default() }),
        pipelining: Some(ahead),
        ..Behaviour::default()
    };
    Settings { behaviour, pipelining: Pipelining::Auto, ..Settings::default() }
}

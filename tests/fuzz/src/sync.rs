//! The sync engine, on a server that answers rightly, wrongly, late or not at all; in step and in virtual time.
//!
//! An input is two octets of what the world is like, and then, command by command, what the server does: see [`server`]. Whatever it
//! does, what is written to the store is checked by [`checked`], and what is sent by [`server`] against the rows as they are then.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use poplar_client::error::{Code, Error, Result};
use poplar_client::pop3::{Behaviour, Credential, Login, Method, Pipelining, Secret, Settings};
use poplar_client::store::{Batch, Deletion, Edit, Id};
use poplar_client::sync::{Attempt, Job, Report, Retrieve, Table};

use crate::input::Input;

mod checked;
mod server;

use checked::Checked;
use server::Server;

/// Holds an octet that is none of a server's, so that no server's words can quote it.
const PASSWORD: &str = "c0rrect-h\u{df}rse";
/// What no work of the few commands that an input has room for needs.
const STEPS: usize = 200_000;
/// Syncs of one table.
const SYNCS: usize = 3;

/// Plays one input.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let (bits, mails) = (input.octet(), input.octet());
    let pipelining = [Pipelining::Auto, Pipelining::Probe, Pipelining::Off][usize::from(bits & 3) % 3];
    let server = RefCell::new(Server::new(mails, [4, 8, 16].map(|bit| bits & bit != 0)));
    let table = Table::new(Checked::default(), |_| {});
    let known = Cell::new(Behaviour::default());
    for _ in 0..SYNCS {
        let job = job(&mut input, &table, &server);
        let connect = async |behaviour| {
            let settings = Settings { pipelining, behaviour, ..Settings::default() };
            let (client, greeting) = server.borrow_mut().connect(settings);
            greeting.wait().await.map(|_| client)
        };
        let credential = Credential::Password(Secret::new(PASSWORD));
        let login = Login { user: "u", credential, method: Method::Auto };
        let attempt = Attempt { connect, known: &known, table: &table, login, now: &|| 1, progress: &|_| {} };
        let result = drive(attempt.run(job), &mut input, &server, &table);
        assert!(!format!("{result:?}").contains(PASSWORD));
        if let Err(error) = &result {
            assert_ne!(error.code, Code::Internal);
        }
        server.borrow_mut().hang_up(&table);
        check(&table, &server.borrow());
    }
}

/// What a person wants, and what has happened to the maildrop meanwhile.
fn job(input: &mut Input<'_>, table: &Table<Checked>, server: &RefCell<Server>) -> Job {
    let bits = input.octet();
    let wanted = if bits & 1 != 0 { input.octet() } else { 0 };
    let ids: Vec<Id> = table.rows().keys().collect();
    let edits: Vec<_> =
        ids.iter().filter(|id| **id < 8 && wanted >> **id & 1 != 0).map(|id| (*id, Edit::Delete)).collect();
    table.store().wanted(edits.iter().map(|(id, _)| *id));
    now(table.apply(Batch { edits, ..Batch::default() })).expect("a store in memory");
    if bits & 2 != 0 {
        server.borrow_mut().change(input.octet());
    }
    match bits >> 2 & 7 {
        0 => Job::Sync(Retrieve::None.into()),
        1 => Job::Sync(Retrieve::Headers.into()),
        2 => ids.first().map_or(Job::Sync(Retrieve::All.into()), |id| Job::Fetch(*id)),
        _ => Job::Sync(Retrieve::All.into()),
    }
}

/// Runs `work` to its end. The client runs until it waits; then the server says something, or reads something, or time passes.
fn drive(
    work: impl Future<Output = Result<Report>>,
    input: &mut Input<'_>,
    server: &RefCell<Server>,
    table: &Table<Checked>,
) -> Result<Report> {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..STEPS {
        let done = work.as_mut().poll(&mut context);
        server.borrow_mut().look(table);
        if let Poll::Ready(result) = done {
            return result;
        }
        let next = server.borrow_mut().next(input);
        match next {
            Some(server::Next::Hear(client, bytes)) => client.receive(&bytes),
            Some(server::Next::Tick(client)) => client.tick(),
            Some(server::Next::Close(client)) => {
                client.end(Error::new(Code::Closed, "the mail server ended the session"));
            }
            Some(server::Next::Again) => {}
            None => panic!("the client waits for nothing"),
        }
    }
    panic!("a sync does not end");
}

/// What must hold between two syncs.
fn check(table: &Table<Checked>, server: &Server) {
    now(table.refresh()).expect("a store in memory");
    let rows: Vec<_> = table.rows().values().cloned().collect();
    for row in &rows {
        let Some(stored) = table.store().check(row) else { continue };
        let sent = server.mail(&row.uid);
        if server.exact() && !row.unconfirmed {
            assert_eq!(Some(stored.as_slice()), sent, "stored under a wrong name, or not whole: {}", row.uid);
        }
    }
    if server.exact() {
        for row in rows.iter().filter(|row| row.deletion == Deletion::Confirmed) {
            assert!(!server.holds(&row.uid), "said to be deleted, and still there: {}", row.uid);
        }
        for uid in server.deleted() {
            let wanted = |id: Id| table.store().was_wanted(id);
            assert!(rows.iter().any(|row| row.uid == *uid && wanted(row.id)), "deleted, and nobody wanted it: {uid}");
        }
    }
}

/// What is ready at once, as everything in memory is.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("memory does not wait"),
    }
}

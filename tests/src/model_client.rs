//! The client at the model server: a table in memory, and attempts at it.

#![allow(clippy::expect_used, reason = "a harness that is driven wrongly fails its test loudly")]

use std::cell::Cell;

use poplar_client::error::Result;
use poplar_client::pop3::{Behaviour, Credential, Login, Method, Secret};
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Batch, Edit, Id, Store, Timestamp};
use poplar_client::sync::{Attempt, Job, Progress, Report, Table};

use crate::model::{Server, run};

/// The `n`th message: its UID and its bytes, which no other has.
pub fn message(n: usize) -> (String, Vec<u8>) {
    let body =
        format!("From: a{n}@b.example\r\nSubject: message {n}\r\n\r\nline\r\n.dot\r\n..\r\n{}\r\n", "x".repeat(n * 10));
    (format!("{}N", 6866 + n), body.into_bytes())
}

/// An empty table in memory.
pub fn table() -> Table<MemoryStore> {
    Table::new(MemoryStore::default(), |_| {})
}

/// One attempt in the first millisecond of all time, with a client that has never met the server.
///
/// # Errors
/// What ended it.
pub fn attempt<S: Store>(server: &Server, table: &Table<S>, job: Job, progress: &dyn Fn(Progress)) -> Result<Report> {
    attempt_at(1, server, table, job, progress)
}

/// The same at another time.
///
/// # Errors
/// What ended it.
pub fn attempt_at<S: Store>(
    now: Timestamp,
    server: &Server,
    table: &Table<S>,
    job: Job,
    progress: &dyn Fn(Progress),
) -> Result<Report> {
    let known = Cell::new(Behaviour::default());
    let connect = async |known| {
        let (client, greeting) = server.connect_knowing(known);
        greeting.wait().await.map(|_| client)
    };
    let credential = Credential::Password(Secret::new("p"));
    let login = Login { user: "u", credential, method: Method::Auto };
    run(server, Attempt { connect, known: &known, table, login, now: &|| now, progress }.run(job))
}

/// Applies one edit, as another tab would.
///
/// # Panics
/// Where the store fails.
pub fn edit<S: Store>(table: &Table<S>, id: Id, edit: Edit) {
    let batch = Batch { edits: vec![(id, edit)], ..Batch::default() };
    at_once(table.apply(batch)).expect("the store takes an edit");
}

/// What is ready at once, as everything in memory is.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    run(&Server::default(), work)
}

/// The bytes of a stored message.
///
/// # Panics
/// Where a piece is missing.
pub fn body<S: Store>(table: &Table<S>, id: Id) -> Vec<u8> {
    let chunks = table.row(id).map_or(0, |row| row.chunks);
    (0..chunks).flat_map(|place| at_once(table.store().chunk(id, place)).expect("every piece is there")).collect()
}

/// How many lines of a log begin with this word.
pub fn count(log: &[String], verb: &str) -> usize {
    log.iter().filter(|line| line.split(' ').next() == Some(verb)).count()
}

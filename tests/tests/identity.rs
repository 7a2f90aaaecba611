//! Which message is which when UIDs do not say, on the model server.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::cell::Cell;

use poplar_client::error::Code;
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Deletion, Edit};
use poplar_client::sync::{Job, Leave, Phase, Policy, Progress, Report, Retrieve, Table};
use poplar_tests::model::{Quirks, Server};
use poplar_tests::model_client::{attempt, body, count, edit, message};

fn server(quirks: Quirks) -> Server {
    Server::new(quirks, (0..6).map(message))
}

fn durable() -> Table<MemoryStore> {
    Table::new(MemoryStore::as_if_durable(), |_| {})
}

fn sync(server: &Server, table: &Table<MemoryStore>, policy: impl Into<Policy>) -> Report {
    attempt(server, table, Job::Sync(policy.into()), &|_| {}).unwrap()
}

/// A policy that deletes whatever it may.
fn greedy() -> Policy {
    Policy { leave: Leave::Nothing, ..Policy::default() }
}

#[test]
fn a_server_without_uids_is_met_by_fingerprints() {
    for pipelining in [false, true] {
        let (server, table) = (server(Quirks { no_uidl: true, pipelining, ..Quirks::default() }), durable());
        assert_eq!(sync(&server, &table, Retrieve::All).retrieved, 6);
        server.deliver("any", &message(9).1);
        server.remove("6867N");
        server.take_log();
        let report = sync(&server, &table, greedy());
        assert_eq!((report.retrieved, report.deleted), (1, 0), "no policy deletes by a fingerprint");
        assert_eq!(count(&server.take_log(), "RETR"), 1);
        let gone: Vec<_> = table.rows().values().filter(|row| !row.on_server).map(|row| row.id).collect();
        assert_eq!(gone, [2]);
        for (n, id) in (0..6).zip(1..) {
            assert_eq!(body(&table, id), message(n).1);
        }
        // A person may delete what they have seen.
        edit(&table, 3, Edit::Delete);
        assert_eq!(sync(&server, &table, Retrieve::All).deleted, 1);
        assert!(!server.uids().contains(&"6868N".to_owned()));
    }
}

#[test]
fn a_server_that_gives_no_uids_for_once_makes_nothing_new() {
    let (server, table) = (server(Quirks::default()), durable());
    sync(&server, &table, Retrieve::All);
    server.change(|quirks| quirks.no_uidl = true);
    let error = attempt(&server, &table, Job::Sync(Policy::default()), &|_| {}).unwrap_err();
    assert_eq!((error.code, error.server_text.as_str()), (Code::Refused, "unknown command"));
    server.change(|quirks| quirks.no_uidl = false);
    assert_eq!(sync(&server, &table, Retrieve::All).retrieved, 0);
    assert!(table.rows().values().all(|row| !row.matched && row.on_server));
}

#[test]
fn two_copies_without_uids_are_both_retrieved_and_neither_is_deleted() {
    let (server, table) = (server(Quirks { no_uidl: true, ..Quirks::default() }), durable());
    server.deliver("copy", &message(2).1);
    assert_eq!(sync(&server, &table, Retrieve::All).retrieved, 7);
    assert_eq!(sync(&server, &table, Retrieve::All).retrieved, 0);
    edit(&table, 3, Edit::Delete);
    assert_eq!(sync(&server, &table, Retrieve::All).deleted, 0);
}

#[test]
fn a_letter_that_changes_in_every_uid_downloads_nothing_and_deletes_nothing() {
    for pipelining in [false, true] {
        let (server, table) = (server(Quirks { pipelining, ..Quirks::default() }), durable());
        assert_eq!(sync(&server, &table, Retrieve::All).retrieved, 6);
        edit(&table, 1, Edit::Delete);
        server.rename(|uid| uid.replace('N', "R"));
        server.take_log();
        let report = sync(&server, &table, greedy());
        assert_eq!((report.retrieved, report.matched, report.deleted), (0, 6, 0));
        assert_eq!(count(&server.take_log(), "DELE"), 0);
        let row = table.row(1).unwrap();
        assert_eq!((row.uid.as_str(), row.matched, row.deletion), ("6866R", true, Deletion::None));
        // From now on the new UIDs are known; no policy deletes by them, a person does.
        assert_eq!(sync(&server, &table, greedy()).deleted, 0);
        assert_eq!(count(&server.take_log(), "TOP"), 0);
        edit(&table, 1, Edit::Delete);
        assert_eq!(sync(&server, &table, Retrieve::All).deleted, 1);
    }
}

#[test]
fn a_migration_that_lost_some_and_brought_others() {
    let (server, table) = (server(Quirks::default()), durable());
    sync(&server, &table, Retrieve::All);
    server.rename(|uid| format!("{:x}", uid.len() * 31 + usize::from(uid.as_bytes()[3])));
    let lost = server.uids()[4].clone();
    server.remove(&lost);
    server.deliver("ff", &message(9).1);
    server.take_log();
    let report = sync(&server, &table, Retrieve::All);
    assert_eq!((report.retrieved, report.matched), (1, 5));
    assert!(!table.row(5).unwrap().on_server);
    assert_eq!(body(&table, 7), message(9).1);
}

#[test]
fn new_uids_after_the_maildrop_seemed_empty() {
    let (server, table) = (server(Quirks::default()), durable());
    sync(&server, &table, Retrieve::All);
    let away: Vec<_> = (0..6).map(message).collect();
    away.iter().for_each(|(uid, _)| server.remove(uid));
    sync(&server, &table, Retrieve::All);
    away.iter().for_each(|(uid, message)| server.deliver(&uid.replace('N', "R"), message));
    server.take_log();
    let report = sync(&server, &table, Retrieve::All);
    assert_eq!((report.retrieved, report.matched), (0, 6));
}

#[test]
fn a_reused_uid_of_another_message_of_that_size_is_retrieved() {
    let (server, table) = (server(Quirks::default()), durable());
    sync(&server, &table, Retrieve::All);
    server.remove("6869N");
    sync(&server, &table, Retrieve::All);
    let other = String::from_utf8(message(3).1).unwrap().replace("message 3", "message x");
    server.deliver("6869N", other.as_bytes());
    edit(&table, 4, Edit::Delete);
    let report = sync(&server, &table, Retrieve::All);
    assert_eq!((report.retrieved, report.deleted), (1, 0), "the wish was for the other");
    assert_eq!(body(&table, 4), message(3).1);
    assert_eq!(body(&table, 7), other.as_bytes());
}

#[test]
fn what_the_server_only_says_to_have_deleted_is_not_retrieved_again() {
    for pipelining in [false, true] {
        let (server, table) = (server(Quirks { keeps_deleted: true, pipelining, ..Quirks::default() }), durable());
        assert_eq!(sync(&server, &table, greedy()).deleted, 6);
        server.take_log();
        let report = sync(&server, &table, greedy());
        assert_eq!((report.retrieved, report.deleted), (0, 6), "a policy tries again");
        assert_eq!(count(&server.take_log(), "RETR"), 0);
        let report = sync(&server, &table, Policy::default());
        assert_eq!((report.retrieved, report.deleted), (0, 0));
        assert!(table.rows().values().all(|row| row.on_server && row.deletion == Deletion::None));
        edit(&table, 1, Edit::Delete);
        server.change(|quirks| quirks.keeps_deleted = false);
        assert_eq!(sync(&server, &table, Policy::default()).deleted, 1);
        // Under that name stands another message of that size now.
        let other = String::from_utf8(message(0).1).unwrap().replace("message 0", "message x");
        server.deliver("6866N", other.as_bytes());
        assert_eq!(sync(&server, &table, Policy::default()).retrieved, 1);
        assert_eq!(body(&table, 7), other.as_bytes());
    }
}

#[test]
fn no_message_is_stored_under_the_name_of_another_where_an_answer_comes_twice() {
    for pipelining in [false, true] {
        let quirks = Quirks { repeats_an_answer: true, pipelining, ..Quirks::default() };
        let (server, table) = (server(quirks), durable());
        let _ = attempt(&server, &table, Job::Sync(greedy()), &|_| {});
        server.change(|quirks| quirks.repeats_an_answer = false);
        sync(&server, &table, greedy());
        for n in 0..6 {
            let (uid, bytes) = message(n);
            let stored = table.rows().values().any(|row| row.uid == uid && body(&table, row.id) == bytes);
            assert!(stored || server.uids().contains(&uid), "message {n} is lost, pipelining: {pipelining}");
        }
    }
}

#[test]
fn what_was_recognised_is_told_also_where_the_session_had_to_be_begun_again() {
    let (server, table) = (server(Quirks { pipelining: true, ..Quirks::default() }), durable());
    sync(&server, &table, Retrieve::All);
    server.rename(|uid| uid.replace('N', "R"));
    (10..12).map(message).for_each(|(uid, message)| server.deliver(&uid, &message));
    server.change(|quirks| quirks.repeats_an_answer = true);
    let sessions = Cell::new(0);
    let progress = |progress: Progress| {
        if progress.phase == Phase::Login {
            sessions.set(sessions.get() + 1);
            server.change(|quirks| quirks.repeats_an_answer = sessions.get() == 1);
        }
    };
    let report = attempt(&server, &table, Job::Sync(Policy::default()), &progress).unwrap();
    assert_eq!((sessions.get(), report.retrieved, report.matched), (2, 2, 6));
}

#[test]
fn the_twin_that_stays_does_not_inherit_the_marks_of_the_one_that_went() {
    let (server, table) = (server(Quirks::default()), durable());
    let [a, b] = ["message a", "message b"].map(|name| format!("Subject: {name}\r\n\r\nbody\r\n").into_bytes());
    server.deliver("twin", &a);
    server.deliver("twin", &b);
    sync(&server, &table, Retrieve::All);
    edit(&table, 7, Edit::Delete);
    // Another client deletes the first.
    server.remove("twin");
    server.deliver("twin", &b);
    server.take_log();
    let report = sync(&server, &table, Retrieve::All);
    assert_eq!((report.deleted, report.retrieved), (0, 0));
    assert_eq!(count(&server.take_log(), "DELE"), 0);
    assert!(table.row(8).unwrap().on_server && !table.row(7).unwrap().on_server);
}

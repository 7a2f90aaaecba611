//! What a policy brings here and deletes from the server, on the model server.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::cell::Cell;

use poplar_client::error::Code;
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Deletion, Edit, Store};
use poplar_client::sync::{Job, Leave, Order, Phase, Policy, Progress, Report, Retrieve, Table};
use poplar_tests::model::{Quirks, Server};
use poplar_tests::model_client::{at_once, attempt_at, count, edit, message, table};

const DAY: u64 = 24 * 3600 * 1000;

fn server() -> Server {
    Server::new(Quirks { pipelining: true, ..Quirks::default() }, (0..4).map(message))
}

fn durable() -> Table<MemoryStore> {
    Table::new(MemoryStore::as_if_durable(), |_| {})
}

fn sync(server: &Server, table: &Table<MemoryStore>, policy: Policy) -> Report {
    sync_at(1, server, table, policy)
}

fn sync_at(now: u64, server: &Server, table: &Table<MemoryStore>, policy: Policy) -> Report {
    attempt_at(now, server, table, Job::Sync(policy), &|_| {}).unwrap()
}

fn leave(leave: Leave) -> Policy {
    Policy { leave, ..Policy::default() }
}

#[test]
fn nothing_is_left_once_it_is_stored() {
    let (server, table) = (server(), durable());
    let report = sync(&server, &table, leave(Leave::Nothing));
    assert_eq!((report.retrieved, report.deleted), (4, 4));
    assert!(server.uids().is_empty());
    assert!(table.rows().values().all(|row| row.stored() && row.deletion == Deletion::Confirmed && row.by_policy));
}

#[test]
fn what_is_retrieved_is_left_for_as_many_days() {
    let (server, table) = (server(), durable());
    let policy = leave(Leave::Days(7));
    assert_eq!(sync_at(DAY, &server, &table, policy).deleted, 0);
    server.deliver("7000N", &message(9).1);
    assert_eq!(sync_at(3 * DAY, &server, &table, policy).deleted, 0);
    assert_eq!(sync_at(8 * DAY, &server, &table, policy).deleted, 4);
    assert_eq!(server.uids(), ["7000N"]);
    assert_eq!(sync_at(10 * DAY, &server, &table, policy).deleted, 1);
}

#[test]
fn a_table_that_goes_with_the_page_deletes_nothing_by_itself() {
    let (server, table) = (server(), table());
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 0);
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 1, "but a person does");
}

#[test]
fn everything_is_left_whatever_was_wished() {
    let (server, table) = (server(), durable());
    sync(&server, &table, Policy::default());
    edit(&table, 1, Edit::Delete);
    server.take_log();
    assert_eq!(sync(&server, &table, leave(Leave::Everything)).deleted, 0);
    assert_eq!(count(&server.take_log(), "DELE"), 0);
}

#[test]
fn what_a_person_keeps_stays_although_the_policy_would_delete_it() {
    let (server, table) = (server(), durable());
    let undone = Cell::new(false);
    let progress = |progress: Progress| {
        // The first DELE was answered: a person wants that message kept.
        if progress.phase == Phase::Delete && progress.done == 1 && !undone.replace(true) {
            edit(&table, 1, Edit::Undelete);
        }
    };
    let job = Job::Sync(leave(Leave::Nothing));
    assert_eq!(attempt_at(1, &server, &table, job, &progress).unwrap().deleted, 3);
    assert_eq!(server.uids(), ["6866N"]);
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 0);
}

#[test]
fn what_is_gone_from_here_before_quit_is_not_deleted_there() {
    let (server, table) = (server(), durable());
    let progress = |progress: Progress| {
        // The first DELE was answered: the browser, or a person, throws away what is kept here.
        if progress.phase == Phase::Delete && progress.done == 1 {
            at_once(table.store().clear()).unwrap();
        }
    };
    let error = attempt_at(1, &server, &table, Job::Sync(leave(Leave::Nothing)), &progress).unwrap_err();
    assert_eq!(error.code, Code::Store);
    assert_eq!((count(&server.take_log(), "QUIT"), server.uids().len()), (0, 4), "they are nowhere else");
}

#[test]
fn nothing_is_retrieved_into_a_table_that_is_gone() {
    let (server, table) = (server(), durable());
    let progress = |progress: Progress| {
        if progress.phase == Phase::Retrieve && progress.done == 0 {
            at_once(table.store().clear()).unwrap();
        }
    };
    let error = attempt_at(1, &server, &table, Job::Sync(Policy::default()), &progress).unwrap_err();
    assert_eq!(error.code, Code::Store);
    assert!(at_once(table.store().chunk(4, 0)).is_err(), "mail without a row is mail that nobody can remove");
}

#[test]
fn what_is_shorter_here_than_the_server_said_stays_there_until_a_person_deletes_it() {
    let (server, table) = (server(), durable());
    server.change(|quirks| quirks.gives_half = true);
    let report = sync(&server, &table, leave(Leave::Nothing));
    assert_eq!((report.retrieved, report.deleted), (4, 0));
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 1);
}

#[test]
fn a_policy_that_was_changed_during_a_session_is_obeyed_by_it() {
    for phase in [Phase::Retrieve, Phase::Delete] {
        let (server, table) = (server(), durable());
        let progress = |progress: Progress| {
            // A person chooses to leave everything on the server after all.
            if progress.phase == phase && progress.done == 1 {
                table.store().keep_policy(&Policy::default().to_bytes());
            }
        };
        let report = attempt_at(1, &server, &table, Job::Sync(leave(Leave::Nothing)), &progress).unwrap();
        assert_eq!((report.retrieved, report.deleted, server.uids().len()), (4, 0, 4));
    }
}

#[test]
fn a_policy_whose_quit_was_lost_decides_anew() {
    let (server, table) = (server(), durable());
    server.change(|quirks| quirks.refuses_quit = true);
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 0);
    assert!(table.rows().values().all(|row| row.deletion == Deletion::Sent));
    server.change(|quirks| quirks.refuses_quit = false);
    // Meanwhile a person has chosen to keep everything until it is deleted here.
    server.take_log();
    assert_eq!(sync(&server, &table, Policy::default()).deleted, 0);
    assert!(table.rows().values().all(|row| row.deletion == Deletion::None));
    assert_eq!(sync(&server, &table, leave(Leave::Nothing)).deleted, 4);
    assert_eq!(count(&server.take_log(), "RETR"), 0);
}

#[test]
fn large_messages_are_known_by_their_headers() {
    let (server, table) = (server(), durable());
    let most = message(1).1.len() as u64;
    let policy = Policy { retrieve: Retrieve::Under(most), leave: Leave::Nothing, ..Policy::default() };
    let report = sync(&server, &table, policy);
    assert_eq!((report.retrieved, report.headers, report.deleted), (2, 2, 2));
    assert_eq!(server.uids(), ["6868N", "6869N"], "what is not stored is not deleted");
    assert_eq!(sync(&server, &table, policy).headers, 0);
    assert_eq!(sync(&server, &table, Policy::default()).retrieved, 2);
}

#[test]
fn the_order_is_the_policys() {
    for (order, numbers) in [(Order::Newest, ["RETR 4", "RETR 1"]), (Order::Oldest, ["RETR 1", "RETR 4"])] {
        let (server, table) = (server(), durable());
        sync(&server, &table, Policy { order, ..Policy::default() });
        let log: Vec<String> = server.take_log().into_iter().filter(|line| line.starts_with("RETR")).collect();
        assert_eq!([log[0].as_str(), log[3].as_str()], numbers);
    }
}

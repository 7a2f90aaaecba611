//! The sync engine on the model server: the order of things, and what a cut at any octet leaves behind.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::cell::Cell;

use futures_util::future;
use poplar_client::error::{Code, Result};
use poplar_client::pop3::Command;
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Batch, Deletion, Edit, Id};
use poplar_client::sync::{Job, Phase, Progress, Report, Retrieve, Table};
use poplar_tests::model::{Quirks, Server, run};
use poplar_tests::model_client::{at_once, attempt, body, count, edit, message, table};

fn server(quirks: Quirks, count: usize) -> Server {
    Server::new(quirks, (0..count).map(message))
}

/// One attempt, with a client that has never met the server.
fn sync(server: &Server, table: &Table<MemoryStore>, retrieve: Retrieve) -> Result<Report> {
    attempt(server, table, Job::Sync(retrieve.into()), &|_| {})
}

/// Everything stored is whole, and everything is stored or on the server.
fn nothing_is_lost(server: &Server, table: &Table<MemoryStore>, all: usize) {
    at_once(table.refresh()).unwrap();
    for n in 0..all {
        let (uid, bytes) = message(n);
        let row = table.rows().values().find(|row| row.uid == uid).cloned();
        match row.filter(|row| row.retrieved.is_some()) {
            Some(row) => assert_eq!(body(table, row.id), bytes, "message {n}"),
            None => assert!(server.uids().contains(&uid), "message {n} is lost"),
        }
    }
}

#[test]
fn each_message_is_retrieved_once_pipelined_or_not() {
    for pipelining in [false, true] {
        let (server, table) = (server(Quirks { pipelining, ..Quirks::default() }, 50), table());
        assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 50);
        assert_eq!(count(&server.take_log(), "RETR"), 50);
        assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 0);
        assert_eq!(count(&server.take_log(), "RETR"), 0);
        nothing_is_lost(&server, &table, 50);
    }
}

#[test]
fn uidl_by_number_where_the_bare_one_is_refused() {
    let (server, table) = (server(Quirks { no_bare_uidl: true, ..Quirks::default() }, 5), table());
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 5);
    assert_eq!(count(&server.take_log(), "UIDL"), 1 + 5);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 0);
}

#[test]
fn headers_are_fetched_once_and_bodies_later() {
    let (server, table) = (server(Quirks::default(), 5), table());
    let report = sync(&server, &table, Retrieve::Headers).unwrap();
    assert_eq!((report.headers, report.retrieved, report.remaining), (5, 0, 5));
    let subjects = [1, 5].map(|id| table.store().envelope(id).unwrap().subject);
    assert_eq!(subjects, ["message 0", "message 4"]);
    assert_eq!(sync(&server, &table, Retrieve::Headers).unwrap().headers, 0);
    assert_eq!(count(&server.take_log(), "TOP"), 5);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 5);
}

#[test]
fn a_refused_message_is_skipped_and_told() {
    let quirks = Quirks { unreadable: ["6868N".to_owned()].into(), pipelining: true, ..Quirks::default() };
    let (server, table) = (server(quirks, 5), table());
    let report = sync(&server, &table, Retrieve::All).unwrap();
    assert_eq!((report.retrieved, report.remaining), (4, 1));
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(
        (report.skipped[0].error.code, report.skipped[0].error.server_text.as_str()),
        (Code::Refused, "no such message")
    );
    server.change(|quirks| quirks.unreadable.clear());
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 1);
}

#[test]
fn deletions_are_sent_last_and_confirmed_by_quit() {
    for lists_deleted in [false, true] {
        let (server, table) = (server(Quirks { lists_deleted, ..Quirks::default() }, 5), table());
        sync(&server, &table, Retrieve::All).unwrap();
        edit(&table, 2, Edit::Delete);
        edit(&table, 4, Edit::Delete);
        edit(&table, 4, Edit::Undelete);
        server.deliver("7000N", &message(0).1);
        server.take_log();
        let report = sync(&server, &table, Retrieve::All).unwrap();
        assert_eq!((report.deleted, report.retrieved), (1, 1));
        let log = server.take_log();
        assert_eq!(log[log.len() - 3..], ["DELE 2", "STAT", "QUIT"]);
        assert_eq!(table.row(2).unwrap().deletion, Deletion::Confirmed);
        assert!(table.row(2).unwrap().retrieved.is_some(), "what was stored stays");
        assert_eq!(server.uids(), ["6866N", "6868N", "6869N", "6870N", "7000N"]);
        assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 0);
    }
}

#[test]
fn a_deletion_undone_while_it_was_being_sent_is_taken_back() {
    let (server, table) = (server(Quirks::default(), 3), table());
    sync(&server, &table, Retrieve::All).unwrap();
    edit(&table, 1, Edit::Delete);
    edit(&table, 2, Edit::Delete);
    server.take_log();
    let undone = Cell::new(false);
    let progress = |progress: Progress| {
        // The first DELE was answered: a person changes their mind.
        if progress.phase == Phase::Delete && progress.done == 1 && !undone.replace(true) {
            edit(&table, 1, Edit::Undelete);
        }
    };
    let report = attempt(&server, &table, Job::Sync(Retrieve::All.into()), &progress).unwrap();
    assert_eq!(report.deleted, 1);
    let log = server.take_log();
    assert_eq!(log[log.len() - 7..], ["DELE 1", "DELE 2", "STAT", "RSET", "DELE 2", "STAT", "QUIT"]);
    assert_eq!(server.uids(), ["6866N", "6868N"]);
    assert_eq!(table.row(1).unwrap().deletion, Deletion::None);
}

#[test]
fn a_refused_quit_confirms_nothing_and_the_next_session_tells() {
    let (server, table) = (server(Quirks { refuses_quit: true, ..Quirks::default() }, 3), table());
    sync(&server, &table, Retrieve::All).unwrap();
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 0);
    assert_eq!(table.row(1).unwrap().deletion, Deletion::Sent);
    server.change(|quirks| quirks.refuses_quit = false);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 1, "still listed, so wanted again");
    assert_eq!(server.uids().len(), 2);
}

#[test]
fn what_is_back_after_a_refused_quit_is_not_retrieved_again_and_its_headers_say_that_the_wish_stands() {
    let (server, table) = (server(Quirks { refuses_quit: true, ..Quirks::default() }, 3), table());
    sync(&server, &table, Retrieve::All).unwrap();
    edit(&table, 1, Edit::Delete);
    sync(&server, &table, Retrieve::All).unwrap();
    server.change(|quirks| quirks.refuses_quit = false);
    let (uid, bytes) = message(0);
    server.remove(&uid);
    sync(&server, &table, Retrieve::All).unwrap();
    assert!(table.row(1).unwrap().is_deleted(), "as far as anybody can tell");
    server.deliver(&uid, &bytes);
    server.take_log();
    let report = sync(&server, &table, Retrieve::All).unwrap();
    assert_eq!((report.retrieved, report.deleted), (0, 1));
    assert_eq!(count(&server.take_log(), "TOP"), 1);
    assert_eq!((table.row(1).unwrap().deletion, table.rows().len()), (Deletion::Confirmed, 3));
}

#[test]
fn a_vanished_message_is_said_to_be_gone() {
    let (server, table) = (server(Quirks::default(), 3), table());
    sync(&server, &table, Retrieve::None).unwrap();
    server.remove("6867N");
    let fetch = |id: Id| attempt(&server, &table, Job::Fetch(id), &|_| {});
    server.take_log();
    assert_eq!(fetch(2).unwrap_err().code, Code::Refused);
    assert_eq!(server.take_log().last().map(String::as_str), Some("QUIT"));
    fetch(3).unwrap();
    assert_eq!(count(&server.take_log(), "RETR"), 1);
    fetch(3).unwrap();
    assert_eq!(count(&server.take_log(), "RETR"), 0);
}

#[test]
fn a_cut_at_any_octet_loses_nothing_and_fetches_nothing_twice() {
    let whole = {
        let (server, table) = (server(Quirks { pipelining: true, ..Quirks::default() }, 6), table());
        sync(&server, &table, Retrieve::All).unwrap();
        server.delivered()
    };
    for cut in 0..whole {
        let (server, table) = (server(Quirks { pipelining: true, ..Quirks::default() }, 6), table());
        server.cut_after(cut);
        // A cut in the answer to QUIT is no failure: everything was stored, and nothing was to be deleted.
        if let Err(error) = sync(&server, &table, Retrieve::All) {
            assert_eq!(error.code, Code::Closed, "cut at {cut}");
        }
        nothing_is_lost(&server, &table, 6);
        let stored = table.rows().values().filter(|row| row.retrieved.is_some()).count();
        server.mend();
        server.take_log();
        sync(&server, &table, Retrieve::All).unwrap();
        assert_eq!(count(&server.take_log(), "RETR"), 6 - stored, "cut at {cut}");
        nothing_is_lost(&server, &table, 6);
    }
}

#[test]
fn a_cut_at_any_octet_of_a_deleting_session_deletes_nothing_that_is_not_stored() {
    let prepare = || {
        let (server, table) = (server(Quirks { pipelining: true, ..Quirks::default() }, 6), table());
        sync(&server, &table, Retrieve::All).unwrap();
        (1..=3).for_each(|id| edit(&table, id, Edit::Delete));
        let before = server.delivered();
        (server, table, before)
    };
    let (server, table, before) = prepare();
    sync(&server, &table, Retrieve::All).unwrap();
    for cut in 0..server.delivered() - before {
        let (server, table, _) = prepare();
        server.cut_after(cut);
        let _ = sync(&server, &table, Retrieve::All);
        nothing_is_lost(&server, &table, 6);
        server.mend();
        sync(&server, &table, Retrieve::All).unwrap();
        assert_eq!(server.uids(), ["6869N", "6870N", "6871N"], "cut at {cut}");
        assert!((1..=3).all(|id| table.row(id).unwrap().is_deleted()), "cut at {cut}");
        assert_eq!(count(&server.take_log(), "RETR"), 6, "cut at {cut}: nothing is retrieved again");
    }
}

#[test]
fn large_messages_are_stored_in_pieces_and_a_cut_leaves_no_leavings() {
    let large: Vec<u8> = b"Subject: large\r\n\r\n"
        .iter()
        .copied()
        .chain((0..3 << 20).map(|n| b'a' + (n % 23) as u8))
        .chain(*b"\r\n")
        .collect();
    let (server, table) = (Server::new(Quirks::default(), [("1N".to_owned(), large.clone())]), table());
    server.cut_after(2 << 20);
    sync(&server, &table, Retrieve::All).unwrap_err();
    assert_eq!(table.row(1).unwrap().retrieved, None);
    server.mend();
    sync(&server, &table, Retrieve::All).unwrap();
    assert_eq!(table.row(1).unwrap().chunks, 4);
    assert_eq!(body(&table, 1), large);
}

#[test]
fn a_lone_dot_of_the_messages_own_is_kept_as_unconfirmed_and_never_deleted() {
    let (server, table) = (server(Quirks::default(), 2), table());
    // A server that stuffs nothing: the body seems to end at the lone dot, and the rest comes where a status line is due.
    let dotted = b"Subject: dotted\r\n\r\nfirst part\r\n.\r\nsecond part\r\n";
    server.deliver("7000N", dotted);
    server.change(|quirks| quirks.stuffs_nothing = true);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().retrieved, 3, "the others too");
    let row = table.row(3).unwrap();
    assert!(row.retrieved.is_some() && row.unconfirmed);
    assert_eq!(body(&table, 3), dotted);
    edit(&table, 3, Edit::Delete);
    server.take_log();
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 0);
    assert_eq!(count(&server.take_log(), "DELE"), 0);
}

#[test]
fn a_message_shorter_than_promised_is_given_also_where_quit_was_asked_for_right_behind_it() {
    for stuffs_nothing in [false, true] {
        let dotted = b"Subject: dotted\r\n\r\nfirst part\r\n.\r\nsecond part\r\n".to_vec();
        let server =
            Server::new(Quirks { stuffs_nothing, ..Quirks::default() }, [("7000N".to_owned(), dotted.clone())]);
        let (client, greeting) = server.connect();
        let retrieved = run(&server, async {
            greeting.wait().await.unwrap();
            let retrieved = client.retr(1, dotted.len() as u64 + 10);
            let deleted = async { client.send(Command::Dele(1), 0).status().await };
            let (retrieved, deleted, quit) = future::join3(retrieved, deleted, client.quit()).await;
            deleted.and(quit).unwrap();
            retrieved
        });
        assert_eq!(retrieved.unwrap(), dotted);
        assert!(server.uids().is_empty());
    }
}

#[test]
fn a_uid_that_names_another_message_now_is_not_deleted_and_not_taken_for_stored() {
    let (server, table) = (server(Quirks::default(), 2), table());
    sync(&server, &table, Retrieve::All).unwrap();
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 1);
    server.deliver("6866N", &message(0).1);
    let report = sync(&server, &table, Retrieve::All).unwrap();
    assert_eq!(
        (report.deleted, report.retrieved),
        (0, 0),
        "deleted and back, with the same headers: it is here, and stays there"
    );
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 1);
    server.deliver("6866N", &String::from_utf8(message(0).1).unwrap().replace("message 0", "message x").into_bytes());
    let report = sync(&server, &table, Retrieve::All).unwrap();
    assert_eq!((report.deleted, report.retrieved), (0, 1), "with others: a new message");

    edit(&table, 2, Edit::Delete);
    server.remove("6867N");
    server.deliver("6867N", b"Subject: another\r\n\r\nof another size\r\n");
    assert_eq!(sync(&server, &table, Retrieve::All).unwrap().deleted, 0);
    assert!(server.uids().contains(&"6867N".to_owned()));
}

#[test]
fn a_wish_upon_headers_does_not_pass_to_another_message() {
    let (server, table) = (server(Quirks::default(), 1), table());
    sync(&server, &table, Retrieve::Headers).unwrap();
    server.remove("6866N");
    server.deliver("6866N", b"Subject: another\r\n\r\nof another size\r\n");
    sync(&server, &table, Retrieve::None).unwrap();
    edit(&table, 1, Edit::Delete);
    assert_eq!(sync(&server, &table, Retrieve::Headers).unwrap().deleted, 0, "these headers are not its own");
    assert_eq!(server.uids(), ["6866N"]);
    assert_eq!(table.store().envelope(2).unwrap().subject, "another");
}

#[test]
fn what_may_have_been_deleted_is_looked_into_before_it_is_deleted_after_all() {
    let (server, table) = (server(Quirks::default(), 1), table());
    sync(&server, &table, Retrieve::All).unwrap();
    // QUIT was carried out, its answer was lost, and the name went to another message of the same size.
    let (uid, bytes) = message(0);
    server.remove(&uid);
    let another = String::from_utf8(bytes).unwrap().replace("message 0", "another 0");
    server.deliver(&uid, another.as_bytes());
    [Edit::Delete, Edit::Sent, Edit::Forgo, Edit::Delete].into_iter().for_each(|step| edit(&table, 1, step));
    assert_eq!(sync(&server, &table, Retrieve::Headers).unwrap().deleted, 0);
    assert_eq!(server.uids(), [uid]);
    assert_eq!(table.store().envelope(2).unwrap().subject, "another 0");
}

#[test]
fn nothing_that_is_stored_is_taken_away_or_written_over() {
    let (server, table) = (server(Quirks::default(), 1), table());
    sync(&server, &table, Retrieve::All).unwrap();
    let stale = Batch {
        discard: vec![1],
        chunks: vec![(1, 0, b"other".to_vec())],
        edits: vec![(1, Edit::Retrieved { octets: 5, chunks: 1, at: 9, unconfirmed: true })],
        ..Batch::default()
    };
    at_once(table.apply(stale)).unwrap();
    assert_eq!(body(&table, 1), message(0).1);
    assert!(!table.row(1).unwrap().unconfirmed);
}

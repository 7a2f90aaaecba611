//! The client's engine itself, through the real relay, against two servers by different hands.
//!
//! 1,000 messages each by default, 10,000 with `POPLAR_LONG=1` (`tests/run --long`).

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::io::Write;

use anyhow::{Context, Result};
use poplar_client::store::memory::MemoryStore;
use poplar_client::store::{Id, Store};
use poplar_client::sync::{Job, Policy, Table};
use poplar_tests::dovecot::{self, Dovecot, PASSWORD};
use poplar_tests::driver::{self, Driver};
use poplar_tests::faults::{Fault, Plan, Proxy};
use poplar_tests::log::LogFile;
use poplar_tests::mailutils::{self, DOMAIN, Mailutils};
use poplar_tests::messages;
use poplar_tests::relay::{Relay, Upstream};

/// A sync that is told nothing else.
fn all() -> Job {
    Job::Sync(Policy::default())
}

#[test]
fn every_message_of_dovecot_comes_whole_and_once() -> Result<()> {
    driver::run(async {
        let dovecot = Dovecot::start().await?;
        let relay = Relay::before(&dovecot).await?;
        let count = count("Dovecot");
        for number in 0..count {
            dovecot.deliver("ann", &messages::message(11, number).bytes)?;
        }
        let driver = Driver::of(&relay, "mail", "ann", PASSWORD);
        whole_and_once(&driver, 11, count, |sent, _| sent).await?;
        let retrieved = dovecot.sessions("ann", 2).await?.iter().map(|session| session.retr).collect::<Vec<_>>();
        assert_eq!(retrieved, [count, 0], "by the server's own count");
        Ok(())
    })
}

#[test]
fn every_message_of_mailutils_comes_whole_and_once() -> Result<()> {
    driver::run(async {
        let server = Mailutils::start().await?;
        let relay = before(&server).await?;
        let count = count("mailutils");
        for number in 0..count {
            server.deliver("ann", &messages::message(12, number).bytes)?;
        }
        let driver = Driver::of(&relay, "mail", &format!("ann@{DOMAIN}"), mailutils::PASSWORD);
        whole_and_once(&driver, 12, count, |sent, uid| mailutils::as_sent(&sent, uid)).await?;
        assert_eq!(server.retrievals(0, 2).await? as u64, count, "by the server's own log of both sessions");
        Ok(())
    })
}

/// Both servers advertise PIPELINING. While the first answer is held up half-way, the next questions are there already.
#[test]
fn what_is_advertised_is_used() -> Result<()> {
    driver::run(async {
        let rawlog = dovecot::Options { rawlog: true, ..dovecot::Options::default() };
        let dovecot = Dovecot::start_with(&rawlog).await?;
        let server = Mailutils::start().await?;
        for number in 0..20 {
            let message = messages::large(13, number, 20_000).bytes;
            dovecot.deliver("ann", &message)?;
            server.deliver("ann", &message)?;
        }
        let asked_of_dovecot = || Ok(LogFile::new(dovecot.rawlogs()?.first().context("no session")?));
        asks_ahead(dovecot.pop3_address(), "ann", asked_of_dovecot, "RETR ").await?;
        let asked_of_mailutils = || Ok(server.log().clone());
        asks_ahead(server.pop3_address(), &format!("ann@{DOMAIN}"), asked_of_mailutils, ": C: RETR ").await
    })
}

/// One session that stores all of the series `seed`, and another that retrieves nothing. `as_sent`: what the server makes of a
/// message, given its UID.
async fn whole_and_once(
    driver: &Driver,
    seed: u64,
    count: u64,
    as_sent: impl Fn(Vec<u8>, &str) -> Vec<u8>,
) -> Result<()> {
    let table = driver::table();
    let first = driver.run(&table, all()).await?;
    assert_eq!((u64::from(first.retrieved), first.remaining), (count, 0));
    assert!(first.skipped.is_empty(), "{:?}", first.skipped);
    let rows: Vec<_> = table.rows().values().cloned().collect();
    assert_eq!(rows.len() as u64, count);
    for (number, row) in (0..).zip(&rows) {
        let expected = as_sent(messages::message(seed, number).bytes, &row.uid);
        let stored = body(&table, row.id).await?;
        assert!(stored == expected, "message {number} ({}) came back changed", row.uid);
        assert!(!row.unconfirmed);
    }
    let second = driver.run(&table, all()).await?;
    assert_eq!((second.retrieved, second.bytes, second.remaining), (0, 0, 0));
    Ok(())
}

/// Stalls a server in the middle of its first message, sees more questions arrive there, and lets the session end well.
async fn asks_ahead(
    server: std::net::SocketAddr,
    user: &str,
    asked: impl Fn() -> Result<LogFile>,
    command: &str,
) -> Result<()> {
    let proxy = Proxy::start(server).await?;
    // Greeting, CAPA and both listings of 20 messages are less than 3,000 octets; the first message ends beyond 20,000.
    proxy.set(Plan { after: 10_000, then: Some(Fault::Stall), ..Plan::default() });
    let relay = Relay::start(&[Upstream::new("mail", format!("pop3://{}", proxy.address()), None)], &[]).await?;
    let driver = Driver::of(&relay, "mail", user, PASSWORD);
    let table = driver::table();
    let meanwhile = async {
        proxy.faults(1).await?;
        let more = |lines: &[String]| (lines.iter().filter(|line| line.contains(command)).count() > 5).then_some(());
        asked()?.until(0, "a question ahead of the answers", more).await?;
        proxy.release();
        anyhow::Ok(())
    };
    let (report, ()) = tokio::try_join!(async { anyhow::Ok(driver.run(&table, all()).await?) }, meanwhile)?;
    assert_eq!(report.retrieved, 20);
    Ok(())
}

async fn before(server: &Mailutils) -> Result<Relay> {
    Relay::start(&[Upstream::new("mail", server.pop3s(), server.ca())], &[]).await
}

async fn body(table: &Table<MemoryStore>, id: Id) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for place in 0..table.row(id).context("no such row")?.chunks {
        body.extend(table.store().chunk(id, place).await?);
    }
    Ok(body)
}

/// How many messages, said past the test runner's capture.
fn count(server: &str) -> u64 {
    let count = if std::env::var_os("POPLAR_LONG").is_some() { 10_000 } else { 1_000 };
    let _ = writeln!(std::io::stderr(), "{count} messages of {server}");
    count
}

//! Many short sessions, one after the other and beside each other: none stalls, each ends with 1000.

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use poplar_tests::dovecot::{Dovecot, Options};
use poplar_tests::relay::Relay;
use poplar_tests::tunnel::Tunnel;

use crate::support::count;

/// Sessions that are open at once.
const AT_ONCE: usize = 200;

/// One process for all who are not signed in yet, as Dovecot's guide has it for many connections.
const MANY: &str = "ssl_min_protocol = TLSv1.3\n\
    service pop3-login {\n  service_count = 0\n  process_min_avail = 1\n  client_limit = 2000\n}\n\
    service anvil {\n  client_limit = 5000\n}\n";

#[tokio::test]
async fn short_sessions_over_tls_1_3_all_come_to_their_end() -> Result<()> {
    let count = count(1_000, 10_000, "short sessions");
    let dovecot = Dovecot::start_with(&Options { extra: MANY.into(), ..Options::default() }).await?;
    let relay = Relay::start(
        &[poplar_tests::relay::Upstream::new("mail", dovecot.pop3s(), dovecot.ca())],
        &["--max-per-address", "1000"],
    )
    .await?;
    let (mut running, mut done) = (FuturesUnordered::new(), 0);
    for number in 0..count {
        if running.len() == AT_ONCE {
            done += usize::from(running.next().await.transpose()?.is_some());
        }
        let relay = &relay;
        running.push(async move { session(relay).await.with_context(|| format!("session {number}")) });
    }
    while running.next().await.transpose()?.is_some() {
        done += 1;
    }
    assert_eq!(done, count);
    Ok(())
}

async fn session(relay: &Relay) -> Result<()> {
    let mut tunnel = Tunnel::open(&relay.tunnel("mail"), &relay.origin()).await?;
    let greeting = tunnel.line().await?;
    ensure!(greeting.starts_with("+OK"), "greeted with {greeting}");
    let able = String::from_utf8(tunnel.multiline("CAPA").await?)?;
    ensure!(able.contains("UIDL"), "{able}");
    let farewell = tunnel.command("QUIT").await?;
    ensure!(farewell.starts_with("+OK"), "{farewell}");
    let end = tunnel.end().await?;
    ensure!(end.code == Some(1000) && end.rest.is_empty(), "{end:?}");
    Ok(())
}

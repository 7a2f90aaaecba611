//! A real Dovecot behind the relay, by each version of TLS and after STARTTLS; which it was, by Dovecot's own word.

use anyhow::{Context, Result};
use poplar_tests::dovecot::{Dovecot, Options, PASSWORD};
use poplar_tests::messages;
use poplar_tests::relay::Relay;
use poplar_tests::tunnel::Tunnel;

/// Says at each sign-in what TLS it came by, and at each handshake what was done.
const TELLING: &str = "verbose_ssl = yes\nlogin_log_format_elements = user=<%u> %k\n";

/// What OpenSSL calls the message after the handshake that some relays take for data (RFC 8446 §4.6.1).
const TICKET: &str = "write session ticket";

#[tokio::test]
async fn tls_1_3_carries_a_dialogue_and_its_tickets_stop_nothing() -> Result<()> {
    let log = dialogues("ssl_min_protocol = TLSv1.3\n").await?;
    assert_eq!(signed_in(&log), ["TLSv1.3"; 4], "{log:#?}");
    let tickets = log.iter().filter(|line| line.contains(TICKET)).count();
    assert!(tickets >= 4, "{tickets} tickets were sent in four sessions");
    Ok(())
}

#[tokio::test]
async fn tls_1_2_carries_a_dialogue() -> Result<()> {
    // Dovecot 2.3 has no greatest version; what OpenSSL takes for its defaults has.
    let dir = tempfile::Builder::new().prefix("poplar-openssl-").tempdir_in("/tmp")?;
    let file = dir.path().join("openssl.cnf");
    std::fs::write(
        &file,
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = defaults\n[defaults]\nMaxProtocol = TLSv1.2\n",
    )?;
    readable(dir.path())?;
    let log = dialogues(&format!("import_environment = OPENSSL_CONF={}\n", file.display())).await?;
    assert_eq!(signed_in(&log), ["TLSv1.2"; 4], "{log:#?}");
    Ok(())
}

/// Dovecot may run as another account than the test.
fn readable(dir: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755))?)
}

/// Two dialogues over TLS at once and two after STARTTLS, so that the second of each may resume; Dovecot's log of them.
async fn dialogues(configuration: &str) -> Result<Vec<String>> {
    let dovecot =
        Dovecot::start_with(&Options { extra: format!("{TELLING}{configuration}"), ..Options::default() }).await?;
    let large = messages::large(3, 0, 300_000).bytes;
    dovecot.deliver("ann", &large)?;
    let relay = Relay::before(&dovecot).await?;
    for upstream in ["mail", "mail", "starttls", "starttls"] {
        let mut tunnel = Tunnel::sign_in(&relay.tunnel(upstream), &relay.origin(), "ann", PASSWORD)
            .await
            .with_context(|| upstream.to_owned())?;
        assert_eq!(tunnel.command("NOOP").await?, "+OK");
        assert!(tunnel.multiline("RETR 1").await? == large, "it came back changed");
        assert!(tunnel.command("QUIT").await?.starts_with("+OK"));
        let end = tunnel.end().await?;
        assert_eq!((end.code, end.rest.as_slice()), (Some(1000), b"".as_slice()), "{upstream}: {}", end.reason);
    }
    dovecot.log().until(0, "four sign-ins", |lines| (signed_in(lines).len() == 4).then(|| lines.to_vec())).await
}

/// The versions of TLS that sign-ins came by.
fn signed_in(log: &[String]) -> Vec<String> {
    let logins = log.iter().filter(|line| line.contains("Login: user=<ann>"));
    let version =
        |line: &String| line.split_whitespace().find_map(|word| word.starts_with("TLSv").then(|| word.to_owned()));
    logins.filter_map(version).collect()
}

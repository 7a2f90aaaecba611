//! What the relay carries stays out of what it says.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poplar_tests::dovecot::{Dovecot, PASSWORD};
use poplar_tests::relay::Relay;
use poplar_tests::tunnel::Tunnel;

/// Neither password nor user nor a word of mail is in any log, at the most verbose level there is: also not of a sign-in that failed, and
/// also not where a frame broke the rules.
#[tokio::test]
async fn no_log_at_any_level_has_password_user_or_mail() -> Result<()> {
    let (user, subject) = ("unlikely.user-31c7@example.org", "Unlikely-subject-88e2");
    let dovecot = Dovecot::start().await?;
    dovecot.deliver(user, format!("Subject: {subject}\r\n\r\n{subject}\r\n").as_bytes())?;
    let relay = Relay::before(&dovecot).await?;
    for upstream in ["mail", "starttls", "plain"] {
        let mut tunnel = Tunnel::sign_in(&relay.tunnel(upstream), &relay.origin(), user, PASSWORD).await?;
        let retrieved = tunnel.multiline("RETR 1").await?;
        assert!(String::from_utf8(retrieved)?.contains(subject));
        tunnel.command("QUIT").await?;
        tunnel.end().await?;

        let mut refused = Tunnel::open(&relay.tunnel(upstream), &relay.origin()).await?;
        refused.line().await?;
        refused.command(&format!("USER {user}")).await?;
        assert!(refused.command(&format!("PASS {PASSWORD}-wrong")).await?.starts_with("-ERR"));
        refused.send_frame(tokio_tungstenite::tungstenite::Message::text(format!("PASS {PASSWORD}"))).await?;
        refused.end().await?;
    }

    let mark = "tunnel";
    let log =
        relay.log().until(0, "the relay's own words", |lines| Some(lines.join("\n")).filter(|all| all.contains(mark)));
    let log = log.await?;
    for secret in [PASSWORD, user, subject] {
        let list_of_bytes = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for shape in [secret.to_owned(), STANDARD.encode(secret), list_of_bytes] {
            assert!(!log.contains(&shape), "the log has {shape}");
        }
    }
    Ok(())
}

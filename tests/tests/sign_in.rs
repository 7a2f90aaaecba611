//! Every way to sign in by password, against a real Dovecot: that it gets in, that a wrong password does not, and who hears of it.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use anyhow::Result;
use poplar_client::error::Code;
use poplar_client::pop3::Method;
use poplar_client::sync::{Job, Retrieve};
use poplar_tests::dovecot::{Dovecot, Options, PASSWORD};
use poplar_tests::driver::{self, Driver};
use poplar_tests::messages;
use poplar_tests::relay::Relay;

const WAYS: [&str; 5] = ["auto", "user", "apop", "plain", "login"];

#[test]
fn every_way_gets_in_with_the_right_password_and_no_way_with_a_wrong_one() -> Result<()> {
    driver::run(async {
        let mechanisms = Options { extra: "auth_mechanisms = plain login apop".into(), ..Options::default() };
        let dovecot = Dovecot::start_with(&mechanisms).await?;
        let relay = Relay::before(&dovecot).await?;
        for way in WAYS {
            dovecot.deliver(way, &messages::message(3, 0).bytes)?;
            let method = Method::named(way).unwrap();
            let driver = Driver { method, ..Driver::of(&relay, "mail", way, PASSWORD) };
            let report = driver.run(&driver::table(), Job::Sync(Retrieve::All.into())).await?;
            assert_eq!(report.retrieved, 1, "{way}");

            let wrong = Driver { password: "Zx-unlikely-wrong-pass".into(), ..driver };
            let error = wrong.run(&driver::table(), Job::Sync(Retrieve::All.into())).await.unwrap_err();
            assert_eq!(error.code, Code::AuthFailed, "{way}: {error}");
            assert!(error.server_text.contains("Authentication failed"), "{way}: {}", error.server_text);
            assert_eq!(dovecot.ended_sessions(way)?, 1, "{way}");
        }
        // What travelled in base64 would be found in its own form.
        for secret in [PASSWORD, "Zx-unlikely-wrong-pass", "WngtdW5saWtlbHk"] {
            let lines = relay.log().lines_since(0)?;
            assert!(!lines.iter().any(|line| line.contains(secret)), "the relay's log has {secret}");
        }
        Ok(())
    })
}

//! The guarantee under everything that can go wrong: see `tests/src/simulation`.
//!
//! 100,000 schedules, a million with `POPLAR_LONG=1` (`tests/run --long`), another number with `POPLAR_SCHEDULES`. One that fails is
//! named by its number and played alone, with a transcript, by
//!
//! ```text
//! POPLAR_SEED=123 cargo test --package poplar-tests --test simulation replay -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::io::Write;
use std::time::Instant;

use poplar_tests::simulation::faults::Kind;
use poplar_tests::simulation::{Played, Summary, play, play_all};

#[test]
fn every_message_is_stored_exactly_once_or_still_on_the_server() {
    let long = std::env::var_os("POPLAR_LONG").is_some();
    let count = number("POPLAR_SCHEDULES").unwrap_or(if long { 1_000_000 } else { 100_000 });
    let began = Instant::now();
    let Summary { played, failed } = play_all(count);
    if let Some(seed) = failed {
        let Played { violation, .. } = play(seed, false);
        panic!("schedule {seed}: {}\nPOPLAR_SEED={seed} plays it alone", violation.unwrap_or_default());
    }
    let Played { met, messages, sessions, steps, .. } = played;
    let seconds = began.elapsed().as_secs_f32();
    say(&format!("{count} schedules, {sessions} sessions, {messages} messages, {steps} steps in {seconds:.0} s"));
    say(&format!("{} faults:\n{}", met.faults(), met.text()));
    assert!(sessions >= 3 * count && messages >= 8 * count && met.faults() >= count);
    // Too few schedules cannot have met everything.
    if count >= 10_000 {
        assert_eq!(met.never(), [] as [Kind; 0], "what never happens is not tested");
    }
}

#[test]
fn replay() {
    if let Some(seed) = number("POPLAR_SEED") {
        let Played { violation, transcript, .. } = play(seed, true);
        say(&transcript.join("\n"));
        assert_eq!(violation, None);
        return;
    }
    for seed in 0..20 {
        let (once, again) = (play(seed, true), play(seed, true));
        assert!(!once.transcript.is_empty());
        assert_eq!(once.transcript, again.transcript, "a number plays the same every time");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Past the test runner's capture.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

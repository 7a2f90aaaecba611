//! The sync engine on every transcript: what must come of it, and the same however the server's bytes are cut.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use poplar_tests::scripted::lockstep::{Cut, Played, play};
use poplar_tests::transcript::{self, Transcript};

/// Of what a server says, every place is cut that is so near to its beginning or end …
const EDGE: usize = 4096;
/// … and so many places between, evenly.
const BETWEEN: usize = 64;

fn all() -> Vec<Arc<Transcript>> {
    let files = transcript::files().unwrap();
    assert!(!files.is_empty());
    files.iter().map(|path| Arc::new(Transcript::read(path).unwrap_or_else(|problem| panic!("{problem}")))).collect()
}

/// Tries every transcript, so that one that fails hides no other.
fn each(test: impl Fn(&Arc<Transcript>) -> Vec<String>) {
    let (all, mut failures) = (all(), Vec::new());
    let mut failed = 0;
    for transcript in &all {
        let found =
            catch_unwind(AssertUnwindSafe(|| test(transcript))).unwrap_or_else(|_| vec!["it panics".to_owned()]);
        failed += usize::from(!found.is_empty());
        failures.extend(found.into_iter().map(|failure| format!("{}.txt, {failure}", transcript.name)));
    }
    assert!(failures.is_empty(), "{failed} of {} transcripts fail:\n{}", all.len(), failures.join("\n"));
}

#[test]
fn what_each_server_does_comes_to_what_its_transcript_expects() {
    each(|transcript| {
        let played = play(transcript, Cut::Nowhere);
        let pairs = transcript.syncs.iter().zip(&played.syncs);
        pairs.flat_map(|(sync, trace)| sync.check(&trace.outcome, &trace.seen)).collect()
    });
}

#[test]
fn however_the_bytes_are_cut_the_same_comes_of_it() {
    each(|transcript| {
        let whole = play(transcript, Cut::Nowhere);
        let (cuts, left_out) = places(whole.octets);
        if left_out > 0 {
            println!("{}.txt: cut at {} of {} places", transcript.name, cuts.len(), whole.octets);
        }
        let cuts = cuts.into_iter().map(Cut::At).chain([Cut::Everywhere]);
        let differs = |cut: Cut| difference(&whole, &play(transcript, cut)).map(|what| format!("{cut:?}: {what}"));
        // The first place tells enough.
        cuts.filter_map(differs).take(1).collect()
    });
}

/// Where to cut, and how many places are left out.
fn places(octets: usize) -> (Vec<usize>, usize) {
    let all = 1..octets;
    let step = (octets / BETWEEN).max(1);
    let near = |at: &usize| *at < EDGE || at + EDGE > octets || at.is_multiple_of(step);
    let chosen: Vec<usize> = all.clone().filter(near).collect();
    let left_out = all.len() - chosen.len();
    (chosen, left_out)
}

fn difference(whole: &Played, cut: &Played) -> Option<String> {
    for (sync, (a, b)) in whole.syncs.iter().zip(&cut.syncs).enumerate() {
        if a.outcome != b.outcome {
            let brief = |outcome: &transcript::expected::Outcome| {
                let mut outcome = outcome.clone();
                outcome.rows.iter_mut().for_each(|row| row.body.truncate(200));
                format!("{outcome:?}")
            };
            return Some(format!("sync {}: {}\n  whole: {}", sync + 1, brief(&b.outcome), brief(&a.outcome)));
        }
        if a.seen != b.seen {
            return Some(format!("sync {}: the server saw {:?}\n  whole: {:?}", sync + 1, b.seen, a.seen));
        }
        if a.progress != b.progress {
            return Some(format!("sync {}: progress {:?}\n  whole: {:?}", sync + 1, b.progress, a.progress));
        }
    }
    None
}

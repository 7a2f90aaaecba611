//! What the client weighs on the wire: module, generated glue, the hand-written `host.js` that the module imports, and all three, in
//! brotli, with and without the reader of MIME messages.
//!
//! `tests/bench/size` runs it. Says by how much [`TARGET`] is missed, and fails where the client without that reader is heavier than
//! [`MOST`].

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use poplar_web_build::{Mime, brotli, build_client};

/// Engine, store and glue, in octets of brotli: what they are to come down to.
const TARGET: usize = 60_000;
/// What they may weigh until then: 64,000 before there were policies, fingerprints, headers as names, imports, sessions that stay open and
/// a tunnel that is held while the database writes, which are 15,000, and sealing with all that goes with it (keys, pages read
/// and written as values, taking over what was not sealed, the log), which is 20,000; what was said in a session; and some room.
const MOST: usize = 105_000;

fn main() -> ExitCode {
    match report() {
        Ok(octets) if octets <= MOST => ExitCode::SUCCESS,
        Ok(octets) => {
            eprintln!("without MIME the client weighs {octets} octets, more than {MOST}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table; the octets of the client without MIME.
fn report() -> Result<usize, Box<dyn Error>> {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("web/build has left its workspace")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from).join("size");
    let with = weigh(workspace, &target.join("with-mime"), Mime::With)?;
    let without = weigh(workspace, &target.join("without-mime"), Mime::Without)?;
    println!("{:<14}{:>8}{:>8}{:>8}{:>8}   octets, brotli", "", "module", "glue", "host.js", "sum");
    for (name, [module, glue, host]) in [("with MIME", with), ("without MIME", without)] {
        println!("{name:<14}{module:>8}{glue:>8}{host:>8}{:>8}", module + glue + host);
    }
    let octets: usize = without.iter().sum();
    match octets.checked_sub(TARGET) {
        None => println!("target: at most {TARGET} without MIME: met"),
        Some(over) => println!("target: at most {TARGET} without MIME: MISSED by {over}"),
    }
    Ok(octets)
}

/// Module, glue and `host.js`, in octets of brotli.
fn weigh(workspace: &Path, target: &Path, mime: Mime) -> Result<[usize; 3], Box<dyn Error>> {
    let out = target.join("client");
    build_client(workspace, target, &out, mime)?;
    let octets = |file: PathBuf| Ok::<_, Box<dyn Error>>(brotli(&fs::read(file)?)?.len());
    let host = workspace.join("web/lib/mail/host.js");
    Ok([octets(out.join("client_bg.wasm"))?, octets(out.join("client.js"))?, octets(host)?])
}

//! Builds page, library and wasm, and leaves them where `src/assets.rs` embeds them from.
//!
//! `POPLAR_WEB_DIST=DIR` takes a folder that was built before instead: no nested cargo, for packagers and for quick
//! `cargo check` runs. `POPLAR_WEB_DIST=none` embeds nothing: the relay then carries tunnels and serves no page.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use poplar_web_build::{Dist, build, inputs, pack};

const READY_MADE: &str = "POPLAR_WEB_DIST";

/// What every file is served with: a browser that keeps a file keeps its headers too, so others make another build.
const HEADERS: &str = include_str!("src/headers.rs");

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Leaves `assets.rs` and what it includes in `OUT_DIR`.
fn embed() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={READY_MADE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?);
    let dist = match env::var_os(READY_MADE) {
        Some(none) if none == "none" => {
            std::fs::write(out.join("assets.rs"), "Assets { build: \"\", index: &[], named: &[], files: &[] }")?;
            return Ok(());
        }
        Some(dir) => {
            let dir = std::path::absolute(dir)?;
            println!("cargo:rerun-if-changed={}", dir.display());
            Dist::open(&dir)?
        }
        None => {
            let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the relay has left its workspace")?;
            for input in inputs(workspace) {
                println!("cargo:rerun-if-changed={}", input.display());
            }
            build(workspace, &nested_target(&out), &out.join("dist"))?
        }
    };
    pack(&dist, &out, HEADERS)?;
    Ok(())
}

/// Where the nested cargo builds: `web` in the target directory around `out`, so that debug and release builds share it.
/// Cargo marks a target directory with a tag file.
fn nested_target(out: &Path) -> PathBuf {
    out.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()).unwrap_or(out).join("web")
}

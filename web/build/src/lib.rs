//! Builds what a browser loads.
//!
//! In the order things flow:
//!
//! 1. [`build`] compiles `wasm/` for `wasm32-unknown-unknown` with a nested cargo, runs wasm-bindgen over the result as a
//!    library, and lays out a [`Dist`]: the folder that is served, `index.html` at its top, `page/` and `lib/` beside it,
//!    the generated `lib/client.js`, `lib/client_bg.wasm` and `page/shell.json` among the hand-written modules.
//!    [`Dist::open`] takes such a folder ready-made instead.
//! 2. [`pack`] compresses every file of a dist and writes a Rust table of them, for a crate to embed.
//!
//! `examples/size.rs` reports what the module and its glue weigh.
//!
//! Written for a `build.rs` and for packaging alike: no `main`, no printing, no environment variable of its own.
//!
//! Architecture invariant: what is written in `web/` is what is served. Nothing is bundled, minified or rewritten here, but for the
//! paths in `index.html`: they lead to a folder that is named after what is in it, which browsers may keep.

#![forbid(unsafe_code)]

mod dist;
mod error;
mod glue;
mod pack;
mod wasm;

use std::path::{Path, PathBuf};

pub use dist::Dist;
pub use error::Error;
pub use pack::{Sizes, brotli, pack};
pub use wasm::Mime;

/// Builds wasm, glue, page and library of the workspace at `workspace` into the folder `out`, which is made anew.
///
/// `target` is the nested cargo's own target directory; kept between calls, a change costs one crate's compilation.
/// It must not be the target directory of a cargo that waits for this call: the two would wait for each other.
///
/// # Errors
///
/// Every [`Error`] says in a sentence what to do about it.
pub fn build(workspace: &Path, target: &Path, out: &Path) -> Result<Dist, Error> {
    let module = wasm::compile(workspace, target, Mime::With)?;
    dist::lay_out(&workspace.join("web"), out)?;
    glue::generate(&module, &out.join("lib"))?;
    dist::list_shell(out)?;
    Dist::open(out)
}

/// Builds wasm and glue alone into the folder `out`, as [`build`] does, with or without the reader of MIME messages.
///
/// `target` as there, and not one that a module with another answer to `mime` is built in: cargo gives both one file name.
///
/// # Errors
///
/// As [`build`].
pub fn build_client(workspace: &Path, target: &Path, out: &Path, mime: Mime) -> Result<(), Error> {
    let module = wasm::compile(workspace, target, mime)?;
    glue::generate(&module, out)
}

/// Every file and folder that [`build`] reads, for `cargo:rerun-if-changed`.
pub fn inputs(workspace: &Path) -> Vec<PathBuf> {
    [
        "web/index.html",
        "web/sw.js",
        "web/page",
        "web/lib",
        "web/build/src",
        "web/build/Cargo.toml",
        "wasm/src",
        "wasm/Cargo.toml",
        // The one crate of the workspace that wasm shares with the relay.
        "relay/wire/src",
        "relay/wire/Cargo.toml",
        // The profile the wasm is compiled with, and the versions it is made of.
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
    ]
    .into_iter()
    .map(|path| workspace.join(path))
    .collect()
}

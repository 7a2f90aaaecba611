//! What can go wrong in a build, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The compiler has no standard library for the browser, and it could not be added.
    #[error(
        "the Rust target {target} is missing and could not be added ({reason}); \
         run `rustup target add {target}`, or install your distribution's package of the Rust standard library for wasm32"
    )]
    TargetMissing {
        /// The target triple.
        target: &'static str,
        /// Why adding it failed.
        reason: String,
    },
    /// A program that the build needs could not be started.
    #[error("`{program}` could not be started ({source}); is Rust installed, and on the PATH?")]
    Tool {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The nested cargo refused; its own words are on standard error.
    #[error("the wasm crate did not compile: cargo's own words are above; `{command}` shows the same alone")]
    Compile {
        /// A command line that repeats the failing step.
        command: String,
    },
    /// wasm-bindgen refused the compiled module.
    #[error(
        "wasm-bindgen could not make the JavaScript glue for {module}: {reason}; if it speaks of versions, \
         make `wasm-bindgen` in wasm/Cargo.toml and `wasm-bindgen-cli-support` in web/build/Cargo.toml the same"
    )]
    Glue {
        /// The compiled module.
        module: PathBuf,
        /// wasm-bindgen's reason, outermost cause first.
        reason: String,
    },
    /// A folder that is to be served has no page in it.
    #[error(
        "{dir} holds no index.html: it is not a built page; run the build without a ready-made one, or name another folder"
    )]
    NotADist {
        /// The folder.
        dir: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names the file that an I/O error is about.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::File { path: path.to_path_buf(), source }
    }
}

//! Compiles `wasm/` with a nested cargo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "poplar-client";
const PROFILE: &str = "wasm";

/// Variables of cargo that say where things are fetched from and how to talk: the nested cargo keeps these. All others
/// that start with `CARGO` or name compiler flags and wrappers describe the build *around* this one (its features, its target,
/// clippy's or sccache's wrapper, coverage flags) and would change what comes out.
const KEPT: [&str; 9] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_LOG",
    "CARGO_BUILD_JOBS",
];

/// What LLVM does for speed even where it is to make things small. In brotli, measured without MIME:
/// - moves of up to four words are written out, and not left to `memory.copy`: 1.2 kB;
/// - what some paths to a place have computed already is computed on the others too (partial redundancy elimination), so that it can
///   be kept: 1.5 kB of values carried about, most of them fields of futures;
/// - loops get counters of their own in place of what they are counted by: 0.6 kB;
/// - what a loop reads from memory is carried through it: 0.2 kB.
///
/// All of them only leave something out. `-attributor-enable`, which would take 6 kB more, must not be set: it takes the end of a
/// session for unreachable, and the module that comes out has lost it.
const SMALLER: &str = "-Cllvm-args=-max-store-memcpy=1 -enable-pre=false -disable-lsr \
    -licm-mssa-optimization-cap=0 -licm-mssa-max-acc-promotion=0 -disable-machine-licm";

/// Whether the module has the reader of MIME messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mime {
    /// As it is shipped.
    With,
    /// Messages are given as bytes only.
    Without,
}

/// Compiles the wasm crate and returns the path of the module, before wasm-bindgen.
pub(crate) fn compile(workspace: &Path, target_dir: &Path, mime: Mime) -> Result<PathBuf, Error> {
    ensure_target(workspace)?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        // `rustc` with one crate type, not `build`: cargo does no link-time optimisation where an rlib is made as well.
        .args(["rustc", "--package", PACKAGE, "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--profile", PROFILE])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace)
        .stdin(Stdio::null())
        // A build script's standard output is read by cargo as instructions.
        .stdout(Stdio::null());
    if workspace.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    if mime == Mime::Without {
        // It is the wasm crate's only feature.
        cargo.arg("--no-default-features");
    }
    for (name, _) in env::vars_os().filter(|(name, _)| leaks(name)) {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace));

    if !run(&mut cargo)? {
        let command = format!("cargo build --package {PACKAGE} --target {TARGET} --profile {PROFILE}");
        return Err(Error::Compile { command });
    }
    let module = format!("{}.wasm", PACKAGE.replace('-', "_"));
    Ok(target_dir.join(TARGET).join(PROFILE).join(module))
}

/// Whether a variable belongs to the surrounding build and must not reach the nested one.
fn leaks(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let compiler = ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_LINKER"];
    // Procedural macros are linked for the machine at hand, which may need a linker of its own.
    let linker = name.starts_with("CARGO_TARGET_") && name.ends_with("_LINKER");
    let kept = linker || KEPT.iter().any(|kept| name.starts_with(kept));
    compiler.contains(&name) || name.starts_with("CLIPPY_") || (name.starts_with("CARGO") && !kept)
}

/// The compiler flags of the module, as cargo wants them encoded. Being set, they also win over flags in anybody's cargo
/// configuration: the same sources give the same module.
///
/// Panic messages carry the paths of source files; where somebody keeps theirs is nobody's business.
fn flags(workspace: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut flags = OsString::from(SMALLER);
    let remapped = home.map(|home| (home.join("registry").join("src"), "crates"));
    for (from, to) in remapped.into_iter().chain([(workspace.to_path_buf(), "poplar")]) {
        // Cargo's separator for CARGO_ENCODED_RUSTFLAGS.
        flags.push("\x1f--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

/// Adds the wasm target through rustup where the compiler lacks it.
fn ensure_target(workspace: &Path) -> Result<(), Error> {
    if has_target(workspace)? {
        return Ok(());
    }
    let missing = |reason: String| Error::TargetMissing { target: TARGET, reason };
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(workspace).stdin(Stdio::null()).stdout(Stdio::null());
    match run(&mut rustup) {
        Ok(true) if has_target(workspace)? => Ok(()),
        Ok(true) => Err(missing("rustup added it to another toolchain than the one in use".into())),
        Ok(false) => Err(missing("rustup refused".into())),
        Err(_) => Err(missing("there is no rustup here".into())),
    }
}

/// Whether the compiler in use has a standard library for [`TARGET`].
fn has_target(workspace: &Path) -> Result<bool, Error> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(&rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]).current_dir(workspace);
    let output =
        command.output().map_err(|source| Error::Tool { program: rustc.to_string_lossy().into_owned(), source })?;
    let libdir = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(libdir.trim()).is_dir())
}

/// Runs a command to its end: whether it succeeded.
fn run(command: &mut Command) -> Result<bool, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| Error::Tool { program, source })?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surrounding_build_does_not_leak_in() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_FEATURE_STD",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_PKG_NAME",
            "CLIPPY_ARGS",
        ] {
            assert!(leaks(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn where_crates_come_from_stays() {
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_INDEX", "PATH", "RUSTUP_TOOLCHAIN", "RUSTC"]
        {
            assert!(!leaks(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn flags_hide_where_sources_lie() {
        let flags = flags(Path::new("/home/somebody/poplar"));
        let flags = flags.to_string_lossy();
        assert!(flags.split('\x1f').any(|flag| flag == "--remap-path-prefix=/home/somebody/poplar=poplar"), "{flags}");
    }
}

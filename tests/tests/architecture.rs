//! What the parts must not know, read from their source.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fs;
use std::path::{Path, PathBuf};

/// The protocol core and the planner do no I/O: time and randomness come in as arguments.
#[test]
fn the_core_names_no_browser_no_clock_and_no_chance() {
    let foreign = [
        "web_sys",
        "js_sys",
        "wasm_bindgen",
        "wasm_bindgen_futures",
        "Instant",
        "SystemTime",
        "Date",
        "random",
        "rand",
        "getrandom",
        "fastrand",
        "tokio",
        "TcpStream",
        "WebSocket",
        "spawn_local",
    ];
    let planning = ["planner", "policy"].map(|name| starting("wasm/src/sync", name)).concat();
    let core = files("wasm/src/pop3", "rs").into_iter().chain(planning);
    for file in core {
        let code = without_comments(&file);
        let tests = code.find("#[cfg(test)]").unwrap_or(code.len());
        for name in foreign {
            assert!(!words(&code[..tests]).any(|word| word == name), "{} names {name}", file.display());
        }
    }
}

/// The relay carries bytes. The only command it may send is STLS; `check` says CAPA and QUIT on a person's behalf.
#[test]
fn the_relay_knows_no_pop3_beyond_starttls() {
    let commands =
        ["USER", "PASS", "APOP", "AUTH", "STAT", "LIST", "UIDL", "TOP", "RETR", "DELE", "RSET", "NOOP", "CAPA", "QUIT"];
    for file in files("relay/src", "rs") {
        // The built-in mailbox speaks it, and so do tests that have a file of their own.
        if file.starts_with(root().join("relay/src/demo")) || file.ends_with("tests.rs") {
            continue;
        }
        let check = file.ends_with("check.rs") || file.parent().is_some_and(|folder| folder.ends_with("check"));
        let code = without_comments(&file);
        let shipped = &code[..code.find("#[cfg(test)]").unwrap_or(code.len())];
        for command in commands {
            if check && ["CAPA", "QUIT"].contains(&command) {
                continue;
            }
            let said = literals(shipped).any(|literal| words(literal).any(|word| word == command));
            assert!(!said, "{} says {command}", file.display());
        }
    }
}

/// What the page shows comes from strangers: nothing of it may pass through an HTML parser of our own document, and the page's
/// policy forbids style elements.
#[test]
fn the_page_parses_no_html_and_holds_no_style_element() {
    let forbidden = [
        "innerHTML",
        "outerHTML =",
        "insertAdjacentHTML",
        "document.write",
        "<style",
        "createElement(\"style\"",
        "h(\"style\"",
        "eval(",
        "new Function",
    ];
    for file in files("web/lib", "js").into_iter().chain(files("web/page", "js")) {
        let code = without_comments(&file);
        for name in forbidden {
            assert!(!code.contains(name), "{} has {name}", file.display());
        }
    }
    let page = fs::read_to_string(root().join("web/index.html")).unwrap();
    for name in ["<style", "style=", "javascript:", "onclick", "onload"] {
        assert!(!page.contains(name), "web/index.html has {name}");
    }
}

/// Both ends of a tunnel share this crate at no cost.
#[test]
fn the_wire_crate_depends_on_nothing() {
    let manifest = fs::read_to_string(root().join("relay/wire/Cargo.toml")).unwrap();
    assert!(!manifest.contains("dependencies"), "{manifest}");
}

/// No run-time dependency, no script at install: what is written is what is served.
#[test]
fn the_page_imports_only_what_lies_beside_it() {
    for file in files("web/lib", "js").into_iter().chain(files("web/page", "js")) {
        let code = without_comments(&file);
        for line in code.lines().filter(|line| line.trim_start().starts_with("import ") || line.contains(" from \"")) {
            let Some(from) = line.split('"').nth(1) else { continue };
            assert!(from.starts_with('.') || from.starts_with("/lib/"), "{} imports {from}", file.display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of a kind under a folder. There must be some: a rule that holds for nothing holds nothing.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == extension) => found.push(path),
                false => {}
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no .{extension} file");
    found
}

/// The files of a folder whose path below it starts with `name`.
fn starting(folder: &str, name: &str) -> Vec<PathBuf> {
    let base = root().join(folder).join(name);
    let mut found = files(folder, "rs");
    found.retain(|path| path.to_string_lossy().starts_with(&*base.to_string_lossy()));
    assert!(!found.is_empty(), "{folder} has no {name}");
    found
}

/// A file without its comment lines. A name in a comment is no use of it.
fn without_comments(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let comment = |line: &&str| ["//", "/*", "*"].iter().any(|start| line.trim_start().starts_with(start));
    text.lines().filter(|line| !comment(line)).flat_map(|line| [line, "\n"]).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// What stands between double quotes on one line.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('"').skip(1).step_by(2))
}

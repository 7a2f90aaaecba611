//! Compresses a dist and writes the table that a crate embeds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::dist::{self, Dist};

/// Octets of a dist as it is served: what a first visit that loads everything costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// As written.
    pub identity: usize,
    /// In brotli, quality 11.
    pub brotli: usize,
    /// In gzip, level 9.
    pub gzip: usize,
}

/// Compresses every file of `dist` into `out` and writes `out/assets.rs`: one expression,
///
/// `Assets { build, index, named, files }`
///
/// - `build`: 16 hex digits that are others as soon as anything of what is served is another, or `served_with`, what else decides how;
/// - `index`: the page as it is written;
/// - `named`: the paths of the files that the page itself names;
/// - `files`: a slice of `("/path", Asset { content_type, etag, identity, brotli, gzip })`, sorted by path.
///
/// The bytes are `include_bytes!` of `out`. The including crate defines `Assets` and `Asset`.
///
/// The page among the files names its own ones as `./v/BUILD/path`, where they are to be found as well as at `/path`: there they
/// never change, so that a browser may keep them, and modules that import each other by relative paths are all of one build. It is
/// the one file that is not served as written.
///
/// Packed files are named after the SHA-256 of what they hold, so that a second call compresses only what has changed.
/// The same hash, cut to 128 bits, is the entity tag: a weak one, since the three encodings share it (RFC 9110 §8.8.3.3).
///
/// # Errors
///
/// [`Error::File`] where something cannot be read or written.
pub fn pack(dist: &Dist, out: &Path, served_with: &str) -> Result<Sizes, Error> {
    let packed = out.join("packed");
    fs::create_dir_all(&packed).map_err(Error::file(&packed))?;

    let mut files = Vec::new();
    for file in dist.files() {
        let Some(content_type) = dist::content_type(file) else { continue };
        let at = dist.dir().join(file);
        let bytes = fs::read(&at).map_err(Error::file(&at))?;
        files.push(File { path: dist::served_at(file), content_type, at, bytes });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let build = build_of(&files, served_with);
    let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
    let (mut index, mut named) = (String::new(), Vec::new());
    for page in files.iter_mut().filter(|file| file.path == "/") {
        index = pack_file(page, &packed)?.0;
        named = name_in_build(page, &paths, &build);
    }

    // The slowest step of all without a cache, and each file stands alone.
    let results: Vec<_> = thread::scope(|scope| {
        let packed = &packed;
        let running: Vec<_> = files.iter().map(|file| scope.spawn(move || pack_file(file, packed))).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });

    let mut table = String::new();
    let mut kept: BTreeSet<_> = ENCODINGS.map(|encoding| format!("{index}.{encoding}")).into();
    let mut total = Sizes::default();
    for (file, result) in files.iter().zip(results) {
        let (hash, sizes) = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        total.identity += sizes.identity;
        total.brotli += sizes.brotli;
        total.gzip += sizes.gzip;
        table.push_str(&entry(&file.path, file.content_type, &hash));
        kept.extend(ENCODINGS.map(|encoding| format!("{hash}.{encoding}")));
    }
    sweep(&packed, &kept)?;

    let index = bytes_of(&index, "identity");
    let assets = format!("Assets {{ build: {build:?}, index: {index}, named: &{named:?}, files: &[\n{table}] }}\n");
    let path = out.join("assets.rs");
    fs::write(&path, assets).map_err(Error::file(&path))?;
    Ok(total)
}

/// A file to be served.
struct File {
    /// Where it is served.
    path: String,
    content_type: &'static str,
    /// Where it lies.
    at: PathBuf,
    bytes: Vec<u8>,
}

/// What tells this build from every other.
fn build_of(files: &[File], served_with: &str) -> String {
    let mut digest = Sha256::new();
    // Each with its length before it: what ends where is told apart as well.
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    add(served_with.as_bytes());
    for file in files {
        add(file.path.as_bytes());
        add(file.content_type.as_bytes());
        add(&file.bytes);
    }
    // 64 bits: builds of one product are to be told apart, and nobody gains by two that are alike.
    hex(&digest.finalize(), 8)
}

/// Has the page name its files in the folder of this build; returns which it names.
fn name_in_build(page: &mut File, paths: &[String], build: &str) -> Vec<String> {
    let mut text = String::from_utf8_lossy(&page.bytes).into_owned();
    let mut named = Vec::new();
    for path in paths.iter().filter(|path| *path != "/") {
        let plain = format!("\".{path}\"");
        if text.contains(&plain) {
            text = text.replace(&plain, &format!("\"./v/{build}{path}\""));
            named.push(path.clone());
        }
    }
    page.bytes = text.into_bytes();
    named
}

/// File name extensions of the packed forms.
const ENCODINGS: [&str; 3] = ["identity", "br", "gz"];

/// Writes the three forms of one file, where they are not there already; returns their name and sizes.
fn pack_file(File { at, bytes, .. }: &File, packed: &Path) -> Result<(String, Sizes), Error> {
    let hash = hex(&Sha256::digest(bytes), 16);
    let store = |encoding: &str, encode: fn(&[u8]) -> io::Result<Vec<u8>>| {
        let path = packed.join(format!("{hash}.{encoding}"));
        if let Ok(metadata) = path.metadata() {
            return Ok(metadata.len() as usize);
        }
        let encoded = encode(bytes).map_err(Error::file(at))?;
        // Renamed into place: a cut build must not leave half a file under a name that says what it holds.
        let unfinished = path.with_extension(format!("{encoding}.unfinished"));
        fs::write(&unfinished, &encoded).map_err(Error::file(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(Error::file(&path))?;
        Ok(encoded.len())
    };
    let sizes = Sizes {
        identity: store("identity", |bytes| Ok(bytes.to_vec()))?,
        brotli: store("br", brotli)?,
        gzip: store("gz", gzip)?,
    };
    Ok((hash, sizes))
}

/// Compresses as [`pack`] does.
///
/// # Errors
///
/// None that memory does not give.
pub fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // Window of 2^22 octets: the largest that every browser accepts, and more than any file here.
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut encoded = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut encoded, &parameters)?;
    Ok(encoded)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The first octets of a digest.
fn hex(digest: &[u8], octets: usize) -> String {
    digest.iter().take(octets).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// One row of the table.
fn entry(path: &str, content_type: &str, hash: &str) -> String {
    format!(
        "({path:?}, Asset {{ content_type: {content_type:?}, etag: \"W/\\\"{hash}\\\"\", identity: {}, brotli: {}, gzip: {} }}),\n",
        bytes_of(hash, "identity"),
        bytes_of(hash, "br"),
        bytes_of(hash, "gz"),
    )
}

/// The expression that embeds a packed form.
fn bytes_of(hash: &str, encoding: &str) -> String {
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/packed/{hash}.{encoding}\"))")
}

/// Removes what earlier builds left.
fn sweep(packed: &Path, kept: &BTreeSet<String>) -> Result<(), Error> {
    for entry in fs::read_dir(packed).map_err(Error::file(packed))? {
        let entry = entry.map_err(Error::file(packed))?;
        if !entry.file_name().to_str().is_some_and(|name| kept.contains(name)) {
            fs::remove_file(entry.path()).map_err(Error::file(&entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn dist(files: &[(&str, &str)]) -> (tempfile::TempDir, Dist) {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let dist = Dist::open(dir.path()).unwrap();
        (dir, dist)
    }

    fn names(out: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(out.join("packed")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn every_encoding_gives_the_file_back() {
        let text = "export const answer = 42;\n".repeat(100);
        let mut decoded = Vec::new();
        brotli::BrotliDecompress(&mut &brotli(text.as_bytes()).unwrap()[..], &mut decoded).unwrap();
        assert_eq!(decoded, text.as_bytes());
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(&gzip(text.as_bytes()).unwrap()[..]).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, text.as_bytes());
    }

    /// What an `assets.rs` says its build is.
    fn build(out: &Path) -> String {
        let table = fs::read_to_string(out.join("assets.rs")).unwrap();
        let build =
            table.strip_prefix("Assets { build: \"").and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        assert!(build.len() == 16 && build.bytes().all(|byte| byte.is_ascii_hexdigit()), "{build}");
        build
    }

    #[test]
    fn the_table_names_paths_as_served_in_order() {
        let (_dir, dist) = dist(&[("index.html", "<!doctype html>"), ("lib/b.js", "1"), ("lib/a.wasm", "\0asm")]);
        let out = tempfile::tempdir().unwrap();
        let sizes = pack(&dist, out.path(), "").unwrap();
        assert_eq!(sizes.identity, 15 + 1 + 4);
        let table = fs::read_to_string(out.path().join("assets.rs")).unwrap();
        let paths: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("(\"")?.split('"').next()).collect();
        assert_eq!(paths, ["/", "/lib/a.wasm", "/lib/b.js"]);
        assert!(table.contains("content_type: \"application/wasm\""));
    }

    #[test]
    fn the_page_names_its_files_in_the_folder_of_its_build() {
        let page =
            r#"<link href="./page/a.css"><script src="./page/a.js"></script><a href="./page/none.js">./page/a.js</a>"#;
        let files = [("index.html", page), ("page/a.js", "1"), ("page/a.css", "2"), ("lib/b.js", "3")];
        let ((_dir, dist), out) = (dist(&files), tempfile::tempdir().unwrap());
        pack(&dist, out.path(), "").unwrap();
        let build = build(out.path());
        let served = names(out.path())
            .into_iter()
            .filter(|name| name.ends_with(".identity"))
            .map(|name| fs::read_to_string(out.path().join("packed").join(name)).unwrap())
            .filter(|text| text.starts_with("<link"));
        let mut served: Vec<_> = served.collect();
        served.sort();
        let changed = format!(
            r#"<link href="./v/{build}/page/a.css"><script src="./v/{build}/page/a.js"></script><a href="./page/none.js">./page/a.js</a>"#
        );
        assert_eq!(served, [page.to_owned(), changed], "as written, and as served");
        let table = fs::read_to_string(out.path().join("assets.rs")).unwrap();
        assert!(table.contains(r#"named: &["/page/a.css", "/page/a.js"]"#), "{table}");
    }

    #[test]
    fn another_file_name_content_or_header_is_another_build() {
        let mut builds = BTreeSet::new();
        for (files, served_with) in [
            ([("index.html", "one"), ("lib/a.js", "two")], "policy"),
            ([("index.html", "one"), ("lib/a.js", "two")], "another policy"),
            ([("index.html", "one"), ("lib/a.js", "three")], "policy"),
            ([("index.html", "two"), ("lib/a.js", "two")], "policy"),
            ([("index.html", "one"), ("lib/b.js", "two")], "policy"),
        ] {
            let ((_dir, dist), out) = (dist(&files), tempfile::tempdir().unwrap());
            pack(&dist, out.path(), served_with).unwrap();
            let first = build(out.path());
            pack(&dist, out.path(), served_with).unwrap();
            assert_eq!(build(out.path()), first, "the same again");
            builds.insert(first);
        }
        assert_eq!(builds.len(), 5);
    }

    #[test]
    fn only_what_changed_is_compressed_again_and_nothing_stays_behind() {
        let (dir, unchanged) = dist(&[("index.html", "one"), ("lib/a.js", "two")]);
        let out = tempfile::tempdir().unwrap();
        pack(&unchanged, out.path(), "").unwrap();
        let before = names(out.path());
        // A mark in the packed form of the unchanged file shows whether it was written again.
        let hash = hex(&Sha256::digest("one"), 16);
        fs::write(out.path().join(format!("packed/{hash}.br")), "mark").unwrap();

        fs::write(dir.path().join("lib/a.js"), "three").unwrap();
        pack(&unchanged, out.path(), "").unwrap();
        let after = names(out.path());
        assert_eq!((before.len(), after.len()), (6, 6));
        assert_ne!(before, after, "the changed file has another name");
        assert_eq!(fs::read(out.path().join(format!("packed/{hash}.br"))).unwrap(), b"mark");
    }
}

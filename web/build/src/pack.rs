//! Compresses a dist and writes the table that a crate embeds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
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

/// Compresses every file of `dist` into `out` and writes `out/assets.rs`: one expression, a slice of
/// `("/path", Asset { content_type, etag, identity, brotli, gzip })` sorted by path, whose bytes are `include_bytes!`
/// of `out`. The including crate defines `Asset`.
///
/// Packed files are named after the SHA-256 of what they hold, so that a second call compresses only what has changed.
/// The same hash, cut to 128 bits, is the entity tag: a weak one, since the three encodings share it (RFC 9110 §8.8.3.3).
///
/// # Errors
///
/// [`Error::File`] where something cannot be read or written.
pub fn pack(dist: &Dist, out: &Path) -> Result<Sizes, Error> {
    let packed = out.join("packed");
    fs::create_dir_all(&packed).map_err(Error::file(&packed))?;

    let files: Vec<_> = dist.files().iter().filter_map(|file| Some((file, dist::content_type(file)?))).collect();
    // The slowest step of all without a cache, and each file stands alone.
    let results: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = files
            .iter()
            .map(|(file, _)| {
                let (file, packed) = (dist.dir().join(file), &packed);
                scope.spawn(move || pack_file(&file, packed))
            })
            .collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });

    let mut entries = Vec::new();
    let mut kept = BTreeSet::new();
    let mut total = Sizes::default();
    for ((file, content_type), result) in files.into_iter().zip(results) {
        let (hash, sizes) = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        total.identity += sizes.identity;
        total.brotli += sizes.brotli;
        total.gzip += sizes.gzip;
        entries.push((dist::served_at(file), entry(&dist::served_at(file), content_type, &hash)));
        kept.extend(ENCODINGS.map(|encoding| format!("{hash}.{encoding}")));
    }
    entries.sort();
    sweep(&packed, &kept)?;

    let table: String = entries.into_iter().map(|(_, entry)| entry).collect();
    let path = out.join("assets.rs");
    fs::write(&path, format!("&[\n{table}]\n")).map_err(Error::file(&path))?;
    Ok(total)
}

/// File name extensions of the packed forms.
const ENCODINGS: [&str; 3] = ["identity", "br", "gz"];

/// Writes the three forms of one file, where they are not there already; returns their name and sizes.
fn pack_file(file: &Path, packed: &Path) -> Result<(String, Sizes), Error> {
    let bytes = fs::read(file).map_err(Error::file(file))?;
    let hash: String = Sha256::digest(&bytes).iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let store = |encoding: &str, encode: fn(&[u8]) -> io::Result<Vec<u8>>| {
        let path = packed.join(format!("{hash}.{encoding}"));
        if let Ok(metadata) = path.metadata() {
            return Ok(metadata.len() as usize);
        }
        let encoded = encode(&bytes).map_err(Error::file(file))?;
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

/// One row of the table.
fn entry(path: &str, content_type: &str, hash: &str) -> String {
    let bytes = |encoding: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/packed/{hash}.{encoding}\"))");
    format!(
        "({path:?}, Asset {{ content_type: {content_type:?}, etag: \"W/\\\"{hash}\\\"\", identity: {}, brotli: {}, gzip: {} }}),\n",
        bytes("identity"),
        bytes("br"),
        bytes("gz"),
    )
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

    #[test]
    fn the_table_names_paths_as_served_in_order() {
        let (_dir, dist) = dist(&[("index.html", "<!doctype html>"), ("lib/b.js", "1"), ("lib/a.wasm", "\0asm")]);
        let out = tempfile::tempdir().unwrap();
        let sizes = pack(&dist, out.path()).unwrap();
        assert_eq!(sizes.identity, 15 + 1 + 4);
        let table = fs::read_to_string(out.path().join("assets.rs")).unwrap();
        let paths: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("(\"")?.split('"').next()).collect();
        assert_eq!(paths, ["/", "/lib/a.wasm", "/lib/b.js"]);
        assert!(table.contains("content_type: \"application/wasm\""));
    }

    #[test]
    fn only_what_changed_is_compressed_again_and_nothing_stays_behind() {
        let (dir, unchanged) = dist(&[("index.html", "one"), ("lib/a.js", "two")]);
        let out = tempfile::tempdir().unwrap();
        pack(&unchanged, out.path()).unwrap();
        let before = names(out.path());
        // A mark in the packed form of the unchanged file shows whether it was written again.
        let (hash, _) = pack_file(&dir.path().join("index.html"), &out.path().join("packed")).unwrap();
        fs::write(out.path().join(format!("packed/{hash}.br")), "mark").unwrap();

        fs::write(dir.path().join("lib/a.js"), "three").unwrap();
        pack(&unchanged, out.path()).unwrap();
        let after = names(out.path());
        assert_eq!((before.len(), after.len()), (6, 6));
        assert_ne!(before, after, "the changed file has another name");
        assert_eq!(fs::read(out.path().join(format!("packed/{hash}.br"))).unwrap(), b"mark");
    }
}

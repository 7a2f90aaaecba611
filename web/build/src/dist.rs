//! The folder that is served.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;

/// What is served, by extension, and as what. A file of any other kind stays where it is: notes, type declarations and
/// tests may lie beside the modules without being shipped.
pub(crate) const SERVED: [(&str, &str); 12] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("woff2", "font/woff2"),
];

/// The parts of `web/` that are served; the rest is for those who build with it.
const FOLDERS: [&str; 2] = ["page", "lib"];

const INDEX: &str = "index.html";

/// The service worker, which lies at the top as well: it may answer for nothing above its own path.
const SERVICE_WORKER: &str = "sw.js";

/// Names every file that the page may need, for the service worker.
const SHELL: &str = "page/shell.json";

/// A folder laid out for serving.
#[derive(Debug)]
pub struct Dist {
    dir: PathBuf,
    files: Vec<PathBuf>,
}

impl Dist {
    /// Takes a folder that an earlier [`build`](crate::build) laid out.
    ///
    /// # Errors
    ///
    /// [`Error::NotADist`] where it has no `index.html`, [`Error::File`] where it cannot be read.
    pub fn open(dir: &Path) -> Result<Dist, Error> {
        if !dir.join(INDEX).is_file() {
            return Err(Error::NotADist { dir: dir.to_path_buf() });
        }
        let mut files = Vec::new();
        walk(dir, Path::new(""), &mut files)?;
        files.sort();
        Ok(Dist { dir: dir.to_path_buf(), files })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files to be served, relative to [`dir`](Dist::dir), sorted.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

/// The path a file is served at: `/` for the page, its own path for all others, with forward slashes everywhere.
pub(crate) fn served_at(file: &Path) -> String {
    let names: Vec<_> = file.iter().map(|name| name.to_string_lossy()).collect();
    match names.join("/") {
        index if index == INDEX => "/".into(),
        path => format!("/{path}"),
    }
}

/// The content type of a file, where files of its kind are served at all.
pub(crate) fn content_type(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?;
    SERVED.iter().find(|(served, _)| *served == extension).map(|(_, content_type)| *content_type)
}

/// Copies what is served of `web` to `out`, which is made anew.
pub(crate) fn lay_out(web: &Path, out: &Path) -> Result<(), Error> {
    if out.exists() {
        fs::remove_dir_all(out).map_err(Error::file(out))?;
    }
    let mut files = vec![PathBuf::from(INDEX)];
    files.extend(web.join(SERVICE_WORKER).is_file().then(|| PathBuf::from(SERVICE_WORKER)));
    for folder in FOLDERS {
        walk(web, Path::new(folder), &mut files)?;
    }
    for file in files {
        let (from, to) = (web.join(&file), out.join(&file));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::file(parent))?;
        }
        fs::copy(&from, &to).map_err(Error::file(&from))?;
    }
    Ok(())
}

/// Writes which files the page may need, as a JSON array of their paths: all but itself and the service worker.
pub(crate) fn list_shell(out: &Path) -> Result<(), Error> {
    let dist = Dist::open(out)?;
    let paths = dist.files().iter().map(|file| served_at(file));
    let names: Vec<_> = paths
        .filter_map(|path| {
            path.strip_prefix('/').filter(|name| !["", SERVICE_WORKER, SHELL].contains(name)).map(String::from)
        })
        .collect();
    let path = out.join(SHELL);
    // A name of ours has no character that a string of Rust and one of JSON write differently.
    fs::write(&path, format!("{names:?}")).map_err(Error::file(&path))
}

/// Collects the served files of `root/folder`, relative to `root`.
fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let dir = root.join(folder);
    let unreadable = |source| Error::File { path: dir.clone(), source };
    for entry in fs::read_dir(&dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = folder.join(entry.file_name());
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(root, &path, files)?;
        } else if content_type(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `web/` with things in it that are not to be served.
    fn web() -> tempfile::TempDir {
        let web = tempfile::tempdir().unwrap();
        for file in [
            "index.html",
            "sw.js",
            "page/page.js",
            "page/icons/mark.svg",
            "lib/poplar-mail.js",
            "lib/README.md",
            "types/index.d.ts",
            "package.json",
            "node_modules/x/index.js",
            "examples/plain/index.html",
            "build/src/lib.rs",
        ] {
            let path = web.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        web
    }

    #[test]
    fn only_what_is_served_is_laid_out() {
        let (web, out) = (web(), tempfile::tempdir().unwrap());
        let dist = out.path().join("dist");
        lay_out(web.path(), &dist).unwrap();
        let files: Vec<_> = Dist::open(&dist).unwrap().files().iter().map(|file| served_at(file)).collect();
        assert_eq!(files, ["/", "/lib/poplar-mail.js", "/page/icons/mark.svg", "/page/page.js", "/sw.js"]);
    }

    #[test]
    fn the_shell_is_every_file_but_what_keeps_it() {
        let (web, out) = (web(), tempfile::tempdir().unwrap());
        let dist = out.path().join("dist");
        lay_out(web.path(), &dist).unwrap();
        for _ in 0..2 {
            list_shell(&dist).unwrap();
            let list = fs::read_to_string(dist.join(SHELL)).unwrap();
            assert_eq!(list, r#"["lib/poplar-mail.js", "page/icons/mark.svg", "page/page.js"]"#);
        }
    }

    #[test]
    fn what_was_removed_from_web_leaves_the_dist() {
        let (web, out) = (web(), tempfile::tempdir().unwrap());
        let dist = out.path().join("dist");
        lay_out(web.path(), &dist).unwrap();
        fs::remove_file(web.path().join("page/page.js")).unwrap();
        lay_out(web.path(), &dist).unwrap();
        assert!(!dist.join("page/page.js").exists());
    }

    #[test]
    fn a_folder_without_a_page_is_no_dist() {
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(Dist::open(empty.path()), Err(Error::NotADist { .. })));
    }

    #[test]
    fn a_missing_page_is_named() {
        let (web, out) = (web(), tempfile::tempdir().unwrap());
        fs::remove_file(web.path().join("index.html")).unwrap();
        let error = lay_out(web.path(), &out.path().join("dist")).unwrap_err();
        assert!(error.to_string().contains("index.html"), "{error}");
    }

    #[test]
    fn modules_and_wasm_have_the_types_browsers_insist_on() {
        assert_eq!(content_type(Path::new("lib/client_bg.wasm")), Some("application/wasm"));
        assert_eq!(content_type(Path::new("lib/client.js")), Some("text/javascript; charset=utf-8"));
        assert_eq!(content_type(Path::new("types/index.d.ts")), None);
        assert_eq!(content_type(Path::new("LICENSE")), None);
    }
}

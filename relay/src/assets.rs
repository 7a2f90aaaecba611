//! Page, library and wasm, embedded by `build.rs`.
//!
//! Each file is at its plain path, as in `web/`, and in a folder that is named after the whole build: `/v/BUILD/lib/…`. What is found
//! there never changes. Whoever was sent there by another build finds nothing, or is sent on: bytes of one build are never served in the
//! folder of another, where they would stay in a browser's cache for a year.
//!
//! A path is found exactly or not at all: there is no folder to walk out of.

/// What is embedded.
struct Assets {
    /// What tells this build from every other: 16 hex digits. Empty where nothing is embedded.
    build: &'static str,
    /// `index.html` as it is written; the one that is served names its files in the folder of the build.
    index: &'static [u8],
    /// The files that the page names.
    named: &'static [&'static str],
    /// Every file by its plain path, sorted by it.
    files: &'static [(&'static str, Asset)],
}

/// A file as it is served, in each encoding a client may accept.
pub(crate) struct Asset {
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `ETag`, quotes and all. Weak, because the encodings share it (RFC 9110 §8.8.3.3).
    pub etag: &'static str,
    /// The bytes as written.
    pub identity: &'static [u8],
    /// The same for `Content-Encoding: br`.
    pub brotli: &'static [u8],
    /// The same for `Content-Encoding: gzip`.
    pub gzip: &'static [u8],
}

/// What is at a request path.
pub(crate) enum Place {
    /// A file, where another build may have another.
    Plain(&'static Asset),
    /// A file in the folder of this build.
    Lasting(&'static Asset),
    /// The file is at this path of this build's own.
    Moved(String),
}

/// What is at a request path: `/` is the page, all others have their path in `web/`, or that in the folder of a build.
///
/// Of another build, only the files that a page names are known here: behind a balancer, while relays are being updated, a page of one
/// may ask another for them, and starts with all its modules of that other build. Whoever wants any other module has begun with modules
/// of the other build already, and must not go on with ours.
pub(crate) fn find(path: &str) -> Option<Place> {
    let Some((build, plain)) = in_build(path) else { return file(path).map(Place::Plain) };
    if build == ASSETS.build {
        return file(plain).filter(|_| plain != "/").map(Place::Lasting);
    }
    ASSETS.named.contains(&plain).then(|| Place::Moved(lasting_from(path, plain)))
}

/// The plain path of a file, wherever it is.
pub(crate) fn plain(path: &str) -> &str {
    in_build(path).map_or(path, |(_, plain)| plain)
}

/// Where the file at a plain path is found in the folder of this build, relative to it: the relay may be mounted below another path.
pub(crate) fn lasting(plain: &str) -> String {
    lasting_from(plain, plain)
}

/// The page as it is written, if there is one.
pub(crate) fn index() -> Option<&'static [u8]> {
    (!ASSETS.index.is_empty()).then_some(ASSETS.index)
}

/// Every asset with its plain path, sorted by path.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Asset)> {
    ASSETS.files.iter().map(|(path, asset)| (*path, asset))
}

/// The build that a path names, this one or another, and the path in it.
fn in_build(path: &str) -> Option<(&str, &str)> {
    let (build, plain) = path.strip_prefix("/v/")?.split_at_checked(BUILD_LENGTH)?;
    let is_build = build.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_build && plain.starts_with('/')).then_some((build, plain))
}

fn lasting_from(from: &str, plain: &str) -> String {
    let up = "../".repeat(from.matches('/').count().saturating_sub(1));
    let up = if up.is_empty() { "./" } else { &up };
    format!("{up}v/{}{plain}", ASSETS.build)
}

fn file(plain: &str) -> Option<&'static Asset> {
    let index = ASSETS.files.binary_search_by_key(&plain, |(at, _)| at).ok()?;
    ASSETS.files.get(index).map(|(_, asset)| asset)
}

/// Hex digits of a build's name, as `web/build` makes it.
const BUILD_LENGTH: usize = 16;

static ASSETS: Assets = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of some other build.
    const OTHER: &str = "/v/0123456789abcdef";

    fn own(path: &str) -> String {
        format!("/v/{}{path}", ASSETS.build)
    }

    #[test]
    fn every_asset_is_found_at_its_own_paths_and_nowhere_else() {
        for (path, asset) in all() {
            assert!(matches!(find(path), Some(Place::Plain(found)) if std::ptr::eq(found, asset)), "{path}");
            assert!(find(&format!("{path}x")).is_none());
            assert!(find(&own(&format!("{path}x"))).is_none());
            let lasting = find(&own(path));
            match path {
                "/" => assert!(lasting.is_none(), "the page itself has no lasting place"),
                _ => assert!(matches!(lasting, Some(Place::Lasting(found)) if std::ptr::eq(found, asset)), "{path}"),
            }
        }
        for path in
            ["", "/index.html", "/lib", "/lib/", "/../Cargo.toml", "/lib/../index.html", "//", "/v", "/v/", "/v//"]
        {
            assert!(find(path).is_none(), "{path}");
            assert!(find(&own(path)).is_none(), "{path}");
        }
    }

    #[test]
    fn the_page_and_its_module_are_there() {
        let page = file("/").expect("the page");
        assert!(page.content_type.starts_with("text/html"));
        let module = file("/lib/client_bg.wasm").expect("the module");
        assert_eq!(module.content_type, "application/wasm");
        assert!(module.identity.starts_with(b"\0asm"));
    }

    #[test]
    fn the_page_that_is_served_names_what_is_in_the_folder_of_its_build() {
        let served = String::from_utf8(file("/").expect("the page").identity.to_vec()).unwrap();
        let written = String::from_utf8(index().expect("the page").to_vec()).unwrap();
        assert_eq!(served.replace(&format!("./v/{}/", ASSETS.build), "./"), written, "nothing else differs");
        let named: Vec<_> = served.split('"').filter_map(|part| part.strip_prefix('.')).collect();
        assert!(named.len() >= 3, "style, script and icon");
        for path in named {
            assert!(matches!(find(path), Some(Place::Lasting(_))), "{path}");
            assert!(ASSETS.named.contains(&plain(path)), "{path}");
        }
    }

    #[test]
    fn nothing_of_this_build_is_served_in_the_folder_of_another() {
        assert_ne!(OTHER, own(""));
        for (path, _) in all() {
            let found = find(&format!("{OTHER}{path}"));
            match ASSETS.named.contains(&path) {
                true => {
                    assert!(matches!(found, Some(Place::Moved(to)) if to == format!("../../..{}", own(path))), "{path}")
                }
                false => assert!(found.is_none(), "{path}"),
            }
        }
        // What is no name of a build is no build.
        for folder in [
            "/v/0123456789ABCDEF",
            "/v/0123456789abcde",
            "/v/0123456789abcdef0",
            "/v/ä123456789abcdef",
            "/v/%30123456789abcde",
        ] {
            assert!(find(&format!("{folder}/page/page.js")).is_none(), "{folder}");
        }
    }

    #[test]
    fn what_is_at_a_plain_path_is_found_in_the_folder_of_its_build() {
        assert_eq!(lasting("/lib/mail/host.js"), format!("../..{}", own("/lib/mail/host.js")));
        assert_eq!(lasting("/one.js"), format!(".{}", own("/one.js")));
        assert_eq!(plain(&own("/lib/mail/host.js")), "/lib/mail/host.js");
        assert_eq!(plain("/lib/mail/host.js"), "/lib/mail/host.js");
    }

    #[test]
    fn entity_tags_are_weak_quoted_and_tell_files_apart() {
        let mut tags: Vec<_> = all().map(|(_, asset)| asset.etag).collect();
        assert!(tags.iter().all(|tag| tag.starts_with("W/\"") && tag.ends_with('"')));
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), all().count());
    }
}

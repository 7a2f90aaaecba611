//! Page, library and wasm, embedded by `build.rs`.
//!
//! A path is found exactly or not at all: there is no folder to walk out of.

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

/// The asset at a request path: `/` is the page, all others have their path in `web/`.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    let index = ASSETS.binary_search_by_key(&path, |(at, _)| at).ok()?;
    ASSETS.get(index).map(|(_, asset)| asset)
}

/// Every asset with its path, sorted by path.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Asset)> {
    ASSETS.iter().map(|(path, asset)| (*path, asset))
}

static ASSETS: &[(&str, Asset)] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_at_its_own_path_and_nowhere_else() {
        for (path, asset) in all() {
            assert!(find(path).is_some_and(|found| std::ptr::eq(found, asset)), "{path}");
            assert!(find(&format!("{path}x")).is_none());
        }
        for path in ["", "/index.html", "/lib", "/lib/", "/../Cargo.toml", "/lib/../index.html", "//"] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_page_and_its_module_are_there() {
        let page = find("/").expect("the page");
        assert!(page.content_type.starts_with("text/html"));
        let module = find("/lib/client_bg.wasm").expect("the module");
        assert_eq!(module.content_type, "application/wasm");
        assert!(module.identity.starts_with(b"\0asm"));
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

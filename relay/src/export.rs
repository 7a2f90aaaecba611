//! Writes page, element and library into a folder, for a static host: `poplar-relay web DIR [--relay URL]`.
//!
//! A static host sends none of the relay's headers, so the page takes its content policy with it, in a `<meta>`; and it
//! serves no tunnels, so another one names the relay that does.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};

use http::Uri;

use crate::assets;
use crate::headers::CONTENT_SECURITY_POLICY;

/// Lists what an export wrote, so that the next one into the same folder can take its place.
const MANIFEST: &str = ".poplar-export";

/// Writes everything that is served into `dir`, made where it is missing, and returns the number of files.
///
/// With `relay`, an `http`, `https`, `ws` or `wss` address, the page connects there; without, to the origin it is served from.
///
/// # Errors
///
/// `InvalidInput` for an address that is none, `AlreadyExists` for a folder with other things in it than an earlier
/// export, and whatever the file system says.
pub(crate) fn write(dir: &Path, relay: Option<&str>) -> Result<usize> {
    let relay = relay.map(Relay::parse).transpose()?;
    let page = assets::index().ok_or_else(|| Error::new(ErrorKind::NotFound, "this relay was built without a page"))?;
    let page = page_for(&String::from_utf8_lossy(page), relay.as_ref())?;

    let files: Vec<(&str, &[u8])> = assets::all()
        .map(|(path, asset)| match path {
            "/" => ("index.html", page.as_bytes()),
            path => (path.trim_start_matches('/'), asset.identity),
        })
        .collect();
    clear(dir)?;
    let manifest: String = files.iter().map(|(path, _)| format!("{path}\n")).collect();
    // First, so that an export that was cut can be repeated.
    fs::write(dir.join(MANIFEST), manifest)?;
    for (path, bytes) in &files {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(files.len())
}

/// The relay an exported page connects to.
struct Relay {
    tls: bool,
    authority: String,
}

impl Relay {
    fn parse(url: &str) -> Result<Relay> {
        let refuse = |why: &str| {
            let text =
                format!("the relay's address must look like https://relay.example.org or http://127.0.0.1:8110: {why}");
            Error::new(ErrorKind::InvalidInput, text)
        };
        let uri: Uri = url.parse().map_err(|_| refuse("this is not an address"))?;
        let tls = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(refuse("it begins with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("the host is missing"))?.as_str();
        if authority.contains('@') {
            return Err(refuse("a user name or password does not belong in it"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(refuse("nothing follows the host and port; the page adds the mailbox itself"));
        }
        // What a host name, an address and a port are made of, and nothing that ends a policy's source or an attribute.
        if !authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte)) {
            return Err(refuse("the host has a character that host names do not have"));
        }
        Ok(Relay { tls, authority: authority.to_ascii_lowercase() })
    }

    fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }

    fn websocket_origin(&self) -> String {
        format!("{}://{}", if self.tls { "wss" } else { "ws" }, self.authority)
    }
}

/// The page with its policy, and with its relay where one is named.
fn page_for(page: &str, relay: Option<&Relay>) -> Result<String> {
    let connect = match relay {
        Some(relay) => format!("'self' {} {}", relay.origin(), relay.websocket_origin()),
        None => "'self'".into(),
    };
    let mut head =
        format!("\n    <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", escape(&policy(&connect)));
    if let Some(relay) = relay {
        head.push_str(&format!("\n    <meta name=\"poplar-relay\" content=\"{}\">", escape(&relay.origin())));
    }
    let at = insertion_point(page).ok_or_else(|| Error::new(ErrorKind::InvalidData, "the page has no <head>"))?;
    let (before, after) = page.split_at(at);
    Ok(format!("{before}{head}{after}"))
}

/// The policy that the relay sends as a header, for a page whose connections go to `connect`. Without `frame-ancestors`, which has
/// no effect in a meta element (Content Security Policy 3, §3.3).
fn policy(connect: &str) -> String {
    CONTENT_SECURITY_POLICY
        .replace("connect-src 'self'", &format!("connect-src {connect}"))
        .replace("frame-ancestors 'none'; ", "")
}

/// Behind the character set, which a browser looks for in the first 1024 octets, and before anything a policy governs.
fn insertion_point(page: &str) -> Option<usize> {
    let behind = |start: &str| {
        let tag = page.find(start)?;
        Some(tag + page.get(tag..)?.find('>')? + 1)
    };
    behind("<meta charset").or_else(|| behind("<head"))
}

/// For a double-quoted attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Makes `dir` ready: there, and without what an earlier export wrote. Anything else in it is somebody's own.
fn clear(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let Ok(manifest) = fs::read_to_string(dir.join(MANIFEST)) else {
        return match fs::read_dir(dir)?.next() {
            None => Ok(()),
            Some(_) => {
                let text = format!(
                    "{} is not empty, and what is in it is not an earlier export: name another folder",
                    dir.display()
                );
                Err(Error::new(ErrorKind::AlreadyExists, text))
            }
        };
    };
    for path in manifest.lines().map(PathBuf::from) {
        // A line that climbs out of the folder is none of ours.
        if path.components().all(|component| matches!(component, Component::Normal(_))) {
            match fs::remove_file(dir.join(path)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<script src=\"x.js\"></script>\n</head>";

    fn exported(page: &str, relay: Option<&str>) -> String {
        page_for(page, relay.map(|url| Relay::parse(url).unwrap()).as_ref()).unwrap()
    }

    #[test]
    fn the_page_names_its_relay_and_may_connect_nowhere_else() {
        for (given, http, ws) in [
            ("https://Relay.example.org/", "https://relay.example.org", "wss://relay.example.org"),
            ("wss://relay.example.org:8443", "https://relay.example.org:8443", "wss://relay.example.org:8443"),
            ("http://127.0.0.1:8110", "http://127.0.0.1:8110", "ws://127.0.0.1:8110"),
        ] {
            let page = exported(PAGE, Some(given));
            assert!(page.contains(&format!("<meta name=\"poplar-relay\" content=\"{http}\">")), "{page}");
            assert!(page.contains(&format!("connect-src 'self' {http} {ws};")), "{page}");
        }
    }

    #[test]
    fn without_a_relay_the_page_keeps_to_its_own_origin() {
        let page = exported(PAGE, None);
        assert!(!page.contains("poplar-relay") && page.contains("connect-src 'self';"), "{page}");
    }

    #[test]
    fn the_policy_comes_behind_the_character_set_and_before_any_script() {
        let page = exported(PAGE, None);
        let at = |text: &str| page.find(text).unwrap();
        assert!(at("charset") < at("Content-Security-Policy") && at("Content-Security-Policy") < at("<script"));
    }

    #[test]
    fn an_address_that_would_change_the_policy_is_refused() {
        for bad in [
            "relay.example.org",
            "ftp://relay.example.org",
            "https://user:secret@relay.example.org",
            "https://relay.example.org/pop3/demo",
            "https://relay.example.org?x",
            "https://a; script-src *",
            "https://a,b",
            "https://*",
            "https://\"><script>",
            "",
        ] {
            let refused = Relay::parse(bad).err().unwrap_or_else(|| panic!("{bad}"));
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            assert!(!refused.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_folder_in_use_is_left_alone_and_an_export_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        assert_eq!(write(dir.path(), None).unwrap_err().kind(), ErrorKind::AlreadyExists);

        let dir = dir.path().join("new/site");
        let files = write(&dir, None).unwrap();
        assert_eq!(files, assets::all().count());
        // A file that an older version exported, and one that somebody added.
        fs::write(dir.join(MANIFEST), "old.js\n../../thesis.txt\n").unwrap();
        fs::write(dir.join("old.js"), "").unwrap();
        fs::write(dir.join("robots.txt"), "").unwrap();
        write(&dir, Some("https://relay.example.org")).unwrap();
        assert!(
            !dir.join("old.js").exists() && dir.join("robots.txt").exists() && dir.join("../../thesis.txt").exists()
        );
        assert!(fs::read_to_string(dir.join("index.html")).unwrap().contains("poplar-relay"));
        assert!(dir.join("lib/client_bg.wasm").is_file());
    }
}

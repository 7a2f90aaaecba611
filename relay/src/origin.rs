//! Which pages may use the relay: exact Origin and Host checks.
//!
//! The Host check keeps out names that only pretend to be this relay (DNS rebinding); the Origin check keeps out every page
//! that is neither the relay's own nor allowed. Both compare whole strings; nothing is a prefix or a pattern.

use crate::certificate::ServerTls;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A web origin as browsers serialise it (RFC 6454 §6.2): scheme, host and port, lower case, the usual port left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host and port, as a `Host` header names them.
    fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let wrong = || {
            format!(
                "`{text}` is no origin: write https://host or http://host, with :port where it is not the usual one"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(wrong()),
        };
        let authority: http::uri::Authority = rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| wrong())?;
        let host = authority.host().to_ascii_lowercase();
        if authority.as_str().contains('@') || !is_host(&host) {
            return Err(wrong());
        }
        match authority.as_str().get(host.len()..) {
            Some("") => Ok(Origin(format!("{scheme}://{host}"))),
            _ => match port(&authority) {
                Some(port) if port == usual => Ok(Origin(format!("{scheme}://{host}"))),
                Some(port) if port != 0 => Ok(Origin(format!("{scheme}://{host}:{port}"))),
                _ => Err(wrong()),
            },
        }
    }
}

/// The port of an authority, as everybody writes it: digits alone, where parsers of numbers also take a sign, and none too many.
pub(crate) fn port(authority: &http::uri::Authority) -> Option<u16> {
    let port = authority.port()?;
    (port.as_str() == port.as_u16().to_string()).then(|| port.as_u16())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a request's `Host` says about who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// This relay; with its own origin under that name, where it can be known.
    Own(Option<Origin>),
    /// This relay by the name `localhost`, on a loopback listener: the page belongs at this origin instead.
    Localhost(Origin),
    /// Somebody else.
    Wrong,
}

/// Where a connection was accepted, and what is known of the relay's names.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    /// The address the client connected to.
    pub(crate) local: SocketAddr,
    /// The relay's own certificate, where it serves HTTPS.
    pub(crate) tls: Option<&'a ServerTls>,
    /// Allowed origins. Their hosts are names of the relay too: behind a proxy nothing else tells them.
    pub(crate) allowed: &'a [Origin],
}

impl Site<'_> {
    /// Judges a `Host` header. A literal address must be the one connected to: a page that was led here by its own name cannot
    /// send that.
    pub(crate) fn host(&self, host: &str) -> Host {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        // An origin may be written with a slash behind it, a host may not (RFC 9110 §7.2).
        if host.ends_with('/') {
            return Host::Wrong;
        }
        let Ok(origin) = format!("{scheme}://{host}").parse::<Origin>() else { return Host::Wrong };
        let canonical = format!("{scheme}://{}", self.local).parse::<Origin>();
        if canonical.as_ref() == Ok(&origin) {
            // Plain HTTP to anything but loopback is a proxy's inside, not a place where a page lives.
            let lives_here = self.tls.is_some() || self.local.ip().is_loopback();
            return Host::Own(lives_here.then_some(origin));
        }
        if let Ok(canonical) = canonical
            && self.local.ip().is_loopback()
            && format!("{scheme}://localhost:{}", self.local.port()).parse() == Ok(origin.clone())
        {
            return Host::Localhost(canonical);
        }
        if self.tls.is_some_and(|tls| tls.is_for(host_name(origin.authority()))) {
            return Host::Own(Some(origin));
        }
        match self.allowed.iter().any(|allowed| allowed.authority() == origin.authority()) {
            true => Host::Own(None),
            false => Host::Wrong,
        }
    }

    /// Whether pages of an origin may use the relay. `null`, the origin of sandboxed frames and local files, never may.
    pub(crate) fn allows(&self, host: &Host, origin: &str) -> bool {
        let own = matches!(host, Host::Own(Some(own)) if own.as_str() == origin);
        own || self.allowed.iter().any(|allowed| allowed.as_str() == origin)
    }
}

/// Whether a host is a name or a literal address: a browser has no other in an origin, and what reads a URI lets more pass.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    }
}

/// An authority without its port.
fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_is_written_as_a_browser_would() {
        for (text, serialised) in [
            ("https://Clinic.Example", "https://clinic.example"),
            ("https://clinic.example:443/", "https://clinic.example"),
            ("http://clinic.example:443", "http://clinic.example:443"),
            ("http://[::1]:8110", "http://[::1]:8110"),
        ] {
            assert_eq!(origin(text).as_str(), serialised);
        }
        for bad in [
            "null",
            "*",
            "https://*.example",
            "clinic.example",
            "ftp://clinic.example",
            "https://",
            "https://a/b",
            "https://a:0",
            "https://a:99999",
            "https://a:+8443",
            "https://a:",
            "https://user@a",
            "https://a,https",
            "http://a[::1]:8110",
            "http://[a]:8110",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn on_loopback_the_relay_is_its_address_and_port() {
        let site = Site { local: "127.0.0.1:8110".parse().unwrap(), tls: None, allowed: &[] };
        let own = Host::Own(Some(origin("http://127.0.0.1:8110")));
        assert_eq!(site.host("127.0.0.1:8110"), own);
        assert_eq!(site.host("localhost:8110"), Host::Localhost(origin("http://127.0.0.1:8110")));
        for wrong in [
            "",
            "127.0.0.1",
            "127.0.0.1:8111",
            "127.0.0.2:8110",
            "localhost",
            "localhost.evil.example:8110",
            "[::1]:8110",
            "evil.example:8110",
            "127.0.0.1:8110@evil.example",
            "127.0.0.1:8110/x",
            "127.0.0.1:+8110",
            "127.0.0.1:08110",
            "127.0.0.1:8110/",
            "127.0.0.1:08110x",
        ] {
            assert_eq!(site.host(wrong), Host::Wrong, "{wrong}");
        }
        assert!(site.allows(&own, "http://127.0.0.1:8110"));
        for not in [
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:8111",
            "https://127.0.0.1:8110",
            "http://localhost:8110",
            "http://127.0.0.1:8110/",
            "HTTP://127.0.0.1:8110",
            "http://127.0.0.1:8110.evil.example",
        ] {
            assert!(!site.allows(&own, not), "{not}");
        }
        assert!(!site.allows(&site.host("localhost:8110"), "http://localhost:8110"), "its page lives at 127.0.0.1");
    }

    #[test]
    fn behind_a_proxy_the_allowed_origins_name_the_relay() {
        let allowed = [origin("https://relay.example"), origin("https://clinic.example:8443")];
        let site = Site { local: "10.0.0.5:8110".parse().unwrap(), tls: None, allowed: &allowed };
        assert_eq!(site.host("relay.example"), Host::Own(None));
        assert_eq!(site.host("Clinic.example:8443"), Host::Own(None));
        assert_eq!(site.host("10.0.0.5:8110"), Host::Own(None), "a health check by address, but no page lives there");
        assert_eq!(site.host("evil.example"), Host::Wrong);
        assert_eq!(site.host("localhost:8110"), Host::Wrong);
        let host = site.host("relay.example");
        assert!(site.allows(&host, "https://relay.example") && site.allows(&host, "https://clinic.example:8443"));
        assert!(!site.allows(&host, "http://relay.example") && !site.allows(&host, "http://10.0.0.5:8110"));
    }

    #[test]
    fn under_tls_the_certificate_names_the_relay() {
        let dir = std::env::temp_dir().join(format!("poplar-origin-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
        std::fs::write(dir.join("cert"), made.cert.pem()).unwrap();
        std::fs::write(dir.join("key"), made.signing_key.serialize_pem()).unwrap();
        let tls = ServerTls::load(&dir.join("cert"), &dir.join("key")).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();

        let site = Site { local: "10.0.0.5:8443".parse().unwrap(), tls: Some(&tls), allowed: &[] };
        for (host, own) in [
            ("relay.example", "https://relay.example"),
            ("relay.example:443", "https://relay.example"),
            ("relay.example:8443", "https://relay.example:8443"),
        ] {
            assert_eq!(site.host(host), Host::Own(Some(origin(own))));
        }
        assert_eq!(site.host("evil.example"), Host::Wrong);
        assert!(!site.allows(&site.host("relay.example"), "http://relay.example"));
    }
}

//! The mail servers a relay may reach: each by a name, and nothing else.

use crate::config::Seconds;
use crate::limits::Seats;
use crate::origin;
use crate::tls::{Pin, UpstreamTls};
use poplar_wire::is_name;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The name of an upstream, as the browser says it in `/pop3/NAME`: 1 to 32 characters of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        match is_name(text) {
            true => Ok(Name(text.to_owned())),
            false => Err(format!("`{text}` cannot name an upstream: use 1 to 32 characters of a-z, 0-9 and -")),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How POP3 is spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `pop3s`: TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// `pop3+starttls`: TLS after `STLS` (RFC 2595 §4).
    StartTls,
    /// `pop3`: no TLS. To loopback only, unless allowed by name.
    Plain,
}

/// The host of an upstream, as its URL has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A DNS name, lower case.
    Name(String),
    /// A literal address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where an upstream is: `pop3s://host[:995]`, `pop3+starttls://host[:110]` or `pop3://host[:110]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamUrl {
    pub(crate) transport: Transport,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl UpstreamUrl {
    /// Whether the URL itself names this computer.
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<UpstreamUrl, String> {
        let wrong = |why: &str| {
            format!(
                "{why}: write pop3s://host, pop3+starttls://host or pop3://host, with :port where it is not the usual one"
            )
        };
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| wrong("the address of an upstream needs a scheme"))?;
        let (transport, usual_port) = match scheme.to_ascii_lowercase().as_str() {
            "pop3s" => (Transport::Tls, 995),
            "pop3+starttls" => (Transport::StartTls, 110),
            "pop3" => (Transport::Plain, 110),
            other => return Err(wrong(&format!("`{other}` is no scheme for an upstream"))),
        };
        // A user or password has no business in a configuration file or process list: it is refused, and not repeated here.
        if rest.contains('@') {
            return Err(wrong("the address of an upstream has no user and no password in it"));
        }
        let authority: http::uri::Authority = rest
            .strip_suffix('/')
            .unwrap_or(rest)
            .parse()
            .map_err(|_| wrong("the address of an upstream is a host and nothing more"))?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => usual_port,
            _ => origin::port(&authority)
                .filter(|port| *port != 0)
                .ok_or_else(|| wrong("the port is a number from 1 to 65535"))?,
        };
        let bare = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => match rustls::pki_types::DnsName::try_from(bare) {
                Ok(name) => Host::Name(name.as_ref().to_ascii_lowercase()),
                Err(_) => {
                    return Err(wrong(
                        "the host is no name and no address (write international names in their xn-- form)",
                    ));
                }
            },
        };
        Ok(UpstreamUrl { transport, host, port })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Tls => "pop3s",
            Transport::StartTls => "pop3+starttls",
            Transport::Plain => "pop3",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// What a configuration says of an upstream.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamEntry {
    pub(crate) name: Name,
    pub(crate) url: UpstreamUrl,
    /// What a person is shown; the name where nothing else is said.
    pub(crate) label: Option<String>,
    /// Extra roots.
    pub(crate) ca: Option<Ca>,
    /// Pins, of which one must match.
    pub(crate) pins: Vec<Pin>,
    /// Whether the host name may resolve to private and loopback addresses.
    pub(crate) private: bool,
    /// Whether `pop3://` may leave this computer.
    pub(crate) plaintext: bool,
    /// How many tunnels it may have at once.
    pub(crate) max_tunnels: Option<usize>,
    /// Its own time to be reached, and to be silent.
    pub(crate) dial_timeout: Option<Seconds>,
    pub(crate) idle_timeout: Option<Seconds>,
}

/// Where an upstream's extra roots come from.
#[derive(Clone, Debug)]
pub(crate) enum Ca {
    /// A PEM file.
    File(PathBuf),
    /// The PEM text itself, of the built-in mailbox.
    Pem(String),
}

impl FromStr for UpstreamEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<UpstreamEntry, String> {
        let Named { name, value } = text.parse::<Named<UpstreamUrl>>()?;
        Ok(UpstreamEntry::new(name, value))
    }
}

impl UpstreamEntry {
    pub(crate) fn new(name: Name, url: UpstreamUrl) -> UpstreamEntry {
        UpstreamEntry {
            name,
            url,
            label: None,
            ca: None,
            pins: Vec::new(),
            private: false,
            plaintext: false,
            max_tunnels: None,
            dial_timeout: None,
            idle_timeout: None,
        }
    }
}

/// An upstream, ready to be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) name: Name,
    pub(crate) label: String,
    pub(crate) url: UpstreamUrl,
    /// Whether the host name may resolve to private and loopback addresses.
    pub(crate) private: bool,
    /// How its certificate is verified; shared by all its tunnels. Unused where the transport is plain.
    pub(crate) tls: Arc<UpstreamTls>,
    /// How long it may take to be reached, and how long a tunnel to it may be silent.
    pub(crate) dial_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    /// Its tunnels.
    pub(crate) seats: Seats,
}

/// `NAME=VALUE`, as flags and file say something of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: Name,
    pub(crate) value: T,
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Named<T>, String> {
        let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE, with the upstream's name first")?;
        Ok(Named { name: name.parse()?, value: value.parse().map_err(|e: T::Err| e.to_string())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<UpstreamUrl, String> {
        text.parse()
    }

    #[test]
    fn urls_have_their_usual_ports() {
        for (text, full) in [
            ("pop3s://Mail.Example.org", "pop3s://mail.example.org:995"),
            ("pop3s://mail.example.org:1995/", "pop3s://mail.example.org:1995"),
            ("pop3+starttls://mail.example.org", "pop3+starttls://mail.example.org:110"),
            ("POP3://127.0.0.1", "pop3://127.0.0.1:110"),
            ("pop3s://[::1]:995", "pop3s://[::1]:995"),
        ] {
            assert_eq!(url(text).unwrap().to_string(), full);
        }
    }

    #[test]
    fn anything_but_a_host_is_refused() {
        for bad in [
            "mail.example.org",
            "https://mail.example.org",
            "pop3s://",
            "pop3s:///",
            "pop3s://host/inbox",
            "pop3s://host?x",
            "pop3s://host:0",
            "pop3s://host:70000",
            "pop3s://host:+995",
            "pop3s://host:",
            "pop3s://a b",
            "pop3s://-",
            "pop3s://münchen.example",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let refusal = url("pop3s://stan:SeCrEt@host").unwrap_err();
        assert!(!refusal.contains("SeCrEt") && !refusal.contains("stan"), "{refusal}");
    }

    #[test]
    fn what_names_this_computer() {
        for (text, loopback) in [
            ("pop3://localhost", true),
            ("pop3://127.8.9.1", true),
            ("pop3://[::1]", true),
            ("pop3://[::ffff:127.0.0.1]", true),
            ("pop3://10.0.0.1", false),
            ("pop3://localhost.example.org", false),
        ] {
            assert_eq!(url(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn an_entry_is_a_name_and_a_url() {
        let entry: UpstreamEntry = "direct=pop3s://mail.example.org".parse().unwrap();
        assert_eq!(entry.name.as_str(), "direct");
        for bad in ["pop3s://mail.example.org", "Direct=pop3s://h", "=pop3s://h", "direct="] {
            assert!(bad.parse::<UpstreamEntry>().is_err(), "{bad}");
        }
    }
}

//! The schema: one struct that flags, variables and the file are read into, and how they are laid over one another.

use super::{ConfigCode, ConfigError};
use crate::origin::Origin;
use crate::tls::Pin;
use crate::upstream::{Ca, Name, Named, UpstreamEntry, UpstreamUrl};
use clap::ValueEnum;
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Everything that can be configured. `None` and empty mean: not said here.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// TOML file with the same keys; flags win over POPLAR_… variables, variables over the file
    #[arg(long, env = "POPLAR_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,

    /// Address to listen on [default: 127.0.0.1:8110]. Anything but loopback needs --tls-cert or --behind-proxy, and --allow-origin
    #[arg(long, env = "POPLAR_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,

    /// A mail server, by the name the page calls it: NAME=pop3s://host (port 995), pop3+starttls://host (port 110) or pop3://host (port 110), with :port for another
    #[arg(long, env = "POPLAR_UPSTREAM", value_name = "NAME=URL", value_delimiter = ',', help_heading = "Upstreams")]
    #[serde(deserialize_with = "upstreams")]
    pub(crate) upstream: Vec<UpstreamEntry>,

    /// PEM file with extra root certificates for that upstream
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_CA",
        value_name = "NAME=FILE",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each")]
    pub(crate) upstream_ca: Vec<Named<PathBuf>>,

    /// Key that upstream must have (sha256:…, base64 or hex): beside a valid chain, or instead of one if self-signed
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_PIN",
        value_name = "NAME=PIN",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each")]
    pub(crate) upstream_pin: Vec<Named<Pin>>,

    /// Let that upstream's host name resolve to private or loopback addresses
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_PRIVATE",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each")]
    pub(crate) upstream_private: Vec<Name>,

    /// Let that upstream be pop3:// without being on this computer: passwords travel readable
    #[arg(
        long,
        env = "POPLAR_ALLOW_PLAINTEXT",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each")]
    pub(crate) allow_plaintext: Vec<Name>,

    /// Origin of pages that may use the relay, besides its own, as in `https://clinic.example`
    #[arg(long, env = "POPLAR_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', help_heading = "Access")]
    #[serde(deserialize_with = "each")]
    pub(crate) allow_origin: Vec<Origin>,

    /// File with access tokens, one per line, of which a client must present one
    #[arg(long, env = "POPLAR_TOKEN_FILE", value_name = "FILE", help_heading = "Access")]
    pub(crate) token_file: Option<PathBuf>,

    /// Certificate chain (PEM) to serve HTTPS and wss with
    #[arg(long, env = "POPLAR_TLS_CERT", value_name = "FILE", help_heading = "Access")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key (PEM) of that certificate
    #[arg(long, env = "POPLAR_TLS_KEY", value_name = "FILE", help_heading = "Access")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Network of a proxy whose X-Forwarded-For and PROXY protocol are believed
    #[arg(long, env = "POPLAR_BEHIND_PROXY", value_name = "CIDR", value_delimiter = ',', help_heading = "Access")]
    #[serde(deserialize_with = "each")]
    pub(crate) behind_proxy: Vec<Network>,

    /// Tunnels open at once, in all [default: 10000]
    #[arg(long, env = "POPLAR_MAX_TUNNELS", value_name = "N", help_heading = "Limits")]
    pub(crate) max_tunnels: Option<usize>,

    /// Tunnels open at once from one address, or one IPv6 /64 [default: 64]
    #[arg(long, env = "POPLAR_MAX_PER_ADDRESS", value_name = "N", help_heading = "Limits")]
    pub(crate) max_per_address: Option<usize>,

    /// Time for a client's handshake and request head [default: 10]
    #[arg(long, env = "POPLAR_HEADER_TIMEOUT", value_name = "SECONDS", help_heading = "Limits")]
    pub(crate) header_timeout: Option<Seconds>,

    /// Time to reach an upstream: name, TCP, TLS [default: 15]
    #[arg(long, env = "POPLAR_DIAL_TIMEOUT", value_name = "SECONDS", help_heading = "Limits")]
    pub(crate) dial_timeout: Option<Seconds>,

    /// Time without a byte of mail either way after which a tunnel ends [default: 900]
    #[arg(long, env = "POPLAR_IDLE_TIMEOUT", value_name = "SECONDS", help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Seconds>,

    /// Time after which a tunnel ends in any case [default: 43200]
    #[arg(long, env = "POPLAR_TOTAL_TIMEOUT", value_name = "SECONDS", help_heading = "Limits")]
    pub(crate) total_timeout: Option<Seconds>,

    /// Time that running tunnels get to finish when the relay is told to stop [default: 10]
    #[arg(long, env = "POPLAR_DRAIN_TIMEOUT", value_name = "SECONDS", help_heading = "Limits")]
    pub(crate) drain_timeout: Option<Seconds>,

    /// Address for /metrics, /healthz and /readyz; metrics are served nowhere else
    #[arg(long, env = "POPLAR_ADMIN_LISTEN", value_name = "ADDR", help_heading = "Operation")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// What to log: error, warn, info or debug [default: info]
    #[arg(long, env = "POPLAR_LOG", value_name = "LEVEL", help_heading = "Operation")]
    pub(crate) log: Option<LogLevel>,

    /// How to log [default: human]
    #[arg(long, env = "POPLAR_LOG_FORMAT", value_name = "FORMAT", help_heading = "Operation")]
    pub(crate) log_format: Option<LogFormat>,

    /// Open the page in a browser
    #[arg(long, env = "POPLAR_OPEN_BROWSER", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", help_heading = "Operation")]
    pub(crate) open_browser: Option<bool>,
}

impl Options {
    /// Puts the configuration file, if one is named, below what flags and variables say.
    pub(crate) fn with_file(self) -> Result<Options, ConfigError> {
        let Some(path) = &self.config else { return Ok(self) };
        let fail =
            |why: String| ConfigError::new(ConfigCode::File, format!("the configuration {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
        let mut file = Options::from_toml(&text).map_err(fail)?;
        file.make_relative_to(path.parent().unwrap_or(Path::new("")));
        Ok(self.over(file))
    }

    /// Parses the text of a configuration file.
    pub(crate) fn from_toml(text: &str) -> Result<Options, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// `self`, and below it `file`.
    fn over(mut self, file: Options) -> Options {
        fn list<T>(above: Vec<T>, below: Vec<T>) -> Vec<T> {
            if above.is_empty() { below } else { above }
        }
        fn named<T>(mut above: Vec<Named<T>>, below: Vec<Named<T>>) -> Vec<Named<T>> {
            let kept: Vec<_> = below.into_iter().filter(|it| above.iter().all(|ours| ours.name != it.name)).collect();
            above.extend(kept);
            above
        }
        let mut upstream = file.upstream;
        for entry in self.upstream {
            match upstream.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => known.url = entry.url,
                None => upstream.push(entry),
            }
        }
        self.upstream_private.extend(file.upstream_private);
        self.allow_plaintext.extend(file.allow_plaintext);
        Options {
            config: self.config,
            listen: self.listen.or(file.listen),
            upstream,
            upstream_ca: named(self.upstream_ca, file.upstream_ca),
            upstream_pin: named(self.upstream_pin, file.upstream_pin),
            upstream_private: self.upstream_private,
            allow_plaintext: self.allow_plaintext,
            allow_origin: list(self.allow_origin, file.allow_origin),
            token_file: self.token_file.or(file.token_file),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            behind_proxy: list(self.behind_proxy, file.behind_proxy),
            max_tunnels: self.max_tunnels.or(file.max_tunnels),
            max_per_address: self.max_per_address.or(file.max_per_address),
            header_timeout: self.header_timeout.or(file.header_timeout),
            dial_timeout: self.dial_timeout.or(file.dial_timeout),
            idle_timeout: self.idle_timeout.or(file.idle_timeout),
            total_timeout: self.total_timeout.or(file.total_timeout),
            drain_timeout: self.drain_timeout.or(file.drain_timeout),
            admin_listen: self.admin_listen.or(file.admin_listen),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            open_browser: self.open_browser.or(file.open_browser),
        }
    }

    /// Reads the paths of a file as relative to its folder.
    fn make_relative_to(&mut self, folder: &Path) {
        let entries = self.upstream.iter_mut().filter_map(|entry| match &mut entry.ca {
            Some(Ca::File(path)) => Some(path),
            _ => None,
        });
        let paths = entries
            .chain(self.upstream_ca.iter_mut().map(|named| &mut named.value))
            .chain([&mut self.token_file, &mut self.tls_cert, &mut self.tls_key].into_iter().flatten());
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

/// A span of time in seconds, whole or not.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(pub(super) Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Seconds, String> {
        match Duration::try_from_secs_f64(seconds) {
            // A year: what lasts longer is a mistake, and far below what clocks can add.
            Ok(span) if !span.is_zero() && span <= Duration::from_secs(31_536_000) => Ok(Seconds(span)),
            _ => Err("a time is a number of seconds above 0 and at most a year".to_owned()),
        }
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        text.parse::<f64>().map_err(|_| "a time is a number of seconds".to_owned())?.try_into()
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
        network.map(Network).map_err(|_| format!("`{text}` is no network: write 10.0.0.0/8, fd00::/8 or one address"))
    }
}

/// How much is logged. There is nothing finer than `debug`, and `trace` means it: dependencies would print payloads, so that level
/// is compiled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    #[value(alias = "trace")]
    #[serde(alias = "trace")]
    Debug,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

/// Reads a list of strings, each by its own syntax; the same as the flag's.
fn each<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(input: D) -> Result<Vec<T>, D::Error> {
    Vec::<String>::deserialize(input)?.iter().map(|text| text.parse().map_err(Error::custom)).collect()
}

/// Reads upstreams: a list of `NAME=URL`, or a table by name.
fn upstreams<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<UpstreamEntry>, D::Error> {
    struct Upstreams;

    impl<'de> Visitor<'de> for Upstreams {
        type Value = Vec<UpstreamEntry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of \"NAME=URL\" or a table [upstream.NAME]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(text) = seq.next_element::<String>()? {
                entries.push(text.parse().map_err(Error::custom)?);
            }
            Ok(entries)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((name, table)) = map.next_entry::<String, UpstreamTable>()? {
                entries.push(table.entry(name.parse().map_err(Error::custom)?).map_err(Error::custom)?);
            }
            Ok(entries)
        }
    }

    input.deserialize_any(Upstreams)
}

/// An upstream as a table of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UpstreamTable {
    url: String,
    label: Option<String>,
    ca: Option<PathBuf>,
    #[serde(default)]
    pin: Vec<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    plaintext: bool,
}

impl UpstreamTable {
    fn entry(self, name: Name) -> Result<UpstreamEntry, String> {
        let url: UpstreamUrl = self.url.parse()?;
        let pins = self.pin.iter().map(|pin| pin.parse()).collect::<Result<_, _>>()?;
        let UpstreamTable { label, ca, private, plaintext, .. } = self;
        Ok(UpstreamEntry { label, ca: ca.map(Ca::File), pins, private, plaintext, ..UpstreamEntry::new(name, url) })
    }
}

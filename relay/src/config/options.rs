//! The schema: one struct that flags, variables and the file are read into, and how they are laid over one another.

use super::values::{LogFormat, LogLevel, Network, Seconds, as_table, as_texts, each, upstreams};
use super::{ConfigCode, ConfigError};
use crate::origin::Origin;
use crate::tls::Pin;
use crate::upstream::{Ca, Name, Named, UpstreamEntry};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that can be configured. `None` and empty mean: not said here.
#[derive(Clone, Debug, Default, clap::Args, Deserialize, Serialize)]
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
    #[serde(deserialize_with = "upstreams", serialize_with = "as_table", skip_serializing_if = "Vec::is_empty")]
    pub(crate) upstream: Vec<UpstreamEntry>,

    /// PEM file with extra root certificates for that upstream
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_CA",
        value_name = "NAME=FILE",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_ca: Vec<Named<PathBuf>>,

    /// Key that upstream must have (sha256:…, base64 or hex): beside a valid chain, or instead of one if self-signed
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_PIN",
        value_name = "NAME=PIN",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_pin: Vec<Named<Pin>>,

    /// Let that upstream's host name resolve to private or loopback addresses
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_PRIVATE",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_private: Vec<Name>,

    /// Let that upstream be pop3:// without being on this computer: passwords travel readable
    #[arg(
        long,
        env = "POPLAR_ALLOW_PLAINTEXT",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) allow_plaintext: Vec<Name>,

    /// Tunnels open at once to that upstream, for a server that takes few connections from one address
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_MAX_TUNNELS",
        value_name = "NAME=N",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_max_tunnels: Vec<Named<usize>>,

    /// --dial-timeout for that upstream alone
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_DIAL_TIMEOUT",
        value_name = "NAME=SECONDS",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_dial_timeout: Vec<Named<Seconds>>,

    /// --idle-timeout for that upstream alone
    #[arg(
        long,
        env = "POPLAR_UPSTREAM_IDLE_TIMEOUT",
        value_name = "NAME=SECONDS",
        value_delimiter = ',',
        help_heading = "Upstreams"
    )]
    #[serde(deserialize_with = "each", skip_serializing)]
    pub(crate) upstream_idle_timeout: Vec<Named<Seconds>>,

    /// Origin of pages that may use the relay, besides its own, as in `https://clinic.example`
    #[arg(long, env = "POPLAR_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', help_heading = "Access")]
    #[serde(deserialize_with = "each", serialize_with = "as_texts", skip_serializing_if = "Vec::is_empty")]
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
    #[serde(deserialize_with = "each", serialize_with = "as_texts", skip_serializing_if = "Vec::is_empty")]
    pub(crate) behind_proxy: Vec<Network>,

    /// Tunnels open at once, in all [default: 10000]
    #[arg(long, env = "POPLAR_MAX_TUNNELS", value_name = "N", help_heading = "Limits")]
    pub(crate) max_tunnels: Option<usize>,

    /// Tunnels open at once from one address, or one IPv6 /64 [default: 64]
    #[arg(long, env = "POPLAR_MAX_PER_ADDRESS", value_name = "N", help_heading = "Limits")]
    pub(crate) max_per_address: Option<usize>,

    /// New tunnels a minute from one address, or one IPv6 /64, and ten times as many connections; 0 for no limit. This computer itself is not limited [default: 600]
    #[arg(long, env = "POPLAR_RATE_PER_ADDRESS", value_name = "N", help_heading = "Limits")]
    pub(crate) rate_per_address: Option<u32>,

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

    /// Let browsers keep the page, so that it opens without a network; false has them forget it [default: true]
    #[arg(long, env = "POPLAR_OFFLINE_PAGE", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", help_heading = "Operation")]
    pub(crate) offline_page: Option<bool>,
}

/// What holds where nothing is said.
pub(super) mod usual {
    use super::Seconds;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    pub(crate) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8110);
    pub(crate) const TUNNELS: usize = 10_000;
    /// A clinic shares one address.
    pub(crate) const PER_ADDRESS: usize = 64;
    /// Ten times what that many people need whose pages look every minute.
    pub(crate) const RATE: u32 = 600;
    pub(crate) const HEADER: Seconds = Seconds::whole(10);
    pub(crate) const DIAL: Seconds = Seconds::whole(15);
    /// RFC 1939 §3 gives a server at least 10 minutes; this leaves the first word to the server.
    pub(crate) const IDLE: Seconds = Seconds::whole(900);
    pub(crate) const TOTAL: Seconds = Seconds::whole(43_200);
    pub(crate) const DRAIN: Seconds = Seconds::whole(10);
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

    /// Parses the text of a configuration file. What is wrong is told by its place and not quoted: it may be an address with a
    /// password in it, or a token that belongs into a file of its own.
    pub(crate) fn from_toml(text: &str) -> Result<Options, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            format!("line {line}: {}", error.message())
        })
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
        for Named { name, .. } in &self.upstream_pin {
            // Pins of the same upstream say together what is good: one that is replaced is good no longer, wherever it was said.
            upstream.iter_mut().filter(|entry| entry.name == *name).for_each(|entry| entry.pins.clear());
        }
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
            upstream_max_tunnels: named(self.upstream_max_tunnels, file.upstream_max_tunnels),
            upstream_dial_timeout: named(self.upstream_dial_timeout, file.upstream_dial_timeout),
            upstream_idle_timeout: named(self.upstream_idle_timeout, file.upstream_idle_timeout),
            upstream_private: self.upstream_private,
            allow_plaintext: self.allow_plaintext,
            allow_origin: list(self.allow_origin, file.allow_origin),
            token_file: self.token_file.or(file.token_file),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            behind_proxy: list(self.behind_proxy, file.behind_proxy),
            max_tunnels: self.max_tunnels.or(file.max_tunnels),
            max_per_address: self.max_per_address.or(file.max_per_address),
            rate_per_address: self.rate_per_address.or(file.rate_per_address),
            header_timeout: self.header_timeout.or(file.header_timeout),
            dial_timeout: self.dial_timeout.or(file.dial_timeout),
            idle_timeout: self.idle_timeout.or(file.idle_timeout),
            total_timeout: self.total_timeout.or(file.total_timeout),
            drain_timeout: self.drain_timeout.or(file.drain_timeout),
            admin_listen: self.admin_listen.or(file.admin_listen),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            open_browser: self.open_browser.or(file.open_browser),
            offline_page: self.offline_page.or(file.offline_page),
        }
    }

    /// What holds where nothing else was said, filled in; and each upstream with all that was said of it.
    ///
    /// # Errors
    ///
    /// An upstream is named twice, or something is said of one that is not there.
    pub(crate) fn effective(mut self) -> Result<Options, ConfigError> {
        self.gather()?;
        self.listen.get_or_insert(usual::LISTEN);
        self.max_tunnels.get_or_insert(usual::TUNNELS);
        self.max_per_address.get_or_insert(usual::PER_ADDRESS);
        self.rate_per_address.get_or_insert(usual::RATE);
        self.header_timeout.get_or_insert(usual::HEADER);
        self.dial_timeout.get_or_insert(usual::DIAL);
        self.idle_timeout.get_or_insert(usual::IDLE);
        self.total_timeout.get_or_insert(usual::TOTAL);
        self.drain_timeout.get_or_insert(usual::DRAIN);
        self.log.get_or_insert(LogLevel::Info);
        self.log_format.get_or_insert(LogFormat::Human);
        self.open_browser.get_or_insert(false);
        self.offline_page.get_or_insert(true);
        Ok(self)
    }

    /// The configuration as the text of a file, which says the same. Nothing in it is a secret: a token, a key and a root are
    /// the names of the files that have them, and the address of an upstream has no password in it.
    pub(crate) fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|e| {
            ConfigError::new(ConfigCode::File, format!("the configuration cannot be written as TOML: {e}"))
        })
    }

    /// Gives each upstream what flags and variables say of it by name.
    fn gather(&mut self) -> Result<(), ConfigError> {
        self.upstream.sort_by(|a, b| a.name.cmp(&b.name));
        let twice = |pair: &[UpstreamEntry]| matches!(pair, [a, b] if a.name == b.name);
        if let Some([twice, _]) = self.upstream.windows(2).find(|pair| twice(pair)) {
            return Err(ConfigError::new(ConfigCode::Upstream, format!("the upstream {} is given twice", twice.name)));
        }
        let entries = &mut self.upstream;
        let mut entry = |name: &Name, say: &mut dyn FnMut(&mut UpstreamEntry)| {
            let entry = entries.iter_mut().find(|entry| entry.name == *name).ok_or_else(|| {
                ConfigError::new(
                    ConfigCode::Upstream,
                    format!("there is no upstream {name}: add it with --upstream {name}=pop3s://host"),
                )
            })?;
            say(entry);
            Ok(())
        };
        for Named { name, value } in std::mem::take(&mut self.upstream_ca) {
            entry(&name, &mut |entry| entry.ca = Some(Ca::File(value.clone())))?;
        }
        for Named { name, value } in std::mem::take(&mut self.upstream_pin) {
            entry(&name, &mut |entry| entry.pins.push(value))?;
        }
        for Named { name, value } in std::mem::take(&mut self.upstream_max_tunnels) {
            entry(&name, &mut |entry| entry.max_tunnels = Some(value))?;
        }
        for Named { name, value } in std::mem::take(&mut self.upstream_dial_timeout) {
            entry(&name, &mut |entry| entry.dial_timeout = Some(value))?;
        }
        for Named { name, value } in std::mem::take(&mut self.upstream_idle_timeout) {
            entry(&name, &mut |entry| entry.idle_timeout = Some(value))?;
        }
        for name in std::mem::take(&mut self.upstream_private) {
            entry(&name, &mut |entry| entry.private = true)?;
        }
        for name in std::mem::take(&mut self.allow_plaintext) {
            entry(&name, &mut |entry| entry.plaintext = true)?;
        }
        Ok(())
    }

    /// Whether other files belong to it.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn names_files(&mut self) -> bool {
        self.paths().next().is_some()
    }

    /// Reads the paths of a file as relative to its folder.
    fn make_relative_to(&mut self, folder: &Path) {
        for path in self.paths() {
            *path = folder.join(&*path);
        }
    }

    /// The same with paths that mean the same from any folder, since what is printed may be kept in another.
    pub(crate) fn with_absolute_paths(mut self) -> Options {
        for path in self.paths() {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        self
    }

    /// The files that it names.
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let entries = self.upstream.iter_mut().filter_map(|entry| match &mut entry.ca {
            Some(Ca::File(path)) => Some(path),
            _ => None,
        });
        entries
            .chain(self.upstream_ca.iter_mut().map(|named| &mut named.value))
            .chain([&mut self.token_file, &mut self.tls_cert, &mut self.tls_key].into_iter().flatten())
    }
}

//! One schema for flags, `POPLAR_…` variables and a TOML file, and what comes of it.
//!
//! Every key of [`Options`] is a flag (`--max-tunnels 100`), a variable (`POPLAR_MAX_TUNNELS=100`) and a key of the file
//! (`max-tunnels = 100`). Flags win over variables, variables over the file. A list replaces the whole list below it; what is
//! said of an upstream by its NAME replaces only that. Unknown keys in the file are refused. In the file an upstream may also
//! be a table, which is where it gets a label:
//!
//! ```toml
//! listen = "127.0.0.1:8110"
//! allow-origin = ["https://clinic.example"]
//!
//! [upstream.direct]
//! url = "pop3s://mail.example.org"   # the only key that must be there
//! label = "Direct messages"
//! ca = "roots.pem"                   # relative to this file
//! pin = ["sha256:…"]
//! private = false
//! plaintext = false
//! ```

use crate::origin::Origin;
use crate::tls::{ServerTls, UpstreamTls, add_roots, system_roots};
use crate::token::Tokens;
use crate::upstream::{Ca, Name, Named, Transport, Upstream, UpstreamEntry};
use ipnet::IpNet;
use rustls::RootCertStore;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

mod options;

use options::Seconds;
pub(crate) use options::{LogFormat, LogLevel, Options};

/// A configuration that was read, checked and found complete.
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// Sorted by name; each name once.
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) max_tunnels: usize,
    pub(crate) max_per_address: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) open_browser: bool,
}

impl Config {
    /// The upstream of that name.
    pub(crate) fn upstream(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.iter().find(|upstream| upstream.name.as_str() == name)
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) header: Duration,
    pub(crate) dial: Duration,
    /// RFC 1939 §3 gives a server at least 10 minutes; the default leaves the first word to the server.
    pub(crate) idle: Duration,
    pub(crate) total: Duration,
    pub(crate) drain: Duration,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct ConfigError {
    pub(crate) code: ConfigCode,
    sentence: String,
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigCode {
    /// The file cannot be read or is not of the schema.
    File,
    /// An upstream is named twice, or something is said of one that is not there.
    Upstream,
    /// A root, certificate or key cannot be used.
    Certificate,
    /// The token file cannot be read or has no token.
    Tokens,
    /// The relay would be open to people it should not be open to.
    Exposed,
}

impl ConfigError {
    fn new(code: ConfigCode, sentence: impl Into<String>) -> ConfigError {
        ConfigError { code, sentence: sentence.into() }
    }
}

impl Options {
    /// Checks everything and reads the files that are named.
    pub(crate) fn resolve(self) -> Result<Config, ConfigError> {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8110)));
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => {
                Some(ServerTls::load(cert, key).map_err(|why| ConfigError::new(ConfigCode::Certificate, why))?)
            }
            (None, None) => None,
            _ => return Err(ConfigError::new(ConfigCode::Certificate, "--tls-cert and --tls-key belong together")),
        };
        check_exposure(listen, tls.is_some(), &self)?;
        let tokens = self.token_file.as_deref().map(read_tokens).transpose()?;
        Ok(Config {
            listen,
            tls,
            tokens,
            timeouts: self.timeouts(),
            max_tunnels: self.max_tunnels.unwrap_or(10_000),
            max_per_address: self.max_per_address.unwrap_or(64),
            admin_listen: self.admin_listen,
            open_browser: self.open_browser.unwrap_or(false),
            proxies: self.behind_proxy.iter().map(|network| network.0).collect(),
            upstreams: self.upstreams()?,
            origins: self.allow_origin,
        })
    }

    /// The time limits, with their defaults.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let seconds = |said: Option<Seconds>, usual: u64| said.map_or(Duration::from_secs(usual), |seconds| seconds.0);
        Timeouts {
            header: seconds(self.header_timeout, 10),
            dial: seconds(self.dial_timeout, 15),
            idle: seconds(self.idle_timeout, 900),
            total: seconds(self.total_timeout, 43_200),
            drain: seconds(self.drain_timeout, 10),
        }
    }

    /// The upstreams, with all that is said of each.
    pub(crate) fn upstreams(&self) -> Result<Vec<Arc<Upstream>>, ConfigError> {
        let mut entries = self.upstream.clone();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(twice) =
            entries.windows(2).find(|pair| matches!(pair, [a, b] if a.name == b.name)).and_then(<[_]>::first)
        {
            return Err(ConfigError::new(ConfigCode::Upstream, format!("the upstream {} is given twice", twice.name)));
        }
        for Named { name, value } in &self.upstream_ca {
            entry(&mut entries, name)?.ca = Some(Ca::File(value.clone()));
        }
        for Named { name, value } in &self.upstream_pin {
            entry(&mut entries, name)?.pins.push(*value);
        }
        for name in &self.upstream_private {
            entry(&mut entries, name)?.private = true;
        }
        for name in &self.allow_plaintext {
            entry(&mut entries, name)?.plaintext = true;
        }
        let system = if entries.is_empty() { RootCertStore::empty() } else { system_roots() };
        entries.into_iter().map(|entry| ready(entry, &system).map(Arc::new)).collect()
    }
}

/// Refuses a listener that strangers could reach unprotected.
fn check_exposure(listen: SocketAddr, tls: bool, options: &Options) -> Result<(), ConfigError> {
    if listen.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let exposed = |need: &str| {
        Err(ConfigError::new(
            ConfigCode::Exposed,
            format!("{listen} can be reached from other computers, so the relay needs {need}"),
        ))
    };
    if !tls && options.behind_proxy.is_empty() {
        return exposed(
            "a certificate (--tls-cert FILE --tls-key FILE) or, where a proxy in front of it has one, that proxy's network \
             (--behind-proxy CIDR)",
        );
    }
    if options.allow_origin.is_empty() {
        return exposed("to be told which pages may use it: --allow-origin https://your-host.example");
    }
    Ok(())
}

fn read_tokens(path: &Path) -> Result<Tokens, ConfigError> {
    let fail = |why: String| ConfigError::new(ConfigCode::Tokens, format!("the token file {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    Tokens::parse(&text).map_err(fail)
}

/// The entry that a flag speaks of.
fn entry<'a>(entries: &'a mut [UpstreamEntry], name: &Name) -> Result<&'a mut UpstreamEntry, ConfigError> {
    entries.iter_mut().find(|entry| entry.name == *name).ok_or_else(|| {
        ConfigError::new(
            ConfigCode::Upstream,
            format!("there is no upstream {name}: add it with --upstream {name}=pop3s://host"),
        )
    })
}

/// Makes an upstream ready to be dialled.
fn ready(entry: UpstreamEntry, system: &RootCertStore) -> Result<Upstream, ConfigError> {
    let UpstreamEntry { name, url, label, ca, pins, private, plaintext } = entry;
    if url.transport == Transport::Plain && !plaintext && !url.is_loopback() {
        return Err(ConfigError::new(
            ConfigCode::Upstream,
            format!(
                "the upstream {name} is {url}: passwords and mail would travel readable. Use pop3s:// or pop3+starttls://, or, \
                 where that is truly wanted, --allow-plaintext {name}"
            ),
        ));
    }
    let mut roots = system.clone();
    let fail = |what: String, why: String| ConfigError::new(ConfigCode::Certificate, format!("{what}: {why}"));
    match ca {
        Some(Ca::File(path)) => {
            let what = || format!("the root {}", path.display());
            let pem = std::fs::read(&path).map_err(|e| fail(what(), format!("cannot be read: {e}")))?;
            add_roots(&mut roots, &pem).map_err(|why| fail(what(), why))?;
        }
        Some(Ca::Pem(pem)) => {
            add_roots(&mut roots, pem.as_bytes()).map_err(|why| fail(format!("the root of {name}"), why))?;
        }
        None => {}
    }
    if url.transport != Transport::Plain && roots.is_empty() && pins.is_empty() {
        tracing::warn!(upstream = %name, "this system has no root certificates: pass one with --upstream-ca or a pin");
    }
    let label = label.unwrap_or_else(|| name.as_str().to_owned());
    Ok(Upstream { name, label, url, private, tls: Arc::new(UpstreamTls::new(roots, pins)) })
}

#[cfg(test)]
mod tests;

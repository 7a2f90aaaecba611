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
//! max-tunnels = 200
//! dial-timeout = 15
//! idle-timeout = 900
//! ```

use crate::certificate::ServerTls;
use crate::limits::Seats;
use crate::origin::Origin;
use crate::tls::{UpstreamTls, add_roots, system_roots};
use crate::token::TokenFile;
use crate::upstream::{Ca, Transport, Upstream, UpstreamEntry};
use ipnet::IpNet;
use rustls::RootCertStore;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

mod options;
mod values;

pub(crate) use options::Options;
use options::usual;
pub(crate) use values::{LogFormat, LogLevel, Seconds};

/// A configuration that was read, checked and found complete.
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// Sorted by name; each name once.
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) tokens: Option<TokenFile>,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) max_tunnels: usize,
    pub(crate) max_per_address: usize,
    /// New tunnels a minute from one address, where that is limited.
    pub(crate) rate_per_address: Option<NonZeroU32>,
    pub(crate) timeouts: Timeouts,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) open_browser: bool,
    /// Browsers may keep the page, for visits without a network.
    pub(crate) offline_page: bool,
}

impl Config {
    /// The upstream of that name.
    pub(crate) fn upstream(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.iter().find(|upstream| upstream.name.as_str() == name)
    }

    /// What an operator should know of a configuration that is good.
    pub(crate) fn notes(&self) -> Vec<String> {
        let tokens = self.tokens.as_ref().map(|tokens| format!("Access tokens: {}.", tokens.count()));
        let days = self.tls.as_ref().and_then(ServerTls::days_left).map(|days| match days {
            ..0 => "The certificate has EXPIRED.".to_owned(),
            days => format!("The certificate is good for {days} days more."),
        });
        tokens.into_iter().chain(days).collect()
    }
}

/// How long things may take; what an upstream may take is its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) header: Duration,
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
        let options = self.effective()?;
        let listen = options.listen.unwrap_or(usual::LISTEN);
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(cert), Some(key)) => {
                Some(ServerTls::load(cert, key).map_err(|why| ConfigError::new(ConfigCode::Certificate, why))?)
            }
            (None, None) => None,
            _ => return Err(ConfigError::new(ConfigCode::Certificate, "--tls-cert and --tls-key belong together")),
        };
        check_exposure(listen, tls.is_some(), &options)?;
        let tokens = options.token_file.as_deref().map(TokenFile::load).transpose();
        Ok(Config {
            listen,
            tls,
            tokens: tokens.map_err(|why| ConfigError::new(ConfigCode::Tokens, why))?,
            timeouts: Timeouts {
                header: options.header_timeout.unwrap_or(usual::HEADER).0,
                total: options.total_timeout.unwrap_or(usual::TOTAL).0,
                drain: options.drain_timeout.unwrap_or(usual::DRAIN).0,
            },
            max_tunnels: options.max_tunnels.unwrap_or(usual::TUNNELS),
            max_per_address: options.max_per_address.unwrap_or(usual::PER_ADDRESS),
            rate_per_address: NonZeroU32::new(options.rate_per_address.unwrap_or(usual::RATE)),
            admin_listen: options.admin_listen,
            open_browser: options.open_browser.unwrap_or_default(),
            offline_page: options.offline_page.unwrap_or(true),
            proxies: options.behind_proxy.iter().map(|network| network.0).collect(),
            upstreams: options.ready()?,
            origins: options.allow_origin,
        })
    }

    /// The upstreams, with all that is said of each.
    pub(crate) fn upstreams(self) -> Result<Vec<Arc<Upstream>>, ConfigError> {
        self.effective()?.ready()
    }

    /// The upstreams of an effective configuration, ready to be dialled.
    fn ready(&self) -> Result<Vec<Arc<Upstream>>, ConfigError> {
        let system = if self.upstream.is_empty() { RootCertStore::empty() } else { system_roots() };
        self.upstream.iter().map(|entry| ready(entry.clone(), self, &system).map(Arc::new)).collect()
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

/// Makes an upstream ready to be dialled.
fn ready(entry: UpstreamEntry, options: &Options, system: &RootCertStore) -> Result<Upstream, ConfigError> {
    let UpstreamEntry { name, url, label, ca, pins, private, plaintext, max_tunnels, dial_timeout, idle_timeout } =
        entry;
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
    Ok(Upstream {
        name,
        label,
        url,
        private,
        tls: Arc::new(UpstreamTls::new(roots, pins)),
        dial_timeout: dial_timeout.or(options.dial_timeout).unwrap_or(usual::DIAL).0,
        idle_timeout: idle_timeout.or(options.idle_timeout).unwrap_or(usual::IDLE).0,
        seats: Seats::new(max_tunnels.unwrap_or(usize::MAX)),
    })
}

#[cfg(test)]
mod tests;

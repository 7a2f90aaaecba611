//! The relay as a running thing: what all connections share, the listeners, and a clean end.

use crate::accept::{accept_admin, accept_all};
use crate::config::Config;
use crate::door::Pass;
use crate::limits::{Full, Limits, Place, Rate};
use crate::metrics::{Metrics, Now};
use crate::proxy;
use crate::service::Inherited;
use crate::tunnel::{self, Browser, End};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Connections taken beside those of tunnels: pages being loaded, handshakes, health checks.
const SPARE_CONNECTIONS: usize = 512;

/// The same for one address. A browser opens at most six to one host (RFC 9112 §9.4 asks for few).
const SPARE_PER_ADDRESS: usize = 64;

/// Connections that an address may open for each tunnel, so to speak: a page takes up to six, and loads in bursts.
const CONNECTIONS_PER_TUNNEL: NonZeroU32 = match NonZeroU32::new(10) {
    Some(ten) => ten,
    None => NonZeroU32::MIN,
};

/// How often the files of certificate and tokens are looked at. Who cannot wait sends a signal.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A certificate that runs out is spoken of once a day, and at the start.
const LOOKS_A_DAY: u64 = 24 * 60;

/// How long tunnels get to say good-bye once their time to finish is over.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// How far the relay is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Open.
    Serving,
    /// Told to stop: not ready, no new tunnels, running ones may finish.
    Draining,
    /// Time is over: running tunnels are closed.
    Closing,
}

/// Everything that connections share.
pub(crate) struct Relay {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) tunnels: Limits,
    pub(crate) tunnel_rate: Option<Rate>,
    pub(crate) connections: Limits,
    connection_rate: Option<Rate>,
    /// Tells the sessions of this relay from those of another, or of another run, in logs that are collected from all.
    instance: u32,
    sessions: AtomicU64,
    pub(crate) phase: watch::Sender<Phase>,
}

/// A relay that listens.
pub(crate) struct Server {
    pub(crate) relay: Arc<Relay>,
    listener: TcpListener,
    admin: Option<TcpListener>,
}

impl Server {
    /// Starts to listen, on inherited sockets where there are any.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on: it is in use, not of this computer, or its port is reserved.
    pub(crate) async fn bind(config: Config, inherited: Inherited) -> Result<Server, BindError> {
        let listener = listen(inherited.listener, config.listen, "--listen").await?;
        // Where a socket was inherited for it, its address stands in the configuration.
        let admin = match config.admin_listen {
            Some(address) => Some(listen(inherited.admin, address, "--admin-listen").await?),
            None => None,
        };
        let (total, each) = (config.max_tunnels, config.max_per_address);
        let rate = config.rate_per_address;
        let relay = Arc::new(Relay {
            metrics: Metrics::new(&config.upstreams),
            tunnels: Limits::new(total, each),
            tunnel_rate: rate.map(Rate::new),
            connections: Limits::new(total.saturating_add(SPARE_CONNECTIONS), each.saturating_add(SPARE_PER_ADDRESS)),
            connection_rate: rate.map(|rate| Rate::new(rate.saturating_mul(CONNECTIONS_PER_TUNNEL))),
            // The keys of a hash map are the standard library's one source of randomness.
            instance: RandomState::new().build_hasher().finish() as u32,
            sessions: AtomicU64::new(0),
            phase: watch::Sender::new(Phase::Serving),
            config,
        });
        Ok(Server { relay, listener, admin })
    }

    /// What reads the files again that can be renewed while the relay runs.
    pub(crate) fn renewal(&self) -> Renewal {
        Renewal(self.relay.clone())
    }

    /// The address to open, with the port that was really taken.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.relay.config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", local_address(&self.listener, self.relay.config.listen))
    }

    /// Where metrics are, if they are served.
    pub(crate) fn admin_url(&self) -> Option<String> {
        let (listener, configured) = (self.admin.as_ref()?, self.relay.config.admin_listen?);
        Some(format!("http://{}/metrics", local_address(listener, configured)))
    }

    /// Serves until `stop` is done; then drains: running tunnels get the configured time to finish, and are closed after it.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let Server { relay, listener, admin } = self;
        let accepting = tokio::spawn(accept_all(relay.clone(), listener));
        let admin = admin.map(|listener| tokio::spawn(accept_admin(relay.clone(), listener)));
        let renewing = tokio::spawn(renew_by_itself(relay.clone()));
        stop.await;

        // The doors stay open while draining, so that balancers read "not ready" and browsers "draining" instead of nothing.
        relay.phase.send_replace(Phase::Draining);
        tracing::info!(tunnels = relay.tunnels.in_use(), "stopping: waiting for running tunnels");
        let all_gone = relay.phase.closed();
        if timeout(relay.config.timeouts.drain, all_gone).await.is_err() {
            relay.phase.send_replace(Phase::Closing);
            let _ = timeout(CLOSING_TIME, relay.phase.closed()).await;
        }
        renewing.abort();
        accepting.abort();
        if let Some(admin) = admin {
            admin.abort();
        }
        tracing::info!("stopped");
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}. Choose another with {flag} ADDR, as in {flag} {}", another(.address))]
pub(crate) struct BindError {
    address: SocketAddr,
    flag: &'static str,
    error: io::Error,
}

impl Relay {
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Runs a tunnel to its end and accounts for it. The log has numbers, never who or what.
    pub(crate) async fn run_tunnel(&self, browser: Browser, pass: Pass) {
        let session = format!("{:08x}-{}", self.instance, self.sessions.fetch_add(1, Relaxed) + 1);
        let name = &pass.upstream.name;
        tracing::info!(session, upstream = %name, "tunnel opened");
        self.metrics.opened(&pass.upstream);
        let started = Instant::now();

        let mut phase = pass.phase.clone();
        let closing = async {
            // The sender lives as long as the relay.
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
        };
        let report = tunnel::run(browser, &pass.upstream, self.config.timeouts.total, closing).await;

        self.metrics.to_browsers.fetch_add(report.to_browser, Relaxed);
        self.metrics.to_upstreams.fetch_add(report.to_upstream, Relaxed);
        let (close, reason) = match &report.end {
            End::Ours(close, reason) => (Some(*close), reason.as_ref()),
            End::Browser => (None, "the browser left"),
        };
        self.metrics.ended(&pass.upstream, close, report.dialled);
        tracing::info!(
            session,
            upstream = %name,
            close = close.map(|close| close.code()),
            reason,
            to_browser = report.to_browser,
            to_upstream = report.to_upstream,
            seconds = started.elapsed().as_secs(),
            "tunnel ended",
        );
    }

    /// What the metrics say besides counters.
    pub(crate) fn now(&self) -> Now<'_> {
        Now {
            tunnels: self.tunnels.in_use(),
            connections: self.connections.in_use(),
            draining: self.phase() != Phase::Serving,
            tls: self.config.tls.as_ref(),
        }
    }

    /// Takes a place for a connection. A proxy opens them for everybody; whoever comes past it is counted like anybody else.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Place, Full> {
        match proxy::is_listed(address, &self.config.proxies) {
            true => self.connections.take_for_many(address),
            false => self.connections.take(address),
        }
    }

    /// Whether a connection comes from this computer itself, and not from a proxy on it: no rate holds for who needs no relay to burden
    /// it.
    pub(crate) fn is_here(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() && !proxy::is_listed(address, &self.config.proxies)
    }

    /// Whether an address opens more connections than it should.
    pub(crate) fn comes_too_often(&self, address: IpAddr) -> bool {
        let counted = !self.is_here(address) && !proxy::is_listed(address, &self.config.proxies);
        self.connection_rate.as_ref().is_some_and(|rate| counted && !rate.admits(address))
    }

    /// Reads certificate and tokens again. What cannot be read stays as it was, and the log says why.
    fn renew(&self) {
        let say = |what: &str, outcome: Result<bool, String>| match outcome {
            Ok(true) => tracing::info!("{what} was read again and has changed"),
            Ok(false) => {}
            Err(why) => tracing::error!("{what} stays as it was: {why}"),
        };
        if let Some(tls) = &self.config.tls {
            say("the certificate", tls.reload());
        }
        if let Some(tokens) = &self.config.tokens {
            say("the token file", tokens.reload());
            if tokens.count() == 0 {
                tracing::error!("the token file has no token in it: nobody can come in");
            }
        }
    }
}

/// Reads the files again that can be renewed while the relay runs.
pub(crate) struct Renewal(Arc<Relay>);

impl Renewal {
    pub(crate) fn now(&self) {
        self.0.renew();
    }
}

async fn listen(
    given: Option<std::net::TcpListener>,
    address: SocketAddr,
    flag: &'static str,
) -> Result<TcpListener, BindError> {
    let listening = match given {
        Some(given) => TcpListener::from_std(given),
        None => TcpListener::bind(address).await,
    };
    listening.map_err(|error| BindError { address, flag, error })
}

/// Looks at the files of certificate and tokens from time to time.
async fn renew_by_itself(relay: Arc<Relay>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    for look in 0_u64.. {
        ticks.tick().await;
        // The first is at once, and they were read just now.
        if look > 0 {
            relay.renew();
        }
        if look % LOOKS_A_DAY == 0
            && let Some(tls) = &relay.config.tls
        {
            tls.warn_of_expiry();
        }
    }
}

/// An address that is likely to be free.
fn another(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8110))
}

fn local_address(listener: &TcpListener, configured: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(configured)
}

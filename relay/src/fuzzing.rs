//! For fuzz targets alone (feature `fuzzing`): what reads the words of strangers and operators, without the sockets around it.

use crate::config::Options;
use crate::http::Peer;
use crate::proxy;
use crate::serve::Server;
use crate::service::Inherited;
use http::{HeaderMap, Response, request};
use ipnet::IpNet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};

/// A relay that is asked by streams.
pub struct Relay(Server);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The address that was connected to.
    pub local: SocketAddr,
    /// The address it was connected from.
    pub socket: IpAddr,
    /// The client that a proxy announced.
    pub announced: Option<IpAddr>,
}

impl Relay {
    /// A relay of that configuration. It listens, and nobody is let in.
    ///
    /// # Errors
    ///
    /// The configuration cannot be used.
    pub async fn new(configuration: &str) -> Result<Relay, String> {
        let config = Options::from_toml(configuration)?.resolve().map_err(|error| error.to_string())?;
        Server::bind(config, Inherited::default()).await.map(Relay).map_err(|error| error.to_string())
    }

    /// Answers what comes from a stream, up to its end. `seen` is shown each request, the head of its reply, and how many tunnels would
    /// now be opened.
    pub async fn answer<S, F>(&self, stream: S, client: Client, seen: F)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(request::Parts, Response<()>, usize),
    {
        let Client { local, socket, announced } = client;
        let peer = Peer { local, socket, announced };
        let seen = |asked, reply: &crate::http::Reply, tunnels| {
            let mut head = Response::new(());
            (*head.status_mut(), *head.headers_mut()) = (reply.status(), reply.headers().clone());
            seen(asked, head, tunnels);
        };
        self.0.serve_stream(stream, peer, seen).await;
    }
}

/// The client that a listed proxy announces by the PROXY protocol, and what was read behind that.
///
/// # Errors
///
/// The stream ended, or what began as a header is none.
pub async fn announced(mut stream: impl AsyncRead + Unpin) -> io::Result<(Option<IpAddr>, Vec<u8>)> {
    proxy::read_header(&mut stream).await.map(|(client, rest)| (client, rest.to_vec()))
}

/// The client that listed proxies forward for.
pub fn forwarded_for(headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    proxy::forwarded_for(headers, proxies)
}

/// What came of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Configured {
    /// Where the relay would listen.
    pub listen: SocketAddr,
    /// Proxies that would be believed.
    pub proxies: usize,
    /// Origins whose pages may use it.
    pub origins: Vec<String>,
    /// Names and addresses of upstreams.
    pub upstreams: Vec<(String, String)>,
    /// What is printed of it.
    pub printed: String,
}

/// Reads the text of a configuration file. `None` where it names other files, which are not opened here.
///
/// # Errors
///
/// The first is about the text, the second about what it says.
pub fn configuration(text: &str) -> Result<Option<Result<Configured, String>>, String> {
    let mut options = Options::from_toml(text)?;
    if options.names_files() {
        return Ok(None);
    }
    let printed = options.clone().effective().and_then(|options| options.to_toml()).unwrap_or_default();
    Ok(Some(options.resolve().map_err(|error| error.to_string()).map(|config| Configured {
        listen: config.listen,
        proxies: config.proxies.len(),
        origins: config.origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
        upstreams: config.upstreams.iter().map(|it| (it.name.as_str().to_owned(), it.url.to_string())).collect(),
        printed,
    })))
}

//! Loopback ports that stay one's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// A free loopback port, kept from everybody else for as long as this lives.
///
/// The port is bound without listening, so a connect is refused. On Linux a server that sets `SO_REUSEADDR`, as servers do, may
/// bind it all the same, while the kernel gives it to nobody who asks for any port (socket(7), ip(7)). Elsewhere the port is only
/// known to have been free.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: Option<TcpSocket>,
}

impl Port {
    /// Finds and keeps a free port.
    pub fn reserve() -> io::Result<Port> {
        let socket = bind(0)?;
        let number = socket.local_addr()?.port();
        Ok(Port { number, _held: cfg!(target_os = "linux").then_some(socket) })
    }

    /// The port.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    /// Listens on it in this process. Needs a tokio runtime.
    pub fn listen(&self) -> io::Result<TcpListener> {
        bind(self.number)?.listen(128)
    }
}

fn bind(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_reserved_port_refuses_then_serves_its_owner_and_is_nobody_elses() {
        let port = Port::reserve().unwrap();
        assert!(TcpStream::connect(port.address()).await.is_err());
        for _ in 0..2 {
            let listener = port.listen().unwrap();
            assert!(TcpStream::connect(port.address()).await.is_ok());
            assert!(std::net::TcpListener::bind(port.address()).is_err(), "a second listener");
            drop(listener);
        }
    }
}

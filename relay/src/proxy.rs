//! Who is behind a proxy: the PROXY protocol and `X-Forwarded-For`, believed from listed networks and from nobody else.

use bytes::BytesMut;
use http::HeaderMap;
use ipnet::IpNet;
use ppp::{HeaderResult, PartialResult, v1, v2};
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest PROXY header that is read: version 2 with room for the extensions that balancers add (AWS, Azure: under 200
/// octets); version 1 needs 107.
const MAX_HEADER: usize = 1024;

/// Octets that begin a PROXY header of either version, and no HTTP request or TLS handshake.
const SIGNATURES: [&[u8]; 2] = [TEXT, b"\r\n\r\n\0\r\nQUIT\n"];

/// What version 1 begins with.
const TEXT: &[u8] = b"PROXY ";

/// Whether an address belongs to one of the listed proxies.
pub(crate) fn is_listed(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address.to_canonical()))
}

/// Reads what a listed proxy says before the first request: the client's address where it speaks the PROXY protocol (`None`
/// where it does not, or speaks for itself), and the bytes read beyond that.
///
/// # Errors
///
/// The connection ended, or what began as a PROXY header is none.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(Option<IpAddr>, BytesMut)> {
    let mut read = BytesMut::with_capacity(MAX_HEADER);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let begins = SIGNATURES.iter().any(|signature| read.starts_with(signature) || signature.starts_with(&read));
        if !begins {
            return Ok((None, read));
        }
        if let Some((client, length)) = header(&read)? {
            let rest = read.split_off(length.min(read.len()));
            return Ok((client, rest));
        }
        if read.len() >= MAX_HEADER {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// The client that a listed proxy forwards for: the last address in `X-Forwarded-For` that is not a listed proxy itself. What
/// stands before it was written by that client, and is worth nothing.
pub(crate) fn forwarded_for(headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let mut hops = headers
        .get_all("x-forwarded-for")
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|hop| address_of(hop.trim()))
        .collect::<Vec<_>>();
    while let Some(hop) = hops.pop() {
        match hop {
            Some(address) if is_listed(address, proxies) => {}
            // An unreadable hop hides what is before it.
            other => return other,
        }
    }
    None
}

/// The client that a header names and its length; `None` while more of it is to come.
fn header(read: &[u8]) -> io::Result<Option<(Option<IpAddr>, usize)>> {
    if !read.starts_with(TEXT) {
        let header = HeaderResult::parse(read);
        return header.is_complete().then(|| client_of(header).ok_or(io::ErrorKind::InvalidData.into())).transpose();
    }
    // The parser takes half an address for a wrong one, so version 1 is parsed by the whole line: up to the first CR LF, and exactly
    // that. If anything else ended it, what is read would depend on how it arrives.
    let Some(end) = read.windows(2).position(|end| end == b"\r\n").map(|at| at + 2) else { return Ok(None) };
    let line = read.get(..end).map(HeaderResult::parse).and_then(client_of);
    line.filter(|(_, length)| *length == end).map(Some).ok_or(io::ErrorKind::InvalidData.into())
}

/// The source address and the length of a complete header; `None` for one that is malformed.
fn client_of(header: HeaderResult<'_>) -> Option<(Option<IpAddr>, usize)> {
    match header {
        HeaderResult::V1(Ok(header)) => {
            let client = match header.addresses {
                v1::Addresses::Unknown => None,
                v1::Addresses::Tcp4(pair) => Some(IpAddr::V4(pair.source_address)),
                v1::Addresses::Tcp6(pair) => Some(IpAddr::V6(pair.source_address)),
            };
            Some((client, header.header.len()))
        }
        HeaderResult::V2(Ok(header)) => {
            let client = match (header.command, header.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(pair)) => Some(IpAddr::V4(pair.source_address)),
                (v2::Command::Proxy, v2::Addresses::IPv6(pair)) => Some(IpAddr::V6(pair.source_address)),
                _ => None,
            };
            Some((client, header.len()))
        }
        _ => None,
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    fn proxies() -> Vec<IpNet> {
        vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
    }

    fn forwarded(lines: &[&str]) -> Option<IpAddr> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        forwarded_for(&headers, &proxies())
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_is_the_client() {
        let client = Some("203.0.113.7".parse().unwrap());
        assert_eq!(forwarded(&["203.0.113.7"]), client);
        assert_eq!(forwarded(&["6.6.6.6, 203.0.113.7, 10.1.1.1"]), client, "what the client wrote itself is ignored");
        assert_eq!(forwarded(&["6.6.6.6", "203.0.113.7:4711", "[fd00::1]"]), client);
        assert_eq!(forwarded(&["6.6.6.6, unknown, 10.1.1.1"]), None);
        assert_eq!(forwarded(&["10.1.1.1"]), None);
        assert_eq!(forwarded(&[]), None);
    }

    #[test]
    fn mapped_addresses_are_listed_too() {
        assert!(is_listed("::ffff:10.1.1.1".parse().unwrap(), &proxies()));
        assert!(!is_listed("11.0.0.1".parse().unwrap(), &proxies()));
    }

    async fn read(sent: &[&[u8]]) -> io::Result<(Option<IpAddr>, BytesMut)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        let sent = sent.concat();
        let writer = tokio::spawn(async move {
            for byte in sent.chunks(1) {
                client.write_all(byte).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut result = read_header(&mut accepted).await;
        writer.await.unwrap();
        if let Ok((_, rest)) = &mut result {
            while accepted.read_buf(rest).await.unwrap() > 0 {}
        }
        result
    }

    #[tokio::test]
    async fn both_versions_name_the_client_byte_by_byte() {
        let v2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice(), &[203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80]]
            .concat();
        for header in [b"PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n".as_slice(), &v2] {
            let (client, rest) = read(&[header, b"GET / HTTP/1.1\r\n"]).await.unwrap();
            assert_eq!(client, Some("203.0.113.7".parse().unwrap()));
            assert_eq!(&rest[..], b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test]
    async fn a_proxy_without_the_protocol_is_left_alone() {
        for request in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"PUT / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02"] {
            let (client, rest) = read(&[request]).await.unwrap();
            assert_eq!((client, &rest[..]), (None, request));
        }
        let (client, rest) = read(&[b"PROXY UNKNOWN\r\nGET /"]).await.unwrap();
        assert_eq!((client, &rest[..]), (None, b"GET /".as_slice()), "a health check of the proxy itself");
        let unusual = b"PROXY UNKNOWN a\nb\r\nGET /".as_slice();
        let (client, rest) = read(&[unusual]).await.unwrap();
        let mut at_once = unusual;
        let (same, mut rest_at_once) = read_header(&mut at_once).await.unwrap();
        rest_at_once.extend_from_slice(at_once);
        assert_eq!((client, rest), (same, rest_at_once), "a lone LF ends no header, however it arrives");
    }

    #[tokio::test]
    async fn a_broken_header_is_refused() {
        for header in [
            b"PROXY TCP4 nonsense\r\n".as_slice(),
            b"PROXY ",
            b"PROXY UNKNOWN a\n b\r\x04c\r\nGET /",
            &[b"PROXY ".as_slice(), &[b'x'; 2000]].concat(),
        ] {
            assert!(read(&[header]).await.is_err());
        }
    }
}

//! A bare WebSocket client that speaks POP3 by hand: for what a browser hides, such as close codes and frame borders.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use poplar_wire::SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::PATIENCE;

/// An open tunnel.
pub struct Tunnel {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    received: Vec<u8>,
}

/// How a tunnel ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Bytes that came before the close and were not read yet.
    pub rest: Vec<u8>,
    /// The close code; `None` where the connection ended without a close frame.
    pub code: Option<u16>,
    /// The relay's words.
    pub reason: String,
}

impl Tunnel {
    /// Opens `url`, as a page of `origin` would.
    pub async fn open(url: &str, origin: &str) -> Result<Tunnel> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Origin", origin.parse()?);
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        let (socket, response) = timeout(PATIENCE, connect_async(request)).await??;
        let protocol = response.headers().get("Sec-WebSocket-Protocol");
        ensure!(protocol.is_some_and(|value| value == SUBPROTOCOL), "the relay echoed {protocol:?}");
        Ok(Tunnel { socket, received: Vec::new() })
    }

    /// Opens `url`, waits for the greeting and signs in.
    pub async fn sign_in(url: &str, origin: &str, user: &str, password: &str) -> Result<Tunnel> {
        let mut tunnel = Tunnel::open(url, origin).await?;
        let greeting = tunnel.line().await?;
        ensure!(greeting.starts_with("+OK"), "greeted with {greeting}");
        for command in [format!("USER {user}"), format!("PASS {password}")] {
            let reply = tunnel.command(&command).await?;
            ensure!(reply.starts_with("+OK"), "sign-in was answered {reply}");
        }
        Ok(tunnel)
    }

    /// Sends bytes as one frame.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.send_frame(Message::Binary(Bytes::copy_from_slice(bytes))).await
    }

    /// Sends any frame, also one that no honest client would.
    pub async fn send_frame(&mut self, frame: Message) -> Result<()> {
        Ok(self.socket.send(frame).await?)
    }

    /// Sends a command and returns the line that answers it.
    pub async fn command(&mut self, command: &str) -> Result<String> {
        self.send(format!("{command}\r\n").as_bytes()).await?;
        self.line().await
    }

    /// Sends a command with a multi-line answer and returns what follows the status line, unstuffed.
    pub async fn multiline(&mut self, command: &str) -> Result<Vec<u8>> {
        let status = self.command(command).await?;
        ensure!(status.starts_with("+OK"), "{command} was answered {status}");
        let mut body = Vec::new();
        loop {
            let line = self.raw_line().await?;
            match line.strip_prefix(b".") {
                Some(b"\r\n") => return Ok(body),
                Some(stuffed) => body.extend(stuffed),
                None => body.extend(line),
            }
        }
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.raw_line().await?)?.trim_end().to_owned())
    }

    /// Drops the connection without a close frame, as a closed laptop does.
    pub fn abandon(self) {
        drop(self.socket);
    }

    /// Closes the WebSocket, and waits until the relay has answered.
    pub async fn close(mut self) -> Result<()> {
        self.socket.close(None).await?;
        self.end().await.map(drop)
    }

    /// Reads until the tunnel ends.
    pub async fn end(mut self) -> Result<End> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.context("the tunnel does not end")? {
                Some(Ok(Message::Binary(bytes))) => self.received.extend(bytes),
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) =
                        frame.map_or((None, String::new()), |f| (Some(f.code.into()), f.reason.as_str().to_owned()));
                    return Ok(End { rest: self.received, code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(End { rest: self.received, code: None, reason: String::new() }),
            }
        }
    }

    async fn raw_line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.received, rest));
            }
            match timeout(PATIENCE, self.socket.next()).await.context("no answer")? {
                Some(Ok(Message::Binary(bytes))) => self.received.extend(bytes),
                Some(Ok(Message::Close(frame))) => bail!("closed in mid-answer: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the tunnel ended in mid-answer"),
            }
        }
    }
}

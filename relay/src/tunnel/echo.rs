//! For tests alone (feature `echo-route`): sends back what a WebSocket client sends, over the very stack that carries tunnels. What a
//! tunnel decides about a client's frames is decided by the same code here, but for text, which a tunnel refuses.

use super::browser::{Browser, RECORD};
use super::{End, LINGER_BRIEFLY, farewell, part, pop3_bytes};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Where it is found.
pub(crate) const PATH: &str = "/echo";

/// Invalid UTF-8 in a text (RFC 6455 §7.4.1). A tunnel has no use for it: it says 4400 to any text.
const INVALID_PAYLOAD: u16 = 1007;

/// Echoes until the client leaves or breaks the protocol.
pub(crate) async fn run(mut browser: Browser) {
    let end = loop {
        let (kind, payload) = match browser.socket().next().await {
            Some(Ok(Message::Text(text))) => (Data::Text, text.into()),
            Some(Ok(Message::Binary(bytes))) => (Data::Binary, bytes),
            Some(Err(Error::Utf8(_))) => {
                farewell(&mut browser, INVALID_PAYLOAD, "", LINGER_BRIEFLY, LINGER_BRIEFLY).await;
                return;
            }
            other => match pop3_bytes(other) {
                // A ping, whose answer is sent with the next look for a message.
                Ok(_) => continue,
                Err(end) => break end,
            },
        };
        if send(&mut browser, kind, payload).await.is_err() {
            break End::Browser;
        }
    };
    part(&mut browser, &end, LINGER_BRIEFLY).await;
}

/// Sends one message in pieces of the size that a tunnel sends: the write buffer has no room for a whole one of 64 KiB.
async fn send(browser: &mut Browser, mut kind: Data, mut payload: Bytes) -> Result<(), Error> {
    loop {
        let piece = payload.split_to(payload.len().min(RECORD));
        let last = payload.is_empty();
        browser.socket().send(Message::Frame(Frame::message(piece, OpCode::Data(kind), last))).await?;
        if last {
            return Ok(());
        }
        kind = Data::Continue;
    }
}

//! The tunnel: a WebSocket to the relay that carries raw POP3 bytes both ways.
//!
//! Architecture invariant: the tunnel knows nothing of POP3. It delivers bytes to a [`crate::pop3::Client`], sends what the client
//! gives it, and says in one [`crate::error::Error`] why it ended.

mod ending;
mod websocket;

pub(crate) use websocket::{Options, open};

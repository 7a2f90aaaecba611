//! The relay program against real sockets: peers that speak TLS and POP3, clients that speak WebSocket, well and badly.

// A test may fail loudly, its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod check;
mod doors;
mod ends;
mod limits;
mod service;
mod stopping;
mod support;
mod trust;

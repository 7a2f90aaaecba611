//! What the relay is said to stand: many sessions, slow and hostile clients, much at once, and a log that tells nothing.
//!
//! Small counts by default, the full ones with `POPLAR_LONG=1` (`tests/run --long`). What takes one connection to show is in
//! relay/tests; here is what takes many, or a real mail server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod half_open;
mod idle;
mod last_bytes;
mod logs;
#[cfg(target_os = "linux")]
mod memory;
mod sessions;
mod support;
mod versions;

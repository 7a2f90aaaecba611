//! The harness: what the tests of more than one part stand on.
//!
//! ```text
//! messages ──▶ Maildir ── dovecot ◀── faults ◀── relay ◀── tunnel, driver   (Rust tests, tests/tests)
//!                            │                     ▲
//!                          its log              Chromium               (browser specs, tests/browser, through bin/harness)
//! ```
//!
//! - [`messages`]: varied mail, the same for the same seed;
//! - [`dovecot`]: a private Dovecot; its own log line is the oracle for "exactly once", not our counters;
//! - [`mailutils`]: a private GNU mailutils pop3d, another hand's reading of the same standards;
//! - [`driver`]: the client's engine on this machine, through the real relay;
//! - [`faults`]: a TCP proxy that cuts, stalls, refuses and delays;
//! - [`relay`]: the relay as a child process, its most verbose log in a file; [`haproxy`]: two of them behind a balancer;
//! - [`tunnel`]: a bare WebSocket client, for what a browser cannot show;
//! - [`model`]: a POP3 server in memory, only for what no real one can be made to do: a cut at every octet, in step with the client;
//! - [`transcript`], [`scripted`]: what other servers do, one file each (tests/transcripts), and a server that plays it, in memory or on
//!   a port;
//! - [`account`], [`certificates`], [`log`], [`port`], [`process`]: what those are made of.
//!
//! Architecture invariant: nothing here imitates a part of the product, and but for [`model`] and [`scripted`] nothing imitates a POP3
//! server. Everything that is started ends with the process that started it, however that one ends. Unix only, because a process
//! group is what makes that certain.

pub mod account;
pub mod certificates;
pub mod dovecot;
pub mod driver;
pub mod faults;
pub mod haproxy;
pub mod log;
pub mod mailutils;
pub mod messages;
pub mod model;
pub mod model_client;
pub mod port;
pub mod process;
pub mod relay;
pub mod scripted;
pub mod simulation;
pub mod transcript;
pub mod tunnel;

/// How long an event that must come is waited for. Long beside what anything here takes, because a loaded machine is no failure;
/// nothing ever sleeps for it.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

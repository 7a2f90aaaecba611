//! Poplar's relay: carries POP3 bytes between a browser's WebSocket and a mail server's TLS connection, and serves the
//! page that reads them.
//!
//! The modules, in the order a connection meets them:
//!
//! - [`config`]: flags, `POPLAR_…` variables and a TOML file, one schema; [`upstream`]: the mail servers it names
//! - [`service`]: signals, and what a service manager gives and hears; [`serve`]: listeners and a clean end
//! - [`accept`]: the accept loop; [`wire`]: one accepted socket, [`certificate`]: what it is served with, [`proxy`]: who is behind it
//! - [`http`]: page, library, `/relay.json`, health, with [`headers`]; [`door`]: who gets a tunnel; [`origin`], [`token`], [`limits`], [`metrics`]
//! - [`tunnel`]: WebSocket bytes both ways; [`dial`]: TCP, STARTTLS and [`tls`] to the upstream; [`address`]: whom it may dial
//! - [`check`]: the same dialling, step by step and in words
//! - [`assets`], [`export`], [`demo`]: what is embedded, written out, and built in
//! - `fuzzing`: what the fuzz targets are given, in a build for them
//!
//! Architecture invariants: the relay connects to configured upstreams and to nothing else; it verifies TLS always; it knows
//! no POP3 beyond what STARTTLS needs (and `check` asks); it stores nothing and logs neither users nor content.

#![forbid(unsafe_code)]
// A map of the inside, for those who read it: `cargo doc --document-private-items`.
#![allow(rustdoc::private_intra_doc_links)]

mod accept;
mod address;
mod assets;
mod certificate;
mod check;
mod cli;
mod config;
mod demo;
mod dial;
mod door;
mod export;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod headers;
mod http;
mod limits;
mod metrics;
mod origin;
mod proxy;
mod serve;
mod service;
mod tls;
mod token;
mod tunnel;
mod upstream;
mod wire;

pub use cli::main;

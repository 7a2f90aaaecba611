//! The POP3 client that runs in a browser.
//!
//! In the order of the flow, from a call in JavaScript down to the bytes and back into the database:
//!
//! | module | what it is |
//! |---|---|
//! | [`js`] | the exports; the facade in `web/lib/mail` makes the public API of them |
//! | [`sync`] | what to do next: a pure planner, the UID table, and the engine that runs one session |
//! | [`store`] | the UID table, and envelopes and bodies, sealed, in IndexedDB; or all of it in memory |
//! | [`pop3`] | the protocol, sans-IO: bytes in, events out |
//! | [`mail`] | what is in a message |
//! | [`search`] | which words are in which messages |
//! | `tunnel` | the WebSocket to the relay |
//! | `browser` | time, IndexedDB, Web Locks and WebCrypto as Rust sees them |
//!
//! The guarantee, in one sentence: a message is marked retrieved in the transaction that stores its last bytes, is never asked for
//! again, and is deleted from the server only after that transaction is durable.
//!
//! Architecture invariant: `js`, `tunnel`, `browser` and `store::idb` are all that knows of a browser. The rest compiles and is
//! tested on any machine, against a real server or a simulated one.
//!
//! Architecture invariant: no log, no error and no panic holds a password or a word of mail.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[cfg(target_arch = "wasm32")]
mod browser;
pub mod error;
#[cfg(target_arch = "wasm32")]
pub mod js;
pub mod mail;
mod md5;
pub mod pop3;
pub mod search;
pub mod store;
pub mod sync;
#[cfg(target_arch = "wasm32")]
mod tunnel;

/// A third of the size of the standard library's, and no slower; memory that was freed is joined and used again as well as there
/// (measured with random sizes up to 9 MB, and with messages of 30 MB in pieces).
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

//! What the fuzz targets do with their input, and the properties they hold client and relay to.
//!
//! | module | what it drives |
//! |---|---|
//! | [`parsers`] | what reads lines and bodies, against naive readings of the same octets |
//! | [`session`] | the session machine, on any octets in any pieces and a caller who asks, waits and leaves at any moment |
//! | [`sync`] | the sync engine, on a server that answers rightly, wrongly, late or not at all |
//! | [`mime`] | the reader of messages, on any octets, and on files that must come back as they were |
//! | [`tnef`] | what unpacks a `winmail.dat` |
//! | [`request`] | the relay, on what a client or a proxy sends before there is a tunnel |
//! | [`configuration`] | the relay's configuration file |
//!
//! An input is text wherever it can be, so that a corpus can be read and a dictionary helps. For `session` and `sync` an octet from 0x80 to 0xbf is something
//! that happens, any other is one that the server sends.

pub mod configuration;
pub mod input;
pub mod mime;
pub mod parsers;
pub mod request;
pub mod session;
pub mod sync;
pub mod tnef;

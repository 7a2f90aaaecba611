//! POP3 (RFC 1939, RFC 2449) as the DataMotion guide uses it: bytes in, events out.
//!
//! In the order of the flow: [`command`] what is asked, [`session`] the machine, [`reply`], [`body`], [`listing`] and
//! [`capabilities`] what comes back, [`behaviour`] what that teaches of a server, [`client`] the async face of it all with
//! [`sign_in`] and the [`answer`]s, and [`transcript`] what may be shown of it.
//!
//! Architecture invariant: nothing in here does I/O, and nothing names `web_sys`, `js_sys`, a clock or a random source. Time and
//! bytes come in as arguments, so that the same code runs in a browser, in a test against a real server, and in a simulation.

pub mod answer;
pub mod behaviour;
pub mod body;
pub mod capabilities;
pub mod client;
pub mod command;
pub mod listing;
pub mod reply;
pub mod session;
pub mod sign_in;
pub mod transcript;

pub use answer::{Answer, Chunk};
pub use behaviour::{Behaviour, Pipelining};
pub use capabilities::{Capabilities, Mechanism};
pub use client::{Client, Wire};
pub use command::{Command, Secret};
pub use session::{Millis, Session, Settings, Window};
pub use sign_in::{Credential, Login, Method};
pub use transcript::Transcript;

//! What a session is asked to do, how far it is, and what it has done.

use super::policy::Policy;
use crate::error::Error;
use crate::store::Id;

/// What a sync retrieves of messages that are not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retrieve {
    /// Nothing: the list only.
    None,
    /// Headers and the first lines (TOP), once per message.
    Headers,
    /// The messages, whole.
    #[default]
    All,
    /// Those of at most so many octets, as LIST says; of the others the headers.
    Under(u64),
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Bring everything up to date, as the policy has it: list, retrieve, delete.
    Sync(Policy),
    /// Retrieve one message, though no policy wants it. Deletes nothing.
    Fetch(Id),
    /// Signs in, so that what is kept here is opened or can be sealed, and ends.
    SignIn,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Opening the tunnel.
    Connect,
    /// USER and PASS.
    Login,
    /// STAT, UIDL, LIST.
    List,
    /// TOP.
    Headers,
    /// RETR.
    Retrieve,
    /// DELE.
    Delete,
    /// QUIT.
    Quit,
}

/// How far a session is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Messages done in this phase.
    pub done: u32,
    /// Messages to do in this phase.
    pub total: u32,
    /// Octets done.
    pub bytes: u64,
    /// Octets to do, as LIST said.
    pub total_bytes: u64,
}

impl Progress {
    /// A phase that has begun.
    pub fn start(phase: Phase, total: usize, total_bytes: u64) -> Progress {
        Progress { phase, done: 0, total: u32::try_from(total).unwrap_or(u32::MAX), bytes: 0, total_bytes }
    }
}

/// A message that the server did not give.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// Which.
    pub id: Id,
    /// Why.
    pub error: Error,
}

/// What one session did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Messages stored.
    pub retrieved: u32,
    /// Messages whose headers came by TOP.
    pub headers: u32,
    /// Deletions that the server confirmed.
    pub deleted: u32,
    /// Octets of messages and headers received.
    pub bytes: u64,
    /// Messages that were recognised under new UIDs, by their headers.
    pub matched: u32,
    /// Messages that are only on the server now.
    pub remaining: u32,
    /// Messages that the server did not give.
    pub skipped: Vec<Skipped>,
}

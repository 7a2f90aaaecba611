//! One attempt at a mailbox: a session, and a second one only where the first has shown that the server does not take commands that
//! are queued behind others.

use core::cell::Cell;

use super::engine::Engine;
use super::report::{Job, Progress, Report};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::pop3::{Behaviour, Client, Login};
use crate::store::{Store, Timestamp};

/// What an attempt needs.
pub struct Attempt<'a, S: Store, C> {
    /// Opens a tunnel to a server of which so much is known, and waits for the greeting.
    pub connect: C,
    /// What is known of the server; what is learnt is put here.
    pub known: &'a Cell<Behaviour>,
    /// The UID table.
    pub table: &'a Table<S>,
    /// Who signs in.
    pub login: Login<'a>,
    /// Milliseconds since 1970.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Hears how far it is.
    pub progress: &'a dyn Fn(Progress),
}

impl<S: Store, C: AsyncFn(Behaviour) -> Result<Client>> Attempt<'_, S, C> {
    /// Runs `job`.
    ///
    /// # Errors
    /// What ended the session: what was whole by then is stored.
    pub async fn run(&self, job: Job) -> Result<Report> {
        let mut report = Report::default();
        loop {
            let before = self.known.get();
            let client = (self.connect)(before).await?;
            let engine = Engine::new(&client, self.table, self.now, self.progress);
            let result = engine.run(&self.login, job, &mut report).await;
            let learnt = client.behaviour();
            self.known.set(learnt);
            // After QUIT this is nothing; after an error it makes sure that nothing hangs on.
            client.hang_up(Error::closed());
            let too_much = before.pipelining != Some(false) && learnt.pipelining == Some(false);
            match result {
                // Once: from now on one command at a time. What was refused is asked for again.
                Err(error) if too_much && matches!(error.code, Code::Closed | Code::Timeout | Code::Protocol) => {
                    report.skipped.clear()
                }
                result => return result.map(|()| report),
            }
        }
    }
}

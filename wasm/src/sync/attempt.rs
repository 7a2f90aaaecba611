//! One attempt at a mailbox: a session, and a second one only where the first has shown that the server does not take commands that
//! are queued behind others.

use core::cell::Cell;

use super::engine::Engine;
use super::planner::Present;
use super::report::{Job, Progress, Report};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::pop3::{Behaviour, Client, Login};
use crate::store::{Id, Store, Timestamp};

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
    /// Runs `job`, from the tunnel to QUIT.
    ///
    /// # Errors
    /// What ended the session: what was whole by then is stored.
    pub async fn run(&self, job: Job) -> Result<Report> {
        let (report, visit) = self.open(job).await?;
        visit.leave(self.table, self.now, self.progress).await;
        Ok(report)
    }

    /// The same, but that after [`Job::Fetch`] the session stays open.
    ///
    /// # Errors
    /// As [`Attempt::run`].
    pub async fn open(&self, job: Job) -> Result<(Report, Visit)> {
        let mut report = Report::default();
        loop {
            let before = self.known.get();
            let client = (self.connect)(before).await?;
            let engine = Engine::new(&client, self.table, self.now, self.progress);
            let result = engine.run(&self.login, job, &mut report).await;
            let learnt = client.behaviour();
            self.known.set(learnt);
            let too_much = before.pipelining != Some(false) && learnt.pipelining == Some(false);
            let error = match result {
                Ok(present) => return Ok((report, Visit { client, present, is_open: matches!(job, Job::Fetch(_)) })),
                Err(error) => error,
            };
            // The message is not to be had, or what is kept here does not open; the session itself is well.
            if matches!(error.code, Code::Refused | Code::Locked | Code::WrongSecret) {
                engine.leave().await;
            }
            client.hang_up(Error::closed());
            // Once: from now on one command at a time. What was refused is asked for again.
            if !(too_much && matches!(error.code, Code::Closed | Code::Timeout | Code::Protocol)) {
                return Err(error);
            }
            report.skipped.clear();
        }
    }
}

/// A session that is still open, and the messages that it lists.
pub struct Visit {
    client: Client,
    present: Vec<Present>,
    is_open: bool,
}

impl Visit {
    /// Retrieves one message more.
    ///
    /// # Errors
    /// `refused` where it is not listed or the server does not give it; otherwise what ended the session.
    pub async fn fetch<S: Store>(
        &self,
        id: Id,
        table: &Table<S>,
        now: &dyn Fn() -> Timestamp,
        progress: &dyn Fn(Progress),
    ) -> Result<Report> {
        let mut report = Report::default();
        Engine::new(&self.client, table, now, progress).fetch(id, &self.present, &mut report).await?;
        Ok(report)
    }

    /// QUIT, where that was not said already, and the end of the tunnel.
    pub async fn leave<S: Store>(self, table: &Table<S>, now: &dyn Fn() -> Timestamp, progress: &dyn Fn(Progress)) {
        if self.is_open {
            Engine::new(&self.client, table, now, progress).leave().await;
        }
        self.client.hang_up(Error::closed());
    }
}

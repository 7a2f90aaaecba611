//! One session from sign-in to QUIT: list, retrieve, delete. Every step that matters is durable before the next depends on it.
//!
//! The order is the guarantee:
//! 1. New UIDs are in the table before anything is retrieved (`listing`).
//! 2. A message is marked retrieved in the transaction that stores its last bytes (`retrieving`).
//! 3. DELE is sent at the end, for rows that the table says are wanted at that moment, and QUIT right behind it (`deleting`).
//! 4. A deletion is confirmed when QUIT was answered `+OK`; where that answer is lost, the next session decides.

mod deleting;
mod listing;
mod retrieving;

use core::cell::Cell;

use super::planner::{Plan, Present};
use super::policy::{Order, Policy};
use super::report::{Job, Phase, Progress, Report};
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::pop3::{Answer, Client, Command, Login, listing::exact_stat};
use crate::store::{Id, Record, Store, Timestamp};

/// One session at work on one table. The caller sees to it that there is only one per account at a time.
pub struct Engine<'a, S: Store> {
    client: &'a Client,
    table: &'a Table<S>,
    now: &'a dyn Fn() -> Timestamp,
    progress: &'a dyn Fn(Progress),
    /// STAT's answer can be told from any other.
    exact_stat: Cell<bool>,
}

impl<'a, S: Store> Engine<'a, S> {
    /// An engine on a greeted tunnel. `now`: milliseconds since 1970; `progress` hears how far it is.
    pub fn new(
        client: &'a Client,
        table: &'a Table<S>,
        now: &'a dyn Fn() -> Timestamp,
        progress: &'a dyn Fn(Progress),
    ) -> Engine<'a, S> {
        Engine { client, table, now, progress, exact_stat: Cell::new(false) }
    }
}

impl<S: Store> Engine<'_, S> {
    /// One session, one attempt. What it did is added to `report`, whatever it comes to. A sync ends with QUIT; after
    /// [`Job::Fetch`] the session is open, for [`Engine::fetch`] to go on with the messages that are given back.
    ///
    /// # Errors
    /// What ended the session: what was whole by then is stored. For [`Job::Fetch`] also as [`Engine::fetch`].
    pub async fn run(&self, login: &Login<'_>, job: Job, report: &mut Report) -> Result<Vec<Present>> {
        if matches!(job, Job::SignIn) {
            self.sign_in(login).await?;
            self.table.accepted(&login.credential).await?;
            self.leave().await;
            return Ok(Vec::new());
        }
        let plan = self.open(login).await?;
        // Where the session had to be begun again, the first one has matched them.
        report.matched += u32::try_from(plan.rename.len()).unwrap_or(u32::MAX);
        match job {
            Job::Sync(policy) => {
                self.fetch_headers(self.lacking(&plan, &policy, Policy::wants_headers), report).await?;
                self.retrieve(self.lacking(&plan, &policy, Policy::wants_message), report).await?;
                self.delete_and_quit(&plan, &policy, report).await?;
                report.remaining = self.remaining();
            }
            Job::Fetch(id) => self.fetch(id, &plan.present, report).await?,
            Job::SignIn => {}
        }
        Ok(plan.present)
    }

    /// Retrieves one message of those that the session lists.
    ///
    /// # Errors
    /// `refused` where it is not on the server or the server does not give it: the session goes on then. Otherwise what ended it.
    pub async fn fetch(&self, id: Id, present: &[Present], report: &mut Report) -> Result<()> {
        // Another tab may have retrieved it while this one waited for its turn.
        if self.table.rows().get(id).is_some_and(Record::stored) {
            return Ok(());
        }
        let present = present.iter().find(|present| present.id == id).ok_or_else(vanished)?;
        self.retrieve(vec![*present], report).await?;
        report.remaining = self.remaining();
        report.skipped.pop().map_or(Ok(()), |skipped| Err(skipped.error))
    }

    /// Ends a session in which nothing was deleted; its answer decides nothing.
    pub async fn leave(&self) {
        (self.progress)(Progress::start(Phase::Quit, 0, 0));
        let _ = self.client.quit().await;
    }

    /// The messages of this session that the policy wants, in its order.
    fn lacking(&self, plan: &Plan, policy: &Policy, wants: fn(&Policy, &Record) -> bool) -> Vec<Present> {
        let rows = self.table.rows();
        let wanted = plan.present.iter().filter(|present| rows.get(present.id).is_some_and(|row| wants(policy, row)));
        let mut wanted: Vec<Present> = wanted.copied().collect();
        if policy.order == Order::Newest {
            wanted.reverse();
        }
        wanted
    }

    fn remaining(&self) -> u32 {
        let rows = self.table.rows();
        let only_there = rows.values().filter(|row| row.on_server && row.retrieved.is_none()).count();
        u32::try_from(only_there).unwrap_or(u32::MAX)
    }

    /// A question whose answer shows whether both ends are in step.
    fn question(&self) -> Command {
        if self.exact_stat.get() { Command::Stat } else { Command::Noop }
    }

    /// The answer to [`Self::question`]. Where it is another command's, answers before it may have been as well.
    async fn pass(&self, fence: &mut Answer) -> Result<()> {
        let status = fence.reply().await?;
        if exact_stat(&status).is_some() || !self.exact_stat.get() {
            return Ok(());
        }
        Err(self.out_of_step())
    }

    /// Ends the session: which answer is to which question is no longer known.
    fn out_of_step(&self) -> Error {
        if self.client.runs_ahead() {
            self.client.learn(&|behaviour| behaviour.pipelining = Some(false));
        }
        let error = Error::new(
            Code::Protocol,
            "the mail server's answers no longer fit the questions; the session was ended, and what was in doubt was not stored",
        );
        self.client.hang_up(error.clone());
        error
    }
}

fn vanished() -> Error {
    Error::new(Code::Refused, "this message is no longer on the server, and it was never stored here")
}

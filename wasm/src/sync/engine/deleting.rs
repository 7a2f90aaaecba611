//! The end of a session: DELE for what is wanted, and QUIT.

use super::Engine;
use crate::error::{Code, Result};
use crate::pop3::Command;
use crate::store::{Deletion, Edit, Id, Record, Store};
use crate::sync::ahead::{Ahead, Asked};
use crate::sync::planner::{Plan, Present};
use crate::sync::policy::Policy;
use crate::sync::report::{Phase, Progress, Report};

impl<S: Store> Engine<'_, S> {
    /// Sends DELE for what is wanted and certain, and ends the session.
    pub(super) async fn delete_and_quit(&self, plan: &Plan, policy: &Policy, report: &mut Report) -> Result<()> {
        let sent = loop {
            // A person, here or in another tab, may have had a say while this one was retrieving: also on what is deleted at all.
            self.table.refresh().await?;
            let now = self.policy_now(policy).await?;
            let policies = [*policy, now];
            self.wish(plan, &policies).await?;
            let wanted = if policies.iter().all(Policy::deletes) { self.wanted(plan, &policies) } else { Vec::new() };
            let wanted = self.readable(wanted).await?;
            if wanted.is_empty() {
                break Vec::new();
            }
            let sent = self.mark_deleted(&wanted).await?;
            let rows = self.table.edit(&sent, Edit::Sent).await?;
            if rows.iter().all(|row| row.deletion == Deletion::Sent) && self.policy_now(policy).await? == now {
                break sent;
            }
            // Somebody had a change of mind between DELE and now: take all back, and begin again with what is still wanted.
            self.client.rset().await?;
            self.table.edit(&sent, Edit::Unsent).await?;
        };
        (self.progress)(Progress::start(Phase::Quit, 0, 0));
        match self.client.quit().await {
            Ok(()) => {
                report.deleted = u32::try_from(sent.len()).unwrap_or(u32::MAX);
                self.table.edit(&sent, Edit::Confirmed).await.map(drop)
            }
            // Nothing hung on the answer: everything is stored, nothing was to be deleted.
            Err(error) if sent.is_empty() && !matches!(error.code, Code::Aborted | Code::Protocol) => Ok(()),
            // The session was ended, and the server says that not all was deleted: the next session will tell what was.
            Err(error) if error.code == Code::Refused => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the account's policy is by now; that of the session where none is kept.
    async fn policy_now(&self, session: &Policy) -> Result<Policy> {
        Ok(self.table.policy().await?.unwrap_or(*session))
    }

    /// Wishes on the policy's behalf, durably: what is deleted by it can be seen, and taken back, as a person's own wish. Only what
    /// was due when the session began, and still is.
    async fn wish(&self, plan: &Plan, policies: &[Policy]) -> Result<()> {
        // What goes with the page was not brought to safety.
        if !self.table.store().is_durable() {
            return Ok(());
        }
        let now = (self.now)();
        let due: Vec<Id> = {
            let rows = self.table.rows();
            let is_due = |present: &&Present| {
                rows.get(present.id).is_some_and(|row| policies.iter().all(|policy| policy.is_due(row, now)))
            };
            plan.present.iter().filter(|present| !present.doubtful).filter(is_due).map(|present| present.id).collect()
        };
        self.table.edit(&due, Edit::Due).await.map(drop)
    }

    /// What is to be deleted, listed in this session, and certain. A policy's wish goes with the policy.
    fn wanted(&self, plan: &Plan, policies: &[Policy]) -> Vec<Present> {
        let (rows, now) = (self.table.rows(), (self.now)());
        let holds = |row: &Record| !row.by_policy || policies.iter().all(|policy| policy.allows(row, now));
        let wanted =
            |id: Id| rows.get(id).is_some_and(|row| row.deletion == Deletion::Wanted && !row.unconfirmed && holds(row));
        plan.present.iter().filter(|present| !present.doubtful && wanted(present.id)).copied().collect()
    }

    /// Of these, without those that a policy deletes and that cannot be read here: what was damaged is still whole on the server, and only
    /// there.
    async fn readable(&self, wanted: Vec<Present>) -> Result<Vec<Present>> {
        let mut readable = Vec::with_capacity(wanted.len());
        for present in wanted {
            let by_policy = self.table.row(present.id).filter(|row| row.by_policy);
            let holds = match by_policy {
                Some(row) => self.reads(&row).await?,
                // A person knows what is to go.
                None => true,
            };
            if holds {
                readable.push(present);
            }
        }
        Ok(readable)
    }

    /// Whether the whole of a message opens.
    async fn reads(&self, row: &Record) -> Result<bool> {
        let mut octets = 0;
        for place in 0..row.chunks {
            match self.table.store().chunk(row.id, place).await {
                Ok(piece) => octets += piece.len() as u64,
                Err(error) if error.code == Code::Store => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(octets == row.octets)
    }

    /// DELE for each; the ids that the server took. Both ends are in step when it returns, so that QUIT's answer is QUIT's.
    async fn mark_deleted(&self, wanted: &[Present]) -> Result<Vec<Id>> {
        let mut progress = Progress::start(Phase::Delete, wanted.len(), 0);
        (self.progress)(progress);
        let mut sent = Vec::new();
        let mut ahead = Ahead::new(self.client, wanted.to_vec(), Command::Dele, self.question());
        while let Some((asked, mut answer)) = ahead.next(0) {
            if ahead.has_asked_all() {
                ahead.fence();
            }
            let Asked::Message(present) = asked else {
                self.pass(&mut answer).await?;
                continue;
            };
            // What is refused stays wanted, and is tried again in the next session.
            if answer.reply().await?.ok {
                sent.push(present.id);
            }
            progress.done += 1;
            (self.progress)(progress);
        }
        Ok(sent)
    }
}

//! The beginning of a session: sign in, list, and bring the table up to date.

use futures_util::future::{LocalBoxFuture, join};

use super::Engine;
use super::retrieving::{PREVIEW_LINES, begins_with_a_status};
use crate::error::{Code, Error, Result};
use crate::pop3::listing::{self, Named, Sized};
use crate::pop3::{Answer, Command, Login};
use crate::store::{Batch, Edit, Id, Store};
use crate::sync::ahead::{Ahead, Asked};
use crate::sync::heads;
use crate::sync::planner::{self, Digest, Heads, Listing, Plan, Present};
use crate::sync::report::{Phase, Progress};

/// What TOP is expected to bring: the headers of common mail are under 10 kB.
pub(super) const TOP_OCTETS: u64 = 16 << 10;
/// So many refusals, and not one answer, are taken for a server that does not know the command.
pub(super) const REFUSALS: usize = 3;

impl<S: Store> Engine<'_, S> {
    /// Signs in and brings the table up to date with what is listed.
    pub(super) async fn open(&self, login: &Login<'_>) -> Result<Plan> {
        self.sign_in(login).await?;
        // Asked again, because some servers tell the truth only now. What can travel with it does, while what is sealed here is opened,
        // which takes a while on purpose.
        let capa = self.client.queue(Command::Capa, 0);
        let accepted = async {
            self.table.accepted(&login.credential).await?;
            (self.progress)(Progress::start(Phase::List, 0, 0));
            Ok(())
        };
        let (accepted, listing) = join(accepted, self.list(capa)).await;
        accepted?;
        let listing = listing?;
        self.table.refresh().await?;
        let mut plan = self.plan(&listing).await?;
        let mut batch = Batch {
            insert: core::mem::take(&mut plan.insert),
            rename: plan.rename.clone(),
            edits: core::mem::take(&mut plan.edits),
            ..Batch::default()
        };
        for row in self.table.rows().values().filter(|row| row.retrieved.is_none() && row.chunks > 0) {
            batch.discard.push(row.id);
            batch.edits.push((row.id, Edit::Staged { chunks: 0 }));
        }
        self.table.apply(batch).await?;
        Ok(plan)
    }

    /// Signs in, and does nothing else.
    pub(super) async fn sign_in(&self, login: &Login<'_>) -> Result<()> {
        (self.progress)(Progress::start(Phase::Login, 0, 0));
        // Asked before the sign-in where nothing is known: it may decide how to sign in.
        if self.client.behaviour().capabilities.is_none() {
            self.client.capa().await?;
        }
        self.client.sign_in(login).await
    }

    /// Matches what is listed with what is known, by headers where UIDs and sizes leave a doubt and the server gives headers.
    async fn plan(&self, listing: &Listing) -> Result<Plan> {
        let mut heads = Heads::default();
        loop {
            let plan = planner::plan(listing, &self.table.rows(), &heads, (self.now)());
            if plan.ask.is_empty() && plan.look.is_empty() || self.client.behaviour().top == Some(false) {
                return Ok(plan);
            }
            for id in plan.look {
                heads.kept.insert(id, self.kept_head(id).await?);
            }
            // Until it is known otherwise there are none to be had, so that nothing is asked twice.
            plan.ask.iter().for_each(|line| heads.listed.insert(line.number, None));
            let mut digest = |line: Sized, head: &[u8]| heads.listed.insert(line.number, heads::digest(head));
            self.heads(plan.ask, |number| Command::Top(number, 0), &mut digest).await?;
        }
    }

    /// The digest of a kept message's headers.
    async fn kept_head(&self, id: Id) -> Result<Option<Digest>> {
        let store = self.table.store();
        let stored = self.table.row(id).is_some_and(|row| row.stored());
        let head = if stored { store.chunk(id, 0).await } else { store.top(id).await };
        match head {
            Ok(head) => Ok(heads::digest(&head)),
            // What was damaged here tells nothing, and is no reason to bring no other mail: the doubt remains.
            Err(error) if error.code == Code::Store => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells `each` of the headers of these messages; of those that the server does not give, nothing.
    fn heads<'a>(
        &'a self,
        of: Vec<Sized>,
        top: fn(u32) -> Command,
        each: &'a mut dyn FnMut(Sized, &[u8]),
    ) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let present = |line: Sized| Present { id: 0, number: line.number, size: line.octets, doubtful: false };
            let mut progress = Progress::start(Phase::Headers, of.len(), 0);
            let mut given = self.client.behaviour().top == Some(true);
            let of = of.into_iter().map(present).collect();
            let mut ahead = Ahead::new(self.client, of, top, self.question());
            while let Some((asked, mut answer)) = ahead.next(TOP_OCTETS) {
                let Asked::Message(Present { number, size: octets, .. }) = asked else {
                    self.pass(&mut answer).await?;
                    ahead.passed();
                    continue;
                };
                match answer.body_or_refusal().await? {
                    Ok(head) if ahead.runs_ahead() && begins_with_a_status(&head) => return Err(self.out_of_step()),
                    Ok(head) => {
                        given = true;
                        each(Sized { number, octets }, &head);
                    }
                    // Or was it the answer to something else?
                    Err(_) => ahead.fence(),
                }
                if !given && progress.done as usize + 1 >= REFUSALS {
                    self.no_top(&mut ahead);
                }
                progress.done += 1;
                (self.progress)(progress);
            }
            Ok(())
        })
    }

    /// UIDs made of headers and sizes, where the server gives none.
    async fn fingerprints(&self, sizes: &[Sized], refusal: &str) -> Result<Vec<Named>> {
        let mut uids = Vec::new();
        let mut name = |line: Sized, head: &[u8]| {
            uids.push(Named { number: line.number, uid: heads::uid(head, line.octets) });
        };
        self.heads(sizes.to_vec(), |number| Command::Top(number, PREVIEW_LINES), &mut name).await?;
        if uids.is_empty() {
            return Err(no_uids(refusal));
        }
        Ok(uids)
    }

    /// STAT, UIDL and LIST in one go; UIDL by number where the server gives it only so, as the guide does it.
    async fn list(&self, capa: Answer) -> Result<Listing> {
        let mut stat = self.client.queue(Command::Stat, 0);
        let takes_bare = self.client.behaviour().bare_uidl != Some(false);
        let mut uidl = takes_bare.then(|| self.client.queue(Command::Uidl, 0));
        let mut list = self.client.queue(Command::List, 0);
        self.client.flush();
        self.client.capa_from(capa).await?;
        let stat = stat.status().await?;
        self.exact_stat.set(listing::exact_stat(&stat).is_some());
        if !self.exact_stat.get() && self.client.runs_ahead() {
            // Nothing would show that an answer is missing.
            self.client.learn(&|behaviour| behaviour.pipelining = Some(false));
        }
        let count = listing::stat(&stat.text).map(|(count, _)| count);
        let mut bare = match &mut uidl {
            Some(uidl) => Some(uidl.listing_or_refusal().await?),
            None => None,
        };
        let sizes = list.listing_or_refusal().await??;
        if !self.exact_stat.get() {
            // Is that how this server answers STAT, or was it the answer to something else?
            let again = self.client.send(Command::Stat, 0).status().await?;
            if listing::exact_stat(&again).is_some() {
                return Err(self.out_of_step());
            }
        }
        let sizes: Vec<_> = listing::lines(&sizes).filter_map(listing::sized).collect();
        let mut uids = Vec::new();
        if !matches!(bare, Some(Ok(_))) {
            uids = self.uids_by_number(&sizes).await?;
            // The server has changed its ways.
            if uids.is_empty() && bare.is_none() {
                bare = Some(self.client.send(Command::Uidl, 0).listing_or_refusal().await?);
            }
        }
        match bare {
            Some(Ok(lines)) => {
                self.client.learn(&|behaviour| behaviour.bare_uidl = Some(true));
                uids = listing::lines(&lines).filter_map(listing::named).collect();
            }
            Some(Err(refusal)) if uids.is_empty() && !sizes.is_empty() => {
                self.table.refresh().await?;
                // It has given UIDs before: this time it does not, and all that is known would look new.
                if self.table.rows().values().any(|row| !row.by_fingerprint()) {
                    return Err(refusal);
                }
                uids = self.fingerprints(&sizes, &refusal.server_text).await?;
            }
            _ => {}
        }
        Ok(Listing { count, sizes, uids })
    }

    async fn uids_by_number(&self, sizes: &[Sized]) -> Result<Vec<Named>> {
        let mut uids = Vec::with_capacity(sizes.len());
        // A server that names none of the first few names none at all.
        let (first, rest) = sizes.split_at(sizes.len().min(REFUSALS));
        for lines in [first, rest] {
            let ask = |line: &Sized| self.client.queue(Command::UidlOne(line.number), 0);
            let asked: Vec<Answer> = lines.iter().map(ask).collect();
            self.client.flush();
            for (line, mut answer) in lines.iter().zip(asked) {
                // One message may be refused; the others keep their names. A name for another number is none for this one.
                let status = answer.reply().await?;
                let fits = |named: &Named| status.ok && named.number == line.number;
                uids.extend(listing::named(status.text.as_bytes()).filter(fits));
            }
            if uids.is_empty() {
                return Ok(uids);
            }
            self.client.learn(&|behaviour| behaviour.bare_uidl = Some(false));
        }
        Ok(uids)
    }
}

fn no_uids(server_text: &str) -> Error {
    let message =
        "this mail server gives its messages no unique names (UIDL), without which none can be retrieved exactly once";
    Error::new(Code::Protocol, message).with_server_text(server_text.to_owned())
}

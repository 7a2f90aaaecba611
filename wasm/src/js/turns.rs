//! Whose turn it is, and the session that a turn is for: one at a time among all tabs.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use futures_util::lock::MutexGuard;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::convert;
use super::kept::Kept;
use super::known;
use super::mailbox::{Mailbox, tell};
use super::vault;
use crate::browser::{locks, time};
use crate::error::{Code, Error, Result};
use crate::pop3::transcript::Line;
use crate::pop3::{Behaviour, Login, Settings};
use crate::store::{Id, Record};
use crate::sync::{Attempt, Job, Phase, Progress, Report, Retrieve, Visit};
use crate::tunnel;

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// A line of the contract's protocol.
    fn spoken(at: f64, said: &str, answer: &str, took: f64) -> JsValue;
}

impl Mailbox {
    /// One session that brings everything up to date, when it is this mailbox's turn among all tabs.
    pub(super) async fn sync(
        &self,
        login: Login<'_>,
        retrieve: Option<Retrieve>,
        signal: Option<AbortSignal>,
    ) -> Result<Report> {
        let _turn = self.turn(signal.as_ref()).await?;
        let policy = self.policy().await?;
        let job = Job::Sync(retrieve.map_or(policy, |retrieve| policy.with(retrieve)));
        let (report, visit) = self.attempt(login, job, signal).await?;
        visit.leave(&self.table, &time::now, &|_| {}).await;
        Ok(report)
    }

    /// Signs in and out: afterwards what is kept here is open.
    pub(super) async fn sign_in(&self, login: Login<'_>, signal: Option<AbortSignal>) -> Result<Report> {
        let _turn = self.turn(signal.as_ref()).await?;
        let (report, visit) = self.attempt(login, Job::SignIn, signal).await?;
        visit.leave(&self.table, &time::now, &|_| {}).await;
        Ok(report)
    }

    /// Retrieves one message: in the session that is open for that, or in one that stays open for the next.
    pub(super) async fn fetch(&self, login: Login<'_>, id: Id, signal: Option<AbortSignal>) -> Result<Report> {
        let mut visit = self.visit.lock().await;
        if let Some((open, _)) = visit.as_ref() {
            let progress = |progress: Progress| self.progress(progress);
            let fetched = open.fetch(id, &self.table, &time::now, &progress).await;
            match fetched {
                // The server has ended it meanwhile, as it may: another one is opened.
                Err(error) if error.code == Code::Closed => self.end(visit.take()).await,
                fetched => {
                    self.make_way(&mut visit).await;
                    return fetched;
                }
            }
        }
        let turn = self.turn_after(signal.as_ref()).await?;
        // Another tab may have retrieved it while this one waited.
        self.table.refresh().await?;
        if self.table.rows().get(id).is_some_and(Record::stored) {
            return Ok(Report::default());
        }
        let (report, open) = self.attempt(login, Job::Fetch(id), None).await?;
        *visit = Some((open, turn));
        self.make_way(&mut visit).await;
        Ok(report)
    }

    /// Ends the session that is open for the next message, now or as soon as it is at rest.
    pub(super) async fn leave(&self) {
        match self.visit.try_lock() {
            Some(mut visit) => self.end(visit.take()).await,
            None => self.wanted.set(true),
        }
    }

    /// Ends the open session where somebody waits for it.
    async fn make_way(&self, visit: &mut MutexGuard<'_, Option<(Visit, locks::Lock)>>) {
        if self.wanted.replace(false) {
            self.end(visit.take()).await;
        }
    }

    async fn end(&self, visit: Option<(Visit, locks::Lock)>) {
        if let Some((open, _turn)) = visit {
            open.leave(&self.table, &time::now, &|progress| self.progress(progress)).await;
            self.session.borrow_mut().take();
            self.state("closed");
        }
    }

    /// Runs one attempt. Whose turn it is has been seen to.
    async fn attempt(&self, login: Login<'_>, job: Job, signal: Option<AbortSignal>) -> Result<(Report, Visit)> {
        // Whoever had the turn before may have told of its changes, but nobody says that the telling comes before the turn.
        self.table.invalidate();
        let tried = self.passphrase_tried().await?;
        self.prepare(&login.credential).await?;
        self.state("connecting");
        let progress = |progress: Progress| self.progress(progress);
        let connect = async |behaviour: Behaviour| {
            progress(Progress::start(Phase::Connect, 0, 0));
            let options = tunnel::Options {
                url: self.account.relay.clone(),
                settings: Settings { behaviour, ..self.settings },
                token: self.token.clone(),
                signal: signal.clone(),
            };
            let (client, _) = tunnel::open(options).await.inspect_err(|error| self.noted("not connected", error))?;
            self.transcript.borrow_mut().note("connected", "", time::monotonic());
            client.keep(Rc::clone(&self.transcript));
            // Closed while it was connecting: nothing more is sent.
            self.check_open().inspect_err(|error| client.hang_up(error.clone()))?;
            self.state("open");
            *self.session.borrow_mut() = Some(client.clone());
            Ok(client)
        };
        let known = Cell::new(known::of(&self.account.relay));
        let attempt =
            Attempt { connect, known: &known, table: &self.table, login, now: &time::now, progress: &progress };
        let result = attempt.open(job).await.inspect_err(|error| self.noted("ended", error));
        self.remember(known.get()).await;
        if result.is_err() || !matches!(job, Job::Fetch(_)) {
            self.session.borrow_mut().take();
            self.state("closed");
        }
        match (tried, result) {
            (Some(sealed), Err(error)) if error.code == Code::WrongSecret => Err(vault::failed(sealed).await?),
            (_, result) => result,
        }
    }

    /// Takes up what earlier sessions of this account have learnt of the server, where this page knows nothing of it.
    pub(super) async fn recall(&self) -> Result<()> {
        if let Kept::Here(store) = self.table.store()
            && let Some(server) = store.disk().server().await?
        {
            known::recall(&self.account.relay, &server, time::now());
        }
        Ok(())
    }

    /// Keeps what a session has learnt. Losing it costs a round trip and no mail, so a database that fails is no failure here.
    async fn remember(&self, behaviour: Behaviour) {
        if let Some(server) = known::learn(&self.account.relay, behaviour)
            && let Kept::Here(store) = self.table.store()
        {
            let _ = store.disk().keep_server(&server).await;
        }
    }

    /// This mailbox's turn among all tabs, once it has ended what it keeps open itself.
    pub(super) fn turn<'a>(&'a self, signal: Option<&'a AbortSignal>) -> LocalBoxFuture<'a, Result<locks::Lock>> {
        Box::pin(async move {
            self.check_open()?;
            self.leave().await;
            self.turn_after(signal).await
        })
    }

    fn turn_after<'a>(&'a self, signal: Option<&'a AbortSignal>) -> LocalBoxFuture<'a, Result<locks::Lock>> {
        let name = "poplar:".to_owned() + &self.account.account;
        Box::pin(async move {
            let turn = locks::acquire(&name, signal).await?;
            // Closed while it waited: a lock leaves nothing behind that would go on by itself.
            self.check_open()?;
            Ok(turn)
        })
    }

    /// Writes down that something went wrong, without the server's words.
    fn noted(&self, what: &str, error: &Error) {
        self.transcript.borrow_mut().note(what, error.code.as_str(), time::monotonic());
    }

    /// What was said in the last sessions: `[{ at, said, answer, tookMs }]`.
    pub(super) fn spoken(&self) -> JsValue {
        let (wall, here) = (time::now() as f64, time::monotonic() as f64);
        let transcript = self.transcript.borrow();
        let line = |line: &Line| spoken(wall - here + line.at as f64, &line.said, &line.answer, line.took as f64);
        convert::array(transcript.lines().map(line)).into()
    }

    fn progress(&self, progress: Progress) {
        tell(&self.on_event, "progress", &convert::progress(&progress));
    }

    fn state(&self, state: &str) {
        tell(&self.on_event, "session", &state.into());
    }
}

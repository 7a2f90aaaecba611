//! One session, step by step: the client works until it waits, and then one thing happens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::LocalBoxFuture;
use poplar_client::error::{Code, Error, Result};
use poplar_client::pop3::{Behaviour, Client, Credential, Login, Method, Pipelining, Settings};
use poplar_client::store::{Batch, Deletion, Edit, Id, Record};
use poplar_client::sync::{Attempt, Job, Report, Table};

use super::Scene;
use super::cipher::password;
use super::disk::{Answer, Operation, Tab, TabStore, What};
use super::faults::Kind;
use super::line::Line;
use super::schedule::{DiskFault, Event, Pieces, SessionPlan, When};
use super::world::{ELSEWHERE, Page, World};

/// What no session of so few messages needs, even octet by octet.
const STEPS: u32 = 200_000;

/// How a session ended.
pub(super) enum End {
    Done(Result<Report>),
    Killed,
}

/// A session under way.
pub(super) struct Session<'a> {
    scene: &'a Rc<Scene>,
    plan: &'a SessionPlan,
    page: &'a Page,
    work: Option<LocalBoxFuture<'static, Result<Report>>>,
    clicks: Vec<LocalBoxFuture<'static, ()>>,
    woken: Arc<Woken>,
    /// Which of the plan's events are still to come.
    events: Vec<(When, Event)>,
    steps: u32,
    durable: u32,
    operations: u32,
    /// Undone when DELE was sent already: tried again when the session is over.
    undoing: Rc<RefCell<Vec<Id>>>,
}

impl<'a> Session<'a> {
    /// `unlocks`: the password with which a person opens what is kept here before it begins.
    pub(super) fn new(
        world: &'a World,
        page: &'a Page,
        plan: &'a SessionPlan,
        unlocks: Option<u32>,
        undoing: &Rc<RefCell<Vec<Id>>>,
    ) -> Self {
        let (scene, table, known) = (Rc::clone(&world.scene), Rc::clone(&page.table), Rc::clone(&page.known));
        let (pipelining, job, unreachable) = (world.scene.setting.pipelining, plan.job, plan.unreachable);
        Session {
            scene: &world.scene,
            plan,
            page,
            work: Some(Box::pin(work(scene, table, known, unlocks, pipelining, job, unreachable))),
            clicks: Vec::new(),
            woken: Arc::default(),
            events: plan.events.clone(),
            steps: 0,
            durable: 0,
            operations: 0,
            undoing: Rc::clone(undoing),
        }
    }

    /// Carries it out.
    pub(super) fn run(mut self) -> End {
        let end = loop {
            self.steps += 1;
            if self.steps > STEPS {
                self.scene.hold::<()>(Err("a session does not end".to_owned()));
            }
            if self.scene.has_failed() {
                break End::Killed;
            }
            if let Some(result) = self.poll() {
                break End::Done(result);
            }
            if self.happens() {
                break End::Killed;
            }
            // What has happened comes before what happens next.
            if !self.woken.0.load(Ordering::Relaxed) {
                self.step();
            }
        };
        self.settle();
        self.scene.notes.borrow_mut().played.steps += u64::from(self.steps);
        end
    }

    /// Lets the client work where something has come for it.
    fn poll(&mut self) -> Option<Result<Report>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        let mut first = self.steps == 1;
        while first
            || self.woken.0.swap(false, Ordering::Relaxed)
            || std::mem::take(&mut self.scene.disk.borrow_mut().answered)
        {
            first = false;
            self.clicks.retain_mut(|click| click.as_mut().poll(&mut context).is_pending());
            let done = match &mut self.work {
                Some(work) => work.as_mut().poll(&mut context),
                None => Poll::Pending,
            };
            self.scene.look();
            if let Poll::Ready(result) = done {
                self.work = None;
                self.scene.tell(|| format!("  session: {}", outcome(&result)));
                return Some(result);
            }
        }
        None
    }

    /// What the plan has for this moment. `true`: it was the end of the tab.
    fn happens(&mut self) -> bool {
        let (deles, quit) = {
            let server = self.scene.server.borrow();
            server.line.as_ref().map_or((0, false), |line| (line.deles, line.quit_pending))
        };
        let (commits, seals, key, key_durable) = {
            let disk = self.scene.disk.borrow();
            let of_head = |fits: &dyn Fn(&Operation) -> bool| {
                disk.queue.front().is_some_and(|head| head.tab == self.page.tab && fits(head))
            };
            let sets_key = |head: &Operation| matches!(head.what, What::SetKey(..));
            (
                of_head(&|head| matches!(head.what, What::Apply(..)) && head.done.is_none()),
                of_head(&Operation::is_sealed),
                of_head(&|head| sets_key(head) && head.done.is_none()),
                of_head(&|head| sets_key(head) && head.done.is_some()),
            )
        };
        let due = |when: &When| match *when {
            When::Step(at) => self.steps > at,
            When::Commit(at) => commits && self.durable + 1 >= at,
            When::Durable(at) => self.durable >= at,
            When::Dele(at) => deles >= at,
            When::Quit => quit,
            When::Seal => seals,
            When::Key => key,
            When::KeyDurable => key_durable,
        };
        let (now, later): (Vec<_>, Vec<_>) = self.events.iter().copied().partition(|(when, _)| due(when));
        self.events = later;
        now.into_iter().any(|(_, event)| self.event(event))
    }

    fn event(&mut self, event: Event) -> bool {
        let scene = self.scene;
        match event {
            Event::TabKilled => {
                self.kill();
                return true;
            }
            Event::RelayGone => {
                let code = if scene.rng.borrow_mut().bool() { Code::RelayUnreachable } else { Code::Closed };
                if let Some(client) = scene.cut() {
                    scene.met(Kind::RelayGone);
                    client.end(Error::new(code, "the relay is gone"));
                }
            }
            Event::Aborted => {
                let client = scene.server.borrow().line.as_ref().and_then(|line| line.client.upgrade());
                if let Some(client) = client {
                    scene.met(Kind::Aborted);
                    client.hang_up(Error::new(Code::Aborted, "aborted"));
                    scene.look();
                }
            }
            Event::Arrival => {
                scene.met(Kind::ArrivedDuring);
                scene.deliver();
            }
            Event::Removal => {
                if scene.remove() {
                    scene.met(Kind::RemovedDuring);
                }
            }
            Event::Wish { here } => {
                if let Some(id) = scene.wishable() {
                    self.click(id, Edit::Delete, here, if here { Kind::WishedHere } else { Kind::WishedElsewhere });
                }
            }
            Event::Undo { here } => {
                if let Some(id) = scene.undoable() {
                    self.click(id, Edit::Undelete, here, if here { Kind::UndoneHere } else { Kind::UndoneElsewhere });
                }
            }
        }
        false
    }

    /// A person clicks, in this tab or in another.
    fn click(&mut self, id: Id, edit: Edit, here: bool, kind: Kind) {
        self.scene.ledger.borrow_mut().click(id, edit, kind);
        self.scene.tell(|| format!("  click: {edit:?} row {id}, {}", if here { "here" } else { "elsewhere" }));
        if here {
            let (table, undoing) = (Rc::clone(&self.page.table), Rc::clone(&self.undoing));
            self.clicks.push(Box::pin(async move {
                let rows = table.edit(&[id], edit).await.unwrap_or_default();
                too_late(edit, &rows, &undoing);
            }));
            self.woken.0.store(true, Ordering::Relaxed);
        } else {
            let batch = Batch { edits: vec![(id, edit)], ..Batch::default() };
            self.scene.disk.borrow_mut().submit(ELSEWHERE, What::Apply(batch, Vec::new(), Vec::new(), 0));
        }
    }

    /// The tab is gone: what it had not made durable may become so, or not, and nobody hears of it.
    fn kill(&mut self) {
        let scene = self.scene;
        scene.met(Kind::TabKilled);
        self.work = None;
        self.clicks.clear();
        let (caught, sets_key, sealed, rewraps) = {
            let disk = scene.disk.borrow();
            let mine = || disk.queue.iter().filter(|operation| operation.tab == self.page.tab);
            let head = disk.queue.front().filter(|head| head.tab == self.page.tab && head.what.writes());
            let sets_key = head.is_some_and(|head| matches!(head.what, What::SetKey(..)));
            (head.map(|head| head.done.is_some()), sets_key, mine().any(Operation::is_sealed), disk.key().is_some())
        };
        let durable = match caught {
            Some(false) if scene.rng.borrow_mut().bool() => {
                scene.perform(None);
                Some(true)
            }
            caught => caught,
        };
        match durable {
            Some(true) => scene.met(if sets_key { Kind::KilledAfterKey } else { Kind::KilledAfterDurable }),
            Some(false) if sets_key => {
                scene.met(if rewraps { Kind::KilledRewrapping } else { Kind::KilledBeforeKey });
            }
            Some(false) => scene.met(Kind::KilledBeforeDurable),
            None => {}
        }
        if sealed && durable != Some(true) {
            scene.met(Kind::KilledSealed);
        }
        scene.disk.borrow_mut().forget(self.page.tab);
        if scene.server.borrow().line.as_ref().is_some_and(|line| !line.deleted.is_empty() && !line.quit_pending) {
            scene.met(Kind::KilledWithDeletions);
        }
        scene.cut();
    }

    /// One thing happens, of those that can.
    fn step(&mut self) {
        let scene = self.scene;
        let (reads, hears, ends) = {
            let server = scene.server.borrow();
            server.line.as_ref().map_or((false, false, false), |line| {
                let said = line.heard < line.outbox.len();
                (!line.inbox.is_empty(), said, line.closed || line.quit_read && !said)
            })
        };
        let stores = !scene.disk.borrow().queue.is_empty();
        let can = [reads, hears, stores];
        let count = can.iter().filter(|can| **can).count();
        if count == 0 {
            return self.pass_time(ends);
        }
        let chosen = scene.rng.borrow_mut().usize(..count);
        match (0..3).filter(|place| can[*place]).nth(chosen) {
            Some(0) => scene.read(),
            Some(1) => self.hear(),
            _ => self.store(),
        }
    }

    /// The client hears some of what the server has said.
    fn hear(&mut self) {
        let (client, bytes, cut) = {
            let mut server = self.scene.server.borrow_mut();
            let drops_after = server.mood.drops_after;
            let Some(line) = &mut server.line else { return };
            let said = line.outbox.len() - line.heard;
            let most = match self.plan.pieces {
                Pieces::All => said,
                // A message in several pieces is none of those that are taken apart octet by octet.
                Pieces::UpTo(_) if said > 16 << 10 => 16 << 10,
                Pieces::UpTo(most) => self.scene.rng.borrow_mut().usize(1..=most).min(said),
            };
            let left = drops_after.map_or(usize::MAX, |after| after.saturating_sub(line.octets));
            let length = most.min(left);
            let bytes = line.outbox[line.heard..line.heard + length].to_vec();
            line.heard += length;
            line.octets += length;
            if line.quit_read && line.heard == line.outbox.len() {
                line.quit_pending = false;
            }
            if line.heard == line.outbox.len() {
                line.outbox.clear();
                line.heard = 0;
            }
            (line.client.upgrade(), bytes, length == left)
        };
        self.scene.tell(|| format!("  S: {}", words(&bytes)));
        let Some(client) = client else { return };
        client.receive(&bytes);
        self.scene.look();
        if cut {
            self.scene.met(Kind::ServerDropped);
            self.scene.lost_quit();
            self.scene.server.borrow_mut().line = None;
            client.end(Error::new(Code::Closed, "the mail server ended the session"));
        }
    }

    /// The store does its next step.
    fn store(&mut self) {
        let scene = self.scene;
        let (tab, writes, applies, done) = {
            let disk = scene.disk.borrow();
            let Some(head) = disk.queue.front() else { return };
            (head.tab, head.what.writes(), matches!(head.what, What::Apply(..)), head.done.is_some())
        };
        if done {
            return self.answer(tab);
        }
        let fault = self.fault(tab);
        if !writes {
            return scene.answer(fault);
        }
        scene.perform(fault);
        self.durable += u32::from(applies && tab == self.page.tab);
    }

    /// What the plan has for this operation.
    fn fault(&mut self, tab: Tab) -> Option<DiskFault> {
        if tab != self.page.tab {
            return None;
        }
        let place = self.operations;
        self.operations += 1;
        let (at, fault) = self.plan.disk?;
        (place == at || place > at && fault == DiskFault::Full).then_some(fault)
    }

    /// A tab hears what its commit came to. What another tab did, this one is told, unless the telling is lost.
    fn answer(&mut self, tab: Tab) {
        if tab == ELSEWHERE {
            let disk = self.scene.disk.borrow();
            if let Some(Some(Answer::Touched(rows))) = disk.queue.front().map(|head| head.done.as_ref()) {
                let undo = rows.iter().any(|row| row.deletion == Deletion::Sent);
                too_late(if undo { Edit::Undelete } else { Edit::Delete }, rows, &self.undoing);
            }
            if self.scene.rng.borrow_mut().u32(..4) > 0 {
                self.page.table.invalidate();
            }
        }
        self.scene.disk.borrow_mut().answer(None);
    }

    /// Nothing can happen but that the server hangs up, or time passes.
    fn pass_time(&mut self, ends: bool) {
        let scene = self.scene;
        let Some((client, deadline)) =
            scene.server.borrow().line.as_ref().and_then(|line| Some((line.client.upgrade()?, line.deadline)))
        else {
            scene.hold::<()>(Err("the client waits for nothing".to_owned()));
            return;
        };
        if ends {
            scene.server.borrow_mut().line = None;
            client.end(Error::closed());
        } else {
            scene.now.set(scene.now.get().max(deadline));
            scene.tell(|| format!("  time: {} ms", scene.now.get()));
            client.tick();
            scene.look();
        }
    }

    /// The session is over: what is under way in the other tabs comes to its end, and in this one if it lives.
    fn settle(&mut self) {
        self.scene.hang_up();
        while !self.scene.has_failed() && !self.scene.disk.borrow().queue.is_empty() {
            self.store();
            self.poll();
        }
        self.scene.ledger.borrow_mut().forget_clicks();
    }
}

/// As `Mailbox::session` in `wasm/src/js/mailbox.rs` does it, when it is its turn.
async fn work(
    scene: Rc<Scene>,
    table: Rc<Table<TabStore>>,
    known: Rc<Cell<Behaviour>>,
    unlocks: Option<u32>,
    pipelining: Pipelining,
    job: Job,
    unreachable: bool,
) -> Result<Report> {
    if let Some(number) = unlocks {
        if !table.store().unlock(&password(number)).await? {
            return Err(Error::new(Code::WrongSecret, "another password"));
        }
        scene.met(Kind::Unlocked);
    }
    table.invalidate();
    if let Job::Fetch(id) = job {
        table.refresh().await?;
        if table.row(id).is_some_and(|row| row.stored()) {
            return Ok(Report::default());
        }
    }
    let connect = async |behaviour| {
        scene.hang_up();
        if unreachable {
            scene.met(Kind::ConnectFailed);
            return Err(Error::new(Code::RelayUnreachable, "no relay"));
        }
        let settings = Settings { behaviour, pipelining, ..Settings::default() };
        let (client, greeting) = Client::new(Line(Rc::clone(&scene)), settings);
        let met = scene.server.borrow_mut().connect(client.downgrade(), &mut scene.rng.borrow_mut());
        scene.tell(|| "  connected".to_owned());
        scene.met_all(met);
        greeting.wait().await.map(|_| client)
    };
    let credential = Credential::Password(password(scene.password.get()));
    let login = Login { user: "u", credential, method: Method::Auto };
    let now = || scene.now.get();
    Attempt { connect, known: &known, table: &table, login, now: &now, progress: &|_| {} }.run(job).await
}

/// Undone, and DELE was sent: `Mailbox::undelete` waits for the end of the session then.
fn too_late(edit: Edit, rows: &[Record], undoing: &RefCell<Vec<Id>>) {
    let sent = rows.iter().filter(|row| row.deletion == Deletion::Sent);
    if edit == Edit::Undelete {
        undoing.borrow_mut().extend(sent.map(|row| row.id));
    }
}

/// Whether something has come since the client was last looked at.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn outcome(result: &Result<Report>) -> String {
    match result {
        Ok(report) => format!("{} retrieved, {} headers, {} deleted", report.retrieved, report.headers, report.deleted),
        Err(error) => format!("{error:?}"),
    }
}

fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let short: String = text.chars().take(120).collect();
    format!("{} octets, {short:?}", bytes.len())
}

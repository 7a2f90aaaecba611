//! A schedule carried out: sessions, and what happens between them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use poplar_client::error::Code;
use poplar_client::pop3::Behaviour;
use poplar_client::store::sealed::Cipher;
use poplar_client::store::{Batch, Deletion, Edit, Id, Record};
use poplar_client::sync::{Job, Leave, Policy, Retrieve, Table};

use super::disk::{Tab, TabDisk, TabStore, What};
use super::faults::Kind;
use super::kept::Kept;
use super::mail::mail;
use super::schedule::{Event, FAULTLESS, SessionPlan, Setting, When, one_in};
use super::sealing;
use super::server::Mood;
use super::session::{End, Session};
use super::{Scene, Serial};

/// The tab in which a person clicks while another has the session.
pub(super) const ELSEWHERE: Tab = 0;

/// A tab: the table as it sees it, and what it knows of the server.
pub(super) struct Page {
    pub(super) tab: Tab,
    pub(super) table: Rc<Table<TabStore>>,
    pub(super) known: Rc<Cell<Behaviour>>,
    /// A person was told to open it with what sealed it, and does so before the next session.
    pub(super) unlocks: Cell<bool>,
}

pub(super) struct World {
    pub(super) scene: Rc<Scene>,
    last_tab: Tab,
    /// Which had the latest session.
    latest_tab: Tab,
    /// What the latest session that came to its end has learnt of the server.
    remembered: Behaviour,
}

/// Whether a session had what is kept open.
#[derive(PartialEq, Eq)]
enum Opened {
    Yes,
    /// It was sealed by another password, which the person knows.
    No,
}

impl Page {
    fn is_open(&self) -> bool {
        self.table.store().cipher().is_open()
    }
}

/// Plays a whole schedule.
pub(super) fn play(scene: &Rc<Scene>) {
    World { scene: Rc::clone(scene), last_tab: ELSEWHERE, latest_tab: ELSEWHERE, remembered: Behaviour::default() }
        .run();
}

impl World {
    fn run(mut self) {
        (0..self.scene.setting.messages).for_each(|_| self.scene.deliver());
        let mut pages = vec![self.page()];
        let undoing = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..self.scene.setting.sessions {
            let ids: Vec<Id> = self.scene.disk.borrow().rows().keys().collect();
            let plan = SessionPlan::new(&mut self.scene.rng.borrow_mut(), self.scene.setting.policy, &ids);
            self.between(&mut pages, &undoing);
            let renames = is_clean(&plan) && one_in(&mut self.scene.rng.borrow_mut(), 4);
            if renames {
                self.scene.rename();
            }
            // What is to be recognised has to be seen now; otherwise who must open it first may have something else in mind.
            let again = renames || self.scene.rng.borrow_mut().bool();
            while self.session(&mut pages, &plan, &undoing) == Opened::No && again {}
        }
        while self.scene.notes.borrow().played.met.faults() == 0 {
            let at = When::Step(self.scene.rng.borrow_mut().u32(..20));
            let mut plan = SessionPlan::faultless(Job::Sync(self.scene.setting.policy));
            plan.events.push((at, Event::TabKilled));
            self.session(&mut pages, &plan, &undoing);
        }
        self.undo_late(&undoing);
        if one_in(&mut self.scene.rng.borrow_mut(), 8) {
            self.scene.rename();
        }
        // In the end all is retrieved, and nothing that was wished stays.
        let leave = match self.scene.setting.policy.leave {
            Leave::Everything => Leave::UntilDeleted,
            leave => leave,
        };
        let policy = Policy { leave, ..Policy::from(Retrieve::All) };
        for _ in 0..FAULTLESS {
            while self.session(&mut pages, &SessionPlan::faultless(Job::Sync(policy)), &undoing) == Opened::No {}
        }
        if !self.scene.has_failed() {
            let (kept, server) = (&self.scene.disk.borrow().kept, self.scene.server.borrow());
            self.scene.hold(self.scene.ledger.borrow().at_the_end(kept, &server));
            self.tamper(kept);
        }
        self.scene.notes.borrow_mut().played.messages += self.scene.server.borrow().mails.len() as u64;
    }

    /// A new tab.
    fn page(&mut self) -> Page {
        self.last_tab += 1;
        let store = TabDisk::store(&self.scene, self.last_tab);
        let known = if self.scene.rng.borrow_mut().bool() { self.remembered } else { Behaviour::default() };
        let table = Rc::new(Table::new(store, |_| {}));
        Page { tab: self.last_tab, table, known: Rc::new(Cell::new(known)), unlocks: Cell::new(false) }
    }

    fn session(&mut self, pages: &mut Vec<Page>, plan: &SessionPlan, undoing: &Rc<RefCell<Vec<Id>>>) -> Opened {
        if self.scene.has_failed() {
            return Opened::Yes;
        }
        let scene = Rc::clone(&self.scene);
        scene.tell(|| format!("session: {:?}, {:?}, {:?}, {:?}", plan.job, plan.events, plan.disk, plan.mood));
        scene.notes.borrow_mut().played.sessions += 1;
        scene.server.borrow_mut().mood = plan.mood.clone();
        scene.ledger.borrow_mut().begins(plan.job);
        let place = scene.rng.borrow_mut().usize(..pages.len());
        if std::mem::replace(&mut self.latest_tab, pages[place].tab) != pages[place].tab && pages.len() > 1 {
            scene.met(Kind::OtherTab);
        }
        let in_use = scene.disk.borrow().key();
        let sealed_by = in_use.map(|key| key.password);
        let unlocks = sealed_by.filter(|_| pages[place].unlocks.take());
        let fits = sealed_by.is_none_or(|password| password == scene.password.get());
        // What is open stays so where it has the key in use, wrapped as it is; another key is none.
        let knows = pages[place].table.store().cipher().key_in_use().is_some_and(|key| in_use == Some(key));
        let opens = fits || unlocks.is_some() || knows;
        let end = Session::new(self, &pages[place], plan, unlocks, undoing).run();
        let mut opened = Opened::Yes;
        scene.server.borrow_mut().mood = Mood::default();
        match end {
            End::Killed => {
                pages.remove(place);
                pages.push(self.page());
            }
            End::Done(Ok(_)) => {
                self.remembered = pages[place].known.get();
                if matches!(plan.job, Job::Sync(_)) {
                    scene.hold(sealing::opens_with(scene.disk.borrow().key(), scene.password.get()));
                }
                if is_clean(plan) {
                    let (disk, server) = (scene.disk.borrow(), scene.server.borrow());
                    scene.hold(scene.ledger.borrow().told_truly(&server.listed, disk.rows(), &server));
                }
            }
            End::Done(Err(error)) if error.code == Code::WrongSecret && !opens => {
                scene.met(Kind::WrongSecret);
                pages[place].unlocks.set(true);
                opened = Opened::No;
            }
            End::Done(Err(error)) => {
                self.remembered = pages[place].known.get();
                if matches!(error.code, Code::Internal | Code::Locked | Code::WrongSecret) || is_faultless(plan) {
                    scene.hold::<()>(Err(format!("a session failed and nothing went wrong: {error:?}")));
                }
            }
        }
        // Minutes, hours or days.
        let pause = 60_000 * scene.rng.borrow_mut().u64(1..3000);
        scene.now.set(scene.now.get() + pause);
        opened
    }

    /// What happens between two sessions.
    fn between(&mut self, pages: &mut Vec<Page>, undoing: &Rc<RefCell<Vec<Id>>>) {
        let scene = Rc::clone(&self.scene);
        let chance = |chance: u32| one_in(&mut scene.rng.borrow_mut(), chance);
        self.undo_late(undoing);
        if chance(2) {
            let wishes = scene.rng.borrow_mut().u32(1..4);
            for _ in 0..wishes {
                if let Some(id) = scene.wishable() {
                    self.click(id, Edit::Delete, Kind::WishedBetween);
                }
            }
        }
        if chance(4)
            && let Some(id) = scene.undoable()
        {
            let deletion = self.click(id, Edit::Undelete, Kind::UndoneBetween);
            if deletion == Some(Deletion::Sent) {
                undoing.borrow_mut().push(id);
                self.undo_late(undoing);
            }
        }
        if chance(3) {
            scene.met(Kind::ArrivedBetween);
            scene.deliver();
        }
        if chance(4) && scene.remove() {
            scene.met(Kind::RemovedBetween);
        }
        if chance(100) {
            scene.met(Kind::TableLost);
            scene.disk.borrow_mut().lose();
            scene.ledger.borrow_mut().lost();
            pages.clear();
            pages.push(self.page());
        }
        if chance(6) {
            scene.met(Kind::PasswordChanged);
            scene.password.set(scene.password.get() + 1);
        }
        if chance(12) && scene.disk.borrow().key().is_some() {
            self.drop_sealed(pages);
        }
        if chance(12) {
            let place = scene.rng.borrow_mut().usize(..pages.len());
            if pages[place].is_open() {
                scene.met(Kind::TabLocked);
                pages[place].table.store().cipher().close();
            }
        }
        if pages.len() == 1 && chance(6) {
            pages.push(self.page());
        }
    }

    /// A person gives up what is sealed. The other tabs may not hear of it.
    fn drop_sealed(&self, pages: &[Page]) {
        self.scene.met(Kind::SealedDropped);
        self.at_once(What::Drop);
        let here = self.scene.rng.borrow_mut().usize(..pages.len());
        for (place, page) in pages.iter().enumerate() {
            if place == here || self.scene.rng.borrow_mut().bool() {
                page.table.store().cipher().close();
                page.table.invalidate();
            }
        }
    }

    /// Somebody without a key changes what is kept: none of that opens.
    fn tamper(&self, kept: &Kept) {
        let mut rng = self.scene.rng.borrow_mut();
        if self.scene.setting.large.is_none() && !one_in(&mut rng, 16) {
            return;
        }
        for (what, id, kept) in kept.tampered(&mut rng) {
            self.scene.met(Kind::Tampered);
            self.scene.hold(sealing::refuses(what, id, &kept));
        }
    }

    /// What `Mailbox::undelete` does when it is its turn.
    fn undo_late(&self, undoing: &RefCell<Vec<Id>>) {
        for id in std::mem::take(&mut *undoing.borrow_mut()) {
            if self.click(id, Edit::Forgo, Kind::UndoneTooLate) == Some(Deletion::Wanted) {
                self.click(id, Edit::Undelete, Kind::UndoneBetween);
            }
        }
    }

    /// A person clicks while there is no session; what the row says then.
    fn click(&self, id: Id, edit: Edit, kind: Kind) -> Option<Deletion> {
        let scene = &self.scene;
        scene.tell(|| format!("click: {edit:?} row {id}"));
        scene.ledger.borrow_mut().click(id, edit, kind);
        let batch = Batch { edits: vec![(id, edit)], ..Batch::default() };
        self.at_once(What::Apply(batch, Vec::new(), Vec::new(), 0));
        scene.disk.borrow().rows().get(id).map(|row| row.deletion)
    }

    /// Written while nothing else is under way.
    fn at_once(&self, what: What) {
        self.scene.disk.borrow_mut().submit(ELSEWHERE, what);
        self.scene.perform(None);
        self.scene.disk.borrow_mut().answer(None);
        self.scene.disk.borrow_mut().forget(ELSEWHERE);
    }
}

impl Scene {
    /// New mail: some of it under a name that another message has, or had.
    pub(super) fn deliver(&self) {
        let Setting { twins, nameless, .. } = self.setting;
        let mut rng = self.rng.borrow_mut();
        let mut server = self.server.borrow_mut();
        let serial = server.mails.len() as Serial;
        let gone: Vec<Serial> = (0..serial).filter(|other| !server.maildrop.contains(other)).collect();
        let named = |serial: Serial| server.mail(serial).uid.clone();
        let reuses = !self.setting.habits.no_uidl;
        let uid = if nameless > 0 && one_in(&mut rng, nameless) {
            String::new()
        } else if twins > 0 && !server.maildrop.is_empty() && one_in(&mut rng, twins) {
            named(server.maildrop[rng.usize(..server.maildrop.len())])
        } else if reuses && !gone.is_empty() && one_in(&mut rng, 8) {
            named(gone[rng.usize(..gone.len())])
        } else {
            format!("{}N", 6866 + serial)
        };
        let disk = self.disk.borrow();
        let rows = disk.rows();
        let is_free = |uid: &str| !rows.is_empty() && !rows.values().any(|row| row.on_server && row.uid == uid);
        let mut shape = self.setting.shape(&mut rng, serial);
        let mail = loop {
            let mail = mail(&mut rng, serial, uid.clone(), shape);
            // A server that gives a name and a size again before anybody could see that they were free cannot be served.
            let taken = |other: &Serial| (&server.mail(*other).uid, server.mail(*other).size) == (&uid, mail.size);
            if !gone.iter().any(taken) || is_free(&uid) {
                break mail;
            }
            shape.length += 7;
        };
        server.deliver(mail);
        let met = self.ledger.borrow_mut().arrived(serial, &server);
        self.tell(|| format!("message {serial} arrives as {uid:?}, {} octets", server.mail(serial).size));
        self.met_all(met);
    }

    /// The server gives every message another UID, where that can be seen through.
    fn rename(&self) {
        let mut server = self.server.borrow_mut();
        let habits = self.setting.habits;
        if habits.no_uidl || habits.stuffs_nothing || server.maildrop.is_empty() {
            return;
        }
        server.rename();
        self.ledger.borrow_mut().renamed(self.disk.borrow().rows(), &server);
        self.tell(|| "every message has another UID".to_owned());
        self.met(Kind::UidsChanged);
    }

    /// Another client deletes a message; `false` where there is none.
    pub(super) fn remove(&self) -> bool {
        let mut server = self.server.borrow_mut();
        if server.maildrop.is_empty() {
            return false;
        }
        let place = self.rng.borrow_mut().usize(..server.maildrop.len());
        // What stands in its place under its name and with its size, and was never seen beside it, nobody can tell from it.
        let mail = server.mail(server.maildrop[place]);
        let twins = server.maildrop.iter().filter(|other| server.mail(**other).uid == mail.uid).count();
        let disk = self.disk.borrow();
        let rows = disk.rows();
        if twins > 1 && rows.values().filter(|row| row.on_server && row.uid == mail.uid).count() < twins {
            return false;
        }
        let serial = server.maildrop.remove(place);
        self.ledger.borrow_mut().removed(serial);
        self.tell(|| format!("another client deletes {serial}"));
        true
    }

    /// A row that a person could wish gone: most of those of which there is something to see.
    pub(super) fn wishable(&self) -> Option<Id> {
        let shown = |row: &Record| row.headers || row.retrieved.is_some() || one_in(&mut self.rng.borrow_mut(), 8);
        self.choose(|row| row.deletion == Deletion::None && row.on_server && shown(row))
    }

    /// A row whose deletion can be taken back, or could be a moment ago.
    pub(super) fn undoable(&self) -> Option<Id> {
        self.choose(|row| matches!(row.deletion, Deletion::Wanted | Deletion::Sent) && !row.is_deleted())
    }

    fn choose(&self, fits: impl Fn(&Record) -> bool) -> Option<Id> {
        let ids: Vec<Id> = self.disk.borrow().rows().values().filter(|row| fits(row)).map(|row| row.id).collect();
        (!ids.is_empty()).then(|| ids[self.rng.borrow_mut().usize(..ids.len())])
    }
}

/// Nothing goes wrong in it.
fn is_faultless(plan: &SessionPlan) -> bool {
    is_quiet(plan) && plan.events.is_empty()
}

/// A sync in which nothing goes wrong but what makes no difference to what is listed.
fn is_clean(plan: &SessionPlan) -> bool {
    let harmless = |event: &Event| matches!(event, Event::Arrival | Event::Wish { .. } | Event::Undo { .. });
    matches!(plan.job, Job::Sync(_)) && is_quiet(plan) && plan.events.iter().all(|(_, event)| harmless(event))
}

fn is_quiet(plan: &SessionPlan) -> bool {
    plan.mood == Mood::default() && plan.disk.is_none() && !plan.unreachable
}

//! What must hold, held against what is durable and what the server did, at the moment it happens and at the end.

use std::collections::{BTreeMap, BTreeSet};

use poplar_client::pop3::Millis;
use poplar_client::store::{Batch, Deletion, Edit, Id, Record, Rows};
use poplar_client::sync::{Job, Leave};

use super::faults::Kind;
use super::kept::{Kept, Reader};
use super::mail::{Mail, identity};
use super::server::{Line, Server};
use super::{Scene, Serial};

/// What is known beside the table: which message each row really is, and what a person really wished.
#[derive(Default)]
pub(super) struct Ledger {
    /// Rows whose message is stored, and which that is; `None` where its end could not be established.
    stored: BTreeMap<Id, Option<Serial>>,
    /// Rows whose message was stored, and dropped.
    dropped: BTreeMap<Id, Option<Serial>>,
    /// What a person had before their eyes when they wished a row's message gone. Undone wishes stay, because DELE is decided by
    /// what the table said a moment ago, and taken back by RSET; whether QUIT may be sent is decided by the table as it is.
    wished: BTreeMap<Id, Seen>,
    /// Rows that the account's policy ever wished gone: as with a person's wishes.
    due: BTreeSet<Id>,
    /// When each was stored: what a policy's days are counted from.
    stored_at: BTreeMap<Id, Millis>,
    /// Rows whose deletion a person took back.
    taken_back: BTreeSet<Id>,
    /// What the session under way leaves on the server; `None` where it is for one message only, and deletes nothing.
    leave: Option<Leave>,
    /// The message that it is for.
    asked: Option<Id>,
    /// Clicks on their way to the store, and what they are counted as.
    clicks: Vec<(Id, Edit, Kind)>,
    /// Messages that left the maildrop.
    gone: BTreeMap<Serial, Gone>,
    /// Messages that a listing does not tell from others, because they have another's UID and size, or the UID of one that is gone:
    /// they may be stored twice, or not at all while they stay on the server.
    ambiguous: BTreeSet<Serial>,
}

/// What a person saw of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// All of it.
    Whole(Serial),
    Headers(Serial),
    /// The line of a message of which nothing was fetched yet.
    Line {
        uid: String,
        size: u64,
    },
}

/// Why a message is not in the maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// Another client's doing.
    Removed,
    /// Ours; it was durable here then.
    Deleted,
    /// Ours, as a person wished who had not asked for the whole of it; or it was durable once, and everything was lost since.
    Forgone,
}

/// Why it does not hold.
pub(super) type Verdict = Result<(), String>;

impl Ledger {
    /// A session begins.
    pub(super) fn begins(&mut self, job: Job) {
        self.leave = match job {
            Job::Sync(policy) => Some(policy.leave),
            Job::Fetch(_) | Job::SignIn => None,
        };
        self.asked = match job {
            Job::Sync(_) | Job::SignIn => None,
            Job::Fetch(id) => Some(id),
        };
    }

    /// A person clicks.
    pub(super) fn click(&mut self, id: Id, edit: Edit, kind: Kind) {
        self.clicks.push((id, edit, kind));
    }

    /// Clicks that were still under way are lost with their tab.
    pub(super) fn forget_clicks(&mut self) {
        self.clicks.clear();
    }

    /// A message has arrived: can it be told from the others of its UID?
    pub(super) fn arrived(&mut self, serial: Serial, server: &Server) -> Vec<Kind> {
        let mail = server.mail(serial);
        let mut met = Vec::new();
        if mail.uid.is_empty() {
            met.push(Kind::UidEmpty);
        }
        for other in (0..serial).filter(|other| server.mail(*other).uid == mail.uid) {
            let there = server.maildrop.contains(&other);
            met.push(if there { Kind::Twins } else { Kind::UidReused });
            if is_tied(server.mail(other), mail) {
                met.push(Kind::TiedTwins);
                self.ambiguous.extend([serial, other]);
            } else if !there {
                // It may be taken for the other, and for itself later.
                self.ambiguous.insert(serial);
            }
        }
        met
    }

    /// Another client has deleted it.
    pub(super) fn removed(&mut self, serial: Serial) {
        self.gone.entry(serial).or_insert(Gone::Removed);
    }

    /// Everything that was sealed is gone, and what is known of it stays.
    pub(super) fn dropped(&mut self, rows: &Rows, server: &Server) {
        for (id, serial) in std::mem::take(&mut self.stored) {
            self.dropped.insert(id, serial);
            let named = |serial: &Serial| rows.get(id).is_some_and(|row| row.uid == server.mail(*serial).uid);
            // It has another name by now, and could be recognised by its headers only.
            self.ambiguous.extend(serial.filter(|serial| !named(serial)));
        }
        self.due.clear();
        self.gone.values_mut().filter(|gone| **gone == Gone::Deleted).for_each(|gone| *gone = Gone::Forgone);
    }

    /// Everything here is lost.
    pub(super) fn lost(&mut self) {
        self.stored.clear();
        self.dropped.clear();
        self.wished.clear();
        self.due.clear();
        self.stored_at.clear();
        self.taken_back.clear();
        self.gone.values_mut().filter(|gone| **gone == Gone::Deleted).for_each(|gone| *gone = Gone::Forgone);
    }

    /// Every message in the maildrop has another UID. Recognised is what was there when the server was last looked at, and only where
    /// that was most of it: the rest may come twice.
    pub(super) fn renamed(&mut self, rows: &Rows, server: &Server) {
        let uids: Vec<&String> = server.maildrop.iter().map(|serial| &server.mail(*serial).uid).collect();
        let there = || rows.values().filter(|row| row.on_server && row.deletion != Deletion::Sent);
        let gone = there().filter(|row| !uids.contains(&&row.uid)).count();
        let new = uids.iter().filter(|uid| !rows.values().any(|row| row.uid == ***uid)).count();
        let most = gone > 0 && gone * 2 >= there().count() && new * 2 >= gone && !uids.iter().any(|uid| uid.is_empty());
        for serial in &server.maildrop {
            let known = |(id, stored): (&Id, &Option<Serial>)| {
                *stored == Some(*serial) && rows.get(*id).is_some_and(|row| row.on_server && !row.is_deleted())
            };
            if !most || !self.stored.iter().any(known) {
                self.ambiguous.insert(*serial);
            }
        }
    }

    /// A batch is about to become durable.
    pub(super) fn committing(&mut self, batch: &Batch) -> Result<Vec<Kind>, String> {
        let mut met = Vec::new();
        for (id, edit) in &batch.edits {
            if !matches!(edit, Edit::Delete | Edit::Undelete | Edit::Forgo) {
                continue;
            }
            let Some(place) = self.clicks.iter().position(|(of, click, _)| (of, click) == (id, edit)) else {
                return Err(format!("nobody asked for {edit:?} of row {id}"));
            };
            met.push(self.clicks.remove(place).2);
        }
        Ok(met)
    }

    /// A batch has become durable.
    pub(super) fn committed(
        &mut self,
        before: &Rows,
        touched: &[Record],
        clicked: bool,
        scene: &Scene,
    ) -> Result<Vec<Kind>, String> {
        let (kept, server) = (&scene.disk.borrow().kept, &*scene.server.borrow());
        let reader = kept.reader();
        let mut met = Vec::new();
        for row in touched {
            let was = before.get(row.id);
            let fetched = row.stored() && self.dropped.contains_key(&row.id);
            if let Some(was) = was.filter(|was| was.retrieved.is_some() && !fetched) {
                let same = |row: &Record| (row.retrieved, row.octets, row.chunks, row.unconfirmed);
                if same(was) != same(row) || was.uid != row.uid && !row.matched {
                    return Err(format!("what is stored was changed: {was:?} became {row:?}"));
                }
            } else if row.retrieved.is_some() {
                self.retrieved(row, &reader, server)?;
                if self.dropped.remove(&row.id).is_some() {
                    met.push(Kind::DroppedFetched);
                }
                self.stored_at.insert(row.id, scene.now.get());
                if row.chunks > 1 {
                    met.push(Kind::LargeMessage);
                }
            }
            let envelope = reader.envelope(row.id).transpose();
            let envelope = envelope.map_err(|_| format!("there are headers, and they do not open: {row:?}"))?;
            let head = envelope.map(|envelope| envelope.head).filter(|head| !head.is_empty());
            if let Some(head) = &head
                && identity(head).is_none_or(|serial| !is_named(row, server.mail(serial)))
            {
                return Err(format!("headers under another's name: {row:?}"));
            }
            // Who wished it gone meant what had the name before.
            if was.is_some_and(|was| was.uid != row.uid) {
                self.wished.remove(&row.id);
            }
            let not_yet = was.is_none_or(|was| was.deletion == Deletion::None || was.by_policy);
            if was.is_some_and(|was| was.on_server) && !row.on_server && row.deletion != Deletion::Confirmed {
                missed(row, server)?;
            }
            if row.by_policy {
                if was.is_none_or(|was| was.deletion == Deletion::None) {
                    self.due(row, scene.now.get())?;
                }
                self.due.insert(row.id);
                met.extend((row.deletion == Deletion::Sent).then_some(Kind::DeletedByPolicy));
            } else if not_yet && row.deletion == Deletion::Wanted {
                let seen = match (self.stored.get(&row.id), head.as_deref().and_then(identity)) {
                    (Some(Some(serial)), _) => Seen::Whole(*serial),
                    (None, Some(serial)) => Seen::Headers(serial),
                    _ => Seen::Line { uid: row.uid.clone(), size: row.size },
                };
                if matches!(seen, Seen::Headers(_)) {
                    met.push(Kind::WishedByHeaders);
                }
                self.wished.insert(row.id, seen);
            }
            let wished = |was: &Record| matches!(was.deletion, Deletion::Wanted | Deletion::Sent);
            match row.deletion {
                Deletion::None if clicked && was.is_some_and(wished) => drop(self.taken_back.insert(row.id)),
                Deletion::Wanted if clicked => drop(self.taken_back.remove(&row.id)),
                _ => {}
            }
            if row.deletion == Deletion::Confirmed && was.is_none_or(|was| was.deletion != Deletion::Confirmed) {
                self.confirmed(row, server)?;
            }
        }
        Ok(met)
    }

    /// The policy wishes a row gone.
    fn due(&self, row: &Record, now: Millis) -> Verdict {
        let over = |days: u32| self.stored_at.get(&row.id).is_some_and(|at| now >= at + u64::from(days) * 86_400_000);
        let wants = match self.leave {
            None | Some(Leave::Everything | Leave::UntilDeleted) => false,
            Some(Leave::Days(days)) => over(days),
            Some(Leave::Nothing) => true,
        };
        let is_stored = matches!(self.stored.get(&row.id), Some(Some(_)));
        if !wants || !is_stored || row.matched || self.taken_back.contains(&row.id) {
            return Err(format!("{:?} does not want this gone: {row:?}", self.leave));
        }
        Ok(())
    }

    fn retrieved(&mut self, row: &Record, reader: &Reader<'_>, server: &Server) -> Verdict {
        let Some(body) = reader.body(row).filter(|body| body.len() as u64 == row.octets && row.chunks > 0) else {
            return Err(format!("marked as retrieved, and its bytes are not there: {row:?}"));
        };
        if row.unconfirmed {
            self.stored.insert(row.id, None);
            return Ok(());
        }
        let Some(serial) = identity(&body).filter(|serial| (*serial as usize) < server.mails.len()) else {
            return Err(format!("stored is what is no message: {row:?}"));
        };
        let mail = server.mail(serial);
        if mail.bytes != body {
            return Err(format!("message {serial} is not stored byte for byte: {row:?}"));
        }
        if !is_named(row, mail) {
            return Err(format!("message {serial} is stored under another's name: {row:?}"));
        }
        let twice = self.stored.values().any(|other| *other == Some(serial));
        if twice && !self.ambiguous.contains(&serial) {
            return Err(format!("message {serial} is stored twice: {row:?}"));
        }
        self.stored.insert(row.id, Some(serial));
        Ok(())
    }

    /// A row says that its deletion is confirmed: then the message is gone, or this session at least does not list it.
    fn confirmed(&self, row: &Record, server: &Server) -> Verdict {
        let Some(Some(serial)) = self.stored.get(&row.id) else { return Ok(()) };
        let listed = server.line.as_ref().is_none_or(|line| line.snapshot.iter().any(|(_, other)| other == serial));
        if listed && server.maildrop.contains(serial) && !self.ambiguous.contains(serial) {
            return Err(format!("said to be deleted, and message {serial} is on the server: {row:?}"));
        }
        Ok(())
    }

    /// The rows by which this message was wished gone, by a person or by the account's policy.
    fn wished<'a>(&'a self, serial: Serial, rows: &'a Rows, server: &'a Server) -> impl Iterator<Item = &'a Record> {
        let mail = server.mail(serial);
        rows.values().filter(move |row| match self.wished.get(&row.id) {
            // A policy deletes what it has stored, and nothing else; and what took the name of something that was wished gone is
            // stored in its place.
            seen if (self.due.contains(&row.id) || seen.is_some())
                && self.stored.get(&row.id) == Some(&Some(serial)) =>
            {
                true
            }
            Some(Seen::Whole(seen) | Seen::Headers(seen)) => *seen == serial,
            Some(Seen::Line { uid, size }) => (*uid == mail.uid || row.by_fingerprint()) && *size == mail.size,
            None => false,
        })
    }

    fn is_stored(&self, serial: Serial) -> bool {
        self.stored.values().any(|stored| *stored == Some(serial))
    }

    /// It was stored, and a person gave it up.
    fn is_dropped(&self, serial: Serial) -> bool {
        self.dropped.values().any(|dropped| *dropped == Some(serial))
    }

    /// Whether it may be deleted from the server now.
    fn may_go(&self, serial: Serial, rows: &Rows, line: &Line, server: &Server) -> Verdict {
        if self.wished(serial, rows, server).next().is_none() {
            return Err(format!("message {serial} is deleted, and nobody wished it"));
        }
        let is_it = |row: &Record| self.stored.get(&row.id) == Some(&Some(serial));
        if self.wished(serial, rows, server).all(|row| row.unconfirmed && !is_it(row)) {
            return Err(format!("message {serial} is deleted, and its end was never established"));
        }
        let whole = |row: &Record| self.wished.get(&row.id) == Some(&Seen::Whole(serial));
        let must_be_stored = line.retrieved.contains(&serial) || self.wished(serial, rows, server).all(whole);
        if must_be_stored && !self.is_stored(serial) && !self.is_dropped(serial) {
            return Err(format!("message {serial} is deleted before it is durable"));
        }
        Ok(())
    }

    /// A command was sent.
    pub(super) fn sent(&self, command: &str, scene: &Scene) -> Verdict {
        let (disk, server) = (scene.disk.borrow(), scene.server.borrow());
        let Some(line) = &server.line else { return Ok(()) };
        let (verb, number) = command.split_once(' ').unwrap_or((command, ""));
        let named = number.parse().ok().and_then(|number: u32| of(line, number));
        match (verb, named) {
            ("RETR", Some(serial)) if !self.ambiguous.contains(&serial) => {
                let uid = &server.mail(serial).uid;
                let alone = server.mails.iter().filter(|mail| mail.uid == *uid).count() == 1;
                let asked = |id: Id| self.asked == Some(id) && self.dropped.contains_key(&id);
                let unconfirmed = |row: &Record| alone && row.unconfirmed && row.uid == *uid && !asked(row.id);
                if self.is_stored(serial) || disk.rows().values().any(unconfirmed) {
                    return Err(format!("RETR of message {serial}, which is marked as retrieved"));
                }
                if self.is_dropped(serial) && !self.asked.is_some_and(asked) {
                    return Err(format!("RETR of message {serial}, which was dropped, and nobody asked for it"));
                }
                Ok(())
            }
            ("DELE", _) if !self.leave.is_some_and(|leave| leave != Leave::Everything) => {
                Err(format!("DELE in a session that deletes nothing: {:?}", self.leave))
            }
            ("DELE", Some(serial)) => self.may_go(serial, disk.rows(), line, &server),
            ("QUIT", _) => {
                let rows = disk.rows();
                for serial in pending(line) {
                    let sent = |row: &Record| row.deletion == Deletion::Sent;
                    if !self.wished(serial, rows, &server).any(sent) {
                        return Err(format!("QUIT would delete message {serial}, and the table does not say so"));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// QUIT was carried out, and these left the maildrop.
    pub(super) fn deleted(&mut self, serials: &[Serial], scene: &Scene) -> Verdict {
        let (disk, server) = (scene.disk.borrow(), scene.server.borrow());
        let Some(line) = &server.line else { return Ok(()) };
        for serial in serials {
            self.may_go(*serial, disk.rows(), line, &server)?;
            let gone = if self.is_stored(*serial) { Gone::Deleted } else { Gone::Forgone };
            self.gone.insert(*serial, gone);
        }
        Ok(())
    }

    /// After a session in which nothing went wrong, the rows say what is on the server.
    pub(super) fn told_truly(&self, listed: &[Serial], rows: &Rows, server: &Server) -> Verdict {
        let has = |mail: &Mail, uid: &str| mail.uid == uid || mail.former_uids.iter().any(|former| former == uid);
        let alone = |uid: &str| server.mails.iter().filter(|mail| has(mail, uid)).count() == 1;
        for row in rows.values().filter(|row| alone(&row.uid)) {
            let there = listed.iter().any(|serial| server.mail(*serial).uid == row.uid);
            if row.on_server != there {
                return Err(format!("a clean session listed it: {there}; its row says: {row:?}"));
            }
        }
        if let Some(row) = rows.values().find(|row| row.deletion == Deletion::Sent && row.on_server) {
            return Err(format!("QUIT was answered, and a row says that it was not: {row:?}"));
        }
        for serial in listed.iter().filter(|serial| !server.habits.no_uidl && alone(&server.mail(**serial).uid)) {
            if !rows.values().any(|row| row.uid == server.mail(*serial).uid) {
                return Err(format!("message {serial} was listed and has no row"));
            }
        }
        Ok(())
    }

    /// Nothing more is to come.
    pub(super) fn at_the_end(&self, kept: &Kept, server: &Server) -> Verdict {
        let (rows, reader) = (&kept.rows, kept.reader());
        for serial in 0..server.mails.len() as Serial {
            self.kept_once(serial, rows, server)?;
        }
        for row in rows.values() {
            if let Some(Err(_)) = reader.envelope(row.id) {
                return Err(format!("there are headers, and they no longer open: {row:?}"));
            }
            let Some(Some(serial)) = self.stored.get(&row.id) else { continue };
            let mail = server.mail(*serial);
            if reader.body(row).as_ref() != Some(&mail.bytes) || !is_named(row, mail) {
                return Err(format!("message {serial} is no longer stored byte for byte: {row:?}"));
            }
            let pending = matches!(row.deletion, Deletion::Wanted | Deletion::Sent) && !row.unconfirmed;
            let certain = !self.ambiguous.contains(serial) && !self.hides(*serial, server);
            if pending && server.maildrop.contains(serial) && certain {
                return Err(format!("message {serial} was wished gone and is never deleted: {row:?}"));
            }
        }
        Ok(())
    }

    /// Whether another of its UID is gone.
    fn hides(&self, serial: Serial, server: &Server) -> bool {
        self.gone.keys().any(|gone| *gone != serial && server.mail(*gone).uid == server.mail(serial).uid)
    }

    fn kept_once(&self, serial: Serial, rows: &Rows, server: &Server) -> Verdict {
        let copies = self.stored.values().filter(|stored| **stored == Some(serial)).count();
        let mail = server.mail(serial);
        let is_it = |row: &Record| is_named(row, mail) && (!row.by_fingerprint() || row.size == mail.size);
        let unconfirmed = rows.values().any(|row| row.unconfirmed && is_it(row));
        let ambiguous = self.ambiguous.contains(&serial);
        if copies > 1 && !ambiguous {
            return Err(format!("message {serial} is stored {copies} times"));
        }
        let lost = copies == 0 && !unconfirmed && !self.is_dropped(serial);
        match self.gone.get(&serial) {
            None if !server.maildrop.contains(&serial) => Err(format!("message {serial} is nowhere")),
            // A name that was never gone is taken for the same message, whatever LIST says of its size: what hid behind another of
            // its UID stays on the server.
            None if lost && !ambiguous && !self.hides(serial, server) => {
                Err(format!("message {serial} is on the server and is never stored"))
            }
            Some(Gone::Deleted) if lost => Err(format!("message {serial} was deleted from the server and is not here")),
            _ => Ok(()),
        }
    }
}

/// A row says that its message is gone: then STAT did not count it.
fn missed(row: &Record, server: &Server) -> Verdict {
    let Some(line) = &server.line else { return Ok(()) };
    let has = |mail: &Mail| mail.uid == row.uid || mail.former_uids.contains(&row.uid);
    let of_its_name: Vec<Serial> =
        (0..).zip(&server.mails).filter(|(_, mail)| has(mail)).map(|(serial, _)| serial).collect();
    let [serial] = of_its_name[..] else { return Ok(()) };
    if server.mail(serial).uid == row.uid && line.snapshot.iter().any(|(_, other)| *other == serial) {
        return Err(format!("said to be gone, and STAT has counted message {serial}: {row:?}"));
    }
    Ok(())
}

/// Whether the row has the message's name: its own, one that it had before, or one made of its headers.
fn is_named(row: &Record, mail: &Mail) -> bool {
    row.uid == mail.uid || mail.former_uids.contains(&row.uid) || row.by_fingerprint()
}

/// Whether nothing that a listing says tells them apart.
fn is_tied(one: &Mail, other: &Mail) -> bool {
    (&one.uid, one.size) == (&other.uid, other.size)
}

/// The message of this number.
fn of(line: &Line, number: u32) -> Option<Serial> {
    line.snapshot.iter().find(|(other, _)| *other == number).map(|(_, serial)| *serial)
}

/// What QUIT would delete: DELE was read, or is on its way.
fn pending(line: &Line) -> BTreeSet<Serial> {
    let mut pending = line.deleted.clone();
    for command in &line.inbox {
        match command.split_once(' ') {
            Some(("DELE", number)) => pending.extend(number.parse().ok().and_then(|number| of(line, number))),
            None if command == "RSET" => pending.clear(),
            _ => {}
        }
    }
    pending
}

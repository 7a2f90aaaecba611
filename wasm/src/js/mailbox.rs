//! `Mailbox`, underneath: the table, the store and one session at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Blob, BlobPropertyBag};

use super::convert::{date, number, pipelining, promise, strings};
use super::known;
use crate::browser::{Fields, locks, time};
use crate::error::{Code, Error, Result};
use crate::mail;
use crate::pop3::{Behaviour, Client, Credential, Login, Method, Pipelining, Secret, Settings};
use crate::store::idb::{Account, IdbStore};
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Deletion, Edit, Envelope, Id, Record, Rows, Store};
use crate::sync::{Attempt, Job, Phase, Progress, Report, Retrieve, Table};
use crate::tunnel;

/// One mailbox.
#[wasm_bindgen]
pub struct MailboxCore(Rc<Mailbox>);

struct Mailbox {
    account: Account,
    timeout_ms: u64,
    pipelining: Pipelining,
    token: Option<String>,
    table: Table<Kept>,
    on_event: Function,
    /// The session under way, so that closing ends it.
    session: RefCell<Option<Client>>,
    closed: Cell<bool>,
}

#[wasm_bindgen]
impl MailboxCore {
    /// A mailbox whose table is read. `on_event` hears `(name, detail)` with the names and details of the contract's events.
    ///
    /// # Errors
    /// `store`.
    #[allow(clippy::too_many_arguments, reason = "options, spelt out: an object would have to be taken apart here")]
    pub fn open(
        account: String,
        user: String,
        relay: String,
        timeout_ms: f64,
        ahead: &str,
        token: Option<String>,
        durable: bool,
        on_event: Function,
    ) -> Promise {
        let account = Account { account, user, relay };
        let store =
            if durable { Kept::Here(IdbStore::new(account.clone())) } else { Kept::Nowhere(MemoryStore::default()) };
        let hears = on_event.clone();
        let on_change = move |ids: &[Id]| {
            let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
            tell(&hears, "change", Fields::new().set("ids", strings(&ids)).into());
        };
        let mailbox = Rc::new(Mailbox {
            account,
            timeout_ms: timeout_ms as u64,
            pipelining: pipelining(ahead),
            token,
            table: Table::new(store, on_change),
            on_event,
            session: RefCell::default(),
            closed: Cell::new(false),
        });
        promise(async move {
            mailbox.table.refresh().await?;
            Ok(MailboxCore(mailbox).into())
        })
    }

    /// What is kept in this browser: `[{ account, user, relay, messages, stored }]`.
    pub fn accounts() -> Promise {
        promise(async {
            let list = Array::new();
            for account in IdbStore::accounts().await? {
                let (name, user, relay) = (account.account.clone(), account.user.clone(), account.relay.clone());
                // Named by the account alone, so that looking writes nothing.
                let store = IdbStore::new(Account { account: name.clone(), ..Account::default() });
                let rows = store.rows().await?;
                store.close();
                let stored = rows.values().filter(|row| row.retrieved.is_some()).count();
                list.push(
                    &Fields::new()
                        .set("account", name)
                        .set("user", user)
                        .set("relay", relay)
                        .set("messages", number(rows.len() as u64))
                        .set("stored", number(stored as u64)),
                );
            }
            Ok(list.into())
        })
    }

    /// One session. `retrieve`: `all`, `headers` or `none`.
    pub fn sync(&self, password: String, retrieve: &str, signal: Option<AbortSignal>) -> Promise {
        let retrieve = match retrieve {
            "none" => Retrieve::None,
            "headers" => Retrieve::Headers,
            _ => Retrieve::All,
        };
        let mailbox = Rc::clone(&self.0);
        let password = Secret::new(password);
        promise(async move { Ok(report_object(&mailbox.session(password, Job::Sync(retrieve), signal).await?)) })
    }

    /// Whether the body of a message is stored here.
    #[wasm_bindgen(js_name = isStored)]
    pub fn is_stored(&self, id: &str) -> Promise {
        self.with_row(id, async |_, row| Ok(row.retrieved.is_some().into()))
    }

    /// A short session that retrieves one message.
    pub fn retrieve(&self, id: &str, password: String, signal: Option<AbortSignal>) -> Promise {
        let password = Secret::new(password);
        self.with_row(id, async move |mailbox, row| {
            mailbox.session(password, Job::Fetch(row.id), signal).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Whether a wish to delete waits for a session.
    #[wasm_bindgen(js_name = wantsDeletion)]
    pub fn wants_deletion(&self) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.ready().await?;
            let wanted = |row: &Record| row.on_server && matches!(row.deletion, Deletion::Wanted | Deletion::Sent);
            Ok(mailbox.table.rows().values().any(wanted).into())
        })
    }

    /// Rows, newest or oldest first.
    pub fn messages(&self, offset: f64, limit: f64, newest: bool) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.ready().await?;
            let (offset, limit) = (offset as usize, limit as usize);
            let rows: Vec<Record> = if newest {
                mailbox.table.rows().values().rev().skip(offset).take(limit).cloned().collect()
            } else {
                mailbox.table.rows().values().skip(offset).take(limit).cloned().collect()
            };
            let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
            let envelopes = mailbox.table.store().envelopes(&ids).await?;
            let objects =
                rows.iter().zip(envelopes).map(|(row, envelope)| row_object(row, &envelope.unwrap_or_default()));
            Ok(objects.collect::<Array>().into())
        })
    }

    /// How many rows there are.
    pub fn count(&self) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.ready().await?;
            Ok(number(mailbox.table.rows().len() as u64))
        })
    }

    /// A stored message, taken apart.
    pub fn message(&self, id: &str) -> Promise {
        self.with_row(id, async |mailbox, row| Ok(message_object(&row, &mail::parse(&mailbox.body(&row).await?))))
    }

    /// A stored message, byte for byte.
    pub fn raw(&self, id: &str) -> Promise {
        self.with_row(id, async |mailbox, row| {
            let pieces = Array::new();
            for place in 0..row.chunks {
                pieces.push(&Uint8Array::from(mailbox.table.store().chunk(row.id, place).await?.as_slice()));
            }
            blob(&pieces, "message/rfc822")
        })
    }

    /// One attachment of a stored message.
    pub fn attachment(&self, id: &str, index: u32) -> Promise {
        self.with_row(id, async move |mailbox, row| {
            let raw = mailbox.body(&row).await?;
            let (attachment, bytes) = mail::attachment(&raw, index as usize)
                .ok_or_else(|| Error::invalid("this message has no such attachment"))?;
            blob(&Array::of1(&Uint8Array::from(bytes.as_slice())), &attachment.kind)
        })
    }

    /// Marks as read or unread.
    #[wasm_bindgen(js_name = markRead)]
    pub fn mark_read(&self, id: &str, read: bool) -> Promise {
        self.edit(id, Edit::Read(read))
    }

    /// Wants a message deleted from the server.
    pub fn delete(&self, id: &str) -> Promise {
        self.edit(id, Edit::Delete)
    }

    /// Wants it kept after all.
    pub fn undelete(&self, id: &str) -> Promise {
        self.with_row(id, async |mailbox, row| {
            let mut now = mailbox.change(row.id, Edit::Undelete).await?;
            if now.deletion == Deletion::Sent {
                // DELE was sent, and QUIT may be on its way: what the session comes to is what counts. Where its answer was lost,
                // DELE is at least not repeated.
                let _turn = mailbox.turn(None).await?;
                now = mailbox.change(row.id, Edit::Forgo).await?;
                now =
                    if now.deletion == Deletion::Wanted { mailbox.change(row.id, Edit::Undelete).await? } else { now };
            }
            if now.deletion == Deletion::Confirmed {
                return Err(Error::new(Code::Refused, "this message has already been deleted from the server"));
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Says that another tab changed the store.
    pub fn invalidate(&self) {
        self.0.table.invalidate();
    }

    /// Forgets everything kept here, once no session is under way.
    pub fn clear(&self) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.check_open()?;
            let _turn = mailbox.turn(None).await?;
            mailbox.table.clear().await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Ends a session under way without QUIT, and lets go of the database. Twice is harmless.
    pub fn close(&self) {
        self.0.closed.set(true);
        if let Some(client) = self.0.session.borrow_mut().take() {
            client.hang_up(Error::closed());
        }
        if let Kept::Here(store) = self.0.table.store() {
            store.close();
        }
    }

    fn edit(&self, id: &str, edit: Edit) -> Promise {
        self.with_row(id, async move |mailbox, row| {
            mailbox.change(row.id, edit).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    fn with_row<F>(&self, id: &str, work: F) -> Promise
    where
        F: AsyncFnOnce(&Mailbox, Record) -> Result<JsValue> + 'static,
    {
        let (mailbox, id) = (Rc::clone(&self.0), id.parse::<Id>().ok());
        promise(async move {
            let row = mailbox.row(id).await?;
            work(&mailbox, row).await
        })
    }
}

impl Mailbox {
    /// Runs one session, when it is this mailbox's turn among all tabs.
    fn session(&self, password: Secret, job: Job, signal: Option<AbortSignal>) -> LocalBoxFuture<'_, Result<Report>> {
        // Boxed, so that its two callers share one copy of it.
        Box::pin(self.one_session(password, job, signal))
    }

    async fn one_session(&self, password: Secret, job: Job, signal: Option<AbortSignal>) -> Result<Report> {
        self.check_open()?;
        let _turn = self.turn(signal.as_ref()).await?;
        self.check_open()?;
        // Whoever had the turn before may have told of its changes, but nobody says that the telling comes before the turn.
        self.table.invalidate();
        if let Job::Fetch(id) = job {
            self.table.refresh().await?;
            if self.table.row(id).is_some_and(|row| row.retrieved.is_some()) {
                return Ok(Report::default());
            }
        }
        self.state("connecting");
        let progress = |progress: Progress| tell(&self.on_event, "progress", progress_object(&progress));
        let connect = async |behaviour: Behaviour| {
            progress(Progress::start(Phase::Connect, 0, 0));
            let settings =
                Settings { timeout: self.timeout_ms, pipelining: self.pipelining, behaviour, ..Settings::default() };
            let (url, token, signal) = (self.account.relay.clone(), self.token.clone(), signal.clone());
            let (client, _) = tunnel::open(tunnel::Options { url, settings, token, signal }).await?;
            // Closed while it was connecting: nothing more is sent.
            self.check_open().inspect_err(|error| client.hang_up(error.clone()))?;
            self.state("open");
            *self.session.borrow_mut() = Some(client.clone());
            Ok(client)
        };
        let credential = Credential::Password(password);
        let login = Login { user: &self.account.user, credential, method: Method::Auto };
        let known = Cell::new(known::of(&self.account.relay));
        let attempt =
            Attempt { connect, known: &known, table: &self.table, login, now: &time::now, progress: &progress };
        let result = attempt.run(job).await;
        self.session.borrow_mut().take();
        known::learn(&self.account.relay, known.get());
        self.state("closed");
        result
    }

    /// Open, and with the rows as they are now.
    fn ready(&self) -> LocalBoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.check_open()?;
            self.table.refresh().await
        })
    }

    fn row(&self, id: Option<Id>) -> LocalBoxFuture<'_, Result<Record>> {
        Box::pin(async move {
            self.ready().await?;
            let row = id.and_then(|id| self.table.row(id));
            row.ok_or_else(|| Error::invalid("there is no such message here"))
        })
    }

    /// Applies one edit; the row as it is now.
    async fn change(&self, id: Id, edit: Edit) -> Result<Record> {
        let rows = self.table.apply(Batch { edits: vec![(id, edit)], ..Batch::default() }).await?;
        // Another tab may have removed everything that was kept here.
        rows.into_iter().next().ok_or_else(|| Error::invalid("there is no such message here"))
    }

    async fn turn(&self, signal: Option<&AbortSignal>) -> Result<locks::Lock> {
        locks::acquire(&format!("poplar:{}", self.account.account), signal).await
    }

    /// The whole of a stored message.
    async fn body(&self, row: &Record) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(usize::try_from(row.octets).unwrap_or_default());
        for place in 0..row.chunks {
            body.extend_from_slice(&self.table.store().chunk(row.id, place).await?);
        }
        Ok(body)
    }

    fn state(&self, state: &str) {
        tell(&self.on_event, "session", Fields::new().set("state", state).into());
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.get() { Err(Error::new(Code::Closed, "this mailbox was closed; open it again")) } else { Ok(()) }
    }
}

/// The store that was chosen.
enum Kept {
    Here(IdbStore),
    Nowhere(MemoryStore),
}

impl Store for Kept {
    async fn rows(&self) -> Result<Rows> {
        match self {
            Kept::Here(store) => store.rows().await,
            Kept::Nowhere(store) => store.rows().await,
        }
    }

    async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Option<Envelope>>> {
        match self {
            Kept::Here(store) => store.envelopes(ids).await,
            Kept::Nowhere(store) => store.envelopes(ids).await,
        }
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        match self {
            Kept::Here(store) => store.chunk(id, place).await,
            Kept::Nowhere(store) => store.chunk(id, place).await,
        }
    }

    async fn apply(&self, batch: Batch) -> Result<Vec<Record>> {
        match self {
            Kept::Here(store) => store.apply(batch).await,
            Kept::Nowhere(store) => store.apply(batch).await,
        }
    }

    async fn clear(&self) -> Result<()> {
        match self {
            Kept::Here(store) => store.clear().await,
            Kept::Nowhere(store) => store.clear().await,
        }
    }
}

/// A listener that throws is its owner's affair: the session goes on.
fn tell(on_event: &Function, name: &str, detail: JsValue) {
    let _ = on_event.call2(&JsValue::UNDEFINED, &name.into(), &detail);
}

fn row_object(row: &Record, envelope: &Envelope) -> JsValue {
    let deletion = match row.deletion {
        Deletion::None => "none",
        Deletion::Wanted => "wanted",
        Deletion::Sent => "sent",
        Deletion::Confirmed => "confirmed",
    };
    Fields::new()
        .set("id", row.id.to_string())
        .set("uid", row.uid.as_str())
        .set("subject", envelope.subject.as_str())
        .set("from", envelope.from.as_str())
        .set("preview", envelope.preview.as_str())
        .set("date", date(envelope.date))
        .set("size", number(row.size))
        .set("stored", row.retrieved.is_some())
        .set("unconfirmed", row.unconfirmed)
        .set("read", row.read)
        .set("onServer", row.on_server)
        .set("hasAttachments", envelope.attachments)
        .set("hasHeaders", row.headers)
        .set("deletion", deletion)
        .into()
}

fn report_object(report: &Report) -> JsValue {
    let skipped = report.skipped.iter().map(|skipped| {
        Fields::new()
            .set("id", skipped.id.to_string())
            .set("code", skipped.error.code.as_str())
            .set("serverText", skipped.error.server_text.as_str())
    });
    Fields::new()
        .set("retrieved", report.retrieved)
        .set("headers", report.headers)
        .set("deleted", report.deleted)
        .set("bytes", number(report.bytes))
        .set("remaining", report.remaining)
        .set("skipped", skipped.collect::<Array>())
        .into()
}

fn progress_object(progress: &Progress) -> JsValue {
    let phase = match progress.phase {
        Phase::Connect => "connect",
        Phase::Login => "login",
        Phase::List => "list",
        Phase::Headers => "headers",
        Phase::Retrieve => "retrieve",
        Phase::Delete => "delete",
        Phase::Quit => "quit",
    };
    Fields::new()
        .set("phase", phase)
        .set("done", progress.done)
        .set("total", progress.total)
        .set("bytes", number(progress.bytes))
        .set("totalBytes", number(progress.total_bytes))
        .into()
}

fn message_object(row: &Record, message: &mail::Message) -> JsValue {
    let headers = (message.headers.iter())
        .map(|(name, value)| Fields::new().set("name", name.as_str()).set("value", value.as_str()));
    let attachments = message.attachments.iter().enumerate().map(|(index, attachment)| {
        Fields::new()
            .set("index", number(index as u64))
            .set("name", attachment.name.as_str())
            .set("type", attachment.kind.as_str())
            .set("declaredType", attachment.declared.as_str())
            .set("size", number(attachment.size))
            .set("inline", attachment.inline)
            .set("contentId", attachment.content_id.as_deref().map_or(JsValue::NULL, JsValue::from_str))
    });
    Fields::new()
        .set("id", row.id.to_string())
        .set("headers", headers.collect::<Array>())
        .set("subject", message.subject.as_str())
        .set("from", message.from.as_str())
        .set("to", strings(&message.to))
        .set("cc", strings(&message.cc))
        .set("date", date(message.date))
        .set("text", message.text.as_str())
        .set("html", message.html.as_deref().map_or(JsValue::NULL, JsValue::from_str))
        .set("attachments", attachments.collect::<Array>())
        .into()
}

fn blob(pieces: &Array, kind: &str) -> Result<JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    Blob::new_with_u8_array_sequence_and_options(pieces, &options)
        .map(JsValue::from)
        .map_err(|_| Error::new(Code::Internal, "the browser could not hold this message"))
}

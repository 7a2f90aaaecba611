//! `Mailbox`, underneath: the table and the store. Its sessions are in [`super::turns`], what is sealed of it in [`super::vault`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
#[cfg(feature = "mime")]
use futures_util::future::try_join3;
use futures_util::lock::Mutex;
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::convert::{self, blob, bytes, number, promise};
use super::kept::Kept;
#[cfg(feature = "mime")]
use super::search::Search;
use crate::browser::cipher::WebCipher;
use crate::browser::{locks, time};
use crate::error::{Code, Error, Result};
#[cfg(feature = "mime")]
use crate::mail;
use crate::pop3::{Client, Secret, Settings, Transcript};
use crate::store::idb::{Account, IdbDisk};
use crate::store::memory::MemoryStore;
use crate::store::sealed::SealedStore;
use crate::store::{Deletion, Edit, Envelope, Id, Record, Store};
use crate::sync::{Policy, Retrieve, Table, Visit, planner};

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// An entry in the list of accounts.
    fn kept(account: &JsValue, messages: u32, stored: u32) -> JsValue;
    /// Ids of the contract.
    pub(super) fn ids(rows: &[Id]) -> JsValue;
}

/// One mailbox.
#[wasm_bindgen]
pub struct MailboxCore(pub(super) Rc<Mailbox>);

pub(super) struct Mailbox {
    pub(super) account: Account,
    pub(super) settings: Settings,
    /// How to sign in.
    pub(super) method: String,
    pub(super) token: Option<String>,
    pub(super) table: Table<Kept>,
    pub(super) on_event: Function,
    /// The session under way, so that closing ends it.
    pub(super) session: RefCell<Option<Client>>,
    /// A session that stays open for the next message to be looked at, and the turn that it has.
    pub(super) visit: Mutex<Option<(Visit, locks::Lock)>>,
    /// Somebody waits for that turn.
    pub(super) wanted: Cell<bool>,
    closed: Cell<bool>,
    /// The envelope of a message that an import brings in pieces.
    pub(super) coming: RefCell<Option<(Id, Envelope)>>,
    /// Something is sealed here, or will be before it is shown.
    pub(super) sealed: Cell<bool>,
    /// What was said in its sessions.
    pub(super) transcript: Rc<RefCell<Transcript>>,
    #[cfg(feature = "mime")]
    pub(super) search: Search,
}

#[wasm_bindgen]
impl MailboxCore {
    /// A mailbox whose table is read; a `MailboxCore`. `on_event` hears the contract's events: `("session", state)`,
    /// `("progress", Progress)` and `("change", ids)`. Rejects with `store`.
    #[allow(clippy::too_many_arguments, reason = "options, spelt out: an object would have to be taken apart here")]
    pub fn open(
        account: String,
        user: String,
        relay: String,
        timeout_ms: f64,
        pipelining: &str,
        method: String,
        token: Option<String>,
        durable: bool,
        passphrase: Option<String>,
        on_event: Function,
    ) -> Promise {
        #[cfg(feature = "mime")]
        mail::set_decoder(convert::decoded);
        let account = Account { account, user, relay };
        let store = if durable {
            let cipher = WebCipher::new(&account.account, on_event.clone());
            let disk = IdbDisk::new(account.clone());
            Kept::Here(SealedStore::new(disk, cipher, &account.account, passphrase.map(Secret::new)))
        } else {
            Kept::Nowhere(MemoryStore::default())
        };
        let hears = on_event.clone();
        let on_change = move |rows: &[Id]| tell(&hears, "change", &ids(rows));
        let mailbox = Rc::new(Mailbox {
            account,
            settings: convert::settings(pipelining, timeout_ms),
            method,
            token,
            table: Table::new(store, on_change),
            on_event,
            session: RefCell::default(),
            visit: Mutex::new(None),
            wanted: Cell::new(false),
            closed: Cell::new(false),
            coming: RefCell::default(),
            sealed: Cell::new(false),
            transcript: Rc::default(),
            #[cfg(feature = "mime")]
            search: Search::default(),
        });
        promise(async move {
            mailbox.look().await?;
            mailbox.table.refresh().await?;
            mailbox.recall().await?;
            Ok(MailboxCore(mailbox).into())
        })
    }

    /// What is kept in this browser: `[{ account, user, relay, messages, stored }]`.
    pub fn accounts() -> Promise {
        promise(async {
            let list = Array::new();
            IdbDisk::accounts(&|account, rows| {
                let stored = rows.values().filter(|row| row.stored()).count();
                list.push(&kept(account, rows.len() as u32, stored as u32));
            })
            .await?;
            Ok(list.into())
        })
    }

    /// One session. `job`: what to retrieve (`all`, `headers` or `none`; otherwise as the policy has it), for a `SyncReport`; `one`,
    /// to retrieve the message `id`, after which the session stays open until `ask("leave")`; `sign in`, for nothing but that.
    pub fn session(&self, secret: String, is_token: bool, job: &str, id: Id, signal: Option<AbortSignal>) -> Promise {
        let retrieve = match job {
            "none" => Some(Retrieve::None),
            "headers" => Some(Retrieve::Headers),
            "all" => Some(Retrieve::All),
            _ => None,
        };
        let (one, sign_in) = (job == "one", job == "sign in");
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            let login = convert::login(&mailbox.account.user, secret, is_token, &mailbox.method);
            let report = if one {
                mailbox.check_unlocked()?;
                mailbox.row(id).await?;
                mailbox.fetch(login, id, signal).await
            } else if sign_in {
                mailbox.sign_in(login, signal).await
            } else {
                mailbox.sync(login, retrieve, signal).await
            };
            Ok(convert::report(&report?))
        })
    }

    /// What `policy`, in the layout of [`Policy::to_bytes`], would delete from the server with the next sync, and how many messages
    /// later: `[ids, later]`. With `set` it is the account's from now on.
    pub fn policy(&self, policy: Vec<u8>, set: bool) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            let unreadable = || Error::invalid("this is no policy");
            let policy = policy.as_slice().try_into().ok().and_then(Policy::from_bytes).ok_or_else(unreadable)?;
            mailbox.ready().await?;
            if set {
                mailbox.set_policy(policy).await?;
            }
            Ok(mailbox.would_delete(&policy))
        })
    }

    /// Everything else; [`Mailbox::answer`] says what there is.
    pub fn ask(&self, what: String, first: u32, second: u32) -> Promise {
        // One export and one future for all: each further one costs some 300 octets here and in the glue.
        let mailbox = Rc::clone(&self.0);
        promise(async move { mailbox.answer(&what, first, second).await })
    }

    /// Says that another tab changed the store.
    pub fn invalidate(&self) {
        self.0.table.invalidate();
    }

    /// Ends a session under way without QUIT, and lets go of the database. Twice is harmless.
    pub fn close(&self) {
        self.0.closed.set(true);
        #[cfg(feature = "mime")]
        self.0.search.forget();
        if let Some(client) = self.0.session.borrow_mut().take() {
            client.hang_up(Error::closed());
        }
        // Its turn is over. One that is being used ends by itself.
        if let Some(mut visit) = self.0.visit.try_lock() {
            visit.take();
        }
        if let Kept::Here(store) = self.0.table.store() {
            store.cipher().end();
            store.disk().close();
        }
    }
}

impl Mailbox {
    /// Answers the facade. Of a message, `first` is its id.
    async fn answer(&self, what: &str, first: u32, second: u32) -> Result<JsValue> {
        match what {
            "clear" => return self.clear().await,
            "leave" => {
                self.leave().await;
                return Ok(JsValue::UNDEFINED);
            }
            "protocol" => return Ok(self.spoken()),
            "policy" => return Ok(bytes(&self.policy().await?.to_bytes())),
            "login delay" => {
                let said = super::known::of(&self.account.relay).capabilities.unwrap_or_default();
                return Ok(said.login_delay.into());
            }
            // Rows, newest or oldest first; their states alone, for which nothing has to be opened.
            "newest" => return self.messages(first, second, true, true).await,
            "oldest" => return self.messages(first, second, false, true).await,
            "newest states" => return self.messages(first, second, true, false).await,
            "oldest states" => return self.messages(first, second, false, false).await,
            _ => {}
        }
        if let Some(answer) = self.answer_of_vault(what, first).await? {
            return Ok(answer);
        }
        self.ready().await?;
        match what {
            "count" => return Ok(number(self.table.rows().len())),
            // Messages that are kept here with their bytes.
            "stored" => {
                return Ok(number(self.table.rows().values().filter(|row| row.stored()).count()));
            }
            // Has more of what is stored found by a search; how many are left.
            #[cfg(feature = "mime")]
            "index" => return self.index_some().await,
            "table" => return Ok(self.rows_of_table(first, second)),
            "next id" => return Ok(planner::next_id(self.table.rows().last_key(), time::now()).into()),
            // Whether a wish to delete waits for a session.
            "wants deletion" => {
                let wanted = |row: &Record| row.on_server && matches!(row.deletion, Deletion::Wanted | Deletion::Sent);
                return Ok(self.table.rows().values().any(wanted).into());
            }
            _ => {}
        }
        self.check_unlocked()?;
        let row = self.row(first).await?;
        match what {
            "is stored" => Ok(row.stored().into()),
            // Taken apart.
            #[cfg(feature = "mime")]
            "message" => Ok(convert::message(row.id, &mail::parse(&self.body(&row).await?))),
            // Byte for byte, one piece or all.
            "piece" => Ok(bytes(&self.table.store().chunk(row.id, second).await?)),
            "raw" => {
                let pieces = Array::new();
                for place in 0..row.chunks {
                    pieces.push(&bytes(&self.table.store().chunk(row.id, place).await?));
                }
                blob(pieces, "message/rfc822")
            }
            #[cfg(feature = "mime")]
            "attachment" => {
                let (attachment, contents) = mail::attachment(&self.body(&row).await?, second as usize)
                    .ok_or_else(|| Error::invalid("this message has no such attachment"))?;
                blob(Array::of1(&bytes(&contents)), &attachment.kind)
            }
            // All of them, in the order of their numbers.
            #[cfg(feature = "mime")]
            "attachments" => {
                let (blobs, body) = (Array::new(), self.body(&row).await?);
                let mut failed = None;
                mail::each_attachment(&body, &mut |attachment, octets| match blob(
                    Array::of1(&bytes(&octets())),
                    &attachment.kind,
                ) {
                    Ok(blob) => drop(blobs.push(&blob)),
                    Err(error) => failed = Some(error),
                });
                failed.map_or(Ok(blobs.into()), Err)
            }
            #[cfg(not(feature = "mime"))]
            "message" | "attachment" | "attachments" => {
                Err(Error::invalid("this build gives a message's bytes only: take raw()"))
            }
            "undelete" => self.undelete(row.id).await,
            "delete" if !self.policy().await?.deletes() => {
                Err(Error::new(Code::Refused, "this mailbox leaves everything on the server; change its policy first"))
            }
            "delete" => self.change(row.id, Edit::Delete).await.map(nothing),
            "mark read" => self.change(row.id, Edit::Read(second != 0)).await.map(nothing),
            _ => Ok(JsValue::UNDEFINED),
        }
    }

    async fn messages(&self, offset: u32, limit: u32, newest: bool, headers: bool) -> Result<JsValue> {
        self.check_unlocked()?;
        self.ready().await?;
        let ids: Vec<Id> = {
            let rows = self.table.rows();
            let (offset, count) = (offset as usize, rows.len());
            let places = offset..count.min(offset.saturating_add(limit as usize));
            places.filter_map(|place| rows.key_at(if newest { count - 1 - place } else { place })).collect()
        };
        let envelopes = match headers {
            true => self.table.store().envelopes(&ids).await?,
            false => ids.iter().map(|_| None).collect(),
        };
        // What another tab has cleared meanwhile is no longer there.
        let rows = self.table.rows();
        let objects = ids.iter().zip(envelopes).filter_map(|(id, seen)| Some(convert::row(rows.get(*id)?, seen)));
        Ok(convert::array(objects).into())
    }

    /// Wants a message kept after all.
    async fn undelete(&self, id: Id) -> Result<JsValue> {
        let mut now = self.change(id, Edit::Undelete).await?;
        if now.deletion == Deletion::Sent && now.on_server {
            // DELE was sent, and QUIT may be on its way: what the session comes to is what counts. Where its answer was lost,
            // DELE is at least not repeated.
            let _turn = self.turn(None).await?;
            now = self.change(id, Edit::Forgo).await?;
            if now.deletion == Deletion::Wanted {
                now = self.change(id, Edit::Undelete).await?;
            }
        }
        if now.is_deleted() {
            return Err(Error::new(Code::Refused, "this message has already been deleted from the server"));
        }
        Ok(JsValue::UNDEFINED)
    }

    /// Forgets everything kept here, once no session is under way.
    async fn clear(&self) -> Result<JsValue> {
        self.check_open()?;
        let _turn = self.turn(None).await?;
        self.table.clear().await?;
        #[cfg(feature = "mime")]
        self.search.forget();
        Ok(JsValue::UNDEFINED)
    }

    /// The account's policy as it is now.
    pub(super) async fn policy(&self) -> Result<Policy> {
        Ok(self.table.policy().await?.unwrap_or_default())
    }

    /// Changes the policy. One that deletes nothing takes back what was wished.
    async fn set_policy(&self, policy: Policy) -> Result<()> {
        match self.table.store() {
            Kept::Here(store) => store.disk().keep_policy(&policy.to_bytes()).await?,
            Kept::Nowhere(store) => store.keep_policy(&policy.to_bytes()),
        }
        let wanted = |row: &&Record| !policy.deletes() && row.deletion == Deletion::Wanted;
        let wanted: Vec<Id> = self.table.rows().values().filter(wanted).map(|row| row.id).collect();
        self.table.edit(&wanted, Edit::Undelete).await.map(drop)
    }

    fn would_delete(&self, policy: &Policy) -> JsValue {
        let (rows, now) = (self.table.rows(), time::now());
        let (mut due, mut later) = (Vec::new(), 0);
        // What goes with the page authorises nothing.
        for row in rows.values().filter(|_| self.table.store().is_durable()) {
            if policy.is_due(row, now) {
                due.push(row.id);
            }
            later += usize::from(policy.will_be_due(row, now));
        }
        Array::of2(&ids(&due), &number(later)).into()
    }

    /// Open, and with the rows as they are now.
    pub(super) async fn ready(&self) -> Result<()> {
        self.check_open()?;
        self.table.refresh().await
    }

    async fn row(&self, id: Id) -> Result<Record> {
        self.ready().await?;
        self.table.row(id).ok_or_else(no_such_message)
    }

    /// Applies one edit; the row as it is now.
    fn change(&self, id: Id, edit: Edit) -> LocalBoxFuture<'_, Result<Record>> {
        // Boxed, so that its callers share one copy of it.
        Box::pin(async move {
            let rows = self.table.edit(&[id], edit).await?;
            rows.into_iter().next().ok_or_else(no_such_message)
        })
    }

    /// The whole of a stored message. Three pieces at a time: while one is opened, the next ones come from the database.
    #[cfg(feature = "mime")]
    pub(super) async fn body(&self, row: &Record) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(usize::try_from(row.octets).unwrap_or_default());
        let read = async |place| {
            if place < row.chunks { self.table.store().chunk(row.id, place).await } else { Ok(Vec::new()) }
        };
        for place in (0..row.chunks).step_by(3) {
            let (first, second, third) = try_join3(read(place), read(place + 1), read(place + 2)).await?;
            for piece in [first, second, third] {
                body.extend_from_slice(&piece);
            }
        }
        Ok(body)
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.get() { Err(Error::new(Code::Closed, "this mailbox was closed; open it again")) } else { Ok(()) }
    }
}

/// A listener that throws is its owner's affair: the session goes on.
pub(super) fn tell(on_event: &Function, name: &str, detail: &JsValue) {
    let _ = on_event.call2(&JsValue::UNDEFINED, &name.into(), detail);
}

fn no_such_message() -> Error {
    Error::invalid("there is no such message here")
}

fn nothing<T>(_: T) -> JsValue {
    JsValue::UNDEFINED
}

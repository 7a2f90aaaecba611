//! What is sealed, as JavaScript asks for it: opening it, another secret for it, dropping it, hiding its name, and its log.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::IdbDatabase;

use super::convert::promise;
use super::kept::{Kept, Sealed};
use super::mailbox::{Mailbox, MailboxCore};
use crate::browser::{idb, locks, time};
use crate::error::{Code, Error, Result};
use crate::pop3::{Credential, Secret};
use crate::store::attempts::Attempts;
use crate::store::sealed::{Cipher, Disk, Kind, locked, wrong_secret};

#[wasm_bindgen(raw_module = "./mail/log.js")]
extern "C" {
    /// Adds entries to the log.
    fn append(database: &IdbDatabase, cipher: &JsValue, account: &str, entries: &JsValue) -> Promise;
    /// The whole log, and where it is broken.
    #[wasm_bindgen(js_name = entries)]
    fn entries_of(database: &IdbDatabase, cipher: &JsValue, account: &str) -> Promise;
    /// Times of the contract, of octets as [`Attempts`] has them.
    fn times(failures: &[u8]) -> JsValue;
}

#[wasm_bindgen]
impl MailboxCore {
    /// Opens what is kept here: when wrong secrets were tried before, for the log. Rejects with `wrong-secret`, `locked` where the next
    /// one has to wait, `store`.
    pub fn unlock(&self, secret: String) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.check_open()?;
            let secret = Secret::new(secret);
            mailbox.slowly(async |sealed| sealed.unlock(&secret).await).await
        })
    }

    /// Seals by another secret from now on. As `unlock`.
    pub fn reseal(&self, current: String, by_passphrase: bool, secret: String) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.check_open()?;
            let kind = if by_passphrase { Kind::Passphrase } else { Kind::Password };
            let (current, secret) = (Secret::new(current), Secret::new(secret));
            mailbox.slowly(async |sealed| sealed.reseal(&current, kind, &secret).await).await
        })
    }

    /// Adds entries to the log: objects of `web/lib/mail/log.js`.
    pub fn log(&self, entries: JsValue) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            let Kept::Here(sealed) = mailbox.table.store() else { return Ok(JsValue::UNDEFINED) };
            // Where nothing is sealed yet, no mail is here that anything could have been done with. What is done and cannot be entered
            // any more has been locked in the middle, and is not done.
            mailbox.check_unlocked()?;
            if !sealed.cipher().is_open() {
                return Ok(JsValue::UNDEFINED);
            }
            let Some(database) = sealed.disk().log().await? else { return Ok(JsValue::UNDEFINED) };
            let cipher = sealed.cipher().sealer();
            idb::Wait::new(append(&database, cipher, &mailbox.account.account, &entries)).done().await
        })
    }
}

impl Mailbox {
    /// Nothing of what is kept here can be read until it is unlocked.
    pub(super) fn is_locked(&self) -> bool {
        match self.table.store() {
            Kept::Here(sealed) => self.sealed.get() && !sealed.cipher().is_open(),
            Kept::Nowhere(_) => false,
        }
    }

    pub(super) fn check_unlocked(&self) -> Result<()> {
        if self.is_locked() { Err(locked()) } else { Ok(()) }
    }

    /// Finds out whether anything is sealed.
    pub(super) async fn look(&self) -> Result<()> {
        if let Kept::Here(sealed) = self.table.store() {
            let disk = sealed.disk();
            if disk.is_erasing().await? {
                let _turn = self.turn(None).await?;
                // Another tab may have done it meanwhile, and somebody signed in since.
                disk.finish_clearing().await?;
            }
            let kept = disk.key().await?.is_some() || disk.has_unsealed().await? || sealed.has_remains().await?;
            self.sealed.set(kept);
        }
        Ok(())
    }

    /// Begins to derive what the server's accepting of this will need, beside the way there.
    pub(super) async fn prepare(&self, credential: &Credential) -> Result<()> {
        if let Kept::Here(sealed) = self.table.store()
            && let Some((key, secret)) = sealed.expected(credential).await?
        {
            sealed.cipher().prepare(key.as_ref(), &secret);
        }
        Ok(())
    }

    /// What of this is asked of what is sealed; `None` for what is not.
    pub(super) async fn answer_of_vault(&self, what: &str, first: u32) -> Result<Option<JsValue>> {
        let Kept::Here(sealed) = self.table.store() else {
            return Ok((what == "locked").then_some(JsValue::FALSE));
        };
        Ok(Some(match what {
            "locked" => {
                self.look().await?;
                self.is_locked().into()
            }
            // "password", "passphrase", or nothing.
            "sealed by" => match sealed.disk().key().await? {
                Some(key) if sealed.cipher().kind(&key) == Kind::Passphrase => "passphrase".into(),
                Some(_) => "password".into(),
                None => JsValue::UNDEFINED,
            },
            "drop sealed" => {
                let _turn = self.turn(None).await?;
                sealed.disk().finish_clearing().await?;
                sealed.disk().drop_sealed().await?;
                sealed.cipher().close();
                #[cfg(feature = "mime")]
                self.search.forget();
                self.sealed.set(false);
                self.table.invalidate();
                JsValue::UNDEFINED
            }
            "name is hidden" => sealed.disk().hides_account().await?.into(),
            "hide name" => {
                self.check_unlocked()?;
                let hidden =
                    if first == 0 { None } else { Some(sealed.sealed_name(&sealed.disk().account_text()).await?) };
                sealed.disk().keep_account(hidden).await?;
                JsValue::UNDEFINED
            }
            "attempts" => times(&sealed.disk().failures().await?),
            "forget attempts" => {
                sealed.disk().keep_failures(&[]).await?;
                JsValue::UNDEFINED
            }
            "log" => {
                self.check_unlocked()?;
                let Some(database) = sealed.disk().log().await? else { return Ok(Some(JsValue::UNDEFINED)) };
                let cipher = sealed.cipher().sealer();
                idb::Wait::new(entries_of(&database, cipher, &self.account.account)).done().await?
            }
            _ => return Ok(None),
        }))
    }

    /// Tries a secret, one at a time in all tabs, and none while the last wrong one is too near; when wrong ones were tried before.
    async fn slowly(&self, attempt: impl AsyncFnOnce(&Sealed) -> Result<bool>) -> Result<JsValue> {
        let Kept::Here(sealed) = self.table.store() else {
            return Err(Error::new(Code::Locked, "nothing is kept here: sign in, with sync()"));
        };
        let name = "poplar:unlock:".to_owned() + &self.account.account;
        let _one = locks::acquire(&name, None).await?;
        let failures = may_try(sealed).await?;
        if attempt(sealed).await? {
            self.table.invalidate();
            return Ok(times(&failures));
        }
        Err(failed(sealed).await?)
    }

    /// A passphrase that comes with a session is a secret that is tried as well: `None` where none is needed, or tried.
    pub(super) async fn passphrase_tried(&self) -> Result<Option<&Sealed>> {
        let Kept::Here(sealed) = self.table.store() else { return Ok(None) };
        if sealed.cipher().is_open() {
            return Ok(None);
        }
        let by_passphrase =
            sealed.disk().key().await?.is_some_and(|key| sealed.cipher().kind(&key) == Kind::Passphrase);
        if !by_passphrase {
            return Ok(None);
        }
        may_try(sealed).await?;
        Ok(Some(sealed))
    }
}

/// When wrong secrets were tried before, as octets. Refuses while the last one is too near.
async fn may_try(sealed: &Sealed) -> Result<Vec<u8>> {
    let failures = sealed.disk().failures().await?;
    let wait = Attempts::from_bytes(&failures).wait(time::now());
    if wait == 0 {
        return Ok(failures);
    }
    let message = "wrong passwords were tried too often; wait a moment before the next";
    Err(Error::new(Code::Locked, message).with_retry_after(wait as u32))
}

/// Notes that a wrong one was tried; what is said of it.
pub(super) async fn failed(sealed: &Sealed) -> Result<Error> {
    let mut attempts = Attempts::from_bytes(&sealed.disk().failures().await?);
    attempts.failed(time::now());
    sealed.disk().keep_failures(&attempts.to_bytes()).await?;
    let next = attempts.wait(time::now());
    Ok(if next > 0 { wrong_secret().with_retry_after(next as u32) } else { wrong_secret() })
}

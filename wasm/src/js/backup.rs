//! What export and import need of a mailbox. Which row of a file is which row here, and the files themselves, are for
//! `web/lib/mail/backup` to say, which a page loads when somebody wants it; what may become of a row is decided here and in
//! [`crate::store`].

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use super::convert::{self, promise};
use super::mailbox::{Mailbox, MailboxCore};
use crate::error::{Error, Result};
use crate::mail;
use crate::store::{Batch, Deletion, Edit, Record, page};

#[wasm_bindgen]
impl MailboxCore {
    /// Takes in rows of a file, in one transaction: a [`page`], and for each row a `Uint8Array` or `null`.
    ///
    /// | `retrieved` | `null` | a piece |
    /// |---|---|---|
    /// | 0 | it is known here, and was read | piece number `chunks` of a message; an empty one takes back those before it |
    /// | a time | it was retrieved, and its bytes are not here | the last piece of a message of so many `octets`; it is here now |
    ///
    /// The caller has this account's turn.
    pub fn take(&self, page: Vec<u8>, pieces: Array) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            mailbox.ready().await?;
            let mut batch = Batch::default();
            let rows = page::decode(&page).ok_or_else(|| Error::invalid("this is no page of a table"))?;
            for (row, piece) in rows.into_iter().zip(pieces.iter()) {
                let piece = piece.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
                mailbox.take(row, piece, &mut batch).await?;
            }
            mailbox.table.apply(batch).await?;
            Ok(JsValue::UNDEFINED)
        })
    }
}

impl Mailbox {
    /// Rows as they lie in the table, in its order.
    pub(super) fn rows_of_table(&self, offset: u32, limit: u32) -> JsValue {
        let rows = self.table.rows();
        convert::bytes(&page::encode(rows.values().skip(offset as usize).take(limit as usize)))
    }

    async fn take(&self, given: Record, piece: Option<Vec<u8>>, batch: &mut Batch) -> Result<()> {
        let Record { id, octets, chunks: place, unconfirmed, read, .. } = given;
        let known = self.table.row(id);
        if known.as_ref().is_some_and(|row| row.uid != given.uid) {
            return Err(Error::invalid("this table was changed by another window; import it again"));
        }
        // What is stored stays as it is, but for having been read.
        let given =
            if known.as_ref().is_some_and(Record::stored) { Record { retrieved: None, ..given } } else { given };
        if place == 0 && piece.is_some() {
            batch.discard.push(id);
        }
        match (given.retrieved, piece) {
            (None, None) => {}
            (None, Some(piece)) => {
                let chunks = if piece.is_empty() { 0 } else { place + 1 };
                // One that is new has its row when it is whole.
                if known.is_some() {
                    batch.edits.push((id, Edit::Staged { chunks }));
                }
                if place == 0 {
                    *self.coming.borrow_mut() = Some((id, mail::envelope(&piece)));
                }
                if chunks > 0 {
                    batch.chunks.push((id, place, piece));
                }
            }
            (Some(at), piece) => {
                if known.is_none() {
                    let Record { uid, ordinal, size, first_seen, .. } = given;
                    // That it was deleted is a fact, and keeps another message from being taken for it. A wish is none.
                    let deletion = match given.deletion {
                        Deletion::Confirmed => Deletion::Confirmed,
                        _ => Deletion::None,
                    };
                    let row = Record { id, uid, ordinal, size, first_seen, deletion, ..Record::default() };
                    batch.insert.push(row);
                }
                match piece {
                    None => batch.edits.push((id, Edit::Elsewhere { at })),
                    Some(piece) => {
                        let coming = self.coming.take().filter(|(of, _)| place > 0 && *of == id);
                        let envelope = coming.map_or_else(|| mail::envelope(&piece), |(_, envelope)| envelope);
                        batch.envelopes.push((id, envelope));
                        batch.chunks.push((id, place, piece));
                        batch.edits.push((id, Edit::Retrieved { octets, chunks: place + 1, at, unconfirmed }));
                        batch.edits.push((id, Edit::Imported));
                    }
                }
            }
        }
        if read {
            batch.edits.push((id, Edit::Read(true)));
        }
        Ok(())
    }
}

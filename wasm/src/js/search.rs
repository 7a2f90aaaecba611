//! The search index of a mailbox: read from what is kept here, brought up to date, and asked.

use core::cell::{Cell, RefCell};
use core::cmp::Ordering;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use super::convert::{number, promise};
use super::kept::Kept;
use super::mailbox::{Mailbox, MailboxCore, ids};
use crate::browser::locks;
use crate::error::{Code, Result};
use crate::mail;
use crate::search::{self, Builder, Change, Entry, Index, Query, Segment};
use crate::store::sealed::Cipher;
use crate::store::{Id, Record};

/// Messages that are taken in at a time: a part, and a transaction, for each.
const MESSAGES: usize = 256;
/// Octets of them, so that the next step is not far.
const OCTETS: u64 = 4 << 20;

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// Without case and accents.
    fn folded(text: &str) -> String;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Math)]
    fn random() -> f64;
}

/// What a mailbox knows of its index.
#[derive(Default)]
pub(super) struct Search {
    index: RefCell<Index>,
    /// Parts that are kept and could not be opened: they are made anew.
    unreadable: RefCell<Vec<u32>>,
    /// Messages whose text could not be read, by id: they are found by their headers, and not tried again in this page.
    textless: RefCell<Vec<Id>>,
    /// Beginnings and ends of steps that take messages in: odd while one is under way, and what is read of the index meanwhile is not taken.
    steps: Cell<u32>,
}

impl Search {
    /// Lets go of every word.
    pub(super) fn forget(&self) {
        self.index.take();
        self.unreadable.take();
        self.textless.take();
        self.steps.set(self.steps.get().wrapping_add(2));
    }
}

struct Step<'a>(&'a Cell<u32>);

impl<'a> Step<'a> {
    fn begin(steps: &'a Cell<u32>) -> Self {
        steps.set(steps.get().wrapping_add(1));
        Self(steps)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().wrapping_add(1));
    }
}

#[wasm_bindgen]
impl MailboxCore {
    /// The messages that a search finds, and how many are here that it does not know yet: `[ids, pending]`. `sort`: `from`, `subject`, `size`,
    /// or by date. `offset`: what makes a time of this place UTC, in minutes.
    pub fn search(&self, query: String, sort: String, ascending: bool, offset: f64) -> Promise {
        let mailbox = Rc::clone(&self.0);
        promise(async move {
            let query = Query::read(&query, fold, offset as i64 * 60);
            mailbox.find(&query, &sort, ascending).await
        })
    }
}

impl Mailbox {
    async fn find(&self, query: &Query, sort: &str, ascending: bool) -> Result<JsValue> {
        self.check_unlocked()?;
        self.ready().await?;
        // A step has read it already, and may have what is not kept yet.
        if self.search.steps.get().is_multiple_of(2) {
            self.load_index().await?;
        }
        let (index, rows) = (self.search.index.borrow(), self.table.rows());
        let mut found: Vec<Id> = match query.is_empty() {
            true => rows.keys().collect(),
            false => index.find(query, &|id| rows.get(id).is_some_and(|row| row.read)),
        };
        found.retain(|id| rows.get(*id).is_some());
        let directed = |order: Ordering| if ascending { order } else { order.reverse() };
        // What is not known yet comes last, whatever the direction; what is alike, the newest first.
        let by = |key: fn(&Entry) -> &str, a: Id, b: Id| match (index.entry(a).map(key), index.entry(b).map(key)) {
            (Some(a), Some(b)) => (a.is_empty().cmp(&b.is_empty())).then_with(|| directed(a.cmp(b))),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        let size = |id: Id| rows.get(id).map_or(0, |row| row.size);
        search::sort(&mut found, &|a, b| match sort {
            "from" => by(|entry| &entry.from, a, b).then(b.cmp(&a)),
            "subject" => by(|entry| &entry.subject, a, b).then(b.cmp(&a)),
            "size" => directed(size(a).cmp(&size(b))).then(b.cmp(&a)),
            _ => directed(a.cmp(&b)),
        });
        let pending = rows.values().filter(|row| self.is_due(&index, row)).count();
        Ok(Array::of2(&ids(&found), &number(pending)).into())
    }

    /// Takes in some of what the index does not know yet, the newest first; how many are left.
    pub(super) async fn index_some(&self) -> Result<JsValue> {
        self.check_unlocked()?;
        self.ready().await?;
        if let Kept::Here(sealed) = self.table.store()
            && !sealed.cipher().is_open()
        {
            return Ok(number(0));
        }
        let name = "poplar:search:".to_owned() + &self.account.account;
        let _one = locks::acquire(&name, None).await?;
        let _step = Step::begin(&self.search.steps);
        self.load_index().await?;
        let (due, left) = self.due();
        if due.is_empty() {
            return Ok(number(0));
        }
        let envelopes = self.table.store().envelopes(&due.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        let seed = (random() * f64::from(u32::MAX)) as u32;
        let mut builder = Builder::new(seed);
        for (row, envelope) in due.iter().zip(envelopes) {
            // What cannot be read here is not looked at again and again.
            let envelope = envelope.and_then(core::result::Result::ok).unwrap_or_default();
            if !row.stored() {
                builder.headers(row.id, &envelope, fold);
                continue;
            }
            match self.body(row).await {
                Err(error) if error.code == Code::Store => {
                    let mut textless = self.search.textless.borrow_mut();
                    let at = textless.partition_point(|id| *id < row.id);
                    textless.insert(at, row.id);
                    builder.headers(row.id, &envelope, fold);
                }
                body => builder.message(row.id, &envelope, &mail::parse(&body?), fold),
            }
        }
        // Nothing of a mailbox that was locked or closed meanwhile stays in memory.
        self.check_open()?;
        self.check_unlocked()?;
        let change = self.search.index.borrow_mut().add(builder.build(), seed);
        self.keep_index(change).await?;
        Ok(number(left))
    }

    /// What is to be taken in next, and how many are left after that.
    fn due(&self) -> (Vec<Record>, usize) {
        let (index, rows) = (self.search.index.borrow(), self.table.rows());
        let (mut due, mut octets, mut left) = (Vec::new(), 0, 0);
        for row in rows.values().rev().filter(|row| self.is_due(&index, row)) {
            if due.len() < MESSAGES && octets < OCTETS {
                octets += row.octets;
                due.push(row.clone());
            } else {
                left += 1;
            }
        }
        (due, left)
    }

    /// Whether the index does not know of a message what is here.
    fn is_due(&self, index: &Index, row: &Record) -> bool {
        match index.has(row.id) {
            Some(whole) => row.stored() && !whole && self.search.textless.borrow().binary_search(&row.id).is_err(),
            None => row.stored() || row.headers,
        }
    }

    /// Reads what another tab, or an earlier page, has made of it.
    async fn load_index(&self) -> Result<()> {
        let Kept::Here(sealed) = self.table.store() else { return Ok(()) };
        let Search { index, unreadable, steps, .. } = &self.search;
        let began = steps.get();
        let mut numbers = sealed.disk().search_numbers().await?;
        numbers.retain(|number| !unreadable.borrow().contains(number));
        if index.borrow().numbers().eq(numbers.iter().copied()) {
            return Ok(());
        }
        let (mut parts, mut closed) = (Vec::new(), Vec::new());
        for number in &numbers {
            if index.borrow().segment(*number).is_some() {
                continue;
            }
            let value = sealed.disk().search_part(*number).await?;
            let opened = if value.is_undefined() { None } else { sealed.open_part(*number, value).await? };
            match opened.and_then(Segment::from_octets) {
                Some(part) => parts.push((*number, part)),
                None => closed.push(*number),
            }
        }
        // A step that began meanwhile knows better, and who has locked wants nothing of it here.
        if steps.get() == began {
            numbers.retain(|number| !closed.contains(number));
            unreadable.borrow_mut().extend(closed);
            index.borrow_mut().load(&numbers, parts);
        }
        Ok(())
    }

    async fn keep_index(&self, Change { write, mut remove }: Change) -> Result<()> {
        let Kept::Here(sealed) = self.table.store() else { return Ok(()) };
        let sealed_by = sealed.cipher().number();
        // As it is now: it may be forgotten while its parts are sealed.
        let numbers: Vec<u32> = self.search.index.borrow().numbers().collect();
        let octets = |number| self.search.index.borrow().segment(number).map(|part| part.octets().to_vec());
        let octets: Vec<_> = write.iter().filter_map(|number| Some((*number, octets(*number)?))).collect();
        let mut parts = Vec::with_capacity(octets.len());
        for (number, octets) in octets {
            parts.push((number, sealed.seal_part(number, octets).await?));
        }
        let gone = self.search.unreadable.take();
        remove.extend(gone.into_iter().filter(|number| !numbers.contains(number)));
        sealed.disk().keep_search(&parts, &remove, &numbers, sealed_by).await
    }
}

fn fold(text: &str) -> String {
    folded(text)
}

//! The UID table as this page sees it: the rows in memory, the store behind them, and who is told of changes.

use core::cell::{Cell, Ref, RefCell};

use futures_util::future::LocalBoxFuture;

use super::policy::Policy;
use crate::error::{Code, Error, Result};
use crate::pop3::Credential;
use crate::store::{Batch, Edit, Id, Record, Rows, Store, UNREADABLE};

type OnChange = Box<dyn Fn(&[Id])>;

/// Rows, read once and kept in step with the store.
pub struct Table<S> {
    store: S,
    rows: RefCell<Rows>,
    /// How often somebody else changed the store, as far as we were told …
    told: Cell<u32>,
    /// … and up to which of these changes the rows were read.
    read: Cell<u32>,
    on_change: OnChange,
}

impl<S: Store> Table<S> {
    /// A table on `store`, empty until [`Table::refresh`]. `on_change` hears the ids of rows that changed.
    pub fn new(store: S, on_change: impl Fn(&[Id]) + 'static) -> Table<S> {
        Table {
            store,
            rows: RefCell::default(),
            told: Cell::new(1),
            read: Cell::new(0),
            on_change: Box::new(on_change),
        }
    }

    /// The store behind the table.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The rows. Not to be held across an await.
    pub fn rows(&self) -> Ref<'_, Rows> {
        self.rows.borrow()
    }

    /// One row as it was last read.
    pub fn row(&self, id: Id) -> Option<Record> {
        self.rows.borrow().get(id).cloned()
    }

    /// The account's policy as it is now, where one was chosen: any tab may have changed it.
    ///
    /// # Errors
    /// `store`.
    pub fn policy(&self) -> LocalBoxFuture<'_, Result<Option<Policy>>> {
        // Boxed like `refresh`.
        Box::pin(async move {
            let Some(kept) = self.store.policy().await? else { return Ok(None) };
            let policy = kept.as_slice().try_into().ok().and_then(Policy::from_bytes);
            policy.map(Some).ok_or_else(|| Error::new(Code::Store, UNREADABLE))
        })
    }

    /// Tells the store that the server has accepted this.
    ///
    /// # Errors
    /// As [`Store::accepted`].
    pub fn accepted<'a>(&'a self, credential: &'a Credential) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed like `refresh`.
        Box::pin(async move {
            self.store.accepted(credential).await?;
            // It may have been taken over from an earlier version.
            self.invalidate();
            Ok(())
        })
    }

    /// Says that somebody else changed the store.
    pub fn invalidate(&self) {
        self.told.set(self.told.get().wrapping_add(1));
    }

    /// Reads the rows anew if somebody else changed them.
    ///
    /// # Errors
    /// `store`.
    pub fn refresh(&self) -> LocalBoxFuture<'_, Result<()>> {
        // Boxed: a dozen callers would each have a copy of it in the wasm.
        Box::pin(self.read_again())
    }

    async fn read_again(&self) -> Result<()> {
        // Whoever asks while another is reading reads as well: what it gets is then never older than its question.
        while self.read.get() != self.told.get() {
            let told = self.told.get();
            let rows = self.store.rows().await?;
            *self.rows.borrow_mut() = rows;
            self.read.set(told);
        }
        Ok(())
    }

    /// Applies a batch to the store, durably, and then to the rows; gives the rows it touched.
    ///
    /// # Errors
    /// `quota` or `store`; nothing was changed then.
    pub fn apply(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Vec<Record>>> {
        // Boxed like `refresh`.
        Box::pin(self.write(batch))
    }

    /// Applies one edit to each of these rows; gives them as they are now.
    ///
    /// # Errors
    /// As [`Table::apply`].
    pub fn edit(&self, ids: &[Id], edit: Edit) -> LocalBoxFuture<'_, Result<Vec<Record>>> {
        self.apply(Batch { edits: ids.iter().map(|id| (*id, edit)).collect(), ..Batch::default() })
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Record>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let touched = self.store.apply(batch).await?;
        for row in &touched {
            self.rows.borrow_mut().insert(row.id, row.clone());
        }
        if !touched.is_empty() {
            let ids: Vec<Id> = touched.iter().map(|row| row.id).collect();
            (self.on_change)(&ids);
        }
        Ok(touched)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// `store`.
    pub async fn clear(&self) -> Result<()> {
        self.store.clear().await?;
        let rows = core::mem::take(&mut *self.rows.borrow_mut());
        let ids: Vec<Id> = rows.keys().collect();
        (self.on_change)(&ids);
        Ok(())
    }
}

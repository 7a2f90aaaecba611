//! The UID table as this page sees it: the rows in memory, the store behind them, and who is told of changes.

use core::cell::{Cell, Ref, RefCell};

use futures_util::future::LocalBoxFuture;

use crate::error::Result;
use crate::store::{Batch, Id, Record, Store};

type OnChange = Box<dyn Fn(&[Id])>;

/// Rows, read once and kept in step with the store.
pub struct Table<S> {
    store: S,
    rows: RefCell<Vec<Record>>,
    stale: Cell<bool>,
    on_change: OnChange,
}

impl<S: Store> Table<S> {
    /// A table on `store`, empty until [`Table::refresh`]. `on_change` hears the ids of rows that changed.
    pub fn new(store: S, on_change: impl Fn(&[Id]) + 'static) -> Table<S> {
        Table { store, rows: RefCell::default(), stale: Cell::new(true), on_change: Box::new(on_change) }
    }

    /// The store behind the table.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The rows, in the order of ids. Not to be held across an await.
    pub fn rows(&self) -> Ref<'_, [Record]> {
        Ref::map(self.rows.borrow(), Vec::as_slice)
    }

    /// One row as it was last read.
    pub fn row(&self, id: Id) -> Option<Record> {
        let rows = self.rows.borrow();
        let place = rows.binary_search_by_key(&id, |row| row.id).ok()?;
        rows.get(place).cloned()
    }

    /// Says that somebody else changed the store.
    pub fn invalidate(&self) {
        self.stale.set(true);
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
        while self.stale.replace(false) {
            match self.store.records().await {
                Ok(rows) => *self.rows.borrow_mut() = rows,
                Err(error) => {
                    self.stale.set(true);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Applies a batch to the store, durably, and then to the rows; gives the rows it touched.
    ///
    /// # Errors
    /// `quota` or `store`; nothing was changed then.
    pub async fn apply(&self, batch: Batch) -> Result<Vec<Record>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let touched = self.store.apply(batch).await?;
        let mut rows = self.rows.borrow_mut();
        for row in &touched {
            match rows.binary_search_by_key(&row.id, |row| row.id) {
                Ok(place) => {
                    if let Some(old) = rows.get_mut(place) {
                        *old = row.clone();
                    }
                }
                Err(place) => rows.insert(place, row.clone()),
            }
        }
        drop(rows);
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
        let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
        (self.on_change)(&ids);
        Ok(())
    }
}

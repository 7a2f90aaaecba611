//! The store that was chosen: on this computer, sealed, or with the page.

use crate::browser::cipher::WebCipher;
use crate::error::Result;
use crate::pop3::Credential;
use crate::store::idb::IdbDisk;
use crate::store::memory::MemoryStore;
use crate::store::sealed::SealedStore;
use crate::store::{Batch, Envelope, Id, Record, Rows, Store};

/// The store that was chosen.
pub(super) enum Kept {
    Here(Sealed),
    Nowhere(MemoryStore),
}

/// What is kept on this computer.
pub(super) type Sealed = SealedStore<IdbDisk, WebCipher>;

impl Kept {
    /// The envelopes of these messages in the same order; `None` where there is none.
    pub(super) async fn envelopes(&self, ids: &[Id]) -> Result<Vec<Option<Result<Envelope>>>> {
        match self {
            Kept::Here(store) => store.envelopes(ids).await,
            Kept::Nowhere(store) => Ok(ids.iter().map(|id| store.envelope(*id).map(Ok)).collect()),
        }
    }
}

impl Store for Kept {
    async fn rows(&self) -> Result<Rows> {
        match self {
            Kept::Here(store) => store.rows().await,
            Kept::Nowhere(store) => store.rows().await,
        }
    }

    async fn chunk(&self, id: Id, place: u32) -> Result<Vec<u8>> {
        match self {
            Kept::Here(store) => store.chunk(id, place).await,
            Kept::Nowhere(store) => store.chunk(id, place).await,
        }
    }

    async fn top(&self, id: Id) -> Result<Vec<u8>> {
        match self {
            Kept::Here(store) => store.top(id).await,
            Kept::Nowhere(store) => store.top(id).await,
        }
    }

    async fn policy(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Kept::Here(store) => store.policy().await,
            Kept::Nowhere(store) => store.policy().await,
        }
    }

    async fn accepted(&self, credential: &Credential) -> Result<()> {
        match self {
            Kept::Here(store) => store.accepted(credential).await,
            Kept::Nowhere(store) => store.accepted(credential).await,
        }
    }

    fn is_durable(&self) -> bool {
        matches!(self, Kept::Here(_))
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

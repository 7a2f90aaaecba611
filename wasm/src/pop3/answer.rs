//! The answer to one command on its way from the session to who waits for it. One thread, no locks: the halves share a queue.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::reply::Status;
use crate::error::{Code, Error, Result};

/// Longest answer that is held whole, where it is no message: LIST or UIDL of a million messages with 70 octets a UID, which is the
/// longest that RFC 1939 §7 allows, and room beside it.
pub const MAX_LISTING: usize = 100 << 20;

/// Pieces of a body that nobody has taken yet are joined up to this length, so that a body full of dots is no queue of crumbs.
const JOINED: usize = 64 << 10;

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Part {
    Status(Status),
    Body(Vec<u8>),
    End {
        certain: bool,
    },
    /// The end was none; more of the body follows.
    Resumed,
    Failed(Error),
}

#[derive(Default)]
struct Queue {
    parts: VecDeque<Part>,
    waker: Option<Waker>,
    /// The session will say no more.
    over: bool,
}

/// The session's half. Who stopped waiting has dropped the other: then the parts are dropped, and the session stays in step.
pub(super) struct Teller(Weak<RefCell<Queue>>);

/// An answer as it comes in. Dropping it is harmless: the rest is read and thrown away.
pub struct Answer(Rc<RefCell<Queue>>);

/// Both halves of an answer to come.
pub(super) fn answer() -> (Teller, Answer) {
    let queue = Rc::default();
    (Teller(Rc::downgrade(&queue)), Answer(queue))
}

impl Teller {
    pub(super) fn tell(&self, part: Part) {
        self.with(|queue| queue.parts.push_back(part));
    }

    pub(super) fn tell_body(&self, slice: &[u8]) {
        self.with(|queue| match queue.parts.back_mut() {
            Some(Part::Body(piece)) if piece.len() + slice.len() <= JOINED => piece.extend_from_slice(slice),
            _ => queue.parts.push_back(Part::Body(slice.to_vec())),
        });
    }

    fn with(&self, change: impl FnOnce(&mut Queue)) {
        let Some(queue) = self.0.upgrade() else { return };
        let waker = {
            let mut queue = queue.borrow_mut();
            change(&mut queue);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.with(|queue| queue.over = true);
    }
}

impl Answer {
    /// Whether something of the answer is here already, so that awaiting it would not wait.
    pub fn has_come(&self) -> bool {
        !self.0.borrow().parts.is_empty()
    }

    /// The status line, whatever it says.
    ///
    /// # Errors
    /// What ended the session.
    pub fn reply(&mut self) -> impl Future<Output = Result<Status>> + '_ {
        Coming(self, Answer::poll_reply)
    }

    /// The status line of a `+OK`.
    ///
    /// # Errors
    /// What `-ERR` stands for; what ended the session.
    pub fn status(&mut self) -> impl Future<Output = Result<Status>> + '_ {
        Coming(self, Answer::poll_status)
    }

    /// The next piece of the body, after [`Answer::status`].
    ///
    /// # Errors
    /// What ended the session before the body was whole.
    pub fn chunk(&mut self) -> impl Future<Output = Result<Chunk>> + '_ {
        Coming(self, Answer::poll_chunk)
    }

    /// What has come since the end of a body because that end was none; to be called once something behind it was answered. `None`
    /// where it was its end.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let parts = core::mem::take(&mut self.0.borrow_mut().parts);
        let mut rest = None;
        for part in parts {
            match part {
                Part::Resumed => drop(rest.get_or_insert_with(Vec::new)),
                Part::Body(bytes) => rest.get_or_insert_with(Vec::new).extend_from_slice(&bytes),
                Part::Status(_) | Part::End { .. } | Part::Failed(_) => {}
            }
        }
        rest
    }

    /// The whole body of a multi-line answer, or what its `-ERR` stands for.
    ///
    /// # Errors
    /// What ended the session.
    pub async fn body_or_refusal(&mut self) -> Result<Result<Vec<u8>>> {
        self.whole(usize::MAX).await
    }

    /// The same for LIST, UIDL and CAPA, which no server makes longer than [`MAX_LISTING`].
    ///
    /// # Errors
    /// What ended the session; `protocol` where the answer does not end.
    pub async fn listing_or_refusal(&mut self) -> Result<Result<Vec<u8>>> {
        self.whole(MAX_LISTING).await
    }

    /// The whole body of a multi-line answer.
    ///
    /// # Errors
    /// As [`Answer::status`] and [`Answer::chunk`].
    pub async fn body(&mut self) -> Result<Vec<u8>> {
        self.body_or_refusal().await?
    }

    async fn whole(&mut self, most: usize) -> Result<Result<Vec<u8>>> {
        let status = self.reply().await?;
        if !status.ok {
            return Ok(Err(status.refusal()));
        }
        let mut body = Vec::new();
        while let Chunk::Bytes(bytes) = self.chunk().await? {
            body.extend_from_slice(&bytes);
            if body.len() > most {
                return Err(Error::new(Code::Protocol, "the mail server's answer has no end"));
            }
        }
        Ok(Ok(body))
    }

    fn poll_reply(&self, waker: &Waker) -> Poll<Result<Status>> {
        self.poll_part(waker).map(|part| match part {
            Some(Part::Status(status)) => Ok(status),
            part => Err(none(part)),
        })
    }

    fn poll_status(&self, waker: &Waker) -> Poll<Result<Status>> {
        self.poll_reply(waker).map(|status| match status? {
            status if status.ok => Ok(status),
            status => Err(status.refusal()),
        })
    }

    fn poll_chunk(&self, waker: &Waker) -> Poll<Result<Chunk>> {
        self.poll_part(waker).map(|part| match part {
            Some(Part::Body(bytes)) => Ok(Chunk::Bytes(bytes)),
            Some(Part::End { certain }) => Ok(Chunk::End { certain }),
            part => Err(none(part)),
        })
    }

    fn poll_part(&self, waker: &Waker) -> Poll<Option<Part>> {
        let mut queue = self.0.borrow_mut();
        match queue.parts.pop_front() {
            None if !queue.over => {
                queue.waker = Some(waker.clone());
                Poll::Pending
            }
            part => Poll::Ready(part),
        }
    }
}

/// Why there is no more of an answer.
fn none(part: Option<Part>) -> Error {
    match part {
        Some(Part::Failed(error)) => error,
        _ => Error::closed(),
    }
}

/// What an answer is about to bring. By a pointer, so that two dozen places that wait for one share the code: as async functions they
/// each had a copy in the wasm.
struct Coming<'a, T>(&'a Answer, fn(&Answer, &Waker) -> Poll<T>);

impl<T> Future for Coming<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        (self.1)(self.0, context.waker())
    }
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Octets, dot-unstuffed.
    Bytes(Vec<u8>),
    /// There are no more.
    End {
        /// `false` where the server ended it in a way of its own.
        certain: bool,
    },
}

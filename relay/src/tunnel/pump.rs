//! The pump of a tunnel: bytes both ways in one task, and the clock that it runs by.

use super::End;
use super::browser::{Browser, upstream_end};
use crate::dial::Stream;
use bytes::{Buf, Bytes};
use poplar_wire::Close;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};

/// How often a tunnel may move something before it lets others have their turn: 200 kB, which takes less than a millisecond. A small
/// command beside a large download is not to wait longer.
const TURNS: usize = 4;

/// Silence after which a browser is pinged. Under the 30 s after which the most impatient proxies drop a connection.
const PING_AFTER: Duration = Duration::from_secs(25);

/// Silence after which a browser is taken for gone: it has not answered four pings, and has not taken a byte either.
const GONE_AFTER: Duration = Duration::from_secs(100);

/// The slowest way to a browser, in octets a second. The answer to a ping comes behind all that was sent before it, so who is slow is
/// waited for so much longer; but for no more than buffers on the way hold: 4 MiB is what Linux lets one sender have (tcp(7)).
const SLOWEST: u64 = 16 * 1024;
const BUFFERED: u64 = 4 * 1024 * 1024;

/// Carries bytes between two connections.
pub(super) struct Pump {
    pub(super) browser: Browser,
    pub(super) upstream: Stream,
    /// What the browser is shown first.
    greeting: Bytes,
    /// Bytes from the browser that the upstream has not taken yet: the rest of one message.
    to_upstream: Bytes,
    /// Whether bytes were written to the upstream since its last flush.
    unflushed: bool,
    /// Cleared when the upstream takes no more bytes; what it still has to say is read to its end.
    upstream_listens: bool,
    pub(super) carried_up: u64,
    pub(super) carried_down: u64,
    clock: Clock,
}

/// The times that a tunnel is measured against.
struct Clock {
    /// When a tunnel ends in any case.
    end: Instant,
    idle: Duration,
    /// When bytes of POP3 last moved.
    moved: Instant,
    /// When the browser last gave a sign of life: any received byte, or bytes taken.
    alive: Instant,
    pinged: Instant,
    /// Octets received from the browser at that time.
    received: u64,
    /// Octets sent to it when it was last heard.
    sent: u64,
    /// Goes off at or before the next time that matters. Boxed: reset in place, allocated once.
    alarm: Pin<Box<Sleep>>,
}

impl Pump {
    pub(super) fn new(browser: Browser, upstream: Stream, early: Bytes, idle: Duration, total: Duration) -> Pump {
        let now = Instant::now();
        let first = now + PING_AFTER.min(idle).min(total);
        let clock = Clock {
            end: now + total,
            idle,
            moved: now,
            alive: now,
            pinged: now,
            received: browser.received(),
            sent: browser.sent(),
            alarm: Box::pin(sleep_until(first)),
        };
        Pump {
            browser,
            upstream,
            greeting: Bytes::new(),
            to_upstream: early,
            unflushed: false,
            upstream_listens: true,
            carried_up: 0,
            carried_down: 0,
            clock,
        }
    }

    /// Shows the browser the greeting, if there is one to be shown, and carries bytes until the tunnel ends. May be dropped
    /// at any point: what is carried is in `self`.
    pub(super) async fn carry(&mut self, greeting: Bytes) -> End {
        self.greeting = greeting;
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match self.try_poll(cx) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Moves what can be moved. Returns when nothing more can be, with everything flushed and every waker set; or when it is the
    /// turn of others.
    fn try_poll(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let carried = self.carried_up + self.carried_down;
        let mut turns = 0;
        while let (Moved::Something, _) | (_, Moved::Something) = (self.poll_down(cx)?, self.poll_up(cx)?) {
            turns += 1;
            if turns == TURNS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let moved = self.carried_up + self.carried_down != carried;
        if self.unflushed && Pin::new(&mut self.upstream).poll_flush(cx).is_ready() {
            self.unflushed = false;
        }
        self.poll_clock(cx, moved)?;
        match self.browser.poll_flush(cx) {
            Poll::Ready(Err(_)) => Err(End::Browser),
            _ => Ok(()),
        }
    }

    /// Upstream to browser: a few records at most, and only when the browser has taken those before.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Result<Moved, End> {
        match self.browser.poll_flush(cx) {
            Poll::Pending => return Ok(Moved::Nothing),
            Poll::Ready(Err(_)) => return Err(End::Browser),
            Poll::Ready(Ok(())) => {}
        }
        if !self.greeting.is_empty() {
            let greeting = std::mem::take(&mut self.greeting);
            self.carried_down += greeting.len() as u64;
            self.browser.queue(&greeting);
            return Ok(Moved::Something);
        }
        let filled = self.browser.fill(cx, &mut self.upstream);
        self.carried_down += filled.octets as u64;
        match filled.end {
            Some(end) => Err(upstream_end(end)),
            None if filled.octets == 0 => Ok(Moved::Nothing),
            None => Ok(Moved::Something),
        }
    }

    /// Browser to upstream: the rest of one message, then the next.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Result<Moved, End> {
        if !self.to_upstream.is_empty() {
            return Ok(match Pin::new(&mut self.upstream).poll_write(cx, &self.to_upstream) {
                Poll::Pending => Moved::Nothing,
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.to_upstream.advance(written);
                    self.carried_up += written as u64;
                    self.unflushed = true;
                    Moved::Something
                }
                Poll::Ready(_) => {
                    self.upstream_listens = false;
                    self.to_upstream = Bytes::new();
                    Moved::Something
                }
            });
        }
        match self.browser.poll_next(cx) {
            Poll::Pending => Ok(Moved::Nothing),
            Poll::Ready(bytes) => {
                let bytes = bytes?;
                if self.upstream_listens {
                    self.to_upstream = bytes;
                }
                Ok(Moved::Something)
            }
        }
    }

    /// Ends a tunnel whose time is over, and pings a browser that is silent.
    fn poll_clock(&mut self, cx: &mut Context<'_>, moved: bool) -> Result<(), End> {
        let mut now = Instant::now();
        let clock = &mut self.clock;
        let received = self.browser.received();
        if received != clock.received {
            clock.received = received;
            clock.sent = self.browser.sent();
            clock.alive = now;
        }
        if moved {
            (clock.moved, clock.alive) = (now, now);
        }
        // While the upstream takes nothing the browser is not listened to, and its silence says nothing.
        if !self.to_upstream.is_empty() {
            clock.alive = now;
        }
        let on_its_way = self.browser.sent().saturating_sub(clock.sent).min(BUFFERED);
        let gone_after = GONE_AFTER + Duration::from_secs(on_its_way / SLOWEST);
        while clock.alarm.as_mut().poll(cx).is_ready() {
            if now >= clock.end {
                return Err(End::ours(Close::Timeout, "the tunnel reached its total time"));
            }
            if now >= clock.moved + clock.idle {
                return Err(End::ours(Close::Timeout, "nothing was sent either way for too long"));
            }
            if now >= clock.alive + gone_after {
                return Err(End::ours(Close::Timeout, "the browser stopped answering"));
            }
            let quiet_since = clock.alive.max(clock.pinged);
            if now >= quiet_since + PING_AFTER {
                clock.pinged = now;
                self.browser.ping(cx).map_err(|_| End::Browser)?;
            }
            let next = (clock.alive.max(clock.pinged) + PING_AFTER)
                .min(clock.alive + gone_after)
                .min(clock.moved + clock.idle)
                .min(clock.end);
            clock.alarm.as_mut().reset(next);
            now = Instant::now();
        }
        Ok(())
    }
}

/// What one poll moved.
enum Moved {
    Something,
    Nothing,
}

#[cfg(test)]
pub(super) mod tests;

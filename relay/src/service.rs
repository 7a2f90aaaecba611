//! The relay as a service: signals, and what a service manager gives it and hears from it.
//!
//! systemd's protocols (`sd_notify(3)`, `sd_listen_fds(3)`) are spoken where there is systemd, that is, on Linux and where
//! its variables are set. Everywhere else the same calls do nothing, and the relay is a program in the foreground.

use std::io;
use std::net::TcpListener;

/// Listening sockets that a service manager opened beforehand: with them a relay can be replaced without a moment in which
/// nobody listens, and needs no right to open a low port.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// In the place of `--listen`: the first.
    pub(crate) listener: Option<TcpListener>,
    /// In the place of `--admin-listen`: the second, where there is one.
    pub(crate) admin: Option<TcpListener>,
}

impl Inherited {
    /// Takes what was handed over; nothing, where nothing was.
    ///
    /// # Errors
    ///
    /// What was handed over is no listening TCP socket.
    #[cfg(unix)]
    pub(crate) fn take() -> io::Result<Inherited> {
        let mut given = listenfd::ListenFd::from_env();
        let mut take = |index| {
            let listener = if index < given.len() { given.take_tcp_listener(index)? } else { None };
            listener.map(|listener| listener.set_nonblocking(true).map(|()| listener)).transpose()
        };
        Ok(Inherited { listener: take(0)?, admin: take(1)? })
    }

    #[cfg(not(unix))]
    pub(crate) fn take() -> io::Result<Inherited> {
        Ok(Inherited::default())
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Stop,
    /// Read certificate and tokens again.
    Reload,
}

/// Ctrl-C, and what each system sends a program that should stop or read its files again.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlShutdown,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    #[cfg(windows)]
    pub(crate) fn new() -> io::Result<Signals> {
        use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Signals { interrupt: ctrl_c()?, close: ctrl_close()?, terminate: ctrl_shutdown()? })
    }

    /// The next signal. May be dropped and asked again.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Signal {
        use std::io::IsTerminal;
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            // To a program in a terminal it says that the terminal is gone; to a service, by custom, to read its files again.
            _ = self.hangup.recv() => if io::stdin().is_terminal() { Signal::Stop } else { Signal::Reload },
        }
    }

    #[cfg(windows)]
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.close.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Signal::Stop
    }
}

/// What the service manager is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// It listens, or has read its files again.
    Ready,
    Reloading,
    /// It was told to stop, and lets running tunnels finish.
    Stopping,
}

/// Tells the service manager, where there is one.
#[cfg(target_os = "linux")]
pub(crate) fn tell(news: News) {
    use sd_notify::NotifyState;
    let told = match news {
        News::Ready => sd_notify::notify(&[NotifyState::Ready]),
        News::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        News::Reloading => {
            // Type=notify-reload wants to know when; Type=notify takes no notice.
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn tell(_: News) {}

/// Tells the service manager again and again that the relay is alive, where it wants to hear that. Runs among the relay's own
/// tasks: when those stand still, so does this, and the relay is started anew.
#[cfg(target_os = "linux")]
pub(crate) async fn keep_watchdog_quiet() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    // Twice within the limit, as sd_watchdog_enabled(3) recommends.
    let mut ticks = tokio::time::interval(limit / 2);
    loop {
        ticks.tick().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) async fn keep_watchdog_quiet() {}

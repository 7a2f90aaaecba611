//! The scripted server on a port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::Player;
use crate::port::Port;
use crate::transcript::Transcript;
use crate::transcript::expected::Seen;

/// How far away the server is. What a client sends without waiting for an answer comes together, as it does over any distance; there is
/// no event to await that would say that nothing more is on its way.
const DISTANCE: Duration = Duration::from_millis(10);

/// Plays one transcript at a time, on one port. Dropping it ends its connections.
pub struct Server {
    port: Port,
    player: Arc<Mutex<Player>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on a free port.
    ///
    /// # Errors
    /// Where there is none.
    pub fn start(transcript: Arc<Transcript>) -> Result<Server> {
        let port = Port::reserve()?;
        let listener = port.listen()?;
        let player = Arc::new(Mutex::new(Player::new(transcript)));
        let playing = player.clone();
        let accepting = tokio::spawn(async move {
            // Dropped with this task, and with it every connection.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(stream, playing.clone()));
            }
        });
        Ok(Server { port, player, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Plays another transcript from now on, from its beginning.
    pub fn play(&self, transcript: Arc<Transcript>) {
        *lock(&self.player) = Player::new(transcript);
    }

    /// What is played.
    pub fn transcript(&self) -> Arc<Transcript> {
        lock(&self.player).transcript().clone()
    }

    /// Goes on to a sync, counted from 0.
    pub fn begin(&self, sync: usize) {
        lock(&self.player).begin(sync);
    }

    /// What was seen since [`Server::begin`].
    pub fn seen(&self) -> Seen {
        lock(&self.player).seen().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, player: Arc<Mutex<Player>>) {
    let _ = stream.set_nodelay(true);
    let mut connection = lock(&player).connect();
    let mut say = vec![connection.greet()];
    let mut buffer = vec![0; 64 * 1024];
    loop {
        for said in say {
            if stream.write_all(&said.bytes).await.is_err() {
                return;
            }
            if said.close {
                let _ = stream.shutdown().await;
                // Closing on input that was not read would be a reset, and could take with it what was just said.
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
                return;
            }
        }
        let Ok(mut length @ 1..) = stream.read(&mut buffer).await else { return };
        sleep(DISTANCE).await;
        while let Some(room @ [_, ..]) = buffer.get_mut(length..) {
            let Ok(more @ 1..) = stream.try_read(room) else { break };
            length += more;
        }
        let read = buffer.get(..length).unwrap_or_default();
        say = connection.hear(read, &mut lock(&player).seen);
    }
}

fn lock(player: &Mutex<Player>) -> std::sync::MutexGuard<'_, Player> {
    player.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Session, Step, Sync};

    #[tokio::test]
    async fn a_transcript_on_a_socket() {
        let mut transcript = Transcript::example();
        let session = Session { greeting: vec![Step::Send(b"+OK hi\r\n".to_vec())], rules: Vec::new() };
        transcript.syncs = vec![Sync { sessions: vec![session], ..Sync::default() }];
        let server = Server::start(Arc::new(transcript)).unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"NOOP\r\nQUIT\r\n").await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "+OK hi\r\n+OK\r\n+OK\r\n");
        assert_eq!(server.seen().commands, ["NOOP", "QUIT"]);
    }
}

//! The line between client and server: what was sent, what of it is read, and how it ends.

use std::rc::Rc;

use poplar_client::pop3::{Client, Millis, Wire};

use super::Scene;
use super::faults::Kind;

/// The client's end of the line.
pub(super) struct Line(pub(super) Rc<Scene>);

impl Wire for Line {
    fn send(&mut self, frame: Vec<u8>) {
        let text = String::from_utf8(frame).expect("commands are text");
        let mut server = self.0.server.borrow_mut();
        let Some(line) = &mut server.line else { return };
        for command in text.split_terminator("\r\n") {
            line.inbox.push_back(command.to_owned());
            line.unseen += 1;
        }
    }

    fn now(&self) -> Millis {
        self.0.now.get()
    }

    fn wake_at(&mut self, deadline: Millis) {
        // Before the connection stands there is nothing to be late.
        if let Some(line) = &mut self.0.server.borrow_mut().line {
            line.deadline = deadline;
        }
    }

    fn close(&mut self) {
        if let Some(line) = &mut self.0.server.borrow_mut().line {
            line.closed = true;
        }
    }
}

impl Scene {
    /// Holds what was sent against what may be.
    pub(super) fn look(&self) {
        loop {
            let command = {
                let mut server = self.server.borrow_mut();
                let Some(line) = server.line.as_mut().filter(|line| line.unseen > 0) else { return };
                let command = line.inbox[line.inbox.len() - line.unseen].clone();
                line.deles += u32::from(command.starts_with("DELE"));
                command
            };
            self.tell(|| format!("  C: {}", if command.starts_with("PASS") { "PASS" } else { &command }));
            self.hold(self.ledger.borrow().sent(&command, self));
            if let Some(line) = &mut self.server.borrow_mut().line {
                line.unseen -= 1;
                if command == "QUIT" {
                    line.quit_pending = true;
                    line.at_stake = !line.deleted.is_empty();
                }
            }
        }
    }

    /// The server reads one command.
    pub(super) fn read(&self) {
        let Some(read) = self.server.borrow_mut().read() else { return };
        self.tell(|| format!("  (read {})", read.command.split(' ').next().unwrap_or_default()));
        self.met_all(read.met);
        if !read.removed.is_empty() {
            self.tell(|| format!("  QUIT deletes {:?}", read.removed));
            self.hold(self.ledger.borrow_mut().deleted(&read.removed, self));
        }
    }

    /// The line is cut between the two: of what was sent, the server reads some. The client that has not heard of it.
    pub(super) fn cut(&self) -> Option<Client> {
        let waiting = self.server.borrow().line.as_ref()?.inbox.len();
        let chance = self.rng.borrow_mut().u32(..4);
        let reads = match chance {
            0 => 0,
            1 | 2 => waiting,
            _ => self.rng.borrow_mut().usize(..=waiting),
        };
        (0..reads).for_each(|_| self.read());
        self.lost_quit();
        self.server.borrow_mut().line.take()?.client.upgrade()
    }

    /// The client has ended the session: what it sent before still arrives.
    pub(super) fn hang_up(&self) {
        self.look();
        while self.server.borrow().line.as_ref().is_some_and(|line| !line.inbox.is_empty()) {
            self.read();
        }
        self.server.borrow_mut().line = None;
    }

    /// Counts a QUIT whose answer will never be heard.
    pub(super) fn lost_quit(&self) {
        let read = {
            let server = self.server.borrow();
            let Some(line) = server.line.as_ref().filter(|line| line.quit_pending && line.at_stake) else { return };
            line.quit_read
        };
        self.met(if read { Kind::QuitLostCarriedOut } else { Kind::QuitLostIgnored });
    }
}

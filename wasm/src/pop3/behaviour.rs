//! What a server was seen to do, as against what it says. Worth remembering for the next session with the same upstream.

use super::capabilities::Capabilities;

/// How far to run ahead of the server's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pipelining {
    /// Where CAPA advertises it.
    #[default]
    Auto,
    /// Wherever a trial shows that queued commands are answered.
    Probe,
    /// One command at a time, as the guide has it.
    Off,
}

/// What is known of a server. `None`: not tried yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// What it said at the latest CAPA.
    pub capabilities: Option<Capabilities>,
    /// Whether it answers commands that were queued behind others. Some throw them away, some disconnect (poczta.o2.pl).
    pub pipelining: Option<bool>,
    /// Whether it answers UIDL without a number.
    pub bare_uidl: Option<bool>,
    /// Whether TOP brings headers. Some servers refuse it, some send one line.
    pub top: Option<bool>,
    /// It was seen to end a message without a proper terminator.
    pub unterminated: bool,
}

/// The layout of [`Behaviour::to_bytes`].
const VERSION: u8 = 1;

impl Behaviour {
    /// As it is kept between sessions.
    pub fn to_bytes(&self) -> [u8; 8] {
        let said = self.capabilities.unwrap_or_default();
        let bits = |all: [bool; 5]| all.into_iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(bit));
        let tried = |tried: Option<bool>| tried.map_or(0, |works| 1 + u8::from(works));
        let [a, b, c, d] = said.login_delay.to_le_bytes();
        let flags = bits([self.capabilities.is_some(), said.pipelining, said.user, said.top, said.utf8]);
        let seen = tried(self.pipelining) | tried(self.bare_uidl) << 2 | tried(self.top) << 4;
        [VERSION, flags, said.mechanisms, a, b, c, d, seen | u8::from(self.unterminated) << 6]
    }

    /// Reads it back; `None` where another version has written it.
    pub fn from_bytes(bytes: &[u8; 8]) -> Option<Behaviour> {
        let [VERSION, flags, mechanisms, a, b, c, d, seen] = *bytes else { return None };
        let bit = |place: u8| flags >> place & 1 != 0;
        let tried = |place: u8| match seen >> place & 3 {
            0 => None,
            tried => Some(tried == 2),
        };
        let said = Capabilities {
            pipelining: bit(1),
            user: bit(2),
            top: bit(3),
            utf8: bit(4),
            mechanisms,
            login_delay: u32::from_le_bytes([a, b, c, d]),
        };
        Some(Behaviour {
            capabilities: bit(0).then_some(said),
            pipelining: tried(0),
            bare_uidl: tried(2),
            top: tried(4),
            unterminated: seen >> 6 & 1 != 0,
        })
    }

    /// Whether to try to run ahead of this server.
    pub fn allows(&self, pipelining: Pipelining) -> bool {
        let wanted = match pipelining {
            Pipelining::Auto => self.capabilities.is_some_and(|said| said.pipelining),
            Pipelining::Probe => true,
            Pipelining::Off => false,
        };
        wanted && self.pipelining != Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_another_version_does_not() {
        let said =
            Capabilities { pipelining: true, user: false, top: true, utf8: true, mechanisms: 9, login_delay: 70_000 };
        let full = Behaviour {
            capabilities: Some(said),
            pipelining: Some(false),
            bare_uidl: Some(true),
            top: None,
            unterminated: true,
        };
        for behaviour in [full, Behaviour { unterminated: false, top: Some(true), ..full }, Behaviour::default()] {
            assert_eq!(Behaviour::from_bytes(&behaviour.to_bytes()), Some(behaviour));
        }
        assert_eq!(Behaviour::from_bytes(&[0; 8]), None);
    }

    #[test]
    fn what_was_seen_counts_more_than_what_is_said() {
        let said = |pipelining| Some(Capabilities { pipelining, ..Capabilities::default() });
        let advertised = Behaviour { capabilities: said(true), ..Behaviour::default() };
        assert!(advertised.allows(Pipelining::Auto) && advertised.allows(Pipelining::Probe));
        assert!(!advertised.allows(Pipelining::Off));
        let broken = Behaviour { pipelining: Some(false), ..advertised };
        assert!(!broken.allows(Pipelining::Auto) && !broken.allows(Pipelining::Probe));
        let silent = Behaviour { capabilities: said(false), pipelining: Some(true), ..Behaviour::default() };
        assert!(!silent.allows(Pipelining::Auto) && silent.allows(Pipelining::Probe));
        assert!(!Behaviour::default().allows(Pipelining::Auto));
    }
}

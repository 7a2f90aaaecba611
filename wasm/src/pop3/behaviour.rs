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

impl Behaviour {
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

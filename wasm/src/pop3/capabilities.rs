//! What a server says it can do (RFC 2449).

/// The capabilities that change what the client does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Commands may be sent before the answers to earlier ones (`PIPELINING`, RFC 2449 §6.6).
    pub pipelining: bool,
    /// Sign-in by USER and PASS (`USER`, RFC 2449 §6.3).
    pub user: bool,
    /// `TOP`, RFC 2449 §6.2.
    pub top: bool,
    /// Headers may come in UTF-8 once that was asked for (`UTF8`, RFC 6856 §2).
    pub utf8: bool,
    /// The sign-in mechanisms of `SASL` (RFC 2449 §6.4), a bit each: see [`Capabilities::takes`].
    pub mechanisms: u8,
    /// Least seconds between two sign-ins (`LOGIN-DELAY`, RFC 2449 §6.5); 0 where nothing is said.
    pub login_delay: u32,
}

/// A sign-in mechanism of RFC 5034 that this client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// What Exchange and old servers call LOGIN; never became a standard.
    Login,
    /// Google's and Microsoft's sign-in by token.
    XOAuth2,
    /// RFC 7628.
    OAuthBearer,
}

impl Mechanism {
    /// The name in `SASL` and `AUTH`.
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// The mechanism of this name, in any case.
    pub fn named(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.name()))
    }

    const ALL: [Mechanism; 4] = [Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2, Mechanism::OAuthBearer];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Capabilities {
    /// Reads CAPA's lines: a name in any case, and parameters behind a space.
    pub fn read(lines: &[String]) -> Capabilities {
        let mut read = Capabilities::default();
        for line in lines {
            let mut words = line.split_ascii_whitespace();
            let name = words.next().unwrap_or_default();
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            read.pipelining |= is("PIPELINING");
            read.user |= is("USER");
            read.top |= is("TOP");
            read.utf8 |= is("UTF8");
            if is("LOGIN-DELAY") {
                read.login_delay = words.next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
            } else if is("SASL") {
                for word in words {
                    read.mechanisms |= Mechanism::named(word).map_or(0, Mechanism::bit);
                }
            }
        }
        read
    }

    /// Whether the server offers this way to sign in.
    pub const fn takes(&self, mechanism: Mechanism) -> bool {
        self.mechanisms & mechanism.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Capabilities {
        Capabilities::read(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_in_any_case_and_whole() {
        let pipelining = |line: &str| read(&["TOP", line]).pipelining;
        assert!(pipelining("PIPELINING") && pipelining("pipelining 5") && pipelining(" Pipelining"));
        assert!(!pipelining("PIPELININGS") && !pipelining("X-PIPELINING") && !pipelining(""));
    }

    #[test]
    fn parameters_are_read() {
        let all = read(&["USER", "UTF8 USER", "LOGIN-DELAY 900 USER", "SASL plain XOAUTH2 SCRAM-SHA-256", "top"]);
        assert!(all.user && all.utf8 && all.top && !all.pipelining);
        assert_eq!(all.login_delay, 900);
        assert!(all.takes(Mechanism::Plain) && all.takes(Mechanism::XOAuth2));
        assert!(!all.takes(Mechanism::Login) && !all.takes(Mechanism::OAuthBearer));
        assert_eq!(read(&["LOGIN-DELAY soon", "SASL"]), Capabilities::default());
    }
}

//! What a server says it can do (RFC 2449).

/// The capabilities that change what the client does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Commands may be sent before the answers to earlier ones (RFC 2449 §6.6).
    pub pipelining: bool,
}

impl Capabilities {
    /// Reads CAPA's lines: a name in any case, and parameters behind a space.
    pub fn read(lines: &[String]) -> Capabilities {
        let has = |name: &str| {
            lines
                .iter()
                .any(|line| line.split_ascii_whitespace().next().is_some_and(|tag| tag.eq_ignore_ascii_case(name)))
        };
        Capabilities { pipelining: has("PIPELINING") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_and_whole() {
        let read = |line: &str| Capabilities::read(&["TOP".into(), line.into()]).pipelining;
        assert!(read("PIPELINING") && read("pipelining 5") && read(" Pipelining"));
        assert!(!read("PIPELININGS") && !read("X-PIPELINING") && !read(""));
    }
}

//! What CAPA (RFC 2449) says before anybody has signed in, and what of it matters to Poplar.

use super::report::quote;
use crate::upstream::Transport;

/// Longest keyword that gets its meaning right beside it: `AUTH-RESP-CODE` (RFC 3206) is the longest that has one.
const WIDTH: usize = 14;

/// What a server says it can, a line each, with what that means here.
pub(super) fn describe(reply: &[u8]) -> Vec<String> {
    lines(reply)
        .map(|line| match meaning(&line) {
            Some(meaning) => format!("{line:<WIDTH$}  {meaning}"),
            None => line,
        })
        .collect()
}

/// What Poplar would like and is not said. It may be said after signing in: Gmail has PIPELINING only then.
pub(super) fn missing(reply: &[u8], transport: Transport) -> Vec<String> {
    let said: Vec<String> = lines(reply).map(|line| keyword(&line).0).collect();
    let has = |keyword: &str| said.iter().any(|said| said == keyword);
    let unnamed = WISHED.into_iter().filter(|(keyword, _)| !has(keyword));
    let mut missing: Vec<String> =
        unnamed.map(|(keyword, so)| format!("no {} is named: {so}", keyword.to_ascii_uppercase())).collect();
    if transport == Transport::Plain && has("stls") {
        missing.push(
            "nothing is encrypted here, though the server offers it: use pop3+starttls:// in place of pop3://"
                .to_owned(),
        );
    }
    missing
}

/// What Poplar makes use of, and what follows where it is not there.
const WISHED: [(&str, &str); 3] = [
    ("uidl", "Poplar asks for it all the same; where there is none, no rule deletes from the server"),
    ("pipelining", "unless it is after sign-in, Poplar waits for each answer, which takes long with a distant server"),
    ("top", "headers may come with their whole message only"),
];

fn lines(reply: &[u8]) -> impl Iterator<Item = String> {
    reply.split(|byte| *byte == b'\n').skip(1).map(quote).filter(|line| !line.is_empty() && line != ".")
}

/// A capability's keyword, in small letters (RFC 2449 §3 has them in any), and its parameters.
fn keyword(line: &str) -> (String, &str) {
    let (keyword, parameters) = line.split_once(' ').unwrap_or((line, ""));
    (keyword.to_ascii_lowercase(), parameters.trim())
}

/// What a capability means for reading mail through Poplar.
fn meaning(line: &str) -> Option<String> {
    let (keyword, parameters) = keyword(line);
    let meaning = match keyword.as_str() {
        "uidl" => "messages have names of their own: each is retrieved once",
        "pipelining" => "many messages are asked for at once",
        "top" => "headers can be had without the whole message",
        "user" => "sign-in by user name and password",
        "sasl" => return Some(ways_in(parameters)),
        "stls" => "can change to TLS (pop3+starttls)",
        "resp-codes" => "says in codes why it refuses",
        "auth-resp-code" => "tells a wrong password from trouble of its own",
        "login-delay" => {
            return Some(format!("wants {} s between two sign-ins; Poplar waits as long", number(parameters)?));
        }
        "expire" if parameters.eq_ignore_ascii_case("NEVER") => "the server keeps messages until they are deleted",
        "expire" => {
            return Some(format!("the server itself deletes messages {} days after they came", number(parameters)?));
        }
        "utf8" => "Poplar does not ask for it, and needs none",
        _ => return None,
    };
    Some(meaning.to_owned())
}

/// Which of the ways to sign in are ways of Poplar's.
fn ways_in(parameters: &str) -> String {
    let ours = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"];
    let known: Vec<_> =
        parameters.split_whitespace().map(str::to_ascii_uppercase).filter(|way| ours.contains(&way.as_str())).collect();
    match known.is_empty() {
        true => "none of these is a way in for Poplar".to_owned(),
        false => format!("ways in for Poplar: {}", known.join(", ")),
    }
}

/// The number that a capability begins with; it may be another for each user: `EXPIRE 30 USER` (RFC 2449 §6.7).
fn number(parameters: &str) -> Option<u32> {
    parameters.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_said_in_words_and_the_rest_as_it_came() {
        let reply = b"+OK\r\nTOP\r\nuidl\r\nSASL PLAIN cram-md5 XOAUTH2\r\nLOGIN-DELAY 900 USER\r\nEXPIRE 60\r\nIMPLEMENTATION x\r\nLOGIN-DELAY soon\r\n.\r\n";
        let said = describe(reply);
        assert_eq!(said.len(), 7, "{said:?}");
        for (line, part) in [
            (0, "TOP             headers"),
            (1, "uidl            messages have names"),
            (2, "ways in for Poplar: PLAIN, XOAUTH2"),
            (3, "900 s"),
            (4, "60 days"),
        ] {
            assert!(said[line].contains(part), "{part} in {}", said[line]);
        }
        assert_eq!(said[5..], ["IMPLEMENTATION x", "LOGIN-DELAY soon"]);
        assert_eq!(describe(b"+OK\r\nSASL GSSAPI\r\n.\r\n"), ["SASL GSSAPI     none of these is a way in for Poplar"]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let missing = |reply: &[u8], transport| missing(reply, transport).join("\n");
        assert_eq!(missing(b"+OK\r\nUIDL\r\nTOP\r\nPIPELINING\r\nSTLS\r\n.\r\n", Transport::Tls), "");
        let bare = missing(b"+OK\r\n.\r\n", Transport::Tls);
        for keyword in ["UIDL", "PIPELINING", "TOP"] {
            assert!(bare.contains(&format!("no {keyword} is named")), "{bare}");
        }
        let plain = missing(b"+OK\r\nUIDL\r\nTOP\r\nPIPELINING\r\nSTLS\r\n.\r\n", Transport::Plain);
        assert!(plain.contains("pop3+starttls://"), "{plain}");
    }
}

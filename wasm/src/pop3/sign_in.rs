//! Signing in: USER and PASS as the guide has it, SASL (RFC 5034) by password or by token, and APOP.
//!
//! A secret is sent once. SASL is always done in two steps, though RFC 5034 §4 allows the secret on the AUTH line itself: a server
//! that does not take it there (Exchange) answers `-ERR` as it would to a wrong password, and trying again the other way would be
//! sending a refused password twice.

mod encoding;

use super::Client;
use super::answer::Answer;
use super::capabilities::{Capabilities, Mechanism};
use super::command::{Command, Secret, check_text, check_user};
use super::reply::Status;
use crate::error::{Code, Error, Result};
use crate::md5;

/// What proves who somebody is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A password.
    Password(Secret),
    /// An OAuth 2.0 access token (RFC 6750).
    Token(Secret),
}

/// How to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// USER and PASS, as the guide has it; SASL where the server offers no USER but that; for a token, what the server takes.
    #[default]
    Auto,
    /// USER and PASS, RFC 1939 §7.
    User,
    /// APOP, RFC 1939 §7: never by itself, because MD5 protects nothing today and the server must know the password.
    Apop,
    /// AUTH, RFC 5034.
    Sasl(Mechanism),
}

impl Method {
    /// The method of this name in the public API.
    pub fn named(name: &str) -> Option<Method> {
        match name {
            "auto" => Some(Method::Auto),
            "user" => Some(Method::User),
            "apop" => Some(Method::Apop),
            _ => Mechanism::named(name).map(Method::Sasl),
        }
    }
}

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Login<'a> {
    /// The user name.
    pub user: &'a str,
    /// The proof.
    pub credential: Credential,
    /// The way.
    pub method: Method,
}

impl Client {
    /// Signs in. UTF-8 headers are asked for first where the server has offered them (RFC 6856).
    ///
    /// # Errors
    /// `auth-failed` with the server's words where it refuses, or offers no way that fits; `in-use`, `login-delay`, `temporary`,
    /// `permanent` where a response code says so; `invalid-argument` for what cannot be sent. Nothing is sent again.
    pub async fn sign_in(&self, login: &Login<'_>) -> Result<()> {
        // Asked for now where nobody did before: which way a token goes is the server's choice.
        let unknown = self.behaviour().capabilities.is_none();
        if unknown && login.method == Method::Auto && matches!(login.credential, Credential::Token(_)) {
            self.capa().await?;
        }
        let said = self.behaviour().capabilities.unwrap_or_default();
        let Steps { commands, responses } = Steps::of(login, &said, &self.greeting())?;
        // Queued together, so that calls made behind this one come behind all of them. A refused UTF8 changes nothing but the form of
        // some headers, and PASS is not sent behind a refused USER, but answered as that was.
        let asked: Vec<Answer> = commands.into_iter().map(|command| self.ask(command)).collect();
        let mut status = None;
        for mut answer in asked {
            status = Some(answer.reply().await?);
        }
        let mut status = status.ok_or_else(Error::closed)?;
        for response in responses {
            if status.challenge {
                status = self.exchange(Command::Response(response.clone())).await?;
                // A server that takes the line for a command may quote it.
                status.text = response.struck_from(&status.text);
            }
        }
        if status.challenge {
            // Also to PASS or APOP: nothing else can be sent before it is answered, and nobody can.
            let error = Error::new(Code::Protocol, "the mail server does not come to an end of signing in");
            self.hang_up(error.clone());
            return Err(error);
        }
        if status.ok { Ok(()) } else { Err(refused(&status, login, &said)) }
    }
}

/// What is sent to sign in.
struct Steps {
    commands: Vec<Command>,
    /// One for each challenge of the mechanism, and one for a challenge more: a token's refusal comes as one, to be answered so that
    /// the verdict follows (RFC 7628 §3.2.3); what nobody can answer is called off (RFC 5034 §4).
    responses: Vec<Secret>,
}

impl Steps {
    fn of(login: &Login<'_>, said: &Capabilities, greeting: &str) -> Result<Steps> {
        let user = login.user;
        check_user(user)?;
        let (secret, what) = login.credential.parts();
        check_text(what, secret.reveal())?;
        let mut steps = Steps { commands: Vec::new(), responses: Vec::new() };
        if said.utf8 {
            steps.commands.push(Command::Utf8);
        }
        let mechanism = match method(login, said)? {
            Method::Sasl(mechanism) => mechanism,
            Method::Apop => {
                let digest = digest(greeting, secret.reveal())?;
                steps.commands.push(Command::Apop(user.to_owned(), digest));
                return Ok(steps);
            }
            Method::Auto | Method::User => {
                steps.commands.push(Command::User(user.to_owned()));
                steps.commands.push(Command::Pass(secret.clone()));
                return Ok(steps);
            }
        };
        steps.commands.push(Command::Auth(mechanism));
        let secret = secret.reveal();
        let mut respond = |parts: &[&str]| steps.responses.push(encoding::base64(parts.concat().as_bytes()));
        let last = match mechanism {
            Mechanism::Plain => {
                respond(&["\0", user, "\0", secret]);
                "*"
            }
            Mechanism::Login => {
                respond(&[user]);
                respond(&[secret]);
                "*"
            }
            Mechanism::XOAuth2 => {
                respond(&["user=", user, "\x01auth=Bearer ", secret, "\x01\x01"]);
                ""
            }
            Mechanism::OAuthBearer => {
                respond(&["n,a=", &escaped(user), ",\x01auth=Bearer ", secret, "\x01\x01"]);
                "AQ=="
            }
        };
        steps.responses.push(Secret::new(last));
        Ok(steps)
    }
}

impl Credential {
    /// The secret, and what it is called.
    fn parts(&self) -> (&Secret, &'static str) {
        match self {
            Credential::Password(secret) => (secret, "password"),
            Credential::Token(secret) => (secret, "token"),
        }
    }
}

fn method(login: &Login<'_>, said: &Capabilities) -> Result<Method> {
    let first = |ways: [Mechanism; 2]| ways.into_iter().find(|way| said.takes(*way)).map(Method::Sasl);
    let by_token = matches!(login.credential, Credential::Token(_));
    match login.method {
        Method::Auto if by_token => first([Mechanism::OAuthBearer, Mechanism::XOAuth2]).ok_or_else(no_tokens),
        Method::Auto if said.user => Ok(Method::User),
        Method::Auto => Ok(first([Mechanism::Plain, Mechanism::Login]).unwrap_or(Method::User)),
        asked => {
            let takes_token = matches!(asked, Method::Sasl(Mechanism::OAuthBearer | Mechanism::XOAuth2));
            if takes_token == by_token {
                Ok(asked)
            } else {
                Err(Error::invalid("this way to sign in needs another kind of secret"))
            }
        }
    }
}

/// RFC 1939 §7: of the stamp in the greeting and the password.
fn digest(greeting: &str, password: &str) -> Result<Secret> {
    let stamp = greeting.find('<').zip(greeting.find('>')).and_then(|(from, to)| greeting.get(from..=to));
    let stamp = stamp.ok_or_else(|| {
        Error::new(Code::AuthFailed, "this mail server does not offer APOP; sign in with USER and PASS instead")
    })?;
    Ok(Secret::new(md5::hex(&[stamp.as_bytes(), password.as_bytes()])))
}

/// RFC 5801 §4: in the header of OAUTHBEARER `=` and `,` of the name are written otherwise.
fn escaped(user: &str) -> String {
    user.chars().fold(String::new(), |name, c| match c {
        '=' => name + "=3D",
        ',' => name + "=2C",
        c => name + c.encode_utf8(&mut [0; 4]),
    })
}

fn refused(status: &Status, login: &Login<'_>, said: &Capabilities) -> Error {
    let refusal = status.sign_in_refusal();
    let words = login.credential.parts().0.struck_from(&refusal.server_text);
    let refusal = refusal.with_server_text(words);
    if refusal.code == Code::LoginDelay && said.login_delay > 0 {
        return refusal.with_retry_after(said.login_delay.saturating_mul(1000));
    }
    refusal
}

fn no_tokens() -> Error {
    let message = "this mail server does not take tokens (OAUTHBEARER or XOAUTH2); sign in with a password";
    Error::new(Code::AuthFailed, message)
}

//! Signing in: USER and PASS as the guide has it, SASL (RFC 5034) by password or by token, and APOP.
//!
//! A secret is sent once. SASL is always done in two steps, though RFC 5034 §4 allows the secret on the AUTH line itself: a server
//! that does not take it there (Exchange) answers `-ERR` as it would to a wrong password, and trying again the other way would be
//! sending a refused password twice.

mod encoding;
mod md5;

use super::Client;
use super::capabilities::Mechanism;
use super::command::{Command, Secret, check_text, check_user};
use super::reply::Status;
use crate::error::{Code, Error, Result};

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
        check_user(login.user)?;
        let secret = match &login.credential {
            Credential::Password(secret) => {
                check_text("password", secret.reveal())?;
                secret
            }
            Credential::Token(token) => {
                check_text("token", token.reveal())?;
                // Asked for now where nobody did before: which way a token goes is the server's choice.
                if self.behaviour().capabilities.is_none() && login.method == Method::Auto {
                    self.capa().await?;
                }
                token
            }
        };
        let method = self.method(login)?;
        if self.behaviour().capabilities.is_some_and(|said| said.utf8) {
            // A refusal changes nothing but the form of some headers.
            self.exchange(Command::Utf8).await?;
        }
        let status = match method {
            Method::Apop => self.apop(login.user, secret).await?,
            Method::Sasl(mechanism) => self.sasl(mechanism, login.user, secret).await?,
            Method::Auto | Method::User => self.user_and_pass(login.user, secret).await?,
        };
        if status.ok {
            return Ok(());
        }
        let mut refusal = status.sign_in_refusal();
        refusal.server_text = secret.struck_from(&refusal.server_text);
        let pause = self.behaviour().capabilities.map_or(0, |said| said.login_delay);
        if refusal.code == Code::LoginDelay && pause > 0 {
            refusal.retry_after_ms = Some(pause.saturating_mul(1000));
        }
        Err(refusal)
    }

    fn method(&self, login: &Login<'_>) -> Result<Method> {
        let said = self.behaviour().capabilities.unwrap_or_default();
        let first = |ways: [Mechanism; 2]| ways.into_iter().find(|way| said.takes(*way)).map(Method::Sasl);
        match (login.method, &login.credential) {
            (Method::Auto, Credential::Password(_)) if said.user => Ok(Method::User),
            (Method::Auto, Credential::Password(_)) => {
                Ok(first([Mechanism::Plain, Mechanism::Login]).unwrap_or(Method::User))
            }
            (Method::Auto, Credential::Token(_)) => {
                first([Mechanism::OAuthBearer, Mechanism::XOAuth2]).ok_or_else(no_tokens)
            }
            (Method::Sasl(Mechanism::OAuthBearer | Mechanism::XOAuth2), Credential::Password(_)) => {
                Err(Error::invalid("this way to sign in takes a token and no password"))
            }
            (Method::Sasl(Mechanism::OAuthBearer | Mechanism::XOAuth2), Credential::Token(_)) => Ok(login.method),
            (_, Credential::Token(_)) => Err(Error::invalid("this way to sign in takes a password and no token")),
            (method, Credential::Password(_)) => Ok(method),
        }
    }

    async fn user_and_pass(&self, user: &str, password: &Secret) -> Result<Status> {
        // Queued together, so that calls made behind this one come behind it.
        let user = self.exchange(Command::User(user.to_owned()));
        let pass = self.exchange(Command::Pass(password.clone()));
        let status = user.await?;
        if status.ok { pass.await } else { Ok(status) }
    }

    async fn apop(&self, user: &str, password: &Secret) -> Result<Status> {
        let greeting = self.greeting();
        let stamp = greeting.find('<').zip(greeting.find('>')).and_then(|(from, to)| greeting.get(from..=to));
        let stamp = stamp.ok_or_else(|| {
            Error::new(Code::AuthFailed, "this mail server does not offer APOP; sign in with USER and PASS instead")
        })?;
        let digest = encoding::md5_hex(&[stamp.as_bytes(), password.reveal().as_bytes()]);
        self.exchange(Command::Apop(user.to_owned(), Secret::new(digest))).await
    }

    /// AUTH, a challenge for each part of the proof, and the verdict.
    async fn sasl(&self, mechanism: Mechanism, user: &str, secret: &Secret) -> Result<Status> {
        let secret = secret.reveal();
        let parts: &[String] = &match mechanism {
            Mechanism::Plain => vec![["\0", user, "\0", secret].concat()],
            Mechanism::Login => vec![user.to_owned(), secret.to_owned()],
            Mechanism::XOAuth2 => vec![["user=", user, "\x01auth=Bearer ", secret, "\x01\x01"].concat()],
            Mechanism::OAuthBearer => {
                // RFC 5801 §4: in this header `=` and `,` of the name are written otherwise.
                let name: String = user.chars().fold(String::new(), |name, c| match c {
                    '=' => name + "=3D",
                    ',' => name + "=2C",
                    c => name + c.encode_utf8(&mut [0; 4]),
                });
                vec![["n,a=", &name, ",\x01auth=Bearer ", secret, "\x01\x01"].concat()]
            }
        };
        let mut status = self.exchange(Command::Auth(mechanism)).await?;
        for part in parts {
            if status.challenge {
                let written = Secret::new(encoding::base64(part.as_bytes()));
                status = self.exchange(Command::Response(written.clone())).await?;
                // A server that takes the line for a command may quote it.
                status.text = written.struck_from(&status.text);
            }
        }
        if status.challenge {
            // A token's refusal comes as a challenge, to be answered so that the verdict follows (RFC 7628 §3.2.3); what nobody
            // can answer is called off (RFC 5034 §4).
            let answer = match mechanism {
                Mechanism::OAuthBearer => "AQ==",
                Mechanism::XOAuth2 => "",
                Mechanism::Plain | Mechanism::Login => "*",
            };
            status = self.exchange(Command::Response(Secret::new(answer))).await?;
        }
        if status.challenge {
            let error = Error::new(Code::Protocol, "the mail server does not come to an end of signing in");
            self.hang_up(error.clone());
            return Err(error);
        }
        Ok(status)
    }
}

fn no_tokens() -> Error {
    let message = "this mail server does not take tokens (OAUTHBEARER or XOAUTH2); sign in with a password";
    Error::new(Code::AuthFailed, message)
}

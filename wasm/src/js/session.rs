//! `Pop3Session`, underneath: one method a command.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::convert::{named, number, pipelining, promise, sized, strings, thrown};
use super::known;
use crate::browser::Fields;
use crate::error::Error;
use crate::pop3::{Answer, Chunk, Client, Command, Credential, Login, Method, Secret, Settings};
use crate::tunnel;

/// One session.
#[wasm_bindgen]
pub struct SessionCore {
    client: Client,
    greeting: String,
}

#[wasm_bindgen]
impl SessionCore {
    /// Opens a tunnel and waits for the greeting.
    ///
    /// # Errors
    /// As [`tunnel::open`].
    pub async fn connect(
        url: String,
        timeout_ms: f64,
        ahead: &str,
        token: Option<String>,
        signal: Option<AbortSignal>,
    ) -> core::result::Result<SessionCore, JsValue> {
        let behaviour = known::of(&url);
        let settings =
            Settings { timeout: timeout_ms as u64, pipelining: pipelining(ahead), behaviour, ..Settings::default() };
        let options = tunnel::Options { url, settings, token, signal };
        let (client, greeting) = tunnel::open(options).await.map_err(|error| thrown(&error))?;
        Ok(SessionCore { client, greeting })
    }

    /// The greeting's text.
    #[wasm_bindgen(getter)]
    pub fn greeting(&self) -> String {
        self.greeting.clone()
    }

    /// CAPA.
    pub fn capa(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(strings(&client.capa().await?)) })
    }

    /// USER, PASS.
    pub fn login(&self, user: String, password: String) -> Promise {
        let (client, password) = (self.client.clone(), Secret::new(password));
        promise(async move {
            let credential = Credential::Password(password);
            client.sign_in(&Login { user: &user, credential, method: Method::Auto }).await.map(nothing)
        })
    }

    /// STAT.
    pub fn stat(&self) -> Promise {
        let client = self.client.clone();
        promise(async move {
            let (count, octets) = client.stat().await?;
            Ok(Fields::new().set("count", count).set("octets", number(octets)).into())
        })
    }

    /// LIST.
    pub fn list(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(client.list().await?.iter().map(sized).collect::<Array>().into()) })
    }

    /// LIST n.
    #[wasm_bindgen(js_name = listOne)]
    pub fn list_one(&self, number: u32) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(sized(&client.list_one(number).await?)) })
    }

    /// UIDL.
    pub fn uidl(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(client.uidl().await?.iter().map(named).collect::<Array>().into()) })
    }

    /// UIDL n.
    #[wasm_bindgen(js_name = uidlOne)]
    pub fn uidl_one(&self, number: u32) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(named(&client.uidl_one(number).await?)) })
    }

    /// TOP.
    pub fn top(&self, number: u32, lines: u32) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(bytes(&client.top(number, lines).await?)) })
    }

    /// RETR, whole.
    pub fn retr(&self, number: u32) -> Promise {
        let client = self.client.clone();
        promise(async move { Ok(bytes(&client.retr(number, 0).await?)) })
    }

    /// RETR, piece by piece. The command is queued with the first [`StreamCore::next`].
    #[wasm_bindgen(js_name = retrStream)]
    pub fn retr_stream(&self, number: u32) -> StreamCore {
        StreamCore(Rc::new(RefCell::new(Stream::Unasked(self.client.clone(), number))))
    }

    /// DELE.
    pub fn dele(&self, number: u32) -> Promise {
        let client = self.client.clone();
        promise(async move { client.dele(number).await.map(nothing) })
    }

    /// RSET.
    pub fn rset(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { client.rset().await.map(nothing) })
    }

    /// NOOP.
    pub fn noop(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { client.noop().await.map(nothing) })
    }

    /// QUIT.
    pub fn quit(&self) -> Promise {
        let client = self.client.clone();
        promise(async move { client.quit().await.map(nothing) })
    }

    /// Drops the tunnel without QUIT.
    pub fn close(&self) {
        self.client.hang_up(Error::closed());
    }
}

/// One RETR, read piece by piece.
#[wasm_bindgen]
pub struct StreamCore(Rc<RefCell<Stream>>);

enum Stream {
    Unasked(Client, u32),
    Asked(Answer),
    /// Ended, failed, or with a piece on its way.
    Over,
}

#[wasm_bindgen]
impl StreamCore {
    /// The next piece; `undefined` at the end. Not to be called again before it is settled.
    pub fn next(&self) -> Promise {
        let stream = Rc::clone(&self.0);
        promise(async move {
            let state = stream.replace(Stream::Over);
            let mut answer = match state {
                Stream::Unasked(client, number) => {
                    let mut answer = client.send(Command::Retr(number), 0);
                    answer.status().await?;
                    answer
                }
                Stream::Asked(answer) => answer,
                Stream::Over => return Ok(JsValue::UNDEFINED),
            };
            match answer.chunk().await? {
                Chunk::Bytes(piece) => {
                    stream.replace(Stream::Asked(answer));
                    Ok(bytes(&piece))
                }
                Chunk::End { .. } => Ok(JsValue::UNDEFINED),
            }
        })
    }
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn nothing((): ()) -> JsValue {
    JsValue::UNDEFINED
}

//! `Pop3Session`, underneath: signing in, and one way to ask for everything else.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::convert::{bytes, promise, strings};
use crate::error::{Code, Error, Result};
use crate::pop3::{Answer, Capabilities, Client, Command, Secret, Window, listing};
use crate::tunnel;

/// One session.
#[wasm_bindgen]
pub struct SessionCore {
    client: Client,
    /// Whether to run ahead of a server that says it takes that.
    pipelining: bool,
}

#[wasm_bindgen]
impl SessionCore {
    /// Opens a tunnel and waits for the greeting; `[SessionCore, greeting]`. Rejects as [`tunnel::open`].
    pub fn connect(
        url: String,
        timeout_ms: f64,
        pipelining: bool,
        token: Option<String>,
        signal: Option<AbortSignal>,
    ) -> Promise {
        let options = tunnel::Options { url, timeout: timeout_ms as u64, token, signal };
        promise(async move {
            let (client, greeting) = tunnel::open(options).await?;
            Ok(Array::of2(&SessionCore { client, pipelining }.into(), &greeting.into()).into())
        })
    }

    /// USER, PASS.
    pub fn login(&self, user: String, password: String) -> Promise {
        let (client, password) = (self.client.clone(), Secret::new(password));
        promise(async move { client.login(&user, password).await.map(nothing) })
    }

    /// One command; `number` is 0 where no message is meant.
    ///
    /// What comes back is as flat as can be, for the facade to make objects of: an array of texts for CAPA; of numbers and octets in
    /// turn for STAT and LIST, of numbers and UIDs in turn for UIDL; bytes for TOP and RETR.
    pub fn ask(&self, keyword: String, number: u32, lines: u32) -> Promise {
        // One export and one future for all: each further one costs some 300 octets here and in the glue.
        let (client, pipelining) = (self.client.clone(), self.pipelining);
        promise(async move {
            let command = match keyword.as_str() {
                "CAPA" => return capa(&client, pipelining).await,
                "QUIT" => return client.quit().await.map(nothing),
                "STAT" => Command::Stat,
                "LIST" if number > 0 => Command::ListOne(number),
                "LIST" => Command::List,
                "UIDL" if number > 0 => Command::UidlOne(number),
                "UIDL" => Command::Uidl,
                "TOP" => Command::Top(number, lines),
                "RETR" => Command::Retr(number),
                "DELE" => Command::Dele(number),
                "RSET" => Command::Rset,
                _ => Command::Noop,
            };
            let one_line = !matches!(command, Command::List | Command::Uidl | Command::Top(..) | Command::Retr(_));
            let mut answer = client.send(command, 0);
            let body = if one_line { answer.status().await?.text.into_bytes() } else { answer.body().await? };
            let entries = match keyword.as_str() {
                "STAT" | "LIST" => sizes(&body),
                "UIDL" => uids(&body),
                "TOP" | "RETR" => return Ok(bytes(&body)),
                _ => return Ok(JsValue::UNDEFINED),
            };
            // Of a list, lines that cannot be read are left out.
            if one_line && entries.length() == 0 {
                return Err(unreadable(&keyword));
            }
            Ok(entries.into())
        })
    }

    /// RETR, piece by piece. The command is queued with the first [`StreamCore::next`].
    #[wasm_bindgen(js_name = retrStream)]
    pub fn retr_stream(&self, number: u32) -> StreamCore {
        StreamCore(Rc::new(RefCell::new(Stream::Unasked(self.client.clone(), number))))
    }

    /// Drops the tunnel without QUIT.
    pub fn close(&self) {
        self.client.hang_up(Error::closed());
    }
}

async fn capa(client: &Client, pipelining: bool) -> Result<JsValue> {
    let lines = client.capa().await?;
    if pipelining && Capabilities::read(&lines).pipelining {
        client.set_window(Window::PIPELINED);
    }
    Ok(strings(&lines).into())
}

fn sizes(lines: &[u8]) -> Array {
    let flat = Array::new();
    for line in listing::lines(lines).filter_map(listing::sized) {
        flat.push(&line.number.into());
        flat.push(&(line.octets as f64).into());
    }
    flat
}

fn uids(lines: &[u8]) -> Array {
    let flat = Array::new();
    for line in listing::lines(lines).filter_map(listing::named) {
        flat.push(&line.number.into());
        flat.push(&line.uid.into());
    }
    flat
}

fn unreadable(keyword: &str) -> Error {
    Error::new(Code::Protocol, ["the mail server's answer to ", keyword, " could not be understood"].concat())
}

fn nothing((): ()) -> JsValue {
    JsValue::UNDEFINED
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
            let piece = answer.chunk().await?;
            if piece.is_some() {
                stream.replace(Stream::Asked(answer));
            }
            Ok(piece.map_or(JsValue::UNDEFINED, |piece| bytes(&piece)))
        })
    }
}

//! `Pop3Session`, underneath: signing in, and one way to ask for everything else.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::convert::{self, bytes, promise, strings};
use super::known;
use crate::error::{Code, Error, Result};
use crate::pop3::{Answer, Chunk, Client, Command, Settings, listing};
use crate::tunnel;

/// One session.
#[wasm_bindgen]
pub struct SessionCore {
    client: Client,
    url: String,
}

#[wasm_bindgen]
impl SessionCore {
    /// Opens a tunnel and waits for the greeting; `[SessionCore, greeting]`. Rejects as [`tunnel::open`].
    pub fn connect(
        url: String,
        timeout_ms: f64,
        pipelining: &str,
        token: Option<String>,
        signal: Option<AbortSignal>,
    ) -> Promise {
        let settings = Settings { behaviour: known::of(&url), ..convert::settings(pipelining, timeout_ms) };
        promise(async move {
            let options = tunnel::Options { url: url.clone(), settings, token, signal };
            let (client, greeting) = tunnel::open(options).await?;
            Ok(Array::of2(&SessionCore { client, url }.into(), &greeting.into()).into())
        })
    }

    /// Signs in.
    pub fn login(&self, user: String, secret: String, is_token: bool, method: String) -> Promise {
        let (client, url) = (self.client.clone(), self.url.clone());
        promise(async move {
            let result = client.sign_in(&convert::login(&user, secret, is_token, &method)).await;
            known::learn(&url, client.behaviour());
            result.map(nothing)
        })
    }

    /// One command; `number` is 0 where no message is meant. For RETR, `more` is the size that LIST gave, 0 where it was not asked;
    /// for TOP, how many lines.
    ///
    /// What comes back is as flat as can be, for the facade to make objects of: an array of texts for CAPA; of numbers and octets in
    /// turn for STAT and LIST, of numbers and UIDs in turn for UIDL; bytes for TOP and RETR.
    pub fn ask(&self, keyword: String, number: u32, more: f64) -> Promise {
        // One export and one future for all: each further one costs some 300 octets here and in the glue.
        let (client, url) = (self.client.clone(), self.url.clone());
        promise(async move {
            let result = answer(&client, &keyword, number, more).await;
            known::learn(&url, client.behaviour());
            result
        })
    }

    /// RETR, piece by piece. The command is queued with the first [`StreamCore::next`]. `promised`: as for [`Self::ask`].
    #[wasm_bindgen(js_name = retrStream)]
    pub fn retr_stream(&self, number: u32, promised: f64) -> StreamCore {
        let (client, octets) = (self.client.clone(), 0);
        let stream = Stream { client, number, promised: promised as u64, octets, state: State::Unasked };
        StreamCore(Rc::new(RefCell::new(stream)))
    }

    /// Drops the tunnel without QUIT.
    pub fn close(&self) {
        self.client.hang_up(Error::closed());
    }
}

async fn answer(client: &Client, keyword: &str, number: u32, more: f64) -> Result<JsValue> {
    let command = match keyword {
        "CAPA" => return Ok(strings(&client.capa().await?).into()),
        "QUIT" => return client.quit().await.map(nothing),
        "RETR" => return Ok(bytes(&client.retr(number, more as u64).await?)),

        "STAT" => Command::Stat,
        "LIST" if number > 0 => Command::ListOne(number),
        "LIST" => Command::List,
        "UIDL" if number > 0 => Command::UidlOne(number),
        "UIDL" => Command::Uidl,
        "TOP" => Command::Top(number, more as u32),
        "DELE" => Command::Dele(number),
        "RSET" => Command::Rset,
        _ => Command::Noop,
    };
    let one_line = !command.is_multi_line();
    let body = match command {
        Command::Top(..) => client.send(command, 0).body().await?,
        _ if one_line => client.send(command, 0).status().await?.text.into_bytes(),
        _ => client.listing(command).await?,
    };
    let entries = match keyword {
        "STAT" | "LIST" => sizes(&body),
        "UIDL" => uids(&body),
        "TOP" => return Ok(bytes(&body)),
        _ => return Ok(JsValue::UNDEFINED),
    };
    // Of a list, lines that cannot be read are left out.
    if one_line && entries.length() == 0 {
        return Err(unreadable(keyword));
    }
    Ok(entries.into())
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

struct Stream {
    client: Client,
    number: u32,
    /// Octets so far, and as many as were promised.
    octets: u64,
    promised: u64,
    state: State,
}

enum State {
    Unasked,
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
            let (client, number, promised) = {
                let stream = stream.borrow();
                (stream.client.clone(), stream.number, stream.promised)
            };
            let state = core::mem::replace(&mut stream.borrow_mut().state, State::Over);
            let mut answer = match state {
                State::Unasked => {
                    let mut answer = client.send(Command::Retr(number), promised);
                    answer.status().await?;
                    answer
                }
                State::Asked(answer) => answer,
                State::Over => return Ok(JsValue::UNDEFINED),
            };
            match answer.chunk().await? {
                Chunk::Bytes(piece) => {
                    let mut stream = stream.borrow_mut();
                    stream.octets += piece.len() as u64;
                    stream.state = State::Asked(answer);
                    Ok(bytes(&piece))
                }
                Chunk::End { .. } => {
                    let octets = stream.borrow().octets;
                    let rest = client.rest(&mut answer, octets, promised).await?;
                    Ok(if rest.is_empty() { JsValue::UNDEFINED } else { bytes(&rest) })
                }
            }
        })
    }
}

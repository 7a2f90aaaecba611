//! The browser's WebSocket as the [`Wire`] of a client.

use core::cell::OnceCell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use poplar_wire::{SUBPROTOCOL, TOKEN_PREFIX};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::ending::ending;
use crate::browser::time::monotonic;
use crate::error::{Code, Error, Result};
use crate::pop3::client::WeakClient;
use crate::pop3::{Client, Millis, Settings, Wire};

/// Longest wait that `setTimeout` takes for what it is (HTML Standard: 31 bits of milliseconds).
const LONGEST_TIMER: Millis = i32::MAX as Millis;

#[wasm_bindgen(raw_module = "./mail/host.js")]
extern "C" {
    /// A WebSocket and its timer.
    type Tunnel;
    #[wasm_bindgen(constructor, catch)]
    fn new(
        url: &str,
        protocols: Array,
        signal: Option<AbortSignal>,
        hear: &Hear,
    ) -> core::result::Result<Tunnel, JsValue>;
    #[wasm_bindgen(method)]
    fn send(this: &Tunnel, frame: &[u8]);
    #[wasm_bindgen(method, js_name = wakeIn)]
    fn wake_in(this: &Tunnel, ms: f64);
    #[wasm_bindgen(method)]
    fn hold(this: &Tunnel, held: bool);
    #[wasm_bindgen(method)]
    fn close(this: &Tunnel);
    #[wasm_bindgen(method)]
    fn release(this: &Tunnel);
}

/// Hears what happens: one of the three below or a close code, what belongs to it, and whether the WebSocket ever stood.
type Hear = Closure<dyn FnMut(u16, JsValue, bool)>;

/// Bytes came.
const BYTES: u16 = 0;
/// It is time, as was asked.
const TIME: u16 = 1;
/// The caller's signal fired.
const ABORT: u16 = 2;

/// How to open a tunnel.
pub(crate) struct Options {
    /// `ws(s)://host/pop3/NAME`.
    pub(crate) url: String,
    /// How the session is to behave.
    pub(crate) settings: Settings,
    /// Access token of a protected relay.
    pub(crate) token: Option<String>,
    /// Ends the session when it fires, at whatever point.
    pub(crate) signal: Option<AbortSignal>,
}

/// Opens a tunnel and waits for the server's greeting; gives the client and the greeting's text.
///
/// # Errors
/// `invalid-argument` for an address that is none; the relay's reason where it refuses; what a `-ERR` greeting stands for;
/// `timeout`; `aborted`.
pub(crate) async fn open(options: Options) -> Result<(Client, String)> {
    if options.signal.as_ref().is_some_and(AbortSignal::aborted) {
        return Err(Error::aborted());
    }
    let protocols = Array::of1(&SUBPROTOCOL.into());
    if let Some(token) = options.token {
        protocols.push(&(TOKEN_PREFIX.to_owned() + &token).into());
    }
    let weak: Rc<OnceCell<WeakClient>> = Rc::default();
    let hear = hear(Rc::clone(&weak));
    let tunnel = Tunnel::new(&options.url, protocols, options.signal, &hear).map_err(|_| not_an_address())?;
    let (client, greeting) = Client::new(Socket { tunnel, _hear: hear }, options.settings);
    // The socket is new: this is the first and only time.
    let _ = weak.set(client.downgrade());
    let text = greeting.wait().await.inspect_err(|error| client.hang_up(error.clone()))?;
    Ok((client, text))
}

/// What happens at the socket, as calls of the client. It is held weakly: it owns the socket, and that this closure.
fn hear(client: Rc<OnceCell<WeakClient>>) -> Hear {
    Closure::new(move |what: u16, detail: JsValue, opened: bool| {
        let Some(client) = client.get().and_then(WeakClient::upgrade) else { return };
        match what {
            BYTES => match detail.dyn_ref::<Uint8Array>() {
                Some(bytes) => client.receive(&bytes.to_vec()),
                None => client.hang_up(Error::new(Code::Protocol, "what answered is not a Poplar relay")),
            },
            TIME => client.tick(),
            ABORT => client.hang_up(Error::aborted()),
            code => client.end(ending(code, &detail.as_string().unwrap_or_default(), opened)),
        }
    })
}

/// A WebSocket; closed and taken down with the client that owns it.
struct Socket {
    tunnel: Tunnel,
    /// Held for as long as the socket may call it.
    _hear: Hear,
}

impl Wire for Socket {
    fn send(&mut self, frame: Vec<u8>) {
        // Only a socket that is not open yet refuses, and nothing is sent before the greeting came through it.
        self.tunnel.send(&frame);
    }

    fn now(&self) -> Millis {
        monotonic()
    }

    fn wake_at(&mut self, deadline: Millis) {
        // A timer that rings early costs nothing: the client looks at the time itself, and asks again.
        let wait = deadline.saturating_sub(monotonic()).clamp(1, LONGEST_TIMER);
        self.tunnel.wake_in(wait as f64);
    }

    fn hold(&mut self, held: bool) {
        self.tunnel.hold(held);
    }

    fn close(&mut self) {
        self.tunnel.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.tunnel.release();
    }
}

fn not_an_address() -> Error {
    Error::invalid("the relay's address must be of the form wss://host/pop3/NAME")
}

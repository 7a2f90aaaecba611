//! The browser's WebSocket as the [`Wire`] of a client.

use core::cell::{Cell, OnceCell};
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use poplar_wire::{SUBPROTOCOL, TOKEN_PREFIX};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::ending::ending;
use crate::browser::time::{Timeout, monotonic};
use crate::error::{Code, Error, Result};
use crate::pop3::client::WeakClient;
use crate::pop3::{Client, Millis, Settings, Wire};

/// Longest wait that `setTimeout` takes for what it is (HTML Standard: 31 bits of milliseconds).
const LONGEST_TIMER: Millis = i32::MAX as Millis;

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
    if let Some(token) = &options.token {
        protocols.push(&format!("{TOKEN_PREFIX}{token}").into());
    }
    let socket = WebSocket::new_with_str_sequence(&options.url, &protocols).map_err(|_| not_an_address())?;
    socket.set_binary_type(BinaryType::Arraybuffer);

    let weak: Rc<OnceCell<WeakClient>> = Rc::default();
    let wire = Socket::new(socket, options.signal, &weak);
    let (client, greeting) = Client::new(wire, options.settings);
    // The socket is new: this is the first and only time.
    let _ = weak.set(client.downgrade());
    let text = greeting.wait().await.inspect_err(|error| client.hang_up(error.clone()))?;
    Ok((client, text))
}

/// A WebSocket, its handlers and its timer; closed and taken down with the client that owns it.
struct Socket {
    socket: WebSocket,
    signal: Option<AbortSignal>,
    timer: Option<Timeout>,
    on_time: Closure<dyn FnMut()>,
    on_abort: Closure<dyn FnMut()>,
    /// Held for as long as the socket may call them.
    _handlers: Handlers,
}

type Handlers = (Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut()>, Closure<dyn FnMut(CloseEvent)>);

impl Socket {
    /// The handlers hold the client weakly: it owns them.
    fn new(socket: WebSocket, signal: Option<AbortSignal>, client: &Rc<OnceCell<WeakClient>>) -> Socket {
        let reach = |client: &Rc<OnceCell<WeakClient>>| {
            let client = Rc::clone(client);
            move || client.get().and_then(WeakClient::upgrade)
        };
        let opened = Rc::new(Cell::new(false));
        let on_message = Closure::new({
            let client = reach(client);
            move |event: MessageEvent| {
                let Some(client) = client() else { return };
                match event.data().dyn_into::<ArrayBuffer>() {
                    Ok(buffer) => client.receive(&Uint8Array::new(&buffer).to_vec()),
                    Err(_) => client.hang_up(Error::new(Code::Protocol, "what answered is not a Poplar relay")),
                }
            }
        });
        let on_open = Closure::new({
            let opened = Rc::clone(&opened);
            move || opened.set(true)
        });
        let on_close = Closure::new({
            let client = reach(client);
            move |event: CloseEvent| {
                if let Some(client) = client() {
                    client.end(ending(event.code(), &event.reason(), opened.get()));
                }
            }
        });
        let on_abort = Closure::new({
            let client = reach(client);
            move || {
                if let Some(client) = client() {
                    client.hang_up(Error::aborted());
                }
            }
        });
        let on_time = Closure::new({
            let client = reach(client);
            move || {
                if let Some(client) = client() {
                    client.tick();
                }
            }
        });
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        if let Some(signal) = &signal {
            // Adding a listener to a live signal cannot fail.
            let _ = signal.add_event_listener_with_callback("abort", on_abort.as_ref().unchecked_ref());
        }
        Socket { socket, signal, timer: None, on_time, on_abort, _handlers: (on_message, on_open, on_close) }
    }
}

impl Wire for Socket {
    fn send(&mut self, frame: Vec<u8>) {
        // Only a socket that is not open yet refuses, and nothing is sent before the greeting came through it.
        let _ = self.socket.send_with_js_u8_array(&Uint8Array::from(frame.as_slice()));
    }

    fn now(&self) -> Millis {
        monotonic()
    }

    fn wake_at(&mut self, deadline: Millis) {
        // A timer that rings early costs nothing: the client looks at the time itself, and asks again.
        let wait = deadline.saturating_sub(monotonic()).clamp(1, LONGEST_TIMER);
        self.timer = Some(Timeout::new(&self.on_time, wait));
    }

    fn close(&mut self) {
        self.timer = None;
        // 1000 is a code that close() takes (WebSockets Standard); twice is harmless.
        let _ = self.socket.close_with_code(1000);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onopen(None);
        self.socket.set_onclose(None);
        if let Some(signal) = &self.signal {
            let _ = signal.remove_event_listener_with_callback("abort", self.on_abort.as_ref().unchecked_ref());
        }
        self.close();
    }
}

fn not_an_address() -> Error {
    Error::invalid("the relay's address must be of the form wss://host/pop3/NAME")
}

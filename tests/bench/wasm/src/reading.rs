//! A message taken apart, and messages found, in wasm; octets are handed over as a page has to.

#![allow(unsafe_code, unreachable_pub, reason = "exports without mangled names; nobody else has these names")]

use core::cell::RefCell;

use poplar_client::mail::{self, Message};
use poplar_client::search::{Builder, Index, Query};
use poplar_client::store::Envelope;

/// Messages of a part of the index, as a mailbox takes them in.
const PART: usize = 256;

thread_local! {
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static INDEX: RefCell<Index> = RefCell::default();
}

/// Makes room for a message of so many octets; where it is to be written.
#[unsafe(no_mangle)]
pub extern "C" fn bench_message(octets: u32) -> *mut u8 {
    RAW.with_borrow_mut(|raw| {
        raw.clear();
        raw.resize(octets as usize, 0);
        raw.as_mut_ptr()
    })
}

/// Takes it apart; the octets of text, and those of its attachments where they are to be `decoded`, otherwise their number.
#[unsafe(no_mangle)]
pub extern "C" fn bench_parse(decoded: bool) -> f64 {
    RAW.with_borrow(|raw| {
        let message = mail::parse(raw);
        let attachments = 0..message.attachments.len();
        let octets: usize = if decoded {
            attachments.filter_map(|index| mail::attachment(raw, index)).map(|(_, bytes)| bytes.len()).sum()
        } else {
            attachments.len()
        };
        (message.text.len() + octets) as f64
    })
}

/// Takes in messages: sender, subject and text of each with a NUL between, and U+0001 behind it; how many.
#[unsafe(no_mangle)]
pub extern "C" fn bench_index() -> f64 {
    RAW.with_borrow(|raw| {
        let all: Vec<&[u8]> = raw.split_inclusive(|octet| *octet == 1).collect();
        let mut index = Index::default();
        for (part, messages) in all.chunks(PART).enumerate() {
            let mut builder = Builder::new(1);
            for (place, raw) in messages.iter().enumerate() {
                let text = String::from_utf8_lossy(raw.strip_suffix(b"\x01").unwrap_or(raw));
                let mut fields = text.split('\0').map(str::to_owned);
                let mut field = || fields.next().unwrap_or_default();
                let (from, subject) = (field(), field());
                let envelope = Envelope { from: from.clone(), subject: subject.clone(), ..Envelope::default() };
                let message = Message { from, subject, text: field(), ..Message::default() };
                builder.message((part * PART + place) as u32, &envelope, &message, |text| text.to_lowercase());
            }
            index.add(builder.build(), 1);
        }
        INDEX.set(index);
        all.len() as f64
    })
}

/// Finds messages by what was typed; how many.
#[unsafe(no_mangle)]
pub extern "C" fn bench_find() -> f64 {
    let query = RAW.with_borrow(|raw| Query::read(&String::from_utf8_lossy(raw), |text| text.to_lowercase(), 0));
    INDEX.with_borrow(|index| index.find(&query, &|_| true).len()) as f64
}

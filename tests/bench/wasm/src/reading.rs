//! A message taken apart in wasm, its octets handed over as a page has to.

#![allow(unsafe_code, unreachable_pub, reason = "exports without mangled names; nobody else has these names")]

use core::cell::RefCell;

use poplar_client::mail;

thread_local! {
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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

//! What unpacks a `winmail.dat`, on any octets.

use poplar_client::mail;

use crate::mime::consistent;

/// Reads one input as the only part of a message.
pub fn run(input: &[u8]) {
    let head = b"From: a@b.example\r\nSubject: s\r\nContent-Type: application/ms-tnef\r\n\r\n";
    let raw = [head.as_slice(), input].concat();
    consistent(&raw);
    let files = mail::parse(&raw).attachments;
    // Nothing in it is in two files.
    assert!(files.iter().map(|file| file.size).sum::<u64>() <= input.len() as u64);
}

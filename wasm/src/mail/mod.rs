//! What is in a message: headers, text, HTML and attachments.
//!
//! Nothing here judges or cleans: HTML comes out as the sender wrote it, and whoever shows it takes care ([`Message::html`]).

#[cfg(feature = "mime")]
mod html_text;
#[cfg(feature = "mime")]
mod mime;
#[cfg(feature = "mime")]
mod sniff;

#[cfg(feature = "mime")]
pub use mime::{
    attachment,
    charset::{Decoder, set_decoder},
    each_attachment, envelope, parse,
};

/// Without the reader of messages nothing is known of one but its bytes: for those who want no more, and for measuring the rest.
#[cfg(not(feature = "mime"))]
pub fn envelope(_raw: &[u8]) -> crate::store::Envelope {
    crate::store::Envelope::default()
}

/// A message, taken apart. The shape of `Message` in the JavaScript contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Name and decoded value, in the order of the message.
    pub headers: Vec<(String, String)>,
    /// Decoded; empty where there is none.
    pub subject: String,
    /// Display name and address of who sent it.
    pub from: String,
    /// The same of each who should get it.
    pub to: Vec<String>,
    /// The same of each who should know of it.
    pub cc: Vec<String>,
    /// The Date header, in milliseconds since 1970.
    pub date: Option<i64>,
    /// All text parts; text made from the HTML where there are none.
    pub text: String,
    /// Decoded, NOT sanitised; `None` where the message has none.
    pub html: Option<String>,
    /// What can be saved.
    pub attachments: Vec<Attachment>,
    /// What it says became of another message.
    pub reports: Vec<Report>,
}

/// What became of a message for one of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `delivered`, `delayed`, `failed`, `relayed` or `expanded` by a server (RFC 3464 §2.3.3); `displayed`, `deleted`, `dispatched`,
    /// `processed`, `denied` or `error` by a reader (RFC 8098 §3.2.6); `unknown`.
    pub kind: &'static str,
    /// Address; empty where it is not said.
    pub recipient: String,
    /// `5.1.1` (RFC 3463).
    pub status: Option<String>,
    /// What the reporting system says in its own words; empty where it says nothing.
    pub words: String,
    /// Message-ID of what is reported on, with its angle brackets.
    pub original: Option<String>,
}

/// What is known of an attachment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Decoded; made up from the type where there is none.
    pub name: String,
    /// What its bytes are, as far as they tell; otherwise the declared type.
    pub kind: String,
    /// What the sender says it is; `application/octet-stream` where nothing is said.
    pub declared: String,
    /// Octets, decoded.
    pub size: u64,
    /// Meant to be shown in the text.
    pub inline: bool,
    /// How HTML refers to it (`cid:`), without angle brackets.
    pub content_id: Option<String>,
}

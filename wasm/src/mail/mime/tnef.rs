//! `winmail.dat` (MS-OXTNEF): what Outlook makes of a message for nobody but Outlook.

use super::{charset, rtf};

/// Most files: more than Outlook lets a person attach with any ease. What is beyond them is in the source.
const FILES: usize = 500;

const SIGNATURE: u32 = 0x223e_9f78;

/// What is in it.
#[derive(Default)]
pub(super) struct Tnef<'a> {
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) files: Vec<File<'a>>,
}

/// One file in it.
#[derive(Default)]
pub(super) struct File<'a> {
    pub(super) name: String,
    /// Empty where it is not said.
    pub(super) kind: String,
    pub(super) content_id: Option<String>,
    pub(super) octets: &'a [u8],
}

/// Unpacks it, as far as it goes; `None` where it is something else. Nothing is copied but texts.
pub(super) fn read(octets: &[u8]) -> Option<Tnef<'_>> {
    let mut bytes = Bytes(octets);
    if bytes.u32()? != SIGNATURE {
        return None;
    }
    bytes.u16()?;
    let mut tnef = Tnef::default();
    let mut page = "windows-1252".to_owned();
    while let Some((id, data)) = attribute(&mut bytes) {
        match id {
            // attOemCodepage
            0x9007 => page = Bytes(data).u32().map_or(page, code_page),
            // attBody
            0x800c => tnef.text = Some(text8(data, &page)),
            // attMAPIProps
            0x9003 => properties(data, &mut |id, kind, value| tnef.property(id, kind, value, &page)),
            // attAttachRendData: begins a file.
            0x9002 if tnef.files.len() < FILES => tnef.files.push(File::default()),
            0x9002 => break,
            _ => {
                let Some(file) = tnef.files.last_mut() else { continue };
                match id {
                    // attAttachTitle
                    0x8010 if file.name.is_empty() => file.name = text8(data, &page),
                    // attAttachData
                    0x800f => file.octets = data,
                    // attAttachment
                    0x9005 => properties(data, &mut |id, kind, value| file.property(id, kind, value, &page)),
                    _ => {}
                }
            }
        }
    }
    Some(tnef)
}

impl<'a> Tnef<'a> {
    /// Whether there are words in it.
    pub(super) fn says_something(&self) -> bool {
        self.text.is_some() || self.html.is_some()
    }

    fn property(&mut self, id: u16, kind: u16, value: &'a [u8], page: &str) {
        match id {
            // PidTagBody
            0x1000 => self.text = Some(text(kind, value, page)),
            // PidTagHtml, octets in a code page that the HTML itself names, or text.
            0x1013 if kind == BINARY => self.html = Some(charset::of_html("", value)),
            0x1013 => self.html = Some(text(kind, value, page)),
            // PidTagRtfCompressed
            0x1009 => match rtf::decompressed(value).map(|rtf| rtf::read(&rtf)) {
                Some(rtf::Content::Html(html)) => self.html = self.html.take().or(Some(html)),
                Some(rtf::Content::Text(text)) => {
                    self.text = self.text.take().filter(|text| !text.trim().is_empty()).or(Some(text))
                }
                None => {}
            },
            _ => {}
        }
    }
}

impl<'a> File<'a> {
    fn property(&mut self, id: u16, kind: u16, value: &'a [u8], page: &str) {
        match id {
            // PidTagAttachLongFilename, and its short form where there is no other.
            0x3707 => self.name = text(kind, value, page),
            0x3704 if self.name.is_empty() => self.name = text(kind, value, page),
            // PidTagAttachMimeTag
            0x370e => self.kind = text(kind, value, page).to_ascii_lowercase(),
            // PidTagAttachContentId
            0x3712 => self.content_id = Some(text(kind, value, page)).filter(|id| !id.is_empty()),
            // PidTagAttachDataBinary; an object has a GUID in front that says of what kind.
            0x3701 if kind == OBJECT => self.octets = value.get(16..).unwrap_or_default(),
            0x3701 => self.octets = value,
            _ => {}
        }
    }
}

/// The next attribute: the lower half of its name, and its octets; fewer than it promises where all was cut.
fn attribute<'a>(bytes: &mut Bytes<'a>) -> Option<(u16, &'a [u8])> {
    bytes.take(1)?;
    let id = bytes.u32()? as u16;
    let length = bytes.u32()? as usize;
    let data = bytes.take(length.min(bytes.0.len()))?;
    // A sum of the octets, which many get wrong.
    bytes.take(2.min(bytes.0.len()))?;
    Some((id, data))
}

const OBJECT: u16 = 0x0d;
const STRING8: u16 = 0x1e;
const UNICODE: u16 = 0x1f;
const BINARY: u16 = 0x102;
/// Several values of one type.
const MULTIPLE: u16 = 0x1000;
/// Properties from here on have a name of their own.
const NAMED: u16 = 0x8000;

/// Hands over the properties in a list of them (MS-OXTNEF §2.1.3.4) that have one value of variable length; others are passed over.
fn properties<'a>(data: &'a [u8], found: &mut dyn FnMut(u16, u16, &'a [u8])) {
    let mut bytes = Bytes(data);
    let Some(count) = bytes.u32() else { return };
    for _ in 0..count {
        if property(&mut bytes, found).is_none() {
            return;
        }
    }
}

fn property<'a>(bytes: &mut Bytes<'a>, found: &mut dyn FnMut(u16, u16, &'a [u8])) -> Option<()> {
    let (kind, id) = (bytes.u16()?, bytes.u16()?);
    if id >= NAMED {
        bytes.take(16)?;
        if bytes.u32()? == 0 {
            bytes.u32()?;
        } else {
            bytes.counted()?;
        }
    }
    let fixed = match kind & !MULTIPLE {
        2 | 3 | 4 | 0xa | 0xb => 4,
        5 | 6 | 7 | 0x14 | 0x40 => 8,
        0x48 => 16,
        OBJECT | STRING8 | UNICODE | BINARY => 0,
        _ => return None,
    };
    let several = kind & MULTIPLE != 0;
    let count = if several || fixed == 0 { bytes.u32()? } else { 1 };
    for _ in 0..count {
        // Each takes four octets at least, so that no count makes this long.
        if fixed > 0 {
            bytes.take(fixed)?;
        } else {
            let value = bytes.counted()?;
            if !several {
                found(id, kind, value);
            }
        }
    }
    Some(())
}

fn code_page(page: u32) -> String {
    match page {
        65001 => "utf-8".to_owned(),
        932 | 936 | 949 | 950 => format!("cp{page}"),
        _ => format!("windows-{page}"),
    }
}

fn text(kind: u16, value: &[u8], page: &str) -> String {
    if kind == UNICODE {
        let text = charset::decode("utf-16le", value);
        return text.trim_end_matches('\0').to_owned();
    }
    text8(value, page)
}

fn text8(value: &[u8], page: &str) -> String {
    let end = value.iter().position(|octet| *octet == 0).unwrap_or(value.len());
    charset::decode(page, value.get(..end).unwrap_or(value))
}

/// Octets yet to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Octets with their number in front, filled up to a multiple of four.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        // The last one of what was cut is as long as it is.
        let value = self.take(length.min(self.0.len()))?;
        self.take(((4 - length % 4) % 4).min(self.0.len()))?;
        Some(value)
    }
}

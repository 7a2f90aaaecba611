//! Rich text as Outlook sends it: compressed (MS-OXRTFCP), and HTML or plain text within it (MS-OXRTFEX).

use super::charset;

/// Most octets of rich text: compression makes at most nine of one. Exchange Online takes messages of 150 MB; nobody reads so much.
const MOST: usize = 16 << 20;

/// What the window holds at first (MS-OXRTFCP §2.1.2.1).
const PRIMER: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// The rich text in a property; what there is of it where it was cut.
pub(super) fn decompressed(property: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = property.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let rest = rest.get(4..)?;
    let size = (u32::from_le_bytes(*size) as usize).min(MOST);
    match kind {
        b"MELA" => Some(rest.get(..rest.len().min(size))?.to_vec()),
        b"LZFu" => Some(expanded(rest, size)),
        _ => None,
    }
}

fn expanded(packed: &[u8], size: usize) -> Vec<u8> {
    // The window is what was written last, behind the primer.
    let mut out = PRIMER.to_vec();
    let most = PRIMER.len() + size;
    let mut octets = packed.iter().copied();
    'all: while let Some(flags) = octets.next() {
        for bit in 0..8 {
            if out.len() >= most {
                break 'all;
            }
            if flags >> bit & 1 == 0 {
                let Some(octet) = octets.next() else { break 'all };
                out.push(octet);
                continue;
            }
            let (Some(high), Some(low)) = (octets.next(), octets.next()) else { break 'all };
            let reference = usize::from(high) << 8 | usize::from(low);
            let (place, length) = (reference >> 4, (reference & 15) + 2);
            // Places are those of a ring of 4096; its own next place ends the text.
            let back = (out.len() + WINDOW - place) % WINDOW;
            if back == 0 {
                break 'all;
            }
            for _ in 0..length {
                // What was never written is a space, as good as anything.
                let octet = out.len().checked_sub(back).and_then(|at| out.get(at)).copied().unwrap_or(b' ');
                out.push(octet);
            }
        }
    }
    out.truncate(most);
    out.split_off(PRIMER.len().min(out.len()))
}

const WINDOW: usize = 4096;

/// What is in a rich text.
pub(super) enum Content {
    Html(String),
    Text(String),
}

/// Groups deeper than this are read as if they were not: Word writes a dozen.
const DEPTH: usize = 200;

/// Destinations that hold no words.
const SILENT: [&[u8]; 9] =
    [b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer", b"generator"];

/// What holds within a group.
#[derive(Clone, Copy, Default)]
struct Group {
    silent: bool,
    /// Only for readers of rich text (`\htmlrtf`).
    not_html: bool,
    /// Characters that stand for one in Unicode, to be left out.
    skip: u32,
}

struct Reader {
    out: String,
    /// Octets in the code page, not yet text: a character may be more than one.
    octets: Vec<u8>,
    page: String,
    html: bool,
    group: Group,
    /// Characters still to be left out behind one in Unicode.
    skipping: u32,
    /// The first half of a pair.
    half: Option<u16>,
}

/// The words of a rich text, or the HTML that it was made of.
pub(super) fn read(text: &[u8]) -> Content {
    let mut reader = Reader {
        out: String::new(),
        octets: Vec::new(),
        page: "windows-1252".to_owned(),
        html: false,
        group: Group { skip: 1, ..Group::default() },
        skipping: 0,
        half: None,
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut rest = text;
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'{' => {
                if groups.len() < DEPTH {
                    groups.push(reader.group);
                }
                reader.skipping = 0;
            }
            b'}' => {
                reader.flush();
                reader.group = groups.pop().unwrap_or(reader.group);
            }
            b'\\' => rest = reader.control(rest),
            b'\r' | b'\n' => {}
            _ => reader.octet(*octet),
        }
    }
    reader.flush();
    if reader.html { Content::Html(reader.out) } else { Content::Text(reader.out) }
}

impl Reader {
    fn shown(&self) -> bool {
        !(self.group.silent || self.html && self.group.not_html)
    }

    fn octet(&mut self, octet: u8) {
        if self.skipping > 0 {
            self.skipping -= 1;
        } else if self.shown() {
            self.octets.push(octet);
        }
    }

    fn text(&mut self, text: &str) {
        self.flush();
        if self.shown() {
            self.out.push_str(text);
        }
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            self.out.push_str(&charset::decode(&self.page, &self.octets));
            self.octets.clear();
        }
    }

    /// What stands behind a backslash; the rest.
    fn control<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let letters = text.iter().take_while(|octet| octet.is_ascii_alphabetic()).count();
        if letters == 0 {
            return self.symbol(text);
        }
        let (word, rest) = text.split_at(letters);
        let digits = rest
            .iter()
            .enumerate()
            .take_while(|(at, octet)| octet.is_ascii_digit() || *at == 0 && **octet == b'-')
            .count();
        let (number, rest) = rest.split_at(digits);
        let number = core::str::from_utf8(number).ok().and_then(|number| number.parse::<i32>().ok());
        self.word(word, number);
        rest.strip_prefix(b" ").unwrap_or(rest)
    }

    fn symbol<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let Some((symbol, rest)) = text.split_first() else { return text };
        match (symbol, rest) {
            (b'\'', [high, low, rest @ ..]) => {
                let digit = |octet: u8| super::transfer::hex(octet).unwrap_or_default();
                self.octet(digit(*high) << 4 | digit(*low));
                return rest;
            }
            (b'*', _) => {
                // A destination that may be passed over; the one that holds HTML must not be.
                let destination = rest.strip_prefix(b"\\").unwrap_or(rest);
                if !destination.starts_with(b"htmltag") {
                    self.group.silent = true;
                }
            }
            (b'~', _) => self.text("\u{a0}"),
            (b'_', _) => self.text("\u{2011}"),
            (b'\r' | b'\n', _) => self.text("\n"),
            (b'\\' | b'{' | b'}', _) => self.octet(*symbol),
            _ => {}
        }
        rest
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) {
        match word {
            b"fromhtml" => self.html = true,
            b"htmlrtf" => {
                self.flush();
                self.group.not_html = number != Some(0);
            }
            // What stands in it is HTML, and shown however it stands to the rest.
            b"htmltag" => self.group.not_html = false,
            b"ansicpg" => {
                self.page = match number {
                    Some(65001) => "utf-8".to_owned(),
                    Some(page @ (932 | 936 | 949 | 950)) => format!("cp{page}"),
                    Some(page) => format!("windows-{page}"),
                    None => return,
                };
            }
            b"uc" => self.group.skip = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1).min(10),
            b"u" => self.unicode(number.unwrap_or_default()),
            b"par" | b"line" | b"row" => self.text(if self.html { "\r\n" } else { "\n" }),
            b"tab" | b"cell" => self.text("\t"),
            b"lquote" => self.text("\u{2018}"),
            b"rquote" => self.text("\u{2019}"),
            b"ldblquote" => self.text("\u{201c}"),
            b"rdblquote" => self.text("\u{201d}"),
            b"bullet" => self.text("\u{2022}"),
            b"endash" => self.text("\u{2013}"),
            b"emdash" => self.text("\u{2014}"),
            _ if SILENT.contains(&word) => self.group.silent = true,
            _ => {}
        }
    }

    /// A UTF-16 unit, as a signed number.
    fn unicode(&mut self, number: i32) {
        let unit = number as u16;
        self.skipping = self.group.skip;
        let units = self.half.take().into_iter().chain([unit]);
        match char::decode_utf16(units).last() {
            Some(Ok(character)) => self.text(character.encode_utf8(&mut [0; 4])),
            _ => self.half = Some(unit),
        }
    }
}

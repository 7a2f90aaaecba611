//! An input, read from front to back.

/// What is left of an input. Behind its end there are zeroes.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input(bytes)
    }

    /// Whether there is nothing left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next octet, as a number below `end`.
    pub fn below(&mut self, end: u8) -> u8 {
        self.octet() % end
    }

    /// The octets up to the next thing that happens.
    pub fn said(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|octet| happens(*octet)).unwrap_or(self.0.len());
        let (said, rest) = self.0.split_at(end);
        self.0 = rest;
        said
    }

    /// Everything that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Whether an octet is something that happens, and none that the server sends.
pub fn happens(octet: u8) -> bool {
    (0x80..0xc0).contains(&octet)
}

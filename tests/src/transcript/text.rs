//! Escapes, repetitions and numbers of a transcript file.

/// The bytes that `text` stands for: UTF-8, but for `\r \n \0 \t \\` and `\xNN`.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escape.chars().next() {
            Some('r') => (b'\r', 1),
            Some('n') => (b'\n', 1),
            Some('0') => (0, 1),
            Some('t') => (b'\t', 1),
            Some('\\') => (b'\\', 1),
            Some('x') => {
                let digits = escape.get(1..3).ok_or("the escape `\\x` takes two digits")?;
                let byte = u8::from_str_radix(digits, 16).map_err(|_| format!("`\\x{digits}` is no escape"))?;
                (byte, 3)
            }
            _ => return Err(format!("there is no escape like `\\{}`", escape.chars().next().unwrap_or(' '))),
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// `COUNT text`: text so many times, with nothing between.
pub(super) fn repeated(text: &str) -> Result<Vec<u8>, String> {
    let (count, text) = text.split_once(' ').ok_or("a repetition is `COUNT text`")?;
    Ok(unescape(text)?.repeat(number(count)?))
}

/// One line of a literal, without its indentation: `text` with CRLF, `| text` without, `* COUNT text` repeated.
pub(super) fn literal(line: &str) -> Result<Vec<u8>, String> {
    if let Some(raw) = line.strip_prefix("| ") {
        return unescape(raw);
    }
    if let Some(rest) = line.strip_prefix("* ") {
        return repeated(rest);
    }
    Ok([unescape(line)?.as_slice(), b"\r\n"].concat())
}

/// A whole number.
pub(super) fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// `"text"`, with escapes, one character per byte.
pub(super) fn quoted(text: &str) -> Result<String, String> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bytes = unescape(inner.ok_or_else(|| format!("`{text}` is to stand between double quotes"))?)?;
    Ok(bytes.into_iter().map(char::from).collect())
}

/// A server's words as the client tells them: UTF-8 where they are, otherwise one character per byte.
pub(super) fn words(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(words) => words.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

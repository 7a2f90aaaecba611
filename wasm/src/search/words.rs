//! Text into words that can be compared: without case and accents, cut where no letter is.

/// Takes case and accents off. The tables for that are the browser's: in the wasm they would weigh more than the index.
pub type Fold = fn(&str) -> String;

/// Octets of a word that are kept, as in Lucene's smallest setting for keys: nobody types more.
const LONGEST: usize = 40;

/// `text` without case and accents.
pub(super) fn folded(text: &str, fold: Fold) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { fold(text) }
}

/// Tells `each` of every word of a text that was [`folded`]. Where a script has no spaces, each character is a word.
pub(super) fn words<'a>(text: &'a str, each: &mut dyn FnMut(&'a str)) {
    let mut begin = None;
    for (at, character) in text.char_indices() {
        let kind = kind(character);
        if kind != Kind::Letter
            && let Some(begin) = begin.take()
        {
            each(shortened(text.get(begin..at).unwrap_or_default()));
        }
        match kind {
            Kind::Letter => begin = begin.or(Some(at)),
            Kind::Word => each(text.get(at..at + character.len_utf8()).unwrap_or_default()),
            Kind::Between => {}
        }
    }
    if let Some(begin) = begin {
        each(shortened(text.get(begin..).unwrap_or_default()));
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Letter,
    /// A whole word of its own.
    Word,
    Between,
}

/// By blocks of Unicode, which is exact enough for a search: a sign that is taken for a letter is only found with its word.
fn kind(character: char) -> Kind {
    match character {
        'a'..='z' | '0'..='9' => Kind::Letter,
        // Signs of Latin-1 and general punctuation, arrows and shapes, CJK's own punctuation, what is no character, pictures.
        '\0'..='\u{bf}' | '×' | '÷' | '\u{2000}'..='\u{206f}' | '\u{20a0}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' => {
            Kind::Between
        }
        '\u{fe00}'..='\u{fe6f}' | '\u{fff0}'..='\u{ffff}' | '\u{1f000}'..='\u{1faff}' => Kind::Between,
        // Thai, Lao, Burmese, Khmer; Chinese and Japanese.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Kind::Word,
        '\u{2e80}'..='\u{2fdf}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' => Kind::Word,
        '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Kind::Word,
        _ => Kind::Letter,
    }
}

/// The beginning of a word, whole characters.
pub(super) fn shortened(word: &str) -> &str {
    let end = (0..=LONGEST.min(word.len())).rev().find(|end| word.is_char_boundary(*end));
    word.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        words(text, &mut |word| found.push(word));
        found
    }

    #[test]
    fn words_are_cut_where_no_letter_is() {
        assert_eq!(all("ann@clinic.example, 12:30 - it's"), ["ann", "clinic", "example", "12", "30", "it", "s"]);
        assert_eq!(all("  "), [""; 0]);
        assert_eq!(all("«привет» שלום"), ["привет", "שלום"]);
        assert_eq!(all("東京 tower、x"), ["東", "京", "tower", "x"]);
    }

    #[test]
    fn a_long_word_is_its_beginning_in_whole_characters() {
        let long = "ж".repeat(100);
        assert_eq!(all(&long), ["ж".repeat(LONGEST / 2)]);
        assert_eq!(all(&format!("a{long}")), [format!("a{}", "ж".repeat((LONGEST - 1) / 2))]);
    }
}

//! The words of HTML mail, for messages that have no plain text: previews, search, and readers who want it plain.

/// What ends a line of text.
const BLOCKS: [&str; 17] = [
    "address",
    "article",
    "blockquote",
    "br",
    "div",
    "dd",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "li",
    "p",
    "pre",
    "table",
    "tr",
];

/// What holds no words for a reader. Not `head`, whose end many leave out: what else is in one has no words either.
const SILENT: [&str; 3] = ["script", "style", "title"];

/// The entities that mail programs write for plain text; any other stays as it was written, and numeric ones are all known.
const ENTITIES: [(&str, &str); 17] = [
    ("amp", "&"),
    ("apos", "'"),
    ("bull", "•"),
    ("copy", "©"),
    ("gt", ">"),
    ("hellip", "…"),
    ("ldquo", "“"),
    ("lsquo", "‘"),
    ("lt", "<"),
    ("mdash", "—"),
    ("nbsp", " "),
    ("ndash", "–"),
    ("quot", "\""),
    ("rdquo", "”"),
    ("reg", "®"),
    ("rsquo", "’"),
    ("zwnj", ""),
];

/// Longest entity looked for: `&#x10FFFF;` without its ends, and then some.
const ENTITY: usize = 12;

/// The text of an HTML part: tags taken out, blocks on lines of their own, white space as a browser folds it. One pass.
pub(super) fn html_text(html: &str) -> String {
    let mut out = Text::default();
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        out.words(text);
        rest = match markup(tag) {
            Some(Markup::Tag { name, after }) => {
                if BLOCKS.contains(&name.trim_start_matches('/')) {
                    out.line();
                } else if matches!(name.as_str(), "td" | "th") {
                    out.words(" ");
                }
                if SILENT.contains(&name.as_str()) { past_end(after, &name) } else { after }
            }
            Some(Markup::Comment { after }) => after,
            None => {
                out.words("<");
                tag
            }
        };
    }
    out.words(rest);
    out.0.trim_end().to_owned()
}

enum Markup<'a> {
    Tag { name: String, after: &'a str },
    Comment { after: &'a str },
}

/// What stands behind a `<`; `None` where it is no markup but a less-than sign.
fn markup(tag: &str) -> Option<Markup<'_>> {
    if let Some(comment) = tag.strip_prefix("!--") {
        return Some(Markup::Comment { after: comment.split_once("-->").map_or("", |(_, after)| after) });
    }
    let first = tag.trim_start_matches('/').chars().next()?;
    if !(first.is_ascii_alphabetic() || first == '!' || first == '?') {
        return None;
    }
    let name = tag.find(|c: char| c == '>' || c.is_ascii_whitespace()).map_or(tag, |end| tag.get(..end).unwrap_or(tag));
    let name = name.trim_end_matches('/').to_ascii_lowercase();
    Some(Markup::Tag { name, after: tag.split_once('>').map_or("", |(_, after)| after) })
}

/// Behind the end tag of an element without words; nothing where it never ends.
fn past_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once("</") {
        let is_end = tag.split_at_checked(name.len()).is_some_and(|(found, after)| {
            found.eq_ignore_ascii_case(name)
                && !after.starts_with(|c: char| !c.is_ascii_whitespace() && c != '>' && c != '/')
        });
        if is_end {
            return tag.split_once('>').map_or("", |(_, after)| after);
        }
        rest = tag;
    }
    ""
}

/// Text with white space folded.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self) {
        while self.0.ends_with(' ') {
            self.0.pop();
        }
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    fn words(&mut self, text: &str) {
        let mut rest = text;
        while let Some((plain, entity)) = rest.split_once('&') {
            self.folded(plain);
            let name = entity.bytes().take(ENTITY).position(|byte| byte == b';').and_then(|end| entity.get(..end));
            match name.and_then(|name| Some((name, character(name)?))) {
                Some((name, character)) => {
                    self.0.push_str(&character);
                    rest = entity.get(name.len() + 1..).unwrap_or_default();
                }
                None => {
                    self.0.push('&');
                    rest = entity;
                }
            }
        }
        self.folded(rest);
    }

    fn folded(&mut self, text: &str) {
        for c in text.chars() {
            if !c.is_ascii_whitespace() {
                self.0.push(c);
            } else if !self.0.is_empty() && !self.0.ends_with([' ', '\n']) {
                self.0.push(' ');
            }
        }
    }
}

fn character(entity: &str) -> Option<String> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?).map(String::from);
    }
    ENTITIES.iter().find(|(name, _)| *name == entity).map(|(_, text)| (*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lines() {
        let html = "<html><head><title>no</title><style>p{}</style></head><body>\n <p>Hello,<b>\n world</b></p>\
            <P class=\"x\">a &amp; b &lt;c&gt; &#233;&#xE9; &eacute; AT&T</P><ul><li>one<li>two</ul>x<br>y<script>evil()</script></body>";
        assert_eq!(html_text(html), "Hello, world\n\na & b <c> éé &eacute; AT&T\n\none\ntwox\ny");
    }

    #[test]
    fn what_is_broken_still_gives_its_words() {
        for (html, text) in [
            ("a < b", "a < b"),
            ("a <", "a <"),
            ("<p unclosed", ""),
            ("x<!-- never closed", "x"),
            ("x<!-- c -->y", "xy"),
            ("<style>never closed", ""),
            ("<html><head><meta charset=utf-8><body><p>A head without an end.", "A head without an end."),
            ("a<style>b</styles>c</style >d", "ad"),
            ("a<script>b</SCRIPT\n>c", "ac"),
            ("&#99999999;&;&", "&#99999999;&;&"),
            ("<td>a</td><td>b</td>", "a b"),
        ] {
            assert_eq!(html_text(html), text, "{html:?}");
        }
    }

    #[test]
    fn time_grows_with_length_and_no_faster() {
        // Each of these would take hours if any of it were looked at again for every tag.
        for piece in ["<", "<a", "&", "</", "<!-", "<p>"] {
            html_text(&piece.repeat(1 << 20));
        }
    }
}

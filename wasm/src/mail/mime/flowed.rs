//! Paragraphs that were broken into lines for the way (RFC 3676): `format=flowed`.

/// The paragraphs in one piece each. `delsp`: the space before a break is not part of the text, as in languages without spaces.
pub(super) fn unwrapped(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // How deep the paragraph is quoted that goes on in the next line.
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let line = line.trim_end_matches(['\r', '\n']);
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        // What begins with a space or a quote sign was given a space in front (§4.4).
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signature = content == "-- ";
        if open != Some(depth) || signature {
            if open.is_some() {
                out.push('\n');
            }
            out.extend(core::iter::repeat_n('>', depth));
            if depth > 0 {
                out.push(' ');
            }
        }
        let flows = content.ends_with(' ') && !signature;
        out.push_str(if flows && delsp { content.strip_suffix(' ').unwrap_or(content) } else { content });
        open = flows.then_some(depth);
        if !flows {
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_joined_and_quotes_kept_apart() {
        for (text, delsp, expected) in [
            ("one \r\ntwo\r\nthree\r\n", false, "one two\nthree\n"),
            (">> deep \r\n>> er\r\n> less \r\nplain\r\n", false, ">> deep er\n> less \nplain\n"),
            ("bye \r\n-- \r\nAnn\r\n", false, "bye \n-- \nAnn\n"),
            (" >not a quote\r\n From \r\n here\r\n", false, ">not a quote\nFrom here\n"),
            ("日本 \r\n語\r\n", true, "日本語\n"),
            ("ends flowed ", false, "ends flowed "),
        ] {
            assert_eq!(unwrapped(text, delsp), expected, "{text:?}");
        }
    }
}

//! Runs wasm-bindgen, as a library, over the compiled module.

use std::fs;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use crate::Error;

/// Writes `client.js` and `client_bg.wasm` into `lib`.
pub(crate) fn generate(module: &Path, lib: &Path) -> Result<(), Error> {
    let refused = |reason: String| Error::Glue { module: module.to_path_buf(), reason };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("client")
        // The library says where the module lies; a default of the glue's own would be found by bundlers a second time.
        .omit_default_module_path(true)
        .typescript(false)
        // Names are two fifths of an unstripped module, and tools' names in `producers` are nobody's business.
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.web(true).map_err(|error| refused(format!("{error:#}")))?;
    bindgen.generate(lib).map_err(|error| refused(format!("{error:#}")))?;

    let (glue, wasm) = (lib.join("client.js"), lib.join("client_bg.wasm"));
    let mut js = without_init_sync(&without_comments(&fs::read_to_string(&glue).map_err(Error::file(&glue))?));
    let mut binary = fs::read(&wasm).map_err(Error::file(&wasm))?;
    number_hashes(&mut js, &mut binary);
    fs::write(&glue, js).map_err(Error::file(&glue))?;
    fs::write(&wasm, binary).map_err(Error::file(&wasm))
}

/// The glue without its comments, a third of what a browser would download of it, and without its indentation. Both are for readers,
/// and those read `wasm/src/js`.
fn without_comments(glue: &str) -> String {
    let mut out = String::with_capacity(glue.len());
    let mut inside = false;
    // A text that ran over lines would have to keep its spaces; wasm-bindgen writes none such.
    let indented = glue.lines().any(|line| line.matches('`').count() % 2 == 1);
    for line in glue.lines() {
        // wasm-bindgen writes each of them on lines of its own.
        inside |= line.trim_start().starts_with("/**");
        if !inside && !line.trim_start().starts_with("//") {
            out.push_str(if indented { line } else { line.trim_start() });
            out.push('\n');
        }
        inside &= !line.trim_end().ends_with("*/");
    }
    out
}

/// The glue without `initSync`: the library loads the module in the other way. As it is where wasm-bindgen writes it otherwise.
fn without_init_sync(glue: &str) -> String {
    let exports = "export { initSync, __wbg_init as default };";
    let (Some(from), Some(to)) = (glue.find("function initSync("), glue.find("let __wbg_init_promise;")) else {
        return glue.to_owned();
    };
    match (glue.get(..from), glue.get(to..)) {
        (Some(before), Some(after)) if after.contains(exports) => {
            [before, &after.replace(exports, "export { __wbg_init as default };")].concat()
        }
        _ => glue.to_owned(),
    }
}

/// Hexadecimal digits in the hashes of wasm-bindgen.
const HASH: usize = 16;

/// Puts numbers in place of the hashes in the names that glue and module call each other by. The hashes tell names apart that many
/// crates could bring; here all names are known, and nothing in either file compresses worse.
///
/// The number is as long as the hash was, so that nothing in the module moves.
fn number_hashes(glue: &mut String, module: &mut [u8]) {
    let mut hashes: Vec<String> = Vec::new();
    for hash in glue.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter_map(hash_of) {
        if !hashes.iter().any(|known| known == hash) {
            hashes.push(hash.to_owned());
        }
    }
    for (number, hash) in hashes.iter().enumerate() {
        let numbered = format!("{number:_>HASH$}");
        *glue = glue.replace(hash, &numbered);
        let mut from = 0;
        while let Some(at) =
            module.get(from..).and_then(|rest| rest.windows(HASH).position(|bytes| bytes == hash.as_bytes()))
        {
            if let Some(place) = module.get_mut(from + at..from + at + HASH) {
                place.copy_from_slice(numbered.as_bytes());
            }
            from += at + HASH;
        }
    }
}

/// The hash at the end of a name.
fn hash_of(name: &str) -> Option<&str> {
    let (before, hash) = name.split_at_checked(name.len().checked_sub(HASH)?)?;
    let hex = hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // What wasm-bindgen numbers itself begins with zeros.
    (hex && !hash.starts_with("0000") && before.trim_end_matches('h').ends_with('_')).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_taken_out_and_nothing_else() {
        let glue = "/**\n * Docs.\n */\nexport class A {\n    /** one line */\n    // a line\n    b() { return 1 * /* kept */ 2; }\n}\n";
        assert_eq!(without_comments(glue), "export class A {\nb() { return 1 * /* kept */ 2; }\n}\n");
        assert_eq!(without_comments("`\n  a\n`\n"), "`\n  a\n`\n");
    }

    #[test]
    fn what_loads_at_once_is_taken_out_with_its_export() {
        let (before, after) = ("a();\n", "let __wbg_init_promise;\nexport { ");
        let glue = [before, "function initSync(module) {\n}\n", after, "initSync, __wbg_init as default };"].concat();
        assert_eq!(without_init_sync(&glue), [before, after, "__wbg_init as default };"].concat());
        assert_eq!(without_init_sync(before), before);
    }

    #[test]
    fn both_sides_get_the_same_numbers() {
        let mut glue = "__wbg_new_90f196e3b76a2f10: a__invoke__he3ca6407bd5bd2db(wasm.a__invoke__he3ca6407bd5bd2db), \
            __wbindgen_generic_0000000000000001, __wbg_core_new"
            .to_owned();
        let mut module = b"\0\x1a__wbg_new_90f196e3b76a2f10\0a__invoke__he3ca6407bd5bd2db\x02".to_vec();
        number_hashes(&mut glue, &mut module);
        let (new, invoke) = ("__wbg_new________________0", "a__invoke__h_______________1");
        assert_eq!(
            glue,
            format!("{new}: {invoke}(wasm.{invoke}), __wbindgen_generic_0000000000000001, __wbg_core_new")
        );
        assert_eq!(module, format!("\0\x1a{new}\0{invoke}\x02").into_bytes());
    }
}

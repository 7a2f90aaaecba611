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

    let glue = lib.join("client.js");
    let written = |source| Error::File { path: glue.clone(), source };
    let documented = fs::read_to_string(&glue).map_err(written)?;
    fs::write(&glue, without_docs(&documented)).map_err(written)
}

/// The glue without its doc comments, a third of what a browser would download of it. They are for readers of `wasm/src/js`.
fn without_docs(glue: &str) -> String {
    let mut out = String::with_capacity(glue.len());
    let mut inside = false;
    for line in glue.lines() {
        // wasm-bindgen writes each of them on lines of its own.
        inside |= line.trim_start().starts_with("/**");
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        inside &= !line.trim_end().ends_with("*/");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_are_taken_out_and_nothing_else() {
        let glue =
            "/**\n * Docs.\n */\nexport class A {\n    /** one line */\n    b() { return 1 * /* kept */ 2; }\n}\n";
        assert_eq!(without_docs(glue), "export class A {\n    b() { return 1 * /* kept */ 2; }\n}\n");
    }
}

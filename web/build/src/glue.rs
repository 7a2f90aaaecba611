//! Runs wasm-bindgen, as a library, over the compiled module.

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
    bindgen.generate(lib).map_err(|error| refused(format!("{error:#}")))
}

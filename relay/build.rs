//! Builds page, library and wasm, and leaves them where `src/assets.rs` embeds them from.

fn main() {}

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| poplar_fuzz::tnef::run(input));

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| integration_parsers::agent_spool(bytes));

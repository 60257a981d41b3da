//! Fuzz target: the Rust body and the Python body give equal Summaries, rejects and accounts.
//!
//! The comparison is `difference` in `tests/bodies.py`, which the tests use, too.

#![no_main]

mod python;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| python::assert_same("bodies", input));

//! Fuzz target: both bodies make the same lines of a stream: of JSON texts in any framing, of records inside them, of
//! lines with prefixes, with events in strings, and with action lines in between.
//!
//! The comparison is that of `tests/cutting.py`, which the tests use, too.

#![no_main]

mod python;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| python::assert_same("cutting", input));

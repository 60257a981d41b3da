//! Fuzz target: the Rust body and the Python body give equal Summaries, rejects and accounts.
//!
//! The Rust body that is compiled into this program, with coverage counters, takes the place of the
//! installed one; the comparison itself is `difference` in `tests/bodies.py`, which the tests use, too.

#![no_main]

use eventstats_kernel::_kernel;
use libfuzzer_sys::fuzz_target;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

static DIFFERENCE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

const START: &std::ffi::CStr = c"
import os, sys
sys.path[:0] = [os.path.join(root, 'src'), os.path.join(root, 'tests')]
import eventcli_kernel_under_test
sys.modules['eventcli._kernel'] = eventcli_kernel_under_test
from bodies import difference_of_input
";

fn start(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let globals = pyo3::types::PyDict::new(py);
    globals.set_item("root", concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
    let kernel = pyo3::wrap_pymodule!(_kernel)(py);
    py.import("sys")?.getattr("modules")?.set_item("eventcli_kernel_under_test", kernel)?;
    py.run(START, Some(&globals), None)?;
    Ok(globals.get_item("difference_of_input")?.expect("it was imported").unbind())
}

fuzz_target!(|input: &[u8]| {
    Python::attach(|py| {
        let difference = DIFFERENCE.get_or_init(py, || {
            start(py).unwrap_or_else(|error| {
                error.print(py);
                panic!("the Python side does not start")
            })
        });
        let found = difference.call1(py, (PyBytes::new(py, input),)).unwrap_or_else(|error| {
            error.print(py);
            panic!("the Python side failed")
        });
        assert!(found.is_none(py), "the bodies differ: {found}");
    });
});

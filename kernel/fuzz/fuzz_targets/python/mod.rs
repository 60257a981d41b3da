//! Calls the comparisons of the project's tests. The Rust body that is compiled into the program, with coverage
//! counters, takes the place of the installed one.

use eventstats_kernel::_kernel;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

static DIFFERENCE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

const START: &std::ffi::CStr = c"
import os, sys
sys.path[:0] = [os.path.join(root, 'src'), os.path.join(root, 'tests')]
import eventcli_kernel_under_test
sys.modules['eventcli._kernel'] = eventcli_kernel_under_test
";

fn start(py: Python<'_>, module: &str) -> PyResult<Py<PyAny>> {
    let globals = PyDict::new(py);
    globals.set_item("root", concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
    let kernel = pyo3::wrap_pymodule!(_kernel)(py);
    py.import("sys")?.getattr("modules")?.set_item("eventcli_kernel_under_test", kernel)?;
    py.run(START, Some(&globals), None)?;
    Ok(py.import(module)?.getattr("difference_of_input")?.unbind())
}

/// Panics if `difference_of_input` of a module finds that the bodies differ on the input.
pub fn assert_same(module: &str, input: &[u8]) {
    Python::attach(|py| {
        let difference = DIFFERENCE.get_or_init(py, || {
            start(py, module).unwrap_or_else(|error| {
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
}

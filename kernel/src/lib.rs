//! The Rust body of the fold of eventstats, and its Python module `eventcli._kernel`.
//!
//! This file binds and does nothing else; the other files know nothing of Python.

pub mod exact;
pub mod fold;
pub mod layout;
pub mod parse;
pub mod path;
pub mod query;
pub mod summary;
pub mod template;
pub mod wide;

#[cfg(feature = "python")]
#[pyo3::pymodule]
pub mod _kernel {
    use crate::fold::{Fold as Body, HandedBack, Reason};
    use crate::query::Query;
    use crate::summary::{self, Which};
    use pyo3::buffer::PyUntypedBuffer;
    use pyo3::exceptions::PyBufferError;
    use pyo3::prelude::*;
    use pyo3::types::{PyList, PyString};
    use std::collections::HashMap;

    /// Line, start and end of one that is left to the authority.
    type Place = (usize, usize, usize);

    /// Count, exact sum, minimum and maximum per type, kept over any number of blocks.
    #[pyclass(module = "eventcli._kernel")]
    struct Fold(Body);

    #[pymethods]
    impl Fold {
        #[new]
        fn new(type_key: &str, value_key: &str, types: Option<Vec<String>>) -> Self {
            Self(Body::new(&Query { types, ..Query::of_keys(type_key, value_key) }))
        }

        /// Folds the lines of a block from `start` on, until about `most` are handed back; gives
        /// their number, where it stopped, and as (line, start, end) those that are left to the
        /// authority. With `rejects`, those that are certainly no events are only counted.
        fn fold(
            &mut self,
            py: Python<'_>,
            block: &Bound<'_, PyAny>,
            start: usize,
            most: usize,
            rejects: bool,
        ) -> PyResult<(usize, usize, Vec<Place>)> {
            let block = PyUntypedBuffer::get(block)?;
            if !block.is_c_contiguous() {
                return Err(PyBufferError::new_err("the bytes of a block must be contiguous"));
            }
            let bytes: &[u8] = match block.len_bytes() {
                0 => &[],
                // SAFETY: the buffer is contiguous, holds that many bytes, and is neither freed nor
                // resized while `block` exports it. Its bytes do not change either: `pipeline` owns
                // the buffer and fills it again only after this call has returned.
                length => unsafe { std::slice::from_raw_parts(block.buf_ptr().cast(), length) },
            };
            let rest = bytes.get(start..).unwrap_or_default();
            // `&mut self` is an exclusive borrow that PyO3 checks at run time: while the GIL is
            // released, a call from another thread raises instead of reaching the state.
            let (part, handed_back) = py.detach(|| {
                let mut handed_back = Vec::new();
                self.0.reject(rejects);
                let part = self.0.fold_part(rest, &mut handed_back, most);
                (part, handed_back)
            });
            let place = |back: HandedBack| (back.line, start + back.start, start + back.end);
            Ok((part.lines, start + part.bytes, handed_back.into_iter().map(place).collect()))
        }

        /// Adds the state of another fold, which is left empty.
        fn merge(&mut self, other: &mut Self) {
            self.0.merge(&mut other.0);
        }

        /// (accepted, rejected by reason, filtered, blank) so far, of lines that were not handed back.
        fn account(&self) -> (u64, HashMap<&'static str, u64>, u64, u64) {
            let account = self.0.account();
            let rejected = Reason::ALL.map(Reason::code).into_iter().zip(account.rejected);
            (account.accepted, rejected.collect(), account.filtered, account.blank)
        }

        /// The types that have values.
        fn types(&self, py: Python<'_>) -> Types {
            Types(py.detach(|| self.0.types()))
        }
    }

    /// Stats by type, in code-point order, as columns.
    #[pyclass(module = "eventcli._kernel", frozen)]
    struct Types(summary::Types);

    #[pymethods]
    impl Types {
        fn __len__(&self) -> usize {
            self.0.len()
        }

        fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            PyList::new(py, (0..self.0.len()).map(|index| self.0.name(index)))
        }

        fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            PyList::new(py, (0..self.0.len()).map(|index| self.0.count(index)))
        }

        fn integral<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            PyList::new(py, (0..self.0.len()).map(|index| self.0.integral(index)))
        }

        fn sums<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            self.numbers(py, Which::Sum)
        }

        fn mins<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            self.numbers(py, Which::Min)
        }

        fn maxs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            self.numbers(py, Which::Max)
        }
    }

    impl Types {
        /// Numbers in plain decimal notation, as they are printed.
        fn numbers<'py>(&self, py: Python<'py>, which: Which) -> PyResult<Bound<'py, PyList>> {
            let mut text = String::new();
            let written = |index| {
                text.clear();
                self.0.write(index, which, &mut text);
                PyString::new(py, &text)
            };
            PyList::new(py, (0..self.0.len()).map(written))
        }
    }
}

//! The Rust body of the fold of eventstats, and its Python module `eventcli._kernel`.
//!
//! This file binds and does nothing else; the other files know nothing of Python.

pub mod backoff;
#[cfg(feature = "python")]
mod binding;
#[cfg(feature = "python")]
mod buffer;
pub mod caches;
pub mod cursor;
pub mod cutter;
pub mod event;
pub mod exact;
pub mod files;
pub mod fold;
pub mod format;
pub mod frame;
pub mod judge;
pub mod memory;
pub mod moment;
pub mod numbers;
pub mod outline;
pub mod parse;
pub mod part;
pub mod path;
pub mod query;
pub mod scan;
pub mod shapes;
pub mod spelling;
pub mod summary;
pub mod template;
pub mod text;
pub mod time;
pub mod tokens;
pub mod tree;
pub mod wide;
pub mod wrapped;

#[cfg(feature = "python")]
#[pyo3::pymodule]
pub mod _kernel {
    use crate::binding::level_of;
    use crate::buffer;
    use crate::caches::Caches;
    use crate::files;
    use crate::fold::{Fold as Body, HandedBack, Part};
    use crate::judge::Reason;
    use crate::memory::{self, Exhausted};
    use crate::path::Ways;
    use crate::query::{Query, Shape, Timing};
    use crate::summary::{self, Column, Optional};
    use crate::time::{Ask, Instant, Region, Span};
    use crate::wide::Level;
    use pyo3::IntoPyObjectExt;
    use pyo3::buffer::PyUntypedBuffer;
    use pyo3::exceptions::{PyMemoryError, PyValueError};
    use pyo3::prelude::*;
    use pyo3::pybacked::PyBackedStr;
    use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
    use std::collections::HashMap;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    /// Line, start and end of one that is left to the authority.
    type Place = (usize, usize, usize);

    /// Second and nanoseconds.
    type Moment = (i64, u32);

    /// The ways to it, the window, whether there are buckets, whether times without an offset are in
    /// UTC, whether an event may have no time, and the form of all times.
    type Time = (Ways, Option<Moment>, Option<Moment>, bool, bool, bool, Option<String>);

    /// Lines, where it stopped, the lines that are left to the authority, and what it asks: whether of
    /// local time, and a second.
    type Folded = (usize, usize, Vec<Place>, Option<(bool, i64)>);

    /// Of files that were folded whole, lines and bytes; files in the buffer, and what came of them.
    type FoldedFiles = (Vec<usize>, Vec<usize>, files::Read, Option<Folded>);

    /// The levels that this processor has, the fastest last.
    #[pyfunction]
    fn levels() -> Vec<&'static str> {
        Level::all().into_iter().map(Level::name).collect()
    }

    /// Names, a letter for the kind of each, and inodes.
    type Listed<'py> = (Bound<'py, PyList>, String, Vec<u64>);

    /// Lists a directory; None where that fails. Names are bytes, of which `decode` makes text: only
    /// Python knows the encoding of the locale.
    #[pyfunction]
    fn list_directory<'py>(
        py: Python<'py>,
        path: PathBuf,
        decode: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Listed<'py>>> {
        let Ok((names, kinds, inodes)) = py.detach(|| files::list_directory(&path)) else {
            return Ok(None);
        };
        let text = |name: OsString| match name.to_str() {
            Some(text) if text.is_ascii() => Ok(PyString::new(py, text).into_any()),
            _ => decode.call1((PyBytes::new(py, name.as_bytes()),)),
        };
        let names = names.into_iter().map(text).collect::<PyResult<Vec<_>>>()?;
        Ok(Some((PyList::new(py, names)?, kinds, inodes)))
    }

    /// A path, without a copy where it is the same in every encoding.
    struct FilePath(Result<PyBackedStr, PathBuf>);

    impl<'py> FromPyObject<'_, 'py> for FilePath {
        type Error = PyErr;

        fn extract(path: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
            match path.extract::<PyBackedStr>() {
                Ok(text) if text.is_ascii() => Ok(Self(Ok(text))),
                _ => Ok(Self(Err(path.extract()?))),
            }
        }
    }

    impl AsRef<Path> for FilePath {
        fn as_ref(&self) -> &Path {
            match &self.0 {
                Ok(text) => Path::new(&**text),
                Err(path) => path,
            }
        }
    }

    /// Count, exact sum, minimum and maximum per type, kept over any number of blocks.
    ///
    /// In a box, because Python aligns its objects to sixteen bytes only, and a part of the state to sixty-four.
    #[pyclass(module = "eventcli._kernel")]
    struct Fold(Box<Body>);

    /// What came of a block from `start` on.
    fn folded(part: Part, start: usize, handed_back: Vec<HandedBack>) -> Folded {
        let place = |back: HandedBack| (back.line, start + back.start, start + back.end);
        let handed_back = handed_back.into_iter().map(place).collect();
        let ask = part.ask.map(|ask| match ask {
            Ask::Region(second) => (false, second),
            Ask::Span(second) => (true, second),
        });
        (part.lines, start + part.bytes, handed_back, ask)
    }

    /// A query as Python tells it, by name.
    #[derive(FromPyObject)]
    #[pyo3(from_item_all)]
    struct Asked {
        type_ways: Ways,
        value_ways: Ways,
        absent: Option<String>,
        numeric_strings: bool,
        salvage: bool,
        types: Option<Vec<String>>,
        max_types: usize,
        max_type_bytes: usize,
        time: Option<Time>,
        shape: (bool, bool, Vec<String>),
        aggregates: Vec<String>,
    }

    impl Asked {
        fn query(self) -> PyResult<Query> {
            let instant = |(second, nanos)| Instant { second, nanos };
            let timing = |(ways, since, until, by, local_is_utc, optional, format): Time| Timing {
                ways,
                since: since.map(instant),
                until: until.map(instant),
                by,
                local_is_utc,
                optional,
                format,
            };
            let (scalar_types, may_lack_type, missing) = self.shape;
            Ok(Query {
                type_ways: self.type_ways,
                value_ways: self.value_ways,
                absent: self.absent,
                numeric_strings: self.numeric_strings,
                salvage: self.salvage,
                types: self.types,
                time: self.time.map(timing),
                max_types: self.max_types,
                max_type_bytes: self.max_type_bytes,
                aggregates: Optional::named(self.aggregates.iter().map(String::as_str))
                    .ok_or_else(|| PyValueError::new_err("an aggregate that is not optional"))?,
                shape: Shape::new(scalar_types, may_lack_type, &missing),
            })
        }
    }

    /// Paths, the device and the inodes of the files, and how to open them.
    type KnownFiles = (Vec<FilePath>, u64, Vec<u64>, i32);

    #[pymethods]
    impl Fold {
        #[new]
        #[pyo3(signature = (query, level=None, caches=None))]
        fn new(query: Asked, level: Option<&str>, caches: Option<Vec<String>>) -> PyResult<Self> {
            let level = level_of(level)?;
            let caches = match caches {
                None => Caches::ALL,
                Some(names) => names
                    .iter()
                    .try_fold(Caches::NONE, |caches, name| caches.with(name, true))
                    .ok_or_else(|| PyValueError::new_err("a cache that is none"))?,
            };
            let query = query.query()?;
            memory::hold_reserve();
            Ok(Self(Box::new(Body::with_caches(level, caches, &query))))
        }

        /// Folds the lines of a block from `start` on, until about `most` are handed back or
        /// something must be asked. With `rejects`, those that are certainly no events are only
        /// counted.
        fn fold(
            &mut self,
            py: Python<'_>,
            block: &Bound<'_, PyAny>,
            start: usize,
            most: usize,
            rejects: bool,
        ) -> PyResult<Folded> {
            let block = PyUntypedBuffer::get(block)?;
            let rest = buffer::bytes(&block)?.get(start..).unwrap_or_default();
            // `&mut self` is an exclusive borrow that PyO3 checks at run time: while the GIL is
            // released, a call from another thread raises instead of reaching the state.
            let (part, handed_back) = caught(py, || {
                let mut handed_back = Vec::new();
                self.0.reject(rejects);
                let part = self.0.fold_part(rest, &mut handed_back, most);
                (part, handed_back)
            })?;
            Ok(folded(part, start, handed_back))
        }

        /// Reads small files and folds them, until there is more to be done with some, or with the next one. `how`
        /// has the two last parameters of `fold`, and whether to read once only.
        fn fold_files(
            &mut self,
            py: Python<'_>,
            known: KnownFiles,
            buffer: &Bound<'_, PyAny>,
            enough: usize,
            how: (usize, bool, bool),
        ) -> PyResult<FoldedFiles> {
            let (paths, device, inodes, flags) = known;
            let (most, rejects, once) = how;
            let mut buffer = PyUntypedBuffer::get(buffer)?;
            let bytes = buffer::bytes_mut(&mut buffer)?;
            let files::Folded { lines, sizes, read, part, handed_back } = caught(py, || {
                self.0.reject(rejects);
                let known = files::Known { paths: &paths, device, inodes: &inodes, flags };
                files::fold_files(&mut self.0, known, bytes, enough, most, once)
            })?;
            Ok((lines, sizes, read, part.map(|part| folded(part, 0, handed_back))))
        }

        /// Takes up a stretch of time that was asked for.
        fn add_region(&mut self, from: i64, to: i64, size: i64, first: i64) -> PyResult<()> {
            let is_one = self.0.add_region(Region { from, to, size, first });
            is_one.then_some(()).ok_or_else(|| PyValueError::new_err("that is no new region"))
        }

        /// Takes up a stretch of local time that was asked for.
        fn add_span(&mut self, from: i64, to: i64, offset: i32) -> PyResult<()> {
            let is_one = self.0.add_span(Span { from, to, offset });
            is_one.then_some(()).ok_or_else(|| PyValueError::new_err("that is no new span"))
        }

        /// Adds the state of another fold, which is left empty.
        fn merge(&mut self, other: &mut Self) -> PyResult<()> {
            memory::caught(|| self.0.merge(&mut other.0)).map_err(exhausted)
        }

        /// (accepted, rejected by reason, filtered, blank) so far, of lines that were not handed back.
        fn account(&self) -> (u64, HashMap<&'static str, u64>, u64, u64) {
            let account = self.0.account();
            let rejected = Reason::ALL.map(Reason::code).into_iter().zip(account.rejected);
            (account.accepted, rejected.collect(), account.filtered, account.blank)
        }

        /// For each bucket, in the order of time, its first second (None: of what is in no bucket),
        /// the types that have values in it, and a single row without a name if there are others.
        fn tables(&self, py: Python<'_>) -> PyResult<Vec<(Option<i64>, Types, Types)>> {
            let tables = caught(py, || self.0.tables())?;
            let types = |(start, table): (_, summary::Table)| {
                (start, Types(table.types), Types(table.other))
            };
            Ok(tables.into_iter().map(types).collect())
        }
    }

    /// Calls a function without the GIL; MemoryError if memory ran out.
    fn caught<T: Send>(py: Python<'_>, function: impl FnOnce() -> T + Send) -> PyResult<T> {
        py.detach(|| memory::caught(function)).map_err(exhausted)
    }

    fn exhausted(_: Exhausted) -> PyErr {
        PyMemoryError::new_err(())
    }

    #[pymodule_export]
    use crate::binding::{Cutter, Unwrapper};

    /// Names of more bytes than this are measured before they are written, and not copied then.
    const COPIED: usize = 4 << 20;

    /// Stats by type, in code-point order, as columns.
    #[pyclass(module = "eventcli._kernel", frozen)]
    struct Types(summary::Types);

    const _: () = assert!(align_of::<Box<Body>>() <= 16 && align_of::<summary::Types>() <= 16);

    #[pymethods]
    impl Types {
        fn __len__(&self) -> usize {
            self.0.len()
        }

        /// The columns of each type, after its name and `start`.
        fn rows<'py>(
            &self,
            py: Python<'py>,
            start: &Bound<'py, PyString>,
            columns: Vec<String>,
        ) -> PyResult<Bound<'py, PyList>> {
            let columns = columns.iter().map(|name| column(name)).collect::<PyResult<Vec<_>>>()?;
            let mut text = String::new();
            let rows = PyList::empty(py);
            for index in 0..self.0.len() {
                let head =
                    [PyString::new(py, self.0.name(index)).into_any(), start.clone().into_any()];
                let states = columns.iter().map(|column| self.state(py, index, *column, &mut text));
                let row = head.into_iter().map(Ok).chain(states).collect::<PyResult<Vec<_>>>()?;
                rows.append(PyTuple::new(py, row)?)?;
            }
            Ok(rows)
        }

        /// All rows as text, from `start` to `end`: the literals, between them the columns, and
        /// `between` two types.
        fn text<'py>(
            &self,
            py: Python<'py>,
            literals: Vec<String>,
            columns: Vec<String>,
            around: (String, String, String),
        ) -> PyResult<Bound<'py, PyBytes>> {
            let (start, between, end) = around;
            let columns = columns.iter().map(|name| column(name)).collect::<PyResult<Vec<_>>>()?;
            let pieces = |write: &mut dyn FnMut(&str)| {
                write(&start);
                self.0.write_all(&literals, &columns, &between, &mut *write);
                write(&end);
            };
            if self.0.name_bytes() < COPIED {
                let text = py.detach(|| {
                    let mut text = Vec::new();
                    pieces(&mut |piece| text.extend_from_slice(piece.as_bytes()));
                    text
                });
                return Ok(PyBytes::new(py, &text));
            }
            let mut length = 0;
            pieces(&mut |piece| length += piece.len());
            PyBytes::new_with(py, length, |mut text| {
                pieces(&mut |piece| {
                    let (own, rest) = std::mem::take(&mut text).split_at_mut(piece.len());
                    own.copy_from_slice(piece.as_bytes());
                    text = rest;
                });
                Ok(())
            })
        }

        fn name_bytes(&self) -> (usize, usize) {
            let last = self.0.len().checked_sub(1).map_or(0, |last| self.0.name(last).len());
            (self.0.name_bytes(), self.0.name_bytes() - last)
        }

        fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
            PyList::new(py, (0..self.0.len()).map(|index| self.0.name(index)))
        }

        /// A column, type by type.
        fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
            let all = 0..self.0.len();
            let mut text = String::new();
            match column(name)? {
                Column::Name => self.names(py),
                Column::Count => PyList::new(py, all.map(|index| self.0.count(index))),
                Column::Integral => PyList::new(py, all.map(|index| self.0.integral(index))),
                Column::Number(which) => {
                    let written = |index| {
                        text.clear();
                        self.0.write(index, which, &mut text);
                        PyString::new(py, &text)
                    };
                    PyList::new(py, all.map(written))
                }
            }
        }
    }

    impl Types {
        /// One cell of a column; numbers in plain decimal notation, as they are printed.
        fn state<'py>(
            &self,
            py: Python<'py>,
            index: usize,
            column: Column,
            text: &mut String,
        ) -> PyResult<Bound<'py, PyAny>> {
            match column {
                Column::Name => self.0.name(index).into_bound_py_any(py),
                Column::Count => self.0.count(index).into_bound_py_any(py),
                Column::Integral => self.0.integral(index).into_bound_py_any(py),
                Column::Number(which) => {
                    text.clear();
                    self.0.write(index, which, text);
                    text.as_str().into_bound_py_any(py)
                }
            }
        }
    }

    fn column(name: &str) -> PyResult<Column> {
        Column::named(name).ok_or_else(|| PyValueError::new_err(format!("{name} is no column")))
    }
}

//! Binds to Python what makes lines of other streams: `cutter` and `wrapped`.

use crate::cutter::{self, Cut, Place};
use crate::memory;
use crate::wide::Level;
use crate::wrapped::{self, Wrapping};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What is cut from a piece of a stream: lines, the places of the texts as numbers of 64 bits, how many bytes and
/// newlines are done with, and what follows: its kind, its start, its length, its line.
type Cuts<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, usize, u64, Option<Special>);

type Special = (&'static str, u64, u64, u64);

/// Gives the bytes of a piece to a function without the GIL, and what came of it to Python.
fn cut<'py, State: Send>(
    py: Python<'py>,
    data: &Bound<'_, PyAny>,
    state: &mut State,
    cut: impl FnOnce(&mut State, &[u8]) -> Cut + Send,
    lines: impl FnOnce(&State) -> (&[u8], &[Place]),
) -> PyResult<Cuts<'py>> {
    let data = PyUntypedBuffer::get(data)?;
    if !data.is_c_contiguous() {
        return Err(PyBufferError::new_err("the bytes of a piece must be contiguous"));
    }
    let bytes: &[u8] = match data.len_bytes() {
        0 => &[],
        // SAFETY: the buffer is contiguous, holds that many bytes, and is neither freed nor resized while `data`
        // exports it. Its bytes do not change either: `pipeline` owns the buffer, and fills it again only after this
        // call has returned.
        length => unsafe { std::slice::from_raw_parts(data.buf_ptr().cast(), length) },
    };
    let cut = py
        .detach(|| memory::caught(|| cut(state, bytes)))
        .map_err(|_| PyMemoryError::new_err(()))?;
    let special = cut
        .special
        .map(|special| (special.kind.code(), special.start, special.length, special.line));
    let (lines, places) = lines(state);
    let places = places.as_flattened();
    let columns = PyBytes::new_with(py, size_of_val(places), |bytes| {
        for (bytes, place) in bytes.as_chunks_mut().0.iter_mut().zip(places) {
            *bytes = place.to_ne_bytes();
        }
        Ok(())
    })?;
    Ok((PyBytes::new(py, lines), columns, cut.consumed, cut.newlines, special))
}

/// Cuts a stream of JSON texts into lines.
#[pyclass(module = "eventcli._kernel")]
pub struct Cutter(cutter::Cutter);

#[pymethods]
impl Cutter {
    #[new]
    fn new(path: Vec<String>, most: usize, atomic: bool, resumed: bool) -> Self {
        Self(cutter::Cutter::new(Level::fastest(), path, most, atomic, resumed))
    }

    /// Cuts a piece of the stream; see `cutter`.
    fn cut<'py>(
        &mut self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        at_end: bool,
        is_full: bool,
    ) -> PyResult<Cuts<'py>> {
        let own = |state: &mut cutter::Cutter, data: &[u8]| state.cut(data, at_end, is_full);
        cut(py, data, &mut self.0, own, |state| (&state.out, &state.places))
    }
}

/// Makes lines of lines with an event inside.
#[pyclass(module = "eventcli._kernel")]
pub struct Unwrapper(wrapped::Unwrapper);

#[pymethods]
impl Unwrapper {
    #[new]
    fn new(
        skip_prefix: bool,
        bulk: bool,
        ways: Vec<Vec<String>>,
        in_place: bool,
        most: usize,
    ) -> Self {
        let wrapping = Wrapping { skip_prefix, bulk, ways, in_place };
        Self(wrapped::Unwrapper::new(Level::fastest(), wrapping, most))
    }

    /// Makes lines of a piece of the stream; see `wrapped`.
    fn cut<'py>(
        &mut self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        at_end: bool,
        is_full: bool,
    ) -> PyResult<Cuts<'py>> {
        let own = |state: &mut wrapped::Unwrapper, data: &[u8]| state.cut(data, at_end, is_full);
        cut(py, data, &mut self.0, own, |state| (&state.out, &state.places))
    }

    /// Makes a line of each line.
    fn unwrap<'py>(&mut self, py: Python<'py>, lines: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let lines = py
            .detach(|| memory::caught(|| self.0.unwrap(lines)))
            .map_err(|_| PyMemoryError::new_err(()))?;
        Ok(PyBytes::new(py, lines))
    }
}

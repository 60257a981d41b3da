//! Binds to Python what makes lines of other streams: `cutter` and `wrapped`.

use crate::buffer;
use crate::cutter::{self, Cut, Place};
use crate::memory;
use crate::wide::Level;
use crate::wrapped::{self, Wrapping};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What is cut from a piece of a stream: lines, the places of the texts as numbers of 64 bits, how many bytes and
/// newlines are done with, and what follows: its kind, its start, its length, its line.
type Cuts<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, usize, u64, Option<Special>);

type Special = (&'static str, u64, u64, u64);

/// The level of a name; without one, the fastest.
pub fn level_of(name: Option<&str>) -> PyResult<Level> {
    let Some(name) = name else {
        return Ok(Level::fastest());
    };
    let known = Level::all().into_iter().find(|level| level.name() == name);
    known.ok_or_else(|| PyValueError::new_err(format!("{name} is no level here")))
}

/// Gives the bytes of a piece to a function without the GIL, and what came of it to Python.
fn cut<'py, State: Send>(
    py: Python<'py>,
    data: &Bound<'_, PyAny>,
    state: &mut State,
    cut: impl FnOnce(&mut State, &[u8]) -> Cut + Send,
    lines: impl FnOnce(&State) -> (&[u8], &[Place]),
) -> PyResult<Cuts<'py>> {
    let data = PyUntypedBuffer::get(data)?;
    let bytes = buffer::bytes(&data)?;
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
    #[pyo3(signature = (path, most, atomic, resumed, level=None))]
    fn new(
        path: Vec<String>,
        most: usize,
        atomic: bool,
        resumed: bool,
        level: Option<&str>,
    ) -> PyResult<Self> {
        let level = level_of(level)?;
        Ok(Self(cutter::Cutter::new(level, path, most, atomic, resumed)))
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
    #[pyo3(signature = (skip_prefix, bulk, ways, in_place, most, level=None))]
    fn new(
        skip_prefix: bool,
        bulk: bool,
        ways: Vec<Vec<String>>,
        in_place: bool,
        most: usize,
        level: Option<&str>,
    ) -> PyResult<Self> {
        let wrapping = Wrapping { skip_prefix, bulk, ways, in_place };
        Ok(Self(wrapped::Unwrapper::new(level_of(level)?, wrapping, most)))
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

//! The bytes of Python's buffers. With `wide`, the only file that has `unsafe` code.

#![allow(unsafe_code)]

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

/// The bytes of a buffer that nobody changes meanwhile.
///
/// That is a promise of the callers in Python, which no type tells: `pipeline` owns the buffer of a block or of a piece
/// of a stream, and fills it again only after the call has returned; `mapping` has a lease of the file, which it gives
/// up only when nobody exports the bytes; others give `bytes`.
pub fn bytes(buffer: &PyUntypedBuffer) -> PyResult<&[u8]> {
    if !buffer.is_c_contiguous() {
        return Err(PyBufferError::new_err("the bytes of a buffer must be contiguous"));
    }
    Ok(match buffer.len_bytes() {
        // There may be no pointer then.
        0 => &[],
        // SAFETY: the buffer is contiguous, holds that many bytes, and is neither freed nor resized while `buffer`
        // exports it, which outlives the slice. Its bytes do not change either, as said above.
        length => unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), length) },
    })
}

/// The bytes of a buffer that nobody else reads or writes meanwhile: each thread of `pipeline` has its own.
pub fn bytes_mut(buffer: &mut PyUntypedBuffer) -> PyResult<&mut [u8]> {
    if !buffer.is_c_contiguous() || buffer.readonly() {
        return Err(PyBufferError::new_err("a contiguous buffer is needed that can be written"));
    }
    Ok(match buffer.len_bytes() {
        0 => &mut [],
        // SAFETY: the buffer is contiguous, can be written, holds that many bytes, and is neither freed nor resized
        // while `buffer` exports it, which outlives the slice and is borrowed by it alone. Nobody else reads or writes
        // its bytes, as said above.
        length => unsafe { std::slice::from_raw_parts_mut(buffer.buf_ptr().cast(), length) },
    })
}

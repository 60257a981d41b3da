//! Memory that may run out. Rust aborts the process if an allocation fails; here the large ones, which grow
//! with the number of types, unwind instead, and the binding makes an exception of that.

use std::alloc::Layout;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

/// Given back when memory runs out: unwinding, and what the caller does then, take some. Nothing is ever
/// written to it, so that it takes no more than addresses.
static RESERVE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

const RESERVED: usize = 1 << 20;

/// Holds the reserve from now on.
pub fn hold_reserve() {
    if let Ok(mut reserve) = RESERVE.lock()
        && reserve.capacity() == 0
    {
        // Without it, a run may still have enough.
        let _ = reserve.try_reserve_exact(RESERVED);
    }
}

/// What is unwound with: there was not enough memory.
#[derive(Debug)]
pub struct Exhausted;

#[cold]
#[inline(never)]
fn exhausted() -> ! {
    if let Ok(mut reserve) = RESERVE.lock() {
        drop(std::mem::take(&mut *reserve));
    }
    // Not a panic: only the caller is to know.
    resume_unwind(Box::new(Exhausted))
}

/// Calls a function; what it changed is of no use any more if memory ran out.
pub fn caught<T>(function: impl FnOnce() -> T) -> Result<T, Exhausted> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| match payload.downcast() {
        Ok(exhausted) => *exhausted,
        Err(other) => resume_unwind(other),
    })
}

/// Makes room for more elements.
pub fn reserve<T>(elements: &mut Vec<T>, more: usize) {
    if elements.try_reserve(more).is_err() {
        exhausted();
    }
}

/// `Vec::push`.
pub fn push<T>(elements: &mut Vec<T>, element: T) {
    reserve(elements, 1);
    elements.push(element);
}

/// An empty vector with room for so many elements.
pub fn with_capacity<T>(length: usize) -> Vec<T> {
    let mut elements = Vec::new();
    if elements.try_reserve_exact(length).is_err() {
        exhausted();
    }
    elements
}

/// A vector of so many equal elements.
pub fn filled<T: Clone>(element: T, length: usize) -> Vec<T> {
    let mut elements = with_capacity(length);
    elements.resize(length, element);
    elements
}

/// Unwinds if so many bytes cannot be had, before something is made of them that cannot fail.
pub fn probe(bytes: usize) {
    let mut room: Vec<u8> = Vec::new();
    if room.try_reserve_exact(bytes).is_err() {
        exhausted();
    }
    // Else it would be known that nobody uses it.
    black_box(&room);
}

/// A shared copy of bytes.
pub fn shared(bytes: &[u8]) -> Arc<[u8]> {
    // With the counts that precede the bytes.
    probe(bytes.len() + 2 * Layout::new::<usize>().size());
    Arc::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What cannot be had unwinds to the caller, and any other panic goes on.
    #[test]
    fn exhaustion_is_caught() {
        hold_reserve();
        assert!(caught(|| probe(isize::MAX as usize)).is_err());
        assert_eq!(RESERVE.lock().expect("nobody panics with it").capacity(), 0);
        assert!(caught(|| filled(0_u64, usize::MAX / 16)).is_err());
        assert!(caught(|| reserve(&mut vec![1_u8], isize::MAX as usize)).is_err());
        assert_eq!(caught(|| filled(7_u8, 3)).expect("there is room"), [7, 7, 7]);
        assert_eq!(&*shared(b"name"), b"name");
        let other = catch_unwind(|| drop(caught(|| resume_unwind(Box::new("another")))));
        assert!(other.is_err());
    }
}

//! What bytes fit at each place of the head or the tail of a short line.

use crate::tokens::{Kind, Token, tokens};
use crate::wide::{CHUNK, Wide};

/// A head or a tail: the lowest byte that fits at each place, and how much larger it may be.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Part {
    pub low: [u8; CHUNK],
    pub span: [u8; CHUNK],
    /// The places of text, where quotes and backslashes do not fit.
    pub text: u64,
}

impl Part {
    /// A part that must have these bytes from `from` on, and any others; None if they are too many.
    pub fn new(classes: &[Class], from: usize) -> Option<Self> {
        let mut part = Self { low: [0; CHUNK], span: [u8::MAX; CHUNK], text: 0 };
        let low = part.low.get_mut(from..from + classes.len())?;
        let span = &mut part.span[from..];
        for (at, (class, (low, span))) in classes.iter().zip(low.iter_mut().zip(span)).enumerate() {
            (*low, *span) = (class.low, class.high - class.low);
            part.text |= u64::from(class.is_text) << (from + at);
        }
        Some(part)
    }

    /// The bytes that are within their bounds.
    #[inline(always)]
    pub fn fits<W: Wide>(&self, wide: W, chunk: W::Chunk) -> u64 {
        wide.within(chunk, wide.load(&self.low), wide.load(&self.span))
    }

    /// Quotes and backslashes in text.
    #[inline(always)]
    pub fn marks<W: Wide>(&self, wide: W, chunk: W::Chunk) -> u64 {
        (wide.equal(chunk, b'"') | wide.equal(chunk, b'\\')) & self.text
    }
}

/// What fits at a place.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    low: u8,
    high: u8,
    is_text: bool,
}

impl Class {
    /// What fits in the place of a byte of plain text: any other, or only those on the same side of the
    /// quote and of the backslash, so that there is no need to look for these.
    fn of_text(byte: u8, is_loose: bool) -> Self {
        let (low, high) = match byte {
            _ if is_loose => (b' ', 0x7f),
            b' '..=b'"' => (b' ', b'!'),
            b'#'..=b'\\' => (b'#', b'['),
            _ => (b']', 0x7f),
        };
        Self { low, high, is_text: is_loose }
    }
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=0x7f) && *byte != b'\\')
}

/// What fits at each place of a valid line: the same byte, unless it is one of a plain text or a
/// plain number.
pub fn classes(line: &[u8], type_at: usize, is_loose: bool) -> Vec<Class> {
    let mut classes: Vec<Class> =
        line.iter().map(|&byte| Class { low: byte, high: byte, is_text: false }).collect();
    for Token { kind, start, end } in tokens(line) {
        let own = &line[start..end];
        match kind {
            Kind::Text if start != type_at && is_plain(own) => {
                for class in &mut classes[start..end] {
                    *class = Class::of_text(class.low, is_loose);
                }
            }
            Kind::Number if !own.contains(&b'e') && !own.contains(&b'E') => {
                let first = usize::from(own[0] == b'-');
                let has_more = own.get(first + 1).is_some_and(u8::is_ascii_digit);
                for (place, class) in classes[start..end].iter_mut().enumerate() {
                    if class.low.is_ascii_digit() {
                        class.low = if place == first && has_more { b'1' } else { b'0' };
                        class.high = b'9';
                    }
                }
            }
            _ => {}
        }
    }
    classes
}

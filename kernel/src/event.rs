//! A line that is an event, and where its fields are in the block.

use crate::exact::Number;

/// A place in no block.
pub const NOWHERE: usize = usize::MAX;

/// A line that is known to be an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub start: usize,
    /// Where its "\n" is, or the end of the block.
    pub end: usize,
    /// Where the text of its type begins, after the quote, and ends.
    pub type_text: (usize, usize),
    /// Where the digits of its value begin; `NOWHERE` if it has none.
    pub value_at: usize,
    /// Where the text or the digits of its time begin; `NOWHERE` if it has none.
    pub time_at: usize,
}

/// A line that a cache knows.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub event: Event,
    /// If not, only the end of its type is known, not that it is valid: the line is an event if its type is one.
    pub is_plain: bool,
    /// None: it is a long one, and in the place that `read` was given for such.
    pub value: Option<Number>,
}

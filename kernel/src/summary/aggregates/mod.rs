//! What is kept of the values of a type: one file an aggregate. This file is the one place that lists
//! them; `listing.rs` makes the states of a type of the list.
//!
//! The count, and whether all values were integral, belong to the entry itself.

mod aggregate;
mod listing;
mod max;
mod min;
mod stddev;
mod sum;

use crate::exact::{Exact, Plain};
use aggregate::{Aggregate, Narrow as _, joined};
use listing::registry;
use max::NarrowMax;
use min::NarrowMin;
use stddev::Squares;
use sum::Sum;

registry! {
    // Kept of every type, in its entry as long as its values are narrow.
    always { Sum sum: Sum, Min min: NarrowMin, Max max: NarrowMax }
    // Kept for a query that asks for it, and then of wide values only.
    optional { Squares squares: Squares }
}

impl Narrow {
    /// Where the states of an entry are whose values are wide: it rests in the sum.
    #[inline(always)]
    pub fn index(&self) -> usize {
        self.sum.0 as usize
    }

    pub fn at(index: usize) -> Self {
        Self { sum: Sum(index as i128), ..Self::EMPTY }
    }
}

//! All aggregates: the one place that lists them, and the states of a type that are made of them.
//!
//! The count, and whether all values were integral, belong to the entry itself.

use super::aggregate::{self, Aggregate, Narrow as _, joined};
use super::listing::registry;
use super::max::NarrowMax;
use super::min::NarrowMin;
use super::sum::Sum;
use crate::exact::{Exact, Plain};

registry! {
    // Kept of every type, in its entry as long as its values are narrow.
    always { Sum sum: Sum, Min min: NarrowMin, Max max: NarrowMax }
    // Kept for a query that asks for it, and then of wide values only.
    optional {}
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

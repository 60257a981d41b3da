//! What an aggregate is: an exact state of the values of a type, and how two states merge.

use crate::exact::Plain;
use std::fmt::Debug;

/// The state over values at one scale. Values at other scales have a state of their own; the numbers of
/// all scales are joined when they are given out.
pub trait Aggregate: Clone + Debug {
    /// The name of its column.
    const NAME: &'static str;

    /// The state of one value; None if it does not fit.
    fn of(mantissa: i128) -> Option<Self>;

    /// The state of the values of both, which have one scale; None if it does not fit.
    fn merge(&self, other: &Self) -> Option<Self>;

    /// The number that it keeps of values at this scale.
    fn number(&self, scale: u8) -> Plain;

    /// The number for the values of both.
    fn join(left: Plain, right: Plain) -> Plain;
}

/// The same for values of 64 bits, small enough for the entry of a type: what is always kept.
pub trait Narrow: Copy {
    type Wide: Aggregate;

    const EMPTY: Self;

    fn add(&mut self, value: i64);

    fn merge(&mut self, other: Self);

    /// The state of the same values times a power of ten; None if it does not fit.
    fn scaled(self, power: i64) -> Option<Self>;

    fn mantissa(self) -> i128;

    fn widened(self) -> Self::Wide;
}

/// The number over all scales.
pub fn joined<A: Aggregate>(states: impl Iterator<Item = (A, u8)>) -> Option<Plain> {
    states.map(|(state, scale)| state.number(scale)).reduce(A::join)
}

//! The largest value.

use super::aggregate::{Aggregate, Narrow};
use crate::exact::Plain;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug)]
pub struct Max(i128);

#[derive(Clone, Copy, Debug)]
pub struct NarrowMax(i64);

impl Aggregate for Max {
    const NAME: &'static str = "max";

    fn of(mantissa: i128) -> Option<Self> {
        Some(Self(mantissa))
    }

    fn merge(&self, other: &Self) -> Option<Self> {
        Some(Self(self.0.max(other.0)))
    }

    fn number(&self, scale: u8) -> Plain {
        Plain::new(self.0, scale)
    }

    fn join(left: Plain, right: Plain) -> Plain {
        if left.compare(&right) == Ordering::Less { right } else { left }
    }
}

impl Narrow for NarrowMax {
    type Wide = Max;

    const EMPTY: Self = Self(i64::MIN);

    #[inline(always)]
    fn add(&mut self, value: i64) {
        self.0 = self.0.max(value);
    }

    #[inline(always)]
    fn merge(&mut self, other: Self) {
        self.0 = self.0.max(other.0);
    }

    #[inline(always)]
    fn scaled(self, power: i64) -> Option<Self> {
        self.0.checked_mul(power).map(Self)
    }

    fn mantissa(self) -> i128 {
        i128::from(self.0)
    }

    fn widened(self) -> Max {
        Max(i128::from(self.0))
    }
}

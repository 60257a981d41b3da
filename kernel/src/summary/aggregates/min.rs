//! The smallest value.

use super::aggregate::{Aggregate, Narrow};
use crate::exact::Plain;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug)]
pub struct Min(i128);

#[derive(Clone, Copy, Debug)]
pub struct NarrowMin(i64);

impl Aggregate for Min {
    const NAME: &'static str = "min";

    fn of(mantissa: i128) -> Option<Self> {
        Some(Self(mantissa))
    }

    fn merge(&self, other: &Self) -> Option<Self> {
        Some(Self(self.0.min(other.0)))
    }

    fn number(&self, scale: u8) -> Plain {
        Plain::new(self.0, scale)
    }

    fn join(left: Plain, right: Plain) -> Plain {
        if left.compare(&right) == Ordering::Greater { right } else { left }
    }
}

impl Narrow for NarrowMin {
    type Wide = Min;

    const EMPTY: Self = Self(i64::MAX);

    #[inline(always)]
    fn add(&mut self, value: i64) {
        self.0 = self.0.min(value);
    }

    #[inline(always)]
    fn merge(&mut self, other: Self) {
        self.0 = self.0.min(other.0);
    }

    #[inline(always)]
    fn scaled(self, power: i64) -> Option<Self> {
        self.0.checked_mul(power).map(Self)
    }

    fn mantissa(self) -> i128 {
        i128::from(self.0)
    }

    fn widened(self) -> Min {
        Min(i128::from(self.0))
    }
}

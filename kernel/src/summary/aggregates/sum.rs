//! The exact sum.

use super::aggregate::{Aggregate, Narrow};
use crate::exact::Plain;

/// At most 2^63 values of an `i64` each: as a narrow state, it cannot overflow.
#[derive(Clone, Copy, Debug)]
pub struct Sum(pub i128);

impl Aggregate for Sum {
    const NAME: &'static str = "sum";

    fn of(mantissa: i128) -> Option<Self> {
        Some(Self(mantissa))
    }

    fn merge(&self, other: &Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    fn number(&self, scale: u8) -> Plain {
        Plain::new(self.0, scale)
    }

    fn join(left: Plain, right: Plain) -> Plain {
        left.add(&right)
    }
}

impl Narrow for Sum {
    type Wide = Self;

    const EMPTY: Self = Self(0);

    #[inline(always)]
    fn add(&mut self, value: i64) {
        self.0 += i128::from(value);
    }

    #[inline(always)]
    fn merge(&mut self, other: Self) {
        self.0 += other.0;
    }

    #[inline(always)]
    fn scaled(self, power: i64) -> Option<Self> {
        self.0.checked_mul(i128::from(power)).map(Self)
    }

    fn mantissa(self) -> i128 {
        self.0
    }

    fn widened(self) -> Self {
        self
    }
}

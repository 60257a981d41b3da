//! The exact sum of the squares, of which Python makes the standard deviation.

use super::aggregate::Aggregate;
use crate::exact::Plain;

/// In 256 bits, the lower half first: the square of a value has up to 72 digits.
#[derive(Clone, Copy, Debug)]
pub struct Squares(u128, u128);

impl Aggregate for Squares {
    const NAME: &'static str = "squares";

    fn of(mantissa: i128) -> Option<Self> {
        let value = mantissa.unsigned_abs();
        if let Some(square) = value.checked_mul(value) {
            return Some(Self(square, 0));
        }
        // The value is at most 2^127, so that no product overflows.
        let (high, low) = (value >> 64, value & u128::from(u64::MAX));
        let cross = 2 * high * low;
        let (lower, carry) = (low * low).overflowing_add(cross << 64);
        Some(Self(lower, high * high + (cross >> 64) + u128::from(carry)))
    }

    fn merge(&self, other: &Self) -> Option<Self> {
        let (lower, carry) = self.0.overflowing_add(other.0);
        let upper = self.1.checked_add(other.1)?.checked_add(u128::from(carry))?;
        Some(Self(lower, upper))
    }

    fn number(&self, scale: u8) -> Plain {
        // Sixteen digits at a time, lowest first.
        const PART: u128 = 10_u128.pow(16);
        let Self(lower, upper) = *self;
        let mask = u128::from(u64::MAX);
        let mut words = [upper >> 64, upper & mask, lower >> 64, lower & mask];
        let mut digits = Vec::new();
        while words != [0; 4] {
            let mut rest = 0;
            for word in &mut words {
                let value = rest << 64 | *word;
                (*word, rest) = (value / PART, value % PART);
            }
            for _ in 0..16 {
                digits.push((rest % 10) as u8);
                rest /= 10;
            }
        }
        Plain::of_digits(digits, 2 * usize::from(scale))
    }

    fn join(left: Plain, right: Plain) -> Plain {
        left.add(&right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    /// Sums of squares of values of any size are exact, or refused where they do not fit.
    #[test]
    fn sums_are_exact() {
        let most = 10_i128.pow(36) - 1;
        let values = [0, 1, -7, i128::from(i64::MAX), i128::from(i64::MIN), 1 << 64, -most, most];
        let mut sum: Option<Squares> = None;
        let mut expected = BigInt::from(0);
        for round in 0..1_000 {
            for value in values.map(|value| value - value.signum() * round) {
                let one = Squares::of(value).expect("it fits");
                sum = Some(sum.map_or(one, |sum| sum.merge(&one).expect("it fits")));
                expected += BigInt::from(value) * BigInt::from(value);
                assert_eq!(sum.expect("one").number(0).text(), expected.to_string());
            }
        }
        assert_eq!(Squares::of(12).expect("it fits").number(2).text(), "0.0144");
        let half = Squares(0, 1 << 127);
        assert!(half.merge(&half).is_none());
    }
}

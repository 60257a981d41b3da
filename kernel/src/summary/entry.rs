//! What is kept of one type: its name, count, sum, minimum and maximum, narrow as long as they fit.

use crate::exact::{POWERS, Plain};
use std::sync::Arc;
/// The scale of an entry whose values are wide: larger than any that is added, so that adding one
/// finds no power for the difference.
pub const WIDE: u8 = u8::MAX;

/// One type. 64 bytes, name included if it is short, so that a type costs one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Entry {
    /// The exact sum at `scale`. At most 2^63 values of an `i64` each: it cannot overflow.
    pub sum: i128,
    /// Smallest and largest value at `scale`. If that is `WIDE`, sum and values are at `min` in
    /// `wide`, and the other two rest.
    pub min: i64,
    pub max: i64,
    pub count: u64,
    pub tag: Tag,
}

/// The rest of an entry: its scale, whether all its values are integral (1 or 0), and its name: how
/// long it is and its bytes, filled up with zeros; or `LONG`, and which of `names` it is.
#[derive(Clone, Copy, Debug)]
pub struct Tag(pub [u8; TAG]);

pub const TAG: usize = 24;
pub const SCALE: usize = 0;
pub const INTEGRAL: usize = 1;
pub const LENGTH: usize = 2;
pub const NAME: usize = 3;
pub const SHORT: usize = TAG - NAME;
pub const LONG: u8 = u8::MAX;
/// Where it says which of `names` a long name is.
pub const LONG_AT: usize = 8;
pub const LONG_END: usize = 16;

impl Tag {
    pub fn new(name: [u64; 3]) -> Self {
        let mut tag = Self([0; TAG]);
        for (bytes, word) in tag.0.as_chunks_mut().0.iter_mut().zip(name) {
            *bytes = word.to_le_bytes();
        }
        tag.0[INTEGRAL] = 1;
        tag
    }

    pub fn is_long(&self) -> bool {
        self.0[LENGTH] == LONG
    }

    /// Which of `names` a long name is.
    pub fn long(&self) -> usize {
        self.words()[1] as usize
    }

    pub fn set_long(&mut self, at: usize) {
        self.0[LONG_AT..LONG_END].copy_from_slice(&(at as u64).to_le_bytes());
    }

    pub fn name<'a>(&'a self, names: &'a [Arc<[u8]>]) -> &'a [u8] {
        match self.0[LENGTH] {
            LONG => &names[self.long()],
            length => &self.0[NAME..][..usize::from(length)],
        }
    }

    #[inline(always)]
    pub fn words(&self) -> [u64; 3] {
        words(&self.0)
    }
}

#[inline(always)]
pub fn words(bytes: &[u8; TAG]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// What a type is looked for by.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub hash: u64,
    /// A tag without scale and `integral`. Of a long name, it says no more than that it is one.
    pub name: [u64; 3],
}

/// The bits of a tag that are part of a name of so many bytes.
pub const NAME_BITS: [[u64; 3]; SHORT + 1] = {
    let mut bits = [[0; 3]; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        bits[length] = bits[length - 1];
        let at = NAME + length - 1;
        bits[length][at / 8] |= 0xff << (8 * (at % 8));
        length += 1;
    }
    bits
};

pub const LENGTH_BITS: usize = 8 * LENGTH;

/// The name `block[start..end]` in the form of `Key`.
#[inline(always)]
pub fn name_words(block: &[u8], start: usize, end: usize) -> [u64; 3] {
    let length = end - start;
    let Some(bits) = NAME_BITS.get(length) else {
        return [u64::from(LONG) << LENGTH_BITS, 0, 0];
    };
    let around = start.checked_sub(NAME).and_then(|from| block.get(from..)?.first_chunk());
    let copy;
    let around = match around {
        Some(around) => around,
        None => {
            let mut bytes = [0; TAG];
            bytes[NAME..][..length].copy_from_slice(&block[start..end]);
            copy = bytes;
            &copy
        }
    };
    let [first, second, third] = words(around);
    let first = (first & bits[0]) | ((length as u64) << LENGTH_BITS);
    [first, second & bits[1], third & bits[2]]
}

/// The values of one type at one scale, where an `i64` is too small.
#[derive(Clone, Debug)]
pub struct WideSum {
    pub scale: u8,
    pub sum: i128,
    pub min: i128,
    pub max: i128,
}

/// One of the numbers of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Sum,
    Min,
    Max,
}

impl Entry {
    #[inline(always)]
    pub fn scale(&self) -> u8 {
        self.tag.0[SCALE]
    }

    /// What it holds, as wide sums.
    pub fn narrow_sums(&self) -> Vec<WideSum> {
        if self.count == 0 {
            return Vec::new();
        }
        let (min, max) = (i128::from(self.min), i128::from(self.max));
        vec![WideSum { scale: self.scale(), sum: self.sum, min, max }]
    }

    /// Adds another entry, if both are narrow and can be brought to one scale.
    pub fn merge_narrow(&mut self, other: &mut Self) -> bool {
        if self.scale() == WIDE
            || other.scale() == WIDE
            || !self.raise(other.scale())
            || !other.raise(self.scale())
        {
            return false;
        }
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.tag.0[INTEGRAL] &= other.tag.0[INTEGRAL];
        true
    }

    /// Brings the entry to a scale that is larger than its own. False, and nothing is changed, if
    /// it does not fit.
    pub fn raise(&mut self, scale: u8) -> bool {
        let up = usize::from(scale.saturating_sub(self.scale()));
        let Some(&power) = POWERS.get(up) else {
            return self.count == 0 && {
                self.tag.0[SCALE] = scale;
                true
            };
        };
        if self.count > 0 {
            let (Some(sum), Some(min), Some(max)) = (
                self.sum.checked_mul(i128::from(power)),
                self.min.checked_mul(power),
                self.max.checked_mul(power),
            ) else {
                return false;
            };
            (self.sum, self.min, self.max) = (sum, min, max);
        }
        self.tag.0[SCALE] = self.scale().max(scale);
        true
    }
}

/// Adds to the sum at the same scale. False, and nothing is changed, if it would overflow.
pub fn add_wide(sums: &mut Vec<WideSum>, one: WideSum) -> bool {
    let Some(sum) = sums.iter_mut().find(|sum| sum.scale == one.scale) else {
        sums.push(one);
        return true;
    };
    let Some(total) = sum.sum.checked_add(one.sum) else {
        return false;
    };
    sum.sum = total;
    sum.min = sum.min.min(one.min);
    sum.max = sum.max.max(one.max);
    true
}

/// Sum, minimum or maximum over all scales.
pub fn total(sums: &[WideSum], which: Which) -> String {
    let parts = sums.iter().map(|one| {
        let mantissa = match which {
            Which::Sum => one.sum,
            Which::Min => one.min,
            Which::Max => one.max,
        };
        Plain::new(mantissa, one.scale)
    });
    let total = match which {
        Which::Sum => parts.reduce(|total, part| total.add(&part)),
        Which::Min => parts.min_by(Plain::compare),
        Which::Max => parts.max_by(Plain::compare),
    };
    total.expect("a wide type has at least one sum").text()
}

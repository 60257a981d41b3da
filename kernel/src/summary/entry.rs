//! What is kept of one type: its name, its count, and the states of the aggregates, narrow as long as they fit.

use super::aggregates::{Narrow, States};
use crate::exact::POWERS;
use std::sync::Arc;
/// The scale of an entry whose values are wide: larger than any that is added, so that adding one
/// finds no power for the difference.
pub const WIDE: u8 = u8::MAX;

/// One type. 64 bytes, name included if it is short, so that a type costs one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Entry {
    /// The states at `scale`. If that is `WIDE`, they are in `wide`, and this says where.
    pub narrow: Narrow,
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

impl Entry {
    #[inline(always)]
    pub fn scale(&self) -> u8 {
        self.tag.0[SCALE]
    }

    /// What it holds, as wide states.
    pub fn widened(&self) -> Vec<States> {
        if self.count == 0 {
            return Vec::new();
        }
        vec![self.narrow.widened(self.scale())]
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
        self.narrow.merge(other.narrow);
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
            let Some(narrow) = self.narrow.scaled(power) else {
                return false;
            };
            self.narrow = narrow;
        }
        self.tag.0[SCALE] = self.scale().max(scale);
        true
    }
}

/// Adds to the states at the same scale. False, and nothing is changed, if one of them would overflow.
pub fn add_wide(states: &mut Vec<States>, one: States) -> bool {
    let Some(own) = states.iter_mut().find(|own| own.scale == one.scale) else {
        states.push(one);
        return true;
    };
    let Some(merged) = own.merge(&one) else {
        return false;
    };
    *own = merged;
    true
}

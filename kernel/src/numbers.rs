//! A hash table from 64 bits to a number, for what input may bring in any number and shape.
//!
//! Open addressing, at most half of the slots taken. The hash is the top of a product with a random factor, so keys that
//! collide cannot be prepared: with a known one, 60,000 pairs of type and hour made a run 120 times slower.

use crate::memory;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// No number is as large.
const NONE: u32 = u32::MAX;
const EMPTY: [u32; 3] = [0, 0, NONE];

#[inline(always)]
fn halves(key: u64) -> [u32; 2] {
    [key as u32, (key >> 32) as u32]
}

#[derive(Clone, Debug)]
pub struct Numbers {
    factor: u64,
    /// The bits of a product that are below those of a slot.
    shift: u32,
    /// The halves of a key, and its number.
    slots: Vec<[u32; 3]>,
    count: usize,
}

impl Default for Numbers {
    fn default() -> Self {
        let factor = RandomState::new().hash_one(0) | 1;
        Self { factor, shift: 58, slots: vec![EMPTY; 64], count: 0 }
    }
}

impl Numbers {
    /// The slot of a key, which has no number if it is new.
    #[inline(always)]
    fn slot(&self, key: u64) -> usize {
        let [low, high] = halves(key);
        let mut at = (key.wrapping_mul(self.factor) >> self.shift) as usize;
        loop {
            let [own_low, own_high, number] = self.slots[at];
            if ((own_low ^ low) | (own_high ^ high)) == 0 || number == NONE {
                return at;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline(always)]
    pub fn get(&self, key: u64) -> Option<u32> {
        let number = self.slots[self.slot(key)][2];
        (number != NONE).then_some(number)
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Takes up a key that is new.
    #[cold]
    #[inline(never)]
    pub fn insert(&mut self, key: u64, number: u32) {
        self.count += 1;
        if self.count * 2 > self.slots.len() {
            let length = self.slots.len() * 4;
            self.shift -= 2;
            for [low, high, number] in
                std::mem::replace(&mut self.slots, memory::filled(EMPTY, length))
            {
                if number != NONE {
                    self.put(u64::from(high) << 32 | u64::from(low), number);
                }
            }
        }
        self.put(key, number);
    }

    fn put(&mut self, key: u64, number: u32) {
        let (at, [low, high]) = (self.slot(key), halves(key));
        self.slots[at] = [low, high, number];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key has its own number, and others have none, whatever the keys have in common.
    #[test]
    fn keys_are_told_apart() {
        for step in [1, 3_600, 1 << 32, 0x9e37_79b9_7f4a_7c15] {
            let mut numbers = Numbers::default();
            let key = |at: u32| u64::from(at).wrapping_mul(step);
            for at in 0..5_000 {
                assert_eq!(numbers.get(key(at)), None);
                numbers.insert(key(at), at);
            }
            assert!((0..5_000).all(|at| numbers.get(key(at)) == Some(at)), "{step}");
        }
    }
}

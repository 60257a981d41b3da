//! The state of the fold: for each type how many values there were, their sum, minimum and maximum.
//!
//! Finds types by name and adds values to them. It knows nothing of lines and of JSON; names come
//! to it as UTF-8 with escapes already decoded.

use crate::exact::{self, Exact, Number, POWERS, Plain};
use crate::wide::Wide;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;

/// How many types are looked up at a time in a merge.
const MOST_AHEAD: usize = 64;

/// Where a type stands in the table.
pub type Place = u32;

/// The scale of an entry whose values are wide: larger than any that is added, so that adding one
/// finds no power for the difference.
const WIDE: u8 = u8::MAX;

/// One type. 64 bytes, name included if it is short, so that a type costs one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Entry {
    /// The exact sum at `scale`. At most 2^63 values of an `i64` each: it cannot overflow.
    sum: i128,
    /// Smallest and largest value at `scale`. If that is `WIDE`, sum and values are at `min` in
    /// `wide`, and the other two rest.
    min: i64,
    max: i64,
    count: u64,
    tag: Tag,
}

/// The rest of an entry: its scale, whether all its values are integral (1 or 0), and its name: how
/// long it is and its bytes, filled up with zeros; or `LONG`, and where it is in `names`.
#[derive(Clone, Copy, Debug)]
struct Tag([u8; TAG]);

const TAG: usize = 24;
const SCALE: usize = 0;
const INTEGRAL: usize = 1;
const LENGTH: usize = 2;
const NAME: usize = 3;
const SHORT: usize = TAG - NAME;
const LONG: u8 = u8::MAX;
/// Where a long name begins, and how long it is.
const LONG_AT: usize = 8;
const LONG_LENGTH: usize = 16;

impl Tag {
    fn new(name: [u64; 3]) -> Self {
        let mut tag = Self([0; TAG]);
        for (bytes, word) in tag.0.as_chunks_mut().0.iter_mut().zip(name) {
            *bytes = word.to_le_bytes();
        }
        tag.0[INTEGRAL] = 1;
        tag
    }

    fn is_long(&self) -> bool {
        self.0[LENGTH] == LONG
    }

    /// Where in `names` a long name is.
    fn long(&self) -> Range<usize> {
        let [_, at, length] = self.words().map(|word| word as usize);
        at..at + length
    }

    fn set_long(&mut self, at: usize, length: usize) {
        self.0[LONG_AT..LONG_LENGTH].copy_from_slice(&(at as u64).to_le_bytes());
        self.0[LONG_LENGTH..].copy_from_slice(&(length as u64).to_le_bytes());
    }

    fn name<'a>(&'a self, names: &'a [u8]) -> &'a [u8] {
        match self.0[LENGTH] {
            LONG => &names[self.long()],
            length => &self.0[NAME..][..usize::from(length)],
        }
    }

    #[inline(always)]
    fn words(&self) -> [u64; 3] {
        words(&self.0)
    }
}

#[inline(always)]
fn words(bytes: &[u8; TAG]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// What a type is looked for by.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    hash: u64,
    /// A tag without scale and `integral`. Of a long name, it says no more than that it is one.
    name: [u64; 3],
}

/// The bits of a tag that are part of a name of so many bytes.
const NAME_BITS: [[u64; 3]; SHORT + 1] = {
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

const LENGTH_BITS: usize = 8 * LENGTH;

/// The name `block[start..end]` in the form of `Key`.
#[inline(always)]
fn name_words(block: &[u8], start: usize, end: usize) -> [u64; 3] {
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
struct WideSum {
    scale: u8,
    sum: i128,
    min: i128,
    max: i128,
}

/// One of the numbers of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Sum,
    Min,
    Max,
}

/// A type as it is given out, with its numbers as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStats {
    pub name: String,
    pub count: u64,
    pub integral: bool,
    pub sum: String,
    pub min: String,
    pub max: String,
}

/// The types, in a hash table with open addressing.
///
/// A slot holds the upper half of the hash of a name and the place of its entry plus one, so that
/// most comparisons end in the slot. The hash is seeded at random: names that collide cannot be
/// prepared. At most half of the slots are taken.
#[derive(Debug)]
pub struct Summary {
    hasher: RandomState,
    slots: Vec<u64>,
    entries: Vec<Entry>,
    names: Vec<u8>,
    wide: Vec<Vec<WideSum>>,
    /// Types that were not asked for are not kept.
    only_wanted: bool,
}

impl Summary {
    pub fn new(wanted: Option<&[String]>) -> Self {
        let mut summary = Self {
            hasher: RandomState::default(),
            slots: vec![0; 64],
            entries: Vec::new(),
            names: Vec::new(),
            wide: Vec::new(),
            only_wanted: false,
        };
        for name in wanted.unwrap_or_default() {
            let key = summary.key(name.as_bytes(), 0, name.len());
            summary.place(&key, name.as_bytes());
        }
        summary.only_wanted = wanted.is_some();
        summary
    }

    /// The key of the name `block[start..end]`.
    #[inline(always)]
    pub fn key(&self, block: &[u8], start: usize, end: usize) -> Key {
        let hash = self.hasher.hash_one(&block[start..end]);
        Key { hash, name: name_words(block, start, end) }
    }

    /// Asks for the slot that `place` will read.
    #[inline(always)]
    pub fn prefetch_slot<W: Wide>(&self, wide: W, key: &Key) {
        wide.prefetch(&self.slots[self.first_slot(key.hash)]);
    }

    /// Asks for the entry that `place` will read; the slot should be near by now.
    #[inline(always)]
    pub fn prefetch_entry<W: Wide>(&self, wide: W, key: &Key) {
        let mut at = self.first_slot(key.hash);
        // One more type with the same upper half of its hash is too rare to matter.
        while self.slots[at] != 0 && self.slots[at] >> 32 != key.hash >> 32 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        if let Some(entry) = self.entries.get((self.slots[at] as u32).wrapping_sub(1) as usize) {
            wide.prefetch(entry);
        }
    }

    #[inline(always)]
    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// The place of the type that has this key and name, new if there is none; None if it is not
    /// wanted or the table is full.
    #[inline]
    pub fn place(&mut self, key: &Key, name: &[u8]) -> Option<Place> {
        let mut at = self.first_slot(key.hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.insert(key, name, at);
            }
            if slot >> 32 == key.hash >> 32 {
                let place = (slot as u32) - 1;
                let known = &self.entries[place as usize].tag;
                let [first, second, third] = known.words();
                let is_same = if key.name[0] == u64::from(LONG) << LENGTH_BITS {
                    known.is_long() && self.names[known.long()] == *name
                } else {
                    ((first ^ key.name[0]) >> LENGTH_BITS)
                        | (second ^ key.name[1])
                        | (third ^ key.name[2])
                        == 0
                };
                if is_same {
                    return Some(place);
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[cold]
    fn insert(&mut self, key: &Key, text: &[u8], at: usize) -> Option<Place> {
        if self.only_wanted {
            return None;
        }
        let place = u32::try_from(self.entries.len()).ok().filter(|&place| place < u32::MAX - 1)?;
        self.slots[at] = (key.hash >> 32 << 32) | u64::from(place + 1);
        let mut tag = Tag::new(key.name);
        if tag.is_long() {
            tag.set_long(self.names.len(), text.len());
            self.names.extend_from_slice(text);
        }
        self.entries.push(Entry { sum: 0, min: i64::MAX, max: i64::MIN, count: 0, tag });
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(place)
    }

    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 4];
        for (place, entry) in self.entries.iter().enumerate() {
            let hash = self.hasher.hash_one(entry.tag.name(&self.names));
            let mut at = hash as usize & (slots.len() - 1);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = (hash >> 32 << 32) | (place as u64 + 1);
        }
        self.slots = slots;
    }

    /// How many types are kept.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether types that were not asked for are left out.
    pub fn is_only_wanted(&self) -> bool {
        self.only_wanted
    }

    /// Adds a value to a type. False, and nothing is changed, if a sum would overflow.
    #[inline(always)]
    pub fn add(&mut self, place: Place, value: Number) -> bool {
        let entry = &mut self.entries[place as usize];
        // A value at a smaller scale is brought to that of the entry; the difference wraps to a
        // large number where the value has the larger one.
        let up = usize::from(entry.scale().wrapping_sub(value.scale));
        if let Some(&power) = POWERS.get(up)
            && let Some(scaled) = value.mantissa.checked_mul(power)
        {
            entry.sum += i128::from(scaled);
            entry.min = entry.min.min(scaled);
            entry.max = entry.max.max(scaled);
            entry.count += 1;
            entry.tag.0[INTEGRAL] &= u8::from(value.integral);
            true
        } else {
            self.add_long(place, value.into())
        }
    }

    /// Adds a value of any size.
    #[inline(always)]
    pub fn add_any(&mut self, place: Place, value: Exact) -> bool {
        let Exact { scale, integral, .. } = value;
        match i64::try_from(value.mantissa) {
            Ok(mantissa) => self.add(place, Number { mantissa, scale, integral }),
            Err(_) => self.add_long(place, value),
        }
    }

    /// `add` for any value, and for an entry that needs a larger scale or wide sums.
    #[inline(never)]
    pub fn add_long(&mut self, place: Place, value: Exact) -> bool {
        let entry = &mut self.entries[place as usize];
        if entry.scale() != WIDE
            && let Ok(mantissa) = i64::try_from(value.mantissa)
            && (value.scale <= entry.scale() || entry.raise(value.scale))
        {
            let scale = entry.scale();
            let up = usize::from(scale - value.scale);
            let scaled = POWERS.get(up).and_then(|power| mantissa.checked_mul(*power));
            if let Some(mantissa) = scaled {
                // At the scale of the entry: this does not come back here.
                return self.add(place, Number { mantissa, scale, integral: value.integral });
            }
        }
        let one = WideSum {
            scale: value.scale,
            sum: value.mantissa,
            min: value.mantissa,
            max: value.mantissa,
        };
        if !add_wide(self.wide_sums(place), one) {
            return false;
        }
        let entry = &mut self.entries[place as usize];
        entry.count += 1;
        entry.tag.0[INTEGRAL] &= u8::from(value.integral);
        true
    }

    /// The wide sums of an entry, which it has from now on.
    fn wide_sums(&mut self, place: Place) -> &mut Vec<WideSum> {
        let entry = &mut self.entries[place as usize];
        if entry.scale() != WIDE {
            let sums = entry.narrow_sums();
            (entry.min, entry.tag.0[SCALE]) = (self.wide.len() as i64, WIDE);
            self.wide.push(sums);
        }
        &mut self.wide[entry.min as usize]
    }

    /// Adds the state of another summary, which is left empty.
    pub fn merge<W: Wide>(&mut self, wide: W, other: &mut Self) {
        let only_wanted = std::mem::replace(&mut self.only_wanted, false);
        let mut keys = Vec::with_capacity(MOST_AHEAD);
        for entries in other.entries.chunks_mut(MOST_AHEAD) {
            keys.clear();
            for entry in &*entries {
                let name = entry.tag.name(&other.names);
                let key = self.key(name, 0, name.len());
                self.prefetch_slot(wide, &key);
                keys.push(key);
            }
            for key in &keys {
                self.prefetch_entry(wide, key);
            }
            for (entry, key) in entries.iter_mut().zip(&keys).filter(|(entry, _)| entry.count > 0) {
                let name = entry.tag.name(&other.names);
                let place = self.place(key, name).expect("fewer than 2^32 types in all");
                if self.entries[place as usize].merge_narrow(entry) {
                    continue;
                }
                let sums = if entry.scale() == WIDE {
                    std::mem::take(&mut other.wide[entry.min as usize])
                } else {
                    entry.narrow_sums()
                };
                let own = self.wide_sums(place);
                for one in sums {
                    if !add_wide(own, one.clone()) {
                        // A second sum at the same scale: joined with the first when the types are
                        // given out.
                        own.push(one);
                    }
                }
                let own = &mut self.entries[place as usize];
                own.count += entry.count;
                own.tag.0[INTEGRAL] &= entry.tag.0[INTEGRAL];
            }
        }
        self.only_wanted = only_wanted;
        other.clear();
    }

    /// Forgets all values, and all types but those asked for.
    fn clear(&mut self) {
        if self.only_wanted {
            self.wide.clear();
            for entry in &mut self.entries {
                (entry.sum, entry.min, entry.max, entry.count) = (0, i64::MAX, i64::MIN, 0);
                (entry.tag.0[SCALE], entry.tag.0[INTEGRAL]) = (0, 1);
            }
        } else {
            *self = Self::new(None);
        }
    }

    /// The types that have values, in the order of their UTF-8 bytes.
    pub fn types(&self) -> Types {
        let name = |place: Place| self.entries[place as usize].tag.name(&self.names);
        // Most names differ in their first bytes, which are compared without going to the name.
        let mut order: Vec<(u128, Place)> = (0..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.count > 0)
            .map(|(place, entry)| (first_bytes(entry.tag.name(&self.names)), place))
            .collect();
        order.sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| name(left.1).cmp(name(right.1)))
        });
        let mut types = Types {
            entries: Vec::with_capacity(order.len()),
            names: Vec::with_capacity(self.names.len()),
            wide: Vec::new(),
        };
        for (_, place) in order {
            let mut entry = self.entries[place as usize].clone();
            if entry.tag.is_long() {
                let name = &self.names[entry.tag.long()];
                entry.tag.set_long(types.names.len(), name.len());
                types.names.extend_from_slice(name);
            }
            if entry.scale() == WIDE {
                let sums = self.wide[entry.min as usize].clone();
                entry.min = types.wide.len() as i64;
                types.wide.push(sums);
            }
            types.entries.push(entry);
        }
        types
    }
}

/// The first sixteen bytes of a name, as a number that has their order; zeros fill it up.
fn first_bytes(name: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = name.len().min(16);
    first[..length].copy_from_slice(&name[..length]);
    u128::from_be_bytes(first)
}

/// Types as they are given out, each by its index. Numbers become text only where it is asked for:
/// among very many types that takes longer than to fold them.
#[derive(Debug, Default)]
pub struct Types {
    entries: Vec<Entry>,
    names: Vec<u8>,
    wide: Vec<Vec<WideSum>>,
}

impl Types {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn name(&self, index: usize) -> &str {
        let name = self.entries[index].tag.name(&self.names);
        str::from_utf8(name).expect("names are valid UTF-8")
    }

    pub fn count(&self, index: usize) -> u64 {
        self.entries[index].count
    }

    pub fn integral(&self, index: usize) -> bool {
        self.entries[index].tag.0[INTEGRAL] == 1
    }

    /// Appends the number in plain decimal notation: where all values were integral, without a
    /// point; else with one, and no more zeros at the end than one right behind it.
    pub fn write(&self, index: usize, which: Which, text: &mut String) {
        let entry = &self.entries[index];
        let from = text.len();
        if entry.scale() == WIDE {
            text.push_str(&total(&self.wide[entry.min as usize], which));
        } else {
            let mantissa = match which {
                Which::Sum => entry.sum,
                Which::Min => i128::from(entry.min),
                Which::Max => i128::from(entry.max),
            };
            exact::write(mantissa, entry.scale(), text);
        }
        if entry.tag.0[INTEGRAL] == 1 {
            return;
        }
        if text[from..].contains('.') {
            text.truncate(text.trim_end_matches('0').len());
            if text.ends_with('.') {
                text.push('0');
            }
        } else {
            text.push_str(".0");
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = TypeStats> {
        let text = |index, which| {
            let mut text = String::new();
            self.write(index, which, &mut text);
            text
        };
        (0..self.len()).map(move |index| TypeStats {
            name: self.name(index).to_owned(),
            count: self.count(index),
            integral: self.integral(index),
            sum: text(index, Which::Sum),
            min: text(index, Which::Min),
            max: text(index, Which::Max),
        })
    }
}

impl Entry {
    #[inline(always)]
    fn scale(&self) -> u8 {
        self.tag.0[SCALE]
    }

    /// What it holds, as wide sums.
    fn narrow_sums(&self) -> Vec<WideSum> {
        if self.count == 0 {
            return Vec::new();
        }
        let (min, max) = (i128::from(self.min), i128::from(self.max));
        vec![WideSum { scale: self.scale(), sum: self.sum, min, max }]
    }

    /// Adds another entry, if both are narrow and can be brought to one scale.
    fn merge_narrow(&mut self, other: &mut Self) -> bool {
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
    fn raise(&mut self, scale: u8) -> bool {
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
fn add_wide(sums: &mut Vec<WideSum>, one: WideSum) -> bool {
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
fn total(sums: &[WideSum], which: Which) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    /// What became of a value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Added {
        Accepted,
        /// The type was not asked for.
        Filtered,
        /// A sum would overflow.
        Refused,
    }

    fn add(summary: &mut Summary, name: &str, value: Exact) -> Added {
        let key = summary.key(name.as_bytes(), 0, name.len());
        match summary.place(&key, name.as_bytes()) {
            Some(place) if summary.add_long(place, value) => Added::Accepted,
            Some(_) => Added::Refused,
            None => Added::Filtered,
        }
    }

    fn exact(mantissa: i128, scale: u8) -> Exact {
        Exact { mantissa, scale, integral: scale == 0 }
    }

    fn shown(summary: &Summary) -> Vec<String> {
        let show = |one: TypeStats| {
            format!(
                "{} {} {} {} {} {}",
                one.name, one.count, one.integral, one.sum, one.min, one.max
            )
        };
        summary.types().iter().map(show).collect()
    }

    /// Values of any scale and size add up exactly, in either order of merging.
    #[test]
    fn sums() {
        let values = [
            exact(1, 0),
            exact(-5, 2),
            exact(10_i128.pow(35), 0),
            exact(7, 60),
            exact(i128::from(i64::MAX), 0),
        ];
        let mut whole = Summary::new(None);
        let mut joined = Summary::new(None);
        for value in values {
            assert_eq!(add(&mut whole, "a", value), Added::Accepted);
            let mut part = Summary::new(None);
            add(&mut part, "a", value);
            joined.merge(Portable, &mut part);
            assert!(part.types().is_empty());
        }
        let sum = format!("{}{}.95{}7", "1", "00000000000000009223372036854775807", "0".repeat(57));
        let expected = format!("a 5 false {sum} -0.05 1{}.0", "0".repeat(35));
        assert_eq!(shown(&joined), std::slice::from_ref(&expected));
        assert_eq!(shown(&whole), [expected]);
    }

    /// A value at a smaller scale than the sum, too large to be brought up to it, is still exact.
    #[test]
    fn scales_far_apart() {
        let mut summary = Summary::new(None);
        for value in [exact(1, 18), exact(i128::from(i64::MAX), 0), exact(1, 40), exact(0, 0)] {
            assert_eq!(add(&mut summary, "a", value), Added::Accepted);
        }
        let sum = "9223372036854775807.0000000000000000010000000000000000000001";
        assert_eq!(shown(&summary), [format!("a 4 false {sum} 0.0 9223372036854775807.0")]);
    }

    /// A sum that would overflow is refused and changes nothing.
    #[test]
    fn refused() {
        let mut summary = Summary::new(None);
        assert_eq!(add(&mut summary, "a", exact(i128::MAX, 0)), Added::Accepted);
        let before = shown(&summary);
        assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Refused);
        assert_eq!(shown(&summary), before);
    }

    /// Only wanted types have a place, before and after a merge and once emptied.
    #[test]
    fn wanted() {
        let mut summary = Summary::new(Some(&["b".to_owned(), "a".to_owned()]));
        assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Accepted);
        assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
        assert_eq!(shown(&summary), ["a 1 true 1 1 1"]);
        let mut other = Summary::new(Some(&["a".to_owned(), "b".to_owned()]));
        other.merge(Portable, &mut summary);
        assert_eq!(shown(&other), ["a 1 true 1 1 1"]);
        assert_eq!(shown(&summary), [""; 0]);
        assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
        assert_eq!(add(&mut summary, "b", exact(2, 0)), Added::Accepted);
        assert_eq!(shown(&summary), ["b 1 true 2 2 2"]);
    }

    /// Types are told apart and given out in the order of their code points.
    #[test]
    fn order() {
        let mut summary = Summary::new(None);
        let mut names: Vec<String> =
            (0..5_000).map(|at| format!("{}{at}", if at % 2 == 0 { "é" } else { "z" })).collect();
        for name in &names {
            add(&mut summary, name, exact(1, 0));
        }
        names.sort_by(|left, right| left.chars().cmp(right.chars()));
        assert!(summary.types().iter().map(|one| one.name).eq(names));
    }
}

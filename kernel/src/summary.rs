//! The state of the fold: for each type how many values there were, their sum, minimum and maximum.
//!
//! Finds types by name and adds values to them. It knows nothing of lines and of JSON; names come
//! to it as UTF-8 with escapes already decoded.

use crate::exact::{self, Exact, Number, POWERS, Plain};
use crate::wide::Wide;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Where a type stands in the table.
pub type Place = u32;

const NO_WIDE: u32 = u32::MAX;

/// One type. 64 bytes, so that a type costs one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Entry {
    /// The exact sum at `scale`. At most 2^63 values of an `i64` each: it cannot overflow.
    sum: i128,
    /// Smallest and largest value at `scale`.
    min: i64,
    max: i64,
    count: u64,
    /// The name is `names[name_at..][..name_length]`.
    name_at: usize,
    name_length: u32,
    /// Where in `wide` the values are, once one did not fit here; the fields above then rest.
    wide: u32,
    scale: u8,
    integral: bool,
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
            let hash = summary.hash(name.as_bytes());
            summary.place(name.as_bytes(), hash);
        }
        summary.only_wanted = wanted.is_some();
        summary
    }

    /// The hash of a name, for `place`.
    #[inline(always)]
    pub fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }

    /// Asks for the slot that `place` will read.
    #[inline(always)]
    pub fn prefetch_slot<W: Wide>(&self, wide: W, hash: u64) {
        wide.prefetch(&self.slots[self.first_slot(hash)]);
    }

    /// Asks for the entry that `place` will read; the slot should be near by now.
    #[inline(always)]
    pub fn prefetch_entry<W: Wide>(&self, wide: W, hash: u64) {
        if let Some(entry) = self.likely_entry(hash) {
            wide.prefetch(entry);
        }
    }

    /// Asks for the name that `place` will read; the entry should be near by now.
    #[inline(always)]
    pub fn prefetch_name<W: Wide>(&self, wide: W, hash: u64) {
        if let Some(entry) = self.likely_entry(hash)
            && let Some(name) = self.names.get(entry.name_at)
        {
            wide.prefetch(name);
        }
    }

    #[inline(always)]
    fn likely_entry(&self, hash: u64) -> Option<&Entry> {
        let slot = self.slots[self.first_slot(hash)];
        self.entries.get((slot as u32).wrapping_sub(1) as usize)
    }

    #[inline(always)]
    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// The place of a type, new if there is none; None if it is not wanted or the table is full.
    #[inline]
    pub fn place(&mut self, name: &[u8], hash: u64) -> Option<Place> {
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.insert(name, hash, at);
            }
            if slot >> 32 == hash >> 32 {
                let place = (slot as u32) - 1;
                let entry = &self.entries[place as usize];
                if self.names[entry.name_at..][..entry.name_length as usize] == *name {
                    return Some(place);
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[cold]
    fn insert(&mut self, name: &[u8], hash: u64, at: usize) -> Option<Place> {
        if self.only_wanted {
            return None;
        }
        let name_length = u32::try_from(name.len()).ok()?;
        let place = u32::try_from(self.entries.len()).ok().filter(|&place| place < u32::MAX - 1)?;
        self.slots[at] = (hash >> 32 << 32) | u64::from(place + 1);
        self.entries.push(Entry {
            sum: 0,
            min: i64::MAX,
            max: i64::MIN,
            count: 0,
            name_at: self.names.len(),
            name_length,
            wide: NO_WIDE,
            scale: 0,
            integral: true,
        });
        self.names.extend_from_slice(name);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(place)
    }

    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 4];
        for (place, entry) in self.entries.iter().enumerate() {
            let hash =
                self.hasher.hash_one(&self.names[entry.name_at..][..entry.name_length as usize]);
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
        let up = usize::from(entry.scale.wrapping_sub(value.scale));
        if let Some(&power) = POWERS.get(up)
            && let Some(scaled) = value.mantissa.checked_mul(power)
            && entry.wide == NO_WIDE
        {
            entry.sum += i128::from(scaled);
            entry.min = entry.min.min(scaled);
            entry.max = entry.max.max(scaled);
            entry.count += 1;
            entry.integral &= value.integral;
            true
        } else {
            self.add_long(place, value.into())
        }
    }

    /// `add` for any value, and for an entry that needs a larger scale or wide sums.
    #[inline(never)]
    pub fn add_long(&mut self, place: Place, value: Exact) -> bool {
        let entry = &mut self.entries[place as usize];
        if entry.wide == NO_WIDE {
            if let Ok(mantissa) = i64::try_from(value.mantissa)
                && (value.scale <= entry.scale || entry.raise(value.scale))
            {
                let up = usize::from(entry.scale - value.scale);
                let scaled = POWERS.get(up).and_then(|power| mantissa.checked_mul(*power));
                if let Some(mantissa) = scaled {
                    let Exact { integral, .. } = value;
                    // At the scale of the entry: this does not come back here.
                    return self.add(
                        place,
                        Number { mantissa, scale: self.entries[place as usize].scale, integral },
                    );
                }
            }
            entry.wide = self.wide.len() as u32;
            self.wide.push(if entry.count == 0 {
                Vec::new()
            } else {
                vec![WideSum {
                    scale: entry.scale,
                    sum: entry.sum,
                    min: i128::from(entry.min),
                    max: i128::from(entry.max),
                }]
            });
        }
        let sums = &mut self.wide[entry.wide as usize];
        let one = WideSum {
            scale: value.scale,
            sum: value.mantissa,
            min: value.mantissa,
            max: value.mantissa,
        };
        if !add_wide(sums, one) {
            return false;
        }
        entry.count += 1;
        entry.integral &= value.integral;
        true
    }

    /// Adds the state of another summary, which is left empty.
    pub fn merge(&mut self, other: &mut Self) {
        let only_wanted = std::mem::replace(&mut self.only_wanted, false);
        for entry in &mut other.entries {
            if entry.count == 0 {
                continue;
            }
            let name = &other.names[entry.name_at..][..entry.name_length as usize];
            let hash = self.hash(name);
            let place = self.place(name, hash).expect("fewer than 2^32 types in all");
            let sums = match other.wide.get_mut(entry.wide as usize) {
                Some(sums) => std::mem::take(sums),
                None => {
                    if self.merge_narrow(place, entry) {
                        continue;
                    }
                    vec![WideSum {
                        scale: entry.scale,
                        sum: entry.sum,
                        min: i128::from(entry.min),
                        max: i128::from(entry.max),
                    }]
                }
            };
            self.merge_wide(place, sums);
            let own = &mut self.entries[place as usize];
            own.count += entry.count;
            own.integral &= entry.integral;
        }
        self.only_wanted = only_wanted;
        other.clear();
    }

    /// Adds one narrow entry to another, if both can be brought to one scale.
    fn merge_narrow(&mut self, place: Place, entry: &mut Entry) -> bool {
        let own = &mut self.entries[place as usize];
        if own.wide != NO_WIDE || !own.raise(entry.scale) || !entry.raise(own.scale) {
            return false;
        }
        own.sum += entry.sum;
        own.min = own.min.min(entry.min);
        own.max = own.max.max(entry.max);
        own.count += entry.count;
        own.integral &= entry.integral;
        true
    }

    fn merge_wide(&mut self, place: Place, sums: Vec<WideSum>) {
        let own = &mut self.entries[place as usize];
        if own.wide == NO_WIDE {
            own.wide = self.wide.len() as u32;
            self.wide.push(if own.count == 0 {
                Vec::new()
            } else {
                vec![WideSum {
                    scale: own.scale,
                    sum: own.sum,
                    min: i128::from(own.min),
                    max: i128::from(own.max),
                }]
            });
        }
        let wide = &mut self.wide[own.wide as usize];
        for one in sums {
            if !add_wide(wide, one.clone()) {
                // A second sum at the same scale: joined with the first when the types are given out.
                wide.push(one);
            }
        }
    }

    /// Forgets all values, and all types but those asked for.
    fn clear(&mut self) {
        if self.only_wanted {
            self.wide.clear();
            for entry in &mut self.entries {
                (entry.sum, entry.min, entry.max, entry.count) = (0, i64::MAX, i64::MIN, 0);
                (entry.wide, entry.scale, entry.integral) = (NO_WIDE, 0, true);
            }
        } else {
            *self = Self::new(None);
        }
    }

    /// The types that have values, in the order of their UTF-8 bytes.
    pub fn types(&self) -> Types {
        let name = |entry: &Entry| &self.names[entry.name_at..][..entry.name_length as usize];
        // Most names differ in their first bytes, which are compared without going to the name.
        let mut order: Vec<(u128, Place)> = (0..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.count > 0)
            .map(|(place, entry)| (first_bytes(name(entry)), place))
            .collect();
        order.sort_unstable_by(|left, right| {
            let name = |place: Place| name(&self.entries[place as usize]);
            left.0.cmp(&right.0).then_with(|| name(left.1).cmp(name(right.1)))
        });
        let mut types = Types {
            entries: Vec::with_capacity(order.len()),
            names: String::with_capacity(self.names.len()),
            wide: Vec::new(),
        };
        for (_, place) in order {
            let mut entry = self.entries[place as usize].clone();
            let name = str::from_utf8(name(&entry)).expect("names are valid UTF-8");
            entry.name_at = types.names.len();
            types.names.push_str(name);
            if let Some(sums) = self.wide.get(entry.wide as usize) {
                entry.wide = types.wide.len() as u32;
                types.wide.push(sums.clone());
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
    names: String,
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
        let entry = &self.entries[index];
        &self.names[entry.name_at..][..entry.name_length as usize]
    }

    pub fn count(&self, index: usize) -> u64 {
        self.entries[index].count
    }

    pub fn integral(&self, index: usize) -> bool {
        self.entries[index].integral
    }

    /// Appends the number in plain decimal notation: where all values were integral, without a
    /// point; else with one, and no more zeros at the end than one right behind it.
    pub fn write(&self, index: usize, which: Which, text: &mut String) {
        let entry = &self.entries[index];
        let from = text.len();
        match self.wide.get(entry.wide as usize) {
            Some(sums) => text.push_str(&total(sums, which)),
            None => {
                let mantissa = match which {
                    Which::Sum => entry.sum,
                    Which::Min => i128::from(entry.min),
                    Which::Max => i128::from(entry.max),
                };
                exact::write(mantissa, entry.scale, text);
            }
        }
        if entry.integral {
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
    /// Brings the entry to a scale that is larger than its own. False, and nothing is changed, if
    /// it does not fit.
    fn raise(&mut self, scale: u8) -> bool {
        let up = usize::from(scale.saturating_sub(self.scale));
        let Some(&power) = POWERS.get(up) else {
            return self.count == 0 && {
                self.scale = scale;
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
        self.scale = self.scale.max(scale);
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
        let hash = summary.hash(name.as_bytes());
        match summary.place(name.as_bytes(), hash) {
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
            joined.merge(&mut part);
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
        other.merge(&mut summary);
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

//! The state of the fold: for each type how many values there were, and what `aggregates` keep of them;
//! for all of them, or for each bucket of time.
//!
//! Finds types by name and adds values to them. It knows nothing of lines and of JSON; names come
//! to it as UTF-8 with escapes already decoded, buckets as numbers.
//!
//! Only so many types have a row of their own, those that are first in the order of their names; the
//! others add up in one row. Keeping the first, and not those that come first, makes the answer
//! independent of the order of lines and of merges: a type that is among the first of all is among
//! the first of any part. Their names have so many bytes, too: a type has a row as long as those
//! before it have fewer. What one part moves to the others is then after enough bytes in every whole.

mod aggregates;
mod cells;
mod entry;
mod merge;
mod table;

pub use aggregates::{Optional, TypeStats, Which};
pub use entry::Key;
pub use table::{Column, Table, Types};

use crate::exact::{Exact, Number, POWERS};
use crate::memory;
use crate::moment::{Bucket, NO_BUCKET};
use crate::wide::Wide;
use aggregates::{Narrow, States};
use cells::Cells;
use entry::{Entry, INTEGRAL, LENGTH_BITS, LONG, SCALE, Tag, WIDE, add_wide, name_words};
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Where a type is in the table.
pub type Place = u32;

/// The types, in a hash table with open addressing.
///
/// A slot holds the upper half of the hash of a name and the place of its entry plus one, so that
/// most comparisons end in the slot. The hash is seeded at random: names that collide cannot be
/// prepared. At most half of the slots are taken.
#[derive(Clone, Debug)]
pub struct Summary {
    hasher: RandomState,
    slots: Vec<u64>,
    /// The types, and the cells: what a type has in a bucket. A cell has the name of its type, but
    /// is not to be found by it.
    entries: Vec<Entry>,
    /// Shared with whatever the types are merged into and given out as: there can be gigabytes of them.
    names: Vec<Arc<[u8]>>,
    wide: Vec<Vec<States>>,
    /// Entries of a query that asks for any of these are wide from the start: adding a narrow value is
    /// the innermost loop, and knows nothing of them.
    optional: Optional,
    /// How many of the entries are types that can be found.
    count: usize,
    cells: Cells,
    /// Types that were not asked for are not kept.
    only_wanted: bool,
    /// How many types have a row of their own, in the end: that many, and as long as the names before
    /// them have fewer bytes.
    most: Most,
    /// The bytes of the names of all types that can be found, and how many are too many.
    name_bytes: usize,
    too_many_bytes: usize,
    /// Types with this name or a later one are not among them.
    beyond: Option<Vec<u8>>,
    /// The entry of all those types. It has no name.
    other: Option<Place>,
}

/// More types than are to have a row that are kept, so that the others are not sorted out too often.
const fn slack(most: usize) -> usize {
    most / 4 + 64
}

/// The same for the bytes of their names.
const fn slack_bytes(most: usize) -> usize {
    most / 4 + 4096
}

/// How many types have a row of their own, and how many bytes of names before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    pub types: usize,
    pub bytes: usize,
}

impl Summary {
    /// Keeps those types that are `wanted` (None: all), `most` of them in rows of their own.
    pub fn new(wanted: Option<&[String]>, most: Most) -> Self {
        Self::with_optional(wanted, most, Optional::default())
    }

    /// Keeps these optional aggregates, too.
    pub fn with_optional(wanted: Option<&[String]>, most: Most, optional: Optional) -> Self {
        let mut summary = Self {
            hasher: RandomState::default(),
            slots: vec![0; 64],
            entries: Vec::new(),
            names: Vec::new(),
            wide: Vec::new(),
            optional,
            count: 0,
            cells: Cells::default(),
            only_wanted: false,
            most,
            name_bytes: 0,
            too_many_bytes: most.bytes.saturating_add(slack_bytes(most.bytes)),
            beyond: None,
            other: None,
        };
        summary.want(wanted.unwrap_or_default().iter().map(String::as_bytes));
        summary.only_wanted = wanted.is_some();
        summary
    }

    fn want<'a>(&mut self, names: impl Iterator<Item = &'a [u8]>) {
        for name in names {
            let key = self.key(name, 0, name.len());
            self.place(&key, name);
        }
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
        self.place_or(key, name, Self::insert)
    }

    #[inline(always)]
    fn place_or(
        &mut self,
        key: &Key,
        name: &[u8],
        insert: impl FnOnce(&mut Self, &Key, &[u8], usize) -> Option<Place>,
    ) -> Option<Place> {
        let mut at = self.first_slot(key.hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return insert(self, key, name, at);
            }
            if slot >> 32 == key.hash >> 32 {
                let place = (slot as u32) - 1;
                let known = &self.entries[place as usize].tag;
                let [first, second, third] = known.words();
                let is_same = if key.name[0] == u64::from(LONG) << LENGTH_BITS {
                    known.is_long() && *self.names[known.long()] == *name
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
        self.insert_shared(key, text, None, at)
    }

    /// Inserts a type whose name, if it is long, may be there already.
    fn insert_shared(
        &mut self,
        key: &Key,
        text: &[u8],
        shared: Option<&Arc<[u8]>>,
        at: usize,
    ) -> Option<Place> {
        if self.only_wanted {
            return None;
        }
        if self.beyond.as_ref().is_some_and(|beyond| *text >= **beyond) {
            return self.other_place();
        }
        let mut tag = Tag::new(key.name);
        if tag.is_long() {
            tag.set_long(self.names.len());
        }
        let place = self.push(tag)?;
        if tag.is_long() {
            let name = shared.map_or_else(|| memory::shared(text), Arc::clone);
            memory::push(&mut self.names, name);
        }
        self.name_bytes += text.len();
        self.slots[at] = (key.hash >> 32 << 32) | u64::from(place + 1);
        self.count += 1;
        if self.count * 2 > self.slots.len() {
            self.grow();
        }
        Some(place)
    }

    /// A new entry without values; None if there are too many.
    fn push(&mut self, tag: Tag) -> Option<Place> {
        let place = u32::try_from(self.entries.len()).ok().filter(|&place| place < u32::MAX - 1)?;
        memory::push(&mut self.entries, Entry { narrow: Narrow::EMPTY, count: 0, tag });
        if self.optional != Optional::default() {
            self.wide_states(place);
        }
        Some(place)
    }

    /// The place of all types that have no row of their own.
    fn other_place(&mut self) -> Option<Place> {
        if self.other.is_none() {
            self.other = self.push(Tag::new([0; 3]));
        }
        self.other
    }

    /// The place of what a type has in a bucket; None if there are too many.
    #[inline(always)]
    pub fn cell(&mut self, of: Place, bucket: Bucket) -> Option<Place> {
        match self.cells.places.get(Cells::key(of, bucket)) {
            Some(place) => Some(place),
            None => self.insert_cell(of, bucket),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_cell(&mut self, of: Place, bucket: Bucket) -> Option<Place> {
        let mut tag = self.entries[of as usize].tag;
        (tag.0[SCALE], tag.0[INTEGRAL]) = (0, 1);
        let place = self.push(tag)?;
        self.cells.insert(of, bucket, place);
        Some(place)
    }

    fn grow(&mut self) {
        let mut slots = memory::filled(0, self.slots.len() * 4);
        for (place, entry) in self.entries.iter().enumerate() {
            if Some(place as Place) == self.other
                || self.cells.origin(place as Place).1 != NO_BUCKET
            {
                continue;
            }
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
        self.count
    }

    /// Whether so many types are kept that some are to be sorted out by `limit`.
    #[inline(always)]
    pub fn is_overfull(&self) -> bool {
        (self.count > self.most.types.saturating_add(slack(self.most.types))
            || self.name_bytes > self.too_many_bytes)
            && !self.only_wanted
    }

    /// Adds up all types but the first in one entry, and forgets those without values. No place is
    /// the same afterwards.
    #[cold]
    pub fn limit<W: Wide>(&mut self, wide: W) {
        if let Some(beyond) = self.first_beyond() {
            self.beyond = Some(beyond);
        }
        let empty = self.emptied(false);
        let mut full = std::mem::replace(self, empty);
        self.merge(wide, &mut full, |bucket| bucket);
        // The last one that is kept may be longer than all that is to be kept.
        self.too_many_bytes =
            self.too_many_bytes.max(self.name_bytes + slack_bytes(self.most.bytes));
    }

    /// The name of the first type with values that has no row of its own, if there are so many.
    fn first_beyond(&self) -> Option<Vec<u8>> {
        let Most { types, bytes } = self.most;
        if self.count <= types && self.name_bytes < bytes {
            return None;
        }
        let mut has_values = memory::filled(false, self.entries.len());
        for (place, entry) in (0..).zip(&self.entries) {
            has_values[self.cells.origin(place).0 as usize] |= entry.count > 0;
        }
        if let Some(other) = self.other {
            has_values[other as usize] = false;
        }
        let mut names: Vec<(u128, &[u8])> = memory::with_capacity(self.entries.len());
        let found = (self.entries.iter().zip(has_values))
            .filter(|(_, has_values)| *has_values)
            .map(|(entry, _)| entry.tag.name(&self.names))
            .map(|name| (first_bytes(name), name));
        names.extend(found);
        let mut beyond = None;
        if names.len() > types {
            beyond = Some(names.select_nth_unstable(types).1.1);
            names.truncate(types);
        }
        if names.iter().map(|(_, name)| name.len()).sum::<usize>() >= bytes {
            names.sort_unstable();
            let mut before = 0;
            let first = names.iter().position(|(_, name)| {
                before += name.len();
                before - name.len() >= bytes
            });
            beyond = first.map(|first| names[first].1).or(beyond);
        }
        beyond.map(<[u8]>::to_vec)
    }

    /// A summary of the same settings without values, and without types unless they are wanted.
    fn emptied(&self, with_wanted: bool) -> Self {
        let mut summary = Self::with_optional(None, self.most, self.optional);
        // Keys that wait stay valid.
        summary.hasher = self.hasher.clone();
        summary.beyond.clone_from(&self.beyond);
        if with_wanted && self.only_wanted {
            let is_type =
                |place| self.cells.origin(place).1 == NO_BUCKET && Some(place) != self.other;
            let types = (0..).zip(&self.entries).filter(|(place, _)| is_type(*place));
            summary.want(types.map(|(_, entry)| entry.tag.name(&self.names)));
            summary.only_wanted = true;
        }
        summary
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
            entry.narrow.add(scaled);
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

    /// `add` for any value, and for an entry that needs a larger scale or wide states.
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
        let Some(one) = States::of(value, self.optional) else {
            return false;
        };
        if !add_wide(self.wide_states(place), one) {
            return false;
        }
        let entry = &mut self.entries[place as usize];
        entry.count += 1;
        entry.tag.0[INTEGRAL] &= u8::from(value.integral);
        true
    }

    /// The wide states of an entry, which it has from now on.
    fn wide_states(&mut self, place: Place) -> &mut Vec<States> {
        let entry = &mut self.entries[place as usize];
        if entry.scale() != WIDE {
            let states = entry.widened();
            (entry.narrow, entry.tag.0[SCALE]) = (Narrow::at(self.wide.len()), WIDE);
            memory::push(&mut self.wide, states);
        }
        &mut self.wide[entry.narrow.index()]
    }
}

/// The first sixteen bytes of a name, as a number that has their order; zeros fill it up.
fn first_bytes(name: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = name.len().min(16);
    first[..length].copy_from_slice(&name[..length]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests;

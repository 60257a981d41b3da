//! The state of the fold: for each type how many values there were, their sum, minimum and maximum;
//! for all of them, or for each bucket of time.
//!
//! Finds types by name and adds values to them. It knows nothing of lines and of JSON; names come
//! to it as UTF-8 with escapes already decoded, buckets as numbers.
//!
//! Only so many types have a row of their own, those that are first in the order of their names; the
//! others add up in one row. Keeping the first, and not those that come first, makes the answer
//! independent of the order of lines and of merges: a type that is among the first of all is among
//! the first of any part. Their names have so many bytes, too: a type has a row as long as those
//! before it have fewer. What one part moves to the others is then behind enough bytes in every whole.

use crate::exact::{self, Exact, Number, POWERS, Plain};
use crate::numbers::Numbers;
use crate::time::{Bucket, NO_BUCKET};
use crate::wide::{Portable, Wide};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::BuildHasher;
use std::sync::Arc;

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
/// long it is and its bytes, filled up with zeros; or `LONG`, and which of `names` it is.
#[derive(Clone, Copy, Debug)]
struct Tag([u8; TAG]);

const TAG: usize = 24;
const SCALE: usize = 0;
const INTEGRAL: usize = 1;
const LENGTH: usize = 2;
const NAME: usize = 3;
const SHORT: usize = TAG - NAME;
const LONG: u8 = u8::MAX;
/// Where it says which of `names` a long name is.
const LONG_AT: usize = 8;
const LONG_END: usize = 16;

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

    /// Which of `names` a long name is.
    fn long(&self) -> usize {
        self.words()[1] as usize
    }

    fn set_long(&mut self, at: usize) {
        self.0[LONG_AT..LONG_END].copy_from_slice(&(at as u64).to_le_bytes());
    }

    fn name<'a>(&'a self, names: &'a [Arc<[u8]>]) -> &'a [u8] {
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
#[derive(Clone, Debug)]
pub struct Summary {
    hasher: RandomState,
    slots: Vec<u64>,
    /// The types, and the cells: what a type has in a bucket. A cell has the name of its type, but
    /// is not to be found by it.
    entries: Vec<Entry>,
    /// Shared with whatever the types are merged into and given out as: there can be gigabytes of them.
    names: Vec<Arc<[u8]>>,
    wide: Vec<Vec<WideSum>>,
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

/// Which entries are cells, and where to find them. Of no cost where there are no buckets.
#[derive(Clone, Debug, Default)]
struct Cells {
    /// For each entry its type and its bucket, up to the last cell; a type is its own and has
    /// `NO_BUCKET`.
    origins: Vec<(Place, Bucket)>,
    /// The places of cells by type and bucket.
    places: Numbers,
}

impl Cells {
    #[inline(always)]
    fn key(of: Place, bucket: Bucket) -> u64 {
        (u64::from(of) << 32) | u64::from(bucket)
    }

    fn insert(&mut self, of: Place, bucket: Bucket, place: Place) {
        self.origins.extend((self.origins.len() as Place..place).map(|place| (place, NO_BUCKET)));
        self.origins.push((of, bucket));
        self.places.insert(Self::key(of, bucket), place);
    }

    /// Type and bucket of an entry.
    #[inline(always)]
    fn origin(&self, place: Place) -> (Place, Bucket) {
        self.origins.get(place as usize).copied().unwrap_or((place, NO_BUCKET))
    }
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
        let mut summary = Self {
            hasher: RandomState::default(),
            slots: vec![0; 64],
            entries: Vec::new(),
            names: Vec::new(),
            wide: Vec::new(),
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
            self.names.push(shared.map_or_else(|| Arc::from(text), Arc::clone));
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
        self.entries.push(Entry { sum: 0, min: i64::MAX, max: i64::MIN, count: 0, tag });
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
        let mut slots = vec![0; self.slots.len() * 4];
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
        let mut has_values = vec![false; self.entries.len()];
        for (place, entry) in (0..).zip(&self.entries) {
            has_values[self.cells.origin(place).0 as usize] |= entry.count > 0;
        }
        if let Some(other) = self.other {
            has_values[other as usize] = false;
        }
        let mut names: Vec<(u128, &[u8])> = (self.entries.iter().zip(has_values))
            .filter(|(_, has_values)| *has_values)
            .map(|(entry, _)| entry.tag.name(&self.names))
            .map(|name| (first_bytes(name), name))
            .collect();
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
        let mut summary = Self::new(None, self.most);
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

    /// Adds the state of another summary, which is left empty; `bucket` gives the number here of a
    /// bucket there.
    pub fn merge<W: Wide>(
        &mut self,
        wide: W,
        other: &mut Self,
        mut bucket: impl FnMut(Bucket) -> Bucket,
    ) {
        let only_wanted = std::mem::replace(&mut self.only_wanted, false);
        self.most = Most {
            types: self.most.types.min(other.most.types),
            bytes: self.most.bytes.min(other.most.bytes),
        };
        self.too_many_bytes = self.too_many_bytes.min(other.too_many_bytes);
        // As many types come before the one as before the other.
        if other.beyond.is_some() && (self.beyond.is_none() || other.beyond < self.beyond) {
            self.beyond.clone_from(&other.beyond);
        }
        let mut place_there = 0;
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
            for (entry, key) in entries.iter_mut().zip(&keys) {
                let (of_there, bucket_there) = other.cells.origin(place_there);
                place_there += 1;
                if entry.count == 0 {
                    continue;
                }
                let name = entry.tag.name(&other.names);
                let of = if Some(of_there) == other.other {
                    self.other_place()
                } else {
                    let shared = entry.tag.is_long().then(|| &other.names[entry.tag.long()]);
                    self.place_or(key, name, |summary, key, name, at| {
                        summary.insert_shared(key, name, shared, at)
                    })
                };
                let place = of.and_then(|of| match bucket_there {
                    NO_BUCKET => Some(of),
                    _ => self.cell(of, bucket(bucket_there)),
                });
                let place = place.expect("fewer than 2^32 types and cells in all");
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
        *other = other.emptied(true);
    }

    /// The types that have values, in the order of their UTF-8 bytes, bucket by bucket in no order.
    pub fn tables(&self) -> Vec<Table> {
        if let Some(beyond) = self.first_beyond() {
            let mut limited = Self { beyond: Some(beyond), ..self.emptied(false) };
            limited.merge(Portable, &mut self.clone(), |bucket| bucket);
            return limited.tables();
        }
        let mut orders: Vec<Order> = Vec::new();
        let mut known = HashMap::new();
        let mut at = 0;
        for (place, entry) in (0..).zip(&self.entries).filter(|(_, entry)| entry.count > 0) {
            let (of, bucket) = self.cells.origin(place);
            if orders.get(at).is_none_or(|order| order.bucket != bucket) {
                at = *known.entry(bucket).or_insert(orders.len());
                if at == orders.len() {
                    orders.push(Order { bucket, types: Vec::new(), other: Vec::new() });
                }
            }
            let Order { types, other, .. } = &mut orders[at];
            let order = if Some(of) == self.other { other } else { types };
            order.push((first_bytes(entry.tag.name(&self.names)), place));
        }
        let table = |order: Order| Table {
            bucket: order.bucket,
            types: self.in_order(order.types),
            other: self.in_order(order.other),
        };
        orders.into_iter().map(table).collect()
    }

    fn in_order(&self, mut order: Vec<(u128, Place)>) -> Types {
        let name = |place: Place| self.entries[place as usize].tag.name(&self.names);
        order.sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| name(left.1).cmp(name(right.1)))
        });
        let mut types =
            Types { entries: Vec::with_capacity(order.len()), names: Vec::new(), wide: Vec::new() };
        for (_, place) in order {
            let mut entry = self.entries[place as usize].clone();
            if entry.tag.is_long() {
                let name = Arc::clone(&self.names[entry.tag.long()]);
                entry.tag.set_long(types.names.len());
                types.names.push(name);
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

/// The entries of a bucket, with the first bytes of their names: most names differ there, and are
/// compared without going to them.
struct Order {
    bucket: Bucket,
    types: Vec<(u128, Place)>,
    other: Vec<(u128, Place)>,
}

/// The types of a bucket as they are given out.
#[derive(Debug)]
pub struct Table {
    /// `NO_BUCKET`: of what is in no bucket.
    pub bucket: Bucket,
    pub types: Types,
    /// A single row, if there is any: that of all other types. It has no name.
    pub other: Types,
}

/// What is known of each type.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    Name,
    Count,
    Number(Which),
}

/// Types as they are given out, each by its index. Numbers become text only where it is asked for:
/// among very many types that takes longer than to fold them.
#[derive(Debug, Default)]
pub struct Types {
    entries: Vec<Entry>,
    names: Vec<Arc<[u8]>>,
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

    /// The bytes of all names.
    pub fn name_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.tag.name(&self.names).len()).sum()
    }

    /// Gives out the text of each type, piece by piece: the literals, between them one of the columns
    /// each, and between two types what stands there. Names are as in a JSON string.
    pub fn write_all(
        &self,
        literals: &[String],
        columns: &[Column],
        between: &str,
        mut write: impl FnMut(&str),
    ) {
        let mut text = String::new();
        for index in 0..self.len() {
            if index > 0 {
                write(between);
            }
            for (at, literal) in literals.iter().enumerate() {
                write(literal);
                text.clear();
                match columns.get(at) {
                    Some(Column::Name) => write_escaped(self.name(index), &mut write),
                    Some(Column::Count) => {
                        write!(text, "{}", self.count(index)).expect("a String takes all");
                    }
                    Some(Column::Number(which)) => self.write(index, *which, &mut text),
                    None => {}
                }
                write(&text);
            }
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

/// Gives out a text with the escapes of a JSON string, as orjson writes them.
fn write_escaped(mut text: &str, write: &mut impl FnMut(&str)) {
    let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    while let Some(at) = text.as_bytes().iter().position(is_special) {
        write(&text[..at]);
        match text.as_bytes()[at] {
            b'"' => write("\\\""),
            b'\\' => write("\\\\"),
            0x08 => write("\\b"),
            b'\t' => write("\\t"),
            b'\n' => write("\\n"),
            0x0c => write("\\f"),
            b'\r' => write("\\r"),
            byte => write(&format!("\\u{byte:04x}")),
        }
        text = &text[at + 1..];
    }
    write(text);
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
    use std::collections::{BTreeMap, BTreeSet};

    const MOST: Most = Most { types: usize::MAX, bytes: usize::MAX };

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
        let tables = summary.tables();
        assert!(tables.iter().all(|table| table.bucket == NO_BUCKET && table.other.is_empty()));
        tables.iter().flat_map(|table| table.types.iter()).map(show).collect()
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
        let mut whole = Summary::new(None, MOST);
        let mut joined = Summary::new(None, MOST);
        for value in values {
            assert_eq!(add(&mut whole, "a", value), Added::Accepted);
            let mut part = Summary::new(None, MOST);
            add(&mut part, "a", value);
            joined.merge(Portable, &mut part, |bucket| bucket);
            assert!(part.tables().is_empty());
        }
        let sum = format!("{}{}.95{}7", "1", "00000000000000009223372036854775807", "0".repeat(57));
        let expected = format!("a 5 false {sum} -0.05 1{}.0", "0".repeat(35));
        assert_eq!(shown(&joined), std::slice::from_ref(&expected));
        assert_eq!(shown(&whole), [expected]);
    }

    /// A value at a smaller scale than the sum, too large to be brought up to it, is still exact.
    #[test]
    fn scales_far_apart() {
        let mut summary = Summary::new(None, MOST);
        for value in [exact(1, 18), exact(i128::from(i64::MAX), 0), exact(1, 40), exact(0, 0)] {
            assert_eq!(add(&mut summary, "a", value), Added::Accepted);
        }
        let sum = "9223372036854775807.0000000000000000010000000000000000000001";
        assert_eq!(shown(&summary), [format!("a 4 false {sum} 0.0 9223372036854775807.0")]);
    }

    /// A sum that would overflow is refused and changes nothing.
    #[test]
    fn refused() {
        let mut summary = Summary::new(None, MOST);
        assert_eq!(add(&mut summary, "a", exact(i128::MAX, 0)), Added::Accepted);
        let before = shown(&summary);
        assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Refused);
        assert_eq!(shown(&summary), before);
    }

    /// Only wanted types have a place, before and after a merge and once emptied.
    #[test]
    fn wanted() {
        let mut summary = Summary::new(Some(&["b".to_owned(), "a".to_owned()]), MOST);
        assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Accepted);
        assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
        assert_eq!(shown(&summary), ["a 1 true 1 1 1"]);
        let mut other = Summary::new(Some(&["a".to_owned(), "b".to_owned()]), MOST);
        other.merge(Portable, &mut summary, |bucket| bucket);
        assert_eq!(shown(&other), ["a 1 true 1 1 1"]);
        assert_eq!(shown(&summary), [""; 0]);
        assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
        assert_eq!(add(&mut summary, "b", exact(2, 0)), Added::Accepted);
        assert_eq!(shown(&summary), ["b 1 true 2 2 2"]);
    }

    /// Types are told apart and given out in the order of their code points.
    #[test]
    fn order() {
        let mut summary = Summary::new(None, MOST);
        let mut names: Vec<String> =
            (0..5_000).map(|at| format!("{}{at}", if at % 2 == 0 { "é" } else { "z" })).collect();
        for name in &names {
            add(&mut summary, name, exact(1, 0));
        }
        names.sort_by(|left, right| left.chars().cmp(right.chars()));
        let table = summary.tables().pop().expect("one of types without buckets");
        assert!(table.types.iter().map(|one| one.name).eq(names));
    }

    /// Rows of a model: bucket, type (None: all others), count and sum.
    type Rows = BTreeMap<(Bucket, Option<String>), (u64, i128)>;

    fn rows(summary: &Summary) -> Rows {
        let mut rows = Rows::new();
        for table in summary.tables() {
            assert!(table.other.len() <= 1);
            let names = table.types.iter().map(|one| (Some(one.name.clone()), one));
            for (name, one) in names.chain(table.other.iter().map(|one| (None, one))) {
                let row = (one.count, one.sum.parse().expect("an integer"));
                assert_eq!(rows.insert((table.bucket, name), row), None, "once");
            }
        }
        rows
    }

    /// The first `most` types have their own rows and the others one, for each bucket, whatever the
    /// order, however the values are spread over summaries that are merged, and however often types
    /// were sorted out; and all adds up.
    #[test]
    fn first_types() {
        let mut seed = 1_u64;
        let mut below = |limit: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % limit
        };
        for round in 0..60 {
            let types = [0, 1, 3, 50, 400, usize::MAX][round % 6];
            let bytes = [usize::MAX, 0, 1, 60, 300, 9_000, 40_000][round % 7];
            let most = Most { types, bytes };
            let mut parts: Vec<Summary> = (0..3).map(|_| Summary::new(None, most)).collect();
            let mut model = Rows::new();
            let mut names = BTreeSet::new();
            let count = 1 + below(2_000);
            for at in 0..count {
                let number = [below(1_000), count - at, 40_000 + at, at % 7][round / 6 % 4];
                let name = match number % 3 {
                    0 => format!("{number:05}"),
                    1 => format!("a long name of a type that has the number {number:05}"),
                    _ => format!("é{number:05}"),
                };
                let bucket = if round % 2 == 0 { NO_BUCKET } else { below(5) as Bucket };
                let value = below(1 << 30) as i128 - (1 << 29);
                let summary = &mut parts[below(3) as usize];
                let key = summary.key(name.as_bytes(), 0, name.len());
                let mut place = summary.place(&key, name.as_bytes()).expect("a place");
                if bucket != NO_BUCKET {
                    place = summary.cell(place, bucket).expect("a cell");
                }
                assert!(summary.add_any(place, exact(value, 0)));
                if summary.is_overfull() {
                    summary.limit(Portable);
                    assert!(summary.count() <= types.saturating_add(slack(types)));
                    assert!(summary.name_bytes < bytes.saturating_add(100));
                }
                let row = model.entry((bucket, Some(name.clone()))).or_default();
                *row = (row.0 + 1, row.1 + value);
                names.insert(name);
            }
            let mut before = 0;
            let is_first = |name: &String| {
                before += name.len();
                before - name.len() < bytes
            };
            let first: BTreeSet<String> =
                names.into_iter().take(types).take_while(is_first).collect();
            let mut expected = Rows::new();
            for ((bucket, name), (count, sum)) in model {
                let row =
                    expected.entry((bucket, name.filter(|name| first.contains(name)))).or_default();
                *row = (row.0 + count, row.1 + sum);
            }
            let mut joined = Summary::new(None, if round % 2 == 0 { most } else { MOST });
            for index in [0, 1, 2_usize] {
                joined.merge(Portable, &mut parts[(round + index) % 3], |bucket| bucket);
            }
            assert!(parts.iter().all(|part| rows(part).is_empty()));
            assert_eq!(rows(&joined), expected, "{round}");
            let mut limited = joined.clone();
            limited.limit(Portable);
            assert_eq!(rows(&limited), expected, "{round}");
        }
    }

    /// Where types were asked for, the limit holds for those that were seen.
    #[test]
    fn wanted_and_limited() {
        let wanted = ["d", "c", "b", "a"].map(str::to_owned);
        let mut summary = Summary::new(Some(&wanted), Most { types: 2, ..MOST });
        for name in ["d", "b", "c", "e"] {
            add(&mut summary, name, exact(1, 0));
        }
        let expected = [(Some("b"), 1), (Some("c"), 1), (None, 1)];
        let expected: Rows = expected
            .into_iter()
            .map(|(name, one)| ((NO_BUCKET, name.map(str::to_owned)), (1, one)))
            .collect();
        assert!(!summary.is_overfull());
        assert_eq!(rows(&summary), expected);
        assert_eq!(add(&mut summary, "e", exact(1, 0)), Added::Filtered);
        assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Accepted);
    }
}

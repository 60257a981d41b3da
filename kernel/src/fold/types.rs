//! From the bytes of a type to its row: types met lately at once, others when their place in the table is near.

use super::{Fold, HandedBack};
use crate::exact::{Exact, Number};
use crate::summary::{Key, Place};
use crate::text;
use crate::time::{Bucket, NO_BUCKET, OUTSIDE};
use crate::wide::{CHUNK, Wide};
/// Types that were met lately, by the bytes between their quotes, escapes as they are.
///
/// A bounded shortcut in front of the table: most logs have few types.
#[derive(Debug)]
pub struct Recent {
    slots: Vec<RecentType>,
}

#[derive(Clone, Debug)]
#[repr(align(64))]
struct RecentType {
    bytes: [u8; RECENT_BYTES],
    length: usize,
    /// None: not wanted.
    place: Option<Place>,
}

const RECENT: usize = 64;
const MOST_TYPES_ALL_RECENT: usize = 4 * RECENT;
/// Longer types are looked up in the table each time.
const RECENT_BYTES: usize = 2 * CHUNK;

impl Recent {
    pub fn new() -> Self {
        let empty = RecentType { bytes: [0; RECENT_BYTES], length: usize::MAX, place: None };
        Self { slots: vec![empty; RECENT] }
    }

    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.length = usize::MAX);
    }

    /// The place of the type with these bytes, if it was met lately.
    pub fn place(&self, block: &[u8], start: usize, end: usize) -> Option<Option<Place>> {
        let recent = &self.slots[Self::slot(block, start, end)];
        let raw = &block[start..end];
        (recent.length == raw.len() && recent.bytes[..raw.len()] == *raw).then_some(recent.place)
    }

    /// A slot for the bytes `start..end` of a block. Any slot is right; equal bytes should mostly
    /// get the same one.
    #[inline(always)]
    fn slot(block: &[u8], start: usize, end: usize) -> usize {
        let eight = |at: usize| block.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let length = end - start;
        let head = eight(start).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let head = if length < 8 { head & ((1 << (8 * length)) - 1) } else { head };
        let tail = eight(end.wrapping_sub(8)).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let tail = if length < 8 { 0 } else { tail };
        let mixed =
            (head.rotate_left(29) ^ tail ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 58) as usize % RECENT
    }
}

/// A value on its way: in registers, or where it was read if it is long.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Short(Number),
    Long(&'a Exact),
}

impl<'a> Value<'a> {
    #[inline(always)]
    pub fn new(short: Option<Number>, long: &'a Exact) -> Self {
        short.map_or(Self::Long(long), Self::Short)
    }
}

/// A value whose type was not met lately: it waits until its place in the table is near.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    key: Key,
    value: Exact,
    start: usize,
    end: usize,
    has_escapes: bool,
    bucket: Bucket,
    line: HandedBack,
}

pub const MOST_WAITING: usize = 64;

/// The place of a type in a bucket; None if there are too many.
#[inline(always)]
pub fn cell<const TIMED: bool>(fold: &mut Fold, place: Place, bucket: Bucket) -> Option<Place> {
    if TIMED && bucket != NO_BUCKET { fold.summary.cell(place, bucket) } else { Some(place) }
}

/// Adds a value to a type that was met lately; None if it was not, else false: hand the line back.
///
/// The bytes of the type may be anything: only those of a type that was found valid are known.
#[inline(always)]
pub fn add_recent<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    (start, end): (usize, usize),
    value: Value,
    bucket: Bucket,
) -> Option<bool> {
    let recent = &fold.recent.slots[Recent::slot(block, start, end)];
    let length = end - start;
    if recent.length != length {
        return None;
    }
    let mut rest = &block[start..];
    let mut known = &recent.bytes[..];
    let mut left = length;
    if length >= CHUNK {
        let (first, behind) = rest.split_first_chunk()?;
        let (known_first, known_behind) = known.split_first_chunk()?;
        if wide.same(wide.load(first), wide.load(known_first)) != u64::MAX {
            return None;
        }
        (rest, known) = (behind, known_behind);
        left -= CHUNK;
    }
    let counts = (1_u64 << left) - 1;
    if wide.same(wide.load(rest.first_chunk()?), wide.load(known.first_chunk()?)) & counts != counts
    {
        return None;
    }
    let Some(place) = recent.place.filter(|_| !TIMED || bucket != OUTSIDE) else {
        fold.account.filtered += 1;
        return Some(true);
    };
    let is_added = cell::<TIMED>(fold, place, bucket).is_some_and(|place| match value {
        Value::Short(number) => fold.summary.add(place, number),
        Value::Long(exact) => fold.summary.add_long(place, *exact),
    });
    fold.account.accepted += u64::from(is_added);
    Some(is_added)
}

/// Adds a value to a type that was not met lately, now or soon.
#[inline(always)]
pub fn add_later<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    ((start, end), value, bucket): ((usize, usize), Value, Bucket),
    line: HandedBack,
    handed_back: &mut Vec<HandedBack>,
) {
    let raw = &block[start..end];
    let has_escapes = memchr::memchr(b'\\', raw).is_some();
    let key = if has_escapes {
        text::unescape(raw, &mut fold.text);
        fold.summary.key(&fold.text, 0, fold.text.len())
    } else {
        fold.summary.key(block, start, end)
    };
    fold.summary.prefetch_slot(wide, &key);
    let value = match value {
        Value::Short(number) => number.into(),
        Value::Long(exact) => *exact,
    };
    fold.waiting.push(Waiting { key, value, start, end, has_escapes, bucket, line });
    if fold.waiting.len() == MOST_WAITING {
        settle::<W, TIMED>(wide, fold, block, handed_back);
    }
}

/// Sorts out types if there are too many.
#[inline(always)]
pub fn limit<W: Wide>(wide: W, fold: &mut Fold) {
    if fold.summary.is_overfull() {
        fold.summary.limit(wide);
        fold.recent.clear();
        fold.shapes.templates.clear();
    }
}

/// Adds the values that wait.
#[inline(never)]
pub fn settle<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    handed_back: &mut Vec<HandedBack>,
) {
    let mut waiting = std::mem::take(&mut fold.waiting);
    for one in &waiting {
        fold.summary.prefetch_entry(wide, &one.key);
    }
    for (at, one) in waiting.iter().enumerate() {
        let raw = &block[one.start..one.end];
        let name = if one.has_escapes {
            text::unescape(raw, &mut fold.text);
            &fold.text
        } else {
            raw
        };
        let place = fold.summary.place(&one.key, name);
        match place {
            None if fold.summary.is_only_wanted() => fold.account.filtered += 1,
            Some(_) if TIMED && one.bucket == OUTSIDE => fold.account.filtered += 1,
            Some(place)
                if cell::<TIMED>(fold, place, one.bucket)
                    .is_some_and(|place| fold.summary.add_any(place, one.value)) =>
            {
                fold.account.accepted += 1;
            }
            _ => {
                handed_back.push(one.line);
                continue;
            }
        }
        // Among many types a recent one rarely comes again soon: then few are taken up.
        if raw.len() < RECENT_BYTES && (at == 0 || fold.summary.count() <= MOST_TYPES_ALL_RECENT) {
            let recent = &mut fold.recent.slots[Recent::slot(block, one.start, one.end)];
            recent.length = raw.len();
            recent.bytes[..raw.len()].copy_from_slice(raw);
            recent.place = place;
        }
    }
    waiting.clear();
    fold.waiting = waiting;
    limit(wide, fold);
}

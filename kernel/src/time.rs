//! Times as they are written, and the buckets and the window that they fall into.
//!
//! Reads the common forms; what is odd is left to the authority (leap seconds, the years at either
//! end). It knows that dates are days and days are seconds, and nothing of time zones: which stretch
//! of time has regular buckets, and which stretch of local time has which offset, it is determined by the
//! authority, which it asks when it meets a time that no stretch covers.

use crate::cursor::minute_and_second;
use crate::exact::{self, Exact, Number, POWERS};
use crate::format::Format;
pub use crate::moment::{
    Ask, Bucket, Instant, LOCAL, Moment, NO_BUCKET, OUTSIDE, Offset, Region, Span, Timing,
};
use crate::numbers::Numbers;
use crate::spelling::{self, Known, Spelled};
use crate::wide::Wide;
use std::cmp::Ordering;

/// What became known of an hour as it is written: of its date, of the `offset` after it, and of the
/// bucket if it is the same for all of it.
#[derive(Clone, Copy, Debug)]
struct Hour {
    /// `YYYY-MM-DD` and the character after it; that character and the two digits.
    date: [u64; 2],
    /// Its first second, as if it were UTC.
    start: i64,
    offset: Offset,
    bucket: Option<Bucket>,
}

/// Half a year, if no two come to the same place.
const HOURS: usize = 4_096;

/// No offset.
const UNREAD: Offset = i32::MIN;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Seconds that no calendar reaches, and with which no sum here overflows.
const FARTHEST: u64 = 1 << 60;

/// The times of a fold: what was asked for, and what is known so far.
#[derive(Debug)]
pub struct Clock {
    since: Instant,
    until: Instant,
    by: bool,
    /// An event that has no time is in no bucket.
    optional: bool,
    /// What a time without an offset has.
    unwritten: Offset,
    /// All times are in this form; `Err`: in one that is the authority's to read.
    format: Option<Result<Format, ()>>,
    regions: Vec<Region>,
    spans: Vec<Span>,
    /// The first second of each bucket.
    starts: Vec<i64>,
    /// The numbers of buckets by their first second.
    numbers: Numbers,
    /// The bucket met last, and a stretch of it, first second and end, that is inside the window.
    last: (Bucket, i64, i64),
    hours: Vec<Hour>,
    /// The date of the last time that is not as RFC 3339 has it.
    known: Known,
}

impl Clock {
    pub fn new(timing: &Timing) -> Self {
        let none = Hour { date: [0; 2], start: 0, offset: UNREAD, bucket: None };
        Self {
            since: timing.since.unwrap_or(Instant { second: i64::MIN, nanos: 0 }),
            until: timing.until.unwrap_or(Instant { second: i64::MAX, nanos: 0 }),
            by: timing.by,
            optional: timing.optional,
            unwritten: if timing.local_is_utc { 0 } else { LOCAL },
            format: timing.format.as_ref().map(|format| Format::new(format).ok_or(())),
            regions: Vec::new(),
            spans: Vec::new(),
            starts: Vec::new(),
            numbers: Numbers::default(),
            last: (NO_BUCKET, 0, 0),
            hours: vec![none; HOURS],
            known: Known::none(),
        }
    }

    /// Takes up a stretch that was asked for. False: it is empty, has no buckets, shares seconds with
    /// another one, or is not of this world.
    pub fn add_region(&mut self, region: Region) -> bool {
        let is_one = region.size > 0 && region.first.unsigned_abs() < FARTHEST;
        is_one && insert(&mut self.regions, region, |region| (region.from, region.to))
    }

    /// Takes up a stretch that was asked for. False: it is empty, shares seconds with another one, is
    /// not of this world, or its offset is a day or more.
    pub fn add_span(&mut self, span: Span) -> bool {
        let is_one = i64::from(span.offset).abs() < DAY;
        is_one && insert(&mut self.spans, span, |span| (span.from, span.to))
    }

    /// Whether an event without a time is one, in no bucket.
    #[inline(always)]
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// The first second of a bucket.
    pub fn start(&self, bucket: Bucket) -> i64 {
        self.starts[bucket as usize]
    }

    /// How many buckets were met.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Where the time belongs that is a string with its text from `at`, or a number at `at`, in a
    /// valid line.
    #[inline(always)]
    pub fn read<W: Wide>(&mut self, wide: W, block: &[u8], at: usize) -> Moment {
        if self.format.is_some() {
            return self.read_formatted(block, at);
        }
        if block[at - 1] == b'"' {
            return match block[at..].first_chunk() {
                // What is not after a year is none of the hours that are known.
                Some(bytes) if bytes[4] == b'-' => self.read_known(block, at, bytes),
                Some(_) => self.read_odd(block, at),
                None => self.read_text(block, at),
            };
        }
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        let instant = match exact::read_any(wide, block, at, &mut long) {
            Some((Some(number), _)) => epoch(number),
            Some((None, _)) => i64::try_from(long.mantissa).ok().and_then(|mantissa| {
                epoch(Number { mantissa, scale: long.scale, integral: long.integral })
            }),
            None => None,
        };
        instant.map_or(Moment::Unsure, |instant| self.moment(instant))
    }

    /// `read` for times in a form of their own.
    #[inline(never)]
    fn read_formatted(&mut self, block: &[u8], at: usize) -> Moment {
        let is_text = block[at - 1] == b'"';
        let format = self.format.as_ref().and_then(|format| format.as_ref().ok());
        self.spelled(format.and_then(|format| format.read(&block[at..], is_text, self.unwritten)))
    }

    /// Where a text belongs that says this; None: it is the authority's to say.
    fn spelled(&mut self, spelled: Option<Spelled>) -> Moment {
        match spelled {
            None => Moment::Unsure,
            Some(Spelled::Local((second, nanos, offset))) => self.local(second, nanos, offset),
            Some(Spelled::Epoch(number)) => match epoch(number) {
                Some(instant) => self.moment(instant),
                None => Moment::Unsure,
            },
        }
    }

    /// `read` for a text that most likely begins with a date and an hour that were met lately, and
    /// whose first bytes are given.
    #[inline(always)]
    fn read_known(&mut self, block: &[u8], at: usize, bytes: &[u8; 24]) -> Moment {
        let date = [word(&bytes[0..8]), word(&bytes[5..13])];
        let hour = self.hours[slot(date)];
        let rest = word(&bytes[13..21]);
        if hour.date != date {
            return self.read_text(block, at);
        }
        let Some(second) = minute_and_second(rest) else {
            return self.read_odd(block, at);
        };
        let (nanos, offset) = if (rest >> 48) as u8 == b'"' {
            (0, self.unwritten)
        } else {
            match suffix(&block[at + 19..], self.unwritten) {
                Some(found) => found,
                None => return Moment::Unsure,
            }
        };
        match hour.bucket {
            Some(bucket) if hour.offset == offset => Moment::In(bucket),
            _ if hour.offset == offset => self.local(hour.start + second, nanos, offset),
            _ => self.read_text(block, at),
        }
    }

    /// `read` for any text; takes up its hour.
    #[inline(never)]
    fn read_text(&mut self, block: &[u8], at: usize) -> Moment {
        // The text ends with a quote, so what is too short is seen to be so.
        let known = block.get(at..at + 19).and_then(|text| Some((text, date_and_hour(text)?)));
        let Some((text, start)) = known else {
            return self.read_odd(block, at);
        };
        let mut rest = [0; 8];
        rest[..6].copy_from_slice(&text[13..]);
        let (Some(second), Some((nanos, offset))) = (
            minute_and_second(u64::from_le_bytes(rest)),
            suffix(&block[at + 19..], self.unwritten),
        ) else {
            return self.read_odd(block, at);
        };
        let moment = self.local(start + second, nanos, offset);
        if let Moment::In(bucket) = moment {
            let date = [word(&text[0..8]), word(&text[5..13])];
            let is_whole = self.is_same(start, offset, bucket);
            let bucket = is_whole.then_some(bucket);
            self.hours[slot(date)] = Hour { date, start, offset, bucket };
        }
        moment
    }

    /// `read` for a text that is not as RFC 3339 has it.
    #[inline(never)]
    fn read_odd(&mut self, block: &[u8], at: usize) -> Moment {
        let spelled = spelling::read(&block[at..], self.unwritten, &mut self.known);
        self.spelled(spelled)
    }

    /// Whether the hour from `start` on belongs into this bucket from its first to its last moment.
    fn is_same(&mut self, start: i64, offset: Offset, bucket: Bucket) -> bool {
        let end = start + HOUR - 1;
        let Ok(second) = self.second(start, offset) else {
            return false;
        };
        // The hour is a stretch of time, too, if one offset holds for all of it.
        if offset == LOCAL && self.span(start) != self.span(end) {
            return false;
        }
        let first = Instant { second, nanos: 0 };
        let last = Instant { second: second + HOUR - 1, nanos: 999_999_999 };
        if bucket == OUTSIDE {
            return self.until <= first || last < self.since;
        }
        let bucket = Moment::In(bucket);
        self.moment(first) == bucket && self.moment(last) == bucket
    }

    fn span(&self, second: i64) -> Option<Span> {
        find(&self.spans, second, |span| (span.from, span.to))
    }

    /// The second of time that is written as `second` with an offset, or in the input zone.
    fn second(&self, second: i64, offset: Offset) -> Result<i64, Ask> {
        let offset = match offset {
            LOCAL => self.span(second).ok_or(Ask::Span(second))?.offset,
            _ => offset,
        };
        Ok(second - i64::from(offset))
    }

    /// Where a second belongs that is written with an offset, or in the input zone.
    fn local(&mut self, second: i64, nanos: u32, offset: Offset) -> Moment {
        match self.second(second, offset) {
            Ok(second) => self.moment(Instant { second, nanos }),
            Err(ask) => Moment::Unknown(ask),
        }
    }

    /// Where a moment belongs.
    #[inline(always)]
    fn moment(&mut self, instant: Instant) -> Moment {
        let (bucket, from, to) = self.last;
        if from <= instant.second && instant.second < to {
            return Moment::In(bucket);
        }
        self.moment_slowly(instant)
    }

    #[inline(never)]
    fn moment_slowly(&mut self, instant: Instant) -> Moment {
        let Instant { second, .. } = instant;
        let is_inside = |instant: Instant| self.since <= instant && instant < self.until;
        if !is_inside(instant) {
            return Moment::In(OUTSIDE);
        }
        if !self.by {
            return Moment::In(NO_BUCKET);
        }
        let Some(region) = find(&self.regions, second, |region| (region.from, region.to)) else {
            return Moment::Unknown(Ask::Region(second));
        };
        let behind = (second - region.from) / region.size * region.size;
        let from = region.from + behind;
        let to = region.to.min(from.saturating_add(region.size));
        let is_whole = is_inside(Instant { second: from, nanos: 0 })
            && is_inside(Instant { second: to - 1, nanos: 999_999_999 });
        let bucket = self.bucket(region.first + behind);
        if is_whole {
            self.last = (bucket, from, to);
        }
        Moment::In(bucket)
    }

    /// The number of the bucket with this first second, a new one if it was not met before.
    pub fn bucket(&mut self, start: i64) -> Bucket {
        if let Some(bucket) = self.numbers.get(start as u64) {
            return bucket;
        }
        let bucket = u32::try_from(self.starts.len()).ok().filter(|&bucket| bucket < OUTSIDE);
        let bucket = bucket.expect("fewer than 2^32 buckets");
        self.starts.push(start);
        self.numbers.insert(start as u64, bucket);
        bucket
    }

    /// Forgets all buckets.
    pub fn clear(&mut self) {
        self.starts.clear();
        self.numbers = Numbers::default();
        self.last = (NO_BUCKET, 0, 0);
        self.hours.iter_mut().for_each(|hour| hour.offset = UNREAD);
    }
}

/// Puts a stretch where it belongs, if it is one.
fn insert<T: Copy>(stretches: &mut Vec<T>, one: T, ends: impl Fn(&T) -> (i64, i64)) -> bool {
    let (from, to) = ends(&one);
    let at = stretches.partition_point(|other| ends(other).1 <= from);
    let is_apart = stretches.get(at).is_none_or(|other| to <= ends(other).0);
    let is_known = from.unsigned_abs() < FARTHEST && to.unsigned_abs() < FARTHEST;
    let is_one = from < to && is_apart && is_known;
    if is_one {
        stretches.insert(at, one);
    }
    is_one
}

/// The stretch that covers a second; they are in order and do not overlap.
fn find<T: Copy>(stretches: &[T], second: i64, ends: impl Fn(&T) -> (i64, i64)) -> Option<T> {
    let found = stretches.binary_search_by(|stretch| {
        let (from, to) = ends(stretch);
        match () {
            () if to <= second => Ordering::Less,
            () if second < from => Ordering::Greater,
            () => Ordering::Equal,
        }
    });
    found.ok().map(|at| stretches[at])
}

#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(bytes);
    u64::from_le_bytes(eight)
}

#[inline(always)]
fn slot(date: [u64; 2]) -> usize {
    // The last digits of day and hour differ most.
    let mixed = (date[0].rotate_left(17) ^ date[1]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 52) as usize % HOURS
}

fn digits(text: &[u8]) -> Option<i64> {
    let mut number = 0;
    for byte in text {
        byte.is_ascii_digit().then_some(())?;
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(number)
}

/// The first second of the hour at the start of `text`, `2020-10-06 10` or with a `T`, as if it were
/// UTC. The first and the last year are left to the authority: an offset may lead out of them.
fn date_and_hour(text: &[u8]) -> Option<i64> {
    let is_apart = text[4] == b'-' && text[7] == b'-' && matches!(text[10], b' ' | b'T' | b't');
    is_apart.then_some(())?;
    let hour = digits(&text[11..13]).filter(|&hour| hour < 24)?;
    let [year, month, day] = [&text[..4], &text[5..7], &text[8..10]].map(digits);
    Some(spelling::day_start(year?, month?, day?)? + hour * HOUR)
}

/// Nanoseconds and offset of what follows the seconds, up to the closing quote: `.5`, `Z`, `+02:00`,
/// ` UTC`, or nothing, which means the offset `unwritten`.
#[inline(always)]
fn suffix(rest: &[u8], unwritten: Offset) -> Option<(u32, Offset)> {
    let byte = |at: usize| rest.get(at).copied().unwrap_or(b'\n');
    let mut at = 0;
    let mut nanos = 0;
    if matches!(byte(0), b'.' | b',') {
        at = 1;
        let mut left = 9;
        while byte(at).is_ascii_digit() {
            if left > 0 {
                nanos = nanos * 10 + u32::from(byte(at) - b'0');
                left -= 1;
            }
            at += 1;
        }
        (at > 1).then_some(())?;
        nanos *= POWERS[left] as u32;
    }
    match byte(at) {
        b'"' => return Some((nanos, unwritten)),
        b'Z' | b'z' => return (byte(at + 1) == b'"').then_some((nanos, 0)),
        b'+' | b'-' => {}
        _ => return spelling::odd_zone(&rest[at..]).map(|offset| (nanos, offset)),
    }
    if byte(at + 3) != b':' || byte(at + 6) != b'"' {
        return spelling::odd_zone(&rest[at..]).map(|offset| (nanos, offset));
    }
    let hours = digits(&rest[at + 1..at + 3]).filter(|&hours| hours < 24)?;
    let minutes = digits(&rest[at + 4..at + 6]).filter(|&minutes| minutes < 60)?;
    let offset = (hours * HOUR + minutes * MINUTE) as Offset;
    Some((nanos, if byte(at) == b'-' { -offset } else { offset }))
}

/// The moment that a number means: seconds, milliseconds, microseconds or nanoseconds, which
/// its size distinguishes. None: it is none, or the authority decides.
#[inline(always)]
fn epoch(number: Number) -> Option<Instant> {
    const SECONDS: u64 = POWERS[11] as u64;
    let Number { mantissa, scale, .. } = number;
    let size = mantissa.unsigned_abs();
    let of = |unit: i64| Instant {
        second: mantissa.div_euclid(unit),
        nanos: (mantissa.rem_euclid(unit) * (POWERS[9] / unit)) as u32,
    };
    // The units are constants, so that dividing by them is multiplying.
    let instant = match usize::from(scale) {
        0 if size < SECONDS => Instant { second: mantissa, nanos: 0 },
        0 if size < SECONDS * 1_000 => of(1_000),
        0 if size < SECONDS * 1_000_000 => of(1_000_000),
        0 => of(1_000_000_000),
        3 if size < SECONDS * 1_000 => of(1_000),
        6 if size < SECONDS * 1_000_000 => of(1_000_000),
        _ => return epoch_slowly(number),
    };
    in_common_years(instant)
}

#[inline(never)]
fn epoch_slowly(Number { mantissa, scale, .. }: Number) -> Option<Instant> {
    let whole = *POWERS.get(usize::from(scale))?;
    // Zeros after the point change nothing; what is beyond nanoseconds is the authority's to cut.
    let size = i128::from(mantissa).abs();
    let unit = (0..4).find(|unit| size < i128::from(whole) * 10_i128.pow(11 + 3 * unit))?;
    let up = 9 - 3 * unit as usize;
    let nanos = i128::from(mantissa) * i128::from(POWERS[up]);
    (nanos % i128::from(whole) == 0).then_some(())?;
    let nanos = nanos / i128::from(whole);
    let second = nanos.div_euclid(i128::from(POWERS[9])) as i64;
    in_common_years(Instant { second, nanos: nanos.rem_euclid(i128::from(POWERS[9])) as u32 })
}

/// The same, if it is after the year 1: a number that is a time ends before the year 5139.
#[inline(always)]
fn in_common_years(instant: Instant) -> Option<Instant> {
    (instant.second >= -62_104_060_800).then_some(instant)
}

#[cfg(test)]
mod tests;

//! The outlines of lines met lately: what is left of a line without the text of its values.
//!
//! The outline of a line are its bytes, except
//!
//! - the text of each string that begins right after a colon, or a colon and a space, and
//! - outside of strings, the digits of each run after the first, in place of which there is a zero. Where that makes too
//!   many outlines, the point of a number goes with its digits.
//!
//! Read from its start, an outline tells at each byte whether that is outside of strings, in a string of which all is
//! left, or the closing quote of one whose text was taken out: so two lines with the same outline are made of the same
//! tokens, but for the text of those strings and the digits of numbers. If one is a valid object, so is the other one,
//! with the same keys and the same kinds of values at the same places; as long as its text is text, which is looked at
//! for all bytes, and its numbers are numbers: none begins with a zero before another digit, each point is where it was or the
//! only one between digits, no run of digits is so long that a number might be too large for a double, and there is no
//! exponent.
//!
//! `window` makes the outlines of many lines at once, without a branch on what is in them: a step for each 64 bytes, as
//! in the first stage of simdjson (Langdale and Lemire, VLDB Journal 2019). Then each is looked up as a whole.

mod window;

use crate::backoff::{Backoff, Rates};
use crate::event::{Event, Match, NOWHERE};
use crate::exact::{self, Exact, Number};
use crate::wide::{CHUNK, NUMERAL, Task, Wide};
use window::{MOST_LINES, Spot, Window};

const SLOT_BITS: u32 = 11;
const NO_OUTLINE: u16 = u16::MAX;
const MOST_OUTLINES: usize = 512;
/// Outlines with one slot. More are not taken up, or lines could be made that are compared with all of them.
const MOST_ALIKE: usize = 4;
/// So many chunks of an outline are mixed for its fingerprint, at even distances; of a longer one all.
const EVENLY: usize = 8;
/// What the outlines may take together.
const MOST_BYTES: usize = 1 << 19;
const RATES: Rates = Rates { most: 400, miss: 2, first: 1 << 12, longest: 1 << 20 };

/// What is known of the lines with an outline.
#[derive(Clone, Debug)]
struct Outline {
    fingerprint: u64,
    /// Where its bytes are among those of all.
    start: usize,
    length: usize,
    /// The quotes of the type.
    type_text: (Spot, Spot),
    /// The first byte of the value, and the one after it.
    value: (Spot, Spot),
    /// The digits of the time, or the quote before its text.
    time: Spot,
    is_time_text: bool,
    /// Another one with the same slot.
    next: u16,
}

/// The places of a line in the block.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// It has a known outline, and is valid UTF-8.
    is_known: bool,
    type_text: (usize, usize),
    /// `NOWHERE`: it has none.
    value: (usize, usize),
    time_at: usize,
}

const UNKNOWN: Found =
    Found { is_known: false, type_text: (0, 0), value: (0, 0), time_at: NOWHERE };

/// The outlines, and the lines that were looked up ahead.
#[derive(Debug)]
pub struct Outlines {
    known: Vec<Outline>,
    bytes: Vec<u8>,
    slots: Box<[u16; 1 << SLOT_BITS]>,
    window: Box<Window>,
    /// Of each line of the window.
    fingerprints: Box<[u64; MOST_LINES]>,
    found: Box<[Found; MOST_LINES]>,
    /// The next line of the window, and where it begins in the block.
    next: usize,
    at: usize,
    /// A string may begin after a colon and a space, too.
    is_spaced: bool,
    /// Numbers with and without a fraction look the same.
    is_joined: bool,
    /// Where the line begins that was read last, if its outline is not known; else `NOWHERE`.
    missed: usize,
    /// The value of a line that has none.
    absent: Number,
    backoff: Backoff,
}

impl Outlines {
    /// No outlines yet; `absent` is the value of a line that has none.
    pub fn new(absent: Number) -> Self {
        Self {
            known: Vec::new(),
            bytes: Vec::new(),
            slots: Box::new([NO_OUTLINE; 1 << SLOT_BITS]),
            window: Box::default(),
            fingerprints: Box::new([0; MOST_LINES]),
            found: Box::new([UNKNOWN; MOST_LINES]),
            next: 0,
            at: 0,
            is_spaced: false,
            is_joined: false,
            missed: NOWHERE,
            absent,
            backoff: Backoff::new(RATES),
        }
    }

    /// Forgets the lines that were looked up ahead, as is due before another block.
    pub fn leave_block(&mut self) {
        self.window.count = 0;
        self.missed = NOWHERE;
    }

    /// Whether to `read` the next line. To be asked once for each.
    #[inline(always)]
    pub fn are_open(&mut self) -> bool {
        self.backoff.is_open()
    }

    /// Reads the line that begins at `at`, if it has a known outline and the end of the block is not near.
    #[inline(always)]
    pub fn read<W: Wide>(
        &mut self,
        wide: W,
        block: &[u8],
        at: usize,
        long: &mut Exact,
    ) -> Option<Match> {
        if self.next >= self.window.count || self.at != at {
            let is_used_up = self.next == self.window.count && self.at == at;
            self.window.look(wide, block, at, is_used_up, (self.is_spaced, self.is_joined));
            (self.next, self.at) = (0, at);
            wide.apart(LookUp { outlines: self, block, only: None });
        }
        let found = self.read_next(wide, block, long);
        if found.is_some() {
            self.missed = NOWHERE;
            self.backoff.hit(1);
        } else {
            self.missed = at;
            self.miss();
        }
        found
    }

    #[inline(always)]
    fn read_next<W: Wide>(&mut self, wide: W, block: &[u8], long: &mut Exact) -> Option<Match> {
        if self.next >= self.window.count {
            return None;
        }
        let start = self.at;
        let end = self.window.end(self.next);
        let found = &self.found[self.next];
        self.next += 1;
        self.at = end + 1;
        if !found.is_known {
            return None;
        }
        let &Found { type_text, value: (value_at, value_end), time_at, .. } = found;
        let value = if value_at == NOWHERE {
            Some(self.absent)
        } else {
            let text = block.get(value_end.wrapping_sub(NUMERAL)..)?.first_chunk()?;
            match exact::read_whole(wide, text, value_end - value_at, block, value_at) {
                Some(number) => Some(number),
                None => exact::read_any(wide, block, value_at, long)?.0,
            }
        };
        let event = Event { start, end, type_text, value_at, time_at };
        Some(Match { event, is_plain: true, value })
    }

    #[cold]
    #[inline(never)]
    fn miss(&mut self) {
        if self.backoff.miss() {
            self.clear();
            // Before they are closed, those are tried in which all numbers look the same; they take a little longer.
            self.is_joined = !self.is_joined;
            if self.is_joined {
                self.backoff.open();
            }
        }
    }

    /// Takes up the outline of an event, if it is that of the line that `read` did not know just now.
    #[inline(always)]
    pub fn learn<W: Wide>(&mut self, wide: W, block: &[u8], event: Event) {
        if self.missed == event.start {
            self.missed = NOWHERE;
            if let Some(fingerprint) = self.take_up(block, event) {
                wide.apart(LookUp { outlines: self, block, only: Some(fingerprint) });
            }
        }
    }

    /// Takes up the outline of the line before the next one of the window; gives its fingerprint.
    #[cold]
    #[inline(never)]
    fn take_up(&mut self, block: &[u8], event: Event) -> Option<u64> {
        let Event { start, end, type_text, value_at, time_at } = event;
        // The line may not have been in the window at all.
        let line = self.next.checked_sub(1).filter(|_| self.at == end + 1)?;
        let range = self.window.outline_of(line);
        let outline = &self.window.outline()[range.clone()];
        if self.known.len() == MOST_OUTLINES || self.bytes.len() + outline.len() > MOST_BYTES {
            return None;
        }
        if !self.is_spaced && outline.windows(3).any(|three| three == b": \"") {
            self.clear();
            self.is_spaced = true;
            return None;
        }
        let is_quoted = |at: usize| at != NOWHERE && block[at - 1] == b'"';
        if is_quoted(value_at)
            || outline.contains(&b'\\')
            || outline.windows(2).any(|two| two == b"0e" || two == b"0E")
        {
            return None;
        }
        let fingerprint = self.fingerprints[line];
        let slot = slot(fingerprint);
        let mut alike = 0;
        let mut other = self.slots[slot];
        while let Some(known) = self.known.get(usize::from(other)) {
            (alike, other) = (alike + 1, known.next);
        }
        if alike == MOST_ALIKE {
            return None;
        }
        let mut value_end = value_at;
        while value_end != NOWHERE && matches!(block[value_end], b'-' | b'0'..=b'9' | b'.') {
            value_end += 1;
        }
        let spot = |at: usize| self.window.spot(at, range.start, start, end);
        let known = Outline {
            fingerprint,
            start: self.bytes.len(),
            length: outline.len(),
            type_text: (spot(type_text.0 - 1), spot(type_text.1)),
            value: (spot(value_at), spot(value_end)),
            time: spot(if is_quoted(time_at) { time_at - 1 } else { time_at }),
            is_time_text: is_quoted(time_at),
            next: self.slots[slot],
        };
        self.bytes.extend_from_slice(outline);
        // Each can be loaded as a chunk.
        self.bytes.resize(self.bytes.len().max(known.start + CHUNK), 0);
        self.slots[slot] = self.known.len() as u16;
        self.known.push(known);
        Some(fingerprint)
    }

    /// Forgets all outlines.
    fn clear(&mut self) {
        self.known.clear();
        self.bytes.clear();
        self.slots.fill(NO_OUTLINE);
        self.leave_block();
    }
}

#[inline(always)]
fn slot(fingerprint: u64) -> usize {
    (fingerprint >> (64 - SLOT_BITS)) as usize
}

#[inline(always)]
fn scatter(digest: u64, length: usize) -> u64 {
    (digest ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The fingerprint of the outline that `text` begins with; there are at least 64 bytes.
#[inline(always)]
fn fingerprint<W: Wide>(wide: W, text: &[u8], length: usize) -> Option<u64> {
    let Some(last) = length.checked_sub(CHUNK) else {
        let first = wide.replace(wide.load(text.first_chunk()?), u64::MAX << length, 0);
        return Some(scatter(wide.digest(first), length));
    };
    let mut mixed = wide.load(text[last..].first_chunk()?);
    if last <= EVENLY * CHUNK {
        // As many for each, so that no branch tells their lengths apart; together they cover all bytes.
        for part in 0..EVENLY {
            mixed = wide.mix(mixed, wide.load(text[last * part / EVENLY..].first_chunk()?));
        }
    } else {
        for chunk in text[..length].as_chunks().0 {
            mixed = wide.mix(mixed, wide.load(chunk));
        }
    }
    Some(scatter(wide.digest(mixed), length))
}

/// Whether two texts, each of at least 64 bytes, begin with the same outline.
#[inline(always)]
fn are_same<W: Wide>(wide: W, text: &[u8], known: &[u8], length: usize) -> bool {
    let (one, other) = (&text[..length], &known[..length]);
    let mut same = match (one.last_chunk(), other.last_chunk()) {
        (Some(one), Some(other)) => wide.same(wide.load(one), wide.load(other)),
        _ => match (text.first_chunk(), known.first_chunk()) {
            (Some(one), Some(other)) => {
                wide.same(wide.load(one), wide.load(other)) | u64::MAX << length
            }
            _ => 0,
        },
    };
    for (one, other) in one.as_chunks().0.iter().zip(other.as_chunks().0) {
        same &= wide.same(wide.load(one), wide.load(other));
    }
    same == u64::MAX
}

/// Looks up the lines of the window, from the next one on; or only those that are not known and have a fingerprint.
///
/// All at once, in two steps: for one line alone, each step would wait for the one before.
struct LookUp<'a> {
    outlines: &'a mut Outlines,
    block: &'a [u8],
    only: Option<u64>,
}

impl Task for LookUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
        let Self { outlines, block, only } = self;
        let Outlines { window, fingerprints, known, bytes, slots, found, next, at, .. } = outlines;
        if only.is_none() {
            for line in *next..window.count {
                let range = window.outline_of(line);
                let text = &window.outline()[range.start..];
                fingerprints[line] = fingerprint(wide, text, range.len()).unwrap_or(0);
            }
        }
        let mut start = *at;
        for line in *next..window.count {
            let end = window.end(line);
            let fingerprint = fingerprints[line];
            if only.is_some_and(|only| only != fingerprint || found[line].is_known) {
                start = end + 1;
                continue;
            }
            let range = window.outline_of(line);
            let text = &window.outline()[range.start..];
            let mut other = slots[slot(fingerprint)];
            found[line] = loop {
                let Some(one) = known.get(usize::from(other)) else {
                    break UNKNOWN;
                };
                if (one.fingerprint, one.length) != (fingerprint, range.len())
                    || !are_same(wide, text, &bytes[one.start..], one.length)
                {
                    other = one.next;
                    continue;
                }
                if !window.is_text(wide, block, start, end) {
                    break UNKNOWN;
                }
                // No closure: it might be compiled without the instructions of the level.
                let from = range.start;
                let mut value = (NOWHERE, NOWHERE);
                if one.value.0.at != NOWHERE {
                    value = (
                        window.place(wide, one.value.0, from, start, end),
                        window.place(wide, one.value.1, from, start, end),
                    );
                }
                let mut time_at = NOWHERE;
                if one.time.at != NOWHERE {
                    time_at = window.place(wide, one.time, from, start, end)
                        + usize::from(one.is_time_text);
                }
                let type_text = (
                    window.place(wide, one.type_text.0, from, start, end) + 1,
                    window.place(wide, one.type_text.1, from, start, end),
                );
                break Found { is_known: true, type_text, value, time_at };
            };
            start = end + 1;
        }
    }
}

#[cfg(test)]
mod tests;

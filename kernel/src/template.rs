//! Short lines met lately, byte for byte, but for a value of any width and for what may differ
//! without harm.
//!
//! A template is a line that was found to be an event, with its type and the place of that type in
//! the summary. It is compared from both ends: the head up to the value, and the tail after it, at
//! most 64 bytes each. What fits needs no look at its grammar and no look-up of its type. A line
//! that fits none is not wrong; it is left to the other caches, which know strings of any length.
//!
//! Why a line that fits is an event: it differs from one that is, only
//! - in the text of strings that are neither keys nor the type, by bytes that are printable ASCII
//!   and neither a quote nor a backslash, before and after;
//! - in the digits of other numbers that have no exponent, where they still begin with no zero that
//!   they may not begin with, and are as long as before;
//! - in the value, which `exact` reads, and which ends where the tail begins.
//!
//! A line without a value, where something replaces it, is cut in two instead: its tail begins
//! where its head ends. The keys are the same, so the fields stand where they stood, however deep.

use crate::backoff::{Backoff, Rates};
use crate::event::{Event, NOWHERE};
use crate::exact::{self, Number};
use crate::part::{Part, classes};
use crate::summary::Place;
use crate::wide::{CHUNK, NUMERAL, Wide};
use std::ops::Range;

#[derive(Clone, Debug)]
struct Template {
    /// Begins with the line.
    head: Part,
    /// Ends with the line, its "\n" included.
    tail: Part,
    head_length: usize,
    tail_length: usize,
    /// Both together.
    fixed_length: usize,
    /// There are places of text in it at which any plain byte fits.
    is_loose: bool,
    has_value: bool,
    /// Where the text or the digits of the time are, from the start of the line or, if that is no
    /// place in a head, from the byte after its "\n"; or `NOWHERE`.
    time: usize,
    /// None: the type is not wanted.
    place: Option<Place>,
    key: [u64; 2],
}

/// A line that fits a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub place: Option<Place>,
    pub value: Number,
    /// Where its "\n" is.
    pub end: usize,
    /// Where the text or the digits of its time begin.
    pub time_at: usize,
}

/// The longest line that may fit.
pub const LONGEST: usize = 2 * CHUNK;
/// What is looked at of the block where such a line is, from a chunk before it on.
pub const AROUND: usize = CHUNK + LONGEST + 2 * CHUNK;
/// How many lines are looked at ahead.
const LINES: usize = 32;
const MOST_TEMPLATES: usize = 64;
const SLOT_BITS: u32 = 10;
const NO_TEMPLATE: u8 = u8::MAX;
/// Bytes that tell templates apart.
const KEY: usize = 16;
const TRIES: u64 = 16;
/// Templates are made at most that often before they rest once: making one is slow.
const MOST_LEARNED: u32 = 256;
const RATES: Rates = Rates { most: 96, miss: 3, first: 1 << 10, longest: 1 << 18 };

/// The templates, and where to look for one.
///
/// Which template a line might fit is determined by the 16 bytes from the place where a type began, as
/// far as they are the same in all lines of each template. Looking there first, and only there,
/// makes the choice without a branch: types come in random order.
#[derive(Debug)]
pub struct Templates {
    templates: Vec<Template>,
    /// The value of a line that has none.
    absent: Number,
    slots: [u8; 1 << SLOT_BITS],
    multiplier: u64,
    /// Where the key is, from the start of the line or from the byte after its "\n".
    is_from_end: bool,
    offset: usize,
    mask: [u64; 2],
    learned: u32,
    ahead: Ahead,
    backoff: Backoff,
}

/// Lines that were looked at ahead of the fold.
#[derive(Debug)]
struct Ahead {
    /// Where the first line begins that was not read yet, and which of them it is.
    start: usize,
    next: usize,
    count: usize,
    /// Where the "\n" of each is; a chunk may hold more than are wanted.
    ends: [usize; LINES + CHUNK],
    templates: [u8; LINES],
}

impl Templates {
    /// No templates yet; `absent` is the value of a line that has none.
    pub fn new(absent: Number) -> Self {
        Self {
            templates: Vec::new(),
            absent,
            slots: [NO_TEMPLATE; 1 << SLOT_BITS],
            multiplier: 0,
            is_from_end: false,
            offset: 0,
            mask: [0; 2],
            learned: 0,
            backoff: Backoff::new(RATES),
            ahead: Ahead {
                start: 0,
                next: 0,
                count: 0,
                ends: [0; LINES + CHUNK],
                templates: [0; LINES],
            },
        }
    }

    /// Forgets what lies ahead, as is due before another block.
    pub fn leave_block(&mut self) {
        self.ahead.count = 0;
    }

    /// Looks ahead from the line that begins at `at` on: gives the numbers of the lines ahead, for `read`; none
    /// if the next one is too long. None: it is too near an end of the block. The caller must say by
    /// `pass` how far it went.
    ///
    /// One line alone is a long chain of steps that wait for each other. Those of many lines do not,
    /// so the first steps are taken for many lines at once.
    #[inline(always)]
    pub fn look_ahead<W: Wide>(
        &mut self,
        wide: W,
        block: &[u8],
        at: usize,
    ) -> Option<Range<usize>> {
        if self.ahead.next >= self.ahead.count || self.ahead.start != at {
            if at < CHUNK || !self.find_ends(wide, block, at) {
                return None;
            }
            self.find_templates(block, at);
        }
        Some(self.ahead.next..self.ahead.count)
    }

    /// The lines ahead before `line` were added, that one begins at `at`, and will be read in another way if
    /// it is a `misfit`.
    #[inline(always)]
    pub fn pass(&mut self, line: usize, at: usize, misfit: bool) {
        self.ahead.next = line + usize::from(misfit);
        self.ahead.start = if misfit { self.ahead.ends[line] + 1 } else { at };
    }

    /// Finds where lines end, from the one that begins at `at` on. False: the end of the block is too near.
    #[inline(always)]
    fn find_ends<W: Wide>(&mut self, wide: W, block: &[u8], at: usize) -> bool {
        let places = &mut self.ahead.ends;
        let mut count = 0;
        let mut chunks = block.get(at..).unwrap_or(&[]).windows(CHUNK + AROUND).step_by(CHUNK);
        (self.ahead.next, self.ahead.count) = (0, 0);
        for chunk_at in (at..at + LINES * LONGEST).step_by(CHUNK) {
            let Some(room) = chunks.next() else {
                if count == 0 {
                    return false;
                }
                break;
            };
            let bytes = room.first_chunk().expect("it is longer");
            wide.prefetch_ahead(bytes);
            let mut ends = wide.equal(wide.load(bytes), b'\n');
            let found = ends.count_ones() as usize;
            // Mostly there is one end, sometimes two or none: no branch tells them apart.
            for place in &mut places[count..count + 2] {
                *place = chunk_at + ends.trailing_zeros() as usize;
                ends &= ends.wrapping_sub(1);
            }
            if found > 2 {
                for place in &mut places[count + 2..count + found] {
                    *place = chunk_at + ends.trailing_zeros() as usize;
                    ends &= ends - 1;
                }
            }
            count += found;
            if count >= LINES {
                break;
            }
        }
        self.ahead.count = count.min(LINES);
        true
    }

    /// Finds the template that each line ahead might fit.
    #[inline(always)]
    fn find_templates(&mut self, block: &[u8], at: usize) {
        let Ahead { ends, templates, count, .. } = &mut self.ahead;
        let mut start = at;
        for (&end, template) in ends[..*count].iter().zip(templates) {
            let base = if self.is_from_end { end + 1 } else { start };
            let key = block.get(base.wrapping_add(self.offset)..).and_then(<[u8]>::first_chunk);
            // Without a key, any template is as wrong as the first one.
            *template =
                key.map_or(0, |key| self.slots[slot(masked(key, self.mask), self.multiplier)]);
            start = end + 1;
        }
    }

    /// Reads a line ahead, which begins at `at`, if it fits a template. Unless `MAY_LACK`, all lines
    /// that were learned have values; unless `TIMED`, no time is looked for.
    #[inline(always)]
    pub fn read<W: Wide, const MAY_LACK: bool, const TIMED: bool>(
        &self,
        wide: W,
        block: &[u8],
        at: usize,
        line: usize,
    ) -> Option<Fit> {
        let end = self.ahead.ends[line];
        let template = self.templates.get(usize::from(self.ahead.templates[line]))?;
        let around: &[u8; AROUND] = block.get(at - CHUNK..)?.first_chunk()?;
        let length = end + 1 - at;
        if length > LONGEST {
            return None;
        }
        let head = wide.load(around[CHUNK..].first_chunk()?);
        let tail = wide.load(around[length..].first_chunk()?);
        if template.head.fits(wide, head) & template.tail.fits(wide, tail) != u64::MAX
            || (template.is_loose
                && template.head.marks(wide, head) | template.tail.marks(wide, tail) != 0)
        {
            return None;
        }
        let width = length.wrapping_sub(template.fixed_length);
        let value = if MAY_LACK && !template.has_value {
            (width == 0).then_some(self.absent)?
        } else {
            // As a byte, it is within what is around the line, whatever it is.
            let text_at = (CHUNK + length - NUMERAL).wrapping_sub(template.tail_length) as u8;
            let text = around[usize::from(text_at)..].first_chunk()?;
            exact::read_whole(wide, text, width, block, at + template.head_length)?
        };
        let mut time_at = NOWHERE;
        if TIMED && template.time != NOWHERE {
            let base = if template.time <= CHUNK { at } else { end + 1 };
            time_at = base.wrapping_add(template.time);
        }
        Some(Fit { place: template.place, value, end, time_at })
    }

    /// Whether to try `read`, and to report by `hit` and `miss`. To be asked once for each line that none fits.
    #[inline(always)]
    pub fn are_open(&mut self) -> bool {
        self.backoff.is_open()
    }

    /// So many lines fitted.
    #[inline(always)]
    pub fn hit(&mut self, lines: usize) {
        self.backoff.hit(lines as u32);
    }

    /// A line did not fit. False: templates are closed now.
    #[inline(always)]
    pub fn miss(&mut self) -> bool {
        let is_closed = self.backoff.miss();
        if is_closed {
            self.clear();
        }
        !is_closed
    }

    /// Forgets all templates, as is due when the places of types are no longer valid.
    pub fn clear(&mut self) {
        let backoff = self.backoff.clone();
        *self = Self { backoff, ..Self::new(self.absent) };
    }

    /// Makes a template of an event that fits none, whose type has this place.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, block: &[u8], event: Event, place: Option<Place>) {
        if self.learned == MOST_LEARNED || event.end - event.start >= LONGEST {
            return;
        }
        self.learned += 1;
        let Some(mut template) = template(block, event, place, false) else {
            return;
        };
        let Template { head_length, tail_length, .. } = template;
        if self.templates.is_empty() {
            let (type_at, line_end) = (event.type_text.0, event.end + 1);
            self.is_from_end = type_at - event.start > head_length;
            self.offset = if self.is_from_end {
                (line_end - type_at).max(KEY).wrapping_neg()
            } else {
                type_at - event.start
            };
            self.mask = [u64::MAX; 2];
        }
        // Only bytes that are the same in all lines of the template may tell where it is.
        let part = if self.is_from_end { &template.tail } else { &template.head };
        let from = if self.is_from_end { CHUNK.wrapping_add(self.offset) } else { self.offset };
        let mut key = [0; KEY];
        let mut mask = [0; KEY];
        for (at, place) in (from..CHUNK.min(from + KEY)).enumerate() {
            let is_inside =
                if self.is_from_end { place >= CHUNK - tail_length } else { place < head_length };
            if is_inside && part.span[place] == 0 {
                (key[at], mask[at]) = (part.low[place], u8::MAX);
            }
        }
        let mask = u128::from_le_bytes(mask);
        self.mask = [self.mask[0] & mask as u64, self.mask[1] & (mask >> 64) as u64];
        let key = masked(&key, self.mask);
        for template in &mut self.templates {
            template.key = [template.key[0] & self.mask[0], template.key[1] & self.mask[1]];
        }
        let same = self.templates.iter().position(|other| other.key == key);
        if same.is_some()
            && let Some(loose) = self::template(block, event, place, true)
        {
            template = loose;
        }
        template.key = key;
        match same {
            Some(same) => self.templates[same] = template,
            None if self.templates.len() == MOST_TEMPLATES => return,
            None => self.templates.push(template),
        }
        self.distribute();
        self.ahead.count = 0;
    }

    /// Gives every template a slot, of its own if that can be had soon.
    fn distribute(&mut self) {
        for round in 0..TRIES {
            self.multiplier = (2 * round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            self.slots.fill(NO_TEMPLATE);
            let mut are_apart = true;
            for (at, template) in self.templates.iter().enumerate() {
                let slot = &mut self.slots[slot(template.key, self.multiplier)];
                are_apart &= *slot == NO_TEMPLATE;
                *slot = at as u8;
            }
            if are_apart {
                break;
            }
        }
    }
}

#[inline(always)]
fn masked(key: &[u8; KEY], mask: [u64; 2]) -> [u64; 2] {
    let word = u128::from_le_bytes(*key);
    [word as u64 & mask[0], (word >> 64) as u64 & mask[1]]
}

#[inline(always)]
fn slot(key: [u64; 2], multiplier: u64) -> usize {
    let mixed = (key[0].rotate_left(29) ^ key[1]).wrapping_mul(multiplier);
    (mixed >> (64 - SLOT_BITS)) as usize
}

/// The template of an event, if it ends with "\n" and both parts are short enough.
fn template(block: &[u8], event: Event, place: Option<Place>, is_loose: bool) -> Option<Template> {
    let Event { start, end, type_text: (type_at, _), value_at, time_at } = event;
    let line = block.get(start..=end).filter(|line| line.ends_with(b"\n"))?;
    let type_at = type_at - start;
    let has_value = value_at != NOWHERE;
    let head_length = if has_value { value_at - start } else { line.len().min(CHUNK) };
    let value_length = if has_value { exact::read_long(&line[head_length..])?.1 } else { 0 };
    let tail_length = line.len() - head_length - value_length;
    if head_length > CHUNK || tail_length > CHUNK {
        return None;
    }
    // Up to the value, places are the same from the start of the line; after it, from its end.
    let is_ahead = time_at.wrapping_sub(start) <= head_length;
    let base = if is_ahead { start } else { end + 1 };
    let time = if time_at == NOWHERE { NOWHERE } else { time_at.wrapping_sub(base) };
    let classes = classes(line, type_at, is_loose);
    let head = Part::new(&classes[..head_length], 0)?;
    let tail = Part::new(&classes[line.len() - tail_length..], CHUNK - tail_length)?;
    let fixed_length = head_length + tail_length;
    let is_loose = head.text | tail.text != 0;
    let key = [0; 2];
    Some(Template {
        head,
        tail,
        head_length,
        tail_length,
        fixed_length,
        is_loose,
        has_value,
        time,
        place,
        key,
    })
}

#[cfg(test)]
mod tests;

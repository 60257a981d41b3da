//! The outlines of lines met lately: what is left of a line without the text of its values.
//!
//! For long lines. The outline of a line are its bytes, except
//!
//! - the text of each string that begins right behind a colon, or a colon and a space, and
//! - outside of strings, the digits of each run behind the first, in place of which a zero stands. Where that makes too
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
//! Outlines are made of many lines at once, without a branch for what stands in them: a step for each 64 bytes, as in
//! the first stage of simdjson (Langdale and Lemire, VLDB Journal 2019). Then each is looked up as a whole.

use crate::exact::{self, Exact, Number};
use crate::layout::Match;
use crate::parse::{self, NOWHERE};
use crate::template::Event;
use crate::wide::{CHUNK, NUMERAL, Task, Wide};
use std::ops::Range;

/// Chunks that are looked at in one go: bytes and outlines stay in the nearest cache.
const CHUNKS: usize = 384;
/// The least of them, where it is not known that more lines will be read; there are four times as many each time
/// when all that were found were read.
const LEAST_CHUNKS: usize = 1;
const MOST_LINES: usize = 256;
const SLOT_BITS: u32 = 11;
const NO_OUTLINE: u16 = u16::MAX;
const MOST_OUTLINES: usize = 512;
/// What the outlines may take together.
const MOST_BYTES: usize = 1 << 19;
/// What a line that has no known outline costs, where one that has earns one; when nothing is left, outlines
/// rest, each time for twice as many lines.
const PRICE_OF_MISS: u32 = 2;
const MOST_CREDIT: u32 = 400;
const FIRST_REST: u32 = 1 << 12;
const LONGEST_REST: u32 = 1 << 20;

/// What is known of the lines with an outline.
#[derive(Clone, Debug)]
struct Outline {
    /// Where its bytes are among those of all.
    start: usize,
    length: usize,
    /// The quotes of the type.
    type_text: (Spot, Spot),
    /// The first byte of the value, and the one behind it.
    value: (Spot, Spot),
    /// The digits of the time, or the quote before its text.
    time: Spot,
    is_time_text: bool,
    /// Another one with the same slot.
    instead: u16,
}

/// A place in an outline.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// `NOWHERE`: there is none.
    at: usize,
    /// How far it was from the start of the line; or, if it was nearer, from its end, and then less than zero.
    distance: isize,
}

/// The lines that were looked at last, and what was found.
#[derive(Debug)]
struct Window {
    /// Where it begins in the block.
    start: usize,
    /// How many chunks it may have once a line has ended in it.
    reach: usize,
    /// The bytes of each chunk that are left in the outline.
    kept: [u64; CHUNKS],
    /// How long the outline was before each chunk, and in the end.
    lengths: [u32; CHUNKS + 1],
    /// Not zero for the chunks that are not all ASCII, and for those in which a line ends.
    is_high: [u8; CHUNKS + CHUNK],
    has_end: [u8; CHUNKS],
    outline: [u8; CHUNKS * CHUNK + CHUNK],
    /// Of each line, where its "\n" is, from the start of the window, and where its outline ends.
    lines: [(u32, u32); MOST_LINES],
    /// Where to look for its outline.
    slots: [u16; MOST_LINES],
    found: [Found; MOST_LINES],
    count: usize,
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

/// The outlines, and whether they are worth their while.
#[derive(Debug)]
pub struct Outlines {
    known: Vec<Outline>,
    bytes: Vec<u8>,
    slots: Box<[u16; 1 << SLOT_BITS]>,
    window: Box<Window>,
    /// The next line of the window, and where it begins in the block.
    next: usize,
    at: usize,
    /// A space stands behind the colons.
    is_spaced: bool,
    /// Numbers with and without a fraction look the same.
    is_joined: bool,
    /// The line that was read last has no known outline.
    is_missed: bool,
    /// The value of a line that has none.
    absent: Number,
    credit: u32,
    rest: u32,
    next_rest: u32,
}

impl Outlines {
    /// No outlines yet; `absent` is the value of a line that has none.
    pub fn new(absent: Number) -> Self {
        Self {
            known: Vec::new(),
            bytes: Vec::new(),
            slots: Box::new([NO_OUTLINE; 1 << SLOT_BITS]),
            window: Box::new(Window {
                start: 0,
                reach: LEAST_CHUNKS,
                kept: [0; CHUNKS],
                lengths: [0; CHUNKS + 1],
                is_high: [0; CHUNKS + CHUNK],
                has_end: [0; CHUNKS],
                outline: [0; CHUNKS * CHUNK + CHUNK],
                lines: [(0, 0); MOST_LINES],
                slots: [0; MOST_LINES],
                found: [UNKNOWN; MOST_LINES],
                count: 0,
            }),
            next: 0,
            at: 0,
            is_spaced: false,
            is_joined: false,
            is_missed: false,
            absent,
            credit: MOST_CREDIT,
            rest: 0,
            next_rest: FIRST_REST,
        }
    }

    /// Forgets the lines that were looked at, as is due before another block.
    pub fn leave_block(&mut self) {
        self.window.count = 0;
        self.is_missed = false;
    }

    /// Whether to try `read` and `learn` on the next line.
    #[inline(always)]
    pub fn are_in_use(&mut self) -> bool {
        if self.rest == 0 {
            return true;
        }
        self.rest -= 1;
        false
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
            let window = &mut *self.window;
            // Where lines between were read in another way, only the next one may be wanted.
            let is_used_up = self.next == window.count && self.at == at;
            window.reach = if is_used_up { CHUNKS.min(4 * window.reach) } else { LEAST_CHUNKS };
            match (self.is_spaced, self.is_joined) {
                (false, false) => wide.apart(Look::<false, false> { window, block, start: at }),
                (false, true) => wide.apart(Look::<false, true> { window, block, start: at }),
                (true, false) => wide.apart(Look::<true, false> { window, block, start: at }),
                (true, true) => wide.apart(Look::<true, true> { window, block, start: at }),
            }
            (self.next, self.at) = (0, at);
            wide.apart(LookUp { outlines: self, block });
        }
        let found = self.read_next(wide, block, long);
        self.is_missed = found.is_none();
        if found.is_some() {
            self.credit = MOST_CREDIT.min(self.credit + 1);
        } else {
            self.miss();
        }
        found
    }

    #[cold]
    #[inline(never)]
    fn miss(&mut self) {
        self.credit = self.credit.saturating_sub(PRICE_OF_MISS);
        if self.credit == 0 {
            self.clear();
            self.credit = MOST_CREDIT;
            // Before outlines rest, those are tried in which all numbers look the same; they take a little longer.
            if self.is_joined {
                self.rest = self.next_rest;
                self.next_rest = LONGEST_REST.min(2 * self.next_rest);
            }
            self.is_joined = !self.is_joined;
        }
    }

    #[inline(always)]
    fn read_next<W: Wide>(&mut self, wide: W, block: &[u8], long: &mut Exact) -> Option<Match> {
        let window = &*self.window;
        if self.next >= window.count {
            return None;
        }
        let end = window.start + window.lines[self.next].0 as usize;
        let found = &window.found[self.next];
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
        Some(Match { end, type_text, is_plain: true, value_at, time_at, value })
    }

    /// Takes up the outline of the line that `read` did not read, now that it is known to be an event.
    #[inline(always)]
    pub fn learn<W: Wide>(&mut self, wide: W, block: &[u8], event: Event) {
        if self.is_missed {
            self.is_missed = false;
            if self.take_up(wide, block, event) {
                wide.apart(LookUp { outlines: self, block });
            }
        }
    }

    /// Takes up the outline of the line before the next one of the window. False: it has none to take up.
    #[cold]
    #[inline(never)]
    fn take_up<W: Wide>(&mut self, wide: W, block: &[u8], event: Event) -> bool {
        let Event { start, end, type_text, value_at, time_at, .. } = event;
        // The line may not have been in the window at all.
        let Some(line) = self.next.checked_sub(1).filter(|_| self.at == end + 1) else {
            return false;
        };
        let range = self.window.outline_of(line);
        let outline = &self.window.outline[range.clone()];
        if self.known.len() == MOST_OUTLINES || self.bytes.len() + outline.len() > MOST_BYTES {
            return false;
        }
        if !self.is_spaced && outline.windows(3).any(|three| three == b": \"") {
            self.clear();
            self.is_spaced = true;
            return false;
        }
        let is_quoted = |at: usize| at != NOWHERE && block[at - 1] == b'"';
        let Some(slot) = digest(wide, outline) else { return false };
        if is_quoted(value_at)
            || outline.contains(&b'\\')
            || outline.windows(2).any(|two| two == b"0e" || two == b"0E")
        {
            return false;
        }
        let mut value_end = value_at;
        while value_end != NOWHERE && matches!(block[value_end], b'-' | b'0'..=b'9' | b'.') {
            value_end += 1;
        }
        let spot = |at: usize| self.window.spot(at, range.start, start, end);
        let known = Outline {
            start: self.bytes.len(),
            length: outline.len(),
            type_text: (spot(type_text.0 - 1), spot(type_text.1)),
            value: (spot(value_at), spot(value_end)),
            time: spot(if is_quoted(time_at) { time_at - 1 } else { time_at }),
            is_time_text: is_quoted(time_at),
            instead: self.slots[slot],
        };
        self.bytes.extend_from_slice(outline);
        self.slots[slot] = self.known.len() as u16;
        self.known.push(known);
        true
    }

    /// Forgets all outlines.
    fn clear(&mut self) {
        self.known.clear();
        self.bytes.clear();
        self.slots.fill(NO_OUTLINE);
        self.leave_block();
    }
}

impl Window {
    /// Where the outline of a line is.
    #[inline(always)]
    fn outline_of(&self, line: usize) -> Range<usize> {
        let from = line.checked_sub(1).map_or(0, |before| self.lines[before].1 as usize);
        from..self.lines[line].1 as usize
    }

    /// Finds the lines that end in the first so many chunks.
    #[inline(always)]
    fn find_lines<W: Wide>(&mut self, wide: W, chunks: &[[u8; CHUNK]], seen: usize) {
        self.count = 0;
        self.has_end[seen..seen.next_multiple_of(CHUNK)].fill(0);
        for (group, flags) in
            self.has_end[..seen.next_multiple_of(CHUNK)].as_chunks().0.iter().enumerate()
        {
            let mut with_end = !wide.equal(wide.load(flags), 0);
            while with_end != 0 {
                let at = group * CHUNK + with_end.trailing_zeros() as usize;
                with_end &= with_end - 1;
                let mut ends = wide.equal(wide.load(&chunks[at]), b'\n');
                while ends != 0 {
                    let Some(line) = self.lines.get_mut(self.count) else { return };
                    let before = (self.kept[at] & (ends ^ (ends - 1))).count_ones();
                    *line =
                        ((at * CHUNK) as u32 + ends.trailing_zeros(), self.lengths[at] + before);
                    self.count += 1;
                    ends &= ends - 1;
                }
            }
        }
    }

    /// The place in the block of a byte of the outline that begins at `from`, in the line from `start` to `end`.
    ///
    /// It is mostly as far from the start, or the end, as it was in the line that was learned.
    #[inline(always)]
    fn place<W: Wide>(&self, wide: W, spot: Spot, from: usize, start: usize, end: usize) -> usize {
        let at = (from + spot.at) as u32;
        let near = if spot.distance < 0 { end } else { start };
        // What is known of chunks outside of the line may be of an earlier window.
        let near = (near.wrapping_add_signed(spot.distance).clamp(start, end) - self.start) / CHUNK;
        let near = near.clamp(1, CHUNKS - 1);
        let lengths: &[u32; 3] = self.lengths[near - 1..].first_chunk().expect("there is one more");
        let mut chunk = near - 1 + usize::from(lengths[1] <= at) + usize::from(lengths[2] <= at);
        if at < self.lengths[chunk] || at >= self.lengths[chunk + 1] {
            chunk = self.chunk_of(at, chunk);
        }
        let number = at - self.lengths[chunk];
        self.start + chunk * CHUNK + wide.select(self.kept[chunk], number) as usize
    }

    /// The chunk in which a byte of the outline is, in search of which to start at another one.
    #[cold]
    #[inline(never)]
    fn chunk_of(&self, at: u32, mut chunk: usize) -> usize {
        while self.lengths[chunk] > at {
            chunk -= 1;
        }
        while chunk < CHUNKS - 1 && self.lengths[chunk + 1] <= at {
            chunk += 1;
        }
        chunk
    }

    /// The spot of a byte of the block that is left in the outline from `from` on, of the line from `start` to `end`.
    fn spot(&self, at: usize, from: usize, start: usize, end: usize) -> Spot {
        if at == NOWHERE {
            return Spot { at, distance: 0 };
        }
        let (chunk, bit) = ((at - self.start) / CHUNK, (at - self.start) % CHUNK);
        let before = (self.kept[chunk] & ((1 << bit) - 1)).count_ones();
        let distance =
            if at - start <= end - at { (at - start) as isize } else { at as isize - end as isize };
        Spot { at: (self.lengths[chunk] + before) as usize - from, distance }
    }

    /// Whether a line is valid UTF-8.
    #[inline(always)]
    fn is_text<W: Wide>(&self, wide: W, block: &[u8], start: usize, end: usize) -> bool {
        let (first, last) = ((start - self.start) / CHUNK, (end - self.start) / CHUNK);
        let (mut from, mut to) = (NOWHERE, 0);
        for at in (first..=last).step_by(CHUNK) {
            let Some(flags) = self.is_high[at..].first_chunk() else { return false };
            let high = !wide.equal(wide.load(flags), 0) & (u64::MAX >> (63 - (last - at).min(63)));
            if high != 0 {
                from = from.min(at + high.trailing_zeros() as usize);
                to = at + 64 - high.leading_zeros() as usize;
            }
        }
        if from == NOWHERE {
            return true;
        }
        // No character goes beyond either chunk, or its other bytes would make their chunk one of these.
        let range = start.max(self.start + from * CHUNK)..end.min(self.start + to * CHUNK);
        simdutf8::basic::from_utf8(&block[range]).is_ok()
    }
}

/// Which slot an outline of at least 64 bytes has.
#[inline(always)]
fn digest<W: Wide>(wide: W, outline: &[u8]) -> Option<usize> {
    let last = outline.len().checked_sub(CHUNK)?;
    let mut mixed = wide.load(outline[last..].first_chunk()?);
    for chunk in outline.as_chunks().0 {
        mixed = wide.mix(mixed, wide.load(chunk));
    }
    let digest = wide.digest(mixed) ^ outline.len() as u64;
    Some((digest.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOT_BITS)) as usize)
}

/// Whether outlines of the same length, at least 64, are the same.
#[inline(always)]
fn are_same<W: Wide>(wide: W, one: &[u8], other: &[u8]) -> bool {
    let (Some(last), Some(known)) = (one.last_chunk(), other.last_chunk()) else { return false };
    let mut same = wide.same(wide.load(last), wide.load(known));
    for (chunk, known) in one.as_chunks().0.iter().zip(other.as_chunks().0) {
        same &= wide.same(wide.load(chunk), wide.load(known));
    }
    same == u64::MAX
}

/// Looks up the lines of the window, from the next one on.
///
/// All at once, in two steps: for one line alone, each step would wait for the one before.
struct LookUp<'a> {
    outlines: &'a mut Outlines,
    block: &'a [u8],
}

impl<W: Wide> Task<W> for LookUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, wide: W) {
        let Self { outlines: Outlines { window, known, bytes, slots, next, at, .. }, block } = self;
        for line in *next..window.count {
            let outline = &window.outline[window.outline_of(line)];
            window.slots[line] = digest(wide, outline).map_or(NO_OUTLINE, |slot| slots[slot]);
        }
        let mut start = *at;
        for line in *next..window.count {
            let range = window.outline_of(line);
            let end = window.start + window.lines[line].0 as usize;
            let outline = &window.outline[range.clone()];
            let mut slot = window.slots[line];
            window.found[line] = loop {
                let Some(one) = known.get(usize::from(slot)) else {
                    break UNKNOWN;
                };
                if one.length != outline.len()
                    || !are_same(wide, outline, &bytes[one.start..one.start + one.length])
                {
                    slot = one.instead;
                    continue;
                }
                if !window.is_text(wide, block, start, end) {
                    break UNKNOWN;
                }
                let place = |spot: Spot| window.place(wide, spot, range.start, start, end);
                let mut value = (NOWHERE, NOWHERE);
                if one.value.0.at != NOWHERE {
                    value = (place(one.value.0), place(one.value.1));
                }
                let mut time_at = NOWHERE;
                if one.time.at != NOWHERE {
                    time_at = place(one.time) + usize::from(one.is_time_text);
                }
                let type_text = (place(one.type_text.0) + 1, place(one.type_text.1));
                break Found { is_known: true, type_text, value, time_at };
            };
            start = end + 1;
        }
    }
}

/// Not zero if one of the zeros at these places stands before a digit, and not behind a point.
#[cold]
#[inline(never)]
fn wrong_zeros(block: &[u8], at: usize, mut places: u64) -> u64 {
    let mut wrong = 0;
    while places != 0 {
        let place = at + places.trailing_zeros() as usize;
        places &= places - 1;
        let is_point = place > 0 && block[place - 1] == b'.';
        wrong |= u64::from(!is_point && block[place + 1].is_ascii_digit());
    }
    wrong
}

/// Marks points that are not behind a digit, or not before one, or not the only one of their number; whether a digit
/// follows the last byte is left to others. `in_fraction` is not zero if the chunk before ended in a fraction, or the
/// chunk does.
#[inline(always)]
fn wrong_points(point: u64, digit: u64, digit_before: u64, in_fraction: &mut u64) -> u64 {
    let start = digit & ((point << 1) | *in_fraction);
    // Behind the digits of a fraction there is a one in the sum, wherever they began.
    let (sum, is_over) = digit.overflowing_add(start);
    let lonely = point & !((digit << 1) | (digit_before >> 63));
    let open = point & !(digit >> 1) & !(1 << 63);
    let second = ((sum & !digit) | *in_fraction) & point;
    *in_fraction = u64::from(is_over) | (point >> 63);
    lonely | open | second
}

/// Fills a window with the lines from `start` on, up to the first with which something might be wrong.
///
/// `SPACED`: a string may begin behind a colon and a space, too. `JOINED`: a number is left as one zero, with a
/// fraction or without one.
struct Look<'a, const SPACED: bool, const JOINED: bool> {
    window: &'a mut Window,
    block: &'a [u8],
    start: usize,
}

impl<W: Wide, const SPACED: bool, const JOINED: bool> Task<W> for Look<'_, SPACED, JOINED> {
    type Output = ();

    #[inline(always)]
    fn run(self, wide: W) {
        let Self { window, block, start } = self;
        window.start = start;
        let mut length = 0_usize;
        // Of the chunk before.
        let (mut string_before, mut text_before, mut colon_before) = (0, 0, 0);
        let (mut number_before, mut digit_before, mut in_fraction) = (0, 0, 0);
        let mut space_before = 0;
        // Whether the chunk before has nothing more to say of escapes: all ones, or zeros.
        let mut is_settled = u64::MAX;
        let (mut escaped, mut unicode) = (0, 0);
        let mut second_half = NOWHERE;
        let bytes = block.get(start..).unwrap_or(&[]);
        // One byte more than the chunks have.
        let chunks = bytes.len().saturating_sub(1) / CHUNK;
        let chunks = &bytes.as_chunks().0[..chunks.min(CHUNKS)];
        let rows = window.kept.iter_mut().zip(&mut window.lengths[1..]);
        let rows = rows.zip(window.is_high.iter_mut().zip(&mut window.has_end));
        let mut seen = 0;
        let mut has_line = false;
        for (at, (bytes, ((kept, length_behind), (is_high, has_end)))) in
            chunks.iter().zip(rows).enumerate()
        {
            if at >= window.reach && has_line {
                break;
            }
            wide.prefetch_ahead(bytes);
            let chunk = wide.load(bytes);
            let mut quote = wide.equal(chunk, b'"');
            let newline = wide.equal(chunk, b'\n');
            if (wide.no_control_or_backslash(chunk) | newline) & is_settled != u64::MAX {
                let control = wide.control(chunk) & !newline;
                if control & !(wide.equal(chunk, b'\r') & (newline >> 1)) != 0 {
                    break;
                }
                let backslash = wide.equal(chunk, b'\\');
                let here = parse::escaped_bytes(backslash, &mut escaped);
                let (mut wrong, unicode_d) = parse::wrong_escapes(wide, chunk, here, &mut unicode);
                if unicode_d != 0 {
                    let at = start + at * CHUNK;
                    wrong |= parse::wrong_surrogates(block, at, unicode_d, &mut second_half);
                }
                if wrong != 0 {
                    break;
                }
                quote &= !here;
                is_settled = if escaped | (unicode >> 60) == 0 { u64::MAX } else { 0 };
            }
            // From each opening quote up to the closing one, which does not count.
            let string = wide.running_parity(quote) ^ ((string_before as i64) >> 63) as u64;
            string_before = string;
            let colon = wide.equal(chunk, b':');
            let mut behind = (colon << 1) | (colon_before >> 63);
            colon_before = colon;
            if SPACED {
                let space = behind & wide.equal(chunk, b' ');
                behind |= (space << 1) | (space_before >> 63);
                space_before = space;
            }
            let opening = quote & string & behind;
            // A one that is added to the first bit of a run turns all of the run to zeros. There is none to add to
            // a run that goes on, but that from the chunk before.
            let sum = string.wrapping_add(opening + (text_before >> 63));
            let text = string & !sum;
            text_before = text;
            let digit = wide.digit(chunk) & !string;
            let mut point = 0;
            let mut wrong = newline & string;
            if JOINED {
                point = wide.equal(chunk, b'.') & !string;
                // Most chunks have no number with a fraction.
                if point | in_fraction != 0 {
                    wrong |= wrong_points(point, digit, digit_before, &mut in_fraction);
                }
                digit_before = digit;
            }
            let number = digit | point;
            let later = number & ((number << 1) | (number_before >> 63));
            number_before = number;
            let first = number & !later;
            let digit_behind = (later & !point) >> 1;
            // Of the last byte it is not known here whether a digit follows.
            let unsure =
                (first & wide.equal(chunk, b'0') & (digit_behind | 1 << 63)) | (point & 1 << 63);
            if unsure | wrong != 0 || digit == u64::MAX {
                wrong |= if JOINED {
                    let next = block.get(start + (at + 1) * CHUNK).is_some_and(u8::is_ascii_digit);
                    (unsure & digit_behind)
                        | (u64::from((first >> 63 == 1) == next) & (unsure >> 63))
                } else {
                    wrong_zeros(block, start + at * CHUNK, unsure)
                };
                if wrong != 0 || digit == u64::MAX {
                    break;
                }
            }
            *is_high = u8::from(wide.high(chunk) != 0);
            *has_end = u8::from(newline != 0);
            has_line |= newline != 0;
            let left = !((text & !opening) | later);
            *kept = left;
            let to = &mut window.outline[length..length + CHUNK];
            let to = to.first_chunk_mut().expect("it is as long as that");
            wide.keep(wide.replace(chunk, first, b'0'), left, to);
            length += left.count_ones() as usize;
            *length_behind = length as u32;
            seen = at + 1;
        }
        window.find_lines(wide, chunks, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Key;
    use crate::wide::Portable;

    const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };
    const LINE: &str = concat!(
        r#"{"id":"2489651045","type":"push","n":[10,-0.25],"actor":{"id":665991,"login":"x y","#,
        r#""is new":true},"value":19.99,"created_at":"2015-01-01T15:00:00Z"}"#,
        "\n"
    );

    /// The event that a line is, by `parse`, if it begins at `start` of a block.
    fn event(block: &[u8], start: usize) -> Option<Event> {
        let keys = [Key::new("type"), Key::new("value"), Key::new("created_at")];
        let line = parse::line(Portable, block, start, &keys);
        let end = line.end;
        let [type_at, value_at, time_at, ..] = line.tops.ok()?;
        let at = |top| if top == NOWHERE { top } else { parse::behind_colon(block, top) };
        let type_at = at(type_at) + 1;
        Some(Event {
            start,
            end,
            type_text: (type_at, parse::string_end(block, type_at)),
            value_at: at(value_at),
            time_at: if time_at == NOWHERE { time_at } else { at(time_at) + 1 },
            place: None,
        })
    }

    /// Reads lines one behind the other, learns those that are not known, and says which were.
    fn read_all(outlines: &mut Outlines, lines: &[String]) -> Vec<bool> {
        let block = lines.concat() + &" ".repeat(CHUNK);
        let block = block.as_bytes();
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        let mut at = 0;
        outlines.leave_block();
        let known = lines.iter().map(|line| {
            let found = outlines.read(Portable, block, at, &mut long);
            let event = event(block, at);
            let is_known = found.is_some();
            if let Some(found) = found {
                let event = event.expect("only valid lines are read");
                assert_eq!(found.end, event.end, "{line}");
                assert_eq!(found.type_text, event.type_text, "{line}");
                assert_eq!((found.value_at, found.time_at), (event.value_at, event.time_at));
                let value = if event.value_at == NOWHERE {
                    ABSENT.into()
                } else {
                    exact::read_long(&block[event.value_at..]).expect("a number").0
                };
                assert_eq!(found.value.map_or(long, Exact::from), value, "{line}");
            } else if let Some(event) = event {
                outlines.learn(Portable, block, event);
            }
            at += line.len();
            is_known
        });
        known.collect()
    }

    fn is_read(known: &str, line: &str) -> bool {
        is_read_by(&mut Outlines::new(ABSENT), known, line)
    }

    fn is_read_by(outlines: &mut Outlines, known: &str, line: &str) -> bool {
        let lines = [known, line, known].map(str::to_owned);
        let found = read_all(outlines, &lines);
        assert!(!found[0] && found[2], "{line}");
        found[1]
    }

    /// A line with other text and other digits is read; one that is made of other tokens, or with which
    /// something might be wrong, is not.
    #[test]
    fn same_and_other_outlines() {
        let long = "é\\n\\u00e9 \\\"{:[".repeat(40);
        for (from, to) in [
            ("push", ""),
            ("push", long.as_str()),
            ("2489651045", "\\\\"),
            ("665991", "0"),
            ("665991", "123456789012345678901234567890"),
            ("19.99", "0.5"),
            ("19.99", "1234567890123.00005"),
            ("-0.25", "-10.05"),
            ("2015-01-01T15:00:00Z", ""),
            ("x y", "\u{1f600}"),
        ] {
            assert!(LINE.contains(from));
            assert!(is_read(LINE, &LINE.replacen(from, to, 1)), "{from} {to}");
        }
        for (from, to) in [
            ("665991", "012"),
            ("665991", "-1"),
            ("665991", "1."),
            ("665991", "1e5"),
            ("665991", &"1".repeat(200)),
            ("665991", ""),
            ("19.99", "00.5"),
            ("19.99", "1.9.9"),
            ("19.99", ".99"),
            ("19.99", "-19.99"),
            ("true", "false"),
            ("true", "tr1ue"),
            ("x y", "x\ty"),
            ("x y", "\\x"),
            ("x y", "\\ud800"),
            ("x y", "x\"y"),
            ("is new", "is old"),
            (":true", ": true"),
            ("}", ""),
        ] {
            assert!(LINE.contains(from));
            assert!(!is_read(LINE, &LINE.replacen(from, to, 1)), "{from} {to}");
        }
    }

    /// Whether a number is one does not depend on where it stands in a chunk.
    #[test]
    fn numbers() {
        for length in 0..140 {
            let text = "x".repeat(length);
            let line = LINE.replacen("push", &text, 1);
            for number in [
                "0", "7", "10", "0.5", "10.05", "1.50", "-0", "00", "01", "0.", ".5", "1.", "1.5.5",
            ]
            .into_iter()
            .chain([
                "1..5",
                "01.5",
                "-",
                "-.5",
                "--1",
                "1-",
                "123456789.123456789",
                "12345.678.9",
            ]) {
                let changed = line.replacen("665991", number, 1);
                // The sign is a part of the outline.
                let known = if number.starts_with('-') {
                    line.replacen("665991", "-665991", 1)
                } else {
                    line.clone()
                };
                let is_valid = event(changed.as_bytes(), 0).is_some();
                let mut joined = Outlines { is_joined: true, ..Outlines::new(ABSENT) };
                assert_eq!(
                    is_read_by(&mut joined, &known, &changed),
                    is_valid,
                    "{length} {number}"
                );
                let known = if number.contains('.') {
                    known.replacen("665991", "6659.91", 1)
                } else {
                    known
                };
                assert_eq!(is_read(&known, &changed), is_valid, "{length} {number}");
            }
        }
    }

    /// A line that is far shorter than the one that was learned is read right, too, whatever the last chunks of
    /// the window before held.
    #[test]
    fn far_shorter() {
        let line = |before: usize, behind: usize| {
            let (before, behind) = ("x".repeat(before), "x".repeat(behind));
            let fields =
                format!(",\"before\":\"{before}\",\"value\":19.99,\"behind\":\"{behind}\"");
            LINE.replacen(",\"value\":19.99", &fields, 1)
        };
        for length in CHUNKS * CHUNK - 500..CHUNKS * CHUNK {
            let lines = [line(3_000, 2_000), line(length, 0), line(0, 0)];
            let found = read_all(&mut Outlines::new(ABSENT), &lines);
            assert!(!found[0] && found[2], "{length}");
        }
    }

    /// Lines with a space behind each colon are read, too, once one of them was met.
    #[test]
    fn spaced() {
        let line = LINE.replace(':', ": ").replace(',', ", ");
        let other = line.replace("push", "x").replace("665991", "1");
        let lines = [&line, &line, &other, &line, &other].map(String::clone);
        let found = read_all(&mut Outlines::new(ABSENT), &lines);
        assert_eq!(found, [false, false, true, true, true]);
    }

    /// A line may lack value and time; one with an exponent or with an escape in a key is not taken up,
    /// nor is a value in quotes.
    #[test]
    fn what_is_taken_up() {
        for (from, to, expected) in [
            (",\"value\":19.99", "", true),
            (",\"created_at\":\"2015-01-01T15:00:00Z\"", "", true),
            ("19.99", "\"19.99\"", false),
            ("665991", "6e5", false),
            ("665991", "6E5", false),
            ("is new", "is\\u0020new", false),
        ] {
            let line = LINE.replacen(from, to, 1);
            assert_ne!(line, LINE);
            let found = read_all(&mut Outlines::new(ABSENT), &[line.clone(), line]);
            assert_eq!(found, [false, expected], "{from} {to}");
        }
    }

    /// Lines of several outlines, of all lengths, are read wherever they and their parts begin.
    #[test]
    fn places() {
        let mut outlines = Outlines::new(ABSENT);
        let mut lines = Vec::new();
        for length in 0..400 {
            let (text, digits) = ("x".repeat(length), "1".repeat(1 + length % 30));
            lines.push(LINE.replacen("push", &text, 1).replacen("665991", &digits, 1));
            lines.push(LINE.replacen("x y", &text, 1).replacen("true", "null", 1));
            lines.push(LINE.replacen("\"created", &format!("\"k\":\"{text}\",\"created"), 1));
        }
        let found = read_all(&mut outlines, &lines);
        // Near the end of what is looked at in one go, or of the block, a line may not be seen whole.
        let missed = found.iter().filter(|is_known| !**is_known).count();
        assert!(missed < 60, "{missed}");
    }

    /// Lines with many numbers, each with a fraction or not, are read after some.
    #[test]
    fn joined() {
        let mut outlines = Outlines::new(ABSENT);
        let mut seed = 5_u64;
        let lines: Vec<String> = (0..1_000)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let number = |at: u64| if seed >> (20 + at) & 1 == 0 { "12" } else { "0.05" };
                let numbers: String =
                    (0..20).map(|at| format!(",\"n{at}\":{}", number(at))).collect();
                LINE.replacen(",\"value\"", &(numbers + ",\"value\""), 1)
            })
            .collect();
        let found = read_all(&mut outlines, &lines);
        assert!(!found[..200].contains(&true) && !found[500..].contains(&false));
    }

    /// Where few lines have a known outline, outlines are forgotten and rest for a while.
    #[test]
    fn rest() {
        let mut outlines = Outlines::new(ABSENT);
        let mut tries = 0;
        for at in 0..3_000 {
            if outlines.are_in_use() {
                let line = LINE.replacen("is new", &format!("k{at}"), 1);
                read_all(&mut outlines, &[line]);
                tries += 1;
            }
        }
        assert!(tries < 1_000 && outlines.known.is_empty(), "{tries}");
    }
}

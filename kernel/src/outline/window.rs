//! Makes outlines: of all lines of a stretch of the block, in one pass over its bytes.

use crate::event::NOWHERE;
use crate::text;
use crate::wide::{CHUNK, Task, Wide};
use std::ops::Range;

/// Chunks that are looked at in one go: bytes and outlines stay in the nearest cache.
pub const CHUNKS: usize = 384;
/// The least of them, where it is not known that more lines will be read; there are four times as many each time
/// when all that were found were read.
const LEAST_CHUNKS: usize = 1;
pub const MOST_LINES: usize = 256;

/// A place in an outline.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// `NOWHERE`: there is none.
    pub at: usize,
    /// How far it was from the start of the line; or, if it was nearer, from its end, and then less than zero.
    distance: isize,
}

/// The lines that were looked at last, and what was found.
#[derive(Debug)]
pub struct Window {
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
    pub count: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            start: 0,
            reach: LEAST_CHUNKS,
            kept: [0; CHUNKS],
            lengths: [0; CHUNKS + 1],
            is_high: [0; CHUNKS + CHUNK],
            has_end: [0; CHUNKS],
            outline: [0; CHUNKS * CHUNK + CHUNK],
            lines: [(0, 0); MOST_LINES],
            count: 0,
        }
    }
}

impl Window {
    /// Fills it with the lines from `start` on, with a space after colons or without, with numbers joined or not.
    /// The more, if the last one was used up: where lines between were read in another way, only the next one may be
    /// wanted.
    #[inline(always)]
    pub fn look<W: Wide>(
        &mut self,
        wide: W,
        block: &[u8],
        start: usize,
        is_used_up: bool,
        kind: (bool, bool),
    ) {
        self.reach = if is_used_up { CHUNKS.min(4 * self.reach) } else { LEAST_CHUNKS };
        let window = self;
        match kind {
            (false, false) => wide.apart(Look::<false, false> { window, block, start }),
            (false, true) => wide.apart(Look::<false, true> { window, block, start }),
            (true, false) => wide.apart(Look::<true, false> { window, block, start }),
            (true, true) => wide.apart(Look::<true, true> { window, block, start }),
        }
    }

    /// Where the "\n" of a line is in the block.
    #[inline(always)]
    pub fn end(&self, line: usize) -> usize {
        self.start + self.lines[line].0 as usize
    }

    /// The outlines of its lines, and at least 64 bytes more.
    #[inline(always)]
    pub fn outline(&self) -> &[u8] {
        &self.outline
    }

    /// Where the outline of a line is.
    #[inline(always)]
    pub fn outline_of(&self, line: usize) -> Range<usize> {
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
    pub fn place<W: Wide>(
        &self,
        wide: W,
        spot: Spot,
        from: usize,
        start: usize,
        end: usize,
    ) -> usize {
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
    pub fn spot(&self, at: usize, from: usize, start: usize, end: usize) -> Spot {
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
    pub fn is_text<W: Wide>(&self, wide: W, block: &[u8], start: usize, end: usize) -> bool {
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

/// Not zero if one of the zeros at these places is before a digit, and not after a point.
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

/// Marks points that are not after a digit, or not before one, or not the only one of their number; whether a digit
/// follows the last byte is left to others. `in_fraction` is not zero if the chunk before ended in a fraction, or the
/// chunk does.
#[inline(always)]
fn wrong_points(point: u64, digit: u64, digit_before: u64, in_fraction: &mut u64) -> u64 {
    let start = digit & ((point << 1) | *in_fraction);
    // After the digits of a fraction there is a one in the sum, wherever they began.
    let (sum, is_over) = digit.overflowing_add(start);
    let lonely = point & !((digit << 1) | (digit_before >> 63));
    let open = point & !(digit >> 1) & !(1 << 63);
    let second = ((sum & !digit) | *in_fraction) & point;
    *in_fraction = u64::from(is_over) | (point >> 63);
    lonely | open | second
}

/// Fills a window with the lines from `start` on, up to the first with which something might be wrong.
///
/// `SPACED`: a string may begin after a colon and a space, too. `JOINED`: a number is left as one zero, with a
/// fraction or without one.
struct Look<'a, const SPACED: bool, const JOINED: bool> {
    window: &'a mut Window,
    block: &'a [u8],
    start: usize,
}

impl<const SPACED: bool, const JOINED: bool> Task for Look<'_, SPACED, JOINED> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
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
        // Where to end, once a line has.
        let (reach, mut stop) = (window.reach, usize::MAX);
        for (at, (bytes, ((kept, length_behind), (is_high, has_end)))) in
            chunks.iter().zip(rows).enumerate()
        {
            if at >= stop {
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
                let here = text::escaped_bytes(backslash, &mut escaped);
                let (mut wrong, unicode_d) = text::wrong_escapes(wide, chunk, here, &mut unicode);
                if unicode_d != 0 {
                    let at = start + at * CHUNK;
                    wrong |= text::wrong_surrogates(block, at, unicode_d, &mut second_half);
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
            stop = if newline != 0 { reach } else { stop };
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

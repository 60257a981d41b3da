//! Short lines met lately, byte for byte, but for a value of any width and for what may differ
//! without harm.
//!
//! A template is a line that was found to be an event, with its type and the place of that type in
//! the summary. It is compared from both ends: the head up to the value, and the tail behind it, at
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
//! A line without a value, where something stands in for it, is cut in two instead: its tail begins
//! where its head ends. The keys are the same, so the fields stand where they stood, however deep.

use crate::backoff::{Backoff, Rates};
use crate::event::{Event, NOWHERE};
use crate::exact::{self, Number};
use crate::summary::Place;
use crate::tokens::{Kind, Token, tokens};
use crate::wide::{CHUNK, NUMERAL, Wide};
use std::ops::Range;

/// A head or a tail: the lowest byte that fits at each place, and how much larger it may be.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Part {
    low: [u8; CHUNK],
    span: [u8; CHUNK],
    /// The places of text, where quotes and backslashes do not fit.
    text: u64,
}

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
    /// place in a head, from the byte behind its "\n"; or `NOWHERE`.
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
/// Which template a line might fit is told by the 16 bytes from the place where a type began, as
/// far as they are the same in all lines of each template. Looking there first, and only there,
/// makes the choice without a branch: types come in random order.
#[derive(Debug)]
pub struct Templates {
    templates: Vec<Template>,
    /// The value of a line that has none.
    absent: Number,
    slots: [u8; 1 << SLOT_BITS],
    multiplier: u64,
    /// Where the key is, from the start of the line or from the byte behind its "\n".
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

impl Part {
    /// A part that must have these bytes from `from` on, and any others; None if they are too many.
    pub fn new(classes: &[Class], from: usize) -> Option<Self> {
        let mut part = Self { low: [0; CHUNK], span: [u8::MAX; CHUNK], text: 0 };
        let low = part.low.get_mut(from..from + classes.len())?;
        let span = &mut part.span[from..];
        for (at, (class, (low, span))) in classes.iter().zip(low.iter_mut().zip(span)).enumerate() {
            (*low, *span) = (class.low, class.high - class.low);
            part.text |= u64::from(class.is_text) << (from + at);
        }
        Some(part)
    }

    /// The bytes that are within their bounds.
    #[inline(always)]
    pub fn fits<W: Wide>(&self, wide: W, chunk: W::Chunk) -> u64 {
        wide.within(chunk, wide.load(&self.low), wide.load(&self.span))
    }

    /// Quotes and backslashes in text.
    #[inline(always)]
    pub fn marks<W: Wide>(&self, wide: W, chunk: W::Chunk) -> u64 {
        (wide.equal(chunk, b'"') | wide.equal(chunk, b'\\')) & self.text
    }
}

/// What fits at a place.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    low: u8,
    high: u8,
    is_text: bool,
}

impl Class {
    /// What fits in the place of a byte of plain text: any other, or only those on the same side of the
    /// quote and of the backslash, so that there is no need to look for these.
    fn of_text(byte: u8, is_loose: bool) -> Self {
        let (low, high) = match byte {
            _ if is_loose => (b' ', 0x7f),
            b' '..=b'"' => (b' ', b'!'),
            b'#'..=b'\\' => (b'#', b'['),
            _ => (b']', 0x7f),
        };
        Self { low, high, is_text: is_loose }
    }
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
    // Up to the value, places are the same from the start of the line; behind it, from its end.
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

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=0x7f) && *byte != b'\\')
}

/// What fits at each place of a valid line: the same byte, unless it is one of a plain text or a
/// plain number.
pub fn classes(line: &[u8], type_at: usize, is_loose: bool) -> Vec<Class> {
    let mut classes: Vec<Class> =
        line.iter().map(|&byte| Class { low: byte, high: byte, is_text: false }).collect();
    for Token { kind, start, end } in tokens(line) {
        let own = &line[start..end];
        match kind {
            Kind::Text if start != type_at && is_plain(own) => {
                for class in &mut classes[start..end] {
                    *class = Class::of_text(class.low, is_loose);
                }
            }
            Kind::Number if !own.contains(&b'e') && !own.contains(&b'E') => {
                let first = usize::from(own[0] == b'-');
                let has_more = own.get(first + 1).is_some_and(u8::is_ascii_digit);
                for (place, class) in classes[start..end].iter_mut().enumerate() {
                    if class.low.is_ascii_digit() {
                        class.low = if place == first && has_more { b'1' } else { b'0' };
                        class.high = b'9';
                    }
                }
            }
            _ => {}
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    const LINE: &str =
        "{\"type\":\"page_view\",\"value\":1,\"n\":10,\"occurred_at\":\"2020-10-06\"}\n";

    const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };

    /// Learns a line and reads another. What fits once it was learned must fit, too, when it was
    /// learned again and any plain text fits.
    fn read(known: &str, line: &str) -> Option<Number> {
        let strict = read_learned(known, line, 1);
        let loose = read_learned(known, line, 2);
        assert!(strict.is_none() || strict == loose);
        loose
    }

    fn read_learned(known: &str, line: &str, times: usize) -> Option<Number> {
        let mut templates = Templates::new(ABSENT);
        let at = |part: &str| known.find(part).expect("the part") + part.len();
        let type_at = at("\"type\":\"");
        let type_text = (type_at, type_at + known[type_at..].find('"').expect("a quote"));
        let end = known.len() - 1;
        let value_at = match known.find("\"value\":") {
            Some(_) => at("\"value\":") + usize::from(known.contains("\"value\":\"")),
            None => NOWHERE,
        };
        let time_at = known.find("2020-10-06").unwrap_or(NOWHERE);
        let event = Event { start: 0, end, type_text, value_at, time_at };
        for _ in 0..times {
            templates.learn(known.as_bytes(), event, Some(7));
        }
        let rest = CHUNK + AROUND;
        let block = format!("{:CHUNK$}{line}{:rest$}", "", "");
        let lines = templates.look_ahead(Portable, block.as_bytes(), CHUNK);
        assert_eq!(lines, Some(0..1));
        let fit = templates.read::<_, true, true>(Portable, block.as_bytes(), CHUNK, 0)?;
        assert_eq!((fit.place, fit.end), (Some(7), CHUNK + line.find('\n').expect("a line")));
        if let Some(at) = line.find("2020-10-06") {
            assert_eq!(fit.time_at, CHUNK + at);
        }
        Some(fit.value)
    }

    /// What may differ without harm fits, and nothing else.
    #[test]
    fn same_and_other_lines() {
        let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
        assert_eq!(read(LINE, LINE), number(1, 0));
        let with = |from: &str, to: &str| LINE.replacen(from, to, 1);
        for (line, value) in [
            (with(":1,", ":-12345678.25,"), number(-1_234_567_825, 2)),
            (with(":1,", ":19.99,"), number(1_999, 2)),
            (with("10,", "90,"), number(1, 0)),
            (with("2020-10-06", "any: [{},]"), number(1, 0)),
        ] {
            assert_eq!(read(LINE, &line), value, "{line}");
        }
        for (from, to) in [
            (":1,", ":,"),
            (":1,", ":01,"),
            (":1,", ":1.,"),
            (":1,", ":1e2,"),
            (":1,", ":1 ,"),
            ("10,", "01,"),
            ("10,", "1e,"),
            ("10,", "100,"),
            ("view", "News"),
            ("value", "VALUE"),
            ("2020-10-06", "2020-10-0\""),
            ("2020-10-06", "2020-10-0\\"),
            ("2020-10-06", "2020-10-0\t"),
            ("2020-10-06", "2020-10-é"),
            ("2020-10-06", "2020-10-067"),
            ("}", "]"),
            ("}", "} "),
        ] {
            assert_eq!(read(LINE, &with(from, to)), None, "{from} {to}");
        }
    }

    /// A text that was met once may differ where its bytes stay on the same side of quote and backslash.
    #[test]
    fn text_met_once() {
        for (text, fits) in [("1999-12-31", true), ("####[@Z~Z9", false), ("2020-10-0~", false)] {
            let line = LINE.replace("2020-10-06", text);
            assert_eq!(read_learned(LINE, &line, 1).is_some(), fits, "{text}");
            assert!(read_learned(LINE, &line, 2).is_some());
        }
    }

    /// Lines are looked at ahead up to an end of the block, whatever their length, and are left and taken
    /// up again at any of them.
    #[test]
    fn lines_ahead() {
        let mut templates = Templates::new(ABSENT);
        let lengths = [0, 1, 63, 64, 65, 127, 128, 500, 5_000, 3, 3, 3, 3, 70, 70];
        let mut block = " ".repeat(CHUNK);
        for length in lengths.repeat(9) {
            block += &"x".repeat(length);
            block.push('\n');
        }
        let ends: Vec<_> = block.match_indices('\n').map(|(end, _)| end).collect();
        for stop in 1..LINES + 2 {
            templates.leave_block();
            let (mut at, mut met) = (CHUNK, 0);
            while let Some(lines) = templates.look_ahead(Portable, block.as_bytes(), at) {
                let is_long = lines.is_empty();
                let next = lines.end.min(lines.start + stop);
                for line in lines.start..next {
                    assert_eq!(templates.ahead.ends[line], ends[met]);
                    at = ends[met] + 1;
                    met += 1;
                }
                templates.pass(next, at, is_long || next < lines.end);
                if is_long || next < lines.end {
                    assert!(!is_long || ends[met] - at >= LINES * LONGEST - CHUNK);
                    at = ends[met] + 1;
                    met += 1;
                }
            }
            assert!(block.len() - at < CHUNK + AROUND + LONGEST, "{stop}");
        }
    }

    /// A value may stand in quotes, and then must; a line without one has the value that stands in.
    #[test]
    fn quoted_and_absent_values() {
        let quoted = "{\"type\":\"a\",\"value\":\"5\",\"x\":\"2020-10-06\"}\n";
        let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
        assert_eq!(read(quoted, &quoted.replace("\"5\"", "\"-19.99\"")), number(-1_999, 2));
        for wrong in ["5", "\"\"", "\"5 \"", "\"05\"", "\"\\u0035\"", "\"5"] {
            assert_eq!(read(quoted, &quoted.replace("\"5\"", wrong)), None, "{wrong}");
        }
        for filler in [0, 1, 20, 38, 39, 40, 41, 60, 80] {
            let line = format!("{{\"type\":\"a\",\"x\":\"{}\",\"y\":10}}\n", "x".repeat(filler));
            let value = (line.len() < 128).then_some(ABSENT);
            assert_eq!(read(&line, &line.replace("10", "55")), value, "{filler}");
            for (from, to) in [("\"a\"", "\"b\""), ("10", "1"), ("10", "100"), ("\"y\"", "\"z\"")] {
                assert_eq!(read(&line, &line.replace(from, to)), None, "{filler} {to}");
            }
        }
        let late = format!("{{\"x\":\"{}\",\"type\":\"a\"}}\n", "x".repeat(70));
        assert_eq!(read(&late, &late.replace("xx", "yy")), Some(ABSENT));
        assert_eq!(read(&late, &late.replace("\"a\"", "\"b\"")), None);
    }

    /// Type and value may stand in any order.
    #[test]
    fn type_behind_value() {
        let line = "{\"value\":5,\"x\":\"2020-10-06\",\"type\":\"a\"}\n";
        let other = line.replace("5", "123.5").replace("2020", "1999");
        let value = Some(Number { mantissa: 1_235, scale: 1, integral: false });
        assert_eq!(read(line, &other), value);
        assert_eq!(read(line, &line.replace("\"a\"", "\"b\"")), None);
    }

    /// Where few lines fit, templates rest, and longer each time.
    #[test]
    fn backoff() {
        let mut templates = Templates::new(ABSENT);
        let mut tries = 0;
        for _ in 0..100_000 {
            if templates.are_open() {
                templates.miss();
                tries += 1;
            }
        }
        assert!(tries < 300);
    }
}

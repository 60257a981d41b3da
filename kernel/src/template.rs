//! Short lines met lately, byte for byte, but for a value of any width and for what may differ
//! without harm.
//!
//! A template is a line that was found to be an event, with its type and the place of that type in
//! the summary. It is compared from both ends: the head up to the value, and the tail behind it, at
//! most 64 bytes each. What fits needs no look at its grammar and no look-up of its type. A line
//! that fits none is not wrong; it is left to `layout`, which knows strings of any length. Nothing
//! here is certain to be quick for all logs: where lines fit too rarely, templates rest.
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

use crate::exact::{self, Number};
use crate::parse::{self, NOWHERE};
use crate::summary::Place;
use crate::wide::{CHUNK, Wide};

/// A head or a tail: the lowest byte that fits at each place, and how much larger it may be.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Part {
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

/// A line that is known to be an event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub start: usize,
    /// Where its "\n" is, or the end of the block.
    pub end: usize,
    /// Where the text of its type begins, behind the quote, and ends.
    pub type_text: (usize, usize),
    /// Where the digits of its value begin; `NOWHERE` if it has none.
    pub value_at: usize,
    /// Where the text or the digits of its time begin; `NOWHERE` if it has none.
    pub time_at: usize,
    pub place: Option<Place>,
}

const MOST_TEMPLATES: usize = 64;
const SLOT_BITS: u32 = 10;
const NO_TEMPLATE: u8 = u8::MAX;
/// Bytes that tell templates apart.
const KEY: usize = 16;
const TRIES: u64 = 16;
/// Templates are made at most that often before they rest once: making one is slow.
const MOST_LEARNED: u32 = 256;
/// What a line that does not fit costs, where one that does earns one; when nothing is left,
/// templates rest, each time for twice as many lines.
const PRICE_OF_MISS: u32 = 3;
const MOST_CREDIT: u32 = 96;
const FIRST_REST: u32 = 1 << 10;
const LONGEST_REST: u32 = 1 << 18;

/// The templates, where to look for one, and whether it is worth its while.
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
    credit: u32,
    rest: u32,
    next_rest: u32,
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
            credit: MOST_CREDIT,
            rest: 0,
            next_rest: FIRST_REST,
        }
    }

    /// Reads the line that begins at `at`, if it fits a template and is not near an end of the
    /// block. Unless `MAY_LACK`, all lines that were learned have values; unless `TIMED`, no time
    /// is looked for.
    #[inline(always)]
    pub fn read<W: Wide, const MAY_LACK: bool, const TIMED: bool>(
        &self,
        wide: W,
        block: &[u8],
        at: usize,
    ) -> Option<Fit> {
        let (first, behind) = block.get(at..)?.split_first_chunk()?;
        let head = wide.load(first);
        // Both chunks are searched, so that lengths around 64 do not make a branch.
        let in_first = wide.equal(head, b'\n');
        let in_second = wide.equal(wide.load(behind.first_chunk()?), b'\n');
        let above = if in_first == 0 { in_second.trailing_zeros() } else { 0 };
        let end = at + (in_first.trailing_zeros() + above) as usize;
        let line_end = end + 1;

        let base = if self.is_from_end { line_end } else { at };
        let key: &[u8; KEY] = block.get(base.wrapping_add(self.offset)..)?.first_chunk()?;
        let slot = slot(self.masked(key), self.multiplier);
        let template = self.templates.get(usize::from(self.slots[slot]))?;

        let tail = wide.load(block.get(line_end.checked_sub(CHUNK)?..)?.first_chunk()?);
        let wrong = template.head.wrong(wide, head) | template.tail.wrong(wide, tail);
        if wrong != 0 {
            return None;
        }
        let value_at = at + template.head_length;
        let value_end = line_end.wrapping_sub(template.tail_length);
        let value = if MAY_LACK && !template.has_value {
            (value_at == value_end).then_some(self.absent)?
        } else {
            exact::read_whole(wide, block, value_at, value_end)?
        };
        let mut time_at = NOWHERE;
        if TIMED && template.time != NOWHERE {
            let base = if template.time <= CHUNK { at } else { line_end };
            time_at = base.wrapping_add(template.time);
        }
        Some(Fit { place: template.place, value, end, time_at })
    }

    #[inline(always)]
    fn masked(&self, key: &[u8; KEY]) -> [u64; 2] {
        let word = u128::from_le_bytes(*key);
        [word as u64 & self.mask[0], (word >> 64) as u64 & self.mask[1]]
    }

    /// Whether to try `read`, and to report by `hit` and `miss`.
    #[inline(always)]
    pub fn are_in_use(&mut self) -> bool {
        if self.rest == 0 {
            return true;
        }
        self.rest -= 1;
        false
    }

    /// So many lines fitted.
    #[inline(always)]
    pub fn hit(&mut self, lines: usize) {
        self.credit = MOST_CREDIT.min(self.credit.saturating_add(lines as u32));
        if lines > FIRST_REST as usize {
            self.next_rest = FIRST_REST;
        }
    }

    /// A line did not fit. False: templates rest now.
    #[inline(always)]
    pub fn miss(&mut self) -> bool {
        self.credit = self.credit.saturating_sub(PRICE_OF_MISS);
        if self.credit == 0 {
            self.clear();
            self.rest = self.next_rest;
            self.next_rest = LONGEST_REST.min(2 * self.next_rest);
        }
        self.rest == 0
    }

    /// Forgets all templates, as is due when the places of types are no longer valid.
    pub fn clear(&mut self) {
        let next_rest = self.next_rest;
        *self = Self { next_rest, ..Self::new(self.absent) };
    }

    /// The last line did not fit, and is an event: makes a template of it.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, block: &[u8], event: Event) {
        if self.learned == MOST_LEARNED || event.end - event.start >= 2 * CHUNK {
            return;
        }
        self.learned += 1;
        let Some(template) = template(block, event) else {
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
        let key = self.masked(&key);
        for template in &mut self.templates {
            template.key = [template.key[0] & self.mask[0], template.key[1] & self.mask[1]];
        }
        let template = Template { key, ..template };
        match self.templates.iter().position(|other| other.key == key) {
            Some(same) => self.templates[same] = template,
            None if self.templates.len() == MOST_TEMPLATES => return,
            None => self.templates.push(template),
        }
        self.distribute();
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
fn slot(key: [u64; 2], multiplier: u64) -> usize {
    let mixed = (key[0].rotate_left(29) ^ key[1]).wrapping_mul(multiplier);
    (mixed >> (64 - SLOT_BITS)) as usize
}

impl Part {
    /// A part that everything fits.
    fn any() -> Self {
        Self { low: [0; CHUNK], span: [u8::MAX; CHUNK], text: 0 }
    }

    fn set(&mut self, at: usize, Class { low, high, is_text }: Class) {
        self.low[at] = low;
        self.span[at] = high - low;
        self.text |= u64::from(is_text) << at;
    }

    /// The bytes that do not fit.
    #[inline(always)]
    fn wrong<W: Wide>(&self, wide: W, chunk: W::Chunk) -> u64 {
        let fits = wide.within(chunk, wide.load(&self.low), wide.load(&self.span));
        if self.text == 0 {
            return !fits;
        }
        let marks = wide.equal(chunk, b'"') | wide.equal(chunk, b'\\');
        !fits | (marks & self.text)
    }
}

/// What fits at a place.
#[derive(Clone, Copy)]
struct Class {
    low: u8,
    high: u8,
    is_text: bool,
}

/// The template of an event, if it ends with "\n" and both parts are short enough.
fn template(block: &[u8], event: Event) -> Option<Template> {
    let Event { start, end, type_text: (type_at, _), value_at, time_at, place } = event;
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
    let classes = classes(line, type_at);
    let (mut head, mut tail) = (Part::any(), Part::any());
    for (at, class) in classes[..head_length].iter().enumerate() {
        head.set(at, *class);
    }
    for (at, class) in classes[line.len() - tail_length..].iter().enumerate() {
        tail.set(CHUNK - tail_length + at, *class);
    }
    Some(Template { head, tail, head_length, tail_length, has_value, time, place, key: [0; 2] })
}

/// What fits at each place of a valid line: the same byte, unless it is one of a plain text or a
/// plain number.
fn classes(line: &[u8], type_at: usize) -> Vec<Class> {
    let mut classes: Vec<Class> =
        line.iter().map(|&byte| Class { low: byte, high: byte, is_text: false }).collect();
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' => {
                let end = parse::string_end(line, at + 1);
                let behind = line[end + 1..].iter().find(|&&byte| !parse::is_space(byte));
                let text = &line[at + 1..end];
                let is_plain =
                    text.iter().all(|byte| matches!(byte, b' '..=0x7f) && *byte != b'\\');
                if behind != Some(&b':') && at + 1 != type_at && is_plain {
                    classes[at + 1..end].fill(Class { low: b' ', high: 0x7f, is_text: true });
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let from = at;
                while matches!(line[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                    at += 1;
                }
                let number = &line[from..at];
                if !number.iter().any(|byte| matches!(byte, b'e' | b'E')) {
                    let first = usize::from(number[0] == b'-');
                    let has_more = number.get(first + 1).is_some_and(u8::is_ascii_digit);
                    for (place, class) in classes[from..at].iter_mut().enumerate() {
                        if class.low.is_ascii_digit() {
                            class.low = if place == first && has_more { b'1' } else { b'0' };
                            class.high = b'9';
                        }
                    }
                }
            }
            _ => at += 1,
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

    /// Learns a line and reads another.
    fn read(known: &str, line: &str) -> Option<Number> {
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
        let event = Event { start: 0, end, type_text, value_at, time_at, place: Some(7) };
        templates.learn(known.as_bytes(), event);
        let block = format!("{:64}{line}{:128}", "", "");
        let fit = templates.read::<_, true, true>(Portable, block.as_bytes(), 64)?;
        assert_eq!((fit.place, fit.end), (Some(7), 64 + line.find('\n').expect("a line")));
        if let Some(at) = line.find("2020-10-06") {
            assert_eq!(fit.time_at, 64 + at);
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
    fn rest() {
        let mut templates = Templates::new(ABSENT);
        let mut tries = 0;
        for _ in 0..100_000 {
            if templates.are_in_use() {
                templates.miss();
                tries += 1;
            }
        }
        assert!(tries < 300);
    }
}

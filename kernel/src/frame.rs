//! What is around type and value in short lines of one kind.
//!
//! For logs of very many types, of which templates could hold few. A frame is the template of a line with a hole in
//! the place of its type: the head up to the type, the middle from its closing quote up to the value, and the tail
//! after that. The type must be plain; then a line that fits is an event, for the reasons that `template` gives.

use crate::backoff::{Backoff, Rates};
use crate::event::{Event, Match, NOWHERE};
use crate::exact;
use crate::part::{Part, classes};
use crate::template::{AROUND, LONGEST};
use crate::wide::{CHUNK, NUMERAL, Wide};

const RATES: Rates = Rates { most: 64, miss: 4, first: 1 << 10, longest: 1 << 18 };

/// The frame of the lines met last, if they have one.
#[derive(Debug)]
pub struct Frames {
    frame: Option<Frame>,
    /// After the first frame, a text that was met once may have been in the way.
    is_loose: bool,
    backoff: Backoff,
}

impl Default for Frames {
    fn default() -> Self {
        Self { frame: None, is_loose: false, backoff: Backoff::new(RATES) }
    }
}

impl Frames {
    /// Reads the line that begins at `at`, if it fits and is not near an end of the block.
    #[inline(always)]
    pub fn read<W: Wide>(&mut self, wide: W, block: &[u8], at: usize) -> Option<Match> {
        let found = match &self.frame {
            Some(frame) => frame.read(wide, block, at),
            None => return None,
        };
        match found {
            Some(_) => self.backoff.hit(1),
            None if self.backoff.miss() => (self.frame, self.is_loose) = (None, true),
            None => {}
        }
        found
    }

    /// Takes up the frame of an event, if there is none.
    #[inline(always)]
    pub fn learn(&mut self, block: &[u8], event: Event) {
        if self.frame.is_none() && self.backoff.is_open() {
            self.frame = Frame::new(block, event, self.is_loose);
            if self.frame.is_none() {
                self.backoff.close();
            }
        }
    }
}

#[derive(Debug)]
struct Frame {
    head: Part,
    middle: Part,
    /// Ends with the line, its "\n" included.
    tail: Part,
    head_length: usize,
    middle_length: usize,
    tail_length: usize,
    /// There are places of text at which any plain byte fits.
    is_loose: bool,
    /// Where the text or the digits of the time are, from the byte after the "\n"; or `NOWHERE`.
    time: usize,
}

impl Frame {
    /// The frame of an event, if it is short, its type stands before its value, and its time, if it is looked at,
    /// after that.
    fn new(block: &[u8], event: Event, is_loose: bool) -> Option<Self> {
        let Event { start, end, type_text: (type_at, type_end), value_at, time_at } = event;
        let line =
            block.get(start..=end).filter(|line| line.len() <= LONGEST && line.ends_with(b"\n"))?;
        if value_at == NOWHERE || value_at < type_end || (time_at != NOWHERE && time_at <= value_at)
        {
            return None;
        }
        let value_length = exact::read_long(&block[value_at..])?.1;
        let classes = classes(line, type_at - start, is_loose);
        let (head, rest) = classes.split_at(type_at - start);
        let middle = &rest[type_end - type_at..value_at - type_at];
        let tail = &rest[value_at + value_length - type_at..];
        Some(Self {
            head: Part::new(head, 0)?,
            middle: Part::new(middle, 0)?,
            tail: Part::new(tail, CHUNK.checked_sub(tail.len())?)?,
            head_length: head.len(),
            middle_length: middle.len(),
            tail_length: tail.len(),
            is_loose,
            time: if time_at == NOWHERE { NOWHERE } else { time_at.wrapping_sub(end + 1) },
        })
    }

    #[inline(always)]
    fn read<W: Wide>(&self, wide: W, block: &[u8], at: usize) -> Option<Match> {
        let around: &[u8; AROUND] = block.get(at.checked_sub(CHUNK)?..)?.first_chunk()?;
        let head = wide.load(around[CHUNK..].first_chunk()?);
        // Both chunks are searched, so that lengths around 64 do not make a branch.
        let in_first = wide.equal(head, b'\n');
        let in_second = wide.equal(wide.load(around[2 * CHUNK..].first_chunk()?), b'\n');
        let above = if in_first == 0 { in_second.trailing_zeros() } else { 0 };
        let end = (in_first.trailing_zeros() + above) as usize;
        // Where there is no "\n", there is none at the end of the tail, either.
        let tail = wide.load(around[end + 1..].first_chunk()?);

        let type_at = CHUNK + self.head_length;
        let text = wide.load(around.get(type_at..)?.first_chunk()?);
        let quote = wide.equal(text, b'"');
        let odd = wide.control_or_high(text) | wide.equal(text, b'\\');
        if quote == 0 || odd & quote.wrapping_sub(1) & !quote != 0 {
            return None;
        }
        let type_end = type_at + quote.trailing_zeros() as usize;
        let middle = wide.load(around.get(type_end..)?.first_chunk()?);
        let fits = self.head.fits(wide, head)
            & self.middle.fits(wide, middle)
            & self.tail.fits(wide, tail);
        if fits != u64::MAX
            || (self.is_loose
                && self.head.marks(wide, head)
                    | self.middle.marks(wide, middle)
                    | self.tail.marks(wide, tail)
                    != 0)
        {
            return None;
        }
        let value_at = type_end + self.middle_length;
        let value_end = (CHUNK + end + 1).checked_sub(self.tail_length)?;
        let width = value_end.wrapping_sub(value_at);
        let text = around.get(value_end.checked_sub(NUMERAL)?..)?.first_chunk()?;
        let before = at - CHUNK;
        let value = exact::read_whole(wide, text, width, block, before + value_at)?;
        let end = at + end;
        let event = Event {
            start: at,
            end,
            type_text: (before + type_at, before + type_end),
            value_at: before + value_at,
            time_at: if self.time == NOWHERE { NOWHERE } else { (end + 1).wrapping_add(self.time) },
        };
        Some(Match { event, is_plain: true, value: Some(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    const LINE: &str =
        "{\"n\":1,\"type\":\"page_view\",\"x\":\"a\",\"value\":1,\"at\":\"2020-10-06\"}\n";

    /// The type and the value of a line that fits the frame of another.
    fn read(known: &str, line: &str, is_loose: bool) -> Option<(String, i64, u8)> {
        let behind = |text: &str, part: &str| text.find(part).map(|at| at + part.len());
        let type_at = behind(known, "\"type\":\"")?;
        let type_text = (type_at, type_at + known[type_at..].find('"')?);
        let time_at = known.find("2020").unwrap_or(NOWHERE);
        let value_at = behind(known, "\"value\":").unwrap_or(NOWHERE);
        let end = known.len() - 1;
        let event = Event { start: 0, end, type_text, value_at, time_at };
        let frame = Frame::new(known.as_bytes(), event, is_loose)?;
        let block = format!("{:CHUNK$}{line}{:AROUND$}", "", "");
        let Match { event: found, value, .. } = frame.read(Portable, block.as_bytes(), CHUNK)?;
        assert_eq!(Some(found.end), block.find('\n'));
        assert!(block[found.time_at..].starts_with("20"));
        assert!(block[..found.value_at].ends_with("\"value\":"));
        let (from, to) = found.type_text;
        let value = value?;
        Some((block[from..to].to_owned(), value.mantissa, value.scale))
    }

    /// Any plain type and any number fit, and nothing else but what may differ without harm.
    #[test]
    fn same_and_other_lines() {
        let with = |from: &str, to: &str| LINE.replacen(from, to, 1);
        let plain = |name: &str, mantissa, scale| Some((name.to_owned(), mantissa, scale));
        for is_loose in [false, true] {
            let read = |line: &str| read(LINE, line, is_loose);
            assert_eq!(read(LINE), plain("page_view", 1, 0));
            assert_eq!(read(&with("page_view", "")), plain("", 1, 0));
            let long = "x".repeat(60);
            assert_eq!(read(&with("page_view", &long)), plain(&long, 1, 0));
            assert_eq!(read(&with(":1,\"at", ":-19.99,\"at")), plain("page_view", -1_999, 2));
            assert_eq!(read(&with("2020-10-06", "2021-12-31")), plain("page_view", 1, 0));
            assert!(read(&with("\"a\"", "\"b\"")).is_some());
            assert_eq!(read(&with("\"a\"", "\"B\"")).is_some(), is_loose);
            for (from, to) in [
                ("page_view", "page\\nview"),
                ("page_view", "pagé"),
                ("page_view", "page\tview"),
                ("page_view", "page\"view"),
                (":1,\"at", ":01,\"at"),
                (":1,\"at", ":,\"at"),
                (":1,\"at", ":1 ,\"at"),
                ("\"n\":1", "\"n\":-"),
                ("\"n\":1", "\"n\":10"),
                ("\"x\"", "\"y\""),
                ("\"a\"", "\"\"\""),
                ("\"a\"", "\"\\\""),
                ("\"a\"", "\"ab\""),
                ("\"at\"", "\"At\""),
                ("2020-10-06", "2020-10-0\""),
                ("2020-10-06", "2020-10-\u{e9}"),
                ("2020-10-06", "2020-10-067"),
                ("}", "]"),
                ("}", "} "),
            ] {
                assert_eq!(read(&with(from, to)), None, "{from} {to}");
            }
            assert_eq!(read(&with("page_view", &"x".repeat(64))), None);
        }
    }

    /// Lines without a value, or with another order of fields, have no frame; nor has one whose value is its time.
    #[test]
    fn no_frame() {
        for line in [
            "{\"value\":1,\"type\":\"a\",\"at\":\"2020\"}\n".to_owned(),
            "{\"type\":\"a\",\"at\":\"2020\"}\n".to_owned(),
            "{\"at\":\"2020\",\"type\":\"a\",\"value\":1}\n".to_owned(),
            "{\"type\":\"a\",\"value\":2020}\n".to_owned(),
            LINE.trim_end().to_owned(),
            LINE.replace("\"a\"", &format!("\"{}\"", "a".repeat(64))),
        ] {
            assert_eq!(read(&line, &line, false), None, "{line}");
        }
    }
}

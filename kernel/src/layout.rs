//! The layouts of lines met lately: the bytes between the values, and where the values go.
//!
//! Most logs are written by few programs, so most lines differ only in what stands inside their
//! strings and numbers. A line that has a known layout and clean values is an event without any
//! further look at its grammar: it differs from a line that `parse` found valid only by strings and
//! numbers of the same kind, at the same places, under the same keys of the same objects; so the
//! fields stand where they stood, however deep, and what stood in for a value does so again. A line that has none is not
//! wrong; it is left to `parse`. The idea of speculating on the layout is that of Mison (Li et al.,
//! VLDB 2017).

use crate::exact::{self, Exact, Number};
use crate::frame::Frame;
use crate::outline::Outlines;
use crate::parse::{self, NOWHERE};
use crate::path::Found;
use crate::skeleton::Skeletons;
use crate::template::Event;
use crate::wide::{CHUNK, Wide};

/// What stands behind the bytes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Nothing: the next piece follows at once.
    None,
    /// The text of a string, up to its closing quote, with which the next piece begins.
    Text,
    /// The text of the type.
    Type,
    /// A number.
    Number,
    /// The value.
    Value,
    /// Nothing: the piece ends with the "\n" of the line.
    End,
}

/// Up to 64 bytes that a line must have, and the gap behind them.
///
/// Pieces form a tree, so that layouts with the same beginning share it.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Piece {
    bytes: [u8; CHUNK],
    /// The bytes that count.
    mask: u64,
    length: usize,
    gap: Gap,
    /// The gap is that of the time, too.
    is_time: bool,
    /// The piece behind this one, and the one to try in its place; 0 is none, as no piece comes
    /// before the first.
    next: usize,
    instead: usize,
}

/// A line that has a known layout.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Where its "\n" is.
    pub end: usize,
    /// The text of its type. If not `is_plain`, only its end is known, not that it is valid.
    pub type_text: (usize, usize),
    pub is_plain: bool,
    /// Where the digits of its value begin; `NOWHERE` if it has none.
    pub value_at: usize,
    /// Where the text or the digits of its time begin; `NOWHERE` if it has none.
    pub time_at: usize,
    /// None: it is a long one, and in the place that `read` was given for such.
    pub value: Option<Number>,
}

/// Lines of more chunks are read without a layout.
const MOST_CHUNKS: usize = 16;
const MOST_PIECES: usize = 256;
const MOST_PIECES_OF_A_LINE: usize = 40;
/// What a match earns and a miss costs; when nothing is left, layouts rest for some lines.
const MOST_CREDIT: i32 = 64;
const PRICE_OF_MISS: i32 = 4;
const REST: u32 = 1024;
const LONGEST_REST: u32 = 1 << 18;

/// The tree of pieces, and whether it is worth its while.
#[derive(Debug)]
pub struct Layouts {
    pieces: Vec<Piece>,
    /// Of long lines; they are tried first where the processor has what they need.
    outlines: Outlines,
    /// Takes the place of the tree where the fields allow it.
    skeletons: Option<Skeletons>,
    /// The value of a line that has none.
    absent: Number,
    credit: i32,
    rest: u32,
    /// Of short lines; it is tried first, as it is the quickest.
    frame: Option<Frame>,
    frame_credit: i32,
    /// How many lines pass before a frame is learned, and the next time.
    frame_rest: u32,
    next_frame_rest: u32,
}

impl Layouts {
    /// No layouts yet; `absent` is the value of a line that has none.
    pub fn new(absent: Number, skeletons: Option<Skeletons>) -> Self {
        Self {
            pieces: Vec::new(),
            outlines: Outlines::new(absent),
            skeletons,
            absent,
            credit: MOST_CREDIT,
            rest: 0,
            frame: None,
            frame_credit: 0,
            frame_rest: 0,
            next_frame_rest: REST,
        }
    }

    /// Reads the line that begins at `at`, if it has a known layout.
    #[inline(always)]
    pub fn read<W: Wide, const TIMED: bool>(
        &mut self,
        wide: W,
        block: &[u8],
        at: usize,
        long: &mut Exact,
    ) -> Option<Match> {
        if let Some(frame) = &self.frame {
            if let Some(found) = frame.read(wide, block, at) {
                self.frame_credit = (self.frame_credit + 1).min(MOST_CREDIT);
                return Some(found);
            }
            self.frame_credit -= PRICE_OF_MISS;
            if self.frame_credit <= 0 {
                self.frame = None;
            }
        }
        if W::KEEPS
            && self.outlines.are_in_use()
            && let Some(found) = self.outlines.read(wide, block, at, long)
        {
            return Some(found);
        }
        if let Some(skeletons) = &mut self.skeletons {
            return skeletons.read(wide, block, at, long);
        }
        // The end is looked for first: then the next line does not wait for this one.
        let end = line_end(wide, block, at)?;
        self.read_tree::<W, TIMED>(wide, block, at, end, long)
    }

    #[inline(always)]
    fn read_tree<W: Wide, const TIMED: bool>(
        &self,
        wide: W,
        block: &[u8],
        mut at: usize,
        end: usize,
        long: &mut Exact,
    ) -> Option<Match> {
        let mut piece = self.pieces.first()?;
        let mut type_text = (0, 0);
        let mut is_plain = true;
        let mut value = Some(self.absent);
        let mut value_at = NOWHERE;
        let mut time_at = NOWHERE;
        loop {
            let bytes = block.get(at..)?.first_chunk()?;
            if wide.same(wide.load(bytes), wide.load(&piece.bytes)) & piece.mask != piece.mask {
                if piece.instead == 0 {
                    return None;
                }
                piece = &self.pieces[piece.instead];
                continue;
            }
            at += piece.length;
            if TIMED && piece.is_time {
                time_at = at;
            }
            match piece.gap {
                Gap::Text => {
                    let start = at;
                    loop {
                        let chunk = wide.load(block.get(at..)?.first_chunk()?);
                        let quote = wide.equal(chunk, b'"');
                        let odd = wide.control_or_high(chunk) | wide.equal(chunk, b'\\');
                        let below = quote.wrapping_sub(1) & !quote;
                        if odd & below != 0 {
                            at = parse::text_end(wide, block, start)?;
                            break;
                        }
                        if quote != 0 {
                            at += quote.trailing_zeros() as usize;
                            break;
                        }
                        at += CHUNK;
                    }
                }
                Gap::Type => {
                    let start = at;
                    loop {
                        let chunk = wide.load(block.get(at..)?.first_chunk()?);
                        let quote = wide.equal(chunk, b'"');
                        let odd = wide.control_or_high(chunk) | wide.equal(chunk, b'\\');
                        let below = quote.wrapping_sub(1) & !quote;
                        is_plain &= odd & below == 0;
                        if quote != 0 {
                            at += quote.trailing_zeros() as usize;
                            break;
                        }
                        at += CHUNK;
                    }
                    type_text = (start, at);
                }
                Gap::Number => {
                    at += match exact::read(wide, block, at) {
                        Some((_, length)) => length,
                        None => exact::read_long(&block[at..])?.1,
                    };
                }
                Gap::Value => {
                    let length;
                    value_at = at;
                    (value, length) = exact::read_any(wide, block, at, long)?;
                    at += length;
                }
                Gap::None => {}
                // A type that is not plain may have reached into another line.
                Gap::End => {
                    let found = Match { end, type_text, is_plain, value_at, time_at, value };
                    return (at == end + 1).then_some(found);
                }
            }
            piece = &self.pieces[piece.next];
        }
    }

    /// Forgets what was looked at ahead, as is due before another block.
    pub fn leave_block(&mut self) {
        self.outlines.leave_block();
    }

    /// A line was an event: takes up its outline, if it was looked for in vain.
    #[inline(always)]
    pub fn learn_outline<W: Wide>(&mut self, wide: W, block: &[u8], event: Event) {
        self.outlines.learn(wide, block, event);
    }

    /// A line was an event, but templates rest: types may be many, and its frame that of the next lines.
    #[inline(always)]
    pub fn learn_frame(&mut self, block: &[u8], event: Event) {
        if self.frame_rest > 0 {
            self.frame_rest -= 1;
        } else if self.frame.is_none() {
            // After the first one, a text that was met once may have been in the way.
            let is_loose = self.next_frame_rest > REST;
            self.frame = Frame::new(block, event, is_loose);
            self.frame_credit = MOST_CREDIT;
            self.rest_frame();
        }
    }

    /// The next frame is learned after some lines, each time after twice as many.
    fn rest_frame(&mut self) {
        self.frame_rest = self.next_frame_rest;
        self.next_frame_rest = LONGEST_REST.min(2 * self.next_frame_rest);
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

    /// The last line had a known layout.
    #[inline(always)]
    pub fn hit(&mut self) {
        self.credit = (self.credit + 1).min(MOST_CREDIT);
    }

    /// The last line had none, and is an event: takes up its layout. It begins at `start`, its "\n"
    /// is at `end`; `found` are the places of its type, of the digits of its value, and of the text or
    /// the digits of its time.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, block: &[u8], start: usize, end: usize, found: Found) {
        self.credit -= PRICE_OF_MISS;
        if self.credit <= 0 {
            self.pieces.clear();
            if let Some(skeletons) = &mut self.skeletons {
                skeletons.clear();
            }
            self.credit = MOST_CREDIT;
            self.rest = REST;
            return;
        }
        if block.get(end) != Some(&b'\n') {
            return;
        }
        // What is nowhere stays outside of the line.
        let Found { type_at, value_at, time_at } = found;
        let [type_at, value_at, time_at] =
            [type_at, value_at, time_at].map(|at| at.wrapping_sub(start));
        if let Some(skeletons) = &mut self.skeletons {
            return skeletons.learn(&block[start..=end], type_at, value_at);
        }
        let found = Found { type_at, value_at, time_at };
        let Some(pieces) = pieces(&block[start..=end], found) else {
            return;
        };
        if self.pieces.len() + pieces.len() <= MOST_PIECES {
            self.insert(pieces);
        }
    }

    fn insert(&mut self, pieces: Vec<Piece>) {
        let mut pieces = pieces.into_iter().peekable();
        let mut at = 0;
        // Along the pieces that are known.
        while let (Some(own), Some(piece)) = (self.pieces.get(at), pieces.peek()) {
            if own.bytes == piece.bytes
                && own.length == piece.length
                && own.gap == piece.gap
                && own.is_time == piece.is_time
            {
                pieces.next();
                at = own.next;
            } else if own.instead != 0 {
                at = own.instead;
            } else {
                self.pieces[at].instead = self.pieces.len();
                break;
            }
        }
        // The rest is new: one behind the other.
        while let Some(mut piece) = pieces.next() {
            piece.next = if pieces.peek().is_some() { self.pieces.len() + 1 } else { 0 };
            self.pieces.push(piece);
        }
    }
}

/// Where the first "\n" from `at` is, unless the line is longer than layouts are worth, or the end of
/// the block is near.
#[inline(always)]
fn line_end<W: Wide>(wide: W, block: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..MOST_CHUNKS {
        let newline = wide.equal(wide.load(block.get(at..)?.first_chunk()?), b'\n');
        if newline != 0 {
            return Some(at + newline.trailing_zeros() as usize);
        }
        at += CHUNK;
    }
    None
}

/// The layout of a valid line that ends with "\n", unless it has too many parts.
fn pieces(line: &[u8], Found { type_at, value_at, time_at }: Found) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    let mut cut = |from: usize, to: usize, gap: Gap| {
        let mut parts = line[from..to].chunks(CHUNK).peekable();
        while let Some(part) = parts.next() {
            let mut bytes = [0; CHUNK];
            bytes[..part.len()].copy_from_slice(part);
            let gap = if parts.peek().is_some() { Gap::None } else { gap };
            let mask = u64::MAX >> (CHUNK - part.len());
            let is_time = parts.peek().is_none() && to == time_at;
            let length = part.len();
            pieces.push(Piece { bytes, mask, length, gap, is_time, next: 0, instead: 0 });
        }
        pieces.len() <= MOST_PIECES_OF_A_LINE
    };
    while at < line.len() {
        match line[at] {
            b'"' => {
                let end = parse::string_end(line, at + 1);
                let behind = line[end + 1..].iter().find(|&&byte| !parse::is_space(byte));
                if behind != Some(&b':') {
                    let gap = match at {
                        _ if at == type_at => Gap::Type,
                        _ if at + 1 == value_at => Gap::Value,
                        _ => Gap::Text,
                    };
                    cut(from, at + 1, gap).then_some(())?;
                    from = end;
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let gap = if at == value_at { Gap::Value } else { Gap::Number };
                cut(from, at, gap).then_some(())?;
                while matches!(line[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                    at += 1;
                }
                from = at;
            }
            _ => at += 1,
        }
    }
    cut(from, line.len(), Gap::End).then_some(())?;
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    const LINE: &str = "{\"type\":\"page_view\",\"value\":1,\"occurred_at\":\"2020-10-06\"}\n";

    fn read(layouts: &mut Layouts, line: &str) -> Option<(String, Option<Number>)> {
        let block = format!("{:24}{line}{:128}", "", "");
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        let found = layouts.read::<_, true>(Portable, block.as_bytes(), 24, &mut long)?;
        let (start, end) = found.type_text;
        Some((block[start..end].to_owned(), found.value))
    }

    const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };

    fn found((type_at, value_at): (usize, usize)) -> Found {
        Found { type_at, value_at, time_at: NOWHERE }
    }

    fn known(line: &str, places: (usize, usize)) -> Layouts {
        let mut layouts = Layouts::new(ABSENT, None);
        layouts.learn(line.as_bytes(), 0, line.len() - 1, found(places));
        layouts
    }

    /// A line with other values in the same layout is read; one with another layout is not.
    #[test]
    fn same_and_other_layouts() {
        let mut layouts = known(LINE, (8, 28));
        let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
        assert_eq!(read(&mut layouts, LINE), Some(("page_view".to_owned(), number(1, 0))));
        let other = "{\"type\":\"\",\"value\":-19.99,\"occurred_at\":\"\\u00e9 é\"}\n";
        assert_eq!(read(&mut layouts, other), Some((String::new(), number(-1999, 2))));
        for other in [
            "{\"type\":\"a\",\"value\":1,\"occurred_at\":\"\"} \n",
            "{\"type\":\"a\",\"value\":1 ,\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":\"1\",\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":01,\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":1,\"occurred_at\":\"\\x\"}\n",
            "{\"type\":\"a\",\"value\":1}\n",
        ] {
            assert_eq!(read(&mut layouts, other), None, "{other}");
        }
    }

    /// A value may stand in quotes, and then must; a line without one has the value that stands in.
    #[test]
    fn quoted_and_absent_values() {
        let line = "{\"type\":\"page_view\",\"value\":\"1\",\"at\":\"2020-10-06\"}\n";
        let mut layouts = known(line, (8, 29));
        let value = Some(Number { mantissa: -1999, scale: 2, integral: false });
        let read_with = |layouts: &mut Layouts, to: &str| read(layouts, &line.replace("\"1\"", to));
        assert_eq!(read_with(&mut layouts, "\"-19.99\""), Some(("page_view".to_owned(), value)));
        for wrong in ["1", "\"\"", "\"1 \"", "\"01\"", "\"\\u0031\"", "\"1,\"at\":\""] {
            assert_eq!(read_with(&mut layouts, wrong), None, "{wrong}");
        }
        let mut layouts = known(line, (8, NOWHERE));
        let value = Some(ABSENT);
        assert_eq!(read_with(&mut layouts, "\"any\""), Some(("page_view".to_owned(), value)));
        assert_eq!(read_with(&mut layouts, "1"), None);
    }

    /// Layouts with the same beginning share their pieces.
    #[test]
    fn shared_beginnings() {
        let mut layouts = known(LINE, (8, 28));
        let count = layouts.pieces.len();
        let other = "{\"type\":\"page_view\",\"value\":1,\"at\":\"2020-10-06\"}\n";
        layouts.learn(other.as_bytes(), 0, other.len() - 1, found((8, 28)));
        assert_eq!(layouts.pieces.len(), count + 2);
        assert!(read(&mut layouts, LINE).is_some() && read(&mut layouts, other).is_some());
        layouts.learn(LINE.as_bytes(), 0, LINE.len() - 1, found((8, 28)));
        assert_eq!(layouts.pieces.len(), count + 2);
    }

    /// Where lines have no layout in common, layouts are forgotten and rest for a while.
    #[test]
    fn rest() {
        let mut layouts = Layouts::new(ABSENT, None);
        let mut tries = 0;
        for at in 0..1_000 {
            if layouts.are_in_use() {
                let line = format!("{{\"k{at}\":0,\"type\":\"a\",\"value\":1}}\n");
                layouts.learn(line.as_bytes(), 0, line.len() - 1, found((0, 0)));
                tries += 1;
            }
        }
        assert!(tries < 50 && layouts.pieces.is_empty());
    }
}

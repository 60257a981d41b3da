//! The layouts of lines met lately, as a tree: the bytes between the values, and where the values go.
//!
//! Most logs are written by few programs, so most lines differ only in what is inside their strings and numbers. A line
//! that has a known layout and clean values is an event without any further look at its grammar: it differs from a
//! line that `parse` found valid only by strings and numbers of the same kind, at the same places, under the same keys
//! of the same objects; so the fields are where they were, however deep, and what a lacking value stood for it does
//! again. A line that has none is not wrong; it is left to `parse`. The idea of speculating on the layout is that of
//! Mison (Li et al., VLDB 2017).

use crate::backoff::{Backoff, Rates};
use crate::event::{Event, Match, NOWHERE};
use crate::exact::{self, Exact, Number};
use crate::text;
use crate::tokens::{Kind, tokens};
use crate::wide::{CHUNK, Wide};

/// What follows the bytes of a piece.
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

/// Up to 64 bytes that a line must have, and the gap after them.
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
    /// The piece after this one, and the one to try in its place; 0 is none, as no piece comes
    /// before the first.
    next: usize,
    instead: usize,
}

/// Lines of more chunks are read without a layout.
const MOST_CHUNKS: usize = 256;
const MOST_PIECES: usize = 256;
const MOST_PIECES_OF_A_LINE: usize = 40;
const RATES: Rates = Rates { most: 64, miss: 4, first: 1 << 10, longest: 1 << 18 };

#[derive(Debug)]
pub struct Tree {
    pieces: Vec<Piece>,
    /// The value of a line that has none.
    absent: Number,
    backoff: Backoff,
}

impl Tree {
    /// No pieces yet; `absent` is the value of a line that has none.
    pub fn new(absent: Number) -> Self {
        Self { pieces: Vec::new(), absent, backoff: Backoff::new(RATES) }
    }

    /// Whether to `read` the next line, and to `learn` it. To be asked once for each.
    #[inline(always)]
    pub fn is_open(&mut self) -> bool {
        self.backoff.is_open()
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
        // The end is looked for first: then the next line does not wait for this one.
        let found = match line_end(wide, block, at) {
            Some(end) => self.walk::<W, TIMED>(wide, block, (at, end), long),
            None => None,
        };
        match found {
            Some(_) => self.backoff.hit(1),
            None => self.miss(),
        }
        found
    }

    /// A line that was read, or looked for in vain, took longer than without the tree.
    #[inline(always)]
    pub fn miss(&mut self) {
        if self.backoff.miss() {
            self.pieces.clear();
        }
    }

    #[inline(always)]
    fn walk<W: Wide, const TIMED: bool>(
        &self,
        wide: W,
        block: &[u8],
        (start, end): (usize, usize),
        long: &mut Exact,
    ) -> Option<Match> {
        let mut at = start;
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
                    let text_at = at;
                    loop {
                        let chunk = wide.load(block.get(at..)?.first_chunk()?);
                        let quote = wide.equal(chunk, b'"');
                        let odd = wide.control_or_high(chunk) | wide.equal(chunk, b'\\');
                        let below = quote.wrapping_sub(1) & !quote;
                        if odd & below != 0 {
                            at = text::text_end(wide, block, text_at)?;
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
                    let text_at = at;
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
                    type_text = (text_at, at);
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
                    let event = Event { start, end, type_text, value_at, time_at };
                    return (at == end + 1).then_some(Match { event, is_plain, value });
                }
            }
            piece = &self.pieces[piece.next];
        }
    }

    /// Takes up the layout of an event that `read` did not know.
    #[cold]
    #[inline(never)]
    pub fn learn<W: Wide>(&mut self, _: W, block: &[u8], event: Event) {
        let Some(line) = block.get(event.start..=event.end).filter(|line| line.ends_with(b"\n"))
        else {
            return;
        };
        if let Some(pieces) = pieces::<W>(line, event)
            && self.pieces.len() + pieces.len() <= MOST_PIECES
        {
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
        // The rest is new: one after the other.
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

/// The layout of an event in a line that ends with "\n", unless it has too many parts.
fn pieces<W: Wide>(line: &[u8], event: Event) -> Option<Vec<Piece>> {
    // What is nowhere stays outside of the line.
    let [type_at, value_at, time_at] =
        [event.type_text.0, event.value_at, event.time_at].map(|at| at.wrapping_sub(event.start));
    // With more, its outline is found sooner than they are walked.
    let most = W::PIECES_FOR_OUTLINE.map_or(MOST_PIECES_OF_A_LINE, |(look_up, chunk)| {
        MOST_PIECES_OF_A_LINE.min(look_up + chunk * line.len().div_ceil(CHUNK))
    });
    let mut pieces = Vec::new();
    let mut from = 0;
    for token in tokens(line) {
        let (gap, behind) = match token.kind {
            Kind::Text if token.start == type_at => (Gap::Type, token.end),
            Kind::Text if token.start == value_at => (Gap::Value, token.end),
            Kind::Text => (Gap::Text, token.end),
            Kind::Number if token.start == value_at => (Gap::Value, token.end),
            Kind::Number => (Gap::Number, token.end),
            Kind::Byte if token.end == line.len() => (Gap::End, token.end),
            Kind::Key | Kind::Byte => continue,
        };
        let to = if gap == Gap::End { token.end } else { token.start };
        let mut parts = line[from..to].chunks(CHUNK).peekable();
        while let Some(part) = parts.next() {
            let mut bytes = [0; CHUNK];
            bytes[..part.len()].copy_from_slice(part);
            let is_last = parts.peek().is_none();
            pieces.push(Piece {
                bytes,
                mask: u64::MAX >> (CHUNK - part.len()),
                length: part.len(),
                gap: if is_last { gap } else { Gap::None },
                is_time: is_last && to == time_at,
                next: 0,
                instead: 0,
            });
        }
        (pieces.len() <= most).then_some(())?;
        from = behind;
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    const LINE: &str = "{\"type\":\"page_view\",\"value\":1,\"occurred_at\":\"2020-10-06\"}\n";

    fn read(tree: &mut Tree, line: &str) -> Option<(String, Option<Number>)> {
        let block = format!("{:24}{line}{:128}", "", "");
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        let found = tree.read::<_, true>(Portable, block.as_bytes(), 24, &mut long)?;
        let (start, end) = found.event.type_text;
        Some((block[start..end].to_owned(), found.value))
    }

    const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };

    fn learn(tree: &mut Tree, line: &str, (type_at, value_at): (usize, usize)) {
        let type_text = (type_at, text::string_end(line.as_bytes(), type_at));
        let end = line.len() - 1;
        let event = Event { start: 0, end, type_text, value_at, time_at: NOWHERE };
        tree.learn(Portable, line.as_bytes(), event);
    }

    fn known(line: &str, places: (usize, usize)) -> Tree {
        let mut tree = Tree::new(ABSENT);
        learn(&mut tree, line, places);
        tree
    }

    /// A line with other values in the same layout is read; one with another layout is not.
    #[test]
    fn same_and_other_layouts() {
        let mut tree = known(LINE, (9, 28));
        let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
        assert_eq!(read(&mut tree, LINE), Some(("page_view".to_owned(), number(1, 0))));
        let other = "{\"type\":\"\",\"value\":-19.99,\"occurred_at\":\"\\u00e9 é\"}\n";
        assert_eq!(read(&mut tree, other), Some((String::new(), number(-1999, 2))));
        for other in [
            "{\"type\":\"a\",\"value\":1,\"occurred_at\":\"\"} \n",
            "{\"type\":\"a\",\"value\":1 ,\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":\"1\",\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":01,\"occurred_at\":\"\"}\n",
            "{\"type\":\"a\",\"value\":1,\"occurred_at\":\"\\x\"}\n",
            "{\"type\":\"a\",\"value\":1}\n",
        ] {
            assert_eq!(read(&mut tree, other), None, "{other}");
        }
    }

    /// A value may be in quotes, and then must; a line without one has the value that replaces it.
    #[test]
    fn quoted_and_absent_values() {
        let line = "{\"type\":\"page_view\",\"value\":\"1\",\"at\":\"2020-10-06\"}\n";
        let mut tree = known(line, (9, 29));
        let value = Some(Number { mantissa: -1999, scale: 2, integral: false });
        let read_with = |layouts: &mut Tree, to: &str| read(layouts, &line.replace("\"1\"", to));
        assert_eq!(read_with(&mut tree, "\"-19.99\""), Some(("page_view".to_owned(), value)));
        for wrong in ["1", "\"\"", "\"1 \"", "\"01\"", "\"\\u0031\"", "\"1,\"at\":\""] {
            assert_eq!(read_with(&mut tree, wrong), None, "{wrong}");
        }
        let mut tree = known(line, (9, NOWHERE));
        let value = Some(ABSENT);
        assert_eq!(read_with(&mut tree, "\"any\""), Some(("page_view".to_owned(), value)));
        assert_eq!(read_with(&mut tree, "1"), None);
    }

    /// Layouts with the same beginning share their pieces.
    #[test]
    fn shared_beginnings() {
        let mut tree = known(LINE, (9, 28));
        let count = tree.pieces.len();
        let other = "{\"type\":\"page_view\",\"value\":1,\"at\":\"2020-10-06\"}\n";
        learn(&mut tree, other, (9, 28));
        assert_eq!(tree.pieces.len(), count + 2);
        assert!(read(&mut tree, LINE).is_some() && read(&mut tree, other).is_some());
        learn(&mut tree, LINE, (9, 28));
        assert_eq!(tree.pieces.len(), count + 2);
    }

    /// Where lines have no layout in common, layouts are forgotten and left alone for a while.
    #[test]
    fn backoff() {
        let mut tree = Tree::new(ABSENT);
        let mut tries = 0;
        for at in 0..1_000 {
            if tree.is_open() {
                let line = format!("{{\"k{at}\":0,\"type\":\"a\",\"value\":1}}\n");
                let type_at = line.find("a\"").expect("the type");
                assert_eq!(read(&mut tree, &line), None);
                learn(&mut tree, &line, (type_at, line.len() - 3));
                tries += 1;
            }
        }
        assert!(tries < 50, "{tries}");
    }
}

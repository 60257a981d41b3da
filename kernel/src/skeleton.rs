//! The skeletons of lines met lately: the bytes outside of their values, as a graph of pieces.
//!
//! For long lines, of which no two may have the same layout though all are made of the same pieces:
//! an array has a few elements more, a word stands for another. A piece that was seen in a valid
//! line may follow any piece that it was seen to follow with the same containers open, so whatever
//! way through the graph a line takes, it keeps to the grammar. What is in its strings is looked at
//! for the whole line at once, beforehand: where the quotes are, and that all is text.
//!
//! Only for fields that are keys of the outermost object. A line in which such a key stands twice,
//! or any key has an escape, is not taken up; so on every way a type and a value are the only ones,
//! or the last ones, of the line.

use crate::exact::{self, Exact};
use crate::layout::Match;
use crate::parse::{self, NOWHERE};
use crate::wide::{CHUNK, Wide};
use std::ops::Range;

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

/// What is known where a piece begins. The bytes of a piece and its context say all of what may
/// follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Start,
    /// In the middle of a longer piece, behind this one.
    Inside(u16),
    /// Behind a string or a number, in so many containers, of which those whose bit is set are
    /// arrays.
    Behind {
        is_text: bool,
        depth: u32,
        arrays: u128,
    },
}

const MOST_NEXT: usize = 4;
const NO_PIECE: u16 = u16::MAX;

/// Pieces to try, the first that fits.
type Next = [u16; MOST_NEXT];

/// Up to 64 bytes that a line must have, and the gap behind them.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Piece {
    bytes: [u8; CHUNK],
    /// The bytes that count.
    mask: u64,
    length: usize,
    /// Quotes among the bytes.
    quotes: usize,
    next: Next,
    gap: Gap,
}

const MOST_PIECES: usize = 512;
const MOST_PIECES_OF_A_LINE: usize = 256;
const MOST_DEPTH: u32 = 128;
/// Longer lines are left to others.
const MOST_CHUNKS: usize = 256;
const MOST_QUOTES: usize = 2048;

/// The graph.
#[derive(Debug)]
pub struct Skeletons {
    pieces: Vec<Piece>,
    contexts: Vec<Context>,
    first: Next,
    type_key: Vec<u8>,
    value_key: Vec<u8>,
    /// The quotes of a line that are not escaped, from its start.
    quotes: Box<[u32; MOST_QUOTES + CHUNK]>,
}

/// What a line holds, whatever its grammar.
struct Line {
    /// Where its "\n" is.
    end: usize,
    quotes: usize,
    /// From the first chunk to the last that is not all ASCII, if there is one. No character goes
    /// beyond either, or its other bytes would make their chunk one of them.
    high: Option<Range<usize>>,
}

impl Skeletons {
    /// None yet, for type and value under these keys of the outermost object.
    pub fn new(type_key: &[u8], value_key: &[u8]) -> Self {
        Self {
            pieces: Vec::new(),
            contexts: Vec::new(),
            first: [NO_PIECE; MOST_NEXT],
            type_key: type_key.to_vec(),
            value_key: value_key.to_vec(),
            quotes: Box::new([0; MOST_QUOTES + CHUNK]),
        }
    }

    /// Forgets all pieces.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.contexts.clear();
        self.first = [NO_PIECE; MOST_NEXT];
    }

    /// Reads the line that begins at `start`, if it has a known skeleton and is neither very long nor
    /// near the end of the block.
    #[inline(always)]
    pub fn read<W: Wide>(
        &mut self,
        wide: W,
        block: &[u8],
        start: usize,
        long: &mut Exact,
    ) -> Option<Match> {
        if self.pieces.is_empty() {
            return None;
        }
        let line = scan(wide, block, start, &mut self.quotes)?;
        let quotes = &self.quotes[..line.quotes];
        let mut type_text = None;
        let mut value = None;
        let mut next = &self.first;
        let mut quote = 0;
        let mut at = start;
        loop {
            let chunk = wide.load(block.get(at..)?.first_chunk()?);
            let mut others = next.iter();
            let piece = loop {
                let piece = self.pieces.get(usize::from(*others.next()?))?;
                if wide.same(chunk, wide.load(&piece.bytes)) & piece.mask == piece.mask {
                    break piece;
                }
            };
            at += piece.length;
            quote += piece.quotes;
            match piece.gap {
                Gap::Text => at = start + *quotes.get(quote)? as usize,
                Gap::Type => {
                    let end = start + *quotes.get(quote)? as usize;
                    type_text = Some((at, end));
                    at = end;
                }
                Gap::Number => {
                    at += match exact::read(wide, block, at) {
                        Some((_, length)) => length,
                        None => exact::read_long(&block[at..])?.1,
                    };
                }
                Gap::Value => {
                    let (number, length) = exact::read_any(wide, block, at, long)?;
                    value = Some((at, number));
                    at += length;
                }
                Gap::None => {}
                Gap::End => break,
            }
            next = &piece.next;
        }
        // No other piece holds a "\n".
        debug_assert_eq!(at, line.end + 1);
        let is_text = match line.high {
            Some(range) => simdutf8::basic::from_utf8(&block[range]).is_ok(),
            None => true,
        };
        let ((value_at, value), type_text) = (value?, type_text?);
        is_text.then_some(Match {
            end: line.end,
            type_text,
            is_plain: true,
            value_at,
            time_at: NOWHERE,
            value,
        })
    }

    /// Takes up the skeleton of a line that is known to be an event with these places of its type
    /// and of its value, and that ends with "\n".
    pub fn learn(&mut self, line: &[u8], type_at: usize, value_at: usize) {
        let Some(parts) = self.parts(line, type_at, value_at) else {
            return;
        };
        if self.pieces.len() + parts.len() > MOST_PIECES {
            return;
        }
        let mut before: Option<u16> = None;
        for (bytes, gap, context) in parts {
            let context = match (context, before) {
                (Context::Inside(_), Some(before)) => Context::Inside(before),
                _ => context,
            };
            let mut piece = Piece {
                bytes: [0; CHUNK],
                mask: u64::MAX >> (CHUNK - bytes.len()),
                length: bytes.len(),
                quotes: bytes.iter().filter(|&&byte| byte == b'"').count(),
                next: [NO_PIECE; MOST_NEXT],
                gap,
            };
            piece.bytes[..bytes.len()].copy_from_slice(bytes);
            let known = self.pieces.iter().zip(&self.contexts).position(|(own, known)| {
                (own.bytes, own.length, own.gap) == (piece.bytes, piece.length, piece.gap)
                    && *known == context
            });
            let index = known.unwrap_or_else(|| {
                self.pieces.push(piece);
                self.contexts.push(context);
                self.pieces.len() - 1
            }) as u16;
            let next = match before {
                None => &mut self.first,
                Some(before) => &mut self.pieces[usize::from(before)].next,
            };
            if !next.contains(&index) {
                let free = next.iter().position(|&other| other == NO_PIECE);
                next[free.unwrap_or(MOST_NEXT - 1)] = index;
            }
            before = Some(index);
        }
    }

    /// The pieces of a line with their gaps and contexts, unless it has too many or is not one for
    /// the graph.
    fn parts<'a>(
        &self,
        line: &'a [u8],
        type_at: usize,
        value_at: usize,
    ) -> Option<Vec<(&'a [u8], Gap, Context)>> {
        let mut parts = Vec::new();
        let (mut types, mut values) = (0, 0);
        let (mut depth, mut arrays) = (0_u32, 0_u128);
        let mut context = Context::Start;
        let mut from = 0;
        let mut at = 0;
        let mut cut = |bytes: &'a [u8], gap: Gap, mut context: Context| {
            let mut chunks = bytes.chunks(CHUNK).peekable();
            while let Some(chunk) = chunks.next() {
                let gap = if chunks.peek().is_some() { Gap::None } else { gap };
                parts.push((chunk, gap, context));
                context = Context::Inside(NO_PIECE);
            }
            (parts.len() <= MOST_PIECES_OF_A_LINE && !bytes.contains(&b'\\')).then_some(())
        };
        while at < line.len() {
            match line[at] {
                b'"' => {
                    let end = parse::string_end(line, at + 1);
                    let text = &line[at + 1..end];
                    let behind = line[end + 1..].iter().find(|&&byte| !parse::is_space(byte));
                    if behind != Some(&b':') {
                        let gap = if at == type_at { Gap::Type } else { Gap::Text };
                        cut(&line[from..=at], gap, context)?;
                        context = Context::Behind { is_text: true, depth, arrays };
                        from = end;
                    } else if depth == 1 {
                        types += u32::from(text == self.type_key);
                        values += u32::from(text == self.value_key);
                    }
                    at = end + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let gap = if at == value_at { Gap::Value } else { Gap::Number };
                    cut(&line[from..at], gap, context)?;
                    context = Context::Behind { is_text: false, depth, arrays };
                    while matches!(line[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                        at += 1;
                    }
                    from = at;
                }
                byte => {
                    match byte {
                        b'{' | b'[' => {
                            (depth < MOST_DEPTH).then_some(())?;
                            arrays = (arrays << 1) | u128::from(byte == b'[');
                            depth += 1;
                        }
                        b'}' | b']' => {
                            arrays >>= 1;
                            depth -= 1;
                        }
                        _ => {}
                    }
                    at += 1;
                }
            }
        }
        cut(&line[from..], Gap::End, context)?;
        (types == 1 && values == 1).then_some(parts)
    }
}

/// Looks for the end of the line that begins at `start`, and for its quotes. None if there is a
/// control character in it, an escape is wrong, or it is too long.
#[inline(always)]
fn scan<W: Wide>(
    wide: W,
    block: &[u8],
    start: usize,
    quotes: &mut [u32; MOST_QUOTES + CHUNK],
) -> Option<Line> {
    let mut count = 0;
    let (mut escaped, mut unicode) = (0, 0);
    let mut second_half = NOWHERE;
    let mut wrong = 0;
    let (mut first_high, mut last_high) = (NOWHERE, 0);
    let mut at = start;
    for _ in 0..MOST_CHUNKS {
        let chunk = wide.load(block.get(at..)?.first_chunk()?);
        let control = wide.control(chunk);
        let mut live = u64::MAX;
        let mut end = None;
        if control != 0 {
            let newline = wide.equal(chunk, b'\n');
            live = newline.wrapping_sub(1) & !newline;
            // The byte before the "\n" may be one, as it is part of the last piece.
            if newline == 0 || control & (live >> 1) != 0 {
                return None;
            }
            end = Some(at + newline.trailing_zeros() as usize);
        }
        let mut quote = wide.equal(chunk, b'"') & live;
        let backslash = wide.equal(chunk, b'\\') & live;
        let high = wide.high(chunk) & live;
        first_high = first_high.min(if high == 0 { NOWHERE } else { at });
        last_high = if high == 0 { last_high } else { at };
        if backslash | escaped | (unicode >> 60) != 0 {
            let here = parse::escaped_bytes(backslash, &mut escaped) & live;
            let (wrong_here, unicode_d) = parse::wrong_escapes(wide, chunk, here, &mut unicode);
            wrong |= wrong_here & live;
            if unicode_d & live != 0 {
                wrong |= parse::wrong_surrogates(block, at, unicode_d & live, &mut second_half);
            }
            quote &= !here;
        } else {
            unicode = 0;
        }
        let places = quotes[count..].first_chunk_mut().expect("room for one more chunk");
        wide.write_places(quote, (at - start) as u32, places);
        count += quote.count_ones() as usize;
        if let Some(end) = end {
            let high = (first_high <= last_high).then(|| first_high..end.min(last_high + CHUNK));
            return (wrong == 0).then_some(Line { end, quotes: count, high });
        }
        if count > MOST_QUOTES {
            return None;
        }
        at += CHUNK;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Key;
    use crate::wide::Portable;

    /// Where the type and the value of a valid line begin, by `parse`.
    fn places(line: &str) -> Option<(usize, usize)> {
        let keys = [Key::new("type"), Key::new("value")];
        let tops = parse::line(Portable, line.as_bytes(), 0, &keys).tops.ok()?;
        let [type_at, value_at, ..] = tops;
        if type_at == NOWHERE || value_at == NOWHERE {
            return None;
        }
        let at = |top| parse::behind_colon(line.as_bytes(), top);
        Some((at(type_at), at(value_at)))
    }

    fn known(lines: &[&str]) -> Skeletons {
        let mut skeletons = Skeletons::new(b"type", b"value");
        for line in lines {
            let (type_at, value_at) = places(line).expect("an event");
            skeletons.learn(line.as_bytes(), type_at, value_at);
        }
        skeletons
    }

    /// The type and the value of a line that has a known skeleton.
    fn read(skeletons: &mut Skeletons, line: &str) -> Option<(String, Exact)> {
        let block = format!("{:24}{line}{:128}", "", "");
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        let found = skeletons.read(Portable, block.as_bytes(), 24, &mut long)?;
        assert_eq!(Some(found.end), block.find('\n'));
        let (start, end) = found.type_text;
        let (_, value_at) = places(line).expect("only events are read");
        assert_eq!(found.value_at, 24 + value_at);
        Some((block[start..end].to_owned(), found.value.map_or(long, Exact::from)))
    }

    fn read_integer(skeletons: &mut Skeletons, line: &str) -> Option<(String, i128)> {
        read(skeletons, line).map(|(name, value)| (name, value.mantissa))
    }

    /// Lines of the same pieces are read, however many elements their arrays have.
    #[test]
    fn loops() {
        let one =
            r#"{"type":"push","commits":[{"by":"x","new":true}],"value":1}"#.to_owned() + "\n";
        let two = one.replace("}]", r#"},{"by":"y","new":false}]"#);
        let more = one.replace("}]", r#"},{"by":"","new":false},{"by":"é","new":true}]"#);
        let mut skeletons = known(&[&one, &two]);
        for line in [&one, &two, &two.replace("\"y\"", "\"\\\"y\\u00e9\"")] {
            assert_eq!(read_integer(&mut skeletons, line), Some(("push".to_owned(), 1)), "{line}");
        }
        assert_eq!(read(&mut skeletons, &more), None, "a piece that was never seen there");
        let four = two.replace("}]", r#"},{"by":"","new":false},{"by":"é","new":true}]"#);
        let five = four.replace("true}]", r#"false},{"by":"z","new":true}]"#);
        let mut skeletons = known(&[&one, &two, &four]);
        for line in [&more, &five] {
            assert_eq!(read_integer(&mut skeletons, line), Some(("push".to_owned(), 1)), "{line}");
        }
    }

    /// What stands in the strings must be text, and numbers must be numbers.
    #[test]
    fn wrong_values() {
        let line = "{\"n\":1,\"type\":\"a\",\"t\":\"x\",\"value\":1.5}\n";
        let mut skeletons = known(&[line]);
        for other in ["\"\\ud83d\\ude00\"", "\"é\"", "\"\"", "\"\\\\\"", "\"a: {\\\"\""] {
            assert!(read(&mut skeletons, &line.replace("\"x\"", other)).is_some(), "{other}");
        }
        for wrong in
            ["\"\\x\"", "\"\\ud83d\"", "\"\\u00g0\"", "\"\t\"", "\"\\\"", "1", "\"x", "x\""]
        {
            assert!(read(&mut skeletons, &line.replace("\"x\"", wrong)).is_none(), "{wrong}");
        }
        for wrong in ["01", "1.", "-", "", "\"1\"", "1,1", "1e", "1 "] {
            assert!(read(&mut skeletons, &line.replace("1,", &format!("{wrong},"))).is_none());
            assert!(read(&mut skeletons, &line.replace("1.5", wrong)).is_none(), "{wrong}");
        }
        let mut block = format!("{line}{:128}", "").into_bytes();
        let text = line.find("x\"").expect("a text");
        let mut long = Exact { mantissa: 0, scale: 0, integral: true };
        assert!(skeletons.read(Portable, &block, 0, &mut long).is_some());
        block[text] = 0xff;
        assert!(skeletons.read(Portable, &block, 0, &mut long).is_none());
    }

    /// Of lines with a field that stands there twice, or keys with escapes, there is no skeleton.
    #[test]
    fn ambiguous_keys() {
        for line in [
            "{\"type\":\"a\",\"value\":1,\"value\":2}\n",
            "{\"type\":null,\"type\":\"a\",\"value\":1}\n",
            "{\"type\":\"a\",\"value\":1,\"v\\u0061lue\":2}\n",
            "{\"type\":\"a\",\"x\":{\"\\n\":0},\"value\":1}\n",
        ] {
            assert!(known(&[line]).pieces.is_empty(), "{line}");
        }
        let line = "{\"x\":{\"type\":0,\"value\":\"b\"},\"type\":\"a\",\"value\":1}\n";
        assert_eq!(read_integer(&mut known(&[line]), line), Some(("a".to_owned(), 1)));
    }

    /// Whatever is read is an event, and what `parse` finds in it: lines put together from parts of
    /// others, cut anywhere.
    #[test]
    fn ways_keep_to_the_grammar() {
        let mut seed = 7_u64;
        let mut below = |limit: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % limit
        };
        let parts: &[&[&str]] = &[
            &["\"type\":\"a\"", "\"type\" : \"b\"", "\"type\":\"long\""],
            &["\"value\":1", "\"value\":-2.5", "\"value\": 123456789012345678901"],
            &[
                "\"x\":{\"y\":[1]}",
                "\"x\":[{\"y\":1},[]]",
                "\"x\":[[1],{}]",
                "\"x\":{\"y\":{}}",
                "\"x\":[]",
            ],
            &[
                "\"y\":\"type\"",
                "\"y\":true",
                "\"y\":{\"value\":\"3\",\"type\":4}",
                "\"y\":[1,\"2\",null]",
            ],
        ];
        let mut read_ones = 0;
        for _ in 0..300 {
            let mut lines = Vec::new();
            for _ in 0..6 {
                let first = below(4);
                let members: Vec<&str> = (0..4)
                    .map(|at| parts[(first + at) % 4])
                    .map(|choices| choices[below(choices.len())])
                    .collect();
                lines.push(format!("{{{}}}\n", members.join([",", ", "][below(2)])));
            }
            let mut skeletons = known(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            for _ in 0..300 {
                let (left, right) = (&lines[below(6)], &lines[below(6)]);
                let cut = below(left.len());
                let behind = match below(2) {
                    0 => below(right.len()),
                    // Behind the same two bytes.
                    _ => right.find(&left[cut.saturating_sub(2)..cut]).unwrap_or(0) + cut.min(2),
                };
                let line = format!("{}{}", &left[..cut], &right[behind..]);
                // `read` itself asserts that `parse` finds the same value.
                if let Some((name, _)) = read(&mut skeletons, &line) {
                    let (type_at, _) = places(&line).expect("an event");
                    assert!(line[type_at + 1..].starts_with(&format!("{name}\"")), "{line}");
                    read_ones += 1;
                }
            }
        }
        assert!(read_ones > 1_000, "{read_ones}");
    }
}

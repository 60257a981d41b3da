//! Cuts a stream of JSON texts into lines: texts in any framing in, one text a line out.
//!
//! The elements of an array at the top are texts, too; with a path, so are the elements of the arrays that it leads
//! to. `scan` finds where a text ends, and the fold says what it means. `reading/framing/texts.py` has the rules in
//! words and is the same in Python; tests compare the two.

mod damage;
mod records;

use crate::judge;
use crate::scan::{Reached, SEPARATOR, Scan, is_white};
use crate::wide::Level;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of the stream that cannot be given as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is longer than the limit.
    TooLong,
    /// What is around records was torn.
    Damaged,
    /// A text without records.
    NoRecords,
    /// An array at the top, or what is around records, is not closed at the end.
    Unclosed,
}

impl Kind {
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Damaged => "damaged",
            Self::NoRecords => "no_records",
            Self::Unclosed => "unclosed",
        }
    }
}

/// Where it begins in the stream, how long it is, and on which line it begins, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    pub kind: Kind,
    pub start: u64,
    pub length: u64,
    pub line: u64,
}

/// A text: where it begins and ends in the data, and how many newlines are before it.
pub type Place = [u64; 3];

/// What came of a piece of the stream; the lines are in the cutter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How many bytes are done with. The others must be given again, with more after them.
    pub consumed: usize,
    /// How many newlines they have.
    pub newlines: u64,
    /// What follows the lines.
    pub special: Option<Special>,
}

/// What may come next in an object on the way to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    KeyOrClose,
    Key,
    Colon,
    Value,
    CommaOrClose,
}

/// An array whose elements are texts or lead to them, or an object on the way to records.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_array: bool,
    /// How many keys of the path lead here.
    level: usize,
    expected: Expected,
    /// The key that was read last is the next one of the path.
    is_match: bool,
    start: u64,
    line: u64,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Between,
    /// After damage: the text began at `at` in the data, and the next one is sought `from` bytes after that.
    Seek {
        from: usize,
        allowed: usize,
        own_line: bool,
    },
    /// The same where the text is not held.
    Lost {
        kind: Kind,
        start: u64,
        line: u64,
        allowed: usize,
        own_line: bool,
    },
    /// A text that is too long.
    Long {
        start: u64,
        line: u64,
        allowed: usize,
        own_line: bool,
    },
    /// A value around records.
    Skip,
}

enum Step {
    On(usize),
    Wait(usize),
    Special(Special, usize),
}

/// The state between two pieces of a stream.
#[derive(Debug)]
pub struct Cutter {
    level: Level,
    path: Vec<Vec<u8>>,
    most: usize,
    atomic: bool,
    scan: Scan,
    frames: Vec<Frame>,
    mode: Mode,
    /// The object that is being searched for records: where it begins, its line, and whether it has any.
    root: (u64, u64),
    is_found: bool,
    /// A closing bracket may belong to what is not known: the stream was entered in the middle, or there was damage.
    is_tolerant: bool,
    offset: u64,
    line: u64,
    /// The length of the line before the data, if it is blank.
    blanks: Option<usize>,
    counted: (usize, u64),
    pub out: Vec<u8>,
    pub places: Vec<Place>,
}

/// One piece of the stream.
#[derive(Clone, Copy)]
struct Piece<'a> {
    data: &'a [u8],
    at_end: bool,
    is_full: bool,
}

impl Piece<'_> {
    /// Whether what begins at `at` and goes on after the data cannot be given again with more of it.
    fn is_stuck(&self, at: usize) -> bool {
        at == 0 && self.is_full
    }
}

impl Cutter {
    /// Cuts texts of at most `most` bytes. With `atomic`, no record is given before its text is known to be whole;
    /// with `resumed`, the stream may have been entered within an array.
    pub fn new(level: Level, path: Vec<String>, most: usize, atomic: bool, resumed: bool) -> Self {
        Self {
            level,
            path: path.into_iter().map(String::into_bytes).collect(),
            most,
            atomic,
            scan: Scan::new(most.max(1)),
            frames: Vec::new(),
            mode: Mode::Between,
            root: (0, 0),
            is_found: false,
            is_tolerant: resumed,
            offset: 0,
            line: 0,
            blanks: Some(0),
            counted: (0, 0),
            out: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Cuts a piece of the stream, whose lines and places replace the last ones. `at_end`: nothing follows.
    /// `is_full`: no more than this can be given at once.
    pub fn cut(&mut self, data: &[u8], at_end: bool, is_full: bool) -> Cut {
        self.out.clear();
        self.places.clear();
        self.counted = (0, 0);
        let piece = Piece { data, at_end, is_full };
        let mut at = 0;
        let (consumed, special) = loop {
            match self.step(piece, at) {
                Step::On(next) => at = next,
                Step::Wait(from) => break (from, None),
                Step::Special(special, next) => break (next, Some(special)),
            }
        };
        let newlines = self.newlines_before(data, consumed);
        self.blanks = self.blanks_before(data, consumed);
        self.offset += consumed as u64;
        self.line += newlines;
        Cut { consumed, newlines, special }
    }

    fn step(&mut self, piece: Piece, at: usize) -> Step {
        match self.mode {
            Mode::Between => self.between(piece, at),
            Mode::Seek { from, allowed, own_line } => self.seek(piece, at, from, allowed, own_line),
            Mode::Lost { kind, start, line, allowed, own_line } => {
                let Some((end, next, is_separated)) = self.line_start(piece, at, allowed) else {
                    return Step::Wait(piece.data.len());
                };
                if next < piece.data.len() {
                    self.recover(is_separated, own_line);
                }
                self.mode = Mode::Between;
                Step::Special(Special { kind, start, length: end - start, line }, next)
            }
            Mode::Long { start, line, allowed, own_line } => {
                let kind = Kind::TooLong;
                let end = match self.scan.go(self.level, piece.data, at) {
                    Reached::End(end) => end,
                    Reached::More if piece.at_end => piece.data.len(),
                    Reached::More => return Step::Wait(piece.data.len()),
                    Reached::Damage(place) => {
                        self.mode = Mode::Lost { kind, start, line, allowed, own_line };
                        return Step::On(place);
                    }
                };
                self.mode = Mode::Between;
                let length = self.offset + end as u64 - start;
                Step::Special(Special { kind, start, length, line }, end)
            }
            Mode::Skip => match self.scan.go(self.level, piece.data, at) {
                Reached::End(end) => {
                    self.mode = Mode::Between;
                    Step::On(end)
                }
                Reached::More if !piece.at_end => Step::Wait(piece.data.len()),
                Reached::More => self.lose(piece.data.len()),
                Reached::Damage(place) => self.lose(place),
            },
        }
    }

    /// Goes on outside of texts.
    fn between(&mut self, piece: Piece, mut at: usize) -> Step {
        if let Some(frame) = self.frames.last()
            && !frame.is_array
        {
            return self.member(piece, at);
        }
        let data = piece.data;
        loop {
            let Some(&byte) = data.get(at) else {
                return if piece.at_end { self.end(at) } else { Step::Wait(at) };
            };
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => at += 1,
                SEPARATOR => {
                    at += 1;
                    if let Some(special) = self.unclosed(at) {
                        return Step::Special(special, at);
                    }
                }
                0xef if data[at..].starts_with(MARK) => at += MARK.len(),
                0xef if MARK.starts_with(&data[at..]) && !piece.at_end && !piece.is_stuck(at) => {
                    return Step::Wait(at);
                }
                _ => break,
            }
        }
        let (is_top, level) =
            self.frames.last().map_or((true, 0), |frame| (frame.level == 0, frame.level));
        let is_leaf = level == self.path.len();
        match data[at] {
            b']' if self.frames.pop().is_some() || self.is_tolerant => Step::On(at + 1),
            b'}' if self.is_tolerant && self.frames.is_empty() => Step::On(at + 1),
            b'[' if self.frames.is_empty() => self.enter(piece, at, true, 0),
            b'{' if !is_leaf => self.enter(piece, at, false, level),
            b'{' | b'[' | b'"' if is_leaf || is_top => self.text(piece, at),
            b'{' | b'[' | b'"' => self.skip(at),
            _ if is_leaf || is_top => self.scalar(piece, at),
            _ => match self.scalar_end(piece, at) {
                Some(end) if end > at => Step::On(end),
                Some(_) => self.lose(at),
                None => Step::Wait(at),
            },
        }
    }

    /// Takes the text that begins with a bracket or quote.
    fn text(&mut self, piece: Piece, at: usize) -> Step {
        self.scan.reset();
        match self.scan.go(self.level, piece.data, at) {
            Reached::End(end) if end - at > self.most => {
                let line = self.line + self.newlines_before(piece.data, at);
                let (start, length) = (self.offset + at as u64, (end - at) as u64);
                Step::Special(Special { kind: Kind::TooLong, start, length, line }, end)
            }
            Reached::End(end) => {
                self.give(piece.data, at, end);
                Step::On(end)
            }
            Reached::Damage(place) => self.damage(piece, at, place),
            Reached::More if piece.at_end => self.damage(piece, at, piece.data.len()),
            Reached::More if piece.is_stuck(at) => {
                let (allowed, own_line) = self.indentation(piece.data, at);
                let (start, line) = (self.offset, self.line);
                self.mode = Mode::Long { start, line, allowed, own_line };
                Step::Wait(piece.data.len())
            }
            Reached::More => Step::Wait(at),
        }
    }

    /// Takes a number or a word at the top; what is neither is damage.
    fn scalar(&mut self, piece: Piece, at: usize) -> Step {
        match self.scalar_end(piece, at) {
            Some(end) if end - at <= self.most && judge::is_scalar(&piece.data[at..end]) => {
                self.give(piece.data, at, end);
                Step::On(end)
            }
            Some(_) => self.damage(piece, at, at),
            None => Step::Wait(at),
        }
    }

    /// Where a run of what may be a number or a word ends; None if that is not known yet.
    fn scalar_end(&self, piece: Piece, at: usize) -> Option<usize> {
        let ends = |byte: &u8| {
            is_white(*byte)
                || matches!(byte, b',' | b':' | b'"' | b'{' | b'}' | b'[' | b']' | &SEPARATOR)
        };
        let end = piece.data[at..].iter().position(ends).map(|length| at + length);
        let is_last = piece.at_end || piece.is_stuck(at);
        end.or(is_last.then_some(piece.data.len()))
    }

    /// Ends the stream outside of texts.
    fn end(&mut self, at: usize) -> Step {
        match self.unclosed(at) {
            Some(special) => Step::Special(special, at),
            None => Step::Wait(at),
        }
    }

    /// What is open at `at`, where nothing may be.
    fn unclosed(&mut self, at: usize) -> Option<Special> {
        let first = self.frames.first().copied();
        self.frames.clear();
        let Frame { start, line, .. } = first.filter(|_| !self.is_tolerant)?;
        self.is_tolerant = true;
        let length = self.offset + at as u64 - start;
        Some(Special { kind: Kind::Unclosed, start, length, line })
    }

    /// Gives a text as a line, without white space after it.
    fn give(&mut self, data: &[u8], start: usize, end: usize) {
        let white = data[start..end].iter().rev().take_while(|byte| is_white(**byte)).count();
        let end = end - white;
        let line = self.newlines_before(data, start);
        let from = self.out.len();
        self.out.extend_from_slice(&data[start..end]);
        let mut text = &mut self.out[from..];
        // Outside of strings both are white space, inside both are wrong.
        while let Some(newline) = memchr::memchr(b'\n', text) {
            text[newline] = b'\r';
            text = &mut text[newline + 1..];
        }
        self.out.push(b'\n');
        self.places.push([start as u64, end as u64, line]);
    }

    /// How many newlines are in the data before a place, which is not before the last one asked for.
    fn newlines_before(&mut self, data: &[u8], at: usize) -> u64 {
        let (counted, newlines) = self.counted;
        let more = memchr::memchr_iter(b'\n', &data[counted..at]).count() as u64;
        self.counted = (at, newlines + more);
        self.counted.1
    }

    /// How many bytes there are before a place on its line, if all are blank.
    fn blanks_before(&self, data: &[u8], at: usize) -> Option<usize> {
        let blanks = data[..at].iter().rev().take_while(|byte| is_blank(**byte)).count();
        match at - blanks {
            0 => self.blanks.map(|before| before + blanks),
            start => (data[start - 1] == b'\n').then_some(blanks),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// How many blanks some bytes begin with.
fn blanks(data: &[u8]) -> usize {
    data.iter().take_while(|byte| is_blank(**byte)).count()
}

#[cfg(test)]
mod tests;

//! Lines with an event inside: after a prefix, in a string, or between the lines of a bulk file.
//!
//! Makes lines of them that the fold reads like any other. `reading/framing/wrapped.py` is the same in Python; tests
//! compare the two. What cannot be made a line is left as it is, and the fold says what is wrong with it.

use crate::cutter::{Cut, Kind, Place, Special};
use crate::judge;
use crate::scan::{Reached, Scan, is_white};
use crate::text;
use crate::wide::Level;
use std::ops::Range;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// What is made of lines.
#[derive(Clone, Debug, Default)]
pub struct Wrapping {
    /// What is before the first brace is ignored.
    pub skip_prefix: bool,
    /// Action lines of a bulk file are left out.
    pub bulk: bool,
    /// The ways to the string that holds the event, each a list of keys; the first that leads somewhere is taken.
    pub ways: Vec<Vec<String>>,
    /// The event is also put in place of the string.
    pub in_place: bool,
}

/// A text that goes on in a later line.
#[derive(Debug)]
struct Piece {
    stream: Vec<u8>,
    /// The line that it began in.
    line: Range<usize>,
    /// The string in that line that it began in; None: it began after a prefix.
    string: Option<Range<usize>>,
    text: Vec<u8>,
    /// Where its last line ends.
    end: usize,
}

/// The state between two pieces of a stream.
#[derive(Debug)]
pub struct Unwrapper {
    level: Level,
    wrapping: Wrapping,
    most: usize,
    scan: Scan,
    /// In a line that is too long: where it begins, and its line.
    long: Option<(u64, u64)>,
    awaits_document: bool,
    pieces: Vec<Piece>,
    offset: u64,
    line: u64,
    pub out: Vec<u8>,
    pub places: Vec<Place>,
}

impl Unwrapper {
    /// Takes lines of at most `most` bytes.
    pub fn new(level: Level, wrapping: Wrapping, most: usize) -> Self {
        Self {
            level,
            wrapping,
            most,
            scan: Scan::new(most.max(1)),
            long: None,
            awaits_document: false,
            pieces: Vec::new(),
            offset: 0,
            line: 0,
            out: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Makes lines of a piece of the stream; see `Cutter::cut`.
    pub fn cut(&mut self, data: &[u8], at_end: bool, is_full: bool) -> Cut {
        self.out.clear();
        self.places.clear();
        let mut at = 0;
        if let Some((start, line)) = self.long {
            let end = memchr::memchr(b'\n', data);
            if end.is_none() && !at_end {
                return self.done(data, data.len(), None);
            }
            let end = end.unwrap_or(data.len());
            let length = self.offset + end as u64 - start;
            self.long = None;
            let special = Special { kind: Kind::TooLong, start, length, line };
            return self.done(data, (end + 1).min(data.len()), Some(special));
        }
        let mut newlines = 0;
        while at < data.len() {
            let end = match memchr::memchr(b'\n', &data[at..]) {
                Some(length) => at + length,
                None if at_end => data.len(),
                None => break,
            };
            self.one(data, at..end, newlines);
            newlines += 1;
            at = end + usize::from(end < data.len());
        }
        if at == 0 && is_full {
            self.long = Some((self.offset, self.line));
            return self.done(data, data.len(), None);
        }
        let held = self.pieces.iter().map(|piece| piece_place(data, piece)[0]).min();
        if let Some(start) = held {
            if at_end || (start == 0 && is_full) {
                for piece in std::mem::take(&mut self.pieces) {
                    self.give_broken(data, piece);
                }
            } else {
                self.pieces.clear();
                at = self.take_back(start) as usize;
            }
        }
        self.done(data, at, None)
    }

    /// Takes back what was given of the lines from `start` on, or further back: texts may have lines in between of
    /// each other. Gives where the lines begin that are given again.
    fn take_back(&mut self, mut start: u64) -> u64 {
        let kept = loop {
            let kept = self.places.partition_point(|place| place[1] <= start);
            let first = self.places[kept..].iter().map(|place| place[0]).min();
            match first {
                Some(first) if first < start => start = first,
                _ => break kept,
            }
        };
        self.places.truncate(kept);
        let end = memchr::memchr_iter(b'\n', &self.out).take(kept).last();
        self.out.truncate(end.map_or(0, |newline| newline + 1));
        start
    }

    /// Makes a line of each line, without joining any: there are as many as before.
    pub fn unwrap(&mut self, lines: &[u8]) -> &[u8] {
        self.out.clear();
        self.places.clear();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            match self.string(line) {
                Some((span, inner)) => self.give_inner(line, span, &inner, [0; 3]),
                None => self.give(line, [0; 3]),
            }
        }
        &self.out
    }

    fn done(&mut self, data: &[u8], consumed: usize, special: Option<Special>) -> Cut {
        let newlines = memchr::memchr_iter(b'\n', &data[..consumed]).count() as u64;
        self.offset += consumed as u64;
        self.line += newlines;
        Cut { consumed, newlines, special }
    }

    fn one(&mut self, data: &[u8], range: Range<usize>, newlines: u64) {
        let place = [range.start as u64, range.end as u64, newlines];
        let mut line = &data[range.clone()];
        while let Some(rest) = line.strip_prefix(MARK) {
            line = rest;
        }
        if line.iter().all(|byte| is_white(*byte)) {
            self.give(line, place);
            return;
        }
        if self.wrapping.bulk && self.is_action(line) {
            return;
        }
        if self.wrapping.skip_prefix {
            if let Some((stream, is_part, text)) = container_line(line) {
                let known = self.pieces.iter().position(|piece| piece.stream == stream);
                match known {
                    Some(index) => {
                        let piece = &mut self.pieces[index];
                        piece.text.extend_from_slice(text);
                        piece.end = range.end;
                        if !is_part || piece.text.len() > self.most {
                            let piece = self.pieces.remove(index);
                            self.give_behind_prefix(&piece.text, piece_place(data, &piece));
                        }
                        return;
                    }
                    None if is_part => {
                        let (stream, text) = (stream.to_vec(), text.to_vec());
                        let end = range.end;
                        self.pieces.push(Piece { stream, line: range, string: None, text, end });
                        return;
                    }
                    None => {}
                }
            }
            line = behind_prefix(line);
        }
        if self.wrapping.ways.is_empty() {
            self.give(line, place);
            return;
        }
        let start = range.end - line.len();
        match self.string(line) {
            Some((span, inner)) => self.join(data, start..range.end, place, span, inner),
            None => self.give(line, place),
        }
    }

    /// Gives the event in a string, if it is whole; else keeps the piece of it, or joins it to one before.
    fn join(
        &mut self,
        data: &[u8],
        range: Range<usize>,
        place: Place,
        span: Range<usize>,
        inner: Vec<u8>,
    ) {
        let line = &data[range.clone()];
        let stream =
            self.value(line, b"stream").map(|span| line[span].to_vec()).unwrap_or_default();
        let is_whole = self.is_object(&inner);
        if let Some(index) = self.pieces.iter().position(|piece| piece.stream == stream) {
            if is_whole {
                let piece = self.pieces.remove(index);
                self.give_broken(data, piece);
            } else {
                let piece = &mut self.pieces[index];
                piece.text.extend_from_slice(&inner);
                piece.end = range.end;
                let is_last = inner.last() == Some(&b'\n') || piece.text.len() > self.most;
                let text = std::mem::take(&mut piece.text);
                if is_last || self.is_object(&text) {
                    let piece = self.pieces.remove(index);
                    let place = piece_place(data, &piece);
                    let span = piece.string.expect("it began in a string");
                    self.give_inner(&data[piece.line], span, &text, place);
                } else {
                    self.pieces[index].text = text;
                }
                return;
            }
        } else if !is_whole
            && !self.wrapping.bulk
            && first(&inner) == Some(&b'{')
            && inner.last() != Some(&b'\n')
        {
            let end = range.end;
            let string = Some(span);
            self.pieces.push(Piece { stream, line: range, string, text: inner, end });
            return;
        }
        self.give_inner(line, span, &inner, place);
    }

    /// Gives a text that is not whole as it is.
    fn give_broken(&mut self, data: &[u8], piece: Piece) {
        let place = piece_place(data, &piece);
        match piece.string {
            Some(_) => self.give(&piece.text, place),
            None => self.give_behind_prefix(&piece.text, place),
        }
    }

    fn give_behind_prefix(&mut self, text: &[u8], place: Place) {
        self.give(behind_prefix(text), place);
    }

    /// Gives a line with the event that a string of it holds, or what else that holds.
    fn give_inner(&mut self, line: &[u8], span: Range<usize>, inner: &[u8], place: Place) {
        if !self.is_object(inner) {
            self.give(inner, place);
            return;
        }
        let inner = trimmed(inner);
        let members = &inner[1..inner.len() - 1];
        let from = self.out.len();
        self.out.extend_from_slice(&line[..span.start]);
        self.out.extend_from_slice(if self.wrapping.in_place { inner } else { b"null" });
        let end = line.iter().rposition(|&byte| byte == b'}').expect("an object was found in it");
        self.out.extend_from_slice(&line[span.end..end]);
        if !members.iter().all(|byte| is_white(*byte)) {
            self.out.push(b',');
            self.out.extend_from_slice(members);
        }
        self.out.push(b'}');
        self.end(from, place);
    }

    fn give(&mut self, line: &[u8], place: Place) {
        let from = self.out.len();
        self.out.extend_from_slice(line);
        self.end(from, place);
    }

    fn end(&mut self, from: usize, place: Place) {
        for byte in &mut self.out[from..] {
            if *byte == b'\n' {
                *byte = b'\r';
            }
        }
        self.out.push(b'\n');
        self.places.push(place);
    }

    /// The string, or the object in its place, that a line is to be read from: where it is, and what it holds.
    fn string(&mut self, line: &[u8]) -> Option<(Range<usize>, Vec<u8>)> {
        let ways = std::mem::take(&mut self.wrapping.ways);
        let found = ways.iter().find_map(|way| {
            let mut span = 0..line.len();
            for key in way {
                let inner = self.value(&line[span.clone()], key.as_bytes())?;
                span = span.start + inner.start..span.start + inner.end;
            }
            Some(span)
        });
        self.wrapping.ways = ways;
        let span = found?;
        let raw = &line[span.clone()];
        match raw[0] {
            b'{' => Some((span.clone(), raw.to_vec())),
            b'"' if judge::is_scalar(raw) && simdutf8::basic::from_utf8(raw).is_ok() => {
                let mut decoded = Vec::new();
                text::unescape(&raw[1..raw.len() - 1], &mut decoded);
                Some((span, decoded))
            }
            _ => None,
        }
    }

    /// Whether a text is one object, as far as brackets and quotes tell.
    fn is_object(&mut self, text: &[u8]) -> bool {
        let text = trimmed(text);
        if text.first() != Some(&b'{') {
            return false;
        }
        self.scan.reset();
        self.scan.go(self.level, text, 0) == Reached::End(text.len())
    }

    /// Where the last value under a key is, if the text is an object as far as its outermost members tell.
    fn value(&mut self, text: &[u8], key: &[u8]) -> Option<Range<usize>> {
        let mut found = None;
        self.members(text, |own, span| {
            if own == key {
                found = Some(span);
            }
        })?;
        found
    }

    /// Walks over the outermost members of an object: their keys, raw, and where their values are.
    fn members(&mut self, text: &[u8], mut each: impl FnMut(&[u8], Range<usize>)) -> Option<()> {
        let skip = |mut at: usize| {
            while text.get(at).is_some_and(|byte| is_white(*byte)) {
                at += 1;
            }
            at
        };
        let mut at = skip(0);
        if text.get(at) != Some(&b'{') {
            return None;
        }
        at = skip(at + 1);
        if text.get(at) == Some(&b'}') {
            return (skip(at + 1) == text.len()).then_some(());
        }
        loop {
            if text.get(at) != Some(&b'"') {
                return None;
            }
            let key = at + 1..self.end_of_value(text, at)? - 1;
            at = skip(key.end + 1);
            if text.get(at) != Some(&b':') {
                return None;
            }
            at = skip(at + 1);
            let end = self.end_of_value(text, at)?;
            each(&text[key], at..end);
            at = skip(end);
            match text.get(at) {
                Some(b',') => at = skip(at + 1),
                Some(b'}') => return (skip(at + 1) == text.len()).then_some(()),
                _ => return None,
            }
        }
    }

    fn end_of_value(&mut self, text: &[u8], at: usize) -> Option<usize> {
        match text.get(at)? {
            b'"' | b'{' | b'[' => {
                self.scan.reset();
                match self.scan.go(self.level, text, at) {
                    Reached::End(end) => Some(end),
                    _ => None,
                }
            }
            _ => {
                let ends = |byte: &u8| is_white(*byte) || matches!(byte, b',' | b'}' | b']');
                let length = text[at..].iter().position(ends)?;
                (length > 0).then_some(at + length)
            }
        }
    }

    /// Whether a line of a bulk file says what to do with the next one, or with none.
    fn is_action(&mut self, line: &[u8]) -> bool {
        if std::mem::take(&mut self.awaits_document) {
            return false;
        }
        let mut count = 0;
        let mut action = None;
        let walked = self.members(line, |key, span| {
            count += 1;
            let has_document = match key {
                b"index" | b"create" | b"update" => Some(true),
                b"delete" => Some(false),
                _ => None,
            };
            action = has_document.filter(|_| line[span.start] == b'{');
        });
        if walked.is_none() || count != 1 {
            return false;
        }
        self.awaits_document = action == Some(true);
        action.is_some()
    }
}

fn piece_place(data: &[u8], piece: &Piece) -> Place {
    let start = memchr::memrchr(b'\n', &data[..piece.line.start]).map_or(0, |newline| newline + 1);
    let newlines = memchr::memchr_iter(b'\n', &data[..start]).count() as u64;
    [start as u64, piece.end as u64, newlines]
}

fn first(text: &[u8]) -> Option<&u8> {
    text.iter().find(|byte| !is_white(**byte))
}

fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_white(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_white(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// A line from its first brace on; all of it if there is none.
fn behind_prefix(line: &[u8]) -> &[u8] {
    &line[memchr::memchr(b'{', line).unwrap_or(0)..]
}

/// The stream, whether the text goes on in a later line, and the text of a line that a container runtime wrote (CRI):
/// `TIME stdout P TEXT`.
fn container_line(line: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let mut parts = line.splitn(4, |&byte| byte == b' ');
    let (time, stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let text = parts.next()?;
    let is_time = !time.is_empty() && !time.contains(&b'{');
    let is_part = match tag {
        [b'P', rest @ ..] if rest.first().is_none_or(|byte| *byte == b':') => true,
        [b'F', rest @ ..] if rest.first().is_none_or(|byte| *byte == b':') => false,
        _ => return None,
    };
    (is_time && matches!(stream, b"stdout" | b"stderr")).then_some((stream, is_part, text))
}

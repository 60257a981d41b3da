//! What is around records: the objects and arrays on the way to them, followed token by token.

use super::{Cutter, Expected, Frame, Kind, Mode, Piece, Special, Step};
use crate::judge;
use crate::scan::{Reached, SEPARATOR, is_white};
use crate::text;

impl Cutter {
    /// Goes on in an object on the way to records.
    pub(super) fn member(&mut self, piece: Piece, mut at: usize) -> Step {
        let data = piece.data;
        while data.get(at).is_some_and(|byte| is_white(*byte)) {
            at += 1;
        }
        let Some(&byte) = data.get(at) else {
            return if piece.at_end { self.lose(at) } else { Step::Wait(at) };
        };
        let depth = self.frames.len();
        let frame = &mut self.frames[depth - 1];
        let level = frame.level + 1;
        match (frame.expected, byte) {
            (Expected::KeyOrClose | Expected::CommaOrClose, b'}') => {
                self.frames.pop();
                if level > 1 || self.is_found {
                    return Step::On(at + 1);
                }
                // The frame was a root: nothing in it led to records.
                let (start, line) = self.root;
                let length = self.offset + at as u64 + 1 - start;
                Step::Special(Special { kind: Kind::NoRecords, start, length, line }, at + 1)
            }
            (Expected::KeyOrClose | Expected::Key, b'"') => match key_end(data, at + 1) {
                Reached::End(end) => {
                    frame.is_match = is_key(&data[at + 1..end - 1], &self.path[level - 1]);
                    frame.expected = Expected::Colon;
                    Step::On(end)
                }
                Reached::Damage(place) => self.lose(place),
                Reached::More if piece.at_end => self.lose(data.len()),
                Reached::More if piece.is_stuck(at) => self.lose(at),
                Reached::More => Step::Wait(at),
            },
            (Expected::Colon, b':') => {
                frame.expected = Expected::Value;
                Step::On(at + 1)
            }
            (Expected::CommaOrClose, b',') => {
                frame.expected = Expected::Key;
                Step::On(at + 1)
            }
            (Expected::Value, _) => {
                frame.expected = Expected::CommaOrClose;
                let (is_match, is_leaf) = (frame.is_match, level == self.path.len());
                self.is_found |= is_match && is_leaf && matches!(byte, b'{' | b'[');
                let step = match byte {
                    b'[' if is_match => self.enter(piece, at, true, level),
                    b'{' if is_match && is_leaf => self.text(piece, at),
                    b'{' if is_match => self.enter(piece, at, false, level),
                    b'{' | b'[' | b'"' => self.skip(at),
                    _ => match self.scalar_end(piece, at) {
                        Some(end) if end > at => Step::On(end),
                        Some(_) => self.lose(at),
                        None => Step::Wait(at),
                    },
                };
                if let (Step::Wait(from), Some(frame)) = (&step, self.frames.get_mut(depth - 1))
                    && *from <= at
                {
                    // It is given again.
                    frame.expected = Expected::Value;
                }
                step
            }
            _ => self.lose(at),
        }
    }

    /// Goes into an array or object.
    pub(super) fn enter(&mut self, piece: Piece, at: usize, is_array: bool, level: usize) -> Step {
        if self.atomic && self.frames.is_empty() && !self.path.is_empty() {
            self.scan.reset();
            match self.scan.go(self.level, piece.data, at) {
                Reached::End(end) if end - at <= self.most => {}
                _ => return self.text(piece, at),
            }
        }
        let line = self.line + self.newlines_before(piece.data, at);
        let start = self.offset + at as u64;
        if self.frames.is_empty() {
            self.is_tolerant = false;
        }
        if level == 0 && !is_array {
            (self.root, self.is_found) = ((start, line), false);
        }
        let expected = Expected::KeyOrClose;
        self.frames.push(Frame { is_array, level, expected, is_match: false, start, line });
        Step::On(at + 1)
    }

    /// Passes over a value that does not lead to records.
    pub(super) fn skip(&mut self, at: usize) -> Step {
        self.scan.reset();
        self.mode = Mode::Skip;
        Step::On(at)
    }

    /// Leaves what is around records, because it shows at `place` that it was torn.
    pub(super) fn lose(&mut self, place: usize) -> Step {
        let (start, line) = self.frames.first().map_or((0, 0), |frame| (frame.start, frame.line));
        self.frames.clear();
        self.is_tolerant = true;
        let kind = Kind::Damaged;
        self.mode = Mode::Lost { kind, start, line, allowed: 0, own_line: false };
        Step::On(place)
    }
}

/// The byte after the key whose text begins at `at`.
fn key_end(data: &[u8], mut at: usize) -> Reached {
    let mut is_escaped = false;
    while let Some(&byte) = data.get(at) {
        match byte {
            b'\n' | SEPARATOR => return Reached::Damage(at),
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Reached::End(at + 1),
            _ => {}
        }
        at += 1;
    }
    Reached::More
}

/// Whether the raw text of a key is that of a part of the path.
fn is_key(raw: &[u8], part: &[u8]) -> bool {
    if memchr::memchr(b'\\', raw).is_none() {
        return raw == part;
    }
    let quoted = [b"\"", raw, b"\""].concat();
    if !judge::is_scalar(&quoted) {
        return false;
    }
    let mut decoded = Vec::new();
    text::unescape(raw, &mut decoded);
    decoded == part
}

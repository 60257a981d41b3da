//! After a torn text: where it ends, and where the next one begins.

use super::{Cutter, Kind, Mode, Piece, Step, blanks};
use crate::scan::SEPARATOR;

/// Where the next text may begin.
pub(super) enum Next {
    /// The newline or separator before it, and its first byte.
    At(usize, usize),
    /// The byte from which on it must be sought again.
    Unknown(usize),
}

impl Cutter {
    /// Gives the text that begins at `at` and shows at `place` that it was torn, and goes on at the next one.
    pub(super) fn damage(&mut self, piece: Piece, at: usize, place: usize) -> Step {
        let data = piece.data;
        let (allowed, own_line) = self.indentation(data, at);
        if data.get(place) == Some(&SEPARATOR) {
            self.give(data, at, place);
            self.recover(true, own_line);
            return Step::On(place);
        }
        // The last line up to the damage that begins like a text: everything is read twice at most.
        let mut end = place;
        while let Some(newline) = memchr::memrchr(b'\n', &data[at..end]) {
            end = at + newline;
            let start = end + 1;
            let blanks = blanks(&data[start..]);
            let bracket = start + blanks;
            if blanks <= allowed
                && bracket <= place
                && matches!(data.get(bracket), Some(b'{' | b'['))
            {
                self.give(data, at, end);
                self.recover(false, own_line);
                return Step::On(bracket);
            }
        }
        self.mode = Mode::Seek { from: place - at, allowed, own_line };
        Step::On(at)
    }

    /// Looks for the text after a torn one that begins at `at`.
    pub(super) fn seek(
        &mut self,
        piece: Piece,
        at: usize,
        from: usize,
        allowed: usize,
        own_line: bool,
    ) -> Step {
        let data = piece.data;
        let (end, next) = match next_text(piece, at + from, allowed) {
            Next::At(end, next) => (end, next),
            Next::Unknown(_) if piece.at_end => (data.len(), data.len()),
            Next::Unknown(from) if piece.is_stuck(at) => {
                let (kind, start, line) = (Kind::TooLong, self.offset, self.line);
                self.mode = Mode::Lost { kind, start, line, allowed, own_line };
                return Step::On(from);
            }
            Next::Unknown(from) => {
                self.mode = Mode::Seek { from: from - at, allowed, own_line };
                return Step::Wait(at);
            }
        };
        self.mode = Mode::Between;
        self.give(data, at, end);
        self.recover(data.get(end) == Some(&SEPARATOR), own_line);
        Step::On(next)
    }

    /// Goes on after damage, before a line or a separator.
    pub(super) fn recover(&mut self, is_separated: bool, own_line: bool) {
        self.is_tolerant = true;
        if is_separated || (!self.path.is_empty() && !own_line) {
            self.frames.clear();
        }
    }

    /// Where the next text begins after one that is not held, from `at` on; before that, where the torn one ends in
    /// the stream, and third, whether a separator is between them. None: not in this piece.
    pub(super) fn line_start(
        &self,
        piece: Piece,
        mut at: usize,
        allowed: usize,
    ) -> Option<(u64, usize, bool)> {
        let data = piece.data;
        let is_over = (self.offset + data.len() as u64, data.len(), false);
        loop {
            let bracket = at + blanks(&data[at..]);
            if let Some(blanks) = self.blanks_before(data, bracket)
                && blanks <= allowed
                && matches!(data.get(bracket), Some(b'{' | b'['))
            {
                let end = (self.offset + bracket as u64).saturating_sub(blanks as u64 + 1);
                return Some((end, bracket, false));
            }
            let Some(length) = memchr::memchr2(b'\n', SEPARATOR, &data[at..]) else {
                return piece.at_end.then_some(is_over);
            };
            at += length;
            if data[at] == SEPARATOR {
                return Some((self.offset + at as u64, at, true));
            }
            at += 1;
        }
    }

    /// How far a text is indented, and whether it begins its line.
    pub(super) fn indentation(&self, data: &[u8], at: usize) -> (usize, bool) {
        self.blanks_before(data, at).map_or((0, false), |blanks| (blanks, true))
    }
}

/// Where the next text after damage begins, from `at` on: at a separator, or at the bracket that begins a line that
/// is not indented further than allowed.
pub(super) fn next_text(piece: Piece, mut at: usize, allowed: usize) -> Next {
    let data = piece.data;
    while let Some(length) = memchr::memchr2(b'\n', SEPARATOR, &data[at..]) {
        at += length;
        if data[at] == SEPARATOR {
            return Next::At(at, at);
        }
        let start = at + 1;
        let blanks = blanks(&data[start..]);
        match data.get(start + blanks) {
            Some(b'{' | b'[') if blanks <= allowed => return Next::At(at, start + blanks),
            None if blanks <= allowed => return Next::Unknown(at),
            _ => at = start,
        }
    }
    Next::Unknown(data.len())
}

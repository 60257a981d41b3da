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
            self.recover(data, place, own_line);
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
                self.recover(data, end, own_line);
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
                return Step::Wait(from);
            }
            Next::Unknown(from) => {
                self.mode = Mode::Seek { from: from - at, allowed, own_line };
                return Step::Wait(at);
            }
        };
        self.mode = Mode::Between;
        self.give(data, at, end);
        self.recover(data, end, own_line);
        Step::On(next)
    }

    /// Goes on after damage that ended at `end`, before a line or a separator.
    pub(super) fn recover(&mut self, data: &[u8], end: usize, own_line: bool) {
        self.is_tolerant = true;
        let is_separated = data.get(end) == Some(&SEPARATOR);
        if is_separated || (!self.path.is_empty() && !own_line) {
            self.frames.clear();
        }
    }

    /// Whether a text may begin at `at`, on a line of its own.
    pub(super) fn begins_line(&self, data: &[u8], at: usize, allowed: usize) -> bool {
        matches!(data.get(at), Some(b'{' | b'['))
            && self.blanks_before(data, at).is_some_and(|blanks| blanks <= allowed)
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

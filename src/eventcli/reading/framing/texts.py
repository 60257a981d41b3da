r"""Cuts a stream of JSON texts into lines: the Python body, and the rules in words.

Texts may follow each other in any way: with white space, commas, separators (RFC 7464) or nothing between them, over
several lines or many on one. The elements of an array at the top are texts, too. With a path, so are the elements of
the arrays that it leads to, through objects and arrays; what is around them is followed, and never held.

A text is a number, a word or a string, or it begins with a bracket and ends where that is closed. Whether it is valid
is not asked here. It is torn if there is a newline in a string, a backslash outside of strings or a separator anywhere,
if a bracket is closed by the other kind, or if one is opened where no value can begin. A torn text ends before a
separator, or before the last line up to where that shows which begins with a bracket and is not indented further than
the text; if there is none, before the next such line.
"""

import json
import re
from array import array
from typing import Final, NamedTuple

from eventcli.reading.framing.cuts import Cut, Kind, Misfit
from eventcli.reading.framing.scan import SEPARATOR, STRING, WHITE, Scan, end_of

_OPENED: Final = frozenset((b"{", b"["))
"""What begins the text after a torn one."""

_OPENERS: Final = _OPENED | {b'"'}

_MARK: Final = b"\xef\xbb\xbf"

# Patterns, not compiled yet: re does that once, for the first stream that needs them.
_SCALAR = rb"(?:true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)"

_SCALAR_END = rb'[ \t\n\r,:"{}\[\]\x1e]'

_BETWEEN = rb"[ \t\n\r,]*+"

_SPACES = rb"[ \t\n\r]*+"

_BLANKS = rb"[ \t]*+"

_LINE = rb"[\n\x1e]" + _BLANKS


class _Frame:
    """An array whose elements are texts or lead to them, or an object on the way to records."""

    __slots__ = ("expected", "is_array", "is_match", "level", "line", "start")

    def __init__(self, *, is_array: bool, level: int, start: int, line: int) -> None:
        self.is_array = is_array
        self.level = level
        self.expected = "key or close"
        self.is_match = False
        self.start = start
        self.line = line


class _Torn(NamedTuple):
    """A torn text: how far the next one may be indented, and whether the torn one began its line."""

    allowed: int
    is_own_line: bool


class _Between(NamedTuple):
    """Outside of texts."""


class _Skip(NamedTuple):
    """In a value around records."""


class _Seek(NamedTuple):
    """After damage, the search for the next text begins this many bytes after the start of the torn one."""

    start: int
    torn: _Torn


class _Lost(NamedTuple):
    """The same where the torn text is not held."""

    kind: Kind
    start: int
    line: int
    torn: _Torn


class _Long(NamedTuple):
    """In a text that is too long to be held."""

    start: int
    line: int
    torn: _Torn


class _Piece:
    """A piece of the stream, and what is cut from it."""

    def __init__(self, data: bytes, *, at_end: bool, is_full: bool) -> None:
        self.data = data
        self.at_end = at_end
        self.is_full = is_full
        self.lines: list[bytes] = []
        self.places = array("Q")
        self.misfit: Misfit | None = None
        self._counted = self._newlines = 0

    def is_stuck(self, at: int) -> bool:
        """Whether what begins at `at` and continues beyond the data cannot be given again with more of it."""
        return self.is_full and not at

    def give(self, start: int, end: int) -> None:
        """Give a text as a line, without trailing white space."""
        text = self.data[start:end].rstrip(WHITE)
        # Outside of strings both are white space, inside both are wrong.
        self.lines.append(text.replace(b"\n", b"\r"))
        self.places.extend((start, start + len(text), self.newlines_before(start)))

    def newlines_before(self, at: int) -> int:
        """Return how many newlines there are before a place, which is not before the last one asked for."""
        self._newlines += self.data.count(b"\n", self._counted, at)
        self._counted = at
        return self._newlines


_Step = tuple[str, int]
"""What to do, and at which byte of the piece: go "on" or "stop"."""


class TextCutter:
    """The Python body of the cutter; `cutter` in the kernel is the other one."""

    def __init__(self, path: tuple[str, ...], most: int, *, atomic: bool = False, resumed: bool = False) -> None:
        """Cut texts of at most `most` bytes.

        With `atomic`, no record is given before its text is known to be whole; with `resumed`, the stream may have been
        entered within an array.
        """
        self._path = path
        self._most = most
        self._atomic = atomic
        self._scan = Scan(max(most, 1))
        self._frames: list[_Frame] = []
        self._mode: _Between | _Skip | _Seek | _Lost | _Long = _Between()
        # Where the object begins that is being searched for records, and its line; None as soon as it has some.
        self._root: tuple[int, int] | None = None
        # A closing bracket may belong to what is not known: the stream was entered in the middle, or there was damage.
        self._is_tolerant = resumed
        self._offset = self._line = 0
        # The length of the line before the piece, if it is blank.
        self._blanks: int | None = 0

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Cut a piece; see `Cutter`."""
        piece = _Piece(bytes(data), at_end=at_end, is_full=is_full)
        what, at = "on", 0
        while what == "on":
            what, at = self._step(piece, at)
        newlines = piece.newlines_before(at)
        self._blanks = self._blanks_before(piece.data, at)
        self._offset += at
        self._line += newlines
        lines = b"".join([line + b"\n" for line in piece.lines])
        return Cut(lines, piece.places.tobytes(), at, newlines, piece.misfit)

    def _step(self, piece: _Piece, at: int) -> _Step:
        mode = self._mode
        if isinstance(mode, _Between):
            return self._between(piece, at)
        if isinstance(mode, _Seek):
            return self._seek(piece, at, mode)
        if isinstance(mode, _Lost):
            return self._lost(piece, at, mode)
        what, place = self._scan.go(piece.data, at)
        if what == "more" and not piece.at_end:
            return "stop", place
        if isinstance(mode, _Skip):
            if what != "end":
                return self._lose(place)
            self._mode = _Between()
            return "on", place
        if what == "damage":
            self._mode = _Lost(Kind.TOO_LONG, *mode)
            return "on", place
        self._mode = _Between()
        return self._misfit(piece, Kind.TOO_LONG, mode.start, place, mode.line)

    def _misfit(self, piece: _Piece, kind: Kind, start: int, end: int, line: int) -> _Step:
        piece.misfit = Misfit(kind, start, self._offset + end - start, line)
        return "stop", end

    def _between(self, piece: _Piece, at: int) -> _Step:
        """Go on outside of texts."""
        if self._frames and not self._frames[-1].is_array:
            return self._member(piece, at)
        data = piece.data
        between = re.compile(_BETWEEN).match
        while True:
            at = end_of(between(data, at))
            if at == len(data):
                return self._unclosed(piece, at) if piece.at_end else ("stop", at)
            if data[at] == SEPARATOR:
                at += 1
                if self._unclosed(piece, at) and piece.misfit is not None:
                    return "stop", at
            elif data.startswith(_MARK, at):
                at += len(_MARK)
            elif _MARK.startswith(data[at:]) and not piece.at_end and not piece.is_stuck(at):
                return "stop", at
            else:
                break
        level = self._frames[-1].level if self._frames else 0
        is_leaf = level == len(self._path)
        byte = data[at : at + 1]
        if byte == b"]" and (self._frames or self._is_tolerant):
            if self._frames:
                self._frames.pop()
            return "on", at + 1
        if byte == b"}" and self._is_tolerant and not self._frames:
            return "on", at + 1
        if byte == b"[" and not self._frames:
            return self._enter(piece, at, 0, is_array=True)
        if byte == b"{" and not is_leaf:
            return self._enter(piece, at, level, is_array=False)
        if byte in _OPENERS:
            return self._text(piece, at) if is_leaf or not level else self._skip(at)
        return self._scalar(piece, at) if is_leaf or not level else self._skip_scalar(piece, at)

    def _member(self, piece: _Piece, at: int) -> _Step:
        """Go on in an object on the way to records."""
        data = piece.data
        at = end_of(re.compile(_SPACES).match(data, at))
        if at == len(data):
            return self._lose(at) if piece.at_end else ("stop", at)
        frame, byte = self._frames[-1], data[at : at + 1]
        expected, level = frame.expected, frame.level + 1
        if byte == b"}" and "close" in expected:
            self._frames.pop()
            if level > 1 or self._root is None:
                return "on", at + 1
            start, line = self._root
            return self._misfit(piece, Kind.NO_RECORDS, start, at + 1, line)
        if byte == b'"' and "key" in expected:
            return self._key(piece, at, frame)
        if byte == b":" and expected == "colon":
            frame.expected = "value"
            return "on", at + 1
        if byte == b"," and expected == "comma or close":
            frame.expected = "key"
            return "on", at + 1
        if expected != "value":
            return self._lose(at)
        frame.expected = "comma or close"
        is_leaf = level == len(self._path)
        if frame.is_match and is_leaf and byte in (b"{", b"["):
            self._root = None
        if frame.is_match and (byte == b"[" or (byte == b"{" and not is_leaf)):
            step = self._enter(piece, at, level, is_array=byte == b"[")
        elif frame.is_match and byte == b"{":
            step = self._text(piece, at)
        elif byte in _OPENERS:
            step = self._skip(at)
        else:
            step = self._skip_scalar(piece, at)
        if step == ("stop", at):
            frame.expected = "value"  # it is given again
        return step

    def _key(self, piece: _Piece, at: int, frame: _Frame) -> _Step:
        data = piece.data
        end = end_of(re.compile(STRING).match(data, at + 1))
        if data[end : end + 1] == b'"':
            frame.is_match = _is_key(data[at : end + 1], self._path[frame.level])
            frame.expected = "colon"
            return "on", end + 1
        is_escape = data[end : end + 1] == b"\\"
        if end + is_escape < len(data):
            return self._lose(end + is_escape)
        if piece.at_end:
            return self._lose(len(data))
        return self._lose(at) if piece.is_stuck(at) else ("stop", at)

    def _enter(self, piece: _Piece, at: int, level: int, *, is_array: bool) -> _Step:
        """Go into an array or object."""
        if self._atomic and not self._frames and self._path:
            self._scan.reset()
            what, end = self._scan.go(piece.data, at)
            if what != "end" or end - at > self._most:
                return self._text(piece, at)
        start, line = self._offset + at, self._line + piece.newlines_before(at)
        if not self._frames:
            self._is_tolerant = False
        if not level and not is_array:
            self._root = start, line
        self._frames.append(_Frame(is_array=is_array, level=level, start=start, line=line))
        return "on", at + 1

    def _text(self, piece: _Piece, at: int) -> _Step:
        """Take the text that begins with a bracket or quote."""
        self._scan.reset()
        what, end = self._scan.go(piece.data, at)
        if what == "end" and end - at > self._most:
            line = self._line + piece.newlines_before(at)
            return self._misfit(piece, Kind.TOO_LONG, self._offset + at, end, line)
        if what == "end":
            piece.give(at, end)
            return "on", end
        if what == "damage" or piece.at_end:
            return self._damage(piece, at, end)
        if piece.is_stuck(at):
            self._mode = _Long(self._offset, self._line, self._indentation(piece.data, at))
            return "stop", end
        return "stop", at

    def _scalar(self, piece: _Piece, at: int) -> _Step:
        """Take a number or a word at the top; what is neither is damage."""
        end = self._scalar_end(piece, at)
        if end is None:
            return "stop", at
        if end - at > self._most or re.fullmatch(_SCALAR, piece.data[at:end]) is None:
            return self._damage(piece, at, at)
        piece.give(at, end)
        return "on", end

    def _skip_scalar(self, piece: _Piece, at: int) -> _Step:
        end = self._scalar_end(piece, at)
        if end is None:
            return "stop", at
        return ("on", end) if end > at else self._lose(at)

    def _scalar_end(self, piece: _Piece, at: int) -> int | None:
        """Return where a run of what may be a number or a word ends; None if that is not known yet."""
        match = re.compile(_SCALAR_END).search(piece.data, at)
        if match is not None:
            return match.start()
        return len(piece.data) if piece.at_end or piece.is_stuck(at) else None

    def _skip(self, at: int) -> _Step:
        self._scan.reset()
        self._mode = _Skip()
        return "on", at

    def _damage(self, piece: _Piece, at: int, place: int) -> _Step:
        """Give the text that begins at `at` and shows at `place` that it was torn, and go on at the next one."""
        data, torn = piece.data, self._indentation(piece.data, at)
        end = place
        if data[place : place + 1] != b"\x1e":
            # The last line up to the damage that begins like a text: everything is read twice at most.
            while (end := data.rfind(b"\n", at, end)) >= 0:
                bracket = end_of(re.compile(_BLANKS).match(data, end + 1))
                if bracket - end - 1 <= torn.allowed and bracket <= place and data[bracket : bracket + 1] in _OPENED:
                    break
            else:
                self._mode = _Seek(place - at, torn)
                return "on", at
            place = bracket
        piece.give(at, end)
        self._recover(torn, is_separated=data[end] == SEPARATOR)
        return "on", place

    def _seek(self, piece: _Piece, at: int, mode: _Seek) -> _Step:
        """Look for the text after a torn one that begins at `at`."""
        data = piece.data
        end, following = _next_text(data, at + mode.start, mode.torn.allowed)
        if following is None and not piece.at_end:
            if piece.is_stuck(at):
                self._mode = _Lost(Kind.TOO_LONG, self._offset, self._line, mode.torn)
                return "on", end
            self._mode = _Seek(end - at, mode.torn)
            return "stop", at
        if following is None:
            end = following = len(data)
        self._mode = _Between()
        piece.give(at, end)
        self._recover(mode.torn, is_separated=data[end : end + 1] == b"\x1e")
        return "on", following

    def _lost(self, piece: _Piece, at: int, mode: _Lost) -> _Step:
        """Look for the text after a torn one that is not held."""
        data = piece.data
        while True:
            bracket = end_of(re.compile(_BLANKS).match(data, at))
            blanks = self._blanks_before(data, bracket)
            if blanks is not None and blanks <= mode.torn.allowed and data[bracket : bracket + 1] in _OPENED:
                end, following, is_separated = max(bracket - blanks - 1, -self._offset), bracket, False
                break
            match = re.compile(rb"[\n\x1e]").search(data, at)
            if match is None and not piece.at_end:
                return "stop", len(data)
            if match is None:
                end, following, is_separated = len(data), len(data), False
                break
            at = match.start()
            if data[at] == SEPARATOR:
                end, following, is_separated = at, at, True
                break
            at += 1
        if following < len(data):
            self._recover(mode.torn, is_separated=is_separated)
        self._mode = _Between()
        self._misfit(piece, mode.kind, mode.start, end, mode.line)
        return "stop", following

    def _lose(self, place: int) -> _Step:
        """Leave what is around records, because it shows at `place` that it was torn."""
        first = self._frames[0]
        self._frames.clear()
        self._is_tolerant = True
        self._mode = _Lost(Kind.DAMAGED, first.start, first.line, _Torn(0, is_own_line=False))
        return "on", place

    def _recover(self, torn: _Torn, *, is_separated: bool) -> None:
        """Go on after damage, before a line or a separator."""
        self._is_tolerant = True
        if is_separated or (self._path and not torn.is_own_line):
            self._frames.clear()

    def _unclosed(self, piece: _Piece, at: int) -> _Step:
        """Report what is open at `at`, where nothing may be."""
        if self._frames and not self._is_tolerant:
            first = self._frames[0]
            self._misfit(piece, Kind.UNCLOSED, first.start, at, first.line)
            self._is_tolerant = True
        self._frames.clear()
        return "stop", at

    def _blanks_before(self, data: bytes, at: int) -> int | None:
        """Return how many bytes there are before a place on its line, if all are blank."""
        before = data[data.rfind(b"\n", 0, at) + 1 : at]
        if before.strip(b" \t"):
            return None
        if len(before) < at:
            return len(before)
        return None if self._blanks is None else self._blanks + at

    def _indentation(self, data: bytes, at: int) -> _Torn:
        """Return how far a text is indented, and whether it begins its line."""
        blanks = self._blanks_before(data, at)
        return _Torn(blanks or 0, blanks is not None)


def _next_text(data: bytes, at: int, allowed: int) -> tuple[int, int | None]:
    """Return the newline or separator before the next text, and where that begins.

    That is at a separator, or at the bracket that begins a line which is not indented further than allowed. None: it
    must be sought again, from the first of the two on.
    """
    for match in re.compile(_LINE).finditer(data, at):
        if data[match.start()] == SEPARATOR:
            return match.start(), match.start()
        blanks = match.end() - match.start() - 1
        if blanks <= allowed and (match.end() == len(data) or data[match.end() : match.end() + 1] in _OPENED):
            return match.start(), None if match.end() == len(data) else match.end()
    return len(data), None


def _is_key(quoted: bytes, part: str) -> bool:
    """Whether the text of a key, with its quotes, is a part of the path."""
    if b"\\" not in quoted:
        return quoted[1:-1] == part.encode()
    try:
        return bool(json.loads(quoted) == part)
    except ValueError:
        return False

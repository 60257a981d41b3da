"""Makes lines of lines with an event inside: the Python body, and the rules in words; `wrapped.rs` is the other one.

An event may follow a prefix, or be in a string, or between the action lines of a bulk file. What cannot be made a line
is left as it is, and the fold says what is wrong with it.

A string that is unwrapped holds one object: its members join those of the line and win over those of the same name. A
text that Docker or a container runtime (CRI) has cut into lines is joined. Of the former, a string that begins an
object which is not closed, and has no newline at its end, goes on in the next line of the same stream that is not an
object itself.
"""

import json
import re
from array import array
from typing import Final, NamedTuple

from eventcli.reading.framing.cuts import Cut, Kind, Misfit
from eventcli.reading.framing.scan import WHITE, Scan

_MARK: Final = b"\xef\xbb\xbf"

# Patterns, not compiled yet: re does that once, for the first stream that needs them.
_SCALAR = rb"[^ \t\n\r,}\]]+(?=[ \t\n\r,}\]])"

_CONTAINER_LINE = rb"[^ {]++ (stdout|stderr) ([PF])(?::[^ ]*+)? (.*)"

_ACTIONS: Final = {b"index": True, b"create": True, b"update": True, b"delete": False}
"""The actions of a bulk file, and whether a document follows."""


class Wrapping(NamedTuple):
    """How events are taken out of lines.

    `ways` lead to the string that holds the event, each a list of keys; the first that leads somewhere is taken. With
    `in_place`, the event is also put in place of the string.
    """

    skip_prefix: bool = False
    bulk: bool = False
    ways: tuple[tuple[str, ...], ...] = ()
    in_place: bool = False


class _Part:
    """A text that goes on in a later line: the line that it began in, and the string in that line, if in one."""

    __slots__ = ("end", "line", "newlines", "span", "start", "text")

    def __init__(self, place: tuple[int, int, int], line: bytes, span: tuple[int, int] | None, text: bytes) -> None:
        self.start, self.end, self.newlines = place
        self.line = line
        self.span = span
        self.text = text

    @property
    def place(self) -> tuple[int, int, int]:
        return self.start, self.end, self.newlines


class LineUnwrapper:
    """The Python body of the unwrapper."""

    def __init__(self, wrapping: Wrapping, most: int) -> None:
        """Take lines of at most `most` bytes."""
        self._wrapping = wrapping
        self._most = most
        self._scan = Scan(max(most, 1))
        # In a line that is too long: where it begins, and its line.
        self._long: tuple[int, int] | None = None
        self._awaits_document = False
        self._parts: dict[bytes, _Part] = {}
        self._offset = self._line = 0
        self._lines: list[bytes] = []
        self._places: list[tuple[int, int, int]] = []

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Make lines of a piece of a stream; see `Cutter`."""
        piece = bytes(data)
        self._lines, self._places = [], []
        if self._long is not None:
            newline = piece.find(b"\n")
            if newline < 0 and not at_end:
                return self._done(piece, len(piece))
            end = newline if newline >= 0 else len(piece)
            start, line = self._long
            self._long = None
            misfit = Misfit(Kind.TOO_LONG, start, self._offset + end - start, line)
            return self._done(piece, min(end + 1, len(piece)), misfit)
        at = newlines = 0
        while at < len(piece):
            end = piece.find(b"\n", at)
            if end < 0:
                if not at_end:
                    break
                end = len(piece)
            self._one(piece[at:end], (at, end, newlines))
            newlines += 1
            at = min(end + 1, len(piece))
        if not at and is_full:
            self._long = self._offset, self._line
            return self._done(piece, len(piece))
        if self._parts:
            held = min(part.start for part in self._parts.values())
            if at_end or (not held and is_full):
                for part in self._parts.values():
                    self._give_broken(part)
            else:
                at = self._take_back(held)
            self._parts.clear()
        return self._done(piece, at)

    def unwrap(self, lines: bytes) -> bytes:
        """Make a line of each line, without joining any: there are as many as before."""
        self._lines, self._places = [], []
        for line in lines.removesuffix(b"\n").split(b"\n"):
            found = self._string(line)
            if found is None:
                self._give(line, (0, 0, 0))
            else:
                self._give_inner(line, *found, (0, 0, 0))
        return b"".join([line + b"\n" for line in self._lines])

    def _take_back(self, start: int) -> int:
        """Take back what was given of the lines from `start` on; return where those begin that are given again.

        That may be further back: texts may have lines in between of each other.
        """
        while True:
            kept = next((index for index, place in enumerate(self._places) if place[1] > start), len(self._places))
            first = min((place[0] for place in self._places[kept:]), default=start)
            if first >= start:
                break
            start = first
        del self._lines[kept:], self._places[kept:]
        return start

    def _done(self, piece: bytes, consumed: int, misfit: Misfit | None = None) -> Cut:
        newlines = piece.count(b"\n", 0, consumed)
        self._offset += consumed
        self._line += newlines
        lines = b"".join([line + b"\n" for line in self._lines])
        places = array("Q", [number for place in self._places for number in place])
        return Cut(lines, places.tobytes(), consumed, newlines, misfit)

    def _one(self, line: bytes, place: tuple[int, int, int]) -> None:
        while line.startswith(_MARK):
            line = line.removeprefix(_MARK)
        if not line.strip(WHITE):
            self._give(line, place)
            return
        if self._wrapping.bulk and self._is_action(line):
            return
        if self._wrapping.skip_prefix:
            match = re.compile(_CONTAINER_LINE, re.DOTALL).fullmatch(line)
            if match is not None and self._is_joined(*match.groups(), place=place):
                return
            line = _behind_prefix(line)
        found = self._string(line) if self._wrapping.ways else None
        if found is None:
            self._give(line, place)
        else:
            self._join(line, *found, place)

    def _is_joined(self, stream: bytes, tag: bytes, text: bytes, *, place: tuple[int, int, int]) -> bool:
        """Join a line of a container runtime to the one before, or keep it; return False if it is whole."""
        part = self._parts.get(stream)
        if part is not None:
            part.text += text
            part.end = place[1]
            if tag == b"F" or len(part.text) > self._most:
                del self._parts[stream]
                self._give(_behind_prefix(part.text), part.place)
            return True
        if tag == b"P":
            self._parts[stream] = _Part(place, b"", None, text)
        return tag == b"P"

    def _join(self, line: bytes, span: tuple[int, int], inner: bytes, place: tuple[int, int, int]) -> None:
        """Give the event in a string, if it is whole; else keep that part of it, or join it to one before."""
        value = self._value(line, b"stream")
        stream = b"" if value is None else line[slice(*value)]
        is_whole = self._is_object(inner)
        part = self._parts.get(stream)
        if part is not None and is_whole:
            del self._parts[stream]
            self._give_broken(part)
        elif part is not None and part.span is not None:
            part.text += inner
            part.end = place[1]
            if inner.endswith(b"\n") or len(part.text) > self._most or self._is_object(part.text):
                del self._parts[stream]
                self._give_inner(part.line, part.span, part.text, part.place)
            return
        elif (
            not is_whole
            and not self._wrapping.bulk
            and inner.lstrip(WHITE).startswith(b"{")
            and not inner.endswith(b"\n")
        ):
            self._parts[stream] = _Part(place, line, span, inner)
            return
        self._give_inner(line, span, inner, place)

    def _give_broken(self, part: _Part) -> None:
        """Give a text that is not whole as it is."""
        self._give(part.text if part.span is not None else _behind_prefix(part.text), part.place)

    def _give_inner(self, line: bytes, span: tuple[int, int], inner: bytes, place: tuple[int, int, int]) -> None:
        """Give a line with the event that a string of it holds, or what else that holds."""
        if not self._is_object(inner):
            self._give(inner, place)
            return
        inner = inner.strip(WHITE)
        members = inner[1:-1]
        start, end = span
        own = inner if self._wrapping.in_place else b"null"
        more = b"," + members if members.strip(WHITE) else b""
        self._give(line[:start] + own + line[end : line.rindex(b"}")] + more + b"}", place)

    def _give(self, line: bytes, place: tuple[int, int, int]) -> None:
        self._lines.append(line.replace(b"\n", b"\r"))
        self._places.append(place)

    def _string(self, line: bytes) -> tuple[tuple[int, int], bytes] | None:
        """Return the string, or the object in its place, that a line is to be read from, and what it holds."""
        for way in self._wrapping.ways:
            start, end = 0, len(line)
            for key in way:
                inner = self._value(line[start:end], key.encode())
                if inner is None:
                    break
                start, end = start + inner[0], start + inner[1]
            else:
                raw = line[start:end]
                if raw.startswith(b"{"):
                    return (start, end), raw
                text = _decoded(raw) if raw.startswith(b'"') else None
                return None if text is None else ((start, end), text)
        return None

    def _is_object(self, text: bytes) -> bool:
        """Whether a text is one object, as far as brackets and quotes tell."""
        text = text.strip(WHITE)
        if not text.startswith(b"{"):
            return False
        self._scan.reset()
        return self._scan.go(text, 0) == ("end", len(text))

    def _value(self, text: bytes, key: bytes) -> tuple[int, int] | None:
        """Return where the last value under a key is, if the text is an object as far as its members tell."""
        members = self._members(text)
        return None if members is None else dict(members).get(key)

    def _members(self, text: bytes) -> list[tuple[bytes, tuple[int, int]]] | None:
        """Return the outermost members of an object: their keys, raw, and where their values are."""

        def skip(at: int) -> int:
            while text[at : at + 1] in _WHITES:
                at += 1
            return at

        at = skip(0)
        members: list[tuple[bytes, tuple[int, int]]] = []
        if text[at : at + 1] != b"{":
            return None
        at = skip(at + 1)
        while not (not members and text[at : at + 1] == b"}"):
            key_end = self._end_of_value(text, at) if text[at : at + 1] == b'"' else None
            if key_end is None:
                return None
            key = text[at + 1 : key_end - 1]
            at = skip(key_end)
            if text[at : at + 1] != b":":
                return None
            start = skip(at + 1)
            end = self._end_of_value(text, start)
            if end is None:
                return None
            members.append((key, (start, end)))
            at = skip(end)
            if text[at : at + 1] != b",":
                break
            at = skip(at + 1)
        return members if text[at : at + 1] == b"}" and skip(at + 1) == len(text) else None

    def _end_of_value(self, text: bytes, at: int) -> int | None:
        if text[at : at + 1] in (b'"', b"{", b"["):
            self._scan.reset()
            what, end = self._scan.go(text, at)
            return end if what == "end" else None
        match = re.compile(_SCALAR).match(text, at)
        return None if match is None else match.end()

    def _is_action(self, line: bytes) -> bool:
        """Whether a line of a bulk file says what to do with the next one, or with none."""
        if self._awaits_document:
            self._awaits_document = False
            return False
        members = self._members(line)
        if members is None or len(members) != 1:
            return False
        ((key, (start, _)),) = members
        is_action = key in _ACTIONS and line[start : start + 1] == b"{"
        self._awaits_document = is_action and _ACTIONS[key]
        return is_action


_WHITES: Final = frozenset(bytes([byte]) for byte in WHITE)


def _decoded(raw: bytes) -> bytes | None:
    """Return the text of a JSON string, or None if it has none."""
    try:
        return str(json.loads(raw)).encode()
    except ValueError:  # also for half a pair of surrogates
        return None


def _behind_prefix(line: bytes) -> bytes:
    """Return a line from its first brace on; all of it if there is none."""
    return line[max(line.find(b"{"), 0) :]

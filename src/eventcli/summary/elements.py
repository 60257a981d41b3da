"""Parses JSON texts of any length while they are read: only one element is held, not the whole text.

A stream of documents contains any number of them, each on its own lines. The elements of an outermost array are handed
out one by one; for an object that is too long to be held, so are the elements of its array members.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from eventcli.readable import Readable, read_into

LONGEST: Final = 16 * 1024 * 1024
"""Maximum characters of one element: as many as a line may have."""

_PIECE: Final = 64 * 1024

_MARGIN: Final = 1024
"""Characters at the end of the window in which an error may only mean that the rest is missing."""

_SPACES: Final = re.compile(r"[ \t\r\n]*")


class DocumentError(ValueError):
    """The text is not JSON, or has an element that is too long; the message says which."""


class Number(str):
    """A number as written: a reader that turns it into a float would round a decimal sum, or one beyond 64 bits."""

    __slots__ = ()


class Begin:
    """The beginning of an object whose members follow one by one, as `Member`, until `End`."""


class End:
    """The end of such an object."""


class Member:
    """One member of such an object; the elements of an array come one by one, each as a member with the same key."""

    __slots__ = ("key", "value")

    def __init__(self, key: str, value: Any) -> None:
        """Take the key and the value, or one element of it."""
        self.key = key
        self.value = value


def elements(stream: Readable) -> Iterator[Any]:
    """Yield the documents of a stream, those in an outermost array one by one; DocumentError if it is not JSON.

    An object longer than `LONGEST` comes in parts: `Begin`, members, `End`. Numbers are `Number`. OSError of the stream
    propagates.
    """
    text = _Text(stream)
    try:
        while (first := text.next()) is not None:
            if first == "[":
                text.skip("[")
                yield from text.elements()
            elif first == "{":
                yield from _object(text)
            else:
                yield text.value()
            text.end_line()
    except RecursionError:
        raise DocumentError("nested too deeply") from None


def _object(text: "_Text") -> Iterator[Any]:
    whole = text.value(or_none=True)
    if whole is not None:
        yield whole
        return
    yield Begin()
    text.skip("{")
    for key in text.keys():  # noqa: SIM118  # it is not a dict
        if text.next() == "[":
            text.skip("[")
            for element in text.elements():
                yield Member(key, element)
        else:
            yield Member(key, text.value())
    yield End()


class _Text:
    """A window on the text: characters that have been read, and not yet handed out."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._memory = memoryview(bytearray(_PIECE))
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse_constant)
        self._window = ""
        self._at = self._before = 0
        self._is_begun = self._is_ended = False

    def next(self) -> str | None:
        """Skip white space, and return the next character; None at the end."""
        while True:
            self._at = _SPACES.match(self._window, self._at).end()  # type: ignore[union-attr]  # it always matches
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more():
                return None

    def skip(self, character: str) -> None:
        """Skip a character that must come next."""
        if self.next() != character:
            self._fail(f"Expecting {character!r}")
        self._at += 1

    def end_line(self) -> None:
        """Skip white space; DocumentError unless it contains a newline or ends the text."""
        has_newline = False
        while True:
            end = _SPACES.match(self._window, self._at).end()  # type: ignore[union-attr]
            has_newline = has_newline or "\n" in self._window[self._at : end]
            self._at = end
            if end < len(self._window):
                break
            if not self._more():
                return
        if not has_newline:
            self._fail("Extra data")

    def elements(self) -> Iterator[Any]:
        """Yield the elements of an array whose bracket was skipped."""
        if self.next() == "]":
            self.skip("]")
            return
        while True:
            yield self.value()
            if self.next() == "]":
                self._at += 1
                return
            self.skip(",")

    def keys(self) -> Iterator[str]:
        """Yield the keys of an object whose brace was skipped; the caller must take each value before the next key."""
        if self.next() == "}":
            self.skip("}")
            return
        while True:
            if self.next() != '"':
                self._fail("Expecting property name enclosed in double quotes")
            key = self.value()
            self.skip(":")
            yield key
            if self.next() == "}":
                self._at += 1
                return
            self.skip(",")

    def value(self, *, or_none: bool = False) -> Any:
        """Return the next value; if it is too long, raise DocumentError, or return None with `or_none`."""
        if self.next() is None:
            self._fail("Expecting value")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                # The rest may be missing. An error far from the end of the window is real.
                is_certain = error.pos < len(self._window) - _MARGIN and "Unterminated" not in error.msg
                if self._is_ended or is_certain:
                    raise DocumentError(f"{error.msg} (char {self._before + error.pos})") from None
            else:
                # A number may go on.
                if end < len(self._window) or self._is_ended or self._window[self._at] in '{["':
                    self._at = end
                    return value
            held = len(self._window) - self._at
            if held > LONGEST:
                if or_none:
                    return None
                raise DocumentError(f"one value has more than {LONGEST} characters")
            while len(self._window) - self._at < 2 * held and self._more():
                pass

    def _more(self) -> bool:
        """Read more; False at the end."""
        if self._is_ended:
            return False
        pieces = [self._window[self._at :]]
        wanted = max(_PIECE, len(pieces[0]))
        self._before += self._at
        self._at = 0
        while wanted > 0 and not self._is_ended:
            got = read_into(self._stream, self._memory)
            self._is_ended = not got
            piece = self._decode(bytes(self._memory[:got]), final=not got)
            if not self._is_begun and piece:
                self._is_begun = True
                piece = piece.removeprefix("\ufeff")
            wanted -= len(piece) or 1
            pieces.append(piece)
        self._window = "".join(pieces)
        return not self._is_ended or bool(self._window)

    def _fail(self, message: str) -> NoReturn:
        raise DocumentError(f"{message} (char {self._before + self._at})")


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"{name} is not a number")

"""What the two bodies cut from a piece of a stream: the same, whatever the sizes of the pieces."""

from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """A part of a stream that cannot be given as a line."""

    TOO_LONG = "too_long"
    """A text that is longer than the limit."""
    DAMAGED = "damaged"
    """The text around records was torn."""
    NO_RECORDS = "no_records"
    """A text without records."""
    UNCLOSED = "unclosed"
    """An array at the top that is not closed at the end."""


class Misfit(NamedTuple):
    """Such a thing: where it begins in the stream, how long it is, and on which line it begins, from 0."""

    kind: Kind
    offset: int
    length: int
    line: int


class Cut(NamedTuple):
    """What came of a piece of a stream.

    `lines` are texts, one a line. `places` has three numbers of 64 bits for each: where the text begins and ends in the
    piece, and how many newlines are before it. `consumed` bytes with `newlines` are done with; the others must be given
    again, followed by more. `misfit` follows the lines.
    """

    lines: bytes
    places: bytes
    consumed: int
    newlines: int
    misfit: Misfit | None = None


class Cutter(Protocol):
    """Cuts a stream into lines, piece by piece."""

    def cut(self, data: memoryview, /, *, at_end: bool, is_full: bool) -> Cut:
        """Cut a piece. `at_end`: nothing follows. `is_full`: no more than this can be given at once."""

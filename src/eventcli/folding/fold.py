"""The protocol of a fold: blocks and small files in, a Summary and marked lines out."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol, Self

from eventcli.lines.event import Reason
from eventcli.reading.small_files import Known, Read
from eventcli.summary.account import Account
from eventcli.summary.summary import Summary


class Mark(NamedTuple):
    """Where a rejected line stands in its block: its index, its first byte and its end, all from 0."""

    reason: Reason
    line: int
    start: int
    end: int


class Part(NamedTuple):
    """What came of some lines of a block: how many there were, and where the rejected ones stand in the block."""

    lines: int
    marks: list[Mark]

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Return what came of all parts of a block together."""
        lines, marks = 0, []
        for part in parts:
            lines += part.lines
            marks += part.marks
        return cls(lines, marks)


class Folded(NamedTuple):
    """Files of which nothing is to be said but their numbers of lines and their sizes.

    Behind them, some that are in the buffer and are not folded yet but by taking all `parts` of these.
    """

    lines: list[int]
    sizes: list[int]
    read: Read
    parts: Iterator[Part]


MOST_MARKS: Final = 4096
"""Rejects in one part, about: what they take is to be small beside a block."""


class Fold(Protocol):
    """State that blocks of whole lines are added to. One thread at a time."""

    def add(self, block: bytes | bytearray | memoryview, /) -> Part:
        """Fold whole lines; return their number, and where the rejected ones are."""

    def add_in_parts(self, block: bytes | bytearray | memoryview, /, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield what came of them in parts that hold few rejects, even if all lines are bad.

        Without `marks` the rejected lines are counted, but where they are need not be told.
        """

    def add_files(
        self, files: Known, buffer: memoryview, enough: int, /, *, marks: bool = True, once: bool = False
    ) -> Folded:
        """Read small files into a buffer, about `enough` bytes at a time, and fold them; see `files.read_files`.

        Ends before one that is not simply read, or where something is to be said of those in the buffer. With `once`,
        the first ones stay in the buffer in any case.
        """

    def merge(self, other: Self, /) -> None:
        """Take over all that another fold of the same body holds; the other is not to be used any more.

        But it may be merged into the same fold again, where that was interrupted: it counts once.
        """

    def account(self) -> Account:
        """Return the account of what was folded so far; cheap, unlike the summary."""

    def summary(self) -> Summary:
        """Return what was folded so far."""

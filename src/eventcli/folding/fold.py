"""The protocol of a fold: blocks and small files in, a Summary and marked lines out."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol, Self

from eventcli.lines.event import Reason
from eventcli.reading.small_files import Known, Read
from eventcli.record import Record
from eventcli.summary.account import Account
from eventcli.summary.summary import Summary


class Mark(NamedTuple):
    """The position of a rejected line in its block: its index, its first byte and its end, all from 0."""

    reason: Reason
    line: int
    start: int
    end: int


class Part(Record):
    """The result for some lines of a block: their number, and the positions of the rejected ones in the block."""

    lines: int
    marks: list[Mark]

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Return the result for all parts of a block together."""
        lines, marks = 0, []
        for part in parts:
            lines += part.lines
            marks += part.marks
        return cls(lines, marks)


class Folded(Record):
    """Files whose only results are their numbers of lines and their sizes.

    `read` lists further files that are in the buffer; consuming `parts` folds them.
    """

    lines: list[int]
    sizes: list[int]
    read: Read
    parts: Iterator[Part]


MOST_MARKS: Final = 4096
"""Approximate number of rejects in one part: their memory should be small compared to a block."""


class Fold(Protocol):
    """State to which blocks of whole lines are added. One thread at a time."""

    def add(self, block: bytes | bytearray | memoryview, /) -> Part:
        """Fold whole lines; return their number, and the positions of the rejected ones."""

    def add_in_parts(self, block: bytes | bytearray | memoryview, /, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield the results in parts that hold few rejects, even if all lines are bad.

        Without `marks`, rejected lines are counted, but their positions need not be returned.
        """

    def add_files(
        self, files: Known, buffer: memoryview, enough: int, /, *, marks: bool = True, once: bool = False
    ) -> Folded:
        """Read small files into a buffer, about `enough` bytes at a time, and fold them; see `small_files.read_files`.

        Ends before a file that needs more than reading, or when there is something to report about those in the buffer.
        With `once`, the first files stay in the buffer in any case.
        """

    def merge(self, other: Self, /) -> None:
        """Take over the content of another fold of the same body, which must not be used any more.

        After an interruption, it may be merged into the same fold again: it counts once.
        """

    def account(self) -> Account:
        """Return the account of the lines folded so far; cheap, unlike the summary."""

    def summary(self) -> Summary:
        """Return the Summary of the lines folded so far."""

"""What a ledger reads over several runs: a source that knows where it goes on, and whether it is still the same.

A stream in the file that holds it is one (`streams/cursor.py`), a partition of a queue is another. What a ledger knows
of either is a `Stream`. In a file, its offset is the position. A queue has a `position` in the words of its broker; its
offset is the number of bytes that were read of it, by which its rejects are numbered.
"""

from typing import NamedTuple, Protocol

from eventcli.ledger.streams.stream import Stream
from eventcli.readable import Readable


class Step(NamedTuple):
    """Some whole lines, to be folded and written together with the position after them."""

    content: Readable
    size: int | None = None
    """At most this many bytes, if that is known: a small step is folded without another thread."""
    repeats: int = 0
    """How many of its lines are blank because an earlier event was repeated there: they count as filtered."""


class Read(NamedTuple):
    """How far a step was read: from one offset of its stream to another, how many lines, and what was left over."""

    start: int
    end: int
    lines: int
    pending: int


class Cursor(Protocol):
    """A source at a position. It changes its stream in `advance` and at the end, and nowhere else."""

    @property
    def name(self) -> str:
        """The name to display."""

    @property
    def stream(self) -> Stream:
        """What the ledger knows of it, with its position."""

    @property
    def is_growing(self) -> bool:
        """Whether more can follow later: if so, a last line without a newline waits for its end."""

    def read_on(self, size: int, seconds: float) -> Step | None:
        """Return the next step of about this many bytes or seconds, or None at the end. OSError on failure."""

    def is_proved(self, read: Read) -> bool:
        """Whether what was read is what the source held at its position; if not, nothing of the step counts."""

    def advance(self, read: Read) -> None:
        """Move the position past a step that counts, and record what proves it."""

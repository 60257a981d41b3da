"""What a run is to do: which streams to read in which files, and what to report."""

from typing import NamedTuple, Self

from eventcli.ledger.streams.candidate import Candidate
from eventcli.ledger.streams.stream import State, Stream
from eventcli.summary.sources import SourceReport


class Reading(NamedTuple):
    """A stream, and the file in which it continues."""

    stream: Stream
    file: Candidate
    state: State
    is_quiet: bool
    """Whether the file has not been modified since it was last read."""


class Loss(NamedTuple):
    """A discontinuity: after `offset`, part of the stream may be lost or left uncounted."""

    stream: Stream
    offset: int
    message: str
    is_doubt: bool = False
    """Whether the doubt is only about what should count, with nothing missing."""


class Plan(NamedTuple):
    """What to read, in order, and what to report. The rules add to its lists."""

    readings: list[Reading]
    losses: list[Loss]
    problems: list[SourceReport]
    copies: list[tuple[str, str]]
    """Files with the same content as others: the names of both."""
    retired: list[tuple[Stream, State]]
    """Streams that are no longer found."""
    settled: list[Stream]
    """Rotated streams that are still in their place, with nothing new."""
    noted: list[Stream]
    """Streams that need no reading, but have something to record."""
    missed: list[Stream]
    """Copies that are not found: they are not searched for again."""

    @classmethod
    def empty(cls) -> Self:
        """Return a plan to do nothing."""
        return cls([], [], [], [], [], [], [], [])


def in_words(lines: int) -> str:
    """Return a number of lines in words."""
    return "1 line" if lines == 1 else f"{lines} lines"

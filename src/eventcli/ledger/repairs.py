"""Reads files of repaired rejects, one line at a time."""

from collections.abc import Iterable, Iterator
from typing import Final

from eventcli.errors import WrongUsageError
from eventcli.lines.rejected import Repair, repair
from eventcli.reading.blocks import MAX_LINE, Blocks, Buffer, LongLine
from eventcli.reading.source import open_source
from eventcli.text import name_of

LONGEST: Final = 4 * MAX_LINE
"""Maximum size of a record in bytes: JSON hardly ever makes a line of text four times as long."""

_BLOCK: Final = 1024 * 1024

_SHOWN: Final = 5


class RepairsError(WrongUsageError):
    """A file of rejects cannot be read; the message names the file and the reason."""


class Problems(list[str]):
    """The problems of some lines: the messages of the first few, and how many `more` there are."""

    more = 0

    def add(self, problem: str) -> None:
        """Add a problem."""
        if len(self) < _SHOWN:
            self.append(problem)
        else:
            self.more += 1

    def lines(self) -> Iterator[str]:
        """Yield the messages."""
        yield from self
        if self.more:
            yield f"and {self.more} more lines like these"


def repairs(paths: Iterable[str], problems: Problems) -> Iterator[Repair]:
    """Yield the repairs in files of rejects; an invalid line is a problem. RepairsError if a file cannot be read."""
    with Buffer(_BLOCK, LONGEST) as buffer:
        for path in paths:
            name = name_of(path)
            try:
                with open_source(path) as stream:
                    for number, line in _lines(Blocks(stream, max_line=LONGEST), buffer):
                        try:
                            if line is None:
                                raise ValueError(f"it has more than {LONGEST} bytes")
                            yield repair(line, f"{name}:{number}")
                        except (ValueError, KeyError, TypeError, RecursionError) as error:
                            what = f"no key {error}" if isinstance(error, KeyError) else str(error)
                            problems.add(f"{name}:{number}: not a reject of a ledger: {what}")
            except OSError as error:
                raise RepairsError(f"{name}: {error.strerror or error}") from error


def _lines(blocks: Blocks, buffer: Buffer) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that are not blank, with their numbers; None for a line that is too long."""
    before = 0
    while (block := blocks.next(buffer)) is not None:
        if isinstance(block, LongLine):
            before += 1
            yield before, None
            continue
        data = bytes(block.data)
        if not data.strip():
            before += data.count(b"\n")  # there may be very many
            continue
        lines = data.split(b"\n")
        yield from ((number, line) for number, line in enumerate(lines, before + 1) if line.strip())
        before += len(lines) - 1
        buffer.trim()

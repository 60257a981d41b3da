"""The options of a run, and the callbacks through which it reports."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from eventcli.lines.check import check_query
from eventcli.lines.event import Reject
from eventcli.lines.query import Query
from eventcli.reading.blocks import MAX_LINE
from eventcli.reading.claims import Key
from eventcli.reading.discovery import Choice
from eventcli.record import Record
from eventcli.summary.sources import SourceReport

if TYPE_CHECKING:
    from eventcli.reading.portions import ByteRange
    from eventcli.summary.summary import Summary
    from eventcli.text import Source

BLOCK_SIZE: Final = 2 * 1024 * 1024
"""Bytes read at a time. Measured: smaller blocks cost turns, larger ones memory, and neither is faster."""

SMALL: Final = 1024 * 1024
"""The thread that folds files of up to this many bytes reads them whole, with others: opening dominates their cost."""

_SHARED: Final = 8 * 1024 * 1024
"""Files from this many bytes on are folded by all threads together: turns dominate the cost of files in between."""

OnReject = Callable[[Reject], object]

OnProblem = Callable[[SourceReport], object]

OnRepeat = Callable[[str, str], object]


class Callbacks(Record):
    """Whom a run calls, one call at a time and in input order: see `summarize`."""

    on_reject: OnReject | None = None
    reject_limit: int | None = None
    on_problem: OnProblem | None = None
    on_repeat: OnRepeat | None = None


class Options(Record):
    """The options of a run: see `summarize`.

    Files whose `identity` is in `left_out` are skipped silently, unless they are named.
    """

    query: Query = Query()
    max_line: int = MAX_LINE
    block_size: int = BLOCK_SIZE
    jobs: int | None = None
    choice: Choice = Choice()
    left_out: frozenset[Key] = frozenset()
    stretches: bool = False
    mmap: bool = True
    timeout: float | None = None
    storage: str = "{}"
    """Options of object stores, as JSON; see `file_system`."""

    def check(self) -> None:
        """Raise ValueError for options that make no sense."""
        if self.max_line < 1 or self.block_size < 1 or (self.jobs is not None and self.jobs < 1):
            raise ValueError("max_line, block_size and jobs must be at least 1")
        check_query(self.query)

    @property
    def small(self) -> int:
        """The size in bytes up to which a file is read whole, with others."""
        return min(SMALL, self.block_size, self.max_line)

    @property
    def most_alone(self) -> int:
        """The size in bytes up to which one thread folds a file by itself."""
        return min(_SHARED, 8 * self.small)


class Machinery(Protocol):
    """What can carry out a run in place of the threads of this process: see `engines`."""

    def summarize(
        self, sources: "Iterable[Source | ByteRange]", options: Options, callbacks: Callbacks, /
    ) -> "Summary":
        """Return the Summary of the sources, equal to that of one machine."""

"""The Python body of the fold: the authority on what a line means.

`parse` alone defines what a line means. Calling it for every line would cost several times as much as a bare loop
over orjson. So a block goes through one tight loop that sorts values by type, whole lists are added up in C, and
only the lines that are not plainly events go to `parse.judge`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, Self

import eventcli.lines
from eventcli.folding.fold import Folded, Mark, Part
from eventcli.folding.growing import GrowingStats
from eventcli.folding.moments import OUTSIDE, Moments
from eventcli.folding.plain import Floats, Groups, Sorter
from eventcli.lines.event import Event, Reason
from eventcli.lines.parse import is_blank, judge
from eventcli.lines.query import Bucket, Query
from eventcli.reading.small_files import Known, read_files
from eventcli.summary.account import Account
from eventcli.summary.aggregates.aggregate import Values
from eventcli.summary.aggregates.values import Decimals, Integers
from eventcli.summary.summary import Summary

_PART_SIZE: Final = 64 * 1024
"""Bytes of lines that are held as Python objects at a time."""

_DAMAGE: Final = frozenset({Reason.INVALID_UTF8, Reason.INVALID_JSON})
"""Reject reasons that a crash or a torn write can have caused."""


class ReferenceFold:
    """Folds blocks of whole lines in Python; keeps its state across blocks."""

    def __init__(self, query: Query) -> None:
        """Count the events that the query keeps; other valid ones count as filtered."""
        self._query = query
        self._wanted = None if query.types is None else frozenset(query.types)
        self._moments = Moments(query.timing)
        self._sorter = Sorter(query, self._moments)
        self._stats = GrowingStats(query)
        self._lines = self._accepted = self._filtered = self._blank = self._salvaged = 0
        self._rejected = dict.fromkeys(Reason, 0)
        self._merged: dict[ReferenceFold, Summary] = {}

    def add(self, block: bytes | bytearray | memoryview) -> Part:
        """Fold whole lines; return their number, and the positions of the rejected ones."""
        return Part.join(self.add_in_parts(block))

    def add_in_parts(self, block: bytes | bytearray | memoryview, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield the results in parts that hold few rejects, even if all lines are bad.

        Without `marks`, rejected lines are counted, but their positions are not returned.
        """
        line = start = 0
        # Released even on failure: an exception keeps its local variables alive.
        with memoryview(block) as view:
            while start < len(view):
                # One copy of the lines at a time: a single one can have many megabytes.
                lines = _lines(view, start)
                part = self._add(lines, line, start)
                yield part if marks else part._replace(marks=[])
                line += len(lines)
                start += sum(map(len, lines)) + len(lines)

    # The bytes read stay in the buffer in any case, with or without `once`.
    def add_files(
        self,
        files: Known,
        buffer: memoryview,
        enough: int,
        *,
        marks: bool = True,
        once: bool = False,  # noqa: ARG002
    ) -> Folded:
        """Read small files into a buffer, about `enough` bytes, and fold them; see `small_files.read_files`."""
        read = read_files(files, buffer, enough)
        return Folded([], [], read, self.add_in_parts(buffer[: max(read.ends, default=0)], marks=marks))

    def _add(self, lines: list[bytes], line: int, start: int) -> Part:
        """Fold lines, the first of which has the index `line` and begins at byte `start` of the block."""
        integers, floats, odd = self._sorter.sort(lines)
        self._add_groups(integers, Integers)
        self._add_groups(floats, Floats)
        self._lines += len(lines)
        self._stats.limit()
        if not odd:
            return Part(len(lines), [])
        places = _places(lines, line, start)
        return Part(len(lines), self._add_odd([lines[index] for index in odd], [places[index] for index in odd]))

    def add_lines(self, block: memoryview, places: Sequence[tuple[int, int, int]]) -> list[Mark]:
        """Fold some lines of a block, given by index, first byte and end; return the positions of the rejected ones.

        It is for lines that are not plainly events; `add` is faster for plain ones.
        """
        self._lines += len(places)
        return self._add_odd([bytes(block[start:end]) for _, start, end in places], places)

    def merge(self, other: Self) -> None:
        """Take over the content of another fold: a repeated merge replaces what the same fold gave before."""
        self._merged[other] = other.summary()

    def account(self) -> Account:
        """Return the account of the lines folded so far."""
        account = self._own_account()
        for summary in self._merged.values():
            account += summary.account
        return account

    def summary(self) -> Summary:
        """Return the Summary of the lines folded so far."""
        return Summary.union([self._stats.summary(), Summary(account=self._own_account()), *self._merged.values()])

    def _own_account(self) -> Account:
        return Account(self._lines, self._accepted, self._rejected, self._filtered, self._blank, self._salvaged)

    def _add_odd(self, lines: Iterable[bytes], places: Iterable[tuple[int, int, int]]) -> list[Mark]:
        """Fold lines one by one."""
        marks = []
        for line, place in zip(lines, places, strict=True):
            if is_blank(line):
                self._blank += 1
                continue
            outcome = judge(line, self._query)
            if not isinstance(outcome, Event):
                event = _salvaged(line, self._query) if self._query.salvage and outcome in _DAMAGE else None
                if event is None:
                    self._rejected[outcome] += 1
                    marks.append(Mark(outcome, *place))
                    continue
                outcome = event
                before = self._accepted
                self._add_event(outcome)
                self._salvaged += self._accepted - before
            else:
                self._add_event(outcome)
        self._stats.limit()
        return marks

    def _add_event(self, event: Event) -> None:
        bucket = self._moments.at(event.time)
        if self._is_kept(event.type, bucket, 1):
            value = event.value
            self._stats.add(event.type, bucket, Integers([int(value)]) if event.integral else Decimals([value]))

    def _add_groups(self, groups: Groups, values_of: Callable[[list[Any]], Values]) -> None:
        """Add the values of plain events."""
        for group, values in groups.items():
            name, bucket = (group, None) if isinstance(group, str) else group
            if self._is_kept(name, bucket, len(values)):
                self._stats.add(name, bucket, values_of(values))

    def _is_kept(self, name: str, bucket: Bucket | None, count: int) -> bool:
        if bucket is not OUTSIDE and (self._wanted is None or name in self._wanted):
            self._accepted += count
            return True
        self._filtered += count
        return False


def _salvaged(line: bytes, query: Query) -> Event | None:
    return eventcli.lines.salvage.salvage(line, query)


def _lines(view: memoryview, start: int) -> list[bytes]:
    """Return about `_PART_SIZE` bytes of whole lines from `start` on, without their newlines."""
    size = _PART_SIZE
    while start + size < len(view):
        part, newline, _ = bytes(view[start : start + size]).rpartition(b"\n")
        if newline:
            return part.split(b"\n")
        size *= 2
    lines = bytes(view[start:]).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _places(lines: list[bytes], line: int, start: int) -> list[tuple[int, int, int]]:
    """Return index, first byte and end of lines, the first of which has the index `line`."""
    ends = list(accumulate((len(line) + 1 for line in lines), initial=start))
    return [(line + index, ends[index], ends[index + 1] - 1) for index in range(len(lines))]

"""Adapts the Rust body to the protocol; lines that it hands back go to the Python body."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Self

import eventcli.folding
import eventcli.lines
from eventcli.body import forced_level, kernel
from eventcli.folding.fold import MOST_MARKS, Folded, Mark, Part
from eventcli.lines import paths
from eventcli.lines.event import Reason
from eventcli.lines.query import Bucket, Query, Timing
from eventcli.reading.small_files import FLAGS, Known, Read
from eventcli.summary.account import Account
from eventcli.summary.aggregates.registry import kept
from eventcli.summary.stats import LazyTypes, Types, TypeStats
from eventcli.summary.summary import Summary, Terms

if TYPE_CHECKING:
    from eventcli import _kernel
    from eventcli.folding.reference import ReferenceFold


_FARTHEST: Final = 1 << 60
"""Serves as "no limit", as a number of types and as a time in seconds."""

_Moment = tuple[int, int]
"""Seconds since the epoch and nanoseconds."""


def reference_fold(query: Query) -> "ReferenceFold":
    """Return the authority, which is loaded when a line first needs it."""
    return eventcli.folding.reference.ReferenceFold(query)


class KernelFold:
    """Folds blocks in Rust, without the GIL; its state across blocks is in Rust, too."""

    def __init__(self, query: Query, caches: Sequence[str] | None = None) -> None:
        """Count the events that the query keeps; other valid ones count as filtered.

        Tests turn off caches of the kernel by naming the others; the meaning of lines does not depend on any cache.
        """
        fields, types, timing, form = query.fields, query.types, query.timing, query.form
        self._query = query
        self._aggregates = kept(query.aggregates)
        asked: _kernel._Asked = {
            "type_ways": _ways(fields.type),
            "value_ways": [] if fields.value is None else _ways(fields.value),
            "absent": "0" if fields.value is None else query.default_value,
            "numeric_strings": query.numeric_strings,
            "salvage": query.salvage,
            "types": None if types is None else list(types),
            "max_types": min(query.max_types, _FARTHEST),
            "max_type_bytes": min(query.max_type_bytes, _FARTHEST),
            "time": None if timing is None else _time(fields.time, timing),
            "shape": (form.scalar_types, form.missing_type is not None, list(form.missing_values)),
            "aggregates": [one.name for one in self._aggregates if one.is_optional],
        }
        self._kernel = kernel.Fold(asked, forced_level(), caches)
        self._buckets = self._input_zone = None
        if timing is not None:
            self._input_zone = eventcli.lines.zones.zone(timing.input_zone)
            if timing.by is not None:
                self._buckets = eventcli.lines.times.Buckets(timing.by, timing.zone)
        # Created for the first line that is handed back.
        self._authority: ReferenceFold | None = None
        self._lines = 0

    def add(self, block: bytes | bytearray | memoryview) -> Part:
        """Fold whole lines; return their number, and the positions of the rejected ones."""
        return Part.join(self.add_in_parts(block))

    def add_in_parts(self, block: bytes | bytearray | memoryview, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield the results in parts that hold few rejects, even if all lines are bad.

        Without `marks`, only the positions of lines whose reason the Rust body cannot tell are returned.
        """
        return self._parts(block, marks=marks)

    def add_files(
        self, files: Known, buffer: memoryview, enough: int, *, marks: bool = True, once: bool = False
    ) -> Folded:
        """Read small files into a buffer, about `enough` bytes at a time, and fold them; see `Fold.add_files`."""
        known = (files.paths, files.device, files.inodes, FLAGS)
        how = (MOST_MARKS, not marks, once)
        lines, sizes, columns, folded = self._kernel.fold_files(known, buffer, enough, how)
        self._lines += sum(lines)
        read = Read(*columns)
        return Folded(lines, sizes, read, self._parts(buffer[: max(read.ends, default=0)], folded, marks=marks))

    def _parts(
        self, block: bytes | bytearray | memoryview, folded: "_kernel._Folded | None" = None, *, marks: bool
    ) -> Iterator[Part]:
        """Fold a block, part of which may already be folded."""
        line = start = 0
        # Released even on failure: an exception keeps its local variables alive.
        with memoryview(block) as view:
            while start < len(view):
                lines, start, handed_back, asked = folded or self._kernel.fold(view, start, MOST_MARKS, not marks)
                folded = None
                self._lines += lines - len(handed_back)
                places = [(line + index, first, end) for index, first, end in handed_back]
                if lines:
                    yield Part(lines, self._judge(view, places) if places else [])
                line += lines
                if asked is not None:
                    self._answer(*asked)

    def _judge(self, view: memoryview, places: list[tuple[int, int, int]]) -> list[Mark]:
        """Let the authority fold lines, and return the positions of the rejected ones."""
        if self._authority is None:
            self._authority = reference_fold(self._query)
        return self._authority.add_lines(view, places)

    def _answer(self, is_local: bool, second: int) -> None:  # noqa: FBT001  # the kernel passes it by position
        """Give the kernel the rules of time around a second: it has none of its own."""
        if is_local and self._input_zone is not None:
            self._kernel.add_span(*eventcli.lines.times.local_span(self._input_zone, second))
        elif self._buckets is not None:
            self._kernel.add_region(*self._buckets.region(second))

    def merge(self, other: Self) -> None:
        """Take over the content of another fold: merging it again adds nothing more."""
        self._kernel.merge(other._kernel)
        if self._authority is None:
            self._authority = other._authority
        elif other._authority is not None and other._authority is not self._authority:
            self._authority.merge(other._authority)
        self._lines, other._lines = self._lines + other._lines, 0

    def account(self) -> Account:
        """Return the account of the lines folded so far."""
        certain = self._certain()
        return certain if self._authority is None else certain.merge(self._authority.account())

    def summary(self) -> Summary:
        """Return the Summary of the lines folded so far."""
        types: Types = {}
        buckets: dict[Bucket, Types] = {}
        other: dict[Bucket | None, TypeStats] = {}
        for start, columns, rest in self._kernel.tables():
            bucket = None
            if start is None:
                types = LazyTypes(columns, self._aggregates)
            elif self._buckets is not None:
                bucket = self._buckets.bucket_at(start)
                buckets[bucket] = LazyTypes(columns, self._aggregates)
            if len(rest):
                (other[bucket],) = LazyTypes(rest, self._aggregates).values()
        certain = Summary(types, self._certain(), (), buckets, other, Terms.of(self._query))
        return certain if self._authority is None else certain.merge(self._authority.summary())

    def _certain(self) -> Account:
        accepted, rejected, filtered, blank = self._kernel.account()
        return Account(
            self._lines,
            accepted,
            {Reason(reason): count for reason, count in rejected.items() if count},
            filtered,
            blank,
        )


def _ways(field: str) -> list[tuple[str, ...]]:
    """Return the readings of a field, the preferred one first."""
    as_path = paths.parts(field)
    return [as_path] if field.startswith("/") or as_path == (field,) else [(field,), as_path]


def _time(
    field: str, timing: Timing
) -> tuple[list[tuple[str, ...]], _Moment | None, _Moment | None, bool, bool, bool, str | None]:
    by, local_is_utc = timing.by is not None, timing.input_zone == "UTC"
    bounds = _moment(timing.since), _moment(timing.until)
    return _ways(field), *bounds, by, local_is_utc, timing.optional, timing.time_format


def _moment(instant: int | None) -> _Moment | None:
    """Return seconds and nanoseconds; beyond all times if there is no instant."""
    if instant is None:
        return None
    second, nanos = divmod(instant, 1_000_000_000)
    return (second, nanos) if abs(second) < _FARTHEST else (_FARTHEST if second > 0 else -_FARTHEST, 0)

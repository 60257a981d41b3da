"""The Python body of the fold: the authority on what a line means.

`parse` alone defines what a line means. Calling it for every line would cost several times as much as a bare loop
over orjson. So a block goes through one tight loop that sorts values by type, whole lists are added up in C, and
only the lines that are not plainly events go to `parse.judge`.

A float from orjson may take part in an exact sum for this reason: no two different decimals with at most 15 significant
digits are nearest to the same double (IEEE 754, DBL_DIG), and `repr` gives the shortest decimal that is. So if the
literal has at most 15 digits, `Decimal(repr(value))` is the literal. Usually the text of many lines shows that at once:
no number under a key begins with 16 digits and points. It does not hold for numbers so small that a double lacks bits,
nor for a zero that may have been a tiny number. Wherever any of that is possible, floats go to `parse.judge`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, Self

import orjson

import eventcli.lines
from eventcli.folding.fold import Folded, Mark, Part
from eventcli.lines import exact, paths
from eventcli.lines.event import Event, Reason
from eventcli.lines.parse import is_blank, judge
from eventcli.lines.query import Bucket, Calendar, Query
from eventcli.reading.small_files import Known, read_files
from eventcli.summary.account import Account
from eventcli.summary.aggregates.aggregate import Kind, Values
from eventcli.summary.aggregates.registry import AGGREGATES, kept
from eventcli.summary.aggregates.values import Decimals, Integers, units_of
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary, bytes_of

# A text in which all numbers look alike: every digit and point becomes "0", every e and E becomes "e", colons stay,
# white space and minus signs are removed, everything else becomes a space. Then a number under a key begins after a
# colon, and the questions below are plain searches.
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"0123456789.eE:")

_NUMERIC: Final = bytes.maketrans(b"123456789.E" + _OTHERS, b"0000000000e" + b" " * len(_OTHERS))

_NOT_NUMERIC: Final = b" \t\r\n-"

_LONG_NUMBER: Final = b":" + b"0" * 16

_EXPONENT: Final = rb":0+e"

_SMALLEST: Final = 1e-290
"""From this magnitude on, a double has all its 53 bits, and 15 digits end before the 400th decimal place."""

_PART_SIZE: Final = 64 * 1024
"""Bytes of lines that are held as Python objects at a time."""

_DAMAGE: Final = frozenset({Reason.INVALID_UTF8, Reason.INVALID_JSON})
"""Reject reasons that a crash or a torn write can have caused."""

_OUTSIDE: Final = Bucket(0, -1)
"""Takes the place of a bucket if the time of an event is outside the requested bounds."""

_UNKNOWN: Final = Bucket(0, -2)

_MOST_TIMES: Final = 1 << 14
"""Number of times whose bucket is remembered: in a busy log, many lines share a second."""

_MOST_PLACES: Final = 9

_MOST_UNITS: Final = 1e15


class ReferenceFold:
    """Folds blocks of whole lines in Python; keeps its state across blocks."""

    def __init__(self, query: Query) -> None:
        """Count the events that the query keeps; other valid ones count as filtered."""
        self._query = query
        self._keys = _keys(query)
        # Only for numbers under keys can the number of digits be checked in bulk.
        self._is_under_key = query.fields.value is None or not paths.is_index(paths.parts(query.fields.value)[-1])
        self._wanted = None if query.types is None else frozenset(query.types)
        self._adds = _adds_of(query.aggregates)
        self._stats: dict[str, _States] = {}
        self._buckets = None
        self._calendar = None
        if query.timing is not None and query.timing.by is not None:
            self._buckets = eventcli.lines.times.Buckets(query.timing.by, query.timing.zone)
            self._calendar = Calendar(query.timing.by, query.timing.zone)
        self._bucket_of_time: dict[object, Bucket | None] = {}
        self._stats_of_bucket: dict[Bucket, dict[str, _States]] = {}
        self._look_at = 2 * query.max_types
        """Rows of stats from which on the number of types is checked."""
        self._name_bytes = 0
        self._look_at_bytes = 2 * query.max_type_bytes
        """The same for the bytes of their names."""
        self._lines = self._accepted = self._filtered = self._blank = self._salvaged = 0
        self._rejected = dict.fromkeys(Reason, 0)
        # By the fold it comes from; None: the earlier types of this one.
        self._merged: dict[ReferenceFold | None, Summary] = {}

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
        numeric = b"\n".join(lines).translate(_NUMERIC, _NOT_NUMERIC)
        values, odd = self._sort(lines, floats=self._is_under_key and _LONG_NUMBER not in numeric)
        has_tiny = any(min(map(abs, floats)) < _SMALLEST for floats in values[float].values())
        if has_tiny and re.search(_EXPONENT, numeric):
            values, odd = self._sort(lines, floats=False)
        del numeric
        for group, integers in values[int].items():
            if self._is_kept(group, len(integers)):
                self._add_values(group, Integers(integers))  # type: ignore[arg-type]  # the lists under int hold only ints
        for group, floats in values[float].items():
            if self._is_kept(group, len(floats)):
                self._add_values(group, _Floats(floats))
        self._lines += len(lines)
        self._limit()
        if not odd:
            return Part(len(lines), [])
        places = self._places(lines, line, start)
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
        return Summary.union([self._frozen(), Summary(account=self._own_account()), *self._merged.values()])

    def _own_account(self) -> Account:
        return Account(self._lines, self._accepted, self._rejected, self._filtered, self._blank, self._salvaged)

    def _frozen(self) -> Summary:
        return Summary(
            {name: _frozen(stats) for name, stats in self._stats.items()},
            buckets={
                bucket: {name: _frozen(stats) for name, stats in of_bucket.items()}
                for bucket, of_bucket in self._stats_of_bucket.items()
            },
            max_types=self._query.max_types,
            calendar=self._calendar,
            max_type_bytes=self._query.max_type_bytes,
        )

    def _limit(self) -> None:
        """Add up types beyond the limit once there are twice as many, so that each costs little."""
        count = len(self._stats) + sum(map(len, self._stats_of_bucket.values()))
        if count <= self._look_at and self._name_bytes <= self._look_at_bytes:
            return
        self._look_at, self._look_at_bytes = (
            max(self._look_at, 2 * count),
            max(self._look_at_bytes, 2 * self._name_bytes),
        )
        names = set(self._stats).union(*self._stats_of_bucket.values())
        if len(names) > self._query.max_types or bytes_of(names) > self._query.max_type_bytes:
            self._merged = {None: Summary.union([self._frozen(), *self._merged.values()])}
            self._stats = {}
            self._stats_of_bucket = {}
            self._look_at, self._look_at_bytes = 2 * self._query.max_types, 2 * self._query.max_type_bytes
            self._name_bytes = 0

    def _places(self, lines: list[bytes], line: int, start: int) -> list[tuple[int, int, int]]:
        """Return index, first byte and end of lines, the first of which has the index `line`."""
        ends = list(accumulate((len(line) + 1 for line in lines), initial=start))
        return [(line + index, ends[index], ends[index + 1] - 1) for index in range(len(lines))]

    def _sort(self, lines: list[bytes], *, floats: bool) -> tuple[dict[type, "_Values"], list[int]]:
        """Return the values of the plain events by class and group, and the indexes of all other lines.

        Without `floats`, a line that contains one is not plain.
        """
        if self._query.form.missing_values:
            return {int: _Values(), float: _Values()}, list(range(len(lines)))
        if self._keys is None:
            return self._sort_anywhere(lines, floats=floats)
        loads = orjson.loads
        type_key, value_key = self._keys
        values: dict[type, _Values] = {int: _Values(), float: _Values()}
        plain = values if floats else {int: values[int]}
        odd = []
        for index, line in enumerate(lines):
            try:
                event = loads(line)
                value = event[value_key]
                plain[value.__class__][event[type_key]].append(value)
            except (KeyError, TypeError, ValueError):
                odd.append(index)
        return values, odd

    def _sort_anywhere(self, lines: list[bytes], *, floats: bool) -> tuple[dict[type, "_Values"], list[int]]:
        """Do what `_sort` does for fields anywhere in the line, and by time."""
        loads, find = orjson.loads, paths.find
        type_field, value_field, time_field = self._query.fields
        has_time = self._query.timing is not None
        values: dict[type, _Values] = {int: _Values(), float: _Values()}
        plain = values if floats else {int: values[int]}
        odd = []
        for index, line in enumerate(lines):
            try:
                event = loads(line)
                if type(event) is not dict:
                    raise TypeError("the line is no object")  # like everything that is not plain
                value = 0 if value_field is None else find(event, value_field)
                of_class = plain[value.__class__]
                name = find(event, type_field)
                if has_time:
                    of_class[name, self._bucket_of(find(event, time_field))].append(value)
                else:
                    of_class[name].append(value)
            except (KeyError, TypeError, ValueError):
                odd.append(index)
        return values, odd

    def _bucket_of(self, time: object) -> Bucket | None:
        """Return the bucket of a plainly readable time (`_OUTSIDE` if it is filtered), else raise a KeyError."""
        if time.__class__ is not str and time.__class__ is not int:
            raise KeyError(time)
        bucket = self._bucket_of_time.get(time, _UNKNOWN)
        if bucket is _UNKNOWN:
            if len(self._bucket_of_time) == _MOST_TIMES:
                self._bucket_of_time.clear()
            bucket = self._bucket_of_time[time] = self._read_time(time)
        return bucket

    def _read_time(self, time: object) -> Bucket | None:
        timing = self._query.timing
        assert timing is not None
        clock = eventcli.lines.clock.clock_of(timing)
        instant = clock.of_text(time) if isinstance(time, str) else clock.of_number(str(time))
        if instant is None:
            raise KeyError(time)
        return self._bucket_at(instant)

    def _bucket_at(self, instant: int | None) -> Bucket | None:
        """Return the bucket of an instant (None: no buckets, or an unknown instant), or `_OUTSIDE`."""
        timing = self._query.timing
        if timing is None or instant is None:
            return None
        if (timing.since is not None and instant < timing.since) or (
            timing.until is not None and instant >= timing.until
        ):
            return _OUTSIDE
        return None if self._buckets is None else self._buckets.bucket(instant // 1_000_000_000)

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
        self._limit()
        return marks

    def _add_event(self, event: Event) -> None:
        bucket = self._bucket_at(event.time)
        group = event.type if bucket is None else (event.type, bucket)
        if self._is_kept(group, 1):
            value = event.value
            self._add_values(group, Integers([int(value)]) if event.integral else Decimals([value]))

    def _is_kept(self, group: "_Group", count: int) -> bool:
        name, bucket = (group, None) if isinstance(group, str) else group
        if bucket is not _OUTSIDE and (self._wanted is None or name in self._wanted):
            self._accepted += count
            return True
        self._filtered += count
        return False

    def _add_values(self, group: "_Group", values: Values) -> None:
        name, bucket = (group, None) if isinstance(group, str) else group
        by_name = self._stats if bucket is None else self._stats_of_bucket.setdefault(bucket, {})
        states = by_name.get(name)
        if states is None:
            states = _EMPTY
            self._name_bytes += len(name)
        by_name[name] = [add(state, values) for add, state in zip(self._adds, states, strict=False)]


def _salvaged(line: bytes, query: Query) -> Event | None:
    return eventcli.lines.salvage.salvage(line, query)


_Group = str | tuple[str, Bucket | None]
"""The type of events that count together, and their bucket if there are buckets of time."""


def _keys(query: Query) -> tuple[str, str] | None:
    """Return the keys of type and value, or None if finding an event takes more than these."""
    type_field, value_field, _ = query.fields
    is_plain = query.timing is None and query.default_value is None and not query.numeric_strings
    if value_field is None or not (is_plain and paths.is_key(type_field) and paths.is_key(value_field)):
        return None
    return type_field, value_field


class _Values(dict[_Group, list[float]]):
    """Lists of values by group. It refuses a type that is not a string when a value is added."""

    def __missing__(self, group: _Group) -> list[float]:
        if type(group[0] if type(group) is tuple else group) is not str:
            raise TypeError("the type is not a string")
        values: list[float] = []
        self[group] = values
        return values


_States = list[Any]
"""The states of one type while values are added, in the order of the registry; None for those that are not kept."""

_EMPTY: Final[_States] = [one.empty for one in AGGREGATES]

_ARE_NUMBERS: Final = [one.kind is Kind.NUMBER for one in AGGREGATES]


def _adds_of(optional: Iterable[str]) -> list[Callable[[Any, Values], Any]]:
    """Return how each aggregate adds values, up to the last one that is kept."""
    wanted = kept(optional)
    last = AGGREGATES.index(wanted[-1])
    return [one.add if one in wanted else lambda _state, _values: None for one in AGGREGATES[: last + 1]]


def _frozen(states: _States) -> TypeStats:
    return TypeStats.of(
        [
            Decimal(state) if is_number and state is not None else state
            for is_number, state in zip(_ARE_NUMBERS, states, strict=False)
        ]
    )


class _Floats:
    """Values whose shortest decimals are what was written: each has at most 15 digits."""

    __slots__ = ("values",)

    is_integral = False

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def exact(self, value: float) -> Decimal:
        return Decimal(repr(value))

    def total(self) -> Decimal:
        units, places = _scaled(self.values)
        return exact.scaled(sum(units), places) if units else exact.total(map(self.exact, self.values))

    def units(self) -> tuple[list[int], int]:
        units, places = _scaled(self.values)
        return (units, places) if units else units_of([self.exact(value) for value in self.values])


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


def _scaled(floats: list[float]) -> tuple[list[int], int]:
    """Return the shortest decimals of `floats` as whole numbers of 10**-places; no numbers if that is not certain.

    Each of them has at most 15 digits. Adding up the `repr` of each is four times slower than adding whole numbers of
    cents (or of whatever unit the first values suggest). Those are only a guess until division gives back every float:
    `units / scale` is rounded correctly, has at most 15 digits, and so is the one such decimal that is nearest to the
    float.
    """
    places = max(len(repr(value).partition(".")[2]) for value in floats[:8])
    scale = 10.0**places
    if places <= _MOST_PLACES and max(abs(value) for value in (min(floats), max(floats))) * scale < _MOST_UNITS:
        units = [round(value * scale) for value in floats]
        if [unit / scale for unit in units] == floats:
            return units, places
    return [], 0

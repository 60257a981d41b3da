"""The rows of a ledger: made from a Summary, added up, and proved by a checksum.

A row holds the states of the aggregates of one type in one bucket. Its numbers are text from the fold to the database:
most are never added to another.
"""

from _blake2 import blake2b  # see fingerprints
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from eventcli.lines import times
from eventcli.summary.aggregates.aggregate import Aggregate, Kind
from eventcli.summary.aggregates.registry import AGGREGATES, ALWAYS
from eventcli.summary.aggregates.sum import INTEGRAL, SUM
from eventcli.summary.aggregates.values import Decimals, Integers
from eventcli.summary.stats import LazyTypes, TypeStats
from eventcli.summary.summary import Summary

CHECKSUM_PRIME: Final = (1 << 127) - 1
"""Checksums are numbers modulo this prime."""

_FEW: Final = 10_000
"""Rows are added up once there are this many, and then at twice the number that remained."""

Row = tuple[Any, ...]
"""Type (None: all beyond the limit), start of the bucket (RFC 3339; '' for none), and the states in the order of the
registry, as they are stored: a count, a sum, whether all values were written as integers, and so on."""

_HEAD: Final = 2
"""Columns of a row before the states."""


def rows_of(summary: Summary) -> list[Row]:
    """Return the rows of a Summary with known states."""
    rows: list[Row] = []
    for bucket, types, other in summary.parts():
        start = "" if bucket is None else times.label(bucket)
        if isinstance(types, LazyTypes):
            rows += types.columns.rows(start, [one.name for one in types.aggregates])
        else:
            rows += [_row(name, start, stats) for name, stats in types.items() if stats.count]
        if other is not None:
            rows.append(_row(None, start, other))
    return rows


def _row(name: str | None, start: str, stats: TypeStats) -> Row:
    return name, start, *(one.to_text(state, integral=stats.integral) for one, state in stats.states())


def row_of_event(
    name: str | None, start: str, value: str, *, integral: bool, kept: Sequence[Aggregate] = ALWAYS
) -> Row:
    """Return the row of a single event with this value; ValueError if that is no number."""
    try:
        values = Integers([int(value)]) if integral else Decimals([Decimal(value)])
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    states = TypeStats.of([one.add(one.empty, values) if one in kept else None for one in AGGREGATES])
    return _row(name, start, states)


def event_in(row: Row) -> tuple[str, bool]:
    """Return the value of the only event in a row, and whether it was written as an integer."""
    return row[_HEAD + AGGREGATES.index(SUM)], row[_HEAD + AGGREGATES.index(INTEGRAL)]


def by_type(rows: Iterable[Row]) -> dict[str | None, TypeStats]:
    """Add up rows by type alone."""
    groups: dict[str | None, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return {name: _together(group) for name, group in groups.items()}


def _together(rows: Sequence[Row]) -> TypeStats:
    if len(rows) == 1:
        states = zip(AGGREGATES, rows[0][_HEAD:], strict=False)
        return TypeStats.of([None if state is None else one.from_text(state) for one, state in states])
    _, _, *columns = zip(*rows, strict=True)
    return TypeStats.of(
        [
            None if column[0] is None else one.merge_texts(column)
            for one, column in zip(AGGREGATES, columns, strict=False)
        ]
    )


class Gathered:
    """Collects rows incrementally, and adds them up as soon as that makes them far fewer."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._parts = 0
        self._most = _FEW

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; no two have the same type and bucket."""
        self._rows += rows
        self._parts += bool(rows)
        if len(self._rows) > self._most:
            self._most = _FEW + 2 * len(self.rows())

    def rows(self) -> list[Row]:
        """Return all rows; no two have the same type and bucket."""
        if self._parts > 1:
            groups: dict[tuple[str | None, str], list[Row]] = {}
            for row in self._rows:
                groups.setdefault(row[:2], []).append(row)
            self._rows = [
                group[0] if len(group) == 1 else _row(*cell, _together(group)) for cell, group in groups.items()
            ]
            self._parts = 1
        return self._rows


def checksum(rows: Iterable[Row]) -> int:
    """Return a number that proves the additive states of rows; the checksum of a sum is the sum of the checksums.

    So the contribution of a stream can be proved long after it was added to those of others. Each type has a factor of
    its own in each bucket for each of these states. The arithmetic is modulo a prime, in which decimal fractions are
    whole numbers.
    """
    return checksums((0, row) for row in rows).get(0, 0)


_SIZE: Final = 16
"""Bytes of a factor."""

_ADDITIVE: Final = [(_HEAD + place, one) for place, one in enumerate(AGGREGATES) if one.is_additive]

_PROVED: Final = [(place, one) for place, one in _ADDITIVE if not one.is_optional]

_FACTORS: Final = [(place, one, slice(at * _SIZE, (at + 1) * _SIZE)) for at, (place, one) in enumerate(_PROVED)]

_COUNTS: Final = [(place, factor) for place, one, factor in _FACTORS if one.kind is Kind.COUNT]

_NUMBERS: Final = [(place, factor) for place, one, factor in _FACTORS if one.kind is Kind.NUMBER]

_FURTHER: Final = [(place, one.name.encode()) for place, one in _ADDITIVE if one.is_optional]
"""Optional numbers: each has a digest of its own, named after it."""

_WIDTH: Final = _HEAD + len(ALWAYS)
"""Columns of a row without optional states."""


def checksums(rows: Iterable[tuple[int, Row]]) -> dict[int, int]:
    """Return the checksums of groups of rows, each with the number of its group."""
    counts: defaultdict[int, int] = defaultdict(int)
    # Grouped by decimal places: numbers as long as the prime are multiplied once per group, not once per row.
    sums: defaultdict[tuple[int, int], int] = defaultdict(int)
    number, size = int.from_bytes, _SIZE * len(_PROVED)
    for group, row in rows:
        name, start = row[0], row[1]
        key = (f"{start}\n" if name is None else f"{start}\n={name}").encode()
        digest = blake2b(key, digest_size=size).digest()
        for place, factor in _COUNTS:
            counts[group] += row[place] * number(digest[factor])
        for place, factor in _NUMBERS:
            whole, _, fraction = row[place].partition(".")
            sums[group, len(fraction)] += int(whole + fraction) * number(digest[factor])
        if len(row) > _WIDTH:
            for place, own in _FURTHER:
                if place < len(row) and row[place] is not None:
                    whole, _, fraction = row[place].partition(".")
                    digest = blake2b(key, digest_size=_SIZE, person=own).digest()
                    sums[group, len(fraction)] += int(whole + fraction) * number(digest)
    for (group, places), total in sums.items():
        counts[group] += total * _unit(places)
    return {group: total % CHECKSUM_PRIME for group, total in counts.items()}


@lru_cache
def _unit(places: int) -> int:
    """Return 10**-places modulo the prime."""
    return pow(10, -places, CHECKSUM_PRIME)

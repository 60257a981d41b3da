"""The rows of a ledger: made from a Summary, added up, and proved by a checksum.

A row holds the stats of one type in one bucket. Its numbers are text from the fold to the database: most are never
added to another.
"""

from _blake2 import blake2b  # see streams
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, cast

from eventcli.lines import exact, times
from eventcli.summary.stats import LazyTypes, TypeStats
from eventcli.summary.summary import Summary

CHECKSUM_PRIME: Final = (1 << 127) - 1
"""Checksums are numbers modulo this prime."""

_FEW: Final = 10_000
"""Rows are added up once there are this many, and then at twice the number that remained."""

Row = tuple[str | None, str, int, str, bool, str, str]
"""Type (None: all beyond the limit), start of the bucket (RFC 3339; '' for none), count, sum, whether all values were
written as integers, smallest and largest value; numbers as they are printed."""


def rows_of(summary: Summary) -> list[Row]:
    """Return the rows of a Summary with known extremes."""
    rows: list[Row] = []
    for bucket, types, other in summary.parts():
        start = "" if bucket is None else times.label(bucket)
        if isinstance(types, LazyTypes):
            rows += types.columns.rows(start)
        else:
            rows += [_row(name, start, stats) for name, stats in types.items() if stats.count]
        if other is not None:
            rows.append(_row(None, start, other))
    return rows


def _row(name: str | None, start: str, stats: TypeStats) -> Row:
    total, low, high = (
        exact.plain(cast("Decimal", value), integral=stats.integral) for value in (stats.sum, stats.min, stats.max)
    )
    return name, start, stats.count, total, stats.integral, low, high


def by_type(rows: Iterable[Row]) -> dict[str | None, TypeStats]:
    """Add up rows by type alone."""
    groups: dict[str | None, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return {name: _together(group) for name, group in groups.items()}


def _together(rows: Sequence[Row]) -> TypeStats:
    _, _, counts, sums, integral, lows, highs = zip(*rows, strict=True)
    # Many of the extremes are equal.
    low, high = min(map(Decimal, set(lows))), max(map(Decimal, set(highs)))
    return TypeStats(sum(counts), exact.total(map(Decimal, sums)), all(integral), low, high)


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
    """Return a number that proves the counts and sums of rows; the checksum of a sum is the sum of the checksums.

    So the contribution of a stream can be proved long after it was added to those of others. Each type has two factors
    of its own in each bucket, one for its count and one for its sum. The arithmetic is modulo a prime, in which decimal
    fractions are whole numbers.
    """
    return checksums((0, row) for row in rows).get(0, 0)


def checksums(rows: Iterable[tuple[int, Row]]) -> dict[int, int]:
    """Return the checksums of groups of rows, each with the number of its group."""
    counts: dict[int, int] = {}
    # Grouped by decimal places: numbers as long as the prime are multiplied once per group, not once per row.
    sums: dict[tuple[int, int], int] = {}
    for group, (name, start, count, text, _, _, _) in rows:
        key = f"{start}\n" if name is None else f"{start}\n={name}"
        factors = blake2b(key.encode(), digest_size=32).digest()
        whole, _, fraction = text.partition(".")
        counts[group] = counts.get(group, 0) + count * int.from_bytes(factors[:16])
        place = group, len(fraction)
        sums[place] = sums.get(place, 0) + int(whole + fraction) * int.from_bytes(factors[16:])
    for (group, places), total in sums.items():
        counts[group] += total * _unit(places)
    return {group: total % CHECKSUM_PRIME for group, total in counts.items()}


@lru_cache
def _unit(places: int) -> int:
    """Return 10**-places modulo the prime."""
    return pow(10, -places, CHECKSUM_PRIME)

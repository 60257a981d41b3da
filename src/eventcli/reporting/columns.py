"""The columns of a report: keys (bucket, type) and statistics, and the cells of each row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from eventcli.errors import ExitCode, ExpectedError
from eventcli.lines import exact
from eventcli.summary.stats import LazyTypes, Types, TypeStats
from eventcli.summary.summary import Summary


class Stat(StrEnum):
    """What can be printed for a type besides its name."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"


DEFAULT_STATS: Final = (Stat.COUNT, Stat.SUM)

OTHER_LABEL: Final = "(other)"
"""Default label for the row of all types beyond the limit."""


class UnknownStatError(ExpectedError):
    """A requested statistic is missing in an input: a printed result without its min and max."""

    status = ExitCode.USAGE

    def words(self) -> str:
        """Return the message of the run."""
        return f"--stats {self}: an input holds no {self}; merge saved summaries (--save)"


def _count(stats: TypeStats) -> str:
    return str(stats.count)


def _sum(stats: TypeStats) -> str:
    return exact.plain(stats.sum, integral=stats.integral)


def _mean(stats: TypeStats) -> str | None:
    # A quotient, and so always with a decimal point.
    return None if stats.mean is None else exact.plain(stats.mean, integral=False)


def _min(stats: TypeStats) -> str | None:
    return _extreme(stats, Stat.MIN, stats.min)


def _max(stats: TypeStats) -> str | None:
    return _extreme(stats, Stat.MAX, stats.max)


def _extreme(stats: TypeStats, stat: Stat, value: Decimal | None) -> str | None:
    if value is not None:
        return exact.plain(value, integral=stats.integral)
    if stats.count:
        raise UnknownStatError(stat)
    return None


CELLS: Final[dict[Stat, Callable[[TypeStats], str | None]]] = {
    Stat.COUNT: _count,
    Stat.SUM: _sum,
    Stat.MIN: _min,
    Stat.MAX: _max,
    Stat.MEAN: _mean,
}
"""Each statistic in plain decimal notation; None for min, max and mean of a count of 0. UnknownStatError if unknown."""


def cells_of(types: Mapping[str, TypeStats], stats: Sequence[Stat], null: str | None = None) -> list[Iterable[object]]:
    """Return the names, and each statistic as printed; `null` for min, max and mean of a count of 0."""
    columns: list[Iterable[object]] = [types]
    printed: dict[Stat, Callable[[], Iterable[object]]] = {}
    if isinstance(types, LazyTypes):
        kept = types.columns
        printed = {Stat.COUNT: kept.counts, Stat.SUM: kept.sums, Stat.MIN: kept.mins, Stat.MAX: kept.maxs}
    for stat in stats:
        if stat in printed:
            columns.append(printed[stat]())
        else:
            cells = map(CELLS[stat], types.values())
            columns.append([null if cell is None else cell for cell in cells])
    return columns


def has_buckets(summary: Summary) -> bool:
    """Whether rows show when their bucket begins."""
    return summary.calendar is not None or bool(summary.buckets)


def keys_of(summary: Summary) -> list[str]:
    """Return the names of the key columns."""
    return ["start", "type"] if has_buckets(summary) else ["type"]


def parts_of(summary: Summary, other_label: str) -> Iterator[tuple[str | None, Types]]:
    """Yield rows that belong together: the start of their bucket (None: outside any), and their stats by type."""
    if has_buckets(summary):
        from eventcli.lines import times  # noqa: PLC0415  # keeps start-up fast for runs without times
    for bucket, types, other in summary.parts():
        start = None if bucket is None else times.shown(bucket)
        yield start, types
        if other is not None:
            yield start, {other_label: other}

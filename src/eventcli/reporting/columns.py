"""The columns of a report: keys (bucket, type) and statistics, and the cells of each row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import eventcli.lines
from eventcli.summary.aggregates.aggregate import UnknownStatError
from eventcli.summary.aggregates.registry import COLUMNS, DEFAULT_STATS, Stat
from eventcli.summary.stats import LazyTypes, Types, TypeStats
from eventcli.summary.summary import OTHER_LABEL, Summary

__all__ = ["COLUMNS", "DEFAULT_STATS", "OTHER_LABEL", "Stat", "UnknownStatError"]


def cells_of(types: Mapping[str, TypeStats], stats: Sequence[Stat], null: str | None = None) -> list[Iterable[object]]:
    """Return the names, and each statistic as printed; `null` where it has no answer, as a mean for a count of 0."""
    columns: list[Iterable[object]] = [types]
    for stat in stats:
        column = COLUMNS[stat]
        if column.is_state and isinstance(types, LazyTypes):
            columns.append(types.columns.column(stat))
        else:
            cells = map(column.text, types.values())
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
    for bucket, types, other in summary.parts():
        start = None if bucket is None else eventcli.lines.times.shown(bucket)
        yield start, types
        if other is not None:
            yield start, {other_label: other}

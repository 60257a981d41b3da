"""All aggregates: the one place that lists them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from eventcli.summary.aggregates.aggregate import Aggregate, Column, Kind
from eventcli.summary.aggregates.count import COUNT
from eventcli.summary.aggregates.max import MAX, HasMax
from eventcli.summary.aggregates.min import MIN, HasMin
from eventcli.summary.aggregates.stddev import SQUARES, HasSquares
from eventcli.summary.aggregates.sum import INTEGRAL, SUM

AGGREGATES: Final[tuple[Aggregate, ...]] = (COUNT, SUM, INTEGRAL, MIN, MAX, SQUARES)
"""In the order of their states in TypeStats and in rows; optional ones come last."""


class States(HasMin, HasMax, HasSquares):
    """The states of TypeStats, and what follows from them, as attributes."""

    __slots__ = ()


class Stat(StrEnum):
    """What can be printed for a type besides its name: the columns of all aggregates."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    STDDEV = "stddev"
    STDDEV_POP = "stddev_pop"


COLUMNS: Final[Mapping[Stat, Column]] = {
    Stat(name): column for one in AGGREGATES for name, column in one.columns.items()
}
"""The columns of all aggregates."""

NUMBERS: Final[Mapping[Stat, Callable[[str], int | Decimal]]] = {
    Stat(name): int if one.kind is Kind.COUNT else Decimal for one in AGGREGATES for name in one.columns
}
"""What turns the text of a column into a number."""

DEFAULT_STATS: Final = (Stat.COUNT, Stat.SUM)

ALWAYS: Final = tuple(one for one in AGGREGATES if not one.is_optional)

OPTIONAL: Final = tuple(one.name for one in AGGREGATES if one.is_optional)


def kept(names: Iterable[str]) -> tuple[Aggregate, ...]:
    """Return the aggregates that a query keeps: those that always are, and these optional ones."""
    wanted = frozenset(names)
    return tuple(one for one in AGGREGATES if not one.is_optional or one.name in wanted) if wanted else ALWAYS


def needed(stats: Collection[str]) -> tuple[str, ...]:
    """Return the names of the aggregates that these columns need."""
    return tuple(one.name for one in AGGREGATES if one.is_known or any(stat in one.columns for stat in stats))


def optional(stats: Collection[str]) -> tuple[str, ...]:
    """Return the names of the optional ones among them, for a query."""
    return tuple(name for name in needed(stats) if name in OPTIONAL)

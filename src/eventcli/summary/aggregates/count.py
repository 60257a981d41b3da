"""How many values there are."""

from operator import add
from typing import Final

from eventcli.summary.aggregates.aggregate import ADDITIVE, Aggregate, Column, Kind, Operations, Values


class HasCount:
    """Stats with a count."""

    __slots__ = ()

    count: int


def _add(count: int, values: Values) -> int:
    return count + len(values.values)


def _text(stats: HasCount) -> str:
    return str(stats.count)


COUNT: Final = Aggregate(
    "count",
    Kind.COUNT,
    empty=0,
    operations=Operations(_add, add, sum),
    columns={"count": Column(_text, is_state=True, metric=("events_total", "counter", "Accepted events by type."))},
    traits=ADDITIVE,
)

"""How many values there are."""

from operator import add
from typing import Final

from eventcli.summary.aggregates.aggregate import Aggregate, Column, Kind, Values


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
    add=_add,
    merge=add,
    merge_texts=sum,
    columns={"count": Column(_text, is_state=True, metric=("events_total", "counter", "Accepted events by type."))},
    is_additive=True,
)

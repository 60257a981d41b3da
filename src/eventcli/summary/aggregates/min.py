"""The smallest value."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from eventcli.summary.aggregates.aggregate import Aggregate, Column, Kind, Operations, Values, number
from eventcli.summary.aggregates.sum import HasSum


class HasMin(HasSum):
    """Stats with the smallest value."""

    __slots__ = ()

    min: Decimal | None


def _add(found: int | Decimal | None, values: Values) -> int | Decimal:
    value = values.exact(min(values.values))
    return value if found is None or value < found else found


def _merge(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return None
    # Measured: half the time of the builtin, in a merge of very many types.
    return other if other < one else one  # noqa: FURB136


def _merge_texts(texts: Iterable[str]) -> Decimal:
    return min(map(Decimal, set(texts)))  # many of them are equal


def _text(stats: HasMin) -> str | None:
    return number("min", stats, stats.min)


MIN: Final = Aggregate(
    "min",
    Kind.NUMBER,
    empty=None,
    operations=Operations(_add, _merge, _merge_texts),
    columns={"min": Column(_text, is_state=True)},
)

"""The exact sum of the values, and whether all of them were written as integers; their mean."""

from collections.abc import Iterable
from decimal import Decimal
from operator import and_
from typing import Final

from eventcli.lines import exact
from eventcli.summary.aggregates.aggregate import ADDITIVE, Aggregate, Column, Kind, Operations, Values
from eventcli.summary.aggregates.count import HasCount


class HasSum(HasCount):
    """Stats with a sum, and the form in which their numbers are printed."""

    __slots__ = ()

    sum: Decimal
    integral: bool

    @property
    def mean(self) -> Decimal | None:
        """The exact quotient sum / count, rounded once to 17 significant digits; None for a count of 0."""
        return exact.mean(self.sum, self.count) if self.count else None


def _add(total: int | Decimal, values: Values) -> int | Decimal:
    more = values.total()
    if isinstance(total, int) and isinstance(more, int):
        return total + more  # Python adds integers fastest
    return exact.add(Decimal(total), Decimal(more))


def _merge_texts(texts: Iterable[str]) -> Decimal:
    return exact.total(map(Decimal, texts))


def _text(stats: HasSum) -> str:
    return exact.plain(stats.sum, integral=stats.integral)


def _mean(stats: HasSum) -> str | None:
    # A quotient, and so always with a decimal point.
    return None if stats.mean is None else exact.plain(stats.mean, integral=False)


SUM: Final = Aggregate(
    "sum",
    Kind.NUMBER,
    empty=exact.ZERO,
    operations=Operations(_add, exact.add, _merge_texts),
    columns={
        "sum": Column(
            _text,
            is_state=True,
            metric=("event_values", "gauge", "Exact sum of the values of the events by type."),
        ),
        "mean": Column(_mean),
    },
    traits=ADDITIVE,
)


def _add_form(integral: bool, values: Values) -> bool:  # noqa: FBT001  # the state comes first
    return integral and values.is_integral


INTEGRAL: Final = Aggregate("integral", Kind.FLAG, empty=True, operations=Operations(_add_form, and_, all))

"""The exact sum of the squares of the values, and the standard deviation, of a sample and of a population.

Both are the exact value, rounded once to 17 significant digits, like a mean. They are those of SQL: `stddev`
(STDDEV_SAMP) divides by one less than the count and has no answer for a single value, `stddev_pop` (STDDEV_POP) divides
by the count.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import isqrt
from typing import Final

from eventcli.lines import exact
from eventcli.summary.aggregates.aggregate import (
    ADDITIVE,
    OPTIONAL,
    Aggregate,
    Column,
    Kind,
    Operations,
    UnknownStatError,
    Values,
)
from eventcli.summary.aggregates.sum import HasSum

_DIGITS: Final = 17
"""They distinguish any two binary doubles, so a reader that uses doubles loses nothing."""

_NAMES: Final = ("stddev_pop", "stddev")
"""The columns, by what is subtracted from the count."""


class HasSquares(HasSum):
    """Stats with a sum of squares; None if it was not kept."""

    __slots__ = ()

    squares: Decimal | None

    @property
    def stddev(self) -> Decimal | None:
        """The standard deviation of a sample; None for fewer than two values, and if no squares were kept."""
        return deviation(self, 1)

    @property
    def stddev_pop(self) -> Decimal | None:
        """The standard deviation of a population; None for a count of 0, and if no squares were kept."""
        return deviation(self, 0)


def deviation(stats: HasSquares, fewer: int) -> Decimal | None:
    """Return the square root of the squared deviations from the mean, divided by count - `fewer`."""
    count, total, squares = stats.count, stats.sum, stats.squares
    if squares is None or count <= fewer:
        return None
    # The quotient of two integers: the variance, as count * squares - total**2 over count * (count - fewer).
    places = max(0, -_exponent(total), (1 - _exponent(squares)) // 2)
    whole = int(total.scaleb(places, exact.CONTEXT))
    spread = count * int(squares.scaleb(2 * places, exact.CONTEXT)) - whole * whole
    return _root(spread, count * (count - fewer), places)


def _exponent(number: Decimal) -> int:
    return int(number.as_tuple().exponent)


def _root(number: int, divisor: int, places: int) -> Decimal:
    """Return the root of number / divisor, divided by 10**places, rounded once (half to even)."""
    if not number:
        return exact.ZERO
    # As many digits more as the integer root of the quotient has `_DIGITS`, or one more.
    more = _DIGITS - (len(str(number)) - len(str(divisor))) // 2
    scaled, below = (number * 100**more, divisor) if more >= 0 else (number, divisor * 100**-more)
    root = isqrt(scaled // below)
    drop = 10 ** (len(str(root)) - _DIGITS)
    if drop > 1:
        root //= drop
        below *= drop * drop
        more -= len(str(drop)) - 1
    # Above the middle of two neighbours, or at it and odd.
    twice = (2 * root + 1) ** 2 * below
    if 4 * scaled > twice or (4 * scaled == twice and root % 2):
        root += 1
    return Decimal(root).scaleb(-more - places, exact.CONTEXT)


def _add(squares: int | Decimal | None, values: Values) -> int | Decimal:
    units, places = values.units()
    more = sum(unit * unit for unit in units)
    if squares is None or isinstance(squares, int):
        if not places:
            return more + (squares or 0)
        squares = Decimal(squares or 0)
    return exact.add(squares, exact.scaled(more, 2 * places))


def _merge(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else exact.add(one, other)


def _merge_texts(texts: Iterable[str]) -> Decimal:
    return exact.total(map(Decimal, texts))


def _text(stats: HasSquares, fewer: int) -> str | None:
    if stats.count and stats.squares is None:
        raise UnknownStatError(_NAMES[fewer], is_optional=True)
    found = deviation(stats, fewer)
    # A root, and so always with a decimal point.
    return None if found is None else exact.plain(found, integral=False)


def _sample(stats: HasSquares) -> str | None:
    return _text(stats, 1)


def _population(stats: HasSquares) -> str | None:
    return _text(stats, 0)


SQUARES: Final = Aggregate(
    "squares",
    Kind.NUMBER,
    empty=None,
    operations=Operations(_add, _merge, _merge_texts),
    columns={
        "stddev": Column(
            _sample,
            metric=("event_values_stddev", "gauge", "Sample standard deviation of the values of the events by type."),
        ),
        "stddev_pop": Column(
            _population,
            metric=("event_values_stddev_pop", "gauge", "Population standard deviation of the values by type."),
        ),
    },
    traits=ADDITIVE | OPTIONAL,
)

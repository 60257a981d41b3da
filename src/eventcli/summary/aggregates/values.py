"""Values on their way to the aggregates: integers, and decimals of any size."""

from collections.abc import Sequence
from decimal import Decimal

from eventcli.lines import exact


class Integers:
    """Values that were written as integers."""

    __slots__ = ("values",)

    is_integral = True

    def __init__(self, values: list[int]) -> None:
        """Take the values."""
        self.values = values

    def exact(self, value: int) -> int:
        """Return a value as it was written."""
        return value

    def total(self) -> int:
        """Return the exact sum."""
        return sum(self.values)

    def units(self) -> tuple[list[int], int]:
        """Return the values, which have no decimal places."""
        return self.values, 0


class Decimals:
    """Values that were written with a point or an exponent."""

    __slots__ = ("values",)

    is_integral = False

    def __init__(self, values: list[Decimal]) -> None:
        """Take the values."""
        self.values = values

    def exact(self, value: Decimal) -> Decimal:
        """Return a value as it was written."""
        return value

    def total(self) -> Decimal:
        """Return the exact sum."""
        return exact.total(self.values)

    def units(self) -> tuple[list[int], int]:
        """Return the values as whole numbers of 10**-places, and the places."""
        return units_of(self.values)


def units_of(values: Sequence[Decimal]) -> tuple[list[int], int]:
    """Return decimals as whole numbers of 10**-places, and the places.

    >>> units_of([Decimal("0.25"), Decimal("1E+1")])
    ([25, 1000], 2)
    """
    places = max(0, *(-int(value.as_tuple().exponent) for value in values))
    return [int(value.scaleb(places, exact.CONTEXT)) for value in values], places

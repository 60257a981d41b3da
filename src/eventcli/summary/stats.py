"""The statistics of one type, individually or as columns of the kernel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, Self, TypeVar

from eventcli.lines import exact


class TypeStats(NamedTuple):
    """The aggregate of the accepted values of one type.

    `count` events; `sum`, `min` and `max` are exact. `integral` is True as long as every value was written as an
    integer. `min` and `max` are None for a count of 0, and also if they are unknown because the stats were read from a
    printed result without them.
    """

    count: int = 0  # type: ignore[assignment]  # replaces a method of tuples
    sum: Decimal = exact.ZERO
    integral: bool = True
    min: Decimal | None = None
    max: Decimal | None = None

    def merge(self, other: Self) -> Self:
        """Return the stats of both sets of events together.

        >>> one = TypeStats(1, Decimal("0.1"), False, Decimal("0.1"), Decimal("0.1"))
        >>> (one + one).sum
        Decimal('0.2')
        """
        if not self.count:
            return other
        if not other.count:
            return self
        return type(self)(
            self.count + other.count,
            exact.add(self.sum, other.sum),
            self.integral and other.integral,
            None if self.min is None or other.min is None else min(self.min, other.min),
            None if self.max is None or other.max is None else max(self.max, other.max),
        )

    def __add__(self, other: Self) -> Self:  # type: ignore[override]  # replaces the concatenation of tuples
        """Return the stats of both sets of events together."""
        return self.merge(other)

    def in_form(self) -> Self:
        """Return the same stats, with each number in its printed digits, so that equal stats look equal.

        >>> TypeStats(2, Decimal("3.50"), False, Decimal("1E+0"), Decimal("2.50")).in_form()[1:]
        (Decimal('3.5'), False, Decimal('1.0'), Decimal('2.5'))
        """
        numbers = (self.sum, self.min, self.max)
        written = (None if number is None else exact.plain(number, integral=self.integral) for number in numbers)
        total, low, high = (None if text is None else Decimal(text) for text in written)
        assert total is not None
        return type(self)(self.count, total, self.integral, low, high)

    @property
    def mean(self) -> Decimal | None:
        """The exact quotient sum / count, rounded once to 17 significant digits; None for a count of 0."""
        return exact.mean(self.sum, self.count) if self.count else None


class Columns(Protocol):
    """Stats by type, in code-point order, one list per statistic; numbers are in their printed form."""

    def __len__(self) -> int:
        """Return how many types there are."""

    def rows(self, start: str) -> list[tuple[str, str, int, str, bool, str, str]]:
        """Return one tuple per type: its name, `start`, and the values that the other methods return."""

    def text(self, literals: Sequence[str], columns: Sequence[str], around: tuple[str, str, str]) -> bytes:
        """Return all rows in JSON: the columns, with the literals between them.

        A column is "type", "count", "sum", "min" or "max". `around` is what comes first, between two types, and last.
        """

    def name_bytes(self) -> tuple[int, int]:
        """Return the UTF-8 size of the types in bytes: of all of them, and of all but the last."""

    def names(self) -> list[str]:
        """Return the types."""

    def counts(self) -> list[int]:
        """Return the counts, none of which is 0."""

    def integral(self) -> list[bool]:
        """Return, for each type, whether all values were written as integers."""

    def sums(self) -> list[str]:
        """Return the sums."""

    def mins(self) -> list[str]:
        """Return the smallest values."""

    def maxs(self) -> list[str]:
        """Return the largest values."""


class LazyTypes(Mapping[str, TypeStats]):
    """Stats by type that are created from columns on first access; equal to a dict of them.

    Creating a hundred thousand `TypeStats` takes longer than folding as many events, and most runs only print a column
    or two.
    """

    __slots__ = ("_made", "columns")

    columns: Columns
    """The whole content, for callers that do not need `TypeStats`."""

    def __init__(self, columns: Columns) -> None:
        """Take columns that no longer change."""
        self.columns = columns
        self._made: dict[str, TypeStats] | None = None

    def __getitem__(self, name: str) -> TypeStats:
        return self._stats()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns.names() if self._made is None else self._made)

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        return self._stats() == (other._stats() if isinstance(other, LazyTypes) else other)

    __hash__ = None  # type: ignore[assignment]  # like a dict

    def __reduce__(self) -> tuple[type, tuple[dict[str, TypeStats]]]:
        return dict, (self._stats(),)

    def __repr__(self) -> str:
        return repr(self._stats())

    def _stats(self) -> dict[str, TypeStats]:
        if self._made is None:
            columns = self.columns
            texts = columns.sums(), columns.mins(), columns.maxs()
            sums, mins, maxs = (map(Decimal, column) for column in texts)
            stats = map(TypeStats, columns.counts(), sums, columns.integral(), mins, maxs)
            self._made = dict(zip(columns.names(), stats, strict=True))
        return self._made


_EMPTY_STATS: Final = TypeStats()

_Key = TypeVar("_Key")

Types = Mapping[str, TypeStats]
"""Stats by type, in code-point order."""


def count_of(types: Types) -> int:
    """Return how many events the types have together."""
    return sum(types.columns.counts() if isinstance(types, LazyTypes) else [stats.count for stats in types.values()])


def in_order(types: Types) -> Types:
    """Return types in code-point order."""
    if isinstance(types, LazyTypes):
        return types
    names = sorted(types)
    return dict(types) if names == list(types) else {name: types[name] for name in names}


def sum_of(several: Iterable[TypeStats]) -> TypeStats:
    """Return the merge of several stats."""
    total = _EMPTY_STATS
    for stats in several:
        total = total.merge(stats)
    return total


def add_all(total: dict[_Key, TypeStats], more: Mapping[_Key, TypeStats]) -> None:
    """Add stats to those in a dict, key by key."""
    if not total:
        total.update(more)
        return
    for key, stats in more.items():
        known = total.get(key)
        total[key] = stats if known is None else known.merge(stats)

"""The statistics of one type, individually or as columns of the kernel."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, Protocol, Self, TypeVar

from eventcli.summary.aggregates.aggregate import Aggregate, Kind
from eventcli.summary.aggregates.count import COUNT
from eventcli.summary.aggregates.registry import AGGREGATES, ALWAYS, States

_EMPTY: Final = tuple(one.empty for one in ALWAYS)

_MERGES: Final = tuple(one.merge for one in AGGREGATES)

_COUNT: Final = AGGREGATES.index(COUNT)

_PLACES: Final = {one.name: place for place, one in enumerate(AGGREGATES)}


class TypeStats(States, tuple[Any, ...]):  # type: ignore[misc]  # `count` replaces a method of tuples
    """The aggregates of the accepted values of one type, in the order of the registry.

    `count` events; `sum`, `min` and `max` are exact. `integral` is True as long as every value was written as an
    integer. `min` and `max` are None for a count of 0, and also if they are unknown because the stats were read from a
    printed result without them. Optional aggregates come last, and only if they are kept.
    """

    __slots__ = ()

    def __new__(cls, *states: Any, **named: Any) -> Self:
        """Take states by position or by name; those that are missing are empty.

        >>> TypeStats(2, integral=False)
        TypeStats(count=2, sum=Decimal('0'), integral=False, min=None, max=None)
        """
        values = [*states, *_EMPTY[len(states) :]]
        for name, state in named.items():
            place = _PLACES.get(name, -1)
            if place < len(states):
                raise TypeError(f"{name!r} is no state, or is given twice")
            values += repeat(None, place + 1 - len(values))
            values[place] = state
        return cls.of(values)

    @classmethod
    def of(cls, states: list[Any]) -> Self:
        """Return the stats with these states: all that are always kept, and optional ones or None."""
        while states[-1] is None and len(states) > len(_EMPTY):
            states.pop()
        return tuple.__new__(cls, states)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{one.name}={state!r}" for one, state in self.states())
        return f"{type(self).__name__}({states})"

    def states(self) -> Iterator[tuple[Aggregate, Any]]:
        """Yield the aggregates that are kept, each with its state."""
        return zip(AGGREGATES, self, strict=False)

    def merge(self, other: Self) -> Self:
        """Return the stats of both sets of events together; an optional state that one of them lacks is lost.

        >>> from decimal import Decimal
        >>> one = TypeStats(1, Decimal("0.1"), False, Decimal("0.1"), Decimal("0.1"))
        >>> (one + one).sum
        Decimal('0.2')
        """
        if not self[_COUNT]:
            return other
        if not other[_COUNT]:
            return self
        states = [merge(own, others) for merge, own, others in zip(_MERGES, self, other, strict=False)]
        return tuple.__new__(type(self), states) if len(states) <= len(_EMPTY) else self.of(states)

    def __add__(self, other: Self) -> Self:  # type: ignore[override]  # replaces the concatenation of tuples
        """Return the stats of both sets of events together."""
        return self.merge(other)

    def in_form(self) -> Self:
        """Return the same stats, with each number in its printed digits, so that equal stats look equal.

        >>> from decimal import Decimal
        >>> TypeStats(2, Decimal("3.50"), False, Decimal("1E+0"), Decimal("2.50")).in_form()[1:]
        (Decimal('3.5'), False, Decimal('1.0'), Decimal('2.5'))
        """
        texts = ((one, one.to_text(state, integral=self.integral)) for one, state in self.states())
        return self.of([None if text is None else one.from_text(text) for one, text in texts])


def _state_at(place: int) -> property:
    always = itemgetter(place)
    if place < len(_EMPTY):
        return property(always)
    return property(lambda stats: stats[place] if place < len(stats) else None)


for _place, _one in enumerate(AGGREGATES):
    setattr(TypeStats, _one.name, _state_at(_place))


class Columns(Protocol):
    """Stats by type, in code-point order, one list per aggregate; states are as they are stored."""

    def __len__(self) -> int:
        """Return how many types there are."""

    def rows(self, start: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return one tuple per type: its name, `start`, and the columns."""

    def text(self, literals: Sequence[str], columns: Sequence[str], around: tuple[str, str, str]) -> bytes:
        """Return all rows in JSON: the columns, with the literals between them.

        A column is "type" or the name of an aggregate. `around` is what comes first, between two types, and last.
        """

    def name_bytes(self) -> tuple[int, int]:
        """Return the UTF-8 size of the types in bytes: of all of them, and of all but the last."""

    def names(self) -> list[str]:
        """Return the types."""

    def column(self, name: str) -> list[Any]:
        """Return the states of an aggregate; no count is 0."""


class LazyTypes(Mapping[str, TypeStats]):
    """Stats by type that are created from columns on first access; equal to a dict of them.

    Creating a hundred thousand `TypeStats` takes longer than folding as many events, and most runs only print a column
    or two.
    """

    __slots__ = ("_made", "aggregates", "columns")

    aggregates: Sequence[Aggregate]
    """Those that are kept."""

    columns: Columns
    """The whole content, for callers that do not need `TypeStats`."""

    def __init__(self, columns: Columns, aggregates: Sequence[Aggregate] = ALWAYS) -> None:
        """Take columns that no longer change."""
        self.aggregates = aggregates
        self.columns = columns
        self._made: dict[str, TypeStats] | None = None

    def __getitem__(self, name: str) -> TypeStats:
        return self._stats()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns.names() if self._made is None else self._made)

    def __len__(self) -> int:
        return len(self.columns)

    def items(self) -> ItemsView[str, TypeStats]:
        """Return all pairs, without a search for each name."""
        return self._stats().items()

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
            states: list[Iterable[Any]] = []
            for one in AGGREGATES[: 1 + AGGREGATES.index(self.aggregates[-1])]:
                if one not in self.aggregates:
                    states.append(repeat(None, len(columns)))
                    continue
                column = columns.column(one.name)
                # Counts and flags are stored as themselves.
                states.append(map(one.from_text, column) if one.kind is Kind.NUMBER else column)
            stats = map(tuple.__new__, repeat(TypeStats), zip(*states, strict=True))
            self._made = dict(zip(columns.names(), stats, strict=True))
        return self._made


_EMPTY_STATS: Final = TypeStats()

_Key = TypeVar("_Key")

Types = Mapping[str, TypeStats]
"""Stats by type, in code-point order."""


def count_of(types: Types) -> int:
    """Return how many events the types have together."""
    if isinstance(types, LazyTypes):
        return sum(types.columns.column(COUNT.name))
    return sum(stats.count for stats in types.values())


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


def add(total: dict[_Key, TypeStats], key: _Key, stats: TypeStats) -> None:
    """Add stats to those under a key of a dict."""
    known = total.get(key)
    total[key] = stats if known is None else known.merge(stats)


def add_all(total: dict[_Key, TypeStats], more: Mapping[_Key, TypeStats]) -> None:
    """Add stats to those in a dict, key by key."""
    if not total:
        total.update(more)
        return
    for key, stats in more.items():
        known = total.get(key)
        total[key] = stats if known is None else known.merge(stats)

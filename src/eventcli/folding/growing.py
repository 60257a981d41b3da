"""The stats of the Python body while values are added to them; they become a Summary at the end."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import repeat
from operator import call
from typing import Any, Final

from eventcli.lines.query import Bucket, Query
from eventcli.summary.aggregates.aggregate import Kind, Values
from eventcli.summary.aggregates.registry import AGGREGATES, kept
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary, Terms, bytes_of

_States = list[Any]
"""The states of one type while values are added, in the order of the registry; None for those that are not kept."""

_ARE_NUMBERS: Final = [one.kind is Kind.NUMBER for one in AGGREGATES]

# A sum begins as an int: Python adds integers fastest.
_EMPTY: Final[_States] = [
    int(one.empty) if one.kind is Kind.NUMBER and one.is_known else one.empty for one in AGGREGATES
]


class GrowingStats:
    """Stats by bucket and type. Now and then, the types beyond the limits of the query are added up."""

    def __init__(self, query: Query) -> None:
        """Keep the aggregates of the query."""
        self._adds = _adds_of(query.aggregates)
        self._types: dict[str, _States] = {}
        self._buckets: dict[Bucket, dict[str, _States]] = {}
        self._query = query
        self._earlier: Summary | None = None
        self._name_bytes = 0
        self._begin()

    def _begin(self) -> None:
        """Set the numbers of rows and of bytes of their names from which on the limits are checked."""
        self._look_at = 2 * self._query.max_types
        self._look_at_bytes = 2 * self._query.max_type_bytes

    def add(self, name: str, bucket: Bucket | None, values: Values) -> None:
        """Add values of a type."""
        by_name = self._types if bucket is None else self._buckets.setdefault(bucket, {})
        states = by_name.get(name)
        if states is None:
            states = _EMPTY
            self._name_bytes += len(name)
        by_name[name] = list(map(call, self._adds, states, repeat(values)))

    def limit(self) -> None:
        """Add up types beyond the limits once there are twice as many, so that each costs little."""
        count = len(self._types) + sum(map(len, self._buckets.values()))
        if count <= self._look_at and self._name_bytes <= self._look_at_bytes:
            return
        self._look_at = max(self._look_at, 2 * count)
        self._look_at_bytes = max(self._look_at_bytes, 2 * self._name_bytes)
        names = set(self._types).union(*self._buckets.values())
        if len(names) > self._query.max_types or bytes_of(names) > self._query.max_type_bytes:
            self._earlier = self.summary()
            self._types = {}
            self._buckets = {}
            self._name_bytes = 0
            self._begin()

    def summary(self) -> Summary:
        """Return the stats as a Summary without an account."""
        summary = Summary(
            _frozen(self._types),
            buckets={bucket: _frozen(types) for bucket, types in self._buckets.items()},
            terms=Terms.of(self._query),
        )
        return summary if self._earlier is None else summary.merge(self._earlier)


def _adds_of(optional: Iterable[str]) -> list[Callable[[Any, Values], Any]]:
    """Return how each aggregate adds values, up to the last one that is kept."""
    wanted = kept(optional)
    last = AGGREGATES.index(wanted[-1])
    return [one.add if one in wanted else lambda _state, _values: None for one in AGGREGATES[: last + 1]]


def _frozen(types: dict[str, _States]) -> dict[str, TypeStats]:
    return {
        name: TypeStats.of(
            [
                Decimal(state) if is_number and state is not None else state
                for is_number, state in zip(_ARE_NUMBERS, states, strict=False)
            ]
        )
        for name, states in types.items()
    }

"""What an aggregate is: an exact state with an empty value, `add` and `merge`, its text, and the columns it prints.

A state is text, an integer or a flag where it is stored, and otherwise a Decimal, an integer or a bool. Whatever keeps,
stores or prints states goes over the aggregates of the `registry`, and knows the `Kind` of their states at most.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Protocol

from eventcli.errors import ExitCode, ExpectedError
from eventcli.lines import exact


class Values(Protocol):
    """Some values that are added together, all written as integers or all with a point or an exponent.

    `values` may be rounded if they keep their order: `exact` returns the value that was written.
    """

    is_integral: bool
    values: list[Any]

    def exact(self, value: Any, /) -> int | Decimal:
        """Return one of `values` as it was written."""

    def total(self) -> int | Decimal:
        """Return the exact sum."""

    def units(self) -> tuple[list[int], int]:
        """Return the values as whole numbers of 10**-places, and the places."""


class Kind:
    """How a state is stored: as an integer, a flag, or the text of an exact number."""

    COUNT: Final = int
    FLAG: Final = bool
    NUMBER: Final = Decimal


Metric = tuple[str, str, str]
"""How a column appears among the metrics of a ledger: name, Prometheus type, and help."""


# No named tuples here: the code that they generate takes a hundredth of the start-up time.
class Column:
    """A printed column: its text for some TypeStats; None if it has no answer; UnknownStatError if that is unknown.

    With `is_state`, the text is that of the state itself, which the Rust body writes.
    """

    __slots__ = ("is_state", "metric", "text")

    def __init__(
        self, text: Callable[[Any], str | None], *, is_state: bool = False, metric: Metric | None = None
    ) -> None:
        """Set all attributes; they do not change."""
        self.text = text
        self.is_state = is_state
        self.metric = metric


class Operations:
    """What an aggregate does with states: adds values to one, combines two, and merges stored ones."""

    __slots__ = ("add", "combine", "merge_texts")

    def __init__(
        self,
        add: Callable[[Any, Values], Any],
        combine: Callable[[Any, Any], Any],
        merge_texts: Callable[[Iterable[Any]], Any],
    ) -> None:
        """Set all attributes; they do not change."""
        self.add = add
        self.combine = combine
        self.merge_texts = merge_texts


ADDITIVE: Final = 1
"""A trait: the state of a sum is the sum of the states."""

OPTIONAL: Final = 2
"""A trait: kept only for a query that asks for it."""


class Aggregate:
    """An aggregate by the name of its state in TypeStats, ledgers and saved summaries.

    A state of None means unknown, or that there are no values; it occurs only where `empty` is None. While values are
    added, the state of a number may be an int. `from_text` returns a state from what is stored; `merge_texts` merges
    any number of stored states. `is_additive`: the state of a sum is the sum of the states, which a checksum can prove.
    `is_optional`: kept only for a query that asks for it.
    """

    def __init__(
        self,
        name: str,
        kind: type[int | Decimal],
        *,
        empty: Any,
        operations: Operations,
        columns: Mapping[str, Column] = MappingProxyType({}),
        traits: int = 0,
    ) -> None:
        """Set all attributes; they do not change."""
        self.name: Final = name
        self.kind: Final = kind
        self.from_text: Final[Callable[[Any], Any]] = kind
        self.empty: Final = empty
        self.add: Final = operations.add
        self.merge: Final = operations.combine
        self.merge_texts: Final = operations.merge_texts
        self.columns: Final = columns
        self.is_additive: Final = bool(traits & ADDITIVE)
        self.is_optional: Final = bool(traits & OPTIONAL)

    def to_text(self, state: Any, *, integral: bool) -> Any:
        """Return a state as it is stored; None if it is unknown. `integral`: all values were written as integers."""
        if self.kind is not Kind.NUMBER or state is None:
            return state
        return exact.plain(state, integral=integral)

    @property
    def is_known(self) -> bool:
        """Whether the state is part of every result: only of a printed one, min and max may be unknown."""
        return self.empty is not None


class UnknownStatError(ExpectedError):
    """A requested statistic is missing in an input, such as a printed result without its min and max."""

    status = ExitCode.USAGE

    def __init__(self, name: str, *, is_optional: bool = False) -> None:
        """Name it, and say whether a saved summary has it only if it was asked for."""
        super().__init__(name)
        self._is_optional = is_optional

    def words(self) -> str:
        """Return the message of the run."""
        saved = f"summaries saved with --stats {self}" if self._is_optional else "saved summaries"
        return f"--stats {self}: an input holds no {self}; merge {saved} (--save)"


def number(name: str, stats: Any, state: Decimal | None) -> str | None:
    """Return the text of a state that a column prints as it is; None if there are no values."""
    if state is not None:
        return exact.plain(state, integral=stats.integral)
    if stats.count:
        raise UnknownStatError(name)
    return None

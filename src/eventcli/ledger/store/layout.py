"""The columns of the tables of totals: the states of the aggregates of a ledger, and how SQLite adds them up."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final

from eventcli.summary.aggregates.aggregate import Aggregate, Kind
from eventcli.summary.aggregates.registry import AGGREGATES, OPTIONAL, kept
from eventcli.summary.aggregates.sum import INTEGRAL

SETTING: Final = "aggregates"
"""The setting that names the optional aggregates of a ledger, separated by commas."""

Kept = tuple[str, ...]
"""The names of the optional aggregates that a ledger keeps."""

_TYPES: Final = {Kind.COUNT: "INTEGER", Kind.FLAG: "INTEGER", Kind.NUMBER: "TEXT"}

_SUMS: Final = {Kind.COUNT: "sum({})", Kind.FLAG: "min({})", Kind.NUMBER: "group_concat({})"}

_FORM: Final = f"min({INTEGRAL.name}, excluded.{INTEGRAL.name})"

_MERGES: Final = {
    Kind.COUNT: "({0} + excluded.{0})",
    Kind.FLAG: "min({0}, excluded.{0})",
    Kind.NUMBER: "merge_{0}({0}, excluded.{0}, " + _FORM + ")",
}


def names_in(text: str | None) -> Kept:
    """Return the names in the value of the setting; None if there is no such setting."""
    return tuple(re.findall(r"\w+", text or ""))


def kept_in(connection: sqlite3.Connection) -> Kept:
    """Return the optional aggregates of a ledger, those of later versions included."""
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (SETTING,)).fetchone()
    return names_in(row and row[0])


def unknown(names: Kept) -> str | None:
    """Return the name of an aggregate of a later version, if there is one."""
    return next((name for name in names if name not in OPTIONAL), None)


@cache
def definition(names: Kept) -> str:
    """Return the SQL that defines the columns."""
    return ", ".join(f"{one.name} {_TYPES[one.kind]} NOT NULL" for one in kept(names))


def columns(names: Kept) -> list[str]:
    """Return the names of the columns."""
    return [one.name for one in kept(names)]


def selection(names: Kept) -> str:
    """Return the SQL that selects the states of a row, with NULL for those that are not kept before others."""
    wanted = kept(names)
    every = AGGREGATES[: 1 + AGGREGATES.index(wanted[-1])]
    return ", ".join(one.name if one in wanted else "NULL" for one in every)


def are_whole(names: Kept) -> bool:
    """Whether the states of a row are those of its columns: all are kept, up to the last one."""
    wanted = kept(names)
    return wanted == AGGREGATES[: len(wanted)]


def states_of(row: Iterable[Any], names: Kept) -> Iterable[Any]:
    """Return the states of a row for the columns, without those that are not kept."""
    wanted = kept(names)
    return (state for one, state in zip(AGGREGATES, row, strict=False) if one in wanted)


def sums(names: Kept, wanted: Iterable[str] | None) -> tuple[list[Aggregate], str]:
    """Return those of the `wanted` aggregates (None: all) that are kept, and the SQL that gathers their states."""
    chosen = [one for one in kept(names) if wanted is None or one.name in wanted]
    return chosen, ", ".join(_SUMS[one.kind].format(one.name) for one in chosen)


def gathering(chosen: Sequence[Aggregate]) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what makes states, in the order of the registry, of the values that SQLite gathered; None for others."""
    reads: list[Callable[[Any], Any]] = [
        partial(_gathered, one) if one.kind is Kind.NUMBER else one.from_text for one in chosen
    ]
    places = [AGGREGATES.index(one) for one in chosen]
    empty = [None] * len(AGGREGATES)

    def states(values: Sequence[Any]) -> list[Any]:
        found: list[Any] = empty.copy()
        for place, read, value in zip(places, reads, values, strict=True):
            found[place] = read(value)
        return found

    return states


def _gathered(aggregate: Aggregate, texts: str) -> Any:
    # Most types have one row in a bucket.
    return aggregate.merge_texts(texts.split(",")) if "," in texts else aggregate.from_text(texts)


@cache
def merges(names: Kept) -> Mapping[str, str]:
    """Return the SQL that merges the states of a row with those of another one, by column."""
    return {one.name: _MERGES[one.kind].format(one.name) for one in kept(names)}


def add_functions(connection: sqlite3.Connection) -> None:
    """Register the functions of `merges` on a connection."""
    for one in AGGREGATES:
        if one.kind is Kind.NUMBER:
            connection.create_function(f"merge_{one.name}", 3, partial(_merge, one), deterministic=True)


def _merge(aggregate: Aggregate, one: str, other: str, integral: int) -> Any:
    merged = aggregate.merge(Decimal(one), Decimal(other))
    return aggregate.to_text(merged, integral=bool(integral))

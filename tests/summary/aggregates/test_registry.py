"""Every aggregate of the registry obeys the same laws, whoever adds its values and wherever its state is stored."""

import functools
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Query, TypeStats, dump, load, testing
from eventcli.folding.bodies import new_fold
from eventcli.ledger.store.rows import CHECKSUM_PRIME, checksum, rows_of
from eventcli.lines import exact
from eventcli.summary.aggregates.aggregate import Aggregate, Kind, UnknownStatError, Values
from eventcli.summary.aggregates.registry import AGGREGATES, OPTIONAL, Stat, kept, needed, optional
from eventcli.summary.aggregates.values import Decimals, Integers
from eventcli.summary.summary import Summary

ALL: Final = Query(aggregates=OPTIONAL)
"""A query that keeps every aggregate."""

LITERALS: Final = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(lambda value: exact.plain(value, integral=False)),
    testing.ordinary_numbers(),
    testing.unusual_numbers(accepted=True),
)

NUMBERS: Final = st.lists(LITERALS, min_size=1, max_size=6)

of_each = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda one: one.name)


def values_of(literals: list[str]) -> list[Values]:
    """Return literals as values that can be added: integers and decimals apart."""
    integers = [int(one) for one in literals if one.lstrip("-").isdigit()]
    decimals = [Decimal(one) for one in literals if not one.lstrip("-").isdigit()]
    return [*([Integers(integers)] if integers else []), *([Decimals(decimals)] if decimals else [])]


def state_of(aggregate: Aggregate, literals: list[str]) -> Any:
    """Return the state of some values, as a fold freezes it."""
    state = functools.reduce(aggregate.add, values_of(literals), aggregate.empty)
    return Decimal(state) if aggregate.kind is Kind.NUMBER else state


def lines_of(literals: list[str], name: str = "a") -> bytes:
    """Return the lines of a log."""
    return b"".join(b'{"type":"%b","value":%b}\n' % (name.encode(), one.encode()) for one in literals)


def folded(log: bytes) -> Summary:
    """Fold a log, and keep every aggregate."""
    fold = new_fold(ALL)
    assert fold.add(log).marks == []
    return fold.summary()


@of_each
@given(a=NUMBERS, b=NUMBERS, c=NUMBERS)
def test_states_are_a_commutative_monoid(aggregate: Aggregate, a: list[str], b: list[str], c: list[str]) -> None:
    """Neither the order nor the grouping of merges changes a state, and merging is adding all values to one state."""
    one, other, third = (state_of(aggregate, literals) for literals in (a, b, c))
    testing.check_commutativity(one, other, aggregate.merge)
    testing.check_associativity(one, other, third, aggregate.merge)
    if aggregate.is_known:
        testing.check_identity(aggregate.empty, one, aggregate.merge)
    assert aggregate.merge(one, other) == state_of(aggregate, a + b)


@of_each
@given(parts=st.lists(NUMBERS, min_size=1, max_size=4))
def test_states_survive_their_text(aggregate: Aggregate, parts: list[list[str]]) -> None:
    """What is stored is read back as the same state, and any number of stored states merge to that of all values."""
    states = [state_of(aggregate, literals) for literals in parts]
    integral = all(literal.lstrip("-").isdigit() for literals in parts for literal in literals)
    texts = [aggregate.to_text(state, integral=integral) for state in states]
    assert [aggregate.from_text(text) for text in texts] == states
    assert aggregate.merge_texts(texts) == functools.reduce(aggregate.merge, states)
    assert aggregate.to_text(None, integral=integral) is None


@given(literals=NUMBERS, cuts=st.lists(st.integers(0, 6), max_size=3))
def test_a_fold_keeps_what_is_asked_for(body: str, literals: list[str], cuts: list[int]) -> None:
    """Each body keeps the states that its aggregates define, over any blocks and merges, in every stored form."""
    assert body
    whole = folded(lines_of(literals))
    stats = whole["a"]
    for aggregate, state in stats.states():
        assert state == state_of(aggregate, literals), aggregate.name
    assert len(stats) == len(AGGREGATES)
    edges = [0, *sorted(min(cut, len(literals)) for cut in cuts), len(literals)]
    parts = [folded(lines_of(literals[first:last])) for first, last in pairwise(edges)]
    assert Summary.union(parts)["a"] == stats
    giver, taker = new_fold(ALL), new_fold(ALL)
    giver.add(lines_of(literals[: edges[1]]))
    taker.add(lines_of(literals[edges[1] :]))
    taker.merge(giver)
    assert taker.summary()["a"] == stats
    assert load(dump(whole))["a"] == stats
    (row,) = rows_of(whole)
    assert [aggregate.from_text(text) for aggregate, text in zip(AGGREGATES, row[2:], strict=True)] == list(stats)
    assert (sum(checksum(rows_of(part)) for part in parts) - checksum([row])) % CHECKSUM_PRIME == 0


@given(literals=NUMBERS)
def test_checksums_cover_additive_states(literals: list[str]) -> None:
    """A row with another count, or with another additive number, has another checksum."""
    (row,) = rows_of(folded(lines_of(literals)))
    for place, aggregate in enumerate(AGGREGATES, 2):
        if aggregate.is_additive:
            if aggregate.kind is Kind.COUNT:
                changed = row[place] + 1
            else:
                changed = exact.plain(exact.add(Decimal(row[place]), Decimal("0.01")), integral=False)
            assert checksum([(*row[:place], changed, *row[place + 1 :])]) != checksum([row]), aggregate.name


@of_each
def test_columns_answer_for_no_values_and_say_what_is_unknown(aggregate: Aggregate) -> None:
    """A column prints 0 or nothing for a type without events; of a state that was lost, it says that it is unknown."""
    for name, column in aggregate.columns.items():
        assert column.text(TypeStats()) in {"0", None}, name
        if aggregate.is_known:
            assert column.text(TypeStats(1)) is not None
        else:
            with pytest.raises(UnknownStatError, match=name):
                column.text(TypeStats(2))


def test_the_registry_lists_each_name_once() -> None:
    """Names of states and of columns are unique, every column can be asked for, and optional states come last."""
    names = [one.name for one in AGGREGATES]
    columns = [name for one in AGGREGATES for name in one.columns]
    assert len(set(names)) == len(names)
    assert sorted(columns) == sorted(Stat)
    assert [one.name for one in AGGREGATES if one.is_optional] == list(OPTIONAL) == names[len(names) - len(OPTIONAL) :]
    assert kept(OPTIONAL) == AGGREGATES
    assert not any(one.is_optional for one in kept(()))
    assert set(optional(list(Stat))) == set(OPTIONAL)
    assert set(needed(list(Stat))) >= set(OPTIONAL)

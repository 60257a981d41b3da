"""The laws of `eventcli.testing`, applied to every state type of ours; and those of what is done more than once.

States are made by the operations that make them in use: folding lines, keeping only some types, reading back what was
saved or printed, ingesting, merging. So only states that can be reached are tried.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeVar

from hypothesis import strategies as st

from eventcli import Account, Summary, Timing, TypeStats, dump, load, summarize, testing
from eventcli.ledger import totals
from eventcli.reporting import columns, objects
from eventcli.reporting.columns import Stat
from logbook import LINES, Logbook
from outcome import ALWAYS

S = TypeVar("S")
T = TypeVar("T")


class State(NamedTuple):
    """A state type: its identity, and a strategy for its reachable states."""

    empty: Any
    states: st.SearchStrategy[Any]


def _folded(log: bytes, types: tuple[str, ...] | None, stats: tuple[Stat, ...]) -> Summary:
    return summarize(io.BytesIO(log), types=types, stats=stats)


_FOLDED: Final = st.builds(
    _folded,
    testing.logs(max_lines=5),
    st.sampled_from((None, None, ("purchase",), ("purchase", "never seen"))),
    # What is kept only on demand is lost in a merge with a summary that lacks it.
    st.sampled_from(((), tuple(Stat))),
)

_TIMES: Final = (b"2020-10-25T00:30:00Z", b"2020-10-25 01:30:00", b"2020-12-31T23:59:59Z", b"never")


def _timed(events: list[tuple[str, int]], timing: Timing | None, max_types: int, max_type_bytes: int) -> Summary:
    """Fold events of few types and times, with buckets and a small limit of types."""
    log = b"".join(
        b'{"type":"%b","value":%d.5,"occurred_at":"%b"}\n' % (name.encode(), at, _TIMES[at]) for name, at in events
    )
    return summarize(io.BytesIO(log), timing=timing, max_types=max_types, max_type_bytes=max_type_bytes)


# Buckets of different sizes do not merge, so all have one.
_TIMED: Final = st.builds(
    _timed,
    st.lists(
        st.tuples(
            st.sampled_from(("a", "bbb", "c", "dddddd", "e", "\u00e9\u00e9", "z")), st.integers(0, len(_TIMES) - 1)
        ),
        max_size=8,
    ),
    st.sampled_from((None, Timing(by="hour", zone="Europe/Berlin"), Timing(since=0, optional=True))),
    st.integers(1, 5),
    st.integers(1, 15),
)

# What is not printed is not known when it is read back.
_PRINTED: Final = st.builds(
    lambda summary, stats: load(objects.jsonl(summary, stats)),
    _FOLDED,
    st.sampled_from(
        (ALWAYS, columns.DEFAULT_STATS, (Stat.MIN, Stat.SUM, Stat.COUNT), (Stat.COUNT, Stat.SUM, Stat.MAX))
    ),
)

_READ_BACK: Final = st.one_of(_FOLDED.map(lambda summary: load(dump(summary))), _PRINTED)


def _ingested(steps: list[list[bytes]], max_types: int) -> Summary:
    """Return the totals of a ledger of a log that was read step by step."""
    with Logbook(max_types=max_types) as book:
        for lines in steps:
            book.append(lines)
            book.ingest()
        return totals.load(str(book.ledger))


_INGESTED: Final = st.builds(
    _ingested, st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=3), st.integers(1, 5)
)

_LEAVES: Final = st.one_of(_FOLDED, _TIMED, _TIMED.map(lambda summary: load(dump(summary))), _READ_BACK, _INGESTED)

_MERGED: Final = st.recursive(_LEAVES, lambda states: st.builds(Summary.merge, states, states), max_leaves=4)

STATES: Final[Mapping[type, State]] = {
    Account: State(Account(), _MERGED.map(lambda summary: summary.account)),
    Summary: State(Summary(), _MERGED),
    TypeStats: State(
        TypeStats(),
        _MERGED.flatmap(lambda summary: st.sampled_from([summary.total, *summary.types.values()])),
    ),
}
"""Every type with a `merge`."""


def check(state: State, data: st.DataObject) -> None:
    """Assert all laws for states that are drawn from `data`."""
    a, b, c = (data.draw(state.states, label=name) for name in "abc")
    testing.check_identity(state.empty, a)
    testing.check_commutativity(a, b)
    testing.check_associativity(a, b, c)


def check_repetition(run: Callable[[list[list[T]]], S], items: Sequence[T], data: st.DataObject) -> S:
    """Assert that doing all at once comes to the same as in any order, in any parts, and some of it more than once.

    Return what it comes to.
    """
    again = data.draw(st.lists(st.sampled_from(items), max_size=4) if items else st.just([]), label="again")
    order = data.draw(st.permutations([*items, *again]), label="order")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3), label="cuts"))
    parts = [order[first:last] for first, last in pairwise((0, *cuts, len(order)))]
    once = run([list(items)])
    assert run(parts) == once
    return once


def check_only_looks(look: Callable[[], S], state: Callable[[], object]) -> S:
    """Assert that looking changes nothing, and shows the same again. Return what it shows."""
    before = state()
    first = look()
    assert state() == before
    assert look() == first
    return first

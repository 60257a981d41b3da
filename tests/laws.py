"""The laws of `eventcli.testing`, applied to every state type of ours.

States are made by the operations that make them in use: folding lines, keeping only some types, reading back what was
saved or printed, merging. So only states that can be reached are tried.
"""

import io
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from eventcli import Account, Summary, Timing, TypeStats, dump, load, report, summarize, testing
from eventcli.report import Stat


class State(NamedTuple):
    """A state type: its identity, and a strategy for its reachable states."""

    empty: Any
    states: st.SearchStrategy[Any]


def _folded(log: bytes, types: tuple[str, ...] | None) -> Summary:
    return summarize(io.BytesIO(log), types=types)


_FOLDED: Final = st.builds(
    _folded, testing.logs(max_lines=5), st.sampled_from((None, None, ("purchase",), ("purchase", "never seen")))
)

_TIMES: Final = (b"2020-10-25T00:30:00Z", b"2020-10-25 01:30:00", b"2020-12-31T23:59:59Z", b"never")


def _timed(events: list[tuple[str, int]], timing: Timing | None, max_types: int) -> Summary:
    """Fold events of few types and times, with buckets and a small limit of types."""
    log = b"".join(
        b'{"type":"%b","value":%d.5,"occurred_at":"%b"}\n' % (name.encode(), at, _TIMES[at]) for name, at in events
    )
    return summarize(io.BytesIO(log), timing=timing, max_types=max_types)


# Buckets of different sizes do not merge, so all have one.
_TIMED: Final = st.builds(
    _timed,
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(0, len(_TIMES) - 1)), max_size=8),
    st.sampled_from((None, Timing(by="hour", zone="Europe/Berlin"), Timing(since=0, optional=True))),
    st.integers(1, 5),
)

# What is not printed is not known when it is read back.
_PRINTED: Final = st.builds(
    lambda summary, stats: load(report.jsonl(summary, stats)),
    _FOLDED,
    st.sampled_from(
        (tuple(Stat), report.DEFAULT_STATS, (Stat.MIN, Stat.SUM, Stat.COUNT), (Stat.COUNT, Stat.SUM, Stat.MAX))
    ),
)

_READ_BACK: Final = st.one_of(_FOLDED.map(lambda summary: load(dump(summary))), _PRINTED)

_LEAVES: Final = st.one_of(_FOLDED, _TIMED, _TIMED.map(lambda summary: load(dump(summary))), _READ_BACK)

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

"""Rows of a ledger come to the same however they are gathered, and their checksum tells every change."""

import io
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import cells, summarize
from eventcli.cells import CHECKSUM_PRIME, Gathered, Row, by_type, checksum, rows_of
from eventcli.event import Timing
from eventcli.summary import Summary

HOURLY = Timing(by="hour", optional=True)

EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(("1", "-2", "0.50", "-0.5", "1E+3", "12345678901234567890.123", "0", "-0.0")),
        st.sampled_from((None, "2020-10-06T10:59:59Z", "2020-10-06T11:00:00Z", "1969-12-31T23:00:00Z")),
    ),
    max_size=9,
)


def folded(events: list[tuple[str, str, str | None]], max_types: int = 9) -> Summary:
    """Fold events by hour."""
    log = b""
    for name, value, time in events:
        when = "" if time is None else f',"occurred_at":"{time}"'
        log += f'{{"type":"{name}","value":{value}{when}}}\n'.encode()
    return summarize(io.BytesIO(log), timing=HOURLY, max_types=max_types)


@given(EVENTS, st.integers(1, 3))
def test_rows_hold_what_a_summary_holds(body: str, events: list[tuple[str, str, str | None]], most: int) -> None:
    """The rows are those of the summary, whichever body made it and whether its stats were made yet or not."""
    assert body
    rows = rows_of(folded(events, most))
    made = folded(events, most)
    assert [(name, stats.count) for _, name, stats in made.rows()] == [(row[0], row[2]) for row in rows]
    whole = Summary(made.types, made.account, (), {**made.buckets}, made.other, most, made.calendar)
    assert rows_of(whole) == rows
    for (_, _, stats), (_, _, count, total, integral, low, high) in zip(made.rows(), rows, strict=True):
        assert (count, Decimal(total), integral, Decimal(low), Decimal(high)) == (
            stats.count,
            stats.sum,
            stats.integral,
            stats.min,
            stats.max,
        )


@given(EVENTS, st.lists(st.integers(0, 9), max_size=3), st.integers(0, 3))
def test_gathered_in_parts(
    monkeypatch: pytest.MonkeyPatch, events: list[tuple[str, str, str | None]], cuts: list[int], few: int
) -> None:
    """Rows that come in parts, in any order, come to those of the whole, however seldom they are added up."""
    monkeypatch.setattr(cells, "_FEW", few)
    whole = folded(events)
    gathered = Gathered()
    edges = [0, *sorted(cuts), len(events)]
    for first, last in reversed(list(pairwise(edges))):
        gathered.add(rows_of(folded(events[first:last])))
    assert sorted(gathered.rows()) == sorted(rows_of(whole))
    assert by_type(gathered.rows()) == by_type(rows_of(whole)) == {name: whole[name] for name in {e[0] for e in events}}


@given(EVENTS, st.integers(0, 9))
def test_checksums_add_up(events: list[tuple[str, str, str | None]], cut: int) -> None:
    """The checksum of rows is the sum of those of any parts, and tells a change of any number."""
    rows = rows_of(folded(events))
    parts = [rows_of(folded(part)) for part in (events[:cut], events[cut:])]
    assert (sum(map(checksum, parts)) - checksum(rows)) % CHECKSUM_PRIME == 0
    for place, (name, start, count, total, *others) in enumerate(rows):
        more = str(Decimal(total) + Decimal("0.01"))
        changes: list[Row] = [
            (name, start, count + 1, total, *others),  # type: ignore[list-item]
            (name, start, count, more, *others),  # type: ignore[list-item]
            (name, "2020-10-06T12:00:00+00:00", count, total, *others),  # type: ignore[list-item]
            (None, start, count, total, *others),  # type: ignore[list-item]
        ]
        for changed in changes:
            assert checksum([*rows[:place], changed, *rows[place + 1 :]]) != checksum(rows)

"""Rows of a ledger come to the same however they are gathered, and their checksum tells every change."""

import io
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import summarize
from eventcli.ledger.store import rows as rows_module
from eventcli.ledger.store.rows import CHECKSUM_PRIME, Gathered, Row, by_type, checksum, rows_of
from eventcli.lines.query import Timing
from eventcli.summary.summary import Summary
from logbook import GOOD_LINES

HOURLY = Timing(by="hour", optional=True)

EVENTS = st.lists(GOOD_LINES, max_size=9)


def folded(events: list[bytes], max_types: int = 9) -> Summary:
    """Fold events by hour."""
    return summarize(io.BytesIO(b"".join(events)), timing=HOURLY, max_types=max_types)


@given(EVENTS, st.integers(1, 3))
def test_rows_hold_what_a_summary_holds(body: str, events: list[bytes], most: int) -> None:
    """The rows are those of the summary, whichever body made it and whether its stats were made yet or not."""
    assert body
    rows = rows_of(folded(events, most))
    made = folded(events, most)
    assert [(name, stats.count) for _, name, stats in made.rows()] == [(row[0], row[2]) for row in rows]
    buckets = {bucket: dict(types) for bucket, types in made.buckets.items()}
    whole = Summary(dict(made.types), made.account, (), buckets, made.other, max_types=most, calendar=made.calendar)
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
def test_gathered_in_parts(monkeypatch: pytest.MonkeyPatch, events: list[bytes], cuts: list[int], few: int) -> None:
    """Rows that come in parts, in any order, come to those of the whole, however seldom they are added up."""
    monkeypatch.setattr(rows_module, "_FEW", few)
    whole = folded(events)
    gathered = Gathered()
    edges = [0, *sorted(cuts), len(events)]
    for first, last in reversed(list(pairwise(edges))):
        gathered.add(rows_of(folded(events[first:last])))
    assert sorted(gathered.rows()) == sorted(rows_of(whole))
    by_name = by_type(gathered.rows())
    assert by_name == {name: whole[name] for name in by_name if name is not None}
    assert sum(stats.count for stats in by_name.values()) == len(events)


@given(EVENTS, st.integers(0, 9))
def test_checksums_add_up(events: list[bytes], cut: int) -> None:
    """The checksum of rows is the sum of those of any parts, and tells a change of any number."""
    rows = rows_of(folded(events))
    parts = [rows_of(folded(part)) for part in (events[:cut], events[cut:])]
    assert (sum(map(checksum, parts)) - checksum(rows)) % CHECKSUM_PRIME == 0
    for place, (name, start, count, total, *others) in enumerate(rows):
        more = str(Decimal(total) + Decimal("0.01"))
        changes: list[Row] = [
            (name, start, count + 1, total, *others),
            (name, start, count, more, *others),
            (name, "2020-10-06T12:00:00+00:00", count, total, *others),
            (None, start, count, total, *others),
        ]
        for changed in changes:
            assert checksum([*rows[:place], changed, *rows[place + 1 :]]) != checksum(rows)

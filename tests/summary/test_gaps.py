"""`eventcli.summary.gaps`: empty buckets have rows, and nothing is added to a sum."""

import io
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Fields, Summary, Timing, summarize
from eventcli.errors import GapsError
from eventcli.lines import times, zones
from eventcli.summary import gaps

DAY: Final = 86_400
MOMENTS = st.tuples(st.sampled_from("ab"), st.integers(1_300_000_000, 1_330_000_000))
ZONES: Final = ("UTC", "Europe/Berlin", "Pacific/Apia")


def timed(moments: list[tuple[str, int]], timing: Timing) -> Summary:
    """Return the Summary of events of a type at a second each."""
    log = b"".join(b'{"type":"%b","value":0.1,"ts":%d}\n' % (name.encode(), second) for name, second in moments)
    return summarize(io.BytesIO(log), fields=Fields(time="ts"), timing=timing)


@given(
    moments=st.lists(MOMENTS, min_size=1, max_size=6),
    by=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
)
def test_every_bucket_has_every_type(body: str, moments: list[tuple[str, int]], by: str, zone: str) -> None:
    """From the first to the last bucket each type has a row in each; the sums are those without gaps and buckets."""
    timing = Timing(by=by, zone=zone)
    summary = timed(moments, timing)
    filled = gaps.fill(summary, timing, None)
    first, last = min(second for _, second in moments), max(second for _, second in moments)
    assert list(filled.buckets) == list(times.Buckets(by, zone).between(first, last + 1)), body
    names = {name for name, _ in moments}
    assert all(set(types) == names for types in filled.buckets.values())
    plain = timed(moments, Timing())
    for name in names:
        assert filled[name] == summary[name] == plain[name]
    assert filled.account == summary.account == plain.account
    assert filled.total == plain.total


def test_bounds_are_filled(body: str) -> None:
    """Where bounds are given, the buckets between them are filled, even if nothing was seen."""
    timing = Timing(by="day", since=0, until=3 * DAY * zones.NANOS)
    filled = gaps.fill(timed([], timing), timing, ["a"])
    assert [(bucket.start, list(types)) for bucket, types in filled.buckets.items()] == [
        (0, ["a"]),
        (DAY, ["a"]),
        (2 * DAY, ["a"]),
    ], body


def test_nothing_has_no_gaps() -> None:
    """Without events and bounds there is nothing to fill."""
    timing = Timing(by="day", since=0)
    assert gaps.fill(Summary(), timing, ["a"]) == Summary()


def test_too_many_rows(body: str) -> None:
    """Rows that would fill the memory are refused."""
    timing = Timing(by="minute")
    with pytest.raises(GapsError, match=str(gaps.MOST_ROWS)):
        gaps.fill(timed([("a", 0), ("a", 10**9)], timing), timing, None)
    assert body


def test_one_odd_time_does_not_fill_centuries(body: str) -> None:
    """Where the bounds are not given, empty rows go with those that have events; where they are, all are filled."""
    timing = Timing(by="hour")
    moments = [("a", 0), ("a", 1_601_978_525)]
    with pytest.raises(GapsError, match="gaps take 444995 rows from 1970-01-01T00:00:00"):
        gaps.fill(timed(moments, timing), timing, None)
    asked = Timing(since="1970-01-01", until="1972-01-01", by="hour")
    assert len(gaps.fill(timed(moments, asked), asked, None).buckets) == 2 * 365 * 24, body
    dense = [("a", 3600 * hour) for hour in range(0, 20_000, 2)]
    assert len(gaps.fill(timed(dense, timing), timing, None).buckets) == 19_999

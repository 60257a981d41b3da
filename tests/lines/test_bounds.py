"""`eventcli.lines.bounds`: times, dates, how long ago, datetimes."""

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Timing
from eventcli.lines import bounds
from eventcli.lines.zones import NANOS

NOW: Final = 1_601_978_525 * NANOS + 7
BERLIN: Final = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", NOW),
        ("NOW", NOW),
        ("90s", NOW - 90 * NANOS),
        ("90m", NOW - 5400 * NANOS),
        ("24h", NOW - 86400 * NANOS),
        ("7d", NOW - 7 * 86400 * NANOS),
        ("2w", NOW - 14 * 86400 * NANOS),
        ("1h30m", NOW - 5400 * NANOS),
        ("-1h", NOW - 3600 * NANOS),
        ("now-1h", NOW - 3600 * NANOS),
        ("1h ago", NOW - 3600 * NANOS),
        ("1 hour ago", NOW - 3600 * NANOS),
        ("2 days ago", NOW - 2 * 86400 * NANOS),
        ("0s", NOW),
        ("today", 1_601_935_200 * NANOS),
        ("yesterday", 1_601_848_800 * NANOS),
        ("tomorrow", 1_602_021_600 * NANOS),
        ("0", 0),
        ("@24", 24 * NANOS),
        ("1601978525", 1_601_978_525 * NANOS),
        ("@1601978525.5", 1_601_978_525 * NANOS + NANOS // 2),
        ("1601978525123", 1_601_978_525 * NANOS + 123_000_000),
        ("2020-10-06", 1_601_935_200 * NANOS),
        ("2020-10-06Z", 1_601_942_400 * NANOS),
        ("2020-10-06+0200", 1_601_935_200 * NANOS),
        ("2020-10-06 12:02", 1_601_978_520 * NANOS),
        ("2020-10-06T10:02Z", 1_601_978_520 * NANOS),
        ("06/Oct/2020:12:02:05 +0200", 1_601_978_525 * NANOS),
    ],
)
def test_bounds_that_people_write(text: str, instant: int) -> None:
    """A bound is a time as events have it, a date, an epoch, or as seen from now, in the zone that is asked for."""
    assert bounds.from_option(text, BERLIN, NOW) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "h",
        "1",
        "24",
        "24x",
        "1.5h",
        "24 h",
        "hour ago",
        "-1",
        "20201006",
        "06/10/2020",
        "2020-13-01",
        "999999999w",
    ],
)
def test_bounds_that_are_none(text: str) -> None:
    """What is no bound, could be more than one, or lies before the year 1, is refused with examples."""
    with pytest.raises(ValueError, match="is no time such as 2020-10-06, "):
        bounds.from_option(text, UTC, NOW)


@given(st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia"]))
def test_days_begin_at_midnight_of_the_zone(second: int, zone: str) -> None:
    """Today and its neighbours are the dates of the local clock, from their first instant on."""
    info = ZoneInfo(zone)
    today = datetime.fromtimestamp(second, info).date()
    for name, days in (("yesterday", -1), ("today", 0), ("tomorrow", 1)):
        instant = bounds.from_option(name, info, second * NANOS)
        assert instant == bounds.instant_of(today + timedelta(days=days), info)
    assert bounds.from_option("yesterday", info, second * NANOS) <= second * NANOS


@given(st.datetimes(), st.integers(-1439, 1439))
def test_datetimes_are_exact(moment: datetime, minutes: int) -> None:
    """A datetime is its instant to the microsecond; without a zone it is in the one of the buckets."""
    zone = timezone(timedelta(minutes=minutes))
    expected = (moment.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert Timing(since=moment.replace(tzinfo=zone)).since == expected
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert Timing(until=moment, zone=offset).until == expected


def test_bounds_of_python() -> None:
    """Numbers, texts, datetimes and dates are taken for bounds, and a summer time for what it is."""
    timing = Timing(since=date(2020, 7, 1), until=datetime(2020, 7, 1, 2), zone="Europe/Berlin")  # noqa: DTZ001
    assert (timing.since, timing.until) == (1_593_554_400 * NANOS, 1_593_561_600 * NANOS)
    assert Timing(since="2020-07-01", zone="Europe/Berlin").since == timing.since == Timing(since=timing.since).since
    with pytest.raises(ValueError, match="is no time"):
        Timing(since="soon")


@pytest.mark.parametrize(("text", "expected"), [("24h", True), ("now", True), ("1 day ago", True), ("today", False)])
def test_what_is_seen_from_now(text: str, expected: bool) -> None:  # noqa: FBT001
    """A time ago is told from one that is meant to the second."""
    assert bounds.is_relative(text) is expected
    assert not bounds.is_relative(None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("24h", True), ("now", True), ("Today", True), ("yesterday", True), ("2020-10-06", False), ("1601942400", False)],
)
def test_what_moves_with_the_clock(text: str, expected: bool) -> None:  # noqa: FBT001
    """A text that names another instant tomorrow is told from one that does not."""
    assert bounds.is_moving(text) is expected
    assert not bounds.is_moving(None)


@pytest.mark.parametrize("timing", [Timing(), Timing("+02:00", 1, 2, "hour", optional=True, time_format="%F")])
def test_timings_can_be_copied_and_sent(timing: Timing) -> None:
    """A timing is equal to its copy and to itself after pickling."""
    assert copy.copy(timing) == pickle.loads(pickle.dumps(timing)) == timing  # noqa: S301  # its own bytes

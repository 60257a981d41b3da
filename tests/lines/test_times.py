"""`eventcli.lines.times`: what is a time, and in which bucket it is, by datetime and zoneinfo."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Bucket
from eventcli.lines import spellings, times, zones
from eventcli.lines.query import UNITS

# Daylight saving by hours and by half an hour, at midnight and a minute after it, a day left out, a day repeated.
ZONES: Final = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "America/Juneau",
    "America/Sao_Paulo",
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SIZES: Final = {"10s": 10, "minute": 60, "5m": 300, "15m": 900, "hour": 3600, "2h": 7200, "6h": 21600, "12h": 43200}
NANOS: Final = zones.NANOS
SECONDS = st.integers(-5_000_000_000, 5_000_000_000)
LOCAL = st.datetimes(datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29"))


def seconds(moment: datetime) -> int:
    """Return the instant in seconds of the epoch."""
    return (moment - EPOCH) // timedelta(seconds=1)


def local(second: int, zone: str) -> datetime:
    """Return the local time at an instant."""
    return (EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(zone))


def ahead(second: int, zone: str) -> int:
    """Return the offset at an instant in seconds."""
    offset = local(second, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


@given(moment=LOCAL, zone=st.sampled_from(ZONES), mark=st.sampled_from("T t"), digits=st.integers(0, 12))
def test_local_times_are_those_of_zoneinfo(moment: datetime, zone: str, mark: str, digits: int) -> None:
    """A time without an offset is the instant that zoneinfo gives, to the nanosecond."""
    moment = moment.replace(tzinfo=ZoneInfo(zone))
    fraction = f"{moment.microsecond:06}000000"[:digits]
    text = f"{moment:%Y-%m-%d}".rjust(10, "0") + mark + f"{moment:%H:%M:%S}" + (f".{fraction}" if digits else "")
    nanos = int(fraction.ljust(9, "0")[:9]) if digits else 0
    expected = seconds(moment.replace(microsecond=0).astimezone(UTC)) * NANOS + nanos
    assert spellings.from_text(text, zones.zone(zone)) == expected


@given(moment=LOCAL, minutes=st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_an_offset_is_taken_off(moment: datetime, minutes: int) -> None:
    """A time with an offset is the instant that datetime gives, whatever the zone of the input."""
    moment = moment.replace(microsecond=0)
    sign = "-" if minutes < 0 else "+"
    text = f"{moment.isoformat()}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    expected = (seconds(moment.replace(tzinfo=UTC)) - 60 * minutes) * NANOS
    assert spellings.from_text(text, zones.zone("Europe/Berlin")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020-10-06",
        "2020-10-06 24:00:00",
        "2020-10-06 10:60:00",
        "2020-10-06 10:02:61",
        "2020-10-06 10:02:60Z",
        "2020-03-31 23:59:60Z",
        "2020-02-30 10:02:05",
        "0000-01-01 00:00:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2020-10-06 10:02:05+24:00",
        "2020-10-06 10:02:05+00:60",
        "2020-10-06 10:02:05.",
        "2020-10-06  10:02:05",
        " 2020-10-06 10:02:05",
        "2020-10-06 10:02:05 ",
        "2020-10-06 10:02:05\n",
        "٢٠٢٠-10-06 10:02:05",
    ],
)
def test_texts_that_are_no_times(text: str) -> None:
    """What is no date and time, or no real one, is no time."""
    assert spellings.from_text(text, UTC) is None


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31 23:59:59z", -1),
        ("0001-01-01T00:00:00Z", -62135596800),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("2020-02-29T12:00:00-00:00", 1582977600),
    ],
)
def test_texts_at_the_ends(text: str, second: int) -> None:
    """The first and last year can be read, and so can leap days and an unknown offset."""
    assert spellings.from_text(text, UTC) == second * NANOS


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2017-01-01 01:59:60.5+02:00", "2015-06-30 23:59:60"])
def test_leap_seconds_are_the_last_nanosecond_before(text: str) -> None:
    """A leap second stands where there can be one, and stays in its minute."""
    instant = spellings.from_text(text, UTC)
    assert instant is not None
    assert instant % (60 * NANOS) == 60 * NANOS - 1


@given(st.integers(-62135596800 * NANOS, 253402300800 * NANOS - 1))
@example(10**20 - 1)
@example(10**11 * NANOS)
def test_numbers_are_told_apart_by_their_size(instant: int) -> None:
    """Whatever the unit, a number of its size is that many units since the epoch."""
    read = 0
    for places, low, high in ((9, 0, 11), (6, 11, 14), (3, 14, 17), (0, 17, 20)):
        number = Decimal(instant).scaleb(-places)
        if (abs(number) >= 10**low or not low) and abs(number) < 10**high:
            assert spellings.from_number(number) == instant
            read += 1
    # Near 1970 a number of small units is one of large units, too.
    assert read or abs(instant) >= 10**20


@pytest.mark.parametrize("number", ["1e20", "-1e20", "253402300800e9", "-9e10", "1e308"])
def test_numbers_beyond_the_years(number: str) -> None:
    """A number of no unit, or beyond the years 1 to 9999, is no time."""
    assert spellings.from_number(Decimal(number)) is None


@given(second=SECONDS, zone=st.sampled_from(ZONES), by=st.sampled_from(sorted(SIZES)))
@example(second=1603587600, zone="Europe/Berlin", by="hour")
def test_buckets_of_the_clock(second: int, zone: str, by: str) -> None:
    """A minute or hour begins where its local time does, or where the clock was changed within it."""
    bucket = times.Buckets(by, zone).bucket(second)
    offset = ahead(second, zone)
    grid = second - (second + offset) % SIZES[by]
    assert grid <= bucket.start <= second
    assert bucket.offset == ahead(bucket.start, zone) == offset
    if bucket.start > grid:
        assert ahead(bucket.start - 1, zone) != offset


@given(second=SECONDS, zone=st.sampled_from(ZONES), by=st.sampled_from(["day", "week", "month"]))
@example(second=1325239200, zone="Pacific/Apia", by="day")
@example(second=1320546600, zone="America/St_Johns", by="day")
def test_buckets_of_the_date(second: int, zone: str, by: str) -> None:
    """A day, week or month is that of the local date, and begins with the first instant of its first date."""
    bucket = times.Buckets(by, zone).bucket(second)
    day = local(second, zone).date()
    if by == "week":
        day -= timedelta(days=day.weekday())
    elif by == "month":
        day = day.replace(day=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    assert bucket.start == seconds(midnight.astimezone(UTC))
    assert bucket.offset == ahead(bucket.start, zone)


@given(
    second=SECONDS,
    steps=st.lists(st.integers(0, 90 * 86400), max_size=6),
    zone=st.sampled_from(ZONES),
    by=st.sampled_from((*UNITS, "20s", "15m", "8h")),
)
def test_regions_do_not_overlap(second: int, steps: list[int], zone: str, by: str) -> None:
    """Regions hold the instants that were asked for, do not overlap, and give every bucket the same start."""
    buckets = times.Buckets(by, zone)
    regions = set()
    for step in (0, *steps):
        second += step
        region = buckets.region(second)
        assert region.start <= second < region.end
        assert (region.end - region.start) % region.size == 0
        regions.add(region)
        for at in (region.start, region.end - 1):
            assert times.Buckets(by, zone).bucket(at).start == region.bucket_start(at)
    ordered = sorted(regions)
    assert all(left.end <= right.start for left, right in pairwise(ordered))


@given(
    second=SECONDS,
    length=st.integers(0, 400),
    zone=st.sampled_from(ZONES),
    by=st.sampled_from((*UNITS, "20s", "15m", "8h")),
)
def test_all_buckets_between_two_instants(second: int, length: int, zone: str, by: str) -> None:
    """Every instant of a stretch is in one of the buckets of the stretch, and these come in order, each once."""
    size = {**SIZES, "20s": 20, "8h": 28800, "day": 86400, "week": 7 * 86400, "month": 30 * 86400}[by]
    until = second + length * size // 10
    found = list(times.Buckets(by, zone).between(second, until))
    assert [bucket.start for bucket in found] == sorted({bucket.start for bucket in found})
    probes = {times.Buckets(by, zone).bucket(at) for at in range(second, until, max(1, size // 3))}
    assert probes <= set(found)
    assert bool(found) == (second < until)


@given(st.integers(-62135596800, 253402300799), st.integers(-86399, 86399))
@example(-62135596800, -3600)
@example(253402300799, 3600)
def test_labels_read_back(start: int, offset: int) -> None:
    """The label of a bucket is RFC 3339, and reads back as the bucket."""
    label = times.label(Bucket(start, offset))
    assert times.from_label(label) == Bucket(start, offset)
    if 0 < start + offset + 62135596800 < 315537897600:
        assert datetime.fromisoformat(label).timestamp() == start


@pytest.mark.parametrize("text", ["", "2020-10-06", "2020-13-06T00:00:00+00:00", "2020-10-06T00:00:00Z", "x"])
def test_what_is_no_label(text: str) -> None:
    """Text that no bucket is written as is no label."""
    assert times.from_label(text) is None


@pytest.mark.parametrize("name", ["", "Nowhere", "../etc/passwd", "/etc/localtime", "Europe", "\0"])
def test_zones_that_do_not_exist(name: str) -> None:
    """A name that is no zone is a ZoneError, and a unit that is none a ValueError."""
    with pytest.raises(zones.ZoneError):
        zones.zone(name)
    with pytest.raises(ValueError, match="none of"):
        times.Buckets("year", "UTC")

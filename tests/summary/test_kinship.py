"""`eventcli.summary.kinship`: results that could be of one kind are taken, those that could not are not."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Bucket, Calendar, Summary, TypeStats
from eventcli.lines.query import UNITS
from eventcli.lines.times import Buckets
from eventcli.summary.kinship import Kinship, MixedError, Result

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo")
YEAR = 365 * 86_400


def printed(buckets: list[Bucket]) -> Result:
    """Return a printed result with these buckets."""
    return Result(Summary(buckets={one: {"a": TypeStats(1)} for one in buckets}), is_printed=True, is_timed=True)


@pytest.mark.parametrize("begin", [320_680_801, 323_400_000])
def test_a_month_without_its_first_midnight(begin: int) -> None:
    """Months belong together also where clocks skipped the midnight with which one of few begins."""
    every = list(Buckets("month", "Australia/Lord_Howe").between(begin, begin + YEAR))
    assert any((bucket.start + bucket.offset) % 86_400 for bucket in every)
    for size in (2, 6, 12):
        kinship = Kinship()
        for start in range(0, len(every), size):
            kinship.add(f"part {start}", printed(every[start : start + size]))
        kinship = Kinship()
        for start in range(2):
            kinship.add(f"part {start}", printed(every[start::2]))


@given(st.sampled_from(UNITS), st.sampled_from(ZONES), st.data())
def test_a_split_of_one_result_is_taken(by: str, zone: str, data: st.DataObject) -> None:
    """However the buckets of one run are split, the parts belong together, if each has enough to be told by."""
    buckets = Buckets(by, zone)
    begin = data.draw(st.integers(10 * YEAR, 60 * YEAR))
    length = {"minute": 3600, "5m": 7200, "hour": 86_400 * 2}.get(by, YEAR)
    every = list(buckets.between(begin, begin + length))
    kinship = Kinship()
    for start in range(2):
        kinship.add(f"part {start}", printed(every[start::2]))


@given(
    st.sampled_from(ZONES), st.sampled_from([("hour", "day"), ("minute", "hour"), ("day", "week"), ("day", "month")])
)
def test_two_sizes_are_not_taken(zone: str, units: tuple[str, str]) -> None:
    """Buckets of two sizes over the same time are refused, whichever comes first."""
    every = [Buckets(by, zone).between(50 * YEAR, 50 * YEAR + 90 * 86_400) for by in units]
    parts = [printed(list(islice(buckets, 1500))) for buckets in every]
    for first, second in (parts, parts[::-1]):
        kinship = Kinship()
        kinship.add("one", first)
        with pytest.raises(MixedError, match="one looks like buckets by"):
            kinship.add("two", second)


@pytest.mark.parametrize("pair", [("UTC", "Europe/Berlin"), ("Europe/Berlin", "America/New_York")])
def test_two_zones_are_not_taken(pair: tuple[str, str]) -> None:
    """Days of two zones over the same time are refused."""
    kinship = Kinship()
    one, two = (printed(list(Buckets("day", zone).between(50 * YEAR, 51 * YEAR))) for zone in pair)
    kinship.add("one", one)
    with pytest.raises(MixedError, match="one and two hold buckets of different time zones"):
        kinship.add("two", two)


def test_the_calendar_of_a_saved_summary_judges_printed_buckets() -> None:
    """Where a saved summary says how buckets are cut, a printed start that is none of them is refused, in any order."""
    saved = Result(Summary(calendar=Calendar("day", "Europe/Berlin")), is_timed=True)
    good = printed(list(Buckets("day", "Europe/Berlin").between(50 * YEAR, 51 * YEAR)))
    bad = printed(list(Buckets("day", "Europe/Athens").between(50 * YEAR, 51 * YEAR)))
    for results in ((saved, good), (good, saved)):
        kinship = Kinship()
        for name, result in zip("ab", results, strict=True):
            kinship.add(name, result)
    for results in ((saved, bad), (bad, saved)):
        kinship = Kinship()
        kinship.add("a", results[0])
        with pytest.raises(MixedError):
            kinship.add("b", results[1])

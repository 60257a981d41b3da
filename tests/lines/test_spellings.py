"""`lines.spellings`: what a time is as logs write it, on both bodies, checked against datetime and email.utils."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodies import difference
from eventcli import Fields, Query, Timing, summarize
from eventcli.body import kernel
from eventcli.lines import spellings
from eventcli.lines.event import Reason
from eventcli.lines.zones import NANOS

TIME: Final = 1_601_978_525
"""2020-10-06T10:02:05Z"""

READ: Final = {
    "2020-10-06T10:02:05Z": 0,
    "2020-10-06t10:02:05z": 0,
    "2020-10-06 10:02:05": 0,
    "2020-10-06 10:02:05.123456789": 0,
    "2020-10-06 10:02:05,123": 0,
    "2020-10-06T10:02:05,123Z": 0,
    "2020-10-06T12:02:05+02:00": 0,
    "2020-10-06T12:02:05+0200": 0,
    "2020-10-06T12:02:05.123456+0200": 0,
    "2020-10-06T03:02:05-07": 0,
    "2020-10-06 12:02:05 +0200": 0,
    "2020-10-06 12:02:05 +02:00": 0,
    "2020-10-06 10:02:05 Z": 0,
    "2020-10-06 10:02:05 UTC": 0,
    "2020-10-06 10:02:05.123 GMT": 0,
    "2020-10-06 10:02:05UTC": 0,
    "2020-10-06 10:02:05.123 utc": 0,
    "2020-10-06T10:02Z": -5,
    "2020-10-06 10:02": -5,
    "2020-10-06T12:02+0200": -5,
    "20201006T100205Z": 0,
    "20201006T100205": 0,
    "20201006T100205.123Z": 0,
    "20201006T120205+0200": 0,
    "20201006T1002Z": -5,
    "20201006 10:02:05": 0,
    "2020-10-06T100205Z": 0,
    "2020/10/06 10:02:05": 0,
    "2020/10/06 10:02:05.123456": 0,
    "2020.10.06 10:02:05": 0,
    "[2020-10-06 10:02:05]": 0,
    "2020-W41-2T10:02:05Z": 0,
    "2020W412T100205Z": 0,
    "2020-280T10:02:05Z": 0,
    "2020-10-06 10:02:05.123 +0000 UTC": 0,
    "2020-10-06 12:02:05.123 +0200 CEST": 0,
    "2020-10-06 12:02:05.123 +0200 CEST m=+0.000012": 0,
    "2020-10-06T12:02:05+02:00[Europe/Berlin]": 0,
    "2020-10-06T10:02:05Z[UTC]": 0,
    "06/Oct/2020:12:02:05 +0200": 0,
    "[06/Oct/2020:12:02:05 +0200]": 0,
    "06/Oct/2020:10:02:05": 0,
    "06/Oct/2020:10:02:05.123": 0,
    "06/Oct/2020 10:02:05": 0,
    "06-Oct-2020 10:02:05 UTC": 0,
    "Tue, 06 Oct 2020 12:02:05 +0200": 0,
    "Tue, 6 Oct 2020 10:02:05 GMT": 0,
    "Tue,  6 Oct 2020 10:02:05 GMT": 0,
    "06 Oct 2020 10:02:05 -0000": 0,
    "Tue, 06 Oct 2020 05:02:05 EST": 0,
    "Tue, 06 Oct 2020 03:02:05 PDT": 0,
    "Tue, 06 Oct 2020 12:02:05 +0200 (CEST)": 0,
    "6 October 2020 10:02:05": 0,
    "Tue, 06-Oct-2020 10:02:05 GMT": 0,
    "Tue Oct  6 10:02:05 2020": 0,
    "Tue Oct 06 10:02:05.123456 2020": 0,
    "Oct  6 10:02:05 2020": 0,
    "Tue Oct  6 10:02:05 UTC 2020": 0,
    "Tue Oct 06 10:02:05 +0000 2020": 0,
    "Tue Oct 6 12:02:05 2020 +0200": 0,
    "Tue Oct 06 2020 12:02:05 GMT+0200 (Central European Summer Time)": 0,
    "Oct 6, 2020 @ 10:02:05.123": 0,
    "Oct 6, 2020 10:02:05 AM": 0,
    "October 6, 2020, 10:02:05": 0,
    "1601978525": 0,
    "+1601978525": 0,
    "1601978525.123": 0,
    "1601978525123": 0,
    "1601978525123456": 0,
    "1601978525123456789": 0,
    "/Date(1601978525123)/": 0,
    "/Date(1601978525123+0200)/": 0,
}
"""Texts, and how many seconds the instant of each is behind `TIME`, give or take a fraction."""

REFUSED: Final = (
    "",
    " ",
    "now",
    "2020",
    "202010",
    "20201006",
    "202010061002",
    "20201006100205",
    "20201006100205123",
    "2020-10",
    "2020-10-06",
    "2020-10-06Z",
    "10:02:05",
    "06/10/2020",
    "06/10/2020 10:02:05",
    "10/06/2020 10:02:05 AM",
    "6.10.2020 10:02:05",
    "06-10-2020 10:02:05",
    "20/10/06 10:02:05",
    "06 Oct 20 10:02:05 GMT",
    "Tuesday, 06-Oct-20 10:02:05 GMT",
    "Oct  6 10:02:05",
    "Tue 10:02:05",
    "2020-10-06 10:02:05 CET",
    "2020-10-06 10:02:05 EST",
    "2020-10-06 10:02:05 IST",
    "Tue, 06 Oct 2020 10:02:05 CET",
    "Tue Oct  6 10:02:05 CEST 2020",
    "06/Oct/2020:10:02:05 EST",
    "06/Okt/2020:10:02:05 +0200",
    "2020-10-06 10:02:05 +0200 UTC",
    "2020-10-06 10:02:05 GMT+2",
    "2020-10-06 10:02:05 +2",
    "2020-10-06 10:02:05+2400",
    "2020-10-06 10:02:05+0260",
    "2020-10-06  10:02:05",
    "2020-10-06_10:02:05",
    "2020-10-06 1002",
    "2020-10/06 10:02:05",
    "2020-1-6 10:02:05",
    "2020-10-06 9:02:05",
    "2020-10-06T10",
    "2020-10-06 10:02:05.",
    "2020-10-06 10:02:05:123",
    "2020-10-06 10.02.05",
    "2020-10-06 24:00:00",
    "2020-10-06 10:60:00",
    "2020-10-06 10:02:60",
    "2020-13-06 10:02:05",
    "2020-02-30 10:02:05",
    "31/Feb/2020:10:02:05 +0000",
    "2020-W54-1T10:02:05Z",
    "2021-366T10:02:05Z",
    "2020-000T10:02:05Z",
    "Oct 6, 2020 13:02:05 PM",
    "[06/Oct/2020:10:02:05 +0200",
    "2020-10-06 10:02:05]",
    "[1601978525]",
    "0001601978525",
    "1601978525.",
    "1601978525,123",
    "1.601978525e9",
    "--1601978525",
    "1 601 978 525",
    "100000000000000000000",
    "@1601978525",
    "@400000005f7c3b1d00000000",
    "/Date(x)/",
    "\u0662\u0660\u0662\u0660-10-06 10:02:05",
    "0000-12-31T00:00:00Z",
    "0001-01-01T00:00:00+0001",
    "9999-12-31T23:59:59-0001",
)
"""Texts that are no time, or could be more than one."""

MOMENTS = st.datetimes(datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2199-12-31"))
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def meant(text: str | float) -> int | None:
    """Return the second that a body takes a time for, or None where the line is rejected for it."""
    log = json.dumps({"type": "a", "value": 1, "at": text}).encode() + b"\n"
    # The line thrice: the second and third may be read by what was learned of the first.
    summary = summarize(io.BytesIO(log * 3), fields=Fields(time="at"), timing=Timing(by="1s"))
    if summary.account.rejected == {Reason.BAD_TIME: 3}:
        return None
    assert summary.account.accepted == 3
    (bucket,) = summary.buckets
    return bucket.start


@pytest.mark.parametrize("text", READ)
def test_texts_that_mean_one_time(body: str, text: str) -> None:
    """What can mean only one time is read, wherever it comes from."""
    assert meant(text) == TIME + READ[text], body


@pytest.mark.parametrize("text", REFUSED)
def test_texts_that_mean_none_or_many(body: str, text: str) -> None:
    """What is no time, or could be more than one, is no time."""
    assert meant(text) is None, body


def test_the_table_is_long_enough() -> None:
    """At least sixty spellings that are read are tried, and as many that are not."""
    assert min(len(READ), len(REFUSED)) >= 60


@given(moment=MOMENTS, zone=ZONES, separator=st.sampled_from("T "), spec=st.sampled_from(["seconds", "microseconds"]))
def test_iso_is_that_of_datetime(body: str, moment: datetime, zone: timezone, separator: str, spec: str) -> None:
    """A time as datetime writes it is the one that datetime means, in every variant of its marks."""
    moment = moment.replace(tzinfo=zone)
    text = moment.isoformat(separator, spec)
    date, clock, offset = text[:10], text[11:-6], text[-6:]
    compact = offset.replace(":", "")
    second = int(moment.timestamp() // 1)
    for variant in (
        text,
        f"{date}{separator}{clock.replace('.', ',')}{compact}",
        f"{date} {clock} {compact}",
        f"{date} {clock} {offset}",
        f"{date.replace('-', '/')} {clock}{offset}",
        f"{date.replace('-', '')}T{clock.replace(':', '')}{compact}",
        f"[{date} {clock} {compact}]",
    ):
        assert meant(variant) == second, (body, variant)
        assert datetime.fromisoformat(text).timestamp() // 1 == second


@given(moment=MOMENTS, zone=ZONES)
def test_mail_is_that_of_email(body: str, moment: datetime, zone: timezone) -> None:
    """A time as email.utils writes it is the one that it reads, and so is that of a web server."""
    moment = moment.replace(microsecond=0, tzinfo=zone)
    text = format_datetime(moment)
    assert meant(text) == parsedate_to_datetime(text).timestamp() == moment.timestamp(), body
    short = text.partition(", ")[2].replace(" 0", " ")
    assert meant(text.partition(", ")[2]) == moment.timestamp(), short
    weekday, day, month, year, clock, offset = text.split()
    assert meant(f"{day}/{month}/{year}:{clock} {offset}") == moment.timestamp()
    assert meant(f"{weekday[:3]} {month} {day} {clock} {offset} {year}") == moment.timestamp()


@pytest.mark.parametrize("zone", ["UT", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "AST", "ADT"])
def test_zones_of_mail_are_those_of_email(body: str, zone: str) -> None:
    """An abbreviation that mail has means what email.utils takes it for."""
    text = f"Tue, 06 Oct 2020 10:02:05 {zone}"
    assert meant(text) == parsedate_to_datetime(text).timestamp(), body


@given(moment=MOMENTS)
def test_ctime_is_that_of_datetime(body: str, moment: datetime) -> None:
    """A time as ctime writes it is that of datetime, in the zone of the input."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert meant(moment.ctime()) == moment.timestamp(), body
    assert meant(moment.strftime("%b %d %Y %H:%M:%S")) == moment.timestamp()


@given(moment=MOMENTS)
def test_weeks_and_days_of_the_year_are_those_of_datetime(body: str, moment: datetime) -> None:
    """A date by week and day, or by the day of its year, is that of datetime."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    year, week, day = moment.isocalendar()
    assert meant(f"{year}-W{week:02}-{day}T{moment:%H:%M:%S}Z") == moment.timestamp(), body
    assert meant(f"{moment:%Y-%jT%H:%M:%S}Z") == moment.timestamp()


@given(st.integers(-(10**17), 10**20 - 1), st.none() | st.integers(0, 10**6).map(str))
def test_digits_in_a_text_are_the_number(body: str, number: int, fraction: str | None) -> None:
    """A text of digits is the time that the number is, unless the digits are those of a date."""
    text = str(number) if fraction is None else f"{number}.{fraction}"
    if spellings.CALENDAR.fullmatch(text):
        assert meant(text) is None, body
    else:
        expected = spellings.from_number(Decimal(text))
        assert meant(text) == (None if expected is None else expected // NANOS), body
        if fraction is None and -(2**63) <= number < 2**63:
            assert meant(number) == meant(text)


@given(st.text("0123456789-/.: TZ+,WOctueg[]()", max_size=32))
def test_any_text_is_read_alike(text: str) -> None:
    """Whatever a text is, one body takes it for the time that the other one takes it for."""
    if kernel is not None:
        line = json.dumps({"type": "a", "value": 1, "occurred_at": text}).encode() + b"\n"
        assert difference([line], Query(timing=Timing(by="1s"))) is None

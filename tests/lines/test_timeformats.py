"""`eventcli.lines.timeformats`: times in the words of strptime, on both bodies, checked against datetime.strptime."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodies import difference
from eventcli import Fields, Query, Timing, summarize
from eventcli.body import kernel
from eventcli.lines.event import Reason
from eventcli.lines.timeformats import TimeFormat, expanded

DATES: Final = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d %b %Y",
    "%B %d, %Y",
    "%a %d.%m.%Y",
    "%Y%m%d",
    "%Y-%j",
    "%G-W%V-%u",
)
CLOCKS: Final = ("%H:%M:%S", "%H:%M:%S.%f", "%H%M%S", "%I:%M:%S %p", "%H:%M", "T%H.%M.%S,%f", "%H")
OFFSETS: Final = ("", " %z", "%z")
FORMATS = st.tuples(st.sampled_from(DATES), st.sampled_from(CLOCKS), st.sampled_from(OFFSETS)).map(
    lambda parts: f"{parts[0]} {parts[1]}{parts[2]}"
)
MOMENTS = st.datetimes(datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2068-12-30"))


def meant(text: str | int, time_format: str) -> int | None:
    """Return the second that a body takes a time for, or None where the line is rejected for it."""
    log = json.dumps({"type": "a", "value": 1, "at": text}).encode() + b"\n"
    timing = Timing(by="1s", time_format=time_format)
    summary = summarize(io.BytesIO(log * 3), fields=Fields(time="at"), timing=timing)
    if summary.account.rejected == {Reason.BAD_TIME: 3}:
        return None
    assert summary.account.accepted == 3
    (bucket,) = summary.buckets
    return bucket.start


@given(moment=MOMENTS, time_format=FORMATS, minutes=st.integers(-1439, 1439), is_short=st.booleans())
def test_formats_are_those_of_strptime(
    body: str, moment: datetime, time_format: str, minutes: int, *, is_short: bool
) -> None:
    """What strftime writes in a format is read as strptime reads it, also without the zeros that may be left out."""
    text = moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).strftime(time_format)
    if is_short:
        text = text.replace("/0", "/").replace(" 0", " ")
    try:
        read = datetime.strptime(text, time_format)  # noqa: DTZ007  # with an offset, or in UTC
    except ValueError:
        assert is_short
        assert meant(text, time_format) is None, body
        return
    read = read if read.tzinfo else read.replace(tzinfo=UTC)
    assert meant(text, time_format) == read.timestamp() // 1, body


@given(st.text("0123456789/:. -TzZ+UTC", max_size=24), FORMATS)
def test_any_text_is_read_alike(text: str, time_format: str) -> None:
    """What one body takes for a time in a format, the other one takes for the same, in texts and in numbers."""
    if kernel is not None:
        query = Query(timing=Timing(by="1s", time_format=time_format))
        lines = [json.dumps({"type": "a", "value": 1, "occurred_at": text}).encode() + b"\n"]
        if text.isdigit() and (text == "0" or text[0] != "0"):
            lines.append(b'{"type":"a","value":1,"occurred_at":%b}\n' % text.encode())
        assert difference(lines, query) is None


@pytest.mark.parametrize(
    ("time_format", "text", "second"),
    [
        ("%Y%m%d", 20201006, 1601942400),
        ("%Y%m%d%H%M%S", 20201006100205, 1601978525),
        ("%s", 1601978525, 1601978525),
        ("%s", "1601978525", 1601978525),
        ("%s", "-1", -1),
        ("%s.%f", "-0.5", -1),
        ("%s%f", "123456789012345", 123456789012),
        ("%d/%m/%Y %H:%M:%S.%f", "06/10/2020 10:02:05.1234567891234", 1601978525),
        ("%a %b %e %T %Z %Y", "Tue Oct  6 10:02:05 UTC 2020", 1601978525),
        ("%F %T %z %Z", "2020-10-06 12:02:05 +0200 CEST", 1601978525),
        ("%FT%T%z", "2020-10-06T12:02:05+02", 1601978525),
        ("%FT%T%z", "2020-10-06T10:02:05Z", 1601978525),
        ("%D %R", "10/06/20 10:02", 1601978520),
        ("%y%%%m%%%d", "69%01%02", -31449600),
        ("%F %T", "2016-12-31 23:59:60", 1483228799),
        ("%Y-%m-%dT%H:%M", "2020-10-06t10:02", 1601978520),
        ("%Y-%d-%m %H", "2020-10-06 10", 1591783200),
    ],
)
def test_directives_beside_those_of_strptime(body: str, time_format: str, text: str | int, second: int) -> None:
    """Epochs, nanoseconds, short forms and numbers are read in formats, too."""
    assert meant(text, time_format) == second, body


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("%d/%m/%Y", "13/13/2020"),
        ("%d/%m/%Y", "30/02/2020"),
        ("%d/%m/%Y", "06/10/2020 "),
        ("%d/%m/%Y", "2020-10-06"),
        ("%d/%m/%Y", 1601978525),
        ("%F %Z", "2020-10-06 CET"),
        ("%F %I %p", "2020-10-06 13 PM"),
        ("%Y-%j", "2021-366"),
        ("%G-%V-%u", "2021-53-1"),
        ("%F %z", "2020-10-06 +2400"),
        ("%s", "999999999999"),
        ("%s", "1e9"),
        ("%F %H", "2020-10-06 24"),
        ("%F", ""),
    ],
)
def test_what_does_not_have_the_format(body: str, time_format: str, text: str | int) -> None:
    """What has another form than the one described, or is no real time, is no time."""
    assert meant(text, time_format) is None, body


@pytest.mark.parametrize(
    ("time_format", "words"),
    [
        ("%Q", "which is none of %Y"),
        ("%c", "which is none of %Y"),
        ("%Y-%m-%d %", "which is none of %Y"),
        ("%", "which is none of %Y"),
        ("", "tells no date"),
        ("yesterday", "tells no date"),
        ("%H:%M", "tells no date"),
        ("%m-%d %H:%M", "tells no date"),
        ("%Y-%m", "tells no date"),
        ("%Y-%m-%d %Y", "says twice"),
        ("%F %D", "says twice"),
        ("%Y-%m-%d %j", "more than one date"),
        ("%F %I", "need each other"),
        ("%F %H %p", "need each other"),
        ("%s %H", "beside %s"),
    ],
)
def test_formats_that_are_none(time_format: str, words: str) -> None:
    """A format with an unknown directive, or one that leaves open when something was, is refused in words."""
    with pytest.raises(ValueError, match=words):
        TimeFormat(time_format)
    with pytest.raises(ValueError, match=words):
        summarize(io.BytesIO(b""), timing=Timing(time_format=time_format))


def test_short_directives_are_written_out() -> None:
    """Directives that stand for others are replaced, and a percent sign stays one."""
    assert expanded("%F%%F %T") == "%Y-%m-%d%%F %H:%M:%S"

"""`eventcli.lines.clock`: the time of an event, as a query asks for it."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Fields, Timing, dump, summarize
from eventcli.lines.clock import Clock
from eventcli.lines.zones import END, FIRST, NANOS
from eventcli.reporting.formats import FORMATS

ZONES: Final = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "-23:59", "+23:59")
RFC_3339: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}"
EDGES = st.integers(-100_000, 100_000).flatmap(lambda near: st.sampled_from([FIRST + near, END + near]))


@given(
    second=EDGES | st.integers(FIRST, END - 1), zone=st.sampled_from(ZONES), by=st.sampled_from(["hour", "day", "week"])
)
@example(second=FIRST, zone="America/New_York", by="day")
@example(second=END - 1, zone="Europe/Berlin", by="day")
def test_every_bucket_can_be_written_down(body: str, second: int, zone: str, by: str) -> None:
    """A time is used if its year in the zone of the buckets is 1 to 9999; its bucket has the form of RFC 3339."""
    log = io.BytesIO(json.dumps({"type": "a", "value": 1, "at": _text(second)}).encode()) if _text(second) else None
    if log is None:
        return
    summary = summarize(log, fields=Fields(time="at"), timing=Timing(by=by, zone=zone))
    is_used = summary.account.accepted == 1
    for text in (FORMATS["jsonl"](summary).decode(), dump(summary).decode()):
        starts = re.findall(r'"start":"(.*?)"', text)
        assert len(starts) == is_used, body
        assert all(re.fullmatch(RFC_3339, start) and datetime.fromisoformat(start) for start in starts)
    if FIRST + 2 * 86_400 <= second < END - 2 * 86_400:
        assert is_used


def _text(second: int) -> str | None:
    """Return an instant in RFC 3339; None where it is in no year."""
    if not FIRST <= second < END:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).isoformat()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("06/10/2020", "no time that can be read (ISO 8601, RFC 2822, "),
        ("9999-12-31T23:59:59Z", "that is not in the years 1 to 9999 in Europe/Berlin"),
    ],
)
def test_why_a_time_is_none(text: str, words: str) -> None:
    """The reason says which forms can be read, or that the year is none."""
    clock = Clock(Timing(by="day", zone="Europe/Berlin"))
    assert clock.of_text(text) is None
    assert clock.why_not(text).startswith(words)
    assert Clock(Timing(zone="Europe/Berlin")).of_text("9999-12-31T23:59:59Z") == (END - 1) * NANOS
    described = Clock(Timing(time_format="%F"))
    assert described.why_not(text) == "no time that can be read as '%F' has it (--time-format)"

"""The bounds of a time window, as users write them: times, dates, how long ago, today, and Python datetimes."""

import re
import time
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from eventcli.lines.spellings import from_text
from eventcli.lines.zones import DAY, END, EPOCH, FIRST, NANOS, local_offset, offset

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY}

_AGO: Final = r"(?:now)?-?((?:[0-9]{1,9}[smhdw])+)(?: ?ago)?|([0-9]{1,9}) ?(second|sec|minute|min|hour|day|week)s? ago"

_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}

# 24 of some unit, more likely than a second in 1970; write @24 for that.
_BARE: Final = r"[+-]?(?!0$)[0-9]{1,8}(?:\.[0-9]*)?"

_OPTION: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2})([Zz]|[+-][0-9]{2}:?[0-9]{2})?"

Bound = int | str | date
"""Nanoseconds since the epoch, a text as `from_option` reads it, a datetime, or a date: its first instant."""


def from_option(text: str, zone: tzinfo, now: int | None = None) -> int:
    """Return the instant that a user wrote, in nanoseconds since the epoch; ValueError if it is invalid.

    It is a time as in events (see `spellings`), a date, a duration before `now` (`24h`, `7d`), `now`, `today` or
    `yesterday`. Without an offset, it is in `zone`.

    >>> from datetime import UTC
    >>> from_option("2020-10-06", UTC) == from_option("2020-10-06T02:00+02:00", UTC) == 1601942400 * NANOS
    True
    >>> from_option("1h30m", UTC, now=1601978525 * NANOS) // NANOS
    1601973125
    """
    instant = _relative(text.lower(), zone, time.time_ns() if now is None else now)
    if instant is None and not re.fullmatch(_BARE, text, re.ASCII):
        day = re.fullmatch(_OPTION, text, re.ASCII)
        instant = from_text(f"{day[1]}T00:00:00{day[2] or ''}" if day else text.removeprefix("@"), zone)
    if instant is None or not FIRST * NANOS <= instant < END * NANOS:
        raise ValueError(
            f"{text!r} is no time such as 2020-10-06, 2020-10-06 10:02:05, 2020-10-06T10:02:05+02:00, 24h, 7d,"
            " today, yesterday, now or 1601978525"
        )
    return instant


def is_relative(text: str | None) -> bool:
    """Whether a text is a time before now, or now itself, which nobody means to the second."""
    return text is not None and (text.lower() == "now" or re.fullmatch(_AGO, text.lower(), re.ASCII) is not None)


def is_moving(text: str | None) -> bool:
    """Whether a text names another instant at another time: a relative one, or a day such as today."""
    return is_relative(text) or (text is not None and text.lower() in _DAYS)


def instant_of(bound: Bound, zone: tzinfo) -> int:
    """Return a bound in nanoseconds since the epoch; a datetime is exact to the microsecond. `zone` is the default."""
    if isinstance(bound, int):
        return bound
    if isinstance(bound, str):
        return from_option(bound, zone)
    if not isinstance(bound, datetime):
        bound = datetime(bound.year, bound.month, bound.day)  # noqa: DTZ001  # a local date
    ahead = bound.utcoffset()
    local = bound.replace(tzinfo=None)
    if ahead is None:
        whole = (local - EPOCH) // timedelta(seconds=1)
        ahead = timedelta(seconds=local_offset(zone, whole))
    return (local - EPOCH - ahead) // timedelta(microseconds=1) * 1000


def _relative(text: str, zone: tzinfo, now: int) -> int | None:
    """Return the instant that a text means relative to another one, or None."""
    if text == "now":
        return now
    if text in _DAYS:
        second = now // NANOS
        day = (second + offset(zone, second)) // DAY + _DAYS[text]
        return (day * DAY - local_offset(zone, day * DAY)) * NANOS
    ago = re.fullmatch(_AGO, text, re.ASCII)
    if ago is None:
        return None
    parts = re.findall("([0-9]+)([smhdw])", ago[1]) if ago[1] else [(ago[2], ago[3][0])]
    return now - sum(int(number) * _UNITS[unit] for number, unit in parts) * NANOS

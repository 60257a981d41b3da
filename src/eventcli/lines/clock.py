"""Reads the time of an event for a query: turns a text or a number into an instant, if it is one.

Without a format, a time is read as in `spellings`. If events are counted in buckets, a time outside the years 1 to 9999
in their zone is invalid: its bucket could not be written down.
"""

from decimal import Decimal
from functools import lru_cache

import eventcli.lines
from eventcli.lines.query import Timing
from eventcli.lines.spellings import READABLE, from_number, from_text
from eventcli.lines.zones import END, FIRST, NANOS, years, zone


class Clock:
    """Reads times for a query."""

    def __init__(self, timing: Timing) -> None:
        """Raise ValueError if a zone or the format is invalid."""
        self._zone = zone(timing.input_zone)
        self._format = None
        if timing.time_format is not None:
            self._format = eventcli.lines.timeformats.time_format(timing.time_format)
        self._name = timing.zone
        first, end = (FIRST, END) if timing.by is None else years(zone(timing.zone))
        self._first, self._end = first * NANOS, end * NANOS

    def of_text(self, text: str) -> int | None:
        """Return the instant of a text in nanoseconds since the epoch, or None."""
        instant = self._anywhere(text)
        return instant if instant is not None and self._first <= instant < self._end else None

    def _anywhere(self, text: str) -> int | None:
        return from_text(text, self._zone) if self._format is None else self._format.instant(text, self._zone)

    def of_number(self, literal: str) -> int | None:
        """Return the instant of a number as written, or None. It has few enough digits for an exact value."""
        if self._format is not None:
            return self.of_text(literal)
        instant = from_number(Decimal(literal))
        return instant if instant is not None and self._first <= instant < self._end else None

    def why_not(self, text: str) -> str:
        """Return in words why a text, or a number as written, has no instant."""
        if self._anywhere(text) is not None:
            return f"that is not in the years 1 to 9999 in {self._name}"
        if self._format is not None:
            return f"no time that can be read as {self._format.text!r} has it (--time-format)"
        return f"no time that can be read ({READABLE}; others by --time-format)"


@lru_cache
def clock_of(timing: Timing) -> Clock:
    """Return the clock for a query; ValueError if a zone or the format is invalid."""
    return Clock(timing)

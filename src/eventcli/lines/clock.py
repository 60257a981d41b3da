"""The time of an event, as a query asks for it: a text or a number becomes an instant, or is none.

Without a format of its own a time is read as `spellings` reads it. Where events are counted in buckets, a time that is
not in the years 1 to 9999 in their zone is none: its bucket could not be written down.
"""

from decimal import Decimal
from functools import lru_cache

from eventcli.lines.query import Timing
from eventcli.lines.spellings import READABLE, from_number, from_text
from eventcli.lines.zones import END, FIRST, NANOS, years, zone


class Clock:
    """Reads times for a query."""

    def __init__(self, timing: Timing) -> None:
        """ValueError where a zone or the format is none."""
        self._zone = zone(timing.input_zone)
        self._format = None
        if timing.time_format is not None:
            from eventcli.lines.timeformats import time_format  # noqa: PLC0415  # runs that give none

            self._format = time_format(timing.time_format)
        self._name = timing.zone
        first, end = (FIRST, END) if timing.by is None else years(zone(timing.zone))
        self._first, self._end = first * NANOS, end * NANOS

    def of_text(self, text: str) -> int | None:
        """Return the instant of a text in nanoseconds of the epoch, or None."""
        instant = self._anywhere(text)
        return instant if instant is not None and self._first <= instant < self._end else None

    def _anywhere(self, text: str) -> int | None:
        return from_text(text, self._zone) if self._format is None else self._format.instant(text, self._zone)

    def of_number(self, literal: str) -> int | None:
        """Return the instant of a number as it is written, or None. Its digits are few enough for an exact value."""
        if self._format is not None:
            return self.of_text(literal)
        instant = from_number(Decimal(literal))
        return instant if instant is not None and self._first <= instant < self._end else None

    def why_not(self, text: str) -> str:
        """Return in words why there is no instant for a text, or for a number as it is written."""
        if self._anywhere(text) is not None:
            return f"that is not in the years 1 to 9999 in {self._name}"
        if self._format is not None:
            return f"no time that can be read as {self._format.text!r} has it (--time-format)"
        return f"no time that can be read ({READABLE}; others by --time-format)"


@lru_cache
def clock_of(timing: Timing) -> Clock:
    """Return what reads times for a query; ValueError where a zone or the format is none."""
    return Clock(timing)

"""Whether results belong together: the questions they answer, how their buckets are cut, whether one occurs twice.

A saved summary records all that. A printed result does not, so it is judged by the starts of its buckets: starts that
no bucket size and no time zone could produce are refused; possible ones are not.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import eventcli.lines
from eventcli.errors import WrongUsageError
from eventcli.lines.query import Bucket, Calendar
from eventcli.summary.asked import Asked
from eventcli.summary.summary import CalendarError, Summary

_DAY: Final = 86_400

_CLOCK: Final = (("hour", 3600), ("5m", 300), ("minute", 60))

_GRAINS: Final = ("minute", "5m", "hour", "day", "week", "month")

_EPOCH_WEEKDAY: Final = 3
"""Days from a Monday to the epoch, which was a Thursday."""

_MANY: Final = 10
"""One start in this many may be off the grid: when clocks change, buckets begin at odd times."""

_SKIPPED: Final = (1800, 3600)
"""Seconds that clocks skip."""

_MOST_COMPARED: Final = 10_000
"""Maximum starts of one result that are compared with time zones."""


class MixedError(WrongUsageError, ValueError):
    """Two results do not belong together; the message names both, and says why."""


class Result(NamedTuple):
    """One saved summary, or all rows of a printed result.

    `asked` is None if unknown. `is_timed` says whether it has rows in buckets of time, `is_plain` whether it has
    others; a result without rows may have neither.
    """

    summary: Summary
    asked: Asked | None = None
    is_printed: bool = False
    is_timed: bool = False
    is_plain: bool = False


class Kinship:
    """The common facts of the results added so far; each further one must belong to them."""

    def __init__(self) -> None:
        """Begin without results: any may be the first."""
        self.asked: Asked | None = None
        """The question that all results together answer, as far as known."""
        self._asked_by = ""
        self._calendar: tuple[str, Calendar] | None = None
        self._timed = ""
        self._plain = ""
        self._printed = ""
        self._grain: tuple[str, frozenset[str]] | None = None
        self._starts: set[Bucket] = set()
        self._zones: list[str] | None = None

    @property
    def calendar(self) -> Calendar | None:
        """How the buckets of all are cut, if a saved summary says it."""
        return None if self._calendar is None else self._calendar[1]

    def add(self, name: str, result: Result) -> None:
        """Add a result; MixedError or CalendarError if it does not belong to the others."""
        if result.asked is not None:
            self._add_asked(name, result.asked)
        self._add_form(name, result)
        if result.summary.calendar is not None:
            self._add_calendar(name, result.summary.calendar)
        if result.is_printed and result.is_timed:
            self._add_starts(name, sorted(result.summary.buckets))

    def _add_asked(self, name: str, asked: Asked) -> None:
        if self.asked is None:
            self.asked, self._asked_by = asked, name
            return
        # Buckets are checked separately.
        ours = self.asked._replace(calendar=asked.calendar)
        difference = ours.difference(asked)
        if difference is not None:
            raise MixedError(f"{self._asked_by} and {name} answer different questions: {difference}")
        self.asked = self.asked.join(asked)

    def _add_form(self, name: str, result: Result) -> None:
        """Record whether a result is in buckets of time, which one without rows does not show."""
        self._timed = self._timed or (name if result.is_timed else "")
        self._plain = self._plain or (name if result.is_plain else "")
        if self._timed and self._plain:
            if self._timed == self._plain:
                raise MixedError(f"{name} holds results with and without buckets of time")
            raise MixedError(f"{self._timed} is in buckets of time, {self._plain} is not")

    def _add_calendar(self, name: str, calendar: Calendar) -> None:
        if self._calendar is None:
            self._calendar = name, calendar
            self._check_starts(name, self._starts)
        known = self._calendar[1]
        if calendar != known:
            raise CalendarError(
                f"buckets by {known.by} ({known.zone}) and by {calendar.by} ({calendar.zone}) cannot be merged"
            )
        self._add_grain(name, frozenset((calendar.by,)))

    def _add_starts(self, name: str, starts: list[Bucket]) -> None:
        self._add_grain(name, _grains(starts))
        self._check_starts(name, starts)
        some = starts[:: max(1, len(starts) // _MOST_COMPARED)]
        if self._calendar is None:
            self._check_zones(name, some)
        self._printed = self._printed or name
        self._starts.update(some)

    def _add_grain(self, name: str, grains: frozenset[str]) -> None:
        if self._grain is None:
            self._grain = name, grains
            return
        other, known = self._grain
        if not known & grains:
            raise MixedError(
                f"{other} looks like buckets by {_either(known)}, {name} like buckets by {_either(grains)}"
            )
        # The message names the result that leaves the least choice.
        self._grain = (name if len(grains) < len(known) else other), known & grains

    def _check_starts(self, name: str, starts: Iterable[Bucket]) -> None:
        """Raise MixedError if a printed bucket does not fit the calendar of a saved summary."""
        if self._calendar is None:
            return
        other, (by, zone) = self._calendar
        printed = self._printed if name == other else name
        try:
            buckets = eventcli.lines.times.Buckets(by, zone)
        except ValueError:
            return  # a zone that is unknown here
        for start in starts:
            if buckets.bucket(start.start) != start:
                label = eventcli.lines.times.label(start)
                raise MixedError(
                    f"{other} is in buckets by {by} ({zone}),"
                    f" and none of these starts at {label} as one in {printed} does"
                )

    def _check_zones(self, name: str, starts: list[Bucket]) -> None:
        """Raise MixedError if no time zone has all offsets at their instants."""
        if self._zones is None:
            if len({start.offset for start in (*self._starts, *starts)}) < 2:  # noqa: PLR2004  # one is that of a zone
                return
            import zoneinfo  # noqa: PLC0415  # keeps start-up fast for runs without times

            self._zones = _having(zoneinfo.available_timezones(), self._starts)
        self._zones = _having(self._zones, starts)
        if not self._zones:
            other = self._printed or name
            where = f"{name} holds buckets" if other == name else f"{other} and {name} hold buckets"
            raise MixedError(f"{where} of different time zones")


def _having(zones: Iterable[str], starts: Iterable[Bucket]) -> list[str]:
    def known() -> Iterator[str]:
        for name in zones:
            try:
                zone = eventcli.lines.zones.zone(name)
            except ValueError:
                continue
            if all(eventcli.lines.zones.offset(zone, start) == offset for start, offset in starts):
                yield name

    return list(known())


def _grains(starts: list[Bucket]) -> frozenset[str]:
    """Return the bucket sizes that these starts probably have.

    Of those shorter than a day, it is the largest that fits.

    A single midnight may be the start of a day, a week or a month. Two or more that are all Mondays are weeks.
    """
    local = [start + offset for start, offset in _regular(starts)]
    if not local:
        return frozenset(_GRAINS)
    if _fit([second % _DAY for second in local], _is_zero):
        days = [second // _DAY for second in local]
        longer = {name for name, is_first in (("week", _is_monday), ("month", _is_first)) if _fit(days, is_first)}
        if longer and len(days) > 1:
            return frozenset(longer)
        return frozenset({"day", *longer})
    for name, size in _CLOCK:
        if _fit([second % size for second in local], _is_zero):
            return frozenset((name,))
    return frozenset(("minute",))


def _regular(starts: list[Bucket]) -> list[Bucket]:
    """Return the starts without those that a change of the clocks moved: where it skips midnight, a day begins at 1:00.

    Of the first start it is not known how the clocks were before.
    """
    regular: list[Bucket] = []
    before: Bucket | None = None
    for start in starts:
        second = (start.start + start.offset) % _DAY
        skipped = _SKIPPED if before is None else (start.offset - before.offset,)
        if second == 0 or second not in skipped:
            regular.append(start)
        before = start
    return regular


def _fit(numbers: list[int], is_fit: Callable[[int], bool]) -> bool:
    misfits = sum(not is_fit(number) for number in numbers)
    return misfits <= len(numbers) // _MANY


def _is_zero(second: int) -> bool:
    return second == 0


def _is_monday(day: int) -> bool:
    return (day + _EPOCH_WEEKDAY) % 7 == 0


def _is_first(day: int) -> bool:
    return eventcli.lines.times.label(Bucket(day * _DAY))[-len("01T00:00:00+00:00") :][:2] == "01"


def _either(grains: frozenset[str]) -> str:
    return " or ".join(name for name in _GRAINS if name in grains)

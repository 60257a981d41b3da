"""Sorts times into buckets that follow the rules of a time zone.

A bucket is identified by its first instant, in whole seconds since the epoch. Buckets of seconds, minutes and hours are
fixed lengths of local time, counted from midnight; if the clock changes within one, a new one begins. Buckets of days,
weeks and months follow the local date.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from eventcli.lines.bounds import from_option
from eventcli.lines.query import Bucket, unit_of
from eventcli.lines.spellings import from_number, from_text
from eventcli.lines.zones import DAY as _DAY
from eventcli.lines.zones import END as _END
from eventcli.lines.zones import EPOCH_DAY as _EPOCH_DAY
from eventcli.lines.zones import NANOS, ZoneError, canonical, local_offset, offset, years, zone

__all__ = [
    "NANOS",
    "Buckets",
    "Region",
    "Span",
    "ZoneError",
    "canonical",
    "from_label",
    "from_number",
    "from_option",
    "from_text",
    "label",
    "local_offset",
    "local_span",
    "offset",
    "shown",
    "zone",
]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}

_LABEL: Final = r"([0-9]{4,5}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?"

_CYCLE: Final = 146_097
"""Days in 400 years, after which the calendar repeats itself."""

_MARGIN: Final = 62
"""Days at the ends of the calendar whose month, or the next one, may lie beyond."""

# The offset of a zone is looked up day by day in a window of this many seconds (24 days): no zone has changed its
# clock back and forth within one day.
_WINDOW: Final = 1 << 21


class Region(NamedTuple):
    """A range of instants in which buckets are regular.

    The bucket of an instant `t` in [`start`, `end`) begins at `first + (t - start) // size * size`. All are seconds.
    """

    start: int
    end: int
    size: int
    first: int

    def bucket_start(self, second: int) -> int:
        """Return the start of the bucket of an instant in this region."""
        return self.first + (second - self.start) // self.size * self.size


class Span(NamedTuple):
    """A range of local time, in seconds, with a constant offset from UTC."""

    start: int
    end: int
    offset: int


def label(bucket: Bucket) -> str:
    """Return the start of a bucket, in RFC 3339 with the offset of its zone.

    >>> label(Bucket(1601978400, 7200))
    '2020-10-06T12:00:00+02:00'
    """
    start, offset = bucket
    day, second = divmod(start + offset, _DAY)
    return f"{_date_label(day)}T{_clock_label(second)}{_offset_label(offset)}"


def shown(bucket: Bucket) -> str:
    """Return the label for people and other programs: RFC 3339 only has offsets in whole minutes.

    Before time zones, offsets had seconds. The local time is kept, and the offset is rounded to the nearest minute.

    >>> shown(Bucket(-5364665608, 3208)), label(Bucket(-5364665608, 3208))
    ('1800-01-01T00:00:00+00:53', '1800-01-01T00:00:00+00:53:28')
    """
    start, offset = bucket
    whole = round(offset / 60) * 60
    return label(Bucket(start + offset - whole, whole) if whole != offset else bucket)


@lru_cache(maxsize=1440)  # the minutes of a day
def _clock_label(second: int) -> str:
    minute = second // 60
    return f"{minute // 60:02}:{minute % 60:02}:{second % 60:02}"


@lru_cache
def _date_label(day: int) -> str:
    shift = _shift(day)
    local = date.fromordinal(day + _EPOCH_DAY + shift * _CYCLE)
    return f"{local.year - shift * 400:04}-{local.month:02}-{local.day:02}"


@lru_cache
def _offset_label(ahead: int) -> str:
    hours, rest = divmod(abs(ahead), 3600)
    # Before time zones, offsets had seconds; without them it would be another time, see `shown`.
    seconds = f":{rest % 60:02}" if rest % 60 else ""
    return f"{'-' if ahead < 0 else '+'}{hours:02}:{rest // 60:02}{seconds}"


@lru_cache(16_384)  # two years of hours, which a server reads again after each commit
def from_label(text: str) -> Bucket | None:
    """Return the bucket for which `label` wrote this text, or None.

    >>> from_label("2020-10-06T12:00:00+02:00")
    Bucket(start=1601978400, offset=7200)
    """
    match = re.fullmatch(_LABEL, text, re.ASCII)
    if match is None:
        return None
    local, sign, *parts = match.groups()
    offset = int(f"{sign}1") * sum(int(part or 0) * size for part, size in zip(parts, (3600, 60, 1), strict=True))
    year, month, rest = local.split("-")
    shift = (int(year) < 1) - (int(year) > date.max.year)
    try:
        moved = datetime.fromisoformat(f"{int(year) + 400 * shift:04}-{month}-{rest}")
    except ValueError:
        return None
    seconds = (moved.toordinal() - _EPOCH_DAY - shift * _CYCLE) * _DAY
    seconds += moved.hour * 3600 + moved.minute * 60 + moved.second
    bucket = Bucket(seconds - offset, offset)
    return bucket if label(bucket) == text else None


def _shift(day: int) -> int:
    """Return the number of 400-year cycles to move a day by, so that it and its month are in the calendar."""
    ordinal = day + _EPOCH_DAY
    return (ordinal < _MARGIN) - (ordinal > date.max.toordinal() - _MARGIN)


def local_span(zone: tzinfo, second: int) -> Span:
    """Return the range of local time around `second`, at most a window long, that has one offset."""
    window = second - second % _WINDOW
    return _stretch(second, window, window + _WINDOW, lambda at: local_offset(zone, at))


def _size_of(by: str) -> int | None:
    """Return the seconds of a bucket size that follows the clock; None for one that follows the date."""
    if by in ("minute", "hour"):
        return 60 if by == "minute" else 3600
    return None if by in ("day", "week", "month") else int(by[:-1]) * _SECONDS[by[-1]]


class Buckets:
    """The buckets of one size in one time zone."""

    def __init__(self, by: str, zone_name: str) -> None:
        """Take a size as for `unit_of`, and a zone name: ValueError if there is no such zone."""
        self._by = unit_of(by)
        self._size = _size_of(self._by)
        self._zone = zone(zone_name)
        self._regions: list[Region] = []
        # Most instants are in the same bucket as the previous one.
        self._last = Region(0, 0, 1, 0)
        self._last_bucket = self.bucket_at(0)

    def bucket(self, second: int) -> Bucket:
        """Return the bucket of an instant."""
        region = self._last
        if not region.start <= second < region.end:
            region = self._last = self.region(second)
        start = region.bucket_start(second)
        if start != self._last_bucket.start:
            self._last_bucket = self.bucket_at(start)
        return self._last_bucket

    def lacks(self, second: int) -> bool:
        """Whether an instant has no bucket that can be written down: its local time is outside the years 1 to 9999."""
        first, end = years(self._zone)
        return not first <= second < end

    def bucket_at(self, start: int) -> Bucket:
        """Return the bucket that begins at `start`."""
        return Bucket(start, offset(self._zone, start))

    def between(self, since: int, until: int) -> Iterator[Bucket]:
        """Yield every bucket that contains an instant in [since, until), in order."""
        last = None
        while since < until:
            region = self.region(since)
            begin = region.bucket_start(since)
            for start in range(begin, region.first + min(until, region.end) - region.start, region.size):
                if last is None or start > last:
                    last = start
                    yield self.bucket_at(start)
            since = region.end

    def region(self, second: int) -> Region:
        """Return the region that contains an instant. Regions do not overlap."""
        at = bisect_right(self._regions, (second, _END)) - 1
        if at >= 0 and second < self._regions[at].end:
            return self._regions[at]
        size = self._size
        region = self._region_of_date(second) if size is None else self._region_of_clock(second, size)
        self._regions.insert(at + 1, region)
        return region

    def _region_of_clock(self, second: int, size: int) -> Region:
        window, change, end, ahead = self._stretch(second)
        grid = second - (second + ahead) % size
        if grid < change or grid + size > end:
            # The clock changes within this hour: a bucket ends, or begins, at the change.
            start, stop = max(grid, change), min(grid + size, end)
            return Region(start, stop, stop - start, start)
        first, last = max(change, window), min(end, window + _WINDOW)
        first += -(first + ahead) % size
        last -= (last + ahead) % size
        if first <= second < last:
            return Region(first, last, size, first)
        return Region(grid, grid + size, size, grid)

    def _region_of_date(self, second: int) -> Region:
        window, change, end, ahead = self._stretch(second)
        first_day, next_day = self._period((second + ahead) // _DAY)
        if self._by == "day":
            # Whole days between two clock changes; the first one may have begun before the change.
            begin, last = max(change + 1, window), min(end, window + _WINDOW)
            begin += -(begin + ahead) % _DAY
            last -= (last + ahead) % _DAY
            while begin < last and self._first_instant((begin + ahead) // _DAY) != begin:
                begin += _DAY
            if begin <= second < last:
                return Region(begin, last, _DAY, begin)
        start = max(first_day * _DAY - ahead, change, window)
        stop = min(next_day * _DAY - ahead, end, window + _WINDOW)
        return Region(start, stop, stop - start, self._first_instant(first_day))

    def _period(self, day: int) -> tuple[int, int]:
        """Return the first day of the day, week or month, and that of the next one; days since the epoch."""
        if self._by == "day":
            return day, day + 1
        if self._by == "week":
            monday = day - (day + 3) % 7
            return monday, monday + 7
        shift = _shift(day) * _CYCLE
        first = date.fromordinal(day + _EPOCH_DAY + shift).replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        return first.toordinal() - _EPOCH_DAY - shift, following.toordinal() - _EPOCH_DAY - shift

    def _first_instant(self, day: int) -> int:
        local = day * _DAY
        return local - local_offset(self._zone, local)

    def _stretch(self, second: int) -> tuple[int, int, int, int]:
        """Return the start of the window, the offset changes around `second`, and the offset between them.

        If there is no change up to a day beyond the window, that limit takes its place.
        """
        window = second - second % _WINDOW
        low, high = window - _DAY, window + _WINDOW + _DAY
        if self._zone is UTC:
            return window, low, high, 0
        return window, *_stretch(second, low, high, lambda at: offset(self._zone, at))


def _stretch(second: int, low: int, high: int, offset_at: Callable[[int], int]) -> Span:
    """Return the range around `second` within [low, high) that has one offset."""
    ahead = offset_at(second)
    start = end = second
    while start > low:
        before = max(low, start - _DAY)
        if offset_at(before) != ahead:
            start = _change(before, start, offset_at)
            break
        start = before
    while end < high:
        behind = min(high, end + _DAY)
        if offset_at(behind) != ahead:
            end = _change(end, behind, offset_at)
            break
        end = behind
    return Span(start, end, ahead)


def _change(low: int, high: int, offset_at: Callable[[int], int]) -> int:
    """Return the first second that has the offset of `high` instead of that of `low`."""
    ahead = offset_at(low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle) == ahead:
            low = middle
        else:
            high = middle
    return high

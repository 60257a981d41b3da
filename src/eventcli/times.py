"""Times: read from what logs hold, and sorted into buckets that follow the rules of a time zone.

An instant is a whole number of nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. A bucket is known by its
first instant, in whole seconds. Buckets of minutes and hours are runs of the same minute or hour of local time; where
the clock is changed within one, a new one begins. Buckets of days, weeks and months go by the local date.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from eventcli.event import UNITS, Bucket

NANOS: Final = 1_000_000_000
"""Nanoseconds of a second."""

_DAY: Final = 86_400
_SIZES: Final = {"minute": 60, "5m": 300, "hour": 3600}

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # local times are reckoned without a zone
_EPOCH_DAY: Final = _EPOCH.toordinal()
_FIRST: Final = (1 - _EPOCH_DAY) * _DAY
_END: Final = (date.max.toordinal() + 1 - _EPOCH_DAY) * _DAY
"""The years 1 to 9999, which RFC 3339 and Python can write, in seconds of the epoch."""

_DATE: Final = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_CLOCK: Final = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
_TEXT: Final = re.compile(rf"{_DATE}[ Tt]{_CLOCK}(?:([Zz])|([+-])([0-9]{{2}}):([0-9]{{2}}))?", re.ASCII)
_LABEL: Final = r"([0-9]{4,5}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?"
_LEAP_SECOND: Final = 60

_CYCLE: Final = 146_097
"""Days of 400 years, after which the calendar repeats itself."""

_MARGIN: Final = 62
"""Days at the ends of the calendar whose month, or the next one, may lie beyond."""

# A number is seconds, milliseconds, microseconds or nanoseconds: each scale covers the years 1 to 5138 or more, and
# instants since March 1973 cannot be taken for another one.
_SCALES: Final = ((Decimal(10**11), 9), (Decimal(10**14), 6), (Decimal(10**17), 3), (Decimal(10**20), 0))

# The offset of a zone is looked up day by day in a window of this many seconds (24 days): no zone has changed its clock
# there and back within one day.
_WINDOW: Final = 1 << 21


class ZoneError(ValueError):
    """There is no such time zone."""


class Region(NamedTuple):
    """A stretch of instants in which buckets are regular.

    The bucket of an instant `t` in [`start`, `end`) begins at `first + (t - start) // size * size`. All are seconds.
    """

    start: int
    end: int
    size: int
    first: int

    def bucket_start(self, second: int) -> int:
        """Return where the bucket of an instant in this region begins."""
        return self.first + (second - self.start) // self.size * self.size


class Span(NamedTuple):
    """A stretch of local time, in seconds, and the offset from UTC that it has."""

    start: int
    end: int
    offset: int


@lru_cache
def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name; ZoneError where there is none."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # start-up of runs in UTC

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ZoneError(f"{name!r} is no time zone such as Europe/Berlin") from error


def from_text(text: str, input_zone: tzinfo) -> int | None:
    """Return the instant of a text as RFC 3339 has it (also with a space, or without an offset), or None.

    Without an offset it is a time of `input_zone`; of a time that the clock shows twice the first is meant. 23:59:60Z
    at the end of June or December, where leap seconds are, is taken as the last nanosecond before. What is shorter
    than a nanosecond is cut.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, is_utc, sign, offset_hour, offset_minute = match.groups()[6:]
    is_leap = second == _LEAP_SECOND
    try:
        local = datetime(year, month, day, hour, minute, second - is_leap)  # noqa: DTZ001
    except ValueError:
        return None
    seconds = (local.toordinal() - _EPOCH_DAY) * _DAY + hour * 3600 + minute * 60 + second - is_leap
    if sign:
        if int(offset_hour) > 23 or int(offset_minute) > 59:  # noqa: PLR2004
            return None
        offset = int(f"{sign}1") * (int(offset_hour) * 3600 + int(offset_minute) * 60)
    else:
        offset = 0 if is_utc else local_offset(input_zone, seconds)
    seconds -= offset
    if not _FIRST <= seconds < _END or (is_leap and not _is_leap_second(seconds)):
        return None
    nanos = NANOS - 1 if is_leap else int((fraction or "0")[:9].ljust(9, "0"))
    return seconds * NANOS + nanos


def from_option(text: str, zone: tzinfo) -> int:
    """Return the instant that a user wrote: as `from_text` reads it, or a date, or without the seconds; or ValueError.

    >>> from_option("2020-10-06", UTC) == from_option("2020-10-06T02:00+02:00", UTC) == 1601942400 * NANOS
    True
    """
    match = re.fullmatch(r"([0-9-]{10})(?:[ Tt]([0-9]{2}:[0-9]{2}))?([Zz]|[+-][0-9]{2}:[0-9]{2})?", text, re.ASCII)
    full = f"{match[1]}T{match[2] or '00:00'}:00{match[3] or ''}" if match else text
    instant = from_text(full, zone)
    if instant is None:
        raise ValueError(f"{text!r} is no time such as 2020-10-06, 2020-10-06 10:02:05 or 2020-10-06T10:02:05+02:00")
    return instant


def from_number(number: Decimal) -> int | None:
    """Return the instant of a number since the epoch, or None where it is beyond the years 1 to 9999.

    Its size tells its unit: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, below 1e20
    nanoseconds. What is shorter than a nanosecond is cut.
    """
    for bound, places in _SCALES:
        if abs(number) < bound:
            # Exact: the number has at most 400 digits on either side of its point.
            numerator, denominator = number.as_integer_ratio()
            instant = numerator * 10**places // denominator
            return instant if _FIRST * NANOS <= instant < _END * NANOS else None
    return None


def label(bucket: Bucket) -> str:
    """Return where a bucket begins, in RFC 3339 with the offset of its zone.

    >>> label(Bucket(1601978400, 7200))
    '2020-10-06T12:00:00+02:00'
    """
    start, offset = bucket
    day, second = divmod(start + offset, _DAY)
    return f"{_date_label(day)}T{_clock_label(second)}{_offset_label(offset)}"


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
    # Before there were zones, offsets had seconds. RFC 3339 has none, but to leave them out would be another time.
    seconds = f":{rest % 60:02}" if rest % 60 else ""
    return f"{'-' if ahead < 0 else '+'}{hours:02}:{rest // 60:02}{seconds}"


def from_label(text: str) -> Bucket | None:
    """Return the bucket that `label` wrote as this text, or None.

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
    """Return by how many cycles of 400 years a day must be moved, so that it and its month are in the calendar."""
    ordinal = day + _EPOCH_DAY
    return (ordinal < _MARGIN) - (ordinal > date.max.toordinal() - _MARGIN)


def offset(zone: tzinfo, second: int) -> int:
    """Return how many seconds local time is ahead of UTC at an instant."""
    if zone is UTC:
        return 0
    # At the ends of the calendar, local time may leave it.
    second = min(max(second, _FIRST + 2 * _DAY), _END - 2 * _DAY)
    ahead = zone.fromutc((_EPOCH + timedelta(seconds=second)).replace(tzinfo=zone)).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds())


def local_offset(zone: tzinfo, second: int) -> int:
    """Return the same for a time on the local clock (PEP 495, fold=0: the first of two, and from before a gap)."""
    if zone is UTC:
        return 0
    second = min(max(second, _FIRST + 2 * _DAY), _END - 2 * _DAY)
    ahead = (_EPOCH + timedelta(seconds=second)).replace(tzinfo=zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds())


def local_span(zone: tzinfo, second: int) -> Span:
    """Return the stretch of local time around `second`, at most a window long, that has one offset."""
    window = second - second % _WINDOW
    return _stretch(second, window, window + _WINDOW, lambda at: local_offset(zone, at))


class Buckets:
    """The buckets of one size in one time zone."""

    def __init__(self, by: str, zone_name: str) -> None:
        """Take one of `UNITS` and the name of a zone: ValueError where there is none."""
        if by not in UNITS:
            raise ValueError(f"{by!r} is none of {', '.join(UNITS)}")
        self._by = by
        self._zone = zone(zone_name)
        self._regions: list[Region] = []
        # Most instants are in the bucket of the one before.
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

    def bucket_at(self, start: int) -> Bucket:
        """Return the bucket that begins at `start`."""
        return Bucket(start, offset(self._zone, start))

    def between(self, since: int, until: int) -> Iterator[Bucket]:
        """Yield every bucket that has an instant in [since, until), in order."""
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
        """Return the region that holds an instant. Regions do not overlap."""
        at = bisect_right(self._regions, (second, _END)) - 1
        if at >= 0 and second < self._regions[at].end:
            return self._regions[at]
        size = _SIZES.get(self._by)
        region = self._region_of_date(second) if size is None else self._region_of_clock(second, size)
        self._regions.insert(at + 1, region)
        return region

    def _region_of_clock(self, second: int, size: int) -> Region:
        window, change, end, ahead = self._stretch(second)
        grid = second - (second + ahead) % size
        if grid < change or grid + size > end:
            # The clock is changed within this hour: it ends, or begins, there.
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
            # Whole days between two changes of the clock; the first one may have begun before the change.
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
        """Return the start of the window, the changes of the offset around `second`, and the offset between them.

        Where there is no change until a day beyond the window, that stands in its place.
        """
        window = second - second % _WINDOW
        low, high = window - _DAY, window + _WINDOW + _DAY
        if self._zone is UTC:
            return window, low, high, 0
        return window, *_stretch(second, low, high, lambda at: offset(self._zone, at))


def _stretch(second: int, low: int, high: int, offset_at: Callable[[int], int]) -> Span:
    """Return the stretch around `second` within [low, high) that has one offset."""
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
    """Return the first second whose offset is not that of `low`, but that of `high`."""
    ahead = offset_at(low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle) == ahead:
            low = middle
        else:
            high = middle
    return high


def _is_leap_second(second: int) -> bool:
    """Whether the second ends June or December in UTC, as the second before a leap second does."""
    following = _EPOCH + timedelta(seconds=second + 1) if second + 1 < _END else None
    return following is not None and following.timetuple()[1:6] in ((7, 1, 0, 0, 0), (1, 1, 0, 0, 0))

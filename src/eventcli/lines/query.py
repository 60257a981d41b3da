"""What is asked of lines: the fields, the filter, the window and buckets of time, the limits."""

from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from eventcli.lines.bounds import Bound


MAX_TYPES: Final = 1_000_000
"""Types that have a row of their own, unless told otherwise: it bounds memory."""

MAX_TYPE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of their names, unless told otherwise: a million names of the usual length have fewer."""

UNITS: Final = ("minute", "5m", "hour", "day", "week", "month")
"""The sizes of buckets of time that have a name. There are more, see `unit_of`."""

_WHOLE: Final = {"60s": "minute", "1m": "minute", "60m": "hour", "1h": "hour", "24h": "day", "1d": "day", "7d": "week"}

_PARENTS: Final = {"s": 60, "m": 60, "h": 24, "d": 7}


def unit_of(by: str) -> str:
    """Return the one name of a size of buckets: one of `UNITS`, or a number of seconds, minutes or hours.

    Those must divide the minute, the hour and the day that they are counted in, so that buckets begin at the same times
    every day; days must divide a week. ValueError for anything else.

    >>> unit_of("15m"), unit_of("060m"), unit_of("24h")
    ('15m', 'hour', 'day')
    """
    if by in UNITS:
        return by
    number, unit = by[:-1].lstrip("0"), by[-1:]
    if number.isascii() and number.isdigit() and len(number) <= 2 and unit in _PARENTS:  # noqa: PLR2004
        name = f"{number}{unit}"
        if _PARENTS[unit] % int(number) == 0:
            return _WHOLE.get(name, name)
    raise ValueError(
        f"{by!r} is none of {', '.join(UNITS)}, nor of the seconds and minutes that divide 60 (15m), the hours that"
        " divide 24 (6h) and the days that divide a week (1d, 7d)"
    )


class Fields(NamedTuple):
    """Where an event holds its type, its value and its time: keys, dotted paths or JSON Pointers (see `paths`).

    A `value` of None counts events that have none. The time is looked at only where it is asked for.

    >>> Fields(type="event_name", value="/payload/amount").value
    '/payload/amount'
    """

    type: str = "type"
    value: str | None = "value"
    time: str = "occurred_at"


class _Timing(NamedTuple):
    input_zone: str = "UTC"
    since: int | None = None
    until: int | None = None
    by: str | None = None
    zone: str = "UTC"
    optional: bool = False
    time_format: str | None = None


class Timing(_Timing):
    """What is asked for of the time of an event.

    Times without an offset are in `input_zone`. Events in [`since`, `until`) are kept, the others are filtered: both
    are nanoseconds of the epoch, and are also taken as a datetime, a date (its first instant), or a text as --since has
    it; what has no offset is in `zone`. `by` (see `unit_of`) counts events in buckets of `zone`. If `optional`, an
    event without a usable time counts in no bucket; else it is rejected. `time_format`, in the words of strptime, reads
    times in place of the forms that are read without one. ValueError for what is none of that.

    >>> from datetime import UTC, datetime
    >>> Timing(since=datetime(2020, 10, 6, tzinfo=UTC), by="60m")[1:4]
    (1601942400000000000, None, 'hour')
    """

    __slots__ = ()

    def __new__(
        cls,
        input_zone: str = "UTC",
        since: "Bound | None" = None,
        until: "Bound | None" = None,
        by: str | None = None,
        zone: str = "UTC",
        optional: bool = False,  # noqa: FBT001, FBT002  # as a NamedTuple takes it
        time_format: str | None = None,
    ) -> Self:
        """Write everything in one way, so that equal ones are equal."""
        if input_zone != "UTC" or zone != "UTC":
            from eventcli.lines import zones  # noqa: PLC0415  # keeps start-up fast for runs without times

            input_zone, zone = zones.canonical(input_zone), zones.canonical(zone)
        first, end = _instant(since, zone), _instant(until, zone)
        by = None if by is None else unit_of(by)
        return super().__new__(cls, input_zone, first, end, by, zone, optional, time_format)


def _instant(bound: "Bound | None", zone: str) -> int | None:
    if bound is None or isinstance(bound, int):
        return bound
    from eventcli.lines import bounds, zones  # noqa: PLC0415  # keeps start-up fast for runs without times

    return bounds.instant_of(bound, zones.zone(zone))


class Bucket(NamedTuple):
    """A stretch of time in which events are counted: its first instant, in seconds of the epoch.

    `offset` is how many seconds the local time of the bucket's zone is ahead of UTC at that instant.
    """

    start: int
    offset: int = 0


class Query(NamedTuple):
    """What a line means, and which events are kept.

    `types` keeps those types only (None: all). `default_value`, a JSON number, stands in for a missing value.
    `numeric_strings` takes a string that holds a JSON number as that number. `salvage` recovers what is certain from
    damaged lines. `timing` is None where the time is not looked at. Types beyond `max_types` share one row,
    and so do those before which, in code-point order, names have `max_type_bytes` already.
    """

    fields: Fields = Fields()
    types: tuple[str, ...] | None = None
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    timing: Timing | None = None
    max_types: int = MAX_TYPES
    max_type_bytes: int = MAX_TYPE_BYTES


class Calendar(NamedTuple):
    """How buckets are cut: one of `UNITS`, and the name of a time zone."""

    by: str
    zone: str

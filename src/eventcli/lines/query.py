"""A query on lines: the fields, the filter, the time window and buckets, the limits."""

from typing import TYPE_CHECKING, Any, Final, Self

import eventcli.lines
from eventcli.record import Record

if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    from eventcli.lines.bounds import Bound

    class _Usable(TypedDict, total=False):
        """Which events have a usable time, and what happens to those that have none."""

        optional: bool
        time_format: str | None


MAX_TYPES: Final = 1_000_000
"""Default limit of types that have a row of their own: it bounds memory."""

MAX_TYPE_BYTES: Final = 64 * 1024 * 1024
"""Default limit for the bytes of their names: a million names of usual length take fewer."""

UNITS: Final = ("minute", "5m", "hour", "day", "week", "month")
"""The named sizes of time buckets. There are more, see `unit_of`."""

_WHOLE: Final = {"60s": "minute", "1m": "minute", "60m": "hour", "1h": "hour", "24h": "day", "1d": "day", "7d": "week"}

_PARENTS: Final = {"s": 60, "m": 60, "h": 24, "d": 7}


def unit_of(by: str) -> str:
    """Return the canonical name of a bucket size: one of `UNITS`, or a number of seconds, minutes or hours.

    These numbers must divide the minute, the hour and the day, respectively, so that buckets begin at the same times
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


class Fields(Record):
    """The fields of an event for its type, its value and its time: keys, dotted paths or JSON Pointers (see `paths`).

    A `value` of None counts events without values. The time is examined only if it is requested.

    >>> Fields(type="event_name", value="/payload/amount").value
    '/payload/amount'
    """

    type: str = "type"
    value: str | None = "value"
    time: str = "occurred_at"


class _Timing(Record):
    input_zone: str = "UTC"
    since: int | None = None
    until: int | None = None
    by: str | None = None
    zone: str = "UTC"
    optional: bool = False
    time_format: str | None = None


class Timing(_Timing):
    """The part of a query that concerns the time of an event.

    Times without an offset are in `input_zone`. Events in [`since`, `until`) are kept, the others are filtered: both
    bounds are nanoseconds since the epoch, and may also be given as a datetime, a date (its first instant), or a text
    as for --since; without an offset, they are in `zone`. `by` (see `unit_of`) counts events in buckets of `zone`. If
    `optional`, an event without a usable time counts in no bucket; otherwise it is rejected. `time_format`, in strptime
    notation, replaces the time formats that are read by default. ValueError if any of these is invalid.

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
        **usable: "Unpack[_Usable]",
    ) -> Self:
        """Normalise all values, so that equal ones compare equal."""
        if input_zone != "UTC" or zone != "UTC":
            input_zone, zone = eventcli.lines.zones.canonical(input_zone), eventcli.lines.zones.canonical(zone)
        first, end = _instant(since, zone), _instant(until, zone)
        by = None if by is None else unit_of(by)
        return super().__new__(cls, input_zone, first, end, by, zone, **usable)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        return (), self._asdict()


def _instant(bound: "Bound | None", zone: str) -> int | None:
    if bound is None or isinstance(bound, int):
        return bound
    return eventcli.lines.bounds.instant_of(bound, eventcli.lines.zones.zone(zone))


class Bucket(Record):
    """A period in which events are counted: its first instant, in seconds since the epoch.

    `offset` is how many seconds local time in the bucket's zone is ahead of UTC at that instant.
    """

    start: int
    offset: int = 0


def json_text(value: str | float | None) -> str:
    """Return a value as JSON, without more escapes than it needs."""
    import json  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def canonical(text: str) -> str:
    """Return the JSON text of a value that a user wrote: what is none is a string."""
    import json  # noqa: PLC0415  # as above

    if not is_scalar(text):
        return json_text(text)
    return json_text(json.loads(text)) if text.startswith('"') else text


def is_scalar(text: str) -> bool:
    """Whether a text is a JSON string, number or word."""
    import json  # noqa: PLC0415  # as above

    try:
        return not isinstance(json.loads(text, parse_constant=_refuse), dict | list) and text.strip() == text
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)


class Form(Record):
    """The content of a stream, if it is not one plain event a line; none of this is on by default.

    `framing` is one of `FRAMINGS`. `records` is the path to arrays whose elements are the events; it needs the framing
    of JSON texts. `skip_prefix` ignores what is before the first brace of a line. `unwrap` is the field with a string
    that holds the JSON of the event. `scalar_types` takes numbers, true, false and null for types. `missing_type` is
    the type of events without one. `missing_values` are JSON texts that count as missing.
    """

    framing: str = "lines"
    records: str | None = None
    skip_prefix: bool = False
    unwrap: str | None = None
    scalar_types: bool = False
    missing_type: str | None = None
    missing_values: tuple[str, ...] = ()

    @property
    def is_framed(self) -> bool:
        """Whether lines have to be made of what is in the stream."""
        return self.framing != "lines" or self.skip_prefix or self.unwrap is not None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """Remove the options of a form that are given, and return them as one; records are inside of JSON texts."""
        given = {name: value for name in cls._fields if (value := options.pop(name, None)) is not None}
        if given.get("records") is not None:
            given.setdefault("framing", "json")
        return cls(**given)

    @classmethod
    def saved(cls, row: dict[str, Any]) -> Self:
        """Remove saved settings, and return them as a form; TypeError if they are invalid."""
        values = {name: row.pop(name) for name in cls._fields if name in row}
        usual = cls()
        for name, value in values.items():
            if name == "missing_values":
                values[name] = tuple(value)
                if not all(type(text) is str for text in values[name]):
                    raise TypeError(f"{name} are wrong: {value!r}")
            elif type(value) is not (bool if isinstance(getattr(usual, name), bool) else str):
                raise TypeError(f"{name} is wrong: {value!r}")
        return cls(**values)

    def settings(self) -> dict[str, object]:
        """Return what is not the default, by name."""
        usual = type(self)()
        return {name: value for name, value in self._asdict().items() if value != getattr(usual, name)}


FRAMINGS: Final = ("lines", "json", "bulk")
"""One event a line, JSON texts in any arrangement, and the bulk format of Elasticsearch."""


class Query(Record):
    """The meaning of a line, and which events to keep.

    `types` keeps only these types (None: all). `default_value`, a JSON number, replaces a missing value.
    `numeric_strings` accepts a string that contains a JSON number as that number. `salvage` recovers what is certain
    from damaged lines. `timing` is None if times are ignored. Types beyond `max_types` share one row, and so do types
    once the names before them, in code-point order, have `max_type_bytes` bytes. `aggregates` are the optional ones
    that are kept, too. `form` describes the content of the stream.
    """

    fields: Fields = Fields()
    types: tuple[str, ...] | None = None
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    timing: Timing | None = None
    max_types: int = MAX_TYPES
    max_type_bytes: int = MAX_TYPE_BYTES
    aggregates: tuple[str, ...] = ()
    form: Form = Form()


class Calendar(Record):
    """How buckets are cut: one of `UNITS`, and the name of a time zone."""

    by: str
    zone: str

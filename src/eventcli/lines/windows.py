"""The window and the buckets that a user names: since, until, by, tz, and the zone and format of times.

For an invalid one, a ValueError names the option and says why.
"""

import time
from typing import Any

import eventcli.lines
from eventcli.lines.query import Timing
from eventcli.text import printable


class ContradictionError(ValueError):
    """Each option means something, and together they mean nothing."""


def timing_of(options: dict[str, Any]) -> Timing | None:
    """Remove the time options, and return them as a Timing; None if there are none, ValueError if they are useless."""
    names = ("since", "until", "by", "tz", "input_tz", "time_format")
    since, until, by, tz, input_tz, time_format = (options.pop(name, None) for name in names)
    if options["gaps"] and by is None:
        raise ContradictionError("--gaps needs --by")
    check_format(time_format)
    # Before the return: a zone that does not exist is refused also where nothing needs it.
    zone, input_zone = (zone_of(name) if name else "UTC" for name in (tz or input_tz, input_tz))
    if since is by is until is None:
        return None
    first, end = window_of(since, until, zone)
    return Timing(input_zone, first, end, by, eventcli.lines.zones.canonical(tz or "UTC"), time_format=time_format)


def window_of(since: str | None, until: str | None, zone: str) -> tuple[int | None, int | None]:
    """Return the instants of two bounds with the same now, in nanoseconds since the epoch; ValueError for no window."""
    now = time.time_ns()

    def bound(name: str, text: str | None) -> int | None:
        try:
            return (
                None if text is None else eventcli.lines.bounds.from_option(text, eventcli.lines.zones.zone(zone), now)
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    first, end = bound("--since", since), bound("--until", until)
    if first is not None and end is not None and first >= end:
        how = "is the same as" if first == end else "is after"
        hint = "; --until is the first moment that is left out" if first == end else ""
        texts = printable(since or ""), printable(until or "")
        raise ContradictionError(f"--since {texts[0]} {how} --until {texts[1]}: no event is in between{hint}")
    return first, end


def zone_of(name: str) -> str:
    """Return the canonical name of a zone; ValueError if there is none."""
    eventcli.lines.zones.zone(name)
    return eventcli.lines.zones.canonical(name)


def check_format(text: str | None) -> None:
    """Raise ValueError for an invalid format."""
    if text is None:
        return
    try:
        eventcli.lines.timeformats.time_format(text)
    except ValueError as error:
        raise ValueError(f"--time-format: {error}") from None

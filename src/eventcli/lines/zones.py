"""Time zones: by name, as a fixed offset, or that of this machine; and how far each is ahead of UTC.

Instants and local times are whole seconds since 1970-01-01T00:00:00, without leap seconds.
"""

import os
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

NANOS: Final = 1_000_000_000
"""Nanoseconds per second."""

DAY: Final = 86_400
"""Seconds per day."""

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # local times are computed without a zone

EPOCH_DAY: Final = EPOCH.toordinal()

FIRST: Final = (1 - EPOCH_DAY) * DAY

END: Final = (date.max.toordinal() + 1 - EPOCH_DAY) * DAY
"""The years 1 to 9999, which RFC 3339 and Python can write, from FIRST to END in seconds since the epoch."""

LOCAL: Final = "local"
"""The name for the zone of this machine, whichever that is."""

_OFFSET: Final = r"([+-])([0-9]{2})(?::?([0-9]{2}))?"

_LOCALTIME: Final = "/etc/localtime"

_DATABASE: Final = "/zoneinfo/"

# Such as CET-1CEST,M3.5.0,M10.5.0/3: an abbreviation, and how far UTC is ahead of it (POSIX, 8.3).
_POSIX: Final = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?[0-9]{1,2}(?::[0-9]{2}){0,2}[A-Za-z0-9<>:,./+-]*"


class ZoneError(ValueError):
    """There is no such time zone."""


def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name, an offset such as +02:00, or "local"; ZoneError if there is none."""
    return _zone(_local_name() if name == LOCAL else name)


@lru_cache
def _zone(name: str) -> tzinfo:
    name = canonical(name) if name != LOCAL else name
    if name == "UTC":
        return UTC
    offset = re.fullmatch(_OFFSET, name, re.ASCII)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        return timezone(int(f"{sign}1") * timedelta(hours=int(hours), minutes=int(minutes)))
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # keeps start-up fast for runs in UTC

    try:
        if name == LOCAL:
            with open(_LOCALTIME, "rb") as file:
                return ZoneInfo.from_file(file, LOCAL)
        return _posix(name) if re.fullmatch(_POSIX, name, re.ASCII) and not _is_in_database(name) else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ZoneError(f"{name!r} is no time zone such as Europe/Berlin") from error


def canonical(name: str) -> str:
    """Return the canonical name of a zone: that of this machine for "local", and an offset always as +HH:MM.

    A stored name must mean the same on another machine, and one zone must not have two names.

    >>> canonical("-0330"), canonical("+00:00"), canonical("Europe/Berlin")
    ('-03:30', 'UTC', 'Europe/Berlin')
    """
    if name == LOCAL:
        return _local_name()
    if name.upper() in ("UTC", "Z", "ETC/UTC"):
        return "UTC"
    offset = re.fullmatch(_OFFSET, name, re.ASCII)
    if offset is None:
        return name
    sign, hours, minutes = offset.groups(default="00")
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004
        raise ZoneError(f"{name!r} is no offset of less than a day")
    return f"{sign}{hours}:{minutes}" if int(hours) or int(minutes) else "UTC"


def moment(second: int, name: str | None, ahead: int) -> datetime:
    """Return an instant in a zone; if it has no name or is unknown here, with an offset in seconds from UTC."""
    try:
        local = timezone(timedelta(seconds=ahead)) if name is None else zone(name)
    except ZoneError:
        local = timezone(timedelta(seconds=ahead))
    utc = EPOCH.replace(tzinfo=UTC) + timedelta(seconds=second)
    return utc if local is UTC or (name is None and not ahead) else utc.astimezone(local)


def offset(zone: tzinfo, second: int) -> int:
    """Return how many seconds local time is ahead of UTC at an instant."""
    if zone is UTC:
        return 0
    # At the ends of the calendar, local time may leave it.
    second = min(max(second, FIRST + 2 * DAY), END - 2 * DAY)
    ahead = zone.fromutc((EPOCH + timedelta(seconds=second)).replace(tzinfo=zone)).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds())


def local_offset(zone: tzinfo, second: int) -> int:
    """Return the same for a time on the local clock (PEP 495, fold=0: the first of two, and from before a gap)."""
    if zone is UTC:
        return 0
    second = min(max(second, FIRST + 2 * DAY), END - 2 * DAY)
    ahead = (EPOCH + timedelta(seconds=second)).replace(tzinfo=zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds())


def years(zone: tzinfo) -> tuple[int, int]:
    """Return the first instant of the years 1 to 9999 in a zone, as far as they are in UTC too, and their end."""
    return max(FIRST, FIRST - offset(zone, FIRST)), min(END, END - offset(zone, END))


def _local_name() -> str:
    """Return the name of this machine's zone, as the C library finds it: TZ, or else /etc/localtime."""
    name = os.environ.get("TZ")
    if name is not None:
        name = name.removeprefix(":")
        path = os.path.realpath(name) if name.startswith("/") else name
        return canonical(_in_database(path) or path or "UTC")
    name = _in_database(os.path.realpath(_LOCALTIME)) or _written_name()
    if name:
        return canonical(name)
    return LOCAL if os.path.isfile(_LOCALTIME) else "UTC"


def _in_database(path: str) -> str:
    """Return the name of a zone whose file is in a zone database, or ''."""
    name = path.partition(_DATABASE)[2] if path.startswith("/") else ""
    return name.removeprefix("posix/").removeprefix("right/")


def _written_name() -> str:
    """Return the name in /etc/timezone, which Debian keeps next to a file that may be a copy, or ''."""
    try:
        with open("/etc/timezone", encoding="ascii") as file:
            name = file.read().strip()
        with open(_LOCALTIME, "rb") as file, open(f"/usr/share{_DATABASE}{name}", "rb") as own:
            return name if file.read() == own.read() else ""
    except (OSError, ValueError):
        return ""


def _is_in_database(name: str) -> bool:
    """Whether a name that could be a rule, such as EST5EDT, is the name of a zone."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # as above

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _posix(rule: str) -> tzinfo:
    """Return the zone of a POSIX TZ rule, through a file that contains nothing else (RFC 8536)."""
    from io import BytesIO  # noqa: PLC0415  # as above
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # as above

    # Counts of indicators, leap seconds, transitions, types and letters; then the only type: UTC.
    counts = b"\0" * 15 + b"\0\0\0\0" * 4 + b"\0\0\0\1" + b"\0\0\0\4"
    block = b"TZif2" + counts + b"\0" * 6 + b"UTC\0"
    return ZoneInfo.from_file(BytesIO(block + block + b"\n" + rule.encode("ascii") + b"\n"), rule)

"""The ways logs write times: turns a text or a number into an instant, if it can mean only one.

An instant is a whole number of nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. Ambiguous times
(06/10/2020, CET, 20201006 among epoch times) are refused here; `timeformats` reads them as the user specifies.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from eventcli.lines.zones import DAY, END, EPOCH, EPOCH_DAY, FIRST, NANOS, local_offset

READABLE: Final = "ISO 8601, RFC 2822, 06/Oct/2020:10:02:05 +0200, epochs"
"""The readable forms, for people."""

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

LEAP_SECOND: Final = 60

# In hours, as in RFC 2822, section 4.3, and `email.utils`.
_MAIL_ZONES: Final = dict(UT=0, AST=-4, ADT=-3, EST=-5, EDT=-4, CST=-6, CDT=-5, MST=-7, MDT=-6, PST=-8, PDT=-7)  # noqa: C408

# The most common form in logs comes first: RFC 3339, also with a space or without an offset.
_PLAIN: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)


class Written(NamedTuple):
    """A time as written: its date and clock, the digits of its fraction, and its offset in seconds (None: none)."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: str = ""
    offset: int | None = None

    def instant(self, input_zone: tzinfo) -> int | None:
        """Return the instant, or None if there is no such time.

        Without an offset, it is a time in `input_zone`; of a time that the clock shows twice, the first counts.
        23:59:60Z at the end of June or December, where leap seconds occur, counts as the last nanosecond before.
        Fractions of a nanosecond are cut off.
        """
        is_leap = self.second == LEAP_SECOND
        try:
            local = datetime(self.year, self.month, self.day, self.hour, self.minute, self.second - is_leap)  # noqa: DTZ001
        except ValueError:
            return None
        seconds = (local.toordinal() - EPOCH_DAY) * DAY + self.hour * 3600 + self.minute * 60 + self.second - is_leap
        seconds -= local_offset(input_zone, seconds) if self.offset is None else self.offset
        if not FIRST <= seconds < END or (is_leap and not _is_leap_second(seconds)):
            return None
        nanos = NANOS - 1 if is_leap else int((self.fraction or "0")[:9].ljust(9, "0"))
        return seconds * NANOS + nanos


def from_text(text: str, input_zone: tzinfo) -> int | None:
    """Return the instant of a text, or None if it is not a time, or is ambiguous.

    Without an offset, it is a time in `input_zone`, see `Written.instant`.

    >>> from datetime import UTC
    >>> from_text("06/Oct/2020:12:02:05 +0200", UTC) == from_text("2020-10-06 10:02:05", UTC) == 1601978525 * NANOS
    True
    """
    match = _PLAIN.fullmatch(text)
    try:
        if match is not None:
            year, month, day, hour, minute, second, fraction, zone = match.groups()
            offset = offset_of(zone)
            written = Written(
                int(year), int(month), int(day), int(hour), int(minute), int(second), fraction or "", offset
            )
            return written.instant(input_zone)
        return _from_odd_text(text, input_zone)
    except ValueError:
        return None


def _from_odd_text(text: str, input_zone: tzinfo) -> int | None:
    """Do the same for less common forms; ValueError if a part is out of range."""
    if _EPOCH.fullmatch(text):
        return None if CALENDAR.fullmatch(text) else from_number(Decimal(text))
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    for form, read in _forms():
        match = form.fullmatch(text)
        if match is not None:
            return read(match).instant(input_zone)
    ticks = re.fullmatch(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/", text, re.ASCII)
    return within_years(int(ticks[1]) * 1_000_000) if ticks else None


# A number is seconds, milliseconds, microseconds or nanoseconds: each scale covers the years 1 to 5138 or more, and
# instants since March 1973 are unambiguous.
_SCALES: Final = ((Decimal(10**11), 9), (Decimal(10**14), 6), (Decimal(10**17), 3), (Decimal(10**20), 0))


def from_number(number: Decimal) -> int | None:
    """Return the instant of a number since the epoch, or None if it is outside the years 1 to 9999.

    Its size determines its unit: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, below 1e20
    nanoseconds. Fractions of a nanosecond are cut off.
    """
    for bound, places in _SCALES:
        if abs(number) < bound:
            # Exact: the number has at most 400 digits on either side of its point.
            numerator, denominator = number.as_integer_ratio()
            return within_years(numerator * 10**places // denominator)
    return None


def within_years(instant: int) -> int | None:
    """Return an instant if it is in the years 1 to 9999, else None."""
    return instant if FIRST * NANOS <= instant < END * NANOS else None


# A number in a string, as protobuf and journald write numbers longer than 53 bits.
_EPOCH: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,400})?", re.ASCII)

# Digits that are a date (20201006, 20201006100205) at least as likely as seconds in 1970 or milliseconds in 2610.
CALENDAR: Final = re.compile(
    r"(?:19|20)[0-9]{2}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:[0-9]{3})?)?)?)?)?",
    re.ASCII,
)


def offset_of(zone: str | None, names: Mapping[str, int] = MappingProxyType({})) -> int | None:
    """Return how many seconds a zone, as written, is ahead of UTC; None if no zone is written.

    `names` are abbreviations and their hours, in addition to those of UTC. ValueError for an invalid zone.
    """
    if zone is None:
        return None
    if zone[0] not in "+-":
        name = zone.upper()
        return 0 if name in ("Z", "UTC", "GMT") else names[name] * 3600
    digits = zone[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004
        raise ValueError(f"{zone!r} is no offset")
    return (hours * 3600 + minutes * 60 + seconds) * (-1 if zone[0] == "-" else 1)


def month_of(name: str) -> int:
    """Return the number of a month by its English name, which may be abbreviated."""
    return MONTHS.index(name[:3].lower()) + 1


def hour_of(hour: int, half: str | None) -> int:
    """Return the hour of the day; `half` is am, pm, or None. ValueError for 0 or 13 am."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:  # noqa: PLR2004
        raise ValueError(f"there is no {hour} {half}")
    return hour % 12 + (12 if half[0] in "Pp" else 0)


_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], Written]]


@lru_cache
def _forms() -> tuple[_Form, ...]:
    """Return the other forms with their readers: compiled only for the first text that is not in the usual form."""
    second = r"(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?"
    clock = rf"(?P<hour>[0-9]{{2}})(?P<colon>:?)(?P<minute>[0-9]{{2}})(?:(?P=colon){second})?"
    spoken = rf"(?P<hour>[0-9]{{2}}):(?P<minute>[0-9]{{2}})(?::{second})?(?: ?(?P<half>[ap]m))?"
    offset = r"[+-][0-9]{2}(?::?[0-9]{2}(?::[0-9]{2})?)?"
    # After an offset, Go writes the zone name and the time since program start, and Java the place (RFC 9557).
    zone = (
        rf"(?: ?(?:(?P<zone>{offset})(?: (?P<name>[a-z]{{3,5}}|[+-][0-9]{{2,4}}))?(?: m=[+-][0-9]+\.[0-9]+)?"
        rf"|(?P<utc>Z|UTC|GMT))(?:\[!?[a-z0-9._+/-]+\])?)?"
    )
    apart = rf"(?:T| (?=[0-9]{{2}}:)){clock}{zone}"
    weekday = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? {1,2})?"
    month = (
        r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
        r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
    )
    year, day, two = r"(?P<year>[0-9]{4})", r"(?P<day>[0-9]{1,2})", "[0-9]{2}"
    utc = r"(?P<utc>Z|UTC|GMT)"
    mail = "|".join(_MAIL_ZONES)
    comment = r"(?: \([^()]*\))?"
    of_mail = rf"(?: (?:(?P<zone>{offset})|{utc}|(?P<mail>{mail})){comment})?"
    of_script = rf"(?: (?:(?:GMT)?(?P<zone>{offset})|{utc}){comment})?"
    behind = rf"(?(zone)|(?(utc)|(?: (?P<behind>{offset}))?))"
    forms: tuple[tuple[str, Callable[[re.Match[str]], Written]], ...] = (
        # 20201006T100205Z, 2020/10/06 10:02:05, 2020-10-06T10:02Z, 2020-10-06 10:02:05.123 +0000 UTC
        (rf"{year}(?P<mark>[-/.]?)(?P<month>{two})(?P=mark)(?P<day>{two}){apart}", _of_numbers),
        # 2020-W41-2T10:02:05Z, 2020-280T10:02:05Z
        (rf"{year}(?P<mark>-?)W(?P<week>{two})(?P=mark)(?P<weekday>[1-7]){apart}", _of_week),
        (rf"{year}-?(?P<yearday>[0-9]{{3}}){apart}", _of_year),
        # Tue, 06 Oct 2020 10:02:05 +0200 (CEST), 06/Oct/2020:10:02:05 +0200, 06-Oct-2020 10:02:05 UTC
        (rf"{weekday}{day}(?P<mark>[ /-]){month}(?P=mark){year}(?:,? |:){spoken}{of_mail}", _of_words),
        # Tue Oct  6 10:02:05 2020, Tue Oct  6 10:02:05 UTC 2020, Tue Oct 6 10:02:05 2020 +0200
        (rf"{weekday}{month} {{1,2}}{day} {spoken}(?: (?:(?P<zone>{offset})|{utc}))? {year}{behind}", _of_words),
        # Tue Oct 06 2020 10:02:05 GMT+0200 (Central European Summer Time), Oct 6, 2020 @ 10:02:05.123
        (rf"{weekday}{month} {{1,2}}{day},? {year}(?:,| @)? {spoken}{of_script}", _of_words),
    )
    return tuple((re.compile(pattern, re.ASCII | re.IGNORECASE), read) for pattern, read in forms)


def _of_numbers(match: re.Match[str]) -> Written:
    return _on(match, int(match["year"]), int(match["month"]), int(match["day"]))


def _of_week(match: re.Match[str]) -> Written:
    day = date.fromisocalendar(int(match["year"]), int(match["week"]), int(match["weekday"]))
    return _on(match, day.year, day.month, day.day)


def _of_year(match: re.Match[str]) -> Written:
    return _on(match, *day_of_year(int(match["year"]), int(match["yearday"])))


def _of_words(match: re.Match[str]) -> Written:
    return _on(match, int(match["year"]), month_of(match["month"]), int(match["day"]))


def day_of_year(year: int, number: int) -> tuple[int, int, int]:
    """Return the date of a day by its number in the year, from 1; ValueError if the year has no such day."""
    first = date(year, 1, 1).toordinal()
    day = date.fromordinal(first + number - 1)
    if day.year != year or number < 1:
        raise ValueError(f"{year} has no day {number}")
    return day.year, day.month, day.day


def _on(match: re.Match[str], year: int, month: int, day: int) -> Written:
    """Return the time on a date, with the clock and zone that a form has matched."""
    parts = match.groupdict()
    mail = parts.get("mail")
    if mail and parts["mark"] != " ":
        raise ValueError("only mail has abbreviations for zones")
    zone = parts.get("zone") or parts.get("utc") or parts.get("behind") or mail
    offset, name = offset_of(zone, _MAIL_ZONES), parts.get("name")
    if offset and name and name.upper() in ("UTC", "GMT"):
        raise ValueError("the name of the zone contradicts the offset")
    hour = hour_of(int(parts["hour"]), parts.get("half"))
    second = int(parts["second"] or 0)
    return Written(year, month, day, hour, int(parts["minute"]), second, parts["fraction"] or "", offset)


def _is_leap_second(second: int) -> bool:
    """Whether the second ends June or December in UTC, like the second before a leap second."""
    following = EPOCH + timedelta(seconds=second + 1) if second + 1 < END else None
    return following is not None and following.timetuple()[1:6] in ((7, 1, 0, 0, 0), (1, 1, 0, 0, 0))

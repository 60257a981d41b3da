"""Times in a form that a user describes in strptime notation: `%d/%m/%Y %H:%M:%S`.

A format reads texts, and numbers by their digits, and replaces all default forms: its times may look like one of those
and mean something else. Names are English in every locale.
"""

import re
from datetime import date, tzinfo
from functools import lru_cache
from typing import Final

from eventcli.lines.spellings import Written, day_of_year, hour_of, month_of, offset_of, within_years
from eventcli.lines.zones import NANOS

_MONTHS: Final = "january|february|march|april|may|june|july|august|september|october|november|december"

_DAYS: Final = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"


def _short(names: str) -> str:
    return "|".join(name[:3] for name in names.split("|"))


# As in `_strptime` of the standard library, so that the same texts match, with the same meaning.
_DIRECTIVES: Final = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "1[0-2]|0[1-9]|[1-9]",
    "b": _short(_MONTHS),
    "B": _MONTHS,
    "d": "3[01]|[12][0-9]|0[1-9]|[1-9]| [1-9]",
    "j": "36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9]",
    "G": "[0-9]{4}",
    "V": "5[0-3]|0[1-9]|[1-4][0-9]|[0-9]",
    "u": "[1-7]",
    "a": _short(_DAYS),
    "A": _DAYS,
    "H": "2[0-3]|[01][0-9]|[0-9]",
    "I": "1[0-2]|0[1-9]|[1-9]| [1-9]",
    "p": "am|pm",
    "M": "[0-5][0-9]|[0-9]",
    "S": "6[01]|[0-5][0-9]|[0-9]",
    "f": "[0-9]+",
    "z": "[+-][0-9]{2}(?::?[0-5][0-9](?::?[0-5][0-9])?)?|Z",
    "Z": "[a-z]{1,9}",
    "s": "-?[0-9]{1,12}",
}

_TOGETHER: Final = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", "e": "%d", "h": "%b", "%": "%%"}

_TWO_DIGITS: Final = 69
"""Two-digit years from this one on belong to the last century, as in POSIX."""

_DATES: Final = ({"Y", "m", "d"}, {"Y", "j"}, {"G", "V", "u"}, {"s"})
"""The directives that determine a date; %y is as good as %Y, and %b and %B as %m."""

_OF_DATES: Final = frozenset("YmdjGVus")

_OF_CLOCK: Final = frozenset("HpMS")

_SAME: Final = {"y": "Y", "b": "m", "B": "m", "A": "a", "I": "H"}
"""Directives that are equivalent to others."""

_UTC: Final = ("utc", "gmt", "ut", "z")


class TimeFormat:
    """A compiled format."""

    def __init__(self, text: str) -> None:
        """Raise ValueError, with a readable message, if it has an unknown directive, or determines no date."""
        self.text = text
        plain = expanded(text)
        used: set[str] = set()
        pattern = ""
        for literal, space, directive in re.findall(r"([^%\s]+)|(\s+)|%(.?)", plain, re.DOTALL):
            if literal or directive == "%":
                pattern += re.escape(literal or "%")
            elif space:
                pattern += r"\s+"
            else:
                if directive not in _DIRECTIVES:
                    known = " ".join(f"%{name}" for name in (*_DIRECTIVES, *_TOGETHER))
                    raise ValueError(f"{text!r} has %{directive}, which is none of {known}")
                field = _SAME.get(directive, directive)
                if field in used:
                    raise ValueError(f"{text!r} says twice what %{directive} means")
                used.add(field)
                pattern += f"(?P<{directive}>{_DIRECTIVES[directive]})"
        date_of = used & _OF_DATES
        if date_of not in _DATES:
            raise ValueError(
                f"{text!r} {'tells more than one date' if any(map(date_of.issuperset, _DATES)) else 'tells no date'}:"
                " it needs year, month and day, such as %Y-%m-%d, or %Y and %j, or %s"
            )
        if "s" in used and used & _OF_CLOCK:
            raise ValueError(f"{text!r} has a time of day beside %s, which includes it")
        if ("%I" in plain.replace("%%", "")) != ("p" in used):
            raise ValueError(f"{text!r} has only one of %I and %p, which need each other")
        self._pattern = re.compile(pattern, re.ASCII | re.IGNORECASE)

    def instant(self, text: str, input_zone: tzinfo) -> int | None:
        """Return the instant of a text in this format, in nanoseconds since the epoch, or None."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        parts = match.groupdict()
        try:
            return _epoch(parts) if "s" in parts else _written(parts).instant(input_zone)
        except ValueError:
            return None


@lru_cache
def time_format(text: str) -> TimeFormat:
    """Return a format; ValueError if it is invalid."""
    return TimeFormat(text)


def expanded(text: str) -> str:
    """Return a format with its shorthand directives expanded."""
    return re.sub("%([FTRDeh%])", lambda match: _TOGETHER[match[1]], text)


def _epoch(parts: dict[str, str]) -> int | None:
    text, fraction = parts["s"], int((parts.get("f") or "0")[:9].ljust(9, "0"))
    return within_years(int(text) * NANOS + (-fraction if text.startswith("-") else fraction))


def _written(parts: dict[str, str]) -> Written:
    """Return the time of a match; ValueError if there is no such date, hour or offset."""
    year = int(parts.get("Y") or parts.get("G") or 0)
    if "y" in parts:
        year = int(parts["y"]) + (1900 if int(parts["y"]) >= _TWO_DIGITS else 2000)
    if "j" in parts:
        day = day_of_year(year, int(parts["j"]))
    elif "G" in parts:
        on = date.fromisocalendar(year, int(parts["V"]), int(parts["u"]))
        day = on.year, on.month, on.day
    else:
        name = parts.get("b") or parts.get("B")
        day = year, month_of(name) if name else int(parts["m"]), int(parts["d"])
    offset, name = offset_of(parts.get("z")), parts.get("Z")
    if offset is None and name is not None:
        if name.lower() not in _UTC:
            raise ValueError(f"{name} is an abbreviation of several time zones")
        offset = 0
    hour = hour_of(int(parts["I"]), parts["p"]) if "I" in parts else int(parts.get("H") or 0)
    return Written(*day, hour, int(parts.get("M") or 0), int(parts.get("S") or 0), parts.get("f") or "", offset)

"""The question that a result answers: kept with a saved summary, and compared before two results are added."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

import eventcli.lines
from eventcli.lines.query import Bucket, Calendar, Form, Query

Window = tuple[int | None, int | None]
"""Events from one instant on and before another one, in nanoseconds since the epoch; None for no bound."""

_ALWAYS: Final[Window] = (None, None)

_NANOS: Final = 1_000_000_000

_EVERYTHING: Final = "all types"

_NO_VALUE: Final = "none (events are only counted)"


class Times(NamedTuple):
    """Where the times of events were, and how they were read."""

    field: str
    zone: str | None = None
    form: str | None = None


class Asked(NamedTuple):
    """The settings that give the numbers of a result their meaning.

    Two results with equal settings can be added up; so can two that differ only in their `windows`, if these do not
    overlap: no event is in both. `times` is None if times were ignored, `calendar` if there are no buckets. Settings
    that only affect printing, and the limit of types, are not included.
    """

    type_field: str = "type"
    value_field: str | None = "value"
    types: tuple[str, ...] | None = None
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    times: Times | None = None
    calendar: Calendar | None = None
    windows: tuple[Window, ...] = (_ALWAYS,)
    form: Form = Form()

    @classmethod
    def of(cls, query: Query) -> Self:
        """Return the question that a query asks."""
        fields, timing = query.fields, query.timing
        types = None if query.types is None else tuple(sorted(set(query.types)))
        asked = cls(
            fields.type, fields.value, types, query.default_value, query.numeric_strings, query.salvage, form=query.form
        )
        if timing is None:
            return asked
        return asked._replace(
            times=Times(fields.time, timing.input_zone, timing.time_format),
            calendar=None if timing.by is None else Calendar(timing.by, timing.zone),
            windows=((timing.since, timing.until),),
        )

    def settings(self) -> dict[str, Any]:
        """Return all settings by name, which is that of their option, in the order in which they are saved."""
        settings = self._asdict()
        form, windows = settings.pop("form"), settings.pop("windows")
        settings.update(zip(_OF_TIMES, settings.pop("times") or _NOTHING, strict=False))
        settings.update(zip(_OF_CALENDAR, settings.pop("calendar") or _NOTHING, strict=False))
        return {**settings, "windows": windows, **form._asdict()}

    def difference(self, other: Self) -> str | None:
        """Return in words how the two differ, so that they cannot be added up; None if they can."""
        ours, theirs = self.settings(), other.settings()
        del ours["windows"]
        # If only one of them uses the time, its location does not matter to the other.
        ignored = _OF_TIMES if self.times is None or other.times is None else ()
        for name, mine in ours.items():
            if mine != theirs[name] and name not in ignored:
                return f"{_option(name)} {_shown(name, mine)} and {_option(name)} {_shown(name, theirs[name])}"
        if self.windows == other.windows:
            return None
        for mine in self.windows:
            for others in other.windows:
                if _overlap(mine, others):
                    return f"times {_window_text(mine)} and times {_window_text(others)}, which overlap"
        return None

    def join(self, other: Self) -> Self:
        """Return the question that both answer together, if they can be added up."""
        windows = self.windows if self.windows == other.windows else _joined((*self.windows, *other.windows))
        return self._replace(times=self.times or other.times, windows=windows)

    def row(self) -> dict[str, object]:
        """Return all settings that are not the default, for a saved summary."""
        usual = type(self)().settings()
        row = {name: value for name, value in self.settings().items() if value != usual[name]}
        if "windows" in row:
            row["windows"] = [[_text(since), _text(until)] for since, until in self.windows]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return saved settings; ValueError or TypeError if they are invalid, NewerError if some are unknown."""
        row = dict(row)
        form = Form.saved(row)
        usual = cls().settings()
        unknown = sorted(set(row) - set(usual))
        if unknown:
            raise NewerError(f"it has the setting {unknown[0]!r}")
        values: dict[str, Any] = {"form": form}
        for name, value in row.items():
            if name == "windows":
                values[name] = tuple(_window(window) for window in value)
            elif name == "types":
                values[name] = None if value is None else tuple(map(_checked, value))
            elif isinstance(usual[name], bool):
                if not isinstance(value, bool):
                    raise TypeError(f"{name} is neither true nor false")
                values[name] = value
            else:
                values[name] = None if value is None else _checked(value)
        times, calendar = ([values.pop(name, None) for name in names] for names in (_OF_TIMES, _OF_CALENDAR))
        values["times"] = None if times[0] is None else Times(*times)
        values["calendar"] = None if calendar[0] is None else Calendar(*calendar)
        return cls(**values)


_OF_TIMES: Final = ("time_field", "input_tz", "time_format")

_OF_CALENDAR: Final = ("by", "tz")

_NOTHING: Final = (None, None, None)


class NewerError(ValueError):
    """A later version of eventstats wrote this; the message says what shows it."""


def _checked(text: object) -> str:
    # Not isinstance: numbers arrive as a subclass of str.
    if type(text) is not str:
        raise TypeError(f"{str(text)[:40]!r} is not text")
    text.encode("utf-8")
    return text


def _option(name: str) -> str:
    return {"types": "--type"}.get(name, f"--{name.replace('_', '-')}")


def _shown(name: str, value: object) -> str:
    if value is None:
        return {"types": _EVERYTHING, "value_field": _NO_VALUE}.get(name, "none")
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(repr, value)) if isinstance(value, tuple) else repr(value)


def _overlap(one: Window, other: Window) -> bool:
    (start, end), (other_start, other_end) = one, other
    is_before = end is not None and other_start is not None and end <= other_start
    is_after = other_end is not None and start is not None and other_end <= start
    return not is_before and not is_after


def _joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return windows in order if they do not overlap, with adjoining ones joined."""
    joined: list[Window] = []
    for since, until in sorted(set(windows), key=lambda window: (window[0] is not None, window[0] or 0)):
        if joined and since is not None and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    return tuple(joined)


def _window_text(window: Window) -> str:
    since, until = window
    if since is until is None:
        return "without bounds"
    parts = [f"since {_text(since)}"] if since is not None else []
    return " ".join([*parts, *([f"until {_text(until)}"] if until is not None else [])])


def _text(nanos: int | None) -> str | None:
    if nanos is None:
        return None
    second, rest = divmod(nanos, _NANOS)
    moment = eventcli.lines.times.label(Bucket(second)).removesuffix("+00:00")
    return f"{moment}.{rest:09}Z" if rest else f"{moment}Z"


def _window(window: Any) -> Window:
    since, until = window
    return _instant(since), _instant(until)


def _instant(text: object) -> int | None:
    if text is None:
        return None
    from datetime import UTC  # noqa: PLC0415  # keeps start-up fast for runs without times

    instant = eventcli.lines.spellings.from_text(_checked(text), UTC)
    if instant is None:
        raise ValueError(f"{text!r} is no instant")
    return instant

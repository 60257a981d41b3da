"""The question that a result answers: kept with a saved summary, and compared before two results are added."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

import eventcli.lines
from eventcli.lines.query import Bucket, Form, Query

Window = tuple[int | None, int | None]
"""Events from one instant on and before another one, in nanoseconds since the epoch; None for no bound."""

_ALWAYS: Final[Window] = (None, None)

_OF_TIME: Final = ("time_field", "input_tz", "time_format")

_NANOS: Final = 1_000_000_000

_EVERYTHING: Final = "all types"

_NO_VALUE: Final = "none (events are only counted)"


class Asked(NamedTuple):
    """The settings that give the numbers of a result their meaning.

    Two results with equal settings can be added up; so can two that differ only in their `windows`, if these do not
    overlap: no event is in both. Settings that only affect printing, and the limit of types, are not included.
    """

    type_field: str = "type"
    value_field: str | None = "value"
    types: tuple[str, ...] | None = None
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    time_field: str | None = None
    input_tz: str | None = None
    time_format: str | None = None
    by: str | None = None
    tz: str | None = None
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
        zone = None if timing.by is None else timing.zone
        return asked._replace(
            time_field=fields.time,
            input_tz=timing.input_zone,
            time_format=timing.time_format,
            by=timing.by,
            tz=zone,
            windows=((timing.since, timing.until),),
        )

    def difference(self, other: Self) -> str | None:
        """Return in words how the two differ, so that they cannot be added up; None if they can."""
        for name in (*self._fields[:-2], *Form._fields):
            mine, others = (getattr(asked if name in self._fields else asked.form, name) for asked in (self, other))
            # If only one of them uses the time, its location does not matter to the other.
            if mine != others and not (name in _OF_TIME and None in (self.time_field, other.time_field)):
                return f"{_option(name)} {_shown(name, mine)} and {_option(name)} {_shown(name, others)}"
        if self.windows == other.windows:
            return None
        for mine in self.windows:
            for others in other.windows:
                if _overlap(mine, others):
                    return f"times {_stretch(mine)} and times {_stretch(others)}, which overlap"
        return None

    def join(self, other: Self) -> Self:
        """Return the question that both answer together, if they can be added up."""
        windows = self.windows if self.windows == other.windows else _joined((*self.windows, *other.windows))
        return self._replace(
            time_field=self.time_field or other.time_field,
            input_tz=self.input_tz or other.input_tz,
            time_format=self.time_format or other.time_format,
            windows=windows,
        )

    def row(self) -> dict[str, object]:
        """Return all settings that are not the default, for a saved summary."""
        usual = type(self)()
        row: dict[str, object] = {
            name: value for name, value in self._asdict().items() if value != getattr(usual, name)
        }
        if "windows" in row:
            row["windows"] = [[_text(since), _text(until)] for since, until in self.windows]
        row.pop("form", None)
        return row | self.form.settings()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return saved settings; ValueError or TypeError if they are invalid, NewerError if some are unknown."""
        row = dict(row)
        form = Form.saved(row)
        unknown = sorted(set(row) - set(cls._fields[:-1]))
        if unknown:
            raise NewerError(f"it has the setting {unknown[0]!r}")
        usual = cls()
        values: dict[str, Any] = {**row, "form": form}
        for name, value in row.items():
            if name == "windows":
                values[name] = tuple(_window(window) for window in value)
            elif name == "types":
                values[name] = None if value is None else tuple(map(_checked, value))
            elif isinstance(getattr(usual, name), bool):
                if not isinstance(value, bool):
                    raise TypeError(f"{name} is neither true nor false")
            elif value is not None:
                _checked(value)
        return cls(**values)


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
    is_behind = other_end is not None and start is not None and other_end <= start
    return not is_before and not is_behind


def _joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return windows in order if they do not overlap, with adjoining ones joined."""
    joined: list[Window] = []
    for since, until in sorted(set(windows), key=lambda window: (window[0] is not None, window[0] or 0)):
        if joined and since is not None and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    return tuple(joined)


def _stretch(window: Window) -> str:
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

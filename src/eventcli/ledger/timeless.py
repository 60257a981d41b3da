"""Finds out why events have no usable time: the field holds none, another field holds it, or the log has no times."""

from collections.abc import Iterable
from typing import Final

from eventcli.lines.event import Event, Reason
from eventcli.lines.parse import explain, parse
from eventcli.lines.query import Query
from eventcli.text import excerpt

_NAMES: Final = frozenset(
    ("@timestamp", "created_at", "date", "datetime", "event_time", "t", "time", "timestamp", "ts")
)
"""Keys that name a time, whatever their values are."""

_SHORTEST: Final = 8
"""Minimum length of a text that can be a time under any key: 20201006."""


def suspicion(lines: Iterable[bytes], query: Query) -> str:
    """Return why lines whose events have no time look as if they had times; empty if they do not."""
    if query.timing is None:
        return ""
    strict = query._replace(timing=query.timing._replace(optional=False))
    field = query.fields.time
    found: dict[str, bytes] = {}
    for line in lines:
        outcome = parse(line, strict)
        if isinstance(outcome, Event):
            return ""
        if outcome.reason is Reason.BAD_TIME:
            why = explain(line, Reason.BAD_TIME, query.fields)
            return f"no event has a usable time: {why}: {excerpt(line)}"
        if outcome.reason is Reason.MISSING_TIME:
            for key in _times_in(line, strict):
                found.setdefault(key, line)
    if found:
        key, line = next(iter(found.items()))
        return f'no event has a time under "{field}": is --time-field {key} meant? {excerpt(line)}'
    return ""


def _times_in(line: bytes, query: Query) -> Iterable[str]:
    """Yield the keys of a line whose values are times."""
    import json  # noqa: PLC0415  # keeps start-up fast for all other runs

    try:
        event = json.loads(line)  # only a guess; `parse` decides what a line means
    except (ValueError, RecursionError):  # the line was salvaged
        return
    for key, value in event.items():
        if not key.replace("@", "").replace("_", "").isalnum():
            continue
        timed = query._replace(fields=query.fields._replace(time=key))
        is_text = isinstance(value, str) and len(value) >= _SHORTEST
        if key.lower() in _NAMES or (is_text and isinstance(parse(line, timed), Event)):
            yield key

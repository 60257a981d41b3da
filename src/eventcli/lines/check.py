"""Checks what a user asks for, before anything is read."""

import eventcli.lines
from eventcli.lines import paths
from eventcli.lines.query import Query


def check_query(query: Query) -> None:
    """Raise ValueError for an invalid JSON Pointer, a default value that is not a number, an unknown zone or unit."""
    for field in query.fields:
        if field is not None:
            paths.parts(field)
    if query.default_value is not None and not eventcli.lines.parse.is_number(query.default_value):
        raise ValueError(f"{query.default_value!r} is not a JSON number within the bounds of a value")
    if query.max_types < 1:
        raise ValueError("max_types must be at least 1")
    if query.max_type_bytes < 1:
        raise ValueError("max_type_bytes must be at least 1")
    if query.timing is not None:
        eventcli.lines.clock.clock_of(query.timing)
        if query.timing.by is not None:
            eventcli.lines.times.Buckets(query.timing.by, query.timing.zone)

"""Checks what a user asks for, before anything is read."""

import eventcli.lines
from eventcli.lines import paths
from eventcli.lines.query import FRAMINGS, Query, is_scalar


def check_query(query: Query) -> None:
    """Raise ValueError for an invalid JSON Pointer, a default value that is not a number, an unknown zone or unit."""
    for field in query.fields:
        if field is not None:
            paths.parts(field)
    if query.default_value is not None and not eventcli.lines.parse.is_number(query.default_value):
        raise ValueError(f"{query.default_value!r} is not a JSON number within the bounds of a value")
    form = query.form
    if form.framing not in FRAMINGS:
        raise ValueError(f"{form.framing!r} is none of {', '.join(FRAMINGS)}")
    for field in (form.records, form.unwrap):
        if field is not None:
            paths.parts(field)
    if form.records is not None and form.framing != "json":
        raise ValueError(f"records are inside of JSON texts: --records needs --framing json, not {form.framing}")
    if form.skip_prefix and form.framing != "lines":
        raise ValueError(f"only lines have a prefix: --skip-prefix needs --framing lines, not {form.framing}")
    for text in form.missing_values:
        if not is_scalar(text):
            raise ValueError(f"{text!r} is no JSON string, number or word")
    if query.max_types < 1:
        raise ValueError("max_types must be at least 1")
    if query.max_type_bytes < 1:
        raise ValueError("max_type_bytes must be at least 1")
    if query.timing is not None:
        eventcli.lines.clock.clock_of(query.timing)
        if query.timing.by is not None:
            eventcli.lines.times.Buckets(query.timing.by, query.timing.zone)

"""Turns options into one frozen `Settings`, a Query and a list of inputs."""

import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from eventcli.cli.messages import say
from eventcli.cli.values import Budget
from eventcli.lines.check import check_query
from eventcli.lines.query import Fields, Form, Query, Timing
from eventcli.lines.windows import timing_of as meaning_of_times
from eventcli.reading import discovery
from eventcli.reading.source import open_source
from eventcli.record import Record
from eventcli.reporting.columns import OTHER_LABEL, Stat
from eventcli.reporting.formats import FORMATS
from eventcli.reporting.output import STDOUT_PATH
from eventcli.text import STDIN, is_url, name_of, printable

if TYPE_CHECKING:
    from eventcli.summary.asked import Asked


NO_VALUE: Final = "none"

PROMETHEUS: Final = "prometheus"
"""The format of metrics, which commands on a ledger have besides `FORMATS`."""

_BY_SUFFIX: Final = {"ndjson": "jsonl", "txt": "table", "prom": PROMETHEUS}
"""Formats of files whose suffix is not the name of the format."""


class Settings(Record):
    """The options of a command: how to print, where to, and what to do about bad lines."""

    format: str
    stats: tuple[Stat, ...]
    output: str | None
    save: str | None
    rejects: str | None = None
    show_rejects: int = 0
    budget: Budget | None = None
    other_label: str = OTHER_LABEL
    query: Query = Query()
    asked: "Asked | None" = None
    gaps: bool = False
    progress: bool | None = None


def query_of(options: dict[str, Any]) -> Query:
    """Remove the options that define what a line means and which events are kept, and return them as a Query."""
    names = ("types", "type_field", "value_field", "count_only", "time_field", "default_value", "numeric_strings")
    types, type_field, value_field, count_only, time_field, default_value, numeric_strings = map(options.pop, names)
    salvage, most, most_bytes = map(options.pop, ("salvage", "max_types", "max_type_bytes"))
    has_no_value = count_only or value_field == NO_VALUE
    fields = Fields(type_field, None if has_no_value else value_field, time_field)
    timing = timing_of(options)
    form = Form.of(options)
    query = Query(fields, types or None, default_value, numeric_strings, salvage, timing, most, most_bytes, form=form)
    try:
        check_query(query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return query


def timing_of(options: dict[str, Any]) -> Timing | None:
    """Remove the options of time, and return them as a Timing; None if none is given."""
    try:
        return meaning_of_times(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def settings_of(*, debug: bool, has_metrics: bool = False, **options: Any) -> Settings:  # noqa: ARG001  # for failures
    """Return the settings of a command; `has_metrics` says whether it has the format of metrics."""
    if options["output"] == STDOUT_PATH:
        options["output"] = None
    options["format"] = options["format"] or _format_of(options["output"] or "", has_metrics=has_metrics)
    return Settings(**options)


def _format_of(output: str, *, has_metrics: bool) -> str:
    """Return the format that the suffix of an output file names, or json.

    >>> _format_of("totals.CSV", has_metrics=False), _format_of("totals.csv.gz", has_metrics=False)
    ('csv', 'json')
    """
    suffix = os.path.splitext(output)[1].removeprefix(".").lower()
    name = _BY_SUFFIX.get(suffix, suffix)
    return name if name in FORMATS or (has_metrics and name == PROMETHEUS) else "json"


def names_in(path: str, files: tuple[str, ...], *, null: bool) -> tuple[str, ...]:
    """Return the names in a list of files; `files` are those named on the command line."""
    if path == STDIN and STDIN in files:
        raise click.UsageError("standard input cannot hold both events and --files-from")
    try:
        with open_source(path) as stream:
            names = discovery.read_names(stream, null=null)
    except (OSError, ValueError) as error:
        message = (error.strerror if isinstance(error, OSError) else None) or error
        raise click.UsageError(f"--files-from {printable(name_of(path))}: {message}") from None
    if path == STDIN and STDIN in names:
        raise click.UsageError("standard input cannot hold both events and --files-from; a file of that name is ./-")
    return tuple(names)


def inputs_of(files: tuple[str, ...], listed: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return the inputs: the files and those in a list, or standard input if there are neither."""
    inputs = (*files, *listed) if listed is not None else files or (STDIN,)
    if STDIN in inputs and sys.stdin is not None and sys.stdin.isatty():
        say("reading events from the terminal; end with Ctrl-D")
    if any(map(is_url, inputs)) and not sys.warnoptions:
        import warnings  # noqa: PLC0415  # runs on local files load nothing that warns

        # The libraries of object stores warn about things that users of this tool cannot change.
        warnings.simplefilter("ignore")
    return inputs

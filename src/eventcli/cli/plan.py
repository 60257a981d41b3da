"""The command `plan`: how a run on a cluster would split its files."""

from typing import Any

import click

import eventcli.cli
from eventcli.cli.command import OUTPUT, Command, help_option, option
from eventcli.cli.options import (
    debug_option,
    files_argument,
    input_options,
    line_options,
    output_option,
    split_size_option,
    storage_options_option,
)
from eventcli.cli.settings import inputs_of, names_in
from eventcli.errors import ExitCode
from eventcli.reading.discovery import Choice


@click.command(
    cls=Command,
    short_help="Print how a run on a cluster would split its files.",
    examples=(
        "eventstats plan logs/",
        "eventstats plan events.jsonl logs/ --split-size 256MiB",
        "eventstats plan events.jsonl -f jsonl",
    ),
)
@files_argument
@input_options
@line_options()
@split_size_option
@storage_options_option
@option(
    "-f",
    "--format",
    type=click.Choice(["text", "json", "jsonl"]),
    default="text",
    show_default=True,
    heading=OUTPUT,
    help="What to print: a text, one object, or an object for each split.",
)
@output_option
@debug_option
@help_option
def plan(
    *,
    files: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    files_from: str | None,
    null: bool,
    **options: Any,
) -> ExitCode:
    """Print how a run with --engine would split the FILEs among its workers. Nothing is read.

    A FILE may be a directory, a quoted glob or a URL. The plan is that of `eventstats summarize` with the same options.
    """
    inputs = inputs_of(files, None if files_from is None else names_in(files_from, files, null=null))
    return eventcli.cli.engines.print_plan(inputs, Choice(include, exclude), options)

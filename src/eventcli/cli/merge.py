"""The command `merge`: adds up saved summaries, ledgers and printed results."""

from typing import Any

import click

import eventcli.cli
from eventcli.cli.command import INPUT, Command, option
from eventcli.cli.messages import say, say_source
from eventcli.cli.options import files_argument, other_label_option, output_options
from eventcli.cli.settings import inputs_of, settings_of
from eventcli.cli.sinks import Sinks
from eventcli.cli.targets import check_targets
from eventcli.errors import ExitCode


@click.command(
    cls=Command,
    short_help="Add up saved summaries, ledgers and printed results.",
    examples=(
        "eventstats merge monday.json tuesday.json",
        "eventstats merge day-*.json -f csv -o week.csv",
        "eventstats merge europe.db asia.db --save world.json",
    ),
)
@files_argument
@option(
    "--allow-overlap",
    is_flag=True,
    heading=INPUT,
    help="Also add results that cover the same lines: these count several times.",
)
@option(
    "--allow-mixed",
    is_flag=True,
    heading=INPUT,
    help="Also add results of different queries, or with different buckets.",
)
@other_label_option
@output_options()
def merge(*, files: tuple[str, ...], allow_overlap: bool, allow_mixed: bool, **options: Any) -> ExitCode:
    """Add up saved summaries, ledgers and printed results (json or jsonl) in the FILEs (- or none: standard input)."""
    inputs = inputs_of(files)
    settings = settings_of(**options)
    check_targets(settings, inputs)
    merged = eventcli.cli.merging.Merge(
        allow_overlap=allow_overlap, allow_mixed=allow_mixed, on_source=say_source, on_doubt=say
    ).run(inputs)
    with Sinks(settings._replace(asked=merged.asked)) as sinks:
        return sinks.finish(merged.summary)

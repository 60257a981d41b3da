"""The command `generate`: writes a sample log."""

from itertools import islice

import click

import eventcli.cli
from eventcli.cli.command import OUTPUT, Command, help_option, option
from eventcli.cli.options import bad_rate_option, debug_option, output_option
from eventcli.cli.sinks import written_to
from eventcli.errors import ExitCode


@click.command(
    cls=Command,
    short_help="Write a sample log.",
    examples=(
        "eventstats generate -o shop.jsonl",
        "eventstats generate --events 1000000 --seed 7 | eventstats summarize -f table",
        "eventstats generate --bad-rate 0.01 | eventstats summarize --rejects bad.jsonl",
    ),
)
@option(
    "--events",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    heading=OUTPUT,
    help="Lines to write.",
)
@option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="S",
    heading=OUTPUT,
    help="The same seed gives the same bytes.",
)
@bad_rate_option(OUTPUT)
@output_option
@debug_option
@help_option
def generate(*, events: int, seed: int, bad_rate: float, output: str | None, **_debug: bool) -> ExitCode:
    """Write the log of a small shop, of any size, to try things on."""
    with written_to(output) as write:
        log = eventcli.cli.generate.generate(events, seed=seed, bad_rate=bad_rate)
        while batch := b"".join(islice(log, 1000)):
            write(batch)
    return ExitCode.OK

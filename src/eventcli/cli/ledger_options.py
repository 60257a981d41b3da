"""The options that the commands of a ledger share, and how its errors become exit statuses."""

from collections.abc import Callable
from typing import Any, cast

import click

import eventcli.reporting
from eventcli import interruption
from eventcli.cli.command import LEDGER, OUTPUT, Command, option, together
from eventcli.cli.options import other_label_option, output_options
from eventcli.cli.settings import PROMETHEUS
from eventcli.cli.values import NameValue, PathValue, Size
from eventcli.ledger.meaning import GRANULARITIES
from eventcli.ledger.recorder import KEEP_REJECTS

ledger_option = option(
    "--ledger",
    "path",
    type=PathValue(),
    required=True,
    metavar="FILE",
    heading=LEDGER,
    help="The ledger, an SQLite file.",
)

wait_option = option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    heading=LEDGER,
    help="Wait up to this long for another run to end.  [default: 0]",
)

totals_option = option(
    "--totals",
    "wants_totals",
    is_flag=True,
    heading=LEDGER,
    help="Print the totals over all runs, not what this run added.",
)


kept_options = together(
    option(
        "--granularity",
        type=click.Choice(GRANULARITIES),
        heading=LEDGER,
        help="Size of the buckets of time that the ledger keeps, in UTC.",
    ),
    option(
        "--keep-rejects",
        type=Size(),
        default=KEEP_REJECTS,
        heading=LEDGER,
        help="Bytes of rejected lines that the ledger keeps for repair.  [default: 16MiB]",
    ),
)
"""The options of commands that add lines to a ledger."""


class _LabelValue(click.ParamType[tuple[str, str]]):
    """A label of metrics: a name and a value."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the name and the value."""
        if isinstance(value, tuple):
            return cast("tuple[str, str]", value)
        name, equals, text = NameValue().convert(value, param, ctx).partition("=")
        fault = eventcli.reporting.prometheus.label_fault(name) if equals else "a label is NAME=VALUE"
        if fault:
            self.fail(f"{value!r}: {fault}", param, ctx)
        return name, text


label_option = option(
    "--label",
    type=_LabelValue(),
    multiple=True,
    metavar="NAME=VALUE",
    heading=OUTPUT,
    help="Add a label to all metrics. Repeatable; an empty VALUE removes it.  [default: ledger=FILE]",
)

report_options = together(other_label_option, label_option, output_options(PROMETHEUS))
"""The options of commands that print totals."""


class LedgerCommand(Command):
    """A command on a ledger.

    Signals become exceptions in it: the transaction is rolled back, and a ledger that is still empty is removed.
    """

    signals = interruption.raising


def ledger_command(name: str, summary: str, *examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a command of the ledger."""
    return click.command(name, cls=LedgerCommand, short_help=summary, examples=examples)

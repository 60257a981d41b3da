"""The command `totals`: prints the totals over all runs, from the ledger alone."""

from typing import Any

import eventcli.reporting
from eventcli.cli.command import QUERY, option
from eventcli.cli.ledger_access import open_to_read, renderer
from eventcli.cli.ledger_options import ledger_command, ledger_option, report_options
from eventcli.cli.messages import say_source
from eventcli.cli.options import time_options, types_option
from eventcli.cli.settings import PROMETHEUS, Settings, settings_of, timing_of
from eventcli.cli.showing import labels_of
from eventcli.cli.sinks import Sinks
from eventcli.cli.targets import check_targets
from eventcli.errors import ExitCode
from eventcli.ledger.answers import Wanted, answer
from eventcli.reporting.columns import Stat


@ledger_command(
    "totals",
    "Print the totals over all runs.",
    "eventstats totals --ledger shop.db",
    "eventstats totals --ledger shop.db --by day --since 7d -f table",
    "eventstats totals --ledger shop.db --type purchase --tz Europe/Berlin --by month",
)
@ledger_option
@types_option
@time_options(by="Print in buckets of time, as far as the ledger keeps them")
@option(
    "--allow-timeless",
    is_flag=True,
    heading=QUERY,
    help="Count the result as complete, although events without a time are missing in it.",
)
@report_options
def totals(*, path: str, types: tuple[str, ...], allow_timeless: bool, **options: Any) -> ExitCode:
    """Print the totals over all runs, from the ledger alone."""
    labels = labels_of(options.pop("label"), path)
    since, until = options["since"], options["until"]
    timing = timing_of(options)
    settings = settings_of(**options, has_metrics=True)
    settings = settings._replace(query=settings.query._replace(types=types or None, timing=timing))
    check_targets(settings, ledger=path)
    with Sinks(settings) as sinks:
        further = _further(settings)
        # No run can commit during this read: it ends before the output is written, which may take long.
        with open_to_read(path) as database, database.snapshot():
            wanted = Wanted(types or None, timing, (since, until), settings.stats, further, allow_timeless)
            found = answer(database, wanted)
            render = renderer(settings, database.last_run() if settings.format == PROMETHEUS else None, labels)
        summary, sinks.asked, _ = found
        for source in summary.sources:
            if source.message:
                say_source(source)
        return sinks.finish(summary, render=render, all_rejected=False)


def _further(settings: Settings) -> tuple[Stat, ...]:
    """Return the columns that are given besides those that were asked for, if the ledger keeps what they need."""
    if settings.save is not None:
        return tuple(Stat)
    if settings.format == PROMETHEUS:
        return eventcli.reporting.prometheus.STATS
    return ()

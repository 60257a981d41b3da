"""The command `totals`: prints the totals over all runs, from the ledger alone."""

from typing import Any

from eventcli.cli.ledger_access import open_to_read, renderer, totals_of
from eventcli.cli.ledger_options import label_option, ledger_command, ledger_option, other_label_option, output_options
from eventcli.cli.messages import say_source
from eventcli.cli.options import (
    ByValue,
    check_targets,
    option,
    types_option,
)
from eventcli.cli.settings import settings_of, timing_of
from eventcli.cli.showing import PROMETHEUS, labels_of
from eventcli.cli.sinks import Sinks
from eventcli.cli.timing import BOUND_HELP, BY_HELP, ZONE_HELP
from eventcli.errors import ExitCode
from eventcli.ledger import ingest as ingest_module
from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import totals as totals_module
from eventcli.ledger.store.database import Database
from eventcli.lines.query import Timing
from eventcli.reporting.columns import Stat
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary
from eventcli.text import name_of


@ledger_command("totals")
@ledger_option
@types_option
@option("--since", metavar="TIME", help=f"Keep events from this time on: {BOUND_HELP}.")
@option("--until", metavar="TIME", help="Keep events before this time.")
@option("--by", type=ByValue(), help=f"Print in buckets of time, as far as the ledger keeps them: {BY_HELP}.")
@option("--tz", metavar="ZONE", help=f"Time zone of the buckets, and of TIME without an offset: {ZONE_HELP}")
@option("--gaps", is_flag=True, help="Print rows of count 0 for empty buckets.")
@option("--allow-timeless", is_flag=True, help="Take the answer for whole, though events without a time are not in it.")
@other_label_option
@label_option
@output_options
def totals(*, path: str, types: tuple[str, ...], allow_timeless: bool, **options: Any) -> ExitCode:
    """Print the totals over all runs, from the ledger alone."""
    labels = labels_of(options.pop("label"), path)
    since, until = options["since"], options["until"]
    timing = timing_of(options)
    settings = settings_of(**options)
    settings = settings._replace(query=settings.query._replace(types=types or None, timing=timing))
    check_targets(settings, ledger=path)
    with Sinks(settings) as sinks:
        extremes = settings.save is not None or bool({Stat.MIN, Stat.MAX} & set(settings.stats))
        # No run can commit during this read: it ends before the output is written, which may take long.
        with open_to_read(path) as database, database.snapshot():
            timing = _of_whole_buckets(database, timing, since, until)
            meaning = meaning_module.meaning_of(database, {})
            sinks.asked = totals_module.asked(meaning, types or None, timing)
            summary = totals_of(database, types or None, timing, extremes=extremes)
            timeless = 0 if timing is None or allow_timeless else database.timeless(types or None)
            render = renderer(settings, database.last_run() if settings.format == PROMETHEUS else None, labels)
        if timeless:
            is_limited = timing is not None and not timing.since is timing.until is None
            where = "are in no bucket" if timing and timing.by and not is_limited else "are left out"
            why = f'{timeless} events without a usable time under "{meaning.time_field}" {where} (--allow-timeless)'
            summary = Summary.union([summary], [SourceReport(name_of(path), 0, 0, Status.UNREADABLE, why)])
        for source in summary.sources:
            if source.message:
                say_source(source)
        return sinks.finish(summary, render=render, all_rejected=False)


def _of_whole_buckets(database: Database, timing: Timing | None, since: str | None, until: str | None) -> Timing | None:
    """Move bounds such as 24h to the bounds of the ledger's buckets: nobody means them to the second."""
    if timing is None:
        return None
    from eventcli.lines.bounds import is_relative  # noqa: PLC0415  # runs without bounds

    if timing.since is not None and is_relative(since):
        timing = timing._replace(since=ingest_module.whole(database, timing.since, up=False))
    if timing.until is not None and is_relative(until):
        timing = timing._replace(until=ingest_module.whole(database, timing.until, up=True))
    return timing

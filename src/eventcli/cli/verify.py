"""The commands `verify` and `forget`: prove what the streams of a ledger added, and take it out again."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import click

import eventcli.ledger
from eventcli.cli.command import LEDGER, help_option, option
from eventcli.cli.ledger_access import open_to_change, open_to_read, renderer
from eventcli.cli.ledger_options import ledger_command, ledger_option, report_options, wait_option
from eventcli.cli.messages import say, say_one_of, say_source
from eventcli.cli.options import debug_option, jobs_option, output_option
from eventcli.cli.settings import PROMETHEUS, settings_of
from eventcli.cli.showing import labels_of
from eventcli.cli.sinks import Sinks, written_to
from eventcli.cli.targets import check_outputs, check_targets
from eventcli.cli.values import PathValue
from eventcli.errors import ExitCode, OutputError, ReaderGoneError
from eventcli.ledger import totals as totals_module
from eventcli.ledger import verify as verify_module
from eventcli.ledger.store.database import Database
from eventcli.summary.summary import Summary
from eventcli.text import name_of


@ledger_command(
    "verify",
    "Prove the totals of a ledger from the logs.",
    "eventstats verify --ledger shop.db",
    "eventstats verify --ledger shop.db /backup/logs/",
    "eventstats verify --ledger shop.db --prune 90 --acknowledge",
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=PathValue())
@ledger_option
@wait_option
@option(
    "--prune",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    heading=LEDGER,
    help="Forget streams that have been gone for this long.",
)
@option(
    "--acknowledge",
    is_flag=True,
    heading=LEDGER,
    help="Accept all discontinuities: totals are complete without what was lost.",
)
@output_option
@jobs_option
@debug_option
@help_option
def verify(
    *,
    sources: tuple[str, ...],
    path: str,
    wait: float,
    prune: float | None,
    acknowledge: bool,
    output: str | None,
    jobs: int | None,
    **_debug: bool,
) -> ExitCode:
    """Read everything that is still on disk once more, and prove the totals of the ledger with it.

    Streams are searched for where they were, among their siblings, and in the SOURCEs. Prints one JSON
    object per stream: proved, gone (no file has it any longer), different, or unproved (too many types).
    """
    check_outputs({"--output": output}, sources, ledger=path)
    changes = prune is not None or acknowledge
    with open_to_change(path, wait) if changes else open_to_read(path) as database, written_to(output) as write:
        return _verify(database, sources, prune=prune, acknowledge=acknowledge, jobs=jobs, write=write)


def _verify(
    database: Database,
    sources: tuple[str, ...],
    *,
    prune: float | None,
    acknowledge: bool,
    jobs: int | None,
    write: Callable[[bytes], object],
) -> ExitCode:
    verdicts = list(verify_module.verify(database, sources, jobs))
    lines = []
    for stream, verdict, message in verdicts:
        record = {
            "source": stream.label,
            "stream": stream.key,
            "bytes": stream.offset - stream.start,
            "lines": stream.account.lines,
            "pending": stream.pending,
            "verdict": verdict,
            "message": message,
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
        if verdict != "proved":
            say_one_of(f"{verdict}", f"{stream.label}: {verdict}: {message} ({stream.account.lines} lines)")
    open_ones = [one for one in database.discontinuities() if not one.settled]
    if not acknowledge:
        for one in open_ones:
            say_source(totals_module.report_of(one))
    pruned = 0
    if prune is not None:
        pruned = verify_module.prune(database, verdicts, prune)
    if acknowledge:
        verify_module.acknowledge(database)
    write("".join(lines).encode())
    if pruned:
        say(f"{pruned} streams were forgotten; what they added stays")
    found = {verdict for _, verdict, _ in verdicts}
    if "different" in found:
        return ExitCode.DATA
    return ExitCode.INCOMPLETE if found - {"proved"} or (open_ones and not acknowledge) else ExitCode.OK


@ledger_command(
    "forget",
    "Remove what a stream added to a ledger.",
    "eventstats forget --ledger shop.db /var/log/test.log",
    "eventstats forget --ledger shop.db --all app.log -f table",
    "eventstats forget --ledger shop.db old.log new.log",
)
@click.argument("names", metavar="STREAM|PATH...", nargs=-1, required=True, type=PathValue())
@ledger_option
@wait_option
@option(
    "--all", "wants_all", is_flag=True, heading=LEDGER, help="Forget all streams of a PATH, even if there are several."
)
@report_options
def forget(*, names: tuple[str, ...], path: str, wait: float, wants_all: bool, **options: Any) -> ExitCode:
    """Remove from the ledger exactly what a stream added, and print that.

    A STREAM is a key, as `verify` prints it; a PATH names the stream that was read there. The next `ingest` reads
    again whatever is still on disk.
    """
    labels = labels_of(options.pop("label"), path)
    settings = settings_of(**options, has_metrics=True)
    check_targets(settings, ledger=path)
    with ExitStack() as stack:
        sinks = stack.enter_context(Sinks(settings))
        database = stack.enter_context(open_to_change(path, wait, settings.stats))
        chosen = {}
        for name in names:
            streams = eventcli.ledger.forget.streams_of(database, name)
            if not streams:
                raise click.UsageError(f"{name_of(name)}: the ledger knows no stream of this key or path")
            if len(streams) > 1 and not wants_all:
                for stream in streams:
                    say(eventcli.ledger.forget.describe(stream))
                raise click.UsageError(
                    f"{name_of(name)}: {len(streams)} streams were read there: name one by its key, or give --all"
                )
            chosen.update({stream.key: stream for stream in streams})
        database.wait_for_others()
        status = ExitCode.OK

        def show(summary: Summary) -> None:
            nonlocal status
            shown = totals_module.totals(database) if settings.format == PROMETHEUS else None
            render = renderer(settings, database.last_run(), labels)
            status = sinks.finish(summary, shown=shown, render=render, all_rejected=False)

        try:
            eventcli.ledger.forget.forget(database, list(chosen.values()), show)
        except (OutputError, ReaderGoneError):
            say("nothing was taken out of the ledger")
            raise
        return status

"""The commands `rejects` and `replay`: rejected lines out of a ledger, and repaired ones back into it."""

from contextlib import ExitStack
from typing import Any

import click

from eventcli.cli.command import help_option
from eventcli.cli.ledger_access import open_to_change, open_to_read, renderer
from eventcli.cli.ledger_options import ledger_command, ledger_option, report_options, totals_option, wait_option
from eventcli.cli.messages import say
from eventcli.cli.options import debug_option, output_option, show_rejects_option
from eventcli.cli.settings import PROMETHEUS, inputs_of, settings_of
from eventcli.cli.showing import HASTE, Showing, labels_of
from eventcli.cli.sinks import Sinks, written_to
from eventcli.cli.targets import check_outputs, check_targets
from eventcli.cli.values import PathValue
from eventcli.errors import ExitCode, OutputError, ReaderGoneError
from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import replay as replay_module
from eventcli.ledger import totals as totals_module
from eventcli.ledger.repairs import Problems, repairs
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.lines.rejected import record
from eventcli.reporting.output import PRIVATE


@ledger_command(
    "rejects",
    "Write the rejected lines that a ledger keeps.",
    "eventstats rejects --ledger shop.db",
    "eventstats rejects --ledger shop.db -o bad.jsonl",
    "eventstats rejects --ledger shop.db | jq -r .reason | sort | uniq -c",
)
@ledger_option
@output_option
@debug_option
@help_option
def rejects(*, path: str, output: str | None, **_debug: bool) -> ExitCode:
    """Write the rejected lines that the ledger keeps, as JSON lines, to be repaired and replayed."""
    check_outputs({"--output": output}, ledger=path)
    with written_to(output, mode=PRIVATE) as write:
        with open_to_read(path) as database, database.snapshot():
            # All at once: the reader of the output may be slow, and no run could commit meanwhile.
            found = list(replay_module.rejects(database))
        for reject in found:
            write(record(reject))
    return ExitCode.OK


def _keep(database: Database, added: bytes) -> None:
    """Keep what was added and could not be shown, for the next run to show it."""
    try:
        with database.transaction(HASTE):
            database.put_unshown(added)
        say("what was replayed is in the ledger, but could not be shown: the next run shows it")
    except (LedgerError, BusyError, OutputError):
        say("what was replayed is in the ledger, but could not be shown: `eventstats totals` shows it")


@ledger_command(
    "replay",
    "Add repaired lines to a ledger.",
    "eventstats replay --ledger shop.db repaired.jsonl",
    "eventstats replay --ledger shop.db repaired.jsonl --totals -f table",
    "sed 's/NaN/0/' rejects.jsonl | eventstats replay --ledger shop.db -",
)
@click.argument("files", metavar="REJECTS...", nargs=-1, required=True, type=PathValue())
@ledger_option
@wait_option
@totals_option
@show_rejects_option
@report_options
def replay(*, files: tuple[str, ...], path: str, wait: float, wants_totals: bool, **options: Any) -> ExitCode:
    """Add repaired lines. The REJECTS are files written by `rejects` or --rejects; `raw` is the line, to be repaired.

    Each line counts once, however often it is replayed; it moves from the rejected to the accepted lines.
    """
    labels = labels_of(options.pop("label"), path)
    settings = settings_of(**options, has_metrics=True)
    check_targets(settings, files, ledger=path)
    problems = Problems()
    with ExitStack() as stack:
        sinks = stack.enter_context(Sinks(settings))
        database = stack.enter_context(open_to_change(path, wait, settings.stats))
        database.wait_for_others()
        sinks.asked = totals_module.asked(meaning_module.meaning_of(database, {}))
        # The lines are read while they are added: they may not fit into memory.
        display = Showing(
            database,
            sinks,
            (lambda: totals_module.totals(database)) if wants_totals or settings.format == PROMETHEUS else None,
            lambda record: renderer(settings, record, labels),
        )

        def prepare(added: replay_module.Replay) -> None:
            for problem in (*problems.lines(), *added.problems.lines()):
                say(problem)
            database.put_unshown(None)
            display.prepare_of(added.summary, database.last_run())

        try:
            outcome = replay_module.replay(database, repairs(inputs_of(files), problems), sinks.reject, prepare)
        except (OutputError, ReaderGoneError):
            say("nothing was added to the ledger")
            raise
        summary = outcome.summary
        try:
            status = sinks.finish(summary, shown=display.shown, all_rejected=summary.is_all_rejected)
        except BaseException:
            _keep(database, display.keep(summary))
            raise
        return ExitCode.DATA if (problems or outcome.problems) and status is ExitCode.OK else status

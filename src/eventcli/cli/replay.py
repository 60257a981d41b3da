"""The commands `rejects` and `replay`: rejected lines out of a ledger, and repaired ones back into it."""

from contextlib import ExitStack
from typing import Any

import click

from eventcli.cli.ledger_access import is_all_rejected, open_to_change, open_to_read, renderer
from eventcli.cli.ledger_options import (
    label_option,
    ledger_command,
    ledger_option,
    other_label_option,
    output_options,
    wait_option,
)
from eventcli.cli.messages import say
from eventcli.cli.options import (
    check_outputs,
    check_targets,
    debug_option,
    help_option,
    option,
    output_option,
    show_rejects_option,
)
from eventcli.cli.settings import inputs_of, settings_of
from eventcli.cli.showing import PROMETHEUS, labels_of
from eventcli.cli.sinks import Sinks, written_to
from eventcli.cli.values import PathValue
from eventcli.errors import ExitCode
from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import replay as replay_module
from eventcli.ledger import totals as totals_module
from eventcli.ledger.repairs import Problems, RepairsError, repairs
from eventcli.reporting import diagnostics
from eventcli.reporting.output import PRIVATE


@ledger_command("rejects")
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
            write(diagnostics.record(reject))
    return ExitCode.OK


@ledger_command("replay")
@click.argument("files", metavar="REJECTS...", nargs=-1, required=True, type=PathValue())
@ledger_option
@wait_option
@option("--totals", "wants_totals", is_flag=True, help="Print the totals over all runs, not what was added.")
@show_rejects_option
@other_label_option
@label_option
@output_options
def replay(*, files: tuple[str, ...], path: str, wait: float, wants_totals: bool, **options: Any) -> ExitCode:
    """Add rejected lines that were repaired: in the REJECTS, written by `rejects` or --rejects, `raw` is the line.

    Each counts once, however often it is replayed; it moves from the rejected to the accepted lines.
    """
    labels = labels_of(options.pop("label"), path)
    settings = settings_of(**options)
    check_targets(settings, files, ledger=path)
    problems = Problems()
    with ExitStack() as stack:
        sinks = stack.enter_context(Sinks(settings))
        database = stack.enter_context(open_to_change(path, wait))
        database.wait_for_others()
        sinks.asked = totals_module.asked(meaning_module.meaning_of(database, {}))
        # The lines are read while they are added: they may not fit into memory.
        try:
            outcome = replay_module.replay(database, repairs(inputs_of(files), problems), sinks.reject)
        except RepairsError as error:
            raise click.UsageError(str(error)) from None
        for problem in (*problems.lines(), *outcome.problems.lines()):
            say(problem)
        summary = outcome.summary
        shown = totals_module.totals(database) if wants_totals or settings.format == PROMETHEUS else None
        status = sinks.finish(
            summary,
            shown=shown,
            render=renderer(settings, database.last_run(), labels),
            all_rejected=is_all_rejected(summary),
        )
        return ExitCode.DATA if (problems or outcome.problems) and status is ExitCode.OK else status

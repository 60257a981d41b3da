"""The command `ingest`: adds what is new in logs to a ledger, and prints what it added."""

import stat
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import click

from eventcli import interruption
from eventcli.cli import targets
from eventcli.cli.command import INPUT, LEDGER, option
from eventcli.cli.failures import status_of
from eventcli.cli.ledger_access import given_of, renderer
from eventcli.cli.ledger_options import (
    kept_options,
    ledger_command,
    ledger_option,
    report_options,
    totals_option,
    wait_option,
)
from eventcli.cli.messages import say, say_one_of, say_source
from eventcli.cli.options import input_options, jobs_option, line_options, reject_options
from eventcli.cli.settings import PROMETHEUS, inputs_of, names_in, settings_of
from eventcli.cli.showing import HASTE, Showing, labels_of, say_failure
from eventcli.cli.sinks import EXAMPLES, Sinks
from eventcli.cli.targets import check_targets
from eventcli.cli.values import Budget, PathValue, Size
from eventcli.errors import ExitCode, OutputError
from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import totals as totals_module
from eventcli.ledger.ingest import Ingest, Outcome, Policy
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.recorder import COMMIT_BYTES, Options
from eventcli.ledger.store import records
from eventcli.ledger.store.connection import UnwritableError
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.layout import SETTING
from eventcli.lines.check import check_query
from eventcli.pipeline.opened import failed
from eventcli.reading import deep
from eventcli.reading.discovery import Choice, Listing, discover_many
from eventcli.reporting import diagnostics
from eventcli.summary.aggregates.registry import optional
from eventcli.summary.sources import SourceReport
from eventcli.text import name_of, printable


@ledger_command(
    "ingest",
    "Add what is new in logs to a ledger.",
    "eventstats ingest --ledger shop.db /var/log/shop.log",
    "eventstats ingest --ledger daily.db logs/ --granularity day --totals",
    "eventstats ingest --ledger shop.db app.log -f prometheus -o shop.prom",
)
@click.argument("sources", metavar="SOURCE...", nargs=-1, type=PathValue())
@ledger_option
@wait_option
@totals_option
@option(
    "--require-continuity", is_flag=True, heading=LEDGER, help="Add nothing if an unread part of a stream was lost."
)
@kept_options
@option(
    "--commit-every",
    type=Size(),
    default=COMMIT_BYTES,
    heading=LEDGER,
    help="Commit after reading this much, or after 10 seconds.  [default: 512MiB]",
)
@input_options
@option(
    "--olddir",
    "olddirs",
    type=PathValue(),
    multiple=True,
    metavar="DIR",
    heading=INPUT,
    help="A directory that rotated files are moved to; later runs know it. Repeatable.",
)
@line_options(are_kept=True)
@reject_options("Fail, and add nothing,")
@jobs_option
@report_options
def ingest(
    *,
    sources: tuple[str, ...],
    path: str,
    wait: float,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    files_from: str | None,
    null: bool,
    wants_totals: bool,
    olddirs: tuple[str, ...],
    require_continuity: bool,
    strict: bool,
    max_rejects: Budget | None,
    keep_rejects: int,
    commit_every: int,
    jobs: int | None,
    label: tuple[tuple[str, str], ...],
    **options: Any,
) -> ExitCode:
    """Read what is new in the SOURCEs, add it to the ledger, and print what was added.

    A SOURCE is a log, whatever happens to it between two runs: it may grow, or be rotated, compressed, copied or
    truncated. It may also be a directory or a quoted glob.
    The ledger keeps the options for the meaning of a line from its first run on; later runs can omit them.
    """
    budget = Budget(Decimal(0), name="--strict") if strict else max_rejects
    given = given_of(options)
    settings = settings_of(**options, has_metrics=True, budget=budget)
    if kept := optional(settings.stats):
        given[SETTING] = ",".join(kept)
    if not sources and files_from is None:
        raise click.UsageError("Missing argument 'SOURCE...'.")
    inputs = inputs_of(sources, None if files_from is None else names_in(files_from, sources, null=null))
    check_targets(settings, inputs, files_from=files_from, ledger=path)
    labels = labels_of(label, path)
    started_at = records.now()

    def run(stack: ExitStack) -> tuple[ExitCode, bool]:
        """Run, and return the exit status, and whether the output reports it."""
        sinks = stack.enter_context(Sinks(settings))
        database = stack.enter_context(Database.open_to_write(path, create=True, wait=wait))
        stack.enter_context(interruption.raising())
        meaning = meaning_for(database, given)
        sinks.asked = totals_module.asked(meaning)
        database.wait_for_others()
        is_prometheus = settings.format == PROMETHEUS
        display = Showing(
            database,
            sinks,
            (lambda: totals_module.totals(database)) if wants_totals or is_prometheus else None,
            lambda record: renderer(settings, record, labels),
        )
        reading = Options(
            jobs=jobs,
            on_reject=sinks.reject,
            reject_limit=None if settings.rejects else max(EXAMPLES, settings.show_rejects),
            on_problem=say_source,
            keep_rejects=keep_rejects,
            commit_bytes=commit_every,
        )
        policy = Policy(
            require_continuity=require_continuity,
            may_commit=None if budget is None else lambda account: not budget.is_passed_by(account),
            is_cautious=True,
            olddirs=olddirs,
            on_copy=_say_copy,
            display=display,
        )
        one = Ingest(database, meaning, reading, policy, started_at=started_at)
        outcome = None
        try:
            own = sinks.identities() + targets.identities(path)
            outcome = one.run(*found_in(inputs, Choice(include, exclude), own))
            if not outcome.is_committed:
                status = _finish_in_vain(sinks, outcome, has_result=bool(outcome.useless) and not is_prometheus)
                one.note_failure(status, is_added=False)
                return status, False
            added = outcome.summary
            _say_timeless(outcome, meaning, database)
            is_seen = sys.stderr is not None and sys.stderr.isatty()
            if is_seen and outcome.record.pending and diagnostics.closing(added) is None:
                say(diagnostics.with_pending(added))
            return sinks.finish(added, shown=display.shown, all_rejected=False), True
        except BaseException as error:
            _note_failure(one, error, is_added=outcome is not None and outcome.is_committed)
            raise

    try:
        with ExitStack() as stack:
            status, is_said = run(stack)
    except BaseException as error:
        say_failure(settings, path, labels, started_at, status_of(error))
        raise
    if not is_said:
        say_failure(settings, path, labels, started_at, status)
    return status


def _finish_in_vain(sinks: Sinks, outcome: Outcome, *, has_result: bool) -> ExitCode:
    """Finish a run that added nothing."""
    status = sinks.finish(outcome.summary, has_result=has_result)
    if not outcome.useless:
        say("nothing was added to the ledger")
        return status
    if outcome.summary.account.accepted:
        say(f"{outcome.useless} (--granularity none keeps no times)")
    say("nothing was added to the ledger: the next run reads the same lines again, and may use other settings")
    return ExitCode.DATA if status is ExitCode.OK else status


def _note_failure(run: Ingest, error: BaseException, *, is_added: bool) -> None:
    """Record that a run failed, and report what became of the data it read."""
    is_kept = True
    try:
        if not isinstance(error, UnwritableError):
            run.note_failure(status_of(error), is_added=is_added, patience=HASTE)
    except (LedgerError, BusyError, OutputError):
        is_kept = False
    if is_added:
        said = "the next run shows it" if is_kept else "`eventstats totals` shows it"
        say(f"what was read is in the ledger, but could not be shown: {said}")
    elif run.has_committed:
        said = "the next run shows it, and reads the rest" if is_kept else "the rest is read the next time"
        say(f"a part was added to the ledger before that: {said}")
    elif isinstance(error, KeyboardInterrupt):
        say("interrupted: nothing was added to the ledger, the next run reads the same lines again")


def _say_timeless(outcome: Outcome, meaning: Meaning, database: Database) -> None:
    """Report how many events have no usable time; for a log without any times, only when its ledger is created."""
    accepted, field = outcome.summary.account.accepted, printable(meaning.lines.fields.time)
    if not outcome.timeless:
        return
    if outcome.timeless < accepted or (not outcome.is_first and database.has_times()):
        what = "the event has" if accepted == 1 else f"{outcome.timeless} of {accepted} events have"
        say(f'{what} no usable time under "{field}"')
    elif outcome.is_first:
        say(f'no event has a time under "{field}" (--time-field; --granularity none keeps none)')


def found_in(
    sources: tuple[str, ...], choice: Choice, own: list[tuple[int, int]]
) -> tuple[list[str], list[SourceReport]]:
    """Return the files that the sources refer to, without those of the run itself, unless they are named.

    A name that leads to nothing is one of them: its file may be in the middle of a rotation. A directory or a glob
    without files is a problem.
    """
    paths: list[str] = []
    problems: list[SourceReport] = []
    for found in discover_many(sources, choice):
        if isinstance(found, Listing):
            device, pairs = found.files.device, zip(found.files.paths, found.files.inodes, strict=True)
            paths += [path for path, inode in pairs if (device, inode) not in own]
        elif found.error is not None and (found.error.filename is None or _is_directory(str(found.source))):
            problems.append(failed(name_of(found.source), found.error))
        else:
            paths.append(str(found.source))
    return paths, problems


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(deep.stat(path).st_mode)
    except OSError:
        return False


def meaning_for(database: Database, given: Mapping[str, Any]) -> Meaning:
    """Return the meaning of a ledger, or that of a new one; MeaningError or UsageError if it cannot be `given`."""
    meaning = meaning_module.meaning_of(database, given)
    try:
        check_query(meaning.query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return meaning


def _say_copy(name: str, other: str) -> None:
    say_one_of(
        "that have the same content as another file", f"{name}: holds what {other} holds, too: it is counted once"
    )

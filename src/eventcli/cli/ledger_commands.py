"""The commands of the ledger, from `ingest` to `forget`. Loaded when one of them is invoked."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final, cast

import click

from eventcli import interruption
from eventcli.cli import targets
from eventcli.cli.messages import say, say_one_of, say_source
from eventcli.cli.options import (
    ByValue,
    Command,
    check_outputs,
    check_targets,
    choice_options,
    debug_option,
    help_option,
    jobs_option,
    option,
    output_option,
    output_options_with,
    rejects_option,
    show_rejects_option,
    types_option,
)
from eventcli.cli.settings import NO_VALUE, Settings, inputs_of, names_in, settings_of, timing_of
from eventcli.cli.showing import PROMETHEUS, Showing, labels_of, say_failure
from eventcli.cli.sinks import Sinks, written_to
from eventcli.cli.timing import BOUND_HELP, BY_HELP, ZONE_HELP, check_format, zone_of
from eventcli.cli.values import Budget, BudgetValue, NameValue, PathValue, Size
from eventcli.errors import ExitCode, OutputError, ReaderGoneError
from eventcli.interruption import SignalError
from eventcli.ledger import ingest as ingest_module
from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import replay as replay_module
from eventcli.ledger import totals as totals_module
from eventcli.ledger import verify as verify_module
from eventcli.ledger.ingest import Ingest, Outcome
from eventcli.ledger.meaning import GRANULARITIES, Meaning, MeaningError
from eventcli.ledger.repairs import Problems, RepairsError, repairs
from eventcli.ledger.store import records
from eventcli.ledger.store.connection import UnwritableError
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.lines.parse import check_query
from eventcli.lines.query import Calendar, Timing
from eventcli.reading.discovery import Choice, Listing, discover_many
from eventcli.reporting import diagnostics
from eventcli.reporting.columns import OTHER_LABEL, Stat
from eventcli.reporting.formats import FORMATS
from eventcli.reporting.output import PRIVATE
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary
from eventcli.text import name_of, printable

_SIGINT: Final = 2

_HASTE: Final = 2.0
"""Seconds that a failed run waits for others so that it can record its failure."""

_output_options = output_options_with([*FORMATS, PROMETHEUS])

_ledger_option = option(
    "--ledger", "path", type=PathValue(), required=True, metavar="FILE", help="The ledger, an SQLite file."
)

_wait_option = option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for another run to end, before giving up.  [default: 0]",
)

_other_label_option = option(
    "--other-label",
    type=NameValue(),
    default=OTHER_LABEL,
    show_default=True,
    metavar="TEXT",
    help="Name of the row of all types beyond the limit.",
)


class _LabelValue(click.ParamType[tuple[str, str]]):
    """A label of metrics: a name and a value."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the name and the value."""
        if isinstance(value, tuple):
            return cast("tuple[str, str]", value)
        from eventcli.reporting import prometheus  # noqa: PLC0415  # keeps start-up fast for runs without labels

        name, equals, text = NameValue().convert(value, param, ctx).partition("=")
        fault = prometheus.label_fault(name) if equals else "a label is NAME=VALUE"
        if fault:
            self.fail(f"{value!r}: {fault}", param, ctx)
        return name, text


_label_option = option(
    "--label",
    type=_LabelValue(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Label of all metrics. Repeatable; an empty VALUE leaves it out.  [default: ledger=FILE]",
)


class _LedgerCommand(Command):
    """A command that handles the errors of a ledger."""

    expected = (LedgerError, BusyError, MeaningError)

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Run the command; report an unusable ledger in one line."""
        try:
            # Signals become exceptions here: the transaction is rolled back, and a still empty ledger removed.
            with interruption.raising():
                return super().invoke(ctx)
        except LedgerError as error:
            say(str(error))
            return ExitCode.LEDGER
        except BusyError as error:
            say(str(error))
            return ExitCode.BUSY
        except MeaningError as error:
            raise click.UsageError(str(error), ctx) from None


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    return click.command(name, cls=_LedgerCommand, add_help_option=False)


def _open(path: str) -> Database:
    """Open a ledger that must exist."""
    try:
        database = Database.open_to_read(path)
    except OSError as error:
        raise click.UsageError(f"--ledger {name_of(path)}: {error.strerror or error}") from None
    if database.is_new:
        say(f"{name_of(path)}: nothing was added to this ledger yet")
    return database


def _open_to_change(path: str, wait: float) -> Database:
    try:
        database = Database.open_to_write(path, create=False, wait=wait)
    except OSError as error:
        raise click.UsageError(f"--ledger {name_of(path)}: {error.strerror or error}") from None
    if database.is_new:
        with database:
            pass
        raise MeaningError(f"--ledger {name_of(path)}: nothing was added to this ledger yet")
    return database


@_command("ingest")
@click.argument("sources", metavar="SOURCE...", nargs=-1, type=PathValue())
@_ledger_option
@_wait_option
@choice_options
@option("--totals", "wants_totals", is_flag=True, help="Print the totals over all runs, not what this run added.")
@option(
    "--olddir",
    "olddirs",
    type=PathValue(),
    multiple=True,
    metavar="DIR",
    help="A folder that rotated files are moved to; later runs know it.  (repeatable)",
)
@option("--require-continuity", is_flag=True, help="Add nothing if a rest of a stream was lost.")
@option("--type-field", type=NameValue(), metavar="KEY", help="Key, dotted path or JSON Pointer of the type.")
@option("--value-field", type=NameValue(), metavar="KEY", help="The same of the value; none: there is none.")
@option("--count-only", is_flag=True, default=None, help="Count events that have no value, as --value-field none does.")
@option("--default-value", metavar="N", help="Number that stands in for a value that is missing.")
@option("--numeric-strings", is_flag=True, default=None, help='Take "19.99" for a number.')
@option("--time-field", type=NameValue(), metavar="KEY", help="The same of the time.")
@option("--input-tz", metavar="ZONE", help="Time zone of times without an offset.")
@option("--time-format", metavar="FORMAT", help="Read times that look like this only, in the words of strptime.")
@option("--salvage", is_flag=True, default=None, help="Recover what is certain from damaged lines.")
@option("--max-types", type=click.IntRange(min=1), metavar="N", help="Types with a row of their own.")
@option("--max-type-bytes", type=Size(), help="Bytes of the names of types with a row of their own.")
@option("--max-line", type=Size(), help="Reject lines longer than this.")
@option("--granularity", type=click.Choice(GRANULARITIES), help="Size of the buckets of time that are kept, in UTC.")
@option("--strict", is_flag=True, help="Add nothing, and fail, if any line is bad.")
@option("--max-rejects", type=BudgetValue(), help="Add nothing, and fail, if more lines (or per cent of them) are bad.")
@rejects_option
@show_rejects_option
@option(
    "--keep-rejects",
    type=Size(),
    default=ingest_module.KEEP_REJECTS,
    help="How much of rejected lines the ledger keeps for repair.  [default: 16MiB]",
)
@option(
    "--commit-every",
    type=Size(),
    default=ingest_module.COMMIT_BYTES,
    help="Commit after so much was read, or after 10 seconds.  [default: 512MiB]",
)
@_other_label_option
@_label_option
@jobs_option
@_output_options
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

    A SOURCE is a log, whatever happens to it between two runs: it grows, is rotated, compressed, copied and cut
    back. It may also be a directory or a quoted glob.
    The options that say what a line means are kept in the ledger when it is begun; later runs need not give them.
    """
    budget = Budget(Decimal(0), name="--strict") if strict else max_rejects
    given = _given(options)
    settings = settings_of(**options, budget=budget)
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
        meaning = _meaning(database, given)
        sinks.asked = totals_module.asked(meaning)
        database.wait_for_others()
        is_prometheus = settings.format == PROMETHEUS
        display = Showing(
            database,
            sinks,
            (lambda: _totals(database)) if wants_totals or is_prometheus else None,
            lambda record: _renderer(settings, record, labels),
        )
        one = Ingest(
            database,
            meaning,
            jobs=jobs,
            on_reject=sinks.reject,
            reject_limit=None if settings.rejects else settings.show_rejects,
            on_problem=say_source,
            on_copy=_say_copy,
            keep_rejects=keep_rejects,
            commit_bytes=commit_every,
            require_continuity=require_continuity,
            olddirs=olddirs,
            may_commit=None if budget is None else lambda account: not budget.is_passed_by(account),
            is_cautious=True,
            display=display,
            started_at=started_at,
        )
        outcome = None
        try:
            own = sinks.identities() + targets.identities(path)
            outcome = one.run(_found(inputs, Choice(include, exclude), own))
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
        say_failure(settings, path, labels, started_at, _status_of(error))
        raise
    if not is_said:
        say_failure(settings, path, labels, started_at, status)
    return status


def _status_of(error: BaseException) -> int:
    """Return the exit status for an error."""
    known: tuple[tuple[type[BaseException], int], ...] = (
        (LedgerError, ExitCode.LEDGER),
        (BusyError, ExitCode.BUSY),
        (OutputError, ExitCode.OUTPUT),
        (ReaderGoneError, ExitCode.READER_GONE),
        (MeaningError, ExitCode.USAGE),
        (click.ClickException, ExitCode.USAGE),
        (KeyboardInterrupt, 128 + _SIGINT),
    )
    if isinstance(error, SignalError):
        return 128 + error.number
    return next((int(status) for kind, status in known if isinstance(error, kind)), int(ExitCode.BUG))


def _finish_in_vain(sinks: Sinks, outcome: Outcome, *, has_result: bool) -> ExitCode:
    """Finish a run that added nothing."""
    status = sinks.finish(outcome.summary, has_result=has_result)
    if not outcome.useless:
        say("nothing was added to the ledger")
        return status
    if outcome.summary.account.accepted:
        say(f"{outcome.useless} (--granularity none keeps no times)")
    say("nothing was added to the ledger: the next run reads the same lines again, and may be given other settings")
    return ExitCode.DATA if status is ExitCode.OK else status


def _note_failure(run: Ingest, error: BaseException, *, is_added: bool) -> None:
    """Record that a run failed, and report what became of the data it read."""
    is_kept = True
    try:
        if not isinstance(error, UnwritableError):
            run.note_failure(_status_of(error), is_added=is_added, patience=_HASTE)
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
    accepted, field = outcome.summary.account.accepted, printable(meaning.time_field)
    if not outcome.timeless:
        return
    if outcome.timeless < accepted or (not outcome.is_first and database.has_times()):
        what = "the event has" if accepted == 1 else f"{outcome.timeless} of {accepted} events have"
        say(f'{what} no usable time under "{field}"')
    elif outcome.is_first:
        say(f'no event has a time under "{field}" (--time-field; --granularity none keeps none)')


def _found(sources: tuple[str, ...], choice: Choice, own: list[tuple[int, int]]) -> list[str]:
    """Return the files that the sources refer to, without those of the run itself, unless they are named."""
    paths: list[str] = []
    for found in discover_many(sources, choice):
        if isinstance(found, Listing):
            files, device, inodes = found.files
            paths += [path for path, inode in zip(files, inodes, strict=True) if (device, inode) not in own]
        else:
            paths.append(str(found.source))
    return paths


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that give numbers their meaning from all options, and return those that were given."""
    given = {name: value for name in Meaning._fields if (value := options.pop(name)) is not None}
    if options.pop("count_only"):
        given["value_field"] = NO_VALUE
    if given.get("value_field") == NO_VALUE:
        given["value_field"] = None
    try:
        if "input_tz" in given:
            # Another machine, or this one next year, must not give a ledger another meaning.
            given["input_tz"] = zone_of(given["input_tz"])
        check_format(given.get("time_format"))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return given


def _meaning(database: Database, given: Mapping[str, Any]) -> Meaning:
    meaning = meaning_module.meaning_of(database, given)
    try:
        check_query(meaning.query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return meaning


def _say_copy(name: str, other: str) -> None:
    say_one_of("that hold what another file holds", f"{name}: holds what {other} holds, too: it is counted once")


def _is_all_rejected(summary: Summary) -> bool:
    account = summary.account
    return account.rejects > 0 and account.rejects == account.lines - account.blank


def _renderer(
    settings: Settings, record: RunRecord | None, labels: Mapping[str, str]
) -> Callable[[Summary], bytes] | None:
    """Return a function that renders the totals as metrics, if they are requested."""
    if settings.format != PROMETHEUS:
        return None
    from eventcli.reporting import prometheus  # noqa: PLC0415  # keeps start-up fast for other formats

    figures = None if record is None else prometheus.figures_of(record)
    return lambda summary: prometheus.metrics(summary, figures, settings.other_label, labels)


@_command("totals")
@_ledger_option
@types_option
@option("--since", metavar="TIME", help=f"Keep events from this time on: {BOUND_HELP}.")
@option("--until", metavar="TIME", help="Keep events before this time.")
@option("--by", type=ByValue(), help=f"Print in buckets of time, as far as the ledger keeps them: {BY_HELP}.")
@option("--tz", metavar="ZONE", help=f"Time zone of the buckets, and of TIME without an offset: {ZONE_HELP}")
@option("--gaps", is_flag=True, help="Print rows of count 0 for empty buckets.")
@option("--allow-timeless", is_flag=True, help="Take the answer for whole, though events without a time are not in it.")
@_other_label_option
@_label_option
@_output_options
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
        with _open(path) as database, database.snapshot():
            timing = _of_whole_buckets(database, timing, since, until)
            meaning = meaning_module.meaning_of(database, {})
            sinks.asked = totals_module.asked(meaning, types or None, timing)
            summary = _totals(database, types or None, timing, extremes=extremes)
            timeless = 0 if timing is None or allow_timeless else database.timeless(types or None)
            render = _renderer(settings, database.last_run() if settings.format == PROMETHEUS else None, labels)
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


def _totals(
    database: Database,
    types: tuple[str, ...] | None = None,
    timing: Timing | None = None,
    *,
    extremes: bool = True,
) -> Summary:
    since, until = (timing.since, timing.until) if timing else (None, None)
    calendar = Calendar(timing.by, timing.zone) if timing and timing.by else None
    return totals_module.totals(database, types=types, since=since, until=until, calendar=calendar, extremes=extremes)


@_command("rejects")
@_ledger_option
@output_option
@debug_option
@help_option
def rejects(*, path: str, output: str | None, **_debug: bool) -> ExitCode:
    """Write the rejected lines that the ledger keeps, as JSON lines, to be repaired and replayed."""
    check_outputs({"--output": output}, ledger=path)
    with written_to(output, mode=PRIVATE) as write:
        with _open(path) as database, database.snapshot():
            # All at once: the reader of the output may be slow, and no run could commit meanwhile.
            found = list(replay_module.rejects(database))
        for reject in found:
            write(diagnostics.record(reject))
    return ExitCode.OK


@_command("replay")
@click.argument("files", metavar="REJECTS...", nargs=-1, required=True, type=PathValue())
@_ledger_option
@_wait_option
@option("--totals", "wants_totals", is_flag=True, help="Print the totals over all runs, not what was added.")
@show_rejects_option
@_other_label_option
@_label_option
@_output_options
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
        database = stack.enter_context(_open_to_change(path, wait))
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
        shown = _totals(database) if wants_totals or settings.format == PROMETHEUS else None
        status = sinks.finish(
            summary,
            shown=shown,
            render=_renderer(settings, database.last_run(), labels),
            all_rejected=_is_all_rejected(summary),
        )
        return ExitCode.DATA if (problems or outcome.problems) and status is ExitCode.OK else status


@_command("verify")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=PathValue())
@_ledger_option
@_wait_option
@option("--prune", type=click.FloatRange(min=0), metavar="DAYS", help="Forget streams that are gone for so long.")
@option("--acknowledge", is_flag=True, help="Take note of all discontinuities: totals are complete without them.")
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
    """Read again what is still on disk, and prove the totals of the ledger by it.

    Streams are looked for where they were, among their siblings, and in the SOURCEs. Prints one JSON
    object a stream: proved, gone (nothing holds it any more), different, or unproved (too many types).
    """
    check_outputs({"--output": output}, sources, ledger=path)
    changes = prune is not None or acknowledge
    with _open_to_change(path, wait) if changes else _open(path) as database, written_to(output) as write:
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


@_command("forget")
@click.argument("names", metavar="STREAM|PATH...", nargs=-1, required=True, type=PathValue())
@_ledger_option
@_wait_option
@option("--all", "wants_all", is_flag=True, help="Forget all streams of a PATH, not only a single one.")
@_other_label_option
@_label_option
@_output_options
def forget(*, names: tuple[str, ...], path: str, wait: float, wants_all: bool, **options: Any) -> ExitCode:
    """Take out of the ledger exactly what a stream added, and print what that was.

    A STREAM is a key, as `verify` prints it; a PATH stands for the stream that was read there. What is still on disk
    is read anew by the next `ingest`.
    """
    from eventcli.ledger import forget as forget_module  # noqa: PLC0415  # keeps start-up fast for others

    labels = labels_of(options.pop("label"), path)
    settings = settings_of(**options)
    check_targets(settings, ledger=path)
    with ExitStack() as stack:
        sinks = stack.enter_context(Sinks(settings))
        database = stack.enter_context(_open_to_change(path, wait))
        chosen = {}
        for name in names:
            streams = forget_module.streams_of(database, name)
            if not streams:
                raise click.UsageError(f"{name_of(name)}: the ledger knows no stream of this key or path")
            if len(streams) > 1 and not wants_all:
                for stream in streams:
                    say(forget_module.describe(stream))
                raise click.UsageError(
                    f"{name_of(name)}: {len(streams)} streams were read there: name one by its key, or give --all"
                )
            chosen.update({stream.key: stream for stream in streams})
        database.wait_for_others()
        summary = forget_module.forget(database, list(chosen.values()))
        shown = _totals(database) if settings.format == PROMETHEUS else None
        return sinks.finish(
            summary,
            shown=shown,
            render=_renderer(settings, database.last_run(), labels),
            all_rejected=False,
        )


def commands() -> dict[str, click.Command]:
    """Return the commands by name."""
    return {cast("str", command.name): command for command in (forget, ingest, totals, rejects, replay, verify)}
